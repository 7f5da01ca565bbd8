"""What an index has on top of what its source has: documents, stray keys, dangling entries."""

from __future__ import annotations

from collections.abc import Iterator

from rxindex.index.inspect import clear_dangling, dangling, key_types, label_names, searchable
from rxindex.index.sampling import Draw
from rxindex.index.store import DrugStore
from rxindex.sync.differences import VerifyReport
from rxindex.sync.flow import batches
from rxindex.sync.spool import RunSpool

__all__ = ["Surplus"]

_GONE = "a search finds it, but the document is gone"
_STUCK = "the index does not let go of it; build another generation"


class Surplus:
    """A generation's keys that are no drug of the source.

    Args:
        store: the generation.
        spool: knows every drug of the source by now.
        report: to fill in.
        batch_size: keys in one round trip.
    """

    def __init__(
        self, store: DrugStore, spool: RunSpool, report: VerifyReport, batch_size: int
    ) -> None:
        self.store = store
        self.spool = spool
        self.report = report
        self.batch_size = batch_size
        self._prefix = store.key("").encode()
        self._sample: list[bytes] | None = None
        self._dangling: list[bytes] = []

    def find(self, sample: int | None) -> None:
        """Name what there is.

        Args:
            sample: look up only so many keys, drawn at random; None for all. Entries of the
                index whose document is gone can't be drawn and are not looked for then.
        """
        if sample is not None:
            draw: Draw[bytes] = Draw(sample, self.report.seed or 0)
            for keys in self._keys():
                for key in keys:
                    draw.offer(self._name(key), key)
            self._sample = list(draw.drawn().values())
        found = 0
        for keys in self._listed():
            new = [self._key(name) for name in self.spool.mark_stored(map(self._name, keys))]
            self.report.documents += len(new)
            found += len(searchable(self.store, new))
            self._report_extra(self._unknown(new))
        index = self.store.catalogue.counts(self.store.generation.name)
        if sample is None and index.documents > found:
            # Kept, since taking one out would move all others to other pages of the listing.
            for keys in dangling(self.store):
                self._dangling += keys
                for key in keys:
                    self.report.find(self._shown(key), "", {"dangling": _GONE})

    def repair(self, most: float) -> None:
        """Delete what is extra, and take out of the index what is not there.

        Args:
            most: share of the keys looked at that may be deleted.

        Raises:
            RxindexError: Redis takes no writes.
        """
        if self._may_delete(most):
            self._delete_extra()
        for part in batches(self._dangling, self.batch_size):
            clear_dangling(self.store, part)
            left = searchable(self.store, part)
            self.report.mend(len(part) - len(left))
            for key in left:
                self.report.leave(self._shown(key), "", {"dangling": _STUCK})

    def _may_delete(self, most: float) -> bool:
        """Tell whether what is extra may be deleted; say so in the report if not."""
        extra, documents = self.report.counts["extra"], self.report.documents
        if extra <= most * documents:
            return True
        self.report.delete_held = extra
        self.report.warnings.append(
            f"{extra:,} of {documents:,} keys are no drug of the source, more than a repair may "
            f"delete unasked ({most:.0%}); they were kept. If the source is right, run again with "
            "--allow-deletes"
        )
        for one in self.report.differences:
            if one.kind == "extra":
                self.report.leave(one.id, one.name, {"extra": f"{one.reason}; kept"})
        return False

    def _delete_extra(self) -> None:
        # Listed again rather than remembered: it may be all of them.
        for keys in self._listed():
            names = [self._name(key) for key in keys]
            # A key that was not there before is somebody else's work under way.
            new = set(self.spool.mark_stored(names))
            gone = self._unknown([self._key(one) for one in names if one not in new])
            commands = [("UNLINK", key) for key in gone]
            doing = f"deleting {len(gone)} keys"
            self.report.mend(sum(self.store.catalogue.write_all(commands, doing)))

    def _listed(self) -> Iterator[list[bytes]]:
        """Yield the keys to look at."""
        if self._sample is None:
            yield from self._keys()
        else:
            yield from batches(self._sample, self.batch_size)

    def _keys(self) -> Iterator[list[bytes]]:
        return self.store.catalogue.document_keys(self.store.generation.name, self.batch_size)

    def _unknown(self, keys: list[bytes]) -> list[bytes]:
        return [self._key(name) for name in self.spool.unseen([self._name(key) for key in keys])]

    def _report_extra(self, keys: list[bytes]) -> None:
        types, names = key_types(self.store, keys), label_names(self.store, keys)
        for key, kind, name in zip(keys, types, names, strict=True):
            reason = "the source has no such drug"
            if kind != "hash":
                reason = f"a Redis {kind} among the documents"
            self.report.find(self._shown(key), name, {"extra": reason})

    # Whatever bytes a stray key has, Latin-1 has a text for them, and the way back. The ids of
    # drugs are ASCII, so they stay as they are.
    def _name(self, key: bytes) -> str:
        return key[len(self._prefix) :].decode("latin-1")

    def _key(self, name: str) -> bytes:
        return self._prefix + name.encode("latin-1")

    def _shown(self, key: bytes) -> str:
        return key[len(self._prefix) :].decode(errors="backslashreplace")
