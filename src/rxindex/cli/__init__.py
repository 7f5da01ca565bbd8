"""The command line: one small file for each command."""

from __future__ import annotations

import importlib.metadata
import sys

import typer

from rxindex import __version__

__all__ = ["app", "main"]


def _make_app() -> typer.Typer:
    from rxindex.cli.config import config
    from rxindex.cli.demo import demo
    from rxindex.cli.demo_data import demo_data
    from rxindex.cli.info import info
    from rxindex.cli.ndc import ndc_app
    from rxindex.cli.search import search
    from rxindex.cli.serve import serve
    from rxindex.cli.status import status
    from rxindex.cli.sync import sync

    made = typer.Typer(
        name="rxindex",
        help="Keep a searchable index of a drug catalogue in step with its database.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for command in (demo, demo_data, sync, search, status, info, serve, config):
        made.command(name=command.__name__.replace("_", "-"))(command)
    made.add_typer(ndc_app, name="ndc")
    made.callback()(_root)
    return made


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(
            f"rxindex {__version__} (Python {sys.version.split()[0]}, "
            f"redis-py {importlib.metadata.version('redis')})"
        )
        raise typer.Exit


def _root(
    version: bool = typer.Option(
        False, "--version", help="Print the version.", callback=_show_version, is_eager=True
    ),
) -> None:
    """Keep a searchable index of a drug catalogue in step with its database."""


app = _make_app()


def main() -> None:
    """Run the command line."""
    app()
