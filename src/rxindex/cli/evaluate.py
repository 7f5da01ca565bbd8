"""``rxindex eval``: how well the search answers judged queries."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec
import typer
from rich import box
from rich.table import Table

from rxindex.cli.options import Catalogue, ConfigFile, DataDir, EmbedderName, Json, RedisUrl
from rxindex.cli.session import console, print_json, tells_errors
from rxindex.config import Settings, load_settings
from rxindex.search.evaluation.answers import Run, ask
from rxindex.search.evaluation.judge import Judged, catalogue_drugs, judge
from rxindex.search.evaluation.judged import read_judged
from rxindex.search.evaluation.measure import (
    ALL_KINDS,
    MEASURES,
    Evaluation,
    Scores,
    TopicScores,
    evaluate,
)
from rxindex.search.evaluation.plot import plot
from rxindex.search.evaluation.trec import (
    load_measures,
    read_qrels,
    read_run,
    read_topics,
    write_qrels,
    write_run,
)
from rxindex.search.searcher import Searcher
from rxindex.wiring import load_words, open_catalogue

__all__ = ["UNMET", "evaluate_search"]

#: Exit code when a score is not what `--require` asks for.
UNMET = 1

#: How many documents a line of `--failures` names.
_MOST_NAMED = 6

#: Of this measure, less is better.
_LESS_IS_BETTER = "zero-results"


class _Requirement(NamedTuple):
    kind: str
    measure: str
    value: float


@tells_errors
def evaluate_search(
    judged: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            help="Judged set, a file or a folder. [default: the built-in one]",
            show_default=False,
        ),
    ] = None,
    half: Annotated[
        Literal["tuning", "test", "all"], typer.Option(help="Half of the judged set.")
    ] = "all",
    failures: Annotated[
        bool, typer.Option("--failures", help="List the queries that missed something.")
    ] = False,
    plot_file: Annotated[
        Path | None,
        typer.Option("--plot", help="Draw scores by kind: .svg, .png or .pdf.", show_default=False),
    ] = None,
    require: Annotated[
        list[str] | None,
        typer.Option(
            help="KIND:MEASURE:VALUE, such as class:recall@20:0.95; else exit with 1.",
            show_default=False,
        ),
    ] = None,
    topics: Annotated[
        Path | None,
        typer.Option(help="Queries, instead of a judged set: id, tab, query.", show_default=False),
    ] = None,
    qrels: Annotated[
        Path | None, typer.Option(help="TREC judgements of drug ids.", show_default=False)
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(help="Measure this TREC run instead of searching.", show_default=False),
    ] = None,
    write_run_to: Annotated[
        Path | None,
        typer.Option("--write-run", help="Write what was found as a TREC run.", show_default=False),
    ] = None,
    write_qrels_to: Annotated[
        Path | None,
        typer.Option("--write-qrels", help="Write the judgements as qrels.", show_default=False),
    ] = None,
    redis: RedisUrl = None,
    catalogue: Catalogue = None,
    embedder: EmbedderName = None,
    data_dir: DataDir = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Measure how well the search answers judged queries.

    Searches the catalogue for every query of a judged set and prints scores by kind of query.
    With --qrels and --run, no catalogue is needed.

    Examples:
      rxindex eval

      rxindex eval --half test --require misspelling:success@1:0.97

      rxindex eval house.toml --failures

      rxindex eval --qrels judged.qrels --run other.run
    """
    _check_usage(judged, topics, qrels, run)
    requirements = [_requirement(one) for one in require or ()]
    load_measures()  # Before the searches, which take a while.
    settings = load_settings(
        config, redis=redis, catalogue=catalogue, embedder=embedder, data_dir=data_dir
    )
    if qrels is not None:
        known = read_qrels(qrels, read_topics(topics) if topics else ())
        found = _search(settings, known) if run is None else read_run(run)
    else:
        known, found = _judge_and_search(settings, judged, run)
    if write_run_to is not None:
        write_run(write_run_to, found)
    if write_qrels_to is not None:
        write_qrels(write_qrels_to, known.grades)
    scores = evaluate(known, found, None if half == "all" else half)
    if plot_file is not None:
        plot(_halves(known, found, scores), plot_file)
    unmet = [problem for one in requirements if (problem := _unmet(scores, one))]
    _show(scores, unmet, failures=failures, as_json=as_json)
    if unmet:
        raise typer.Exit(UNMET)


