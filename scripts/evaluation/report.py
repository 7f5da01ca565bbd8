"""Measures the search of the demo's index, and writes the figures into docs/evaluation.md."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from rxindex.config import load_settings
from rxindex.search.evaluation.answers import ask
from rxindex.search.evaluation.judge import catalogue_drugs, judge
from rxindex.search.evaluation.judged import read_judged
from rxindex.search.evaluation.measure import MEASURES, Evaluation, Scores, evaluate
from rxindex.search.evaluation.plot import plot
from rxindex.search.searcher import Searcher
from rxindex.wiring import load_words, open_catalogue

__all__ = ["main", "table", "with_table"]

_DOCS = Path(__file__).parents[2] / "docs"
_BEGIN, _END = "<!-- scores: begin -->", "<!-- scores: end -->"


def table(test: Evaluation, tuning: Evaluation) -> str:
    """Write the scores of both halves as a table, in percent: test half / tuning half."""
    lines = [
        f"| {' | '.join(('kind', 'queries', *MEASURES))} |",
        "| --- |" + " ---: |" * (1 + len(MEASURES)),
    ]
    others = {row.kind: row for row in (*tuning.kinds, tuning.overall)}
    for row in (*test.kinds, test.overall):
        cells = _cells(row, others[row.kind])
        lines.append(f"| {' | '.join((row.kind, *cells))} |")
    return "".join(f"{line}\n" for line in lines)


def _cells(test: Scores, tuning: Scores) -> list[str]:
    scores = (
        f"{100 * getattr(test, field):.1f} / {100 * getattr(tuning, field):.1f}"
        for field in MEASURES.values()
    )
    return [f"{test.queries} / {tuning.queries}", *scores]


def with_table(page: str, written: str) -> str:
    """Put a table between the page's markers.

    Raises:
        ValueError: the page has not both of them.
    """
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"the page lacks {_BEGIN} or {_END}")
    return f"{before}{begin}\n{written}{end}{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write the table and the chart.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, help="of the demo; by default as rxindex demo")
    folder: Path | None = parser.parse_args(arguments).data_dir
    settings = load_settings(catalogue="demo", data_dir=folder or load_settings().data_dir / "demo")
    with open_catalogue(settings) as (index, _), closing(settings.make_embedder()) as model:
        judged = judge(read_judged(), catalogue_drugs(index))
        run = ask(Searcher(index, model, load_words(settings)).search, judged)
    test, tuning = evaluate(judged, run, "test"), evaluate(judged, run, "tuning")
    page = _DOCS / "evaluation.md"
    page.write_text(with_table(page.read_text(), table(test, tuning)))
    plot([test, tuning], _DOCS / "search-by-kind.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
