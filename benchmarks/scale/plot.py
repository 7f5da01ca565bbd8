"""The plot of docs/scale.md: the model beside what was measured, and what it says of more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from benchmarks.scale.page import embedder_name
from benchmarks.scale.predict import EMBEDDERS, PACKAGES, WORKERS

__all__ = ["draw"]

_STYLE: Any = {"svg.hashsalt": "rxindex", "svg.fonttype": "none", "font.size": 9}
#: Told apart by their marks as well, for those who print in grey.
_LINES = (("#252525", "o-"), ("#08519c", "s-"), ("#4292c6", "^-"), ("#9ecae1", "v-"),
          ("#d94801", "D-"))  # fmt: skip


def draw(result: dict[str, Any], path: Path) -> None:
    """Draw what `python -m benchmarks.scale` found.

    Args:
        result: its JSON.
        path: of the file, whose ending is its kind.
    """
    with rc_context(_STYLE):
        workers = result["workers"]
        figure = Figure(figsize=(13.5 if workers else 9.0, 3.8), layout="constrained")
        axes = list(figure.subplots(1, 3 if workers else 2))
        _single(axes.pop(0), result["syncs"])
        if workers:
            _measured_workers(axes.pop(0), workers)
        _predicted(axes.pop(0), result["predictions"])
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _single(axes: Axes, rows: list[dict[str, Any]]) -> None:
    """One process: seconds by packages."""
    for (name, words), (colour, _) in zip(
        (("cold", "first load"), ("again", "without changes")), _LINES[1::3], strict=True
    ):
        these = [one for one in rows if one["run"] == name]
        packages = [one["packages"] / 1000 for one in these]
        axes.plot(packages, [one["predicted"] for one in these], "-", color=colour,
                  label=f"{words}, model")  # fmt: skip
        axes.plot(packages, [one["measured"] for one in these], "o", color=colour,
                  label=f"{words}, measured")  # fmt: skip
    axes.set(xlabel="thousand packages", ylabel="seconds", title="one process")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    _finish(axes)


def _measured_workers(axes: Axes, found: dict[str, Any]) -> None:
    """Several workers and a slow model: packages a second."""
    points = [one for one in found["points"] if one["workers"]]
    for rows, key, mark, words in (
        (found["line"], "seconds", "-", "model, a machine for each"),
        (points, "predicted", "x", "model, all on one machine"),
        (points, "measured", "o", "measured, all on one machine"),
    ):
        axes.plot([one["workers"] for one in rows],
                  [found["packages"] / one[key] for one in rows], mark, label=words)  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="workers", ylabel="packages a second",
             title=f"a slow model, {found['packages']:,} packages")  # fmt: skip
    _workers_axis(axes)
    _finish(axes)


def _predicted(axes: Axes, rows: list[dict[str, Any]]) -> None:
    """Packages a second by workers, for each embedder."""
    packages = PACKAGES[1]
    for (embedder, rate), (colour, line) in zip(EMBEDDERS, _LINES, strict=True):
        these = [
            one for one in rows
            if (one["packages"], one["embedder"], one["per_minute"]) == (packages, embedder, rate)
        ]  # fmt: skip
        axes.plot(WORKERS, [packages / one["seconds"] for one in these], line, color=colour,
                  label=embedder_name(embedder, rate))  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="workers", ylabel="packages a second",
             title=f"first load of {packages:,} packages, model")  # fmt: skip
    _workers_axis(axes)
    # Room for the legend.
    axes.set_ylim(bottom=axes.get_ylim()[0] / 4)
    _finish(axes)


def _workers_axis(axes: Axes) -> None:
    axes.set_xticks(list(WORKERS), [str(count) for count in WORKERS])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def _finish(axes: Axes) -> None:
    axes.grid(visible=True, which="major", color="#eeeeee")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=7)
