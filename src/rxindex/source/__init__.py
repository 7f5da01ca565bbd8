"""The source room: where a catalogue's rows come from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rxindex.errors import ConfigurationError, MissingExtra
from rxindex.source.base import Partition, Source

if TYPE_CHECKING:
    from rxindex.source.binlog.reader import Binlog

__all__ = ["Partition", "Source", "open_binlog", "open_source"]


def open_source(
    url: str,
    *,
    mapping: Path | None = None,
    tls_ca: Path | None = None,
    page_size: int = 10_000,
    keep_otc: Callable[[tuple[str, ...]], bool] | None = None,
) -> Source:
    """Make the source that ``url`` names, not connected yet.

    Args:
        url: ``mysql://user:password@host/database``, ``mariadb://...``, ``sqlite:///path``,
            ``ndc:path`` (the FDA's NDC Directory, a zip or a folder), or ``sample`` (the NDC
            Directory of April 2019 from the extra ``sample-data``).
        mapping: for a SQL catalogue with another schema than FDB's.
        tls_ca: certificate authority to trust for the database; turns TLS on.
        page_size: rows in one query.
        keep_otc: for the NDC Directory: which over-the-counter products to keep beside the
            prescription drugs, by their active substances; None keeps only prescription drugs.

    Raises:
        ConfigurationError: the URL or the mapping is not one.
    """
    kind = url.partition(":")[0].lower()
    if kind in {"ndc", "sample"}:
        # Imported here: only this source needs DuckDB.
        from rxindex.source.ndc_directory import NDCDirectorySource
        from rxindex.source.sample_files import sample_directory

        if mapping is not None:
            raise ConfigurationError(f"a mapping is for SQL catalogues, not for {kind!r}")
        path = Path(url.partition(":")[2]).expanduser()
        if kind == "sample":
            path = sample_directory()
        return NDCDirectorySource(path, keep_otc=keep_otc)
    if kind.partition("+")[0] in {"mysql", "mariadb", "aurora", "sqlite"}:
        from rxindex.source.fdb import fdb_mapping
        from rxindex.source.mapping import load_mapping
        from rxindex.source.sql import SqlSource

        chosen = load_mapping(mapping) if mapping else fdb_mapping()
        return SqlSource(url, chosen, page_size=page_size, tls_ca=str(tls_ca) if tls_ca else None)
    raise ConfigurationError(
        f"{kind!r} is no kind of source: give mysql://user:password@host/database, mariadb://..., "
        "sqlite:///path, ndc:PATH, or sample"
    )


def open_binlog(
    url: str,
    *,
    mapping: Path | None = None,
    tls_ca: Path | None = None,
    server_id: int | None = None,
) -> Binlog:
    """Make the reader of a database's binlog, not connected yet.

    Args:
        url: ``mysql://user:password@host/database``, ``mariadb://...`` or ``aurora://...``.
        mapping: for another schema than FDB's.
        tls_ca: certificate authority to trust for the database; turns TLS on.
        server_id: what the server is to know this reader by; drawn by lot if left out.

    Raises:
        ConfigurationError: the URL or the mapping is not one, or the source has no binlog.
        MissingExtra: the extra ``mysql`` is not installed.
    """
    kind = url.partition(":")[0].partition("+")[0].lower()
    if kind not in {"mysql", "mariadb", "aurora"}:
        raise ConfigurationError(
            f"{kind!r} has no binlog: only mysql://, mariadb:// and aurora:// can be followed. "
            "Run rxindex sync on a schedule"
        )
    from rxindex.source.fdb import fdb_mapping
    from rxindex.source.mapping import load_mapping

    try:
        from rxindex.source.binlog.reader import Binlog
    except ModuleNotFoundError as error:
        raise MissingExtra(
            "following a binlog needs mysql-replication: pip install 'rxindex[mysql]'"
        ) from error
    chosen = load_mapping(mapping) if mapping else fdb_mapping()
    return Binlog(url, chosen, tls_ca=tls_ca, server_id=server_id)