def _check_usage(
    judged: Path | None, topics: Path | None, qrels: Path | None, run: Path | None
) -> None:
    """Refuse options that contradict each other.

    Raises:
        typer.BadParameter: they do.
    """
    if judged is not None and qrels is not None:
        raise typer.BadParameter("give a judged set or --qrels, not both")
    if topics is not None and qrels is None:
        raise typer.BadParameter("--topics are queries without judgements: give --qrels, too")
    if qrels is not None and topics is None and run is None:
        raise typer.BadParameter("--qrels have no queries: give --topics to search for, or --run")


def _requirement(text: str) -> _Requirement:
    kind, _, rest = text.partition(":")
    measure, _, value = rest.partition(":")
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not kind or measure not in MEASURES or not 0 <= number <= 1:
        raise typer.BadParameter(
            f"--require {text!r}: write KIND:MEASURE:VALUE, with a value from 0 to 1 and one of "
            f"the measures {', '.join(MEASURES)}"
        )
    return _Requirement(kind, measure, number)


def _search(settings: Settings, judged: Judged) -> Run:
    with open_catalogue(settings) as (index, _), closing(settings.make_embedder()) as model:
        return ask(Searcher(index, model, load_words(settings)).search, judged)


def _judge_and_search(
    settings: Settings, path: Path | None, run: Path | None
) -> tuple[Judged, Run]:
    """Find what the catalogue has for a judged set, and search for it unless there is a run."""
    topics = read_judged(path)
    with open_catalogue(settings) as (index, _):
        judged = judge(topics, catalogue_drugs(index))
        if run is not None:
            return judged, read_run(run)
        with closing(settings.make_embedder()) as model:
            return judged, ask(Searcher(index, model, load_words(settings)).search, judged)


def _halves(judged: Judged, run: Run, scores: Evaluation) -> list[Evaluation]:
    """Give both halves where the set has them and neither was asked for."""
    if scores.half is not None or not all(topic.half for topic in judged.topics):
        return [scores]
    return [evaluate(judged, run, "tuning"), evaluate(judged, run, "test")]


def _unmet(scores: Evaluation, asked: _Requirement) -> str:
    """Say what is wrong with a score; empty if it is as required."""
    found = scores.score(asked.kind, asked.measure)
    name = f"{asked.kind} {asked.measure}"
    if found is None:
        return f"{name}: there is no query of this kind"
    if asked.measure == _LESS_IS_BETTER:
        met, wanted = found <= asked.value, "at most"
    else:
        met, wanted = found >= asked.value, "at least"
    return "" if met else f"{name} is {found:.3f}; {wanted} {asked.value:.3f} is required"


def _show(scores: Evaluation, unmet: list[str], *, failures: bool, as_json: bool) -> None:
    if as_json:
        shown = scores if failures else msgspec.structs.replace(scores, missed=())
        print_json(msgspec.to_builtins(shown) | {"unmet": unmet})
        return
    console.print(_table(scores))
    if scores.left_out:
        console.print(f"left out, since the catalogue has no right answer: {len(scores.left_out)}")
    if failures:
        for one in scores.missed:
            console.print(_failure(one), markup=False, soft_wrap=True)
    for problem in unmet:
        console.print(problem, style="red", markup=False)


def _table(scores: Evaluation) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("kind", no_wrap=True)
    for name in ("queries", *MEASURES):
        table.add_column(name, justify="right", no_wrap=True)
    for row in (*scores.kinds, scores.overall):
        table.add_row(*_cells(row), style="bold" if row.kind == ALL_KINDS else None)
    return table


def _cells(row: Scores) -> tuple[str, ...]:
    values = (f"{100 * getattr(row, field):.1f}" for field in MEASURES.values())
    return (row.kind, f"{row.queries:,}", *values)


def _failure(one: TopicScores) -> str:
    scores = ", ".join(
        f"{name} {one.scores[name]:.2f}" for name in ("success@1", "recall@20", "precision@10")
    )
    parts = [f"{one.id} {one.query!r}: {scores}", f"first {one.first or 'nothing'}"]
    if one.missing:
        parts.append(f"not found {', '.join(one.missing[:_MOST_NAMED])}")
    if one.wrong:
        parts.append(f"wrong {', '.join(one.wrong[:_MOST_NAMED])}")
    return "; ".join(parts)
