"""The names and values that a catalogue itself uses, gathered from its index.

What a prescriber types is matched against these in the process that answers: a name that exists
is never "corrected", a misspelled one is only ever taken for one that is really there, and Redis
is asked for whole values, which is the cheapest thing that one can ask it.
"""

from __future__ import annotations

import bisect
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from rxindex.errors import IndexRejected, IndexUnavailable
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import command, pairs, redis_errors, translate
from rxindex.index.gathering import Gathering, Name, NameKind
from rxindex.index.generation import Generation
from rxindex.vocabulary.terms import term_key

__all__ = [
    "Lexicon",
    "Name",
    "NameKind",
    "gather_lexicon",
    "lexicon_of",
    "load_lexicon",
    "store_lexicon",
]

#: Documents of one reply: a few milliseconds of the server's time, between which it answers
#: searches.
_CHUNK = 500
_FIELDS = (
    "brand", "generic", "ingredients", "count", "strength", "form", "routes", "labelers",
    "classes", "schedule", "kind", "status",
)  # fmt: skip


#: The last part of the key of a lexicon that is kept. Raise the version when its form changes.
LEXICON = "lexicon"
_VERSION = 1

T = TypeVar("T", bound="_Head")


class Lexicon:
    """Every name and every filter's values of one generation, read-only.

    Attributes:
        generation: whose.
        drugs: how many it was gathered from.
        names: those with the most packages first; one text may be there in several kinds.
        strengths: of single ingredients (``20 mg``); value to number of drugs, as the four
            that follow.
        forms: dosage forms.
        routes: routes of administration.
        labelers: who sells the packages.
        classes: class names.
        schedules: DEA schedules.
        kinds: ``brand`` and ``generic``.
        values: all of these by the index's name of the field.
    """

    def __init__(
        self,
        generation: str,
        drugs: int,
        names: Sequence[Name],
        values: Mapping[str, Mapping[str, int]],
    ) -> None:
        """Index what was gathered. `gather_lexicon` is the usual way to get a lexicon.

        Args:
            generation: whose.
            drugs: how many there are.
            names: in any order.
            values: ``strength``, ``form``, ``routes``, ``labelers``, ``classes``, ``schedule``
                and ``kind``: of each the values and how many drugs have them.
        """
        self.generation = generation
        self.drugs = drugs
        self.names: tuple[Name, ...] = tuple(
            sorted(names, key=lambda one: (-one.packages, one.text, one.kind))
        )
        self.values: Mapping[str, Mapping[str, int]] = values
        empty: Mapping[str, int] = {}
        self.strengths = MappingProxyType(values.get("strength", empty))
        self.forms = MappingProxyType(values.get("form", empty))
        self.routes = MappingProxyType(values.get("routes", empty))
        self.labelers = MappingProxyType(values.get("labelers", empty))
        self.classes = MappingProxyType(values.get("classes", empty))
        self.schedules = MappingProxyType(values.get("schedule", empty))
        self.kinds = MappingProxyType(values.get("kind", empty))
        found: dict[str, list[Name]] = defaultdict(list)
        for name in self.names:
            if key := term_key(name.text):
                found[key].append(name)
        self._by_key = {key: tuple(ones) for key, ones in found.items()}
        self._keys = sorted(self._by_key)

    @property
    def keys(self) -> Sequence[str]:
        """Every name's `term_key`, each once, in order."""
        return self._keys

    def lookup(self, text: str) -> tuple[Name, ...]:
        """Find the names that are ``text``, whatever its case, blanks and punctuation.

        Returns:
            Those with the most packages first; none if nothing has the name.
        """
        return self._by_key.get(term_key(text), ())

    def starting(self, text: str, limit: int = 50) -> tuple[Name, ...]:
        """Find the names that begin with ``text``, whatever its case, blanks and punctuation.

        Returns:
            At most ``limit``, those with the most packages first.
        """
        prefix = term_key(text)
        if not prefix:
            return ()
        first = bisect.bisect_left(self._keys, prefix)
        end = bisect.bisect_left(self._keys, prefix + "\U0010ffff", lo=first)
        found = [name for key in self._keys[first:end] for name in self._by_key[key]]
        found.sort(key=lambda one: -one.packages)
        return tuple(found[:limit])


def gather_lexicon(catalogue: Catalogue, generation: Generation) -> Lexicon:
    """Gather a generation's names and values: one pass over it, chunk by chunk.

    Raises:
        TerminalError: Redis refused; also where the generation was dropped meanwhile.
        IndexUnavailable: Redis does not answer.
    """
    return lexicon_of(generation.name, _documents(catalogue, generation))


def lexicon_of(generation: str, documents: Iterable[Mapping[str, str]]) -> Lexicon:
    """Make a lexicon of documents' fields.

    Args:
        generation: whose they are.
        documents: hash fields by name (see `rxindex.index.document.write_drug`), as text.
    """
    with closing(Gathering()) as gathering:
        for fields in documents:
            gathering.add(fields)
        return Lexicon(generation, gathering.drugs, list(gathering.names()), gathering.values)


