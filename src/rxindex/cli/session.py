"""What every command needs around its own work: settings, Redis, and errors told to people."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import Any, ParamSpec

import msgspec
import typer
from rich.console import Console

from rxindex.errors import RxindexError

__all__ = ["INTERRUPTED", "console", "print_json", "tells_errors"]

#: Exit code after Ctrl-C, as shells have it (128 + SIGINT).
INTERRUPTED = 130

#: Tables and reports. Progress and errors go to the other stream, so that pipes stay clean.
console = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120)
_errors = Console(stderr=True)

P = ParamSpec("P")


def tells_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Turn rxindex's errors into a message and an exit code.

    With ``--json`` the message is JSON on standard output, so that a script reads one thing.
    """

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except RxindexError as error:
            kind = type(error).__name__
            if kwargs.get("as_json"):
                print_json({"error": kind, "message": str(error)})
            else:
                _errors.print(f"[bold red]{kind}:[/] ", end="")
                _errors.print(str(error), markup=False, highlight=False, soft_wrap=True)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            _errors.print("interrupted; what was written is whole, run again to go on")
            raise typer.Exit(INTERRUPTED) from None

    return wrapped


def print_json(value: Any) -> None:
    """Print a value as JSON, indented when a person reads it."""
    encoded = msgspec.json.encode(value)
    if sys.stdout.isatty():
        encoded = msgspec.json.format(encoded, indent=2)
    sys.stdout.write(encoded.decode() + "\n")
    sys.stdout.flush()
