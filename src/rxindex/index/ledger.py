"""What each group of the source came to when it was written, kept beside a generation's documents.

A group whose rows are as they were then need not be assembled and compared again. The ledger never
outlives what it says: an entry is removed before any document of its group is written, by
whomever, and entered only when all of them are confirmed.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import redis_errors
from rxindex.index.entry import GroupEntry, Told
from rxindex.model import ID_LENGTH

__all__ = ["LEDGER", "GroupLedger", "group_name"]

#: What a source orders by; see `rxindex.model.PackageRow`.
_Group = tuple[str | int, ...]

#: The last part of the key of a ledger.
LEDGER = "groups"

#: Version of this form, mark, first and last day, packages and drugs; then the drugs' ids, of so
#: many characters each; then what is told of the group in each run, if there is anything.
_HEAD = struct.Struct("<B16siiII")
_VERSION = 1
#: Bytes of an entry's name.
_LONGEST = 16
#: Entries of one reply when all are listed.
_LISTED = 1_000


_NOTHING = Told()


class GroupLedger:
    """The ledger of one generation.

    Args:
        catalogue: whose.
        generation: its name.
    """

    def __init__(self, catalogue: Catalogue, generation: str) -> None:
        self._catalogue = catalogue
        self._key = catalogue.key(generation, LEDGER)

    def read(self, groups: Sequence[_Group]) -> list[GroupEntry | None]:
        """Read the entries of groups; None where there is none.

        Raises:
            IndexUnavailable: Redis does not answer.
        """
        if not groups:
            return []
        with redis_errors(f"reading the ledger of {len(groups)} groups"):
            found: Any = self._catalogue.client.hmget(self._key, list(map(group_name, groups)))
        return [None if one is None else _entry(one) for one in found]

    def write(self, entries: Mapping[_Group, GroupEntry]) -> None:
        """Enter groups, all of whose documents Redis has confirmed.

        Raises:
            LeaseLost: another run has begun.
            RxindexError: Redis takes no writes.
        """
        words: list[bytes] = []
        for group, one in entries.items():
            head = _HEAD.pack(_VERSION, one.mark, one.since, one.until, one.packages, one.drugs)
            told = b"" if one.told == _NOTHING else msgspec.msgpack.encode(one.told)
            words += (group_name(group), head + one.drug_ids.encode() + told)
        commands = [("HSET", self._key, *words)] if words else []
        self._catalogue.write_all(commands, f"entering {len(entries)} groups into the ledger")

    def forget(self, groups: Iterable[_Group]) -> None:
        """Remove the entries of groups; to be called before a document of theirs is written.

        Raises:
            LeaseLost: another run has begun.
            RxindexError: Redis takes no writes.
        """
        self.remove({group_name(one) for one in groups})

    def remove(self, names: Collection[bytes]) -> None:
        """Remove entries by name (see `group_name`).

        Raises:
            LeaseLost: another run has begun.
            RxindexError: Redis takes no writes.
        """
        commands = [("HDEL", self._key, *sorted(names))] if names else []
        self._catalogue.write_all(commands, f"taking {len(names)} groups out of the ledger")

    def entries(self) -> Iterator[tuple[bytes, GroupEntry]]:
        """Yield all entries, each with its name (see `group_name`); one may come twice.

        Raises:
            IndexUnavailable: Redis does not answer.
        """
        with redis_errors("listing the ledger"):
            for name, stored in self._catalogue.client.hscan_iter(self._key, count=_LISTED):
                if (entry := _entry(stored)) is not None:
                    yield name, entry

    def __len__(self) -> int:
        with redis_errors("counting the ledger"):
            return int(self._catalogue.client.hlen(self._key))


def group_name(group: _Group) -> bytes:
    """Give what a group's entry is called: the group itself, or a digest of 15 bytes if it is long.

    The FDA's groups are some two hundred characters, which would be the larger part of an entry.
    """
    if len(group) == 1 and isinstance(group[0], int):
        return b"[%d]" % group[0]
    # The standard library's, since a group may hold half a character that no encoding explained.
    text = json.dumps(group).encode()
    if len(text) <= _LONGEST:
        return text
    return b"#" + hashlib.blake2b(text, digest_size=_LONGEST - 1).digest()


def _entry(stored: bytes) -> GroupEntry | None:
    """Read an entry; None for one that another version of rxindex wrote."""
    if stored[:1] != bytes([_VERSION]):
        return None
    _, mark, since, until, packages, drugs = _HEAD.unpack_from(stored)
    end = _HEAD.size + drugs * ID_LENGTH
    told = msgspec.msgpack.decode(stored[end:], type=Told) if end < len(stored) else _NOTHING
    return GroupEntry(mark, since, until, packages, stored[_HEAD.size : end].decode(), told)
