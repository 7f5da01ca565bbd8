"""Results on disk, each with its date and its machine."""

from __future__ import annotations

import datetime
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markdown import Markdown

from benchmarks.machine import describe

__all__ = ["RESULTS", "console", "keep", "now", "show", "write"]

RESULTS = Path(__file__).parent / "results"

#: Tables and progress; wide enough for a table where nobody says how wide it may be.
console = Console(width=None if sys.stdout.isatty() else 150)


def now() -> str:
    """Give date and time (UTC), ISO."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def keep(path: Path, name: str, kept: dict[str, Any]) -> None:
    """Put a part's result among those of the other parts, measured now or earlier.

    Args:
        path: the JSON file of all parts.
        name: of the part.
        kept: its result, date and machine.
    """
    path.parent.mkdir(exist_ok=True)
    whole = json.loads(path.read_text()) if path.exists() else {"parts": {}}
    whole["parts"][name] = kept
    path.write_text(json.dumps(whole, indent=1) + "\n")


def write(name: str, found: dict[str, Any]) -> None:
    """Write what a part's own command measured to ``benchmarks/results/NAME.json``."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    whole = {"date": now(), "machine": describe(), **found}
    path.write_text(json.dumps(whole, indent=1) + "\n")
    console.print(f"written to {path}")


def show(markdown: str) -> None:
    """Print Markdown, its tables drawn."""
    console.print(Markdown(markdown))
