"""The command line: one small file for each command, imported when the command is run."""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from rxindex import __version__

__all__ = ["app", "main"]

_CONTEXT = {"help_option_names": ["-h", "--help"]}

#: Command to its module here and its function (or group) there, in the order of the help.
_COMMANDS = {
    "demo": ("demo", "demo"),
    "demo-data": ("demo_data", "demo_data"),
    "sync": ("sync", "sync"),
    "follow": ("follow", "follow"),
    "verify": ("verify", "verify"),
    "reindex": ("reindex", "reindex"),
    "rollback": ("reindex", "rollback"),
    "advise": ("advise", "advise_settings"),
    "quarantine": ("quarantine", "quarantine_app"),
    "search": ("search", "search"),
    "eval": ("evaluate", "evaluate_search"),
    "suggest": ("suggest", "suggest"),
    "alternatives": ("alternatives", "alternatives"),
    "bench": ("bench", "bench_app"),
    "info": ("info", "info"),
    "status": ("status", "status"),
    "history": ("history", "history"),
    "serve": ("serve", "serve"),
    "keys": ("keys", "keys_app"),
    "config": ("config", "config"),
    "ndc": ("ndc", "ndc_app"),
}


class _Commands(TyperGroup):
    """Imports a command when it is asked for: most need what the others don't."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in _COMMANDS:
            return None
        if cmd_name not in self.commands:
            module, name = _COMMANDS[cmd_name]
            found = getattr(importlib.import_module(f"rxindex.cli.{module}"), name)
            if not isinstance(found, typer.Typer):
                alone = typer.Typer(
                    context_settings=_CONTEXT, pretty_exceptions_enable=False, add_completion=False
                )
                alone.command()(found)
                found = alone
            command = typer.main.get_command(found)
            command.name = cmd_name
            self.commands[cmd_name] = command
        return self.commands[cmd_name]


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(
            f"rxindex {__version__} (Python {sys.version.split()[0]}, "
            f"redis-py {importlib.metadata.version('redis')})"
        )
        raise typer.Exit


app = typer.Typer(
    cls=_Commands,
    name="rxindex",
    help="Keep a searchable index of a drug catalogue in step with its database.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings=_CONTEXT,
)


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", help="Print the version.", callback=_show_version, is_eager=True
    ),
) -> None:
    """Keep a searchable index of a drug catalogue in step with its database."""


def main() -> None:
    """Run the command line."""
    app()
