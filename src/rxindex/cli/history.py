"""``rxindex history``: the last runs, and how they went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from rxindex.cli.options import Catalogue, ConfigFile, DataDir, Json, RedisUrl
from rxindex.cli.session import console, print_json, tells_errors
from rxindex.config import load_settings
from rxindex.sync.history import KEPT, History, RunRecord, describe_run, moment
from rxindex.wiring import open_catalogue

__all__ = ["history", "how_it_went", "in_words", "outcome_markup"]

_BARS = "▁▂▃▄▅▆▇█"
#: Fewer are read faster than looked at.
_LEAST_BARS = 4
_COLUMNS = ("started (UTC)", "command", "outcome", "took", "drugs", "written", "deleted", "calls",
            "drugs/s", "error")  # fmt: skip
_NUMBERS = frozenset(_COLUMNS[3:9])
#: What a terminal with fewer columns does without.
_WIDE = 108
_LEFT_OUT = frozenset({"drugs", "calls", "drugs/s"})
_MOST_ERRORS = 3
_STYLES = {"completed": "green", "held": "yellow", "stopped": "yellow", "failed": "red"}


@tells_errors
def history(
    last: Annotated[
        int, typer.Option(min=1, max=KEPT, help="How many runs, the newest first.")
    ] = 20,
    redis: RedisUrl = None,
    catalogue: Catalogue = None,
    data_dir: DataDir = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Show the last runs: how they ended, how long they took, and what they did.

    Redis keeps the last 200 runs of a catalogue.

    Examples:
      rxindex history

      rxindex history --last 200 --json
    """
    settings = load_settings(config, redis=redis, catalogue=catalogue, data_dir=data_dir)
    with open_catalogue(settings) as (index, _):
        records = History(index).last(last)
    if as_json:
        runs = [describe_run(one) for one in records]
        print_json({"catalogue": settings.catalogue, "runs": runs})
        return
    if not records:
        console.print(f"no run of {settings.catalogue!r} is on record yet: run 'rxindex sync'")
        return
    for line in _curves(records):
        console.print(line, highlight=False)
    console.print(_table(records))
    for line in _newest_errors(records):
        console.print(line, highlight=False)


def how_it_went(record: RunRecord, now: float) -> str:
    """Say in one line, as markup, how a run went and how long ago."""
    said = (
        f"{escape(record.command)} {outcome_markup(record)} {in_words(now - record.ended)} ago, "
        f"after {in_words(record.duration)}: {record.total_processed:,} drugs, "
        f"{record.written:,} written, {record.deleted:,} deleted"
    )
    return f"{said}; {escape(_error(record))}" if record.error else said


def outcome_markup(record: RunRecord) -> str:
    """Give a run's outcome in its colour."""
    return f"[{_STYLES[record.outcome]}]{record.outcome}[/]"


def in_words(seconds: float) -> str:
    """Say a time in its two largest units: ``0.4 s``, ``45 s``, ``2 h 5 min``, ``3 d``."""
    if seconds < 9.95:
        return f"{max(seconds, 0.0):.1f} s"
    left = round(seconds)
    if left >= 3600:
        left = round(seconds / 60) * 60  # no seconds are shown
    if left >= 86_400:
        left = round(seconds / 3600) * 3600
    parts = []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count:,} {unit}")
    return " ".join(parts[:2])


def _table(records: Sequence[RunRecord]) -> Table:
    shown = [one for one in _COLUMNS if console.width >= _WIDE or one not in _LEFT_OUT]
    table = Table(box=None)
    for column in shown:
        justify: Literal["left", "right"] = "right" if column in _NUMBERS else "left"
        table.add_column(column, justify=justify, no_wrap=column != "command")
    for one in records:
        cells = _cells(one)
        table.add_row(*(cells[column] for column in shown))
    return table


def _cells(record: RunRecord) -> dict[str, str]:
    """Give what the table says of a run, as markup by column."""
    return {
        "started (UTC)": f"{moment(record.started):%Y-%m-%d %H:%M}",
        "command": escape(record.command) + (" (resumed)" if record.resumed else ""),
        "outcome": outcome_markup(record),
        "took": in_words(record.duration),
        "drugs": f"{record.total_processed:,}",
        "written": f"{record.written:,}",
        "deleted": f"{record.deleted:,}",
        "calls": f"{record.embedding_calls:,}",
        "drugs/s": f"{record.drugs_per_second:,.0f}",
        "error": escape(record.error),
    }


def _newest_errors(records: Sequence[RunRecord]) -> list[str]:
    """Say the last few different errors in full, as markup, newest first."""
    said: dict[str, str] = {}
    for one in records:
        if one.error:
            began = f"{moment(one.started):%Y-%m-%d %H:%M}"
            said.setdefault(_error(one), f"[red]{began}[/] {escape(_error(one))}")
    return list(said.values())[:_MOST_ERRORS]


def _curves(records: Sequence[RunRecord]) -> list[str]:
    """Draw how duration and rate went, oldest first, for completed runs like the newest."""
    if not (console.encoding or "").lower().startswith("utf"):
        return []
    alike = [one for one in reversed(records) if one.command == records[0].command]
    alike = [one for one in alike if one.outcome == "completed"]
    if len(alike) < _LEAST_BARS:
        return []
    took = [one.duration for one in alike]
    rates = [one.drugs_per_second for one in alike]
    return [
        f"[bold]{escape(records[0].command)} took[/]  {_bars(took)}  "
        f"{in_words(min(took))} to {in_words(max(took))}",
        f"[bold]{escape(records[0].command)} rate[/]  {_bars(rates)}  "
        f"{min(rates):,.0f} to {max(rates):,.0f} drugs/s",
    ]


def _bars(values: Sequence[float]) -> str:
    """Draw values as bars from zero to the largest, so that heights compare as the values do."""
    most = max(values)
    if most <= 0:
        return _BARS[0] * len(values)
    return "".join(_BARS[round(value / most * (len(_BARS) - 1))] for value in values)


def _error(record: RunRecord) -> str:
    return f"{record.error}: {record.reason}" if record.error else ""
