"""Progress on a terminal, and nothing anywhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = ["Update", "counting_bar"]

#: Say what is being done, how much of it is done, and of how much.
Update = Callable[[str, int, int], None]


@contextmanager
def counting_bar(unit: str, doing: str) -> Iterator[Update]:
    """Show a bar that counts, with its rate and the time left.

    Args:
        unit: what is counted, in the plural.
        doing: what is done first; the total is not known yet.
    """
    screen = Console(stderr=True)
    bar = Progress(
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit + "  {task.fields[rate]}"),
        TimeRemainingColumn(),
        console=screen,
        transient=True,
        disable=not screen.is_terminal,
    )
    with bar:
        task = bar.add_task(doing, total=None, rate="")

        def update(doing: str, done: int, total: int) -> None:
            elapsed = bar.tasks[0].elapsed or 0.0
            rate = f"{done / elapsed:,.0f}/s" if elapsed else ""
            bar.update(task, description=doing, completed=done, total=total, rate=rate)

        yield update
