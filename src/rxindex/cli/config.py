"""``rxindex config``: the settings in effect, secrets hidden."""

from __future__ import annotations

from rich.table import Table

from rxindex.cli.options import Catalogue, ConfigFile, DataDir, EmbedderName, Json, RedisUrl
from rxindex.cli.session import console, print_json, tells_errors
from rxindex.config import Settings, load_settings

__all__ = ["config"]


@tells_errors
def config(
    redis: RedisUrl = None,
    catalogue: Catalogue = None,
    embedder: EmbedderName = None,
    data_dir: DataDir = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Show the settings in effect: flags over environment over file over defaults.

    Example:
      RXINDEX_CATALOGUE=fdb rxindex config --json
    """
    settings = load_settings(
        config, redis=redis, catalogue=catalogue, embedder=embedder, data_dir=data_dir
    )
    shown = settings.shown()
    if as_json:
        print_json(shown)
        return
    table = Table(box=None)
    for column in ("setting", "value", "meaning"):
        table.add_column(column, overflow="fold")
    for name, field in Settings.model_fields.items():
        value = shown[name]
        table.add_row(name, "" if value is None else str(value), field.description or "")
    console.print(table)
