"""How reports and hits look on a terminal."""

from __future__ import annotations

from rich import box
from rich.markup import escape
from rich.table import Table

from rxindex.search.searcher import Answer, Hit
from rxindex.sync.report import SyncReport

__all__ = ["hits_table", "report_table"]


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


def hits_table(answer: Answer, title: str | None = None) -> Table:
    """Show the hits of an answer, each on one line."""
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
    for hit in answer.hits:
        table.add_row(*map(escape, _cells(hit)), style="dim" if hit.status == "obsolete" else None)
    return table


def _cells(hit: Hit) -> tuple[str, ...]:
    name = f"{hit.brand} ({hit.generic})" if hit.brand and hit.generic else hit.name
    return (
        name,
        hit.strength,
        hit.form,
        hit.classes[0] if hit.classes else "",
        hit.schedule,
        f"{hit.packages:,}",
        hit.match,
    )
