"""docs/observability.md names what there is, all of it and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import msgspec

from rxindex.observe import tracing
from rxindex.observe.prometheus import PrometheusObserver
from rxindex.sync.events import Event
from rxindex.sync.history import Outcome, RunRecord

PAGE = (Path(__file__).parents[3] / "docs" / "observability.md").read_text()


def section(name: str) -> str:
    return PAGE.split(f"## {name}\n")[1].split("\n## ")[0]


def rows(name: str) -> list[list[str]]:
    """The cells of a section's tables, without the header."""
    lines = [line for line in section(name).splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def words(cell: str) -> list[str]:
    return re.findall(r"`([\w.]+)`", cell)


def test_every_metric_is_described_and_no_other() -> None:
    described = {}
    for name, kind, labels, _ in rows("Metrics"):
        described[name.strip("`| ")] = (kind, set(words(labels)))
    there = {}
    for family in PrometheusObserver().registry.collect():
        name = family.name + ("_total" if family.type == "counter" else "")
        there[name] = family.type
    assert {name: kind for name, (kind, _) in described.items()} == there


def test_alarms_use_metrics_that_exist() -> None:
    described = {row[0].strip("`| ") for row in rows("Metrics")}
    used = re.findall(r"rxindex_\w+", section("Alarms"))
    assert {name.removesuffix("_bucket") for name in used} <= described


def test_every_event_is_described_with_its_fields() -> None:
    described = {words(row[0])[0]: words(row[2]) for row in rows("Logs") if row[1:2] and row[2:]}
    there = {}
    for kind in get_args(Event):
        names = [field.name for field in msgspec.structs.fields(kind)]
        there[kind.__struct_config__.tag] = [] if names == ["record"] else names
    assert described == there


def test_every_field_of_a_record_and_every_outcome_is_described() -> None:
    described = [name for row in rows("Logs") if len(row) == 2 for name in words(row[0])]
    assert sorted(described) == sorted(field.name for field in msgspec.structs.fields(RunRecord))
    assert [words(row[0])[0] for row in rows("How a run ends")] == list(get_args(Outcome))


def test_every_span_is_described_with_its_attributes() -> None:
    described = [
        [name.removeprefix("rxindex.") for name in words(row[3])] for row in rows("Traces")
    ]
    assert described == [
        list(tracing._RUN_ATTRIBUTES),
        list(tracing._BATCH_ATTRIBUTES),
        list(tracing._CHANGES_ATTRIBUTES),
    ]
