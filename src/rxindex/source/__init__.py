"""The source room: where a catalogue's rows come from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rxindex.errors import ConfigurationError
from rxindex.source.base import Partition, Source

__all__ = ["Partition", "Source", "open_source"]


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
