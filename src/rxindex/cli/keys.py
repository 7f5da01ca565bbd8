"""``rxindex keys``: who may use the HTTP API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

from rxindex.cli.options import ConfigFile, Json
from rxindex.cli.session import console, print_json, tells_errors
from rxindex.config import load_settings
from rxindex.errors import ConfigurationError

__all__ = ["keys_app"]

keys_app = typer.Typer(
    add_completion=False,
    help="Keys of the HTTP API: add, list, revoke.",
    no_args_is_help=True,
)

KeyFile = Annotated[
    Path | None,
    typer.Option("--keys", help="File of API keys. [default: api_keys of the settings]",
                 show_default=False),
]  # fmt: skip
KeyName = Annotated[
    str, typer.Argument(metavar="NAME", help="Of the key: who has it.", show_default=False)
]


@keys_app.command()
@tells_errors
def add(
    name: KeyName,
    requests_per_minute: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Quota. [default: api_requests_per_minute of the settings]",
            show_default=False,
        ),
    ] = None,
    keys: KeyFile = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Make a key and show it. This once: the file holds its hash.

    The file is made if it is not there, readable for its owner only; a service that runs takes
    the key up within seconds.

    Examples:
      rxindex keys add ward-3 --keys /etc/rxindex/keys.json

      rxindex keys add ehr --requests-per-minute 6000
    """  # fmt: skip
    from rxindex.api.keys import add_key

    made = add_key(_file(keys, config), name, requests_per_minute)
    if as_json:
        print_json({"name": name, "key": made})
        return
    console.print(made, markup=False, highlight=False, soft_wrap=True)


@keys_app.command(name="list")
@tells_errors
def list_keys(keys: KeyFile = None, config: ConfigFile = None, as_json: Json = False) -> None:
    """List the keys by name, without their hashes.

    Example:
      rxindex keys list --json
    """
    from rxindex.api.keys import read_keys

    file = _file(keys, config)
    found = read_keys(file)
    if as_json:
        told = [
            {name: value for name, value in msgspec.structs.asdict(one).items() if name != "sha256"}
            for one in found
        ]
        print_json({"file": str(file), "keys": told})
        return
    table = Table(box=None, pad_edge=False)
    for column in ("name", "created", "requests a minute"):
        table.add_column(column, overflow="fold")
    for one in found:
        table.add_row(one.name, escape(one.created), str(one.requests_per_minute or "default"))
    console.print(table)


@keys_app.command()
@tells_errors
def revoke(
    name: KeyName, keys: KeyFile = None, config: ConfigFile = None, as_json: Json = False
) -> None:
    """Take a key away. A service that runs refuses it within seconds.

    Example:
      rxindex keys revoke ward-3
    """
    from rxindex.api.keys import revoke_key

    revoke_key(_file(keys, config), name)
    if as_json:
        print_json({"revoked": name})
        return
    console.print(f"{escape(name)} is revoked")


def _file(keys: Path | None, config: Path | None) -> Path:
    """Give the file of keys.

    Raises:
        ConfigurationError: none is named.
    """
    named = keys or load_settings(config).api_keys
    if named is None:
        raise ConfigurationError(
            "which file? Give --keys FILE (or RXINDEX_API_KEYS, or api_keys = in rxindex.toml)"
        )
    return named
