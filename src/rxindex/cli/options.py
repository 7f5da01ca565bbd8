"""Options that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "Catalogue",
    "ConfigFile",
    "DataDir",
    "DryRun",
    "EmbedderName",
    "Json",
    "RedisUrl",
    "SourceUrl",
]

RedisUrl = Annotated[
    str | None,
    typer.Option(
        "--redis",
        help="redis://, rediss:// or unix:// with the query engine. Left out: an embedded one.",
        show_default=False,
    ),
]
Catalogue = Annotated[
    str | None,
    typer.Option(help="Name of the catalogue in Redis. [default: drugs]", show_default=False),
]
DataDir = Annotated[
    Path | None,
    typer.Option(help="Folder of the embedded Redis and of downloads.", show_default=False),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", help="Settings file. [default: rxindex.toml if there]", show_default=False
    ),
]
SourceUrl = Annotated[
    str | None,
    typer.Option(
        help="mysql://user:password@host/fdb, sqlite:///file, ndc:PATH, or sample.",
        show_default=False,
    ),
]
EmbedderName = Annotated[
    str | None,
    typer.Option(help="minilm, titan or fake. [default: minilm]", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done; write nothing.")]
