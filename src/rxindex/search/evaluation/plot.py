"""A chart of scores by kind of query."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rxindex.errors import ConfigurationError, MissingExtra
from rxindex.search.evaluation.measure import Evaluation

__all__ = ["plot"]

#: The measures that are shown, one beside the other.
_SHOWN = (
    ("success@1", "first hit right"),
    ("recall@20", "recall@20"),
    ("precision@10", "precision@10"),
)
#: One for each evaluation; told apart in grey, too.
_COLOURS = ("#08519c", "#9ecae1")
_STYLE: Any = {"svg.hashsalt": "rxindex", "svg.fonttype": "none", "font.size": 9}


def plot(evaluations: Sequence[Evaluation], path: Path) -> None:
    """Draw scores by kind, as bars; the same scores give the same file.

    Args:
        evaluations: one, or two halves of one set.
        path: where to; the suffix says the format (``.svg``, ``.png``, ``.pdf``).

    Raises:
        MissingExtra: matplotlib is not installed.
        ConfigurationError: the file can't be written, or matplotlib has no such format.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtra(
            "a chart needs matplotlib: install it with pip install 'rxindex[eval]'"
        ) from None
    kinds = list(dict.fromkeys(row.kind for one in evaluations for row in one.kinds))
    with rc_context(_STYLE):
        figure = Figure(figsize=(9, 1.2 + 0.34 * len(kinds)), layout="constrained")
        panels = figure.subplots(1, len(_SHOWN), sharey=True)
        for panel, (measure, title) in zip(panels, _SHOWN, strict=True):
            _bars(panel, evaluations, kinds, measure)
            panel.set_title(title)
        panels[0].invert_yaxis()  # The first kind on top; the panels share the axis.
        if len(evaluations) > 1:
            figure.legend(
                *panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2
            )
        try:
            figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
        except OSError as error:
            raise ConfigurationError(f"{path}: {error.strerror or error}") from error
        except ValueError as error:
            raise ConfigurationError(f"{path}: {error}") from error


def _bars(panel: Any, evaluations: Sequence[Evaluation], kinds: list[str], measure: str) -> None:
    height = 0.8 / len(evaluations)
    for number, one in enumerate(evaluations):
        bars = panel.barh(
            [place + number * height for place in range(len(kinds))],
            [100 * (one.score(kind, measure) or 0.0) for kind in kinds],
            height,
            color=_COLOURS[number],
            label=one.half or "all",
        )
        panel.bar_label(bars, fmt="%.0f", padding=2, fontsize=7)
    panel.set_yticks([place + 0.4 - height / 2 for place in range(len(kinds))], kinds)
    panel.set_xlim(0, 110)
    panel.set_xticks(range(0, 101, 25))
    panel.set_xlabel("%")
    panel.spines[["top", "right"]].set_visible(False)
