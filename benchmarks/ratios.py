"""Ratios, what they are aimed at, and whether they got worse since they were last recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

__all__ = [
    "RECORDED", "TOLERANCE", "Ratio", "Record", "Worse", "compare", "load", "met", "ratio", "save",
]  # fmt: skip

RECORDED = Path(__file__).parent / "recorded.json"
#: A ratio that is worse by more than this share is worth a look; less is noise.
TOLERANCE = 0.15

Better = Literal["higher", "lower"]


class Ratio(msgspec.Struct, frozen=True):
    """A figure that can be compared between machines, since both its parts are of one run.

    Attributes:
        label: what is divided by what, for people.
        value: of this run.
        better: which way.
        aim: what it should be at least (``higher``) or at most (``lower``); None for no aim.
    """

    label: str
    value: float
    better: Better
    aim: float | None = None


class Record(msgspec.Struct, frozen=True):
    """A ratio as it was recorded.

    Attributes:
        value: of that run.
        better: which way.
        date: of that run, ISO.
        machine: of that run, in one line.
    """

    value: float
    better: Better
    date: str
    machine: str


class Worse(msgspec.Struct, frozen=True):
    """A ratio that got worse.

    Attributes:
        name: of the ratio.
        before: as recorded.
        now: in this run.
        by: how much worse, as a share of what it was.
    """

    name: str
    before: Record
    now: float
    by: float


def ratio(label: str, value: float, better: Better, aim: float | None = None) -> dict[str, object]:
    """Write a ratio as a part's result has it: plain values (see `Ratio`)."""
    made = Ratio(label, round(value, 4), better, aim)
    built: dict[str, object] = msgspec.to_builtins(made)
    return built


def met(one: Ratio) -> bool | None:
    """Tell whether a ratio is what it is aimed at; None where it has no aim."""
    if one.aim is None:
        return None
    return one.value >= one.aim if one.better == "higher" else one.value <= one.aim


def compare(
    recorded: dict[str, Record], found: dict[str, Ratio], tolerance: float = TOLERANCE
) -> list[Worse]:
    """Find the ratios that are worse than recorded by more than a share; the worst first.

    A ratio that was not recorded, or not measured this time, is no reason to warn.

    Args:
        recorded: by name.
        found: of this run, by name.
        tolerance: the share that counts as noise.
    """
    worse = []
    for name, one in found.items():
        before = recorded.get(name)
        if before is None or not before.value:
            continue
        change = (one.value - before.value) / before.value
        by = -change if before.better == "higher" else change
        if by > tolerance:
            worse.append(Worse(name, before, one.value, by))
    return sorted(worse, key=lambda one: one.by, reverse=True)


def load(path: Path = RECORDED) -> dict[str, Record]:
    """Read what was recorded; nothing where there is no file yet."""
    if not path.exists():
        return {}
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Record])


def save(found: dict[str, Ratio], date: str, machine: str, path: Path = RECORDED) -> None:
    """Record these ratios; those of other parts stay as they are."""
    fresh = {name: Record(one.value, one.better, date, machine) for name, one in found.items()}
    whole = dict(sorted((load(path) | fresh).items()))
    path.write_bytes(msgspec.json.format(msgspec.json.encode(whole), indent=1) + b"\n")
