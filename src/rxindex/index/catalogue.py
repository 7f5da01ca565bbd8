"""A catalogue in Redis: its keys, its generations, and the alias that searches go through.

A generation is an index of drugs and one of their texts, with the documents. A new model, vector
size, vector type, algorithm or schema is a new generation, filled beside the live one; the alias
then moves in one step.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from rxindex.errors import (
    CatalogueNotIndexed,
    ConfigurationError,
    IndexRejected,
    IndexUnavailable,
    TerminalError,
)
from rxindex.index.capability import Capabilities
from rxindex.index.connect import Client, command, key_prefix, pairs, redis_errors, translate
from rxindex.index.fence import Command, Fence
from rxindex.index.generation import (
    Generation,
    GenerationState,
    IndexCounts,
    as_text,
    read_counts,
)
from rxindex.index.schema import (
    SCHEMA_VERSION,
    IndexSettings,
    choose_algorithm,
    drug_index_arguments,
    read_in_effect,
    text_index_arguments,
)

__all__ = ["Catalogue"]

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_UNKNOWN_INDEX = ("unknown index name", "no such index", "index not found")


class Catalogue:
    """One catalogue's place in Redis.

    Args:
        client: a connection (see `connect`).
        name: lower-case letters, digits, hyphens and underscores, at most 64.
        fence: what keeps a run that lost its lease from writing (see `rxindex.index.lease.hold`);
            None to write without a lease.

    Raises:
        ConfigurationError: the name is not one.
    """

    def __init__(self, client: Client, name: str, fence: Fence | None = None) -> None:
        if not _NAME.fullmatch(name):
            raise ConfigurationError(
                f"{name!r} can't name a catalogue: use up to 64 lower-case letters, digits, "
                "hyphens and underscores, for example 'fdb'"
            )
        self.client = client
        self.name = name
        self.alias = key_prefix(client, name)
        self.fence = fence

    def fenced(self, fence: Fence) -> Catalogue:
        """Give the same catalogue for the holder of a lease."""
        return Catalogue(self.client, self.name, fence)

    def write(self, commands: Sequence[Command], doing: str) -> list[Any]:
        """Send writes, each with its one key, in one round trip.

        Args:
            commands: such as ``("HSET", key, field, value)``; doing one twice must do no harm.
            doing: for the message of an error.

        Returns:
            The replies, with exceptions in their places.

        Raises:
            IndexUnavailable: Redis does not answer; some may have been carried out.
        """
        with redis_errors(doing):
            if self.fence is not None:
                return self.fence.execute(self.client, commands)
            pipe = self.client.pipeline(transaction=False)
            for words in commands:
                command(pipe, *words)
            return list(pipe.execute(raise_on_error=False))

    def write_all(self, commands: Sequence[Command], doing: str) -> list[Any]:
        """Send writes as `write` does, of which none may be refused.

        Raises:
            RxindexError: one was (see `rxindex.index.connect.translate`).
        """
        replies = self.write(commands, doing) if commands else []
        for reply in replies:
            if isinstance(reply, Exception):
                raise translate(reply, doing) from reply
        return replies

    def _step(self, doing: str, *words: str | bytes | int) -> Any:
        """Send a command of the query engine that changes which index is what."""
        if self.fence is not None:
            return self.fence.step(self.client, doing, *words)
        with redis_errors(doing):
            return command(self.client, *words)

    def key(self, *parts: str) -> str:
        """Give the key of something that belongs to this catalogue."""
        return ":".join((self.alias, *parts))

    def index(self, generation: str) -> str:
        """Give the name of a generation's index of drugs."""
        return self.key(generation)

    def text_index(self, generation: str) -> str:
        """Give the name of a generation's index of texts, which has the vectors."""
        return self.key(generation, "texts")

    def prefix(self, generation: str) -> str:
        """Give what the keys of a generation's drugs begin with."""
        return self.key(generation, "drug", "")

    def text_prefix(self, generation: str) -> str:
        """Give what the keys of a generation's texts begin with."""
        return self.key(generation, "text", "")

    def live(self) -> str | None:
        """Resolve the alias: the name of the live generation, or None before the first load.

        Raises:
            TerminalError: somebody made an index under the alias's own name. Such an index
                hides the alias, and dropping through it would drop the wrong index.
        """
        information = self._information(self.alias)
        return None if information is None else self._behind_alias(information)

    def _behind_alias(self, information: dict[str, Any]) -> str:
        index = as_text(information["index_name"])
        if index == self.alias:
            raise TerminalError(
                f"there is an index called {self.alias!r}, which hides the alias of that name; "
                f"drop it with FT.DROPINDEX {self.alias} (without DD), then run again"
            )
        return index.removeprefix(f"{self.alias}:")

    def generations(self) -> list[Generation]:
        """List this catalogue's generations, oldest first, live or not.

        Raises:
            IndexUnavailable: Redis does not answer.
        """
        with redis_errors("listing indexes"):
            names = [as_text(name) for name in command(self.client, "FT._LIST")]
        found = (name.removeprefix(f"{self.alias}:") for name in names)
        kept = [self._read(name) for name in found if re.fullmatch(r"g\d+", name)]
        return sorted((one for one in kept if one), key=lambda one: int(one.name[1:]))

    def read_generation(self, name: str) -> Generation:
        """Read what a generation was built for.

        Raises:
            CatalogueNotIndexed: there is none of that name.
        """
        generation = self._read(name)
        if generation is None:
            raise CatalogueNotIndexed(f"catalogue {self.name!r} has no generation {name!r}")
        return generation

    def require_live(self) -> Generation:
        """Read the live generation.

        Raises:
            CatalogueNotIndexed: nothing was loaded yet.
        """
        name = self.live()
        if name is None:
            raise CatalogueNotIndexed(
                f"no index answers for the catalogue {self.name!r}: load it with 'rxindex sync "
                "--source URL', or give another --catalogue or --redis"
            )
        return self.read_generation(name)

    def create(
        self,
        model_id: str,
        dimensions: int,
        settings: IndexSettings,
        capabilities: Capabilities,
        texts: int,
    ) -> Generation:
        """Create an empty generation beside what is there.

        Args:
            model_id: the embedder's identity.
            dimensions: of its vectors.
            settings: what is asked of the index.
            capabilities: of the server.
            texts: how many different embedding texts to expect, roughly; decides what ``auto``
                means.

        Raises:
            ConfigurationError: the server does not take these settings.
        """
        with redis_errors("creating a generation"):
            number = int(self.client.incr(self.key("generation")))
        generation = Generation(
            f"g{number}", model_id, dimensions, settings, SCHEMA_VERSION, time.time()
        )
        algorithm = choose_algorithm(settings, capabilities, texts, dimensions)
        of_texts = text_index_arguments(
            self.text_index(generation.name),
            self.text_prefix(generation.name),
            settings,
            algorithm,
            dimensions,
            capabilities,
        )
        of_drugs = drug_index_arguments(self.index(generation.name), self.prefix(generation.name))
        doing = f"creating the index {self.index(generation.name)}"
        # The record first: an index without one could not be told from a stranger's.
        record = ("SET", self.key(generation.name, "meta"), msgspec.json.encode(generation))
        self.write_all([record], doing)
        # The drugs last: a generation is there when their index is.
        self._step(doing, *of_texts)
        self._step(doing, *of_drugs)
        return generation

    def state(self, generation: Generation, live: str | None) -> GenerationState:
        """Ask the server about a generation's index.

        Raises:
            CatalogueNotIndexed: it is gone.
        """
        drugs, texts = self._both(generation.name)
        effect, counts = read_in_effect(texts), read_counts(drugs, texts)
        return GenerationState(generation, generation.name == live, effect, counts)

    def _both(self, generation: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Ask about the index of a generation's drugs, and that of its texts."""
        drugs = self._information(self.index(generation))
        texts = self._information(self.text_index(generation))
        if drugs is None or texts is None:
            raise CatalogueNotIndexed(
                f"the index of generation {generation} of catalogue {self.name!r} is gone"
            )
        return drugs, texts

    def mark(self, generation: str) -> tuple[int, ...]:
        """Give numbers that change with every change of a generation's documents.

        Every document that is written gets the next number of the server's own count; one that
        is deleted is missing in the count of documents.

        Raises:
            CatalogueNotIndexed: its index is gone.
            IndexUnavailable: Redis does not answer.
        """
        information = self._information(self.index(generation))
        if information is None:
            raise CatalogueNotIndexed(f"the index of generation {generation} is gone")
        return _mark(information)

    def text_mark(self, generation: str) -> tuple[int, ...]:
        """Give numbers that change with every change of a generation's documents and texts.

        The last of them counts the texts.

        Raises:
            CatalogueNotIndexed: one of its indexes is gone.
            IndexUnavailable: Redis does not answer.
        """
        drugs, texts = self._both(generation)
        return _mark(drugs) + _mark(texts)

    def watch(self) -> tuple[str, tuple[int, ...]] | None:
        """Give the live generation's name and its `mark`, at the price of one question.

        Returns:
            None before the first load.

        Raises:
            TerminalError: see `live`.
            IndexUnavailable: Redis does not answer.
        """
        information = self._information(self.alias)
        if information is None:
            return None
        return self._behind_alias(information), _mark(information)

    def counts(self, generation: str) -> IndexCounts:
        """Read what the server counts in a generation's indexes.

        Raises:
            CatalogueNotIndexed: one is gone.
        """
        return read_counts(*self._both(generation))

    def wait_until_indexed(self, generation: str, timeout: float = 600.0) -> IndexCounts:
        """Wait until the server has indexed what is there.

        Raises:
            IndexUnavailable: it is still at it after ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        while (counts := self.counts(generation)).indexing:
            if time.monotonic() > deadline:
                raise IndexUnavailable(f"the index of {generation} is still being built")
            time.sleep(0.05)
        return counts

    def verify_count(self, generation: str, drugs: int) -> None:
        """Check that a search finds as many drugs as a generation should hold, and all its texts.

        Raises:
            IndexRejected: it does not, with the server's own reason where it has one.
        """
        counts = self.wait_until_indexed(generation)
        reason = f": {counts.last_failure}" if counts.failures else ""
        if counts.documents != drugs:
            raise IndexRejected(
                f"generation {generation} should hold {drugs} drugs but a search can find "
                f"{counts.documents}{reason}; the live index was left as it is"
            )
        # Each once: listing keys may name one twice.
        texts = len({key for keys in self.text_keys(generation) for key in keys})
        if counts.texts != texts:
            raise IndexRejected(
                f"generation {generation} holds the vectors of {texts} texts but a search can find "
                f"{counts.texts}{reason}; the live index was left as it is"
            )

    def point_alias(self, generation: str) -> None:
        """Let searches go to ``generation`` from now on, in one step.

        Raises:
            TerminalError: an index hides the alias (see `live`).
        """
        self.live()  # refuses an index that hides the alias
        self._step("moving the alias", "FT.ALIASUPDATE", self.alias, self.index(generation))

    def drop(self, generation: str, batch: int = 500) -> int:
        """Remove a generation: its indexes, then its documents in batches.

        Returns:
            How many drugs were removed.

        Raises:
            TerminalError: it is the live one.
        """
        if self.live() == generation:
            raise TerminalError(f"generation {generation} is live and can't be dropped")
        removed = 0
        doing = f"dropping generation {generation}"
        for index in (self.index(generation), self.text_index(generation)):
            if self._information(index) is not None:
                self._step(doing, "FT.DROPINDEX", index)
        for keys in self.document_keys(generation, batch):
            removed += sum(self.write_all([("UNLINK", key) for key in keys], doing))
        for keys in self.text_keys(generation, batch):
            self.write_all([("UNLINK", key) for key in keys], doing)
        # The record last: what is left of a drop that was interrupted can be found by it.
        parts = ("checkpoint", "checkpoint:seen", "updated", "lexicon", "groups", "swept", "meta")
        own = [self.key(generation, part) for part in parts]
        self.write_all([("DEL", key) for key in own], doing)
        return removed

    def document_keys(self, generation: str, batch: int = 500) -> Iterator[list[bytes]]:
        """Yield the keys of a generation's drugs, indexed or not, in batches.

        Raises:
            IndexUnavailable: Redis does not answer.
        """
        return self._keys(self.prefix(generation), batch)

    def text_keys(self, generation: str, batch: int = 500) -> Iterator[list[bytes]]:
        """Yield the keys of a generation's texts, indexed or not, in batches.

        Raises:
            IndexUnavailable: Redis does not answer.
        """
        return self._keys(self.text_prefix(generation), batch)

    def _keys(self, prefix: str, batch: int) -> Iterator[list[bytes]]:
        pattern = prefix + "*"
        found: list[bytes] = []
        with redis_errors("listing documents"):
            for key in self.client.scan_iter(match=pattern, count=batch * 2):
                found.append(key)
                if len(found) == batch:
                    yield found
                    found = []
        if found:
            yield found

    def leftovers(self) -> list[str]:
        """Name generations that have no index: what an interrupted `create` or `drop` left.

        Raises:
            IndexUnavailable: Redis does not answer.
        """
        indexed = {one.name for one in self.generations()}
        with redis_errors("looking for what is left of generations"):
            newest = int(self.client.get(self.key("generation")) or 0)
            names = [f"g{number}" for number in range(1, newest + 1)]
            records = self.client.mget([self.key(one, "meta") for one in names]) if names else []
        return [
            name
            for name, record in zip(names, records, strict=True)
            if record is not None and name not in indexed
        ]

    def _read(self, name: str) -> Generation | None:
        with redis_errors("reading a generation's record"):
            stored = self.client.get(self.key(name, "meta"))
        return msgspec.json.decode(stored, type=Generation) if stored else None

    def _information(self, index: str) -> dict[str, Any] | None:
        with redis_errors(f"asking about the index {index}"):
            try:
                return pairs(command(self.client, "FT.INFO", index))
            except Exception as error:
                if any(sign in str(error).lower() for sign in _UNKNOWN_INDEX):
                    return None
                raise


def _mark(information: dict[str, Any]) -> tuple[int, ...]:
    return int(information["max_doc_id"]), int(information["num_docs"])
