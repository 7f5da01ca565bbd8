"""How reports and hits look on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich import box
from rich.markup import escape
from rich.table import Table

from rxindex.search.answer import Answer, FacetValue, Hit
from rxindex.sync.report import SyncReport

__all__ = ["facets_table", "hits_table", "remarks", "report_table"]

#: Values of one facet that are shown.
_FACET_VALUES = 8


def report_table(report: SyncReport) -> Table:
    """Show a report: what was read, what was written, what it cost."""
    table = Table(title="Dry run: nothing was written" if report.dry_run else None, box=None)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(style="dim")
    table.show_header = False
    rows: list[tuple[str, object, str]] = [
        ("packages read", report.packages, report.source),
        ("drugs", report.total_processed, f"{report.drugs_per_second:,.0f} a second"),
        ("  added", report.added, ""),
        ("  updated", report.updated, "new text, new vector"),
        ("  metadata only", report.metadata_only, "vector kept"),
        ("  unchanged", report.unchanged, "nothing written"),
        ("  deleted", report.deleted, ""),
        ("  failed", report.failed, ""),
        ("rows or drugs set aside", report.quarantined, ""),
        ("embedding calls", report.embedding_calls, report.model),
        ("  saved", report.embedding_calls_saved, "against one call per package"),
    ]
    if report.vectors_carried:
        rows.append(("  carried over", report.vectors_carried, "from the generation before"))
    rows.append(("seconds", report.duration, ""))
    for name, value, note in rows:
        shown = f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
        table.add_row(name, shown, escape(note))
    index = report.index
    if index:
        effect = f"{index['algorithm']} {index['vector_type']}"
        if index["compression"] != "none":
            effect += f" {index['compression']}"
        table.add_row("index", report.generation, f"{effect}, {index['dimensions']} dimensions")
    return table


def hits_table(hits: Sequence[Hit], title: str | None = None) -> Table:
    """Show hits, each on one line."""
    # Columns that a person compares keep their width; the others share what is left.
    table = Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, expand=True
    )
    table.add_column("drug", no_wrap=True, ratio=5)
    table.add_column("strength", no_wrap=True, ratio=2)
    table.add_column("form", no_wrap=True, ratio=3)
    table.add_column("class", no_wrap=True, ratio=4)
    table.add_column("DEA", no_wrap=True, width=4)
    table.add_column("packages", no_wrap=True, justify="right", width=8)
    table.add_column("match", no_wrap=True, width=10)
    for hit in hits:
        table.add_row(*map(escape, _cells(hit)), style="dim" if hit.status == "obsolete" else None)
    return table


def facets_table(facets: Mapping[str, Sequence[FacetValue]]) -> Table:
    """Show facets, the commonest values of each on one line."""
    table = Table(box=None, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, values in facets.items():
        if values:
            shown = ", ".join(f"{one.value} ({one.drugs:,})" for one in values[:_FACET_VALUES])
            table.add_row(name, escape(shown))
    return table


def remarks(answer: Answer) -> Iterator[str]:
    """Say what a person must not overlook in an answer, in sentences."""
    for one in answer.understood.corrections:
        how = "which sounds like it" if one.how == "sound" else "a likely spelling of it"
        yield f"you typed {one.typed!r}; showing {one.taken!r}, {how} (--exact insists)"
    if answer.understood.did_you_mean:
        yield f"did you mean {', '.join(answer.understood.did_you_mean)}?"
    yield from answer.notes
    yield from dict.fromkeys(
        warning.message
        for hit in answer.hits
        for warning in hit.warnings
        if warning.kind == "look-alike"
    )
    if answer.next_offset is not None:
        yield f"{answer.total:,} matched; --offset {answer.next_offset} goes on"


def _cells(hit: Hit) -> tuple[str, ...]:
    name = f"{hit.brand} ({hit.generic})" if hit.brand and hit.generic else hit.display
    more = f" +{hit.more:,} more" if hit.more else ""
    return (
        name + more,
        hit.strength,
        hit.form,
        hit.classes[0] if hit.classes else "",
        hit.schedule,
        f"{hit.packages:,}",
        hit.match,
    )