def store_lexicon(
    catalogue: Catalogue, generation: Generation, gathered: Gathering | None = None
) -> None:
    """Keep a generation's lexicon in Redis, for searches to begin with.

    Nothing is gathered where the one that is kept still holds.

    Args:
        catalogue: whose.
        generation: which.
        gathered: of the documents that were written; taken if that is all of them.

    Raises:
        TerminalError: Redis refused.
        IndexUnavailable: Redis does not answer.
    """
    # The mark first: what changes while gathering shows as a change.
    mark = catalogue.mark(generation.name)
    kept = _read(catalogue, generation, _Head)
    if kept is not None and kept.mark == mark:
        return
    if gathered is not None and gathered.is_all(mark):
        blob = _encoded(gathered, mark)
    else:
        with closing(Gathering()) as gathering:
            for fields in _documents(catalogue, generation):
                gathering.add(fields)
            blob = _encoded(gathering, mark)
    key = catalogue.key(generation.name, LEXICON)
    catalogue.write_all([("SET", key, blob)], f"keeping the names of generation {generation.name}")


def load_lexicon(
    catalogue: Catalogue, generation: Generation, mark: tuple[int, ...] | None = None
) -> tuple[Lexicon, tuple[int, ...]] | None:
    """Read the lexicon that the last run kept.

    Args:
        catalogue: where to read.
        generation: which of its generations.
        mark: only if it was gathered at this mark (see `Catalogue.mark`); None for any.

    Returns:
        The lexicon, and the generation's mark when it was gathered; None where there is none,
        or one that another version of rxindex wrote.

    Raises:
        IndexUnavailable: Redis does not answer.
    """
    kept = _read(catalogue, generation, _Stored)
    if kept is None or (mark is not None and kept.mark != mark):
        return None
    return _lexicon(generation.name, kept), kept.mark


def _read(catalogue: Catalogue, generation: Generation, form: type[T]) -> T | None:
    with redis_errors(f"reading the names of generation {generation.name}"):
        blob = catalogue.client.get(catalogue.key(generation.name, LEXICON))
    if not isinstance(blob, bytes):
        return None
    try:
        kept = msgspec.msgpack.decode(zlib.decompress(blob), type=form)
    except (zlib.error, msgspec.DecodeError):
        return None
    return kept if kept.version == _VERSION else None


def _encoded(gathering: Gathering, mark: tuple[int, ...]) -> bytes:
    """Write what `_read` reads, name by name, so that they are never all in memory as such."""
    encode = msgspec.msgpack.encode
    # Gathered first, since MessagePack wants their number ahead of them.
    names, count = bytearray(), 0
    for name in gathering.names():
        names += encode(name)
        count += 1
    parts: list[bytes | bytearray] = [
        bytes([0x90 | len(_Stored.__struct_fields__)]),
        *map(encode, (_VERSION, mark, gathering.drugs)),
        b"\xdd" + count.to_bytes(4, "big"),
        names,
        encode(gathering.values),
    ]
    compressed = zlib.compressobj(3)
    return b"".join([*map(compressed.compress, parts), compressed.flush()])


def _lexicon(generation: str, kept: _Stored) -> Lexicon:
    return Lexicon(generation, kept.drugs, kept.names, kept.values)


class _Head(msgspec.Struct, frozen=True, array_like=True):
    """What a lexicon begins with."""

    version: int
    mark: tuple[int, ...]


class _Stored(_Head, frozen=True, array_like=True):
    """What a lexicon is made of, as Redis keeps it; `_encoded` writes it, field by field."""

    drugs: int
    names: list[Name]
    values: dict[str, dict[str, int]]


def _documents(catalogue: Catalogue, generation: Generation) -> Iterator[dict[str, str]]:
    """Read the fields of every document, as the index lists them."""
    index = catalogue.index(generation.name)
    doing = f"gathering the names of generation {generation.name}"
    with redis_errors(doing):
        reply, cursor = command(
            catalogue.client, "FT.AGGREGATE", index, "*",
            "LOAD", len(_FIELDS), *(f"@{name}" for name in _FIELDS),
            "WITHCURSOR", "COUNT", _CHUNK, "MAXIDLE", 60_000, "TIMEOUT", 0, "DIALECT", 2,
        )  # fmt: skip
    while True:
        yield from _rows(reply, doing)
        if not cursor:
            return
        with redis_errors(doing):
            reply, cursor = command(
                catalogue.client, "FT.CURSOR", "READ", index, cursor, "COUNT", _CHUNK
            )


def _rows(reply: list[Any], doing: str) -> Iterator[dict[str, str]]:
    for row in reply[1:]:
        if isinstance(row, Exception):
            # The engine puts what went wrong on the way (a dropped index) among the rows.
            error = translate(row, doing)
            if isinstance(error, IndexUnavailable):
                raise error from row
            raise IndexRejected(f"Redis refused {doing}: {row}") from row
        yield {name: value.decode(errors="replace") for name, value in pairs(row).items()}
