"""The measured figures as tables and as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from benchmarks.peers.register import ABILITIES, PEERS

__all__ = ["Table", "markdown", "tables"]

#: Heading, and how the figure is found in a peer's results and written.
Column = tuple[str, Callable[[Mapping[str, Any]], str]]

SCORES = ("success@1", "mrr", "recall@20", "precision@10", "ndcg@10")


class Table(msgspec.Struct, frozen=True):
    """A table with what has to be said about it.

    Attributes:
        title: what it shows.
        headings: of the columns.
        rows: cells, as text.
        note: sentences below it, or nothing.
        figures: stand in all columns but the first; else words do.
    """

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    figures: bool = True

    def markdown(self, level: int) -> str:
        """Write it as Markdown, under a heading of a level."""
        mark = "---:" if self.figures else "---"
        marks = ["---", *([mark] * (len(self.headings) - 1))]
        lines = "\n".join(map(_line, (self.headings, marks, *self.rows)))
        return "\n\n".join(filter(None, (f"{'#' * level} {self.title}", lines, self.note)))


def markdown(result: Mapping[str, Any], level: int = 3) -> str:
    """Write what ``python -m benchmarks.peers`` measured.

    Args:
        result: the content of its JSON file.
        level: of the tables' headings.
    """
    return "\n\n".join(table.markdown(level) for table in tables(result)) + "\n"


def tables(result: Mapping[str, Any]) -> list[Table]:
    """Make tables of what was measured.

    Args:
        result: see `markdown`.
    """
    peers: Mapping[str, Any] = result["peers"]
    memory: Column = (
        "Redis bytes a package",
        lambda peer: f"{peer['redis_bytes_per_package']:,.0f}",
    )
    wrong = [
        _wrong("deleted, but there", "gone"),
        _wrong("out of date", "stale"),
        _wrong("missing", "missing"),
        _wrong("twice", "twice"),
    ]
    search: list[Column] = [
        ("p50, ms", lambda peer: f"{peer['search']['p50_ms']:.1f}"),
        ("p95, ms", lambda peer: f"{peer['search']['p95_ms']:.1f}"),
        ("repeated in 20 hits", lambda peer: f"{peer['search']['repeated']:.1f}"),
    ]
    return [
        _table("First load", peers, [*_run("cold"), memory], _conditions(result)),
        _table("A run without a change", peers, _run("no_change")),
        _table(
            "A run after 1 % changed", peers, [*_run("changed"), *wrong], _change(result["change"])
        ),
        _table("Search", peers, [*search, *map(_score, SCORES)], _asked(result)),
        _kinds(peers),
        _abilities(peers),
    ]


def _table(
    title: str, peers: Mapping[str, Any], columns: Sequence[Column], note: str = ""
) -> Table:
    rows = [
        [PEERS[name].title, *(write(peer) for _, write in columns)] for name, peer in peers.items()
    ]
    return Table(title, ["", *(heading for heading, _ in columns)], rows, note)


def _run(run: str) -> list[Column]:
    """Give the columns of a run."""
    return [
        ("seconds", lambda peer: f"{peer[run]['seconds'] + peer[run]['model_seconds']:,.1f}"),
        ("of these the model", lambda peer: f"{peer[run]['model_seconds']:,.1f}"),
        ("CPU of the process", lambda peer: f"{peer[run]['cpu_seconds']:,.1f}"),
        ("CPU of Redis", lambda peer: f"{peer[run]['redis_cpu_seconds']:,.1f}"),
        ("embedding calls", lambda peer: f"{peer[run]['embedding_calls']:,}"),
    ]


def _wrong(heading: str, kind: str) -> Column:
    return heading, lambda peer: f"{peer['changed']['wrong'][kind]:,}"


def _score(score: str) -> Column:
    return score, lambda peer: _percent(peer["relevance"]["overall"][score])


def _kinds(peers: Mapping[str, Any]) -> Table:
    """Make the table of recall by kind of query: a column for each peer."""
    found = {
        name: {one["kind"]: one for one in peer["relevance"]["kinds"]}
        for name, peer in peers.items()
    }
    queries = {kind: one["queries"] for kinds in found.values() for kind, one in kinds.items()}
    rows = [
        [
            f"{kind} ({count:,})",
            *(_percent(kinds[kind]["recall@20"]) for kinds in found.values()),
        ]
        for kind, count in queries.items()
    ]
    return Table("Recall@20 by kind of query", ["kind (queries)", *found], rows)


def _abilities(peers: Mapping[str, Any]) -> Table:
    """Make the table of what the peers do and don't do: a column for each peer."""
    rows = [
        [ability, *(PEERS[name].abilities[place] for name in peers)]
        for place, ability in enumerate(ABILITIES)
    ]
    versions = "; ".join(
        f"{name}: {', '.join(f'{one} {number}' for one, number in peer['versions'].items())}"
        for name, peer in peers.items()
    )
    note = f"Versions: {versions}."
    return Table("What each of them does", ["", *peers], rows, note, figures=False)


def _conditions(result: Mapping[str, Any]) -> str:
    machine = result["machine"]
    return (
        f"{result['packages']:,} packages, {result['drugs']:,} drugs of the FDA's directory; "
        f"embedder {result['embedder']}; {result['date'][:10]}, {machine['cores']} cores, Python "
        f"{machine['python']}, Redis {machine['redis']}. Each peer has a fresh Redis, and each "
        "run a process of its own; the time to start it and to load the model is left out. A "
        "load finds the vectors of its texts in a file; what the model takes for as many, given "
        "as many at a time, was measured by itself and is added (rxindex would embed while it "
        "reads and writes; here one comes after the other). CPU, without the model, is in "
        "seconds. All indexes are exact (FLAT); the peers' vectors are float32, as they "
        "come. How much memory a JSON document takes depends on Redis' JSON module, here 2.8; "
        "later ones keep arrays of numbers in less."
    )


def _change(change: Mapping[str, int]) -> str:
    return (
        f"Of {change['relabelled']:,} packages the labeler changed, which their text names, of "
        f"{change['resized']:,} the size, which it does not; {change['deleted']:,} were deleted "
        f"and {change['added']:,} added. The last four columns count packages of the index that "
        "are not as the table has them after the run."
    )


def _asked(result: Mapping[str, Any]) -> str:
    return (
        f"{result['queries']:,} queries of the judged set's test half, those to which the "
        f"catalogue has an answer ({result['queries_left_out']:,} others are left out), one after "
        "the other, the model's time included. The judged set is rxindex' own. Latency is that "
        "of 20 hits, and how many of them repeat a drug is told. Scores, in per cent, are of "
        "drugs: where a hit is a package, 200 are asked for and each drug counts once, so that "
        "its packages don't crowd out others. rxindex reads codes, strengths, abbreviations "
        "and misspellings out of a query; the peers look for the nearest vectors, among which "
        "RedisVL's hybrid query weighs words, too."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
