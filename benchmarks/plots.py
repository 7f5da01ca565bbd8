"""Plots of what was measured: the same figures give the same files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["draw"]

_STYLE: Any = {"svg.hashsalt": "rxindex", "svg.fonttype": "none", "font.size": 9}
_DARK, _MIDDLE, _LIGHT, _GREY = "#08519c", "#4292c6", "#9ecae1", "#969696"


def draw(results: dict[str, Any], folder: Path) -> dict[str, list[Path]]:
    """Draw what the results have figures for.

    Args:
        results: part to its result.
        folder: where the files go.

    Returns:
        Part to its plots.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawn: dict[str, list[Path]] = {}
    if "limits" in results:
        series = results["limits"]["series"]
        drawn["limits"] = [
            _time(series, folder / "performance-sync.svg"),
            _memory(series, folder / "performance-memory.svg"),
        ]
    if "search" in results:
        drawn["search"] = [_latency(results["search"]["sizes"], folder / "performance-search.svg")]
    return drawn


@contextmanager
def _panels(path: Path, count: int = 1) -> Iterator[Sequence[Axes]]:
    """Give axes to draw on, and write the file on exit."""
    with rc_context(_STYLE):
        figure = Figure(figsize=(4.6 * count, 3.2), layout="constrained")
        axes = figure.subplots(1, count, squeeze=False)[0]
        for one in axes:
            one.grid(visible=True, color="#eeeeee")
            one.set_axisbelow(True)
        yield list(axes)
        for one in axes:
            one.set_ylim(bottom=0)
            one.legend(frameon=False)
        figure.savefig(path, metadata={"Date": None})


def _time(series: list[dict[str, Any]], path: Path) -> Path:
    """Seconds by packages, beside what growing in proportion would be; and the ratios."""
    sizes = [one["packages"] / 1000 for one in series]
    with _panels(path, 2) as (left, right):
        for name, words, colour in (
            ("cold", "cold sync", _DARK), ("no_change", "without changes", _MIDDLE),
            ("read", "bare driver", _GREY),
        ):  # fmt: skip
            seconds = [one[name]["seconds"] for one in series]
            left.plot(sizes, seconds, "o-", color=colour, label=words)
            if name != "read":
                rate = seconds[0] / sizes[0]
                left.plot(sizes, [rate * one for one in sizes], ":", color=colour)
        left.set_ylabel("seconds (dotted: in proportion)")
        factors = [one["no_change"]["seconds"] / one["read"]["seconds"] for one in series]
        right.plot(sizes, factors, "o-", color=_MIDDLE, label="without changes / bare driver")
        right.axhline(2, color=_GREY, linestyle="--", label="aimed at: at most 2")
        for one in (left, right):
            one.set_xlabel("thousand packages")
            one.set_xlim(left=0)
    return path


def _memory(series: list[dict[str, Any]], path: Path) -> Path:
    """Peak memory of the process by packages."""
    sizes = [one["packages"] / 1000 for one in series]
    with _panels(path) as (axes,):
        for name, words, colour in (
            ("cold", "cold sync", _DARK), ("no_change", "without changes", _MIDDLE),
        ):  # fmt: skip
            held = [one[name]["peak_rss"] / 2**20 for one in series]
            axes.plot(sizes, held, "o-", color=colour, label=words)
        axes.axhline(400, color=_GREY, linestyle="--", label="aimed at: at most 400 MB")
        axes.set(xlabel="thousand packages", ylabel="MB at most (resident set)")
        axes.set_xlim(left=0)
    return path


def _latency(sizes: list[dict[str, Any]], path: Path) -> Path:
    """Milliseconds of a search by drugs, one question after another; and answers a second."""
    drugs = [one["alone"]["drugs"] for one in sizes]
    with _panels(path, 2) as (left, right):
        for name, words, colour in (
            ("searches", "a search", _DARK), ("raw", "its commands alone", _GREY),
        ):  # fmt: skip
            for quantile, line in (("p50", "o-"), ("p95", "o--")):
                values = [one["alone"][name][quantile] for one in sizes]
                left.plot(drugs, values, line, color=colour, label=f"{words}, {quantile}")
        left.set_ylabel("ms, one question after another")
        for name, words, colour in (
            ("searches", "searches, none repeated", _DARK), ("a day's mix", "a day's mix", _LIGHT),
            ("commands alone", "the commands alone", _GREY),
        ):  # fmt: skip
            values = [one["service"][name]["per_second"] for one in sizes]
            right.plot(drugs, values, "o-", color=colour, label=words)
        right.set_ylabel("answers a second, 50 connections")
        for axes in (left, right):
            axes.set(xscale="log", xlabel="drugs")
    return path
