"""The limits: what a sync stands on, each alone and as bare as it can be.

Reading is the driver's own cursor, embedding the model alone, writing pipelined HSETs. None of
them goes through the code of a sync.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import sqlalchemy as sa

from rxindex.bench.timing import Spent, Stopwatch, stopwatch
from rxindex.embed.base import Embedder
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import Client, redis_errors
from rxindex.index.generation import Generation
from rxindex.model import Drug
from rxindex.source.base import Source
from rxindex.source.fdb import fdb_mapping
from rxindex.source.mapping import load_mapping
from rxindex.source.ndc_files import PACKAGE_FILE, PRODUCT_FILE, open_member
from rxindex.source.sample_files import sample_directory
from rxindex.source.sql_connect import connect, disconnect, parse_url, public_name, source_errors
from rxindex.source.sql_schema import Resolved, resolve
from rxindex.sync.assemble import assemble, embedding_text
from rxindex.vocabulary import Vocabulary

__all__ = ["copy_raw", "distinct_texts", "embed_alone", "read_bare"]

#: Documents in one pipeline, as many as in a sync's.
BATCH = 500
#: Documents that are held between reading and writing them.
_HELD = 5_000
#: Rows that the driver gives at once.
_FETCHED = 1_000


def read_bare(url: str, *, mapping: Path | None = None, tls_ca: Path | None = None) -> Spent:
    """Read with the bare driver everything that a sync reads, and throw it away.

    From a database that is one statement for the packages with their joins, in the order of the
    groups, and one each for classes and indications, as tuples off the driver's cursor. From the
    NDC Directory it is the lines of its files, split at the tabs.

    Args:
        url: of the source, see `rxindex.source.open_source`.
        mapping: for another schema than FDB's.
        tls_ca: certificate authority to trust for the database.

    Returns:
        ``count`` is the number of packages.

    Raises:
        SourceError: see `rxindex.source.sql.SqlSource` and `open_member`.
        SourceUnavailable: the database does not answer.
    """
    kind, _, path = url.partition(":")
    if kind.lower() == "sample":
        return _read_files(sample_directory())
    if kind.lower() == "ndc":
        return _read_files(Path(path).expanduser())
    return _read_database(url, mapping, tls_ca)


def _read_files(directory: Path) -> Spent:
    with stopwatch() as watch:
        for name in (PRODUCT_FILE, PACKAGE_FILE):
            with open_member(directory, name) as member:
                rows = sum(bool(_fields(line)) for line in member)
    return watch.spent(rows - 1)  # without the header of the last one, the packages


def _fields(line: bytes) -> list[str]:
    return line.decode("cp1252", "replace").split("\t")


def _read_database(url: str, mapping: Path | None, tls_ca: Path | None) -> Spent:
    parsed = parse_url(url)
    name = public_name(parsed)
    tables = load_mapping(mapping) if mapping else fdb_mapping()
    engine, connection = connect(parsed, read_only=True, tls_ca=tls_ca)
    try:
        with source_errors(name):
            resolved = resolve(connection, tables, name)
            with stopwatch() as watch:
                counts = [_drain(connection, one) for one in _statements(resolved)]
    finally:
        disconnect(engine, connection)
    return watch.spent(counts[0])


def _statements(resolved: Resolved) -> Iterator[sa.Select[*tuple[object, ...]]]:
    yield (
        sa.select(*resolved.columns)
        .select_from(resolved.tables)
        .order_by(resolved.group, resolved.ndc)
    )
    for lookup in (resolved.classes, resolved.indications):
        if lookup is not None:
            yield (
                sa.select(lookup.group, lookup.name).select_from(lookup.tables).where(*lookup.where)
            )


def _drain(connection: sa.Connection, query: sa.Select[*tuple[object, ...]]) -> int:
    """Run a query through a cursor that holds no more than it must; gives the number of rows."""
    result = connection.execute(query, execution_options={"stream_results": True})
    cursor = result.cursor
    assert cursor is not None  # noqa: S101  a SELECT has one
    count = 0
    while rows := cursor.fetchmany(_FETCHED):
        count += len(rows)
    # SQLAlchemy has taken the first row ahead.
    return count + len(result.fetchall())


def distinct_texts(source: Source, vocabulary: Vocabulary, today: str) -> list[str]:
    """Give the distinct embedding texts of a catalogue, in the order in which they come.

    Args:
        source: not entered yet.
        vocabulary: joined to the drugs by ingredient.
        today: ISO date that decides what is obsolete.

    Raises:
        SourceError, SourceUnavailable: see `rxindex.source.base.Source`.
    """
    with source as rows:
        found = (
            drug
            for part in rows.partitions(1)
            for drug in assemble(rows.rows(part), vocabulary, today)
        )
        return list({embedding_text(one): None for one in found if isinstance(one, Drug)})


def embed_alone(embedder: Embedder, texts: Sequence[str]) -> Spent:
    """Embed texts with nothing around the model, in batches as large as a sync's.

    Args:
        embedder: warmed up.
        texts: distinct ones.

    Raises:
        RxindexError: the embedder as a whole does not work (see `Embedder.embed`).
    """
    with stopwatch() as watch:
        for start in range(0, len(texts), BATCH):
            embedder.embed(texts[start : start + BATCH])
    return watch.spent(len(texts))


def copy_raw(catalogue: Catalogue, source: Generation, target: Generation) -> Spent:
    """Write a generation's documents into another one of the same schema: pipelined HSETs.

    Only the writes count, not the reading of what is written.

    Args:
        catalogue: of both.
        source: generation that is loaded.
        target: generation that is empty.

    Returns:
        ``count`` is the number of documents (hashes) written.

    Raises:
        IndexUnavailable: Redis does not answer.
        IndexFull: it has no memory for a second copy.
    """
    client, watch, count = catalogue.client, Stopwatch(catalogue.client), 0
    old = (catalogue.key(source.name) + ":").encode()
    new = (catalogue.key(target.name) + ":").encode()
    with redis_errors("copying documents"):
        for keys in _hashes(client, old):
            pipe = client.pipeline(transaction=False)
            for key in keys:
                pipe.hgetall(key)
            documents = list(zip(keys, pipe.execute(), strict=True))
            with watch.running():
                for start in range(0, len(documents), BATCH):
                    pipe = client.pipeline(transaction=False)
                    for key, fields in documents[start : start + BATCH]:
                        pipe.hset(new + key.removeprefix(old), mapping=fields)
                    pipe.execute()
            count += len(documents)
        with watch.running():
            catalogue.wait_until_indexed(target.name)
    return watch.spent(count)


def _hashes(client: Client, prefix: bytes) -> Iterator[list[bytes]]:
    """Yield the keys of the hashes under a prefix, each once, some thousands at a time."""
    # SCAN may give a key twice.
    keys = sorted(set(client.scan_iter(match=prefix + b"*", count=5_000, _type="hash")))
    for start in range(0, len(keys), _HELD):
        yield keys[start : start + _HELD]
