"""Digests of groups, for a source to tell which of them have changed since they were read last."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any

import msgspec

from rxindex.model import PackageRow
from rxindex.source.base import Chunk, Group

__all__ = ["chunks_of", "digest"]

#: Rows of one chunk, but for those that its last group has on top.
_ROWS = 2_000
_SIZE = 16

_encoder = msgspec.msgpack.Encoder(enc_hook=repr)


def digest(value: Any, key: bytes = b"") -> bytes:
    """Digest anything that a driver gives, or a struct.

    Args:
        value: of tuples, lists, structs and plain values.
        key: what else the digest is to depend on, at most 64 bytes.

    Returns:
        16 bytes.
    """
    try:
        encoded = _encoder.encode(value)
    except UnicodeEncodeError:
        # Half a surrogate pair: bytes of the database that no encoding explained.
        encoded = repr(value).encode(errors="surrogatepass")
    return hashlib.blake2b(encoded, digest_size=_SIZE, key=key).digest()


def chunks_of(rows: Iterable[PackageRow]) -> Iterator[Chunk]:
    """Cut rows that were read already into chunks.

    Args:
        rows: all rows of a group in one run.
    """
    groups: dict[Group, list[PackageRow]] = {}
    count = 0
    for group, members in groupby(rows, key=attrgetter("group")):
        groups[group] = list(members)
        count += len(groups[group])
        if count >= _ROWS:
            yield _chunk(groups)
            groups, count = {}, 0
    if groups:
        yield _chunk(groups)


def _chunk(groups: dict[Group, list[PackageRow]]) -> Chunk:
    digests = {group: digest(rows) for group, rows in groups.items()}
    return Chunk(digests, partial(_read, groups))


def _read(groups: dict[Group, list[PackageRow]], wanted: Collection[Group]) -> Iterator[PackageRow]:
    for group, rows in groups.items():
        if group in wanted:
            yield from rows
