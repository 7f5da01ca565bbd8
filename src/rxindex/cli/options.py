"""Options that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "AllowDeletes",
    "Catalogue",
    "ConfigFile",
    "DataDir",
    "DryRun",
    "EmbedderName",
    "Json",
    "MappingFile",
    "MaxSeconds",
    "RedisUrl",
    "SourceUrl",
    "Wait",
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
MappingFile = Annotated[
    Path | None,
    typer.Option(
        "--mapping", help="Mapping file for another schema than FDB's.", show_default=False
    ),
]
MaxSeconds = Annotated[
    float | None,
    typer.Option(
        min=0.1, help="Stop clean after so many seconds; the next run goes on.", show_default=False
    ),
]
AllowDeletes = Annotated[
    bool,
    typer.Option(
        "--allow-deletes",
        help="Delete however many drugs the source does not have any more.",
    ),
]
Wait = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="Seconds to wait for another run on the catalogue to end. [default: 10]",
        show_default=False,
    ),
]
