"""The vectors that a plan needs: each text's once, carried over or made."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

import msgspec
import numpy as np

from rxindex.embed.base import Embedder
from rxindex.errors import RxindexError, TerminalError, VectorSizeError
from rxindex.index.inspect import vector_fault
from rxindex.index.store import DrugStore
from rxindex.sync.flow import batches
from rxindex.sync.plan import PlannedBatch, PlannedDrug
from rxindex.sync.quarantine import Quarantine
from rxindex.sync.spool import RunSpool
from rxindex.sync.stop import Stop

__all__ = ["EmbeddedBatch", "TextGroup", "VectorStage"]

#: Batches that may wait for enough texts; they are held in memory.
_MOST_BATCHES = 8


class EmbeddedBatch(msgspec.Struct, frozen=True):
    """A batch of the plan with the vectors that it needs.

    Attributes:
        plan: the batch.
        vectors: to write before its drugs: stored form by text fingerprint. Texts that are
            written already, or with an earlier batch, are not among them.
        failures: why a text has none, by text fingerprint.
        calls: of the model, for this batch and those embedded with it.
        carried: vectors taken over from the generation before, likewise.
        characters: of the texts that went to the model, likewise.
    """

    plan: PlannedBatch
    vectors: dict[bytes, bytes]
    failures: dict[bytes, RxindexError]
    calls: int
    carried: int
    characters: int


class TextGroup(msgspec.Struct, frozen=True):
    """Batches whose texts are embedded together.

    Attributes:
        batches: in order.
        known: those of their texts that need nothing any more.
    """

    batches: list[PlannedBatch]
    known: set[bytes]


class VectorStage:
    """Makes the vector of each text that the generation does not have, once.

    Args:
        embedder: makes them.
        spool: remembers the texts that were dealt with.
        store: the generation that they are for; None in a dry run of a first load.
        donor: the live generation, where it has vectors of the same model.
        quarantine: says which drugs to leave alone; None to try all.
        stop: looked at between two calls of the embedder.
        fresh: the generation had nothing in it when the run began, so it has what the run wrote.
    """

    def __init__(
        self,
        embedder: Embedder,
        spool: RunSpool,
        store: DrugStore | None,
        donor: DrugStore | None,
        quarantine: Quarantine | None = None,
        stop: Stop | None = None,
        *,
        fresh: bool = False,
    ) -> None:
        self.quarantine = quarantine
        self.stop = Stop() if stop is None else stop
        self.embedder = embedder
        self.spool = spool
        self.store = store
        self.donor = donor
        self.fresh = fresh
        #: Calls and characters whose texts were not written, since the run stopped.
        self.unwritten = (0, 0)
        self._refused: dict[bytes, RxindexError] = {}
        self._yielded = False

    def embed(
        self, plan: Iterator[PlannedBatch], *, dry_run: bool
    ) -> Generator[EmbeddedBatch, None, None]:
        """Yield each batch of the plan with its vectors, until there is a reason to stop.

        Args:
            plan: the batches.
            dry_run: count the calls that would be made, make none.

        Raises:
            VectorSizeError: the embedder's vectors do not fit the generation.
            RxindexError: the embedder as a whole does not work.
        """
        for some in self.embed_groups(self.groups(plan), dry_run=dry_run):
            yield from some

    def groups(self, plan: Iterator[PlannedBatch]) -> Generator[TextGroup, None, None]:
        """Put batches together until there are enough texts to keep the embedder busy.

        May work ahead of `embed_groups`, in another thread.

        Args:
            plan: the batches.

        Raises:
            IndexUnavailable: Redis does not answer.
        """
        waiting: list[PlannedBatch] = []
        texts: set[bytes] = set()
        known: set[bytes] = set()
        for batch in plan:
            waiting.append(batch)
            named = {one.fingerprints.text for one in batch.drugs if self._is_due(one)}
            new = named - texts - known
            known |= self._known(new)
            texts |= new - known
            enough = len(texts) >= self.embedder.batch_size
            if enough or len(waiting) == _MOST_BATCHES or not texts:
                yield TextGroup(waiting, known)
                waiting, texts, known = [], set(), set()
        if waiting:
            yield TextGroup(waiting, known)

    def embed_groups(
        self, groups: Iterator[TextGroup], *, dry_run: bool
    ) -> Generator[list[EmbeddedBatch], None, None]:
        """Yield the batches of each group with their vectors, until there is a reason to stop.

        Args:
            groups: from `groups`.
            dry_run: see `embed`.

        Raises:
            VectorSizeError, RxindexError: see `embed`.
        """
        for group in groups:
            done = self._embed_group(group, dry_run)
            if done:
                yield done
            if len(done) < len(group.batches) or self.stop:
                return

    def _embed_group(self, group: TextGroup, dry_run: bool) -> list[EmbeddedBatch]:
        """Give those of a group's batches of which each text was tried."""
        needed = {
            one.fingerprints.text: one
            for batch in group.batches
            for one in batch.drugs
            if self._is_due(one)
        }
        # A text that was refused once in the run is not sent again.
        failures = {text: self._refused[text] for text in needed if text in self._refused}
        # The group before this one was not embedded yet when this one was put together.
        known = group.known | self.spool.texts(needed.keys() - group.known)
        missing = [text for text in needed if text not in known and text not in failures]
        carried = self._carry(missing)
        rest = [needed[text] for text in missing if text not in carried]
        if dry_run:
            made, calls = {one.fingerprints.text: b"" for one in rest}, len(rest)
        else:
            made, calls = self._make(rest, failures, self._must(group, known))
        vectors = made | carried
        self.spool.add_texts(vectors)
        known |= vectors.keys()
        tried = [one for one in rest if one.fingerprints.text in made.keys() | failures.keys()]
        counted = (calls, len(carried), sum(len(one.text) for one in tried))
        done = []
        for batch in group.batches:
            if not self._is_whole(batch, known, failures):
                self.unwritten = (counted[0], counted[2])
                break
            done.append(EmbeddedBatch(batch, vectors, failures, *counted))
            self._yielded = True
            vectors, counted = {}, (0, 0, 0)
        return done

    def _must(self, group: TextGroup, known: set[bytes]) -> set[bytes]:
        """Give the texts to embed whatever is asked: a run writes one batch at least.

        One that never did would never get on, however often it was tried again.
        """
        if self._yielded:
            return set()
        texts = {one.fingerprints.text for one in group.batches[0].drugs if self._is_due(one)}
        return texts - known

    def _is_due(self, one: PlannedDrug) -> bool:
        waits = self.quarantine is not None and self.quarantine.waits(one)
        return one.action == "embed" and not waits

    def _is_whole(
        self, batch: PlannedBatch, known: set[bytes], failures: dict[bytes, RxindexError]
    ) -> bool:
        """Tell whether each text of a batch was tried; some were not if there was a stop."""
        return all(
            one.fingerprints.text in known or one.fingerprints.text in failures
            for one in batch.drugs
            if self._is_due(one)
        )

    def _known(self, texts: set[bytes]) -> set[bytes]:
        """Give those of the texts that this run has dealt with, or whose vector is there."""
        known = self.spool.texts(texts)
        if self.store is None or self.fresh:
            return known
        asked = list(texts - known)
        found = zip(asked, self.store.vectors(asked), strict=True)
        stored = [text for text, one in found if not vector_fault(self.store, one)]
        self.spool.add_texts(stored)
        return known.union(stored)

    def _carry(self, missing: Sequence[bytes]) -> dict[bytes, bytes]:
        """Take vectors of texts that the live generation has; one that was damaged is made anew.

        In a dry run of a first load into a new generation there is nothing to store them in;
        what can be carried is then found out all the same.
        """
        if self.donor is None or not missing:
            return {}
        carried = {}
        for text, vector in zip(missing, self.donor.vectors(missing), strict=True):
            if vector is not None and not vector_fault(self.donor, vector):
                decoded = self.donor.decode_vector(vector)
                carried[text] = self.store.encode_vector(decoded) if self.store else vector
        return carried

    def _make(
        self,
        missing: Sequence[PlannedDrug],
        failures: dict[bytes, RxindexError],
        must: set[bytes],
    ) -> tuple[dict[bytes, bytes], int]:
        """Embed the texts, noting those that the model refuses, and count the calls.

        When there is a reason to stop, all but those that it must are left out.
        """
        made: dict[bytes, bytes] = {}
        calls = 0
        for some in batches(missing, max(1, self.embedder.batch_size)):
            if self.stop and must.isdisjoint(one.fingerprints.text for one in some):
                break
            new, more = self._make_some(some, failures)
            made |= new
            calls += more
        return made, calls

    def _make_some(
        self, missing: Sequence[PlannedDrug], failures: dict[bytes, RxindexError]
    ) -> tuple[dict[bytes, bytes], int]:
        if self.store is None:
            return {}, 0
        embedded = self.embedder.embed([one.text for one in missing])
        if embedded.vectors.shape != (len(missing), self.store.generation.dimensions):
            raise VectorSizeError(
                f"the embedder {self.embedder.model_id} gave vectors of shape "
                f"{embedded.vectors.shape} for {len(missing)} texts; generation "
                f"{self.store.generation.name} holds {self.store.generation.dimensions} "
                "dimensions. Nothing of this batch was written"
            )
        made = {}
        for place, one in enumerate(missing):
            if place in embedded.failures:
                failure = embedded.failures[place]
                failures[one.fingerprints.text] = failure
                if isinstance(failure, TerminalError):
                    self._refused[one.fingerprints.text] = failure
            else:
                vector = np.asarray(embedded.vectors[place], dtype=np.float32)
                made[one.fingerprints.text] = self.store.encode_vector(vector)
        return made, embedded.calls
