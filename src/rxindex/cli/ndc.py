"""``rxindex ndc``: the FDA's NDC Directory as a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from rxindex.cli.options import Json
from rxindex.cli.session import console, print_json, tells_errors
from rxindex.config import load_settings
from rxindex.source.ndc_fetch import DIRECTORY_URL, fetch_directory

__all__ = ["fetch", "ndc_app"]

ndc_app = typer.Typer(
    add_completion=False,
    help="Download the FDA's NDC Directory.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@ndc_app.callback()
def _root() -> None:
    """Download the FDA's NDC Directory."""


@ndc_app.command()
@tells_errors
def fetch(
    url: Annotated[str, typer.Option(help="Where the directory is published.")] = DIRECTORY_URL,
    to: Annotated[
        Path | None,
        typer.Option(help="Folder or .zip file. [default: the data folder]", show_default=False),
    ] = None,
    sha256: Annotated[
        str | None,
        typer.Option(help="Refuse a file with another SHA-256.", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Even if nothing changed.")] = False,
    as_json: Json = False,
) -> None:
    """Download the current NDC Directory, if it changed; a broken transfer is continued.

    Example:
      rxindex ndc fetch --to data
      rxindex sync --source ndc:data/ndctext.zip
    """
    target = to or Path(load_settings().data_dir)
    with _bar(shown=not as_json) as progress:
        done = fetch_directory(target, url, sha256=sha256, force=force, progress=progress)
    if as_json:
        print_json(done)
        return
    what = "downloaded" if done.changed else "nothing newer there; kept"
    console.print(f"{what}: {done.path} ({done.size:,} bytes)", highlight=False, soft_wrap=True)
    if done.resumed:
        console.print(f"{done.resumed:,} bytes were left of a broken transfer", highlight=False)
    console.print(f"SHA-256 {done.sha256}", highlight=False, soft_wrap=True)


@contextmanager
def _bar(shown: bool) -> Iterator[Callable[[int, int | None], None]]:
    """Draw a progress bar on a terminal; elsewhere none."""
    errors = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=errors, disable=not (shown and errors.is_terminal), transient=True
    ) as bar:
        task = bar.add_task("NDC Directory", total=None)

        def advance(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)

        yield advance
