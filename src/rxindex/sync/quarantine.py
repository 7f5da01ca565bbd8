"""Drugs and rows that failed by themselves, kept apart so that they don't stop the others.

An entry says what failed, why, how often, and when it will be tried again. A drug that a model or
Redis refused is left alone for longer each time, unless it changes in the source; one that failed
because a service was down is tried by the next run. A row that can't be read costs nothing to look
at, so it is looked at each time; its entry goes when the row was mended.

A drug in quarantine keeps the last document that it had.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from rxindex.errors import QueryError, RxindexError, TransientError
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import redis_errors
from rxindex.sync.assemble import RejectedRow
from rxindex.sync.plan import PlannedDrug

__all__ = [
    "Entry",
    "Quarantine",
    "drop",
    "named_entries",
    "quarantine_key",
    "quarantine_size",
    "read_entries",
    "release",
    "retry_delay",
]

#: Seconds until the second attempt: less than a day, so that the next nightly run makes it.
_FIRST_DELAY = 20 * 3600.0
_LONGEST_DELAY = 14 * 86_400.0


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A drug or a row in quarantine.

    Attributes:
        id: the drug's id; for a row with something behind it that tells it from others.
        drug_id: the drug that is not, or not all, in the index as the source has it.
        name: the drug's label name.
        ndc: of the row, as the source writes it; empty if the whole drug failed.
        reason: what happened and what to do.
        error: the error's class.
        first: when it failed first, seconds since the epoch.
        last: when it failed last, likewise.
        attempts: how often it failed.
        retry_after: not to be tried before, seconds since the epoch; 0 for the next run.
        fingerprint: of what failed; something else is tried at once.
        group: to read it again from the source; empty if it can't be by itself.
        row: the row, as the source has it.
        text: the embedding text.
    """

    id: str
    drug_id: str
    name: str
    ndc: str = ""
    reason: str
    error: str
    first: float
    last: float
    attempts: int = 1
    retry_after: float = 0.0
    fingerprint: str
    group: tuple[str | int, ...]
    row: dict[str, Any] | None = None
    text: str = ""


class _Known(msgspec.Struct, gc=False):
    """What a run has to know of an entry, without the row and the text."""

    drug_id: str
    first: float
    attempts: int
    retry_after: float
    fingerprint: str
    confirmed: bool = False


def retry_delay(attempts: int) -> float:
    """Give the seconds to leave a drug alone after so many failures in a row.

    Doubles from 20 hours to two weeks: the next nightly run tries it, then every second one, ...
    """
    return min(_FIRST_DELAY * 2.0 ** (max(attempts, 1) - 1), _LONGEST_DELAY)


def quarantine_key(catalogue: Catalogue) -> str:
    """Give the key of the hash that holds a catalogue's entries."""
    return catalogue.key("quarantine")


def quarantine_size(catalogue: Catalogue) -> int:
    """Count the drugs and rows in quarantine.

    Raises:
        IndexUnavailable: Redis does not answer.
    """
    with redis_errors("counting the quarantine"):
        return int(catalogue.client.hlen(quarantine_key(catalogue)))


def read_entries(catalogue: Catalogue) -> list[Entry]:
    """Read all entries, the latest failure first.

    Raises:
        IndexUnavailable: Redis does not answer.
    """
    with redis_errors("reading the quarantine"):
        stored: Any = catalogue.client.hvals(quarantine_key(catalogue))
    entries = [msgspec.json.decode(one, type=Entry) for one in stored]
    return sorted(entries, key=lambda one: (-one.last, one.id))


class Quarantine:
    """A catalogue's quarantine as one run sees and changes it.

    Args:
        catalogue: whose.
        dry_run: change nothing.
        patient: leave drugs alone until their time has come. A generation that is still being
            built has nothing else of them, so everything is tried there.
        now: seconds since the epoch; the current time if left out.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        dry_run: bool = False,
        patient: bool = True,
        now: float | None = None,
    ) -> None:
        self._patient = patient
        self._catalogue = catalogue
        self._dry_run = dry_run
        self._now = time.time() if now is None else now
        self._known: dict[str, _Known] = {}
        self._of_drug: dict[str, set[str]] = {}
        self._put: dict[str, Entry] = {}
        self._gone: set[str] = set()
        for one in read_entries(catalogue):
            self._remember(one)

    def __len__(self) -> int:
        return len(self._known)

    def waits(self, one: PlannedDrug) -> bool:
        """Tell whether a drug is to be left alone this time.

        It is if it failed as it is now, and its time has not come.
        """
        known = self._known.get(one.drug.id)
        if known is None or known.fingerprint != _fingerprint(one):
            return False
        known.confirmed = self._patient and known.retry_after > self._now
        return known.confirmed

    def put_drug(self, one: PlannedDrug, error: RxindexError) -> None:
        """Put a drug in, or note that it failed again."""
        known = self._known.get(one.drug.id)
        again = known is not None and known.fingerprint == _fingerprint(one)
        attempts = known.attempts + 1 if known is not None and again else 1
        wait = 0.0 if isinstance(error, TransientError) else retry_delay(attempts)
        self._enter(
            Entry(
                id=one.drug.id,
                drug_id=one.drug.id,
                name=one.drug.name,
                reason=str(error),
                error=type(error).__name__,
                first=known.first if known is not None and again else self._now,
                last=self._now,
                attempts=attempts,
                retry_after=self._now + wait if wait else 0.0,
                fingerprint=_fingerprint(one),
                group=one.group,
                text=one.text if one.action == "embed" else "",
            )
        )

    def put_row(self, rejected: RejectedRow) -> bool:
        """Put a row in that can't become a package.

        Returns:
            Whether to tell of it: it was not in, it has changed since, or it was tried again
            on purpose.
        """
        row = rejected.row
        raw = repr(row).encode(errors="surrogatepass")
        print_ = hashlib.blake2b(raw, digest_size=8).hexdigest()
        identity = f"{rejected.drug_id}-{print_}"
        known = self._known.get(identity)
        if known is not None and self._patient:
            known.confirmed = True
            return False
        self._enter(
            Entry(
                id=identity,
                drug_id=rejected.drug_id,
                name=row.name or row.brand or row.generic,
                ndc=row.ndc,
                reason=str(rejected.error),
                error=type(rejected.error).__name__,
                first=known.first if known is not None else self._now,
                last=self._now,
                attempts=known.attempts + 1 if known is not None else 1,
                fingerprint=print_,
                group=row.group,
                row=msgspec.to_builtins(row),
            )
        )
        return True

    def mended(self, drug_id: str) -> None:
        """Take a drug out: the index has it as the source does. Its bad rows stay."""
        if drug_id in self._known:
            self._forget(drug_id)

    def keep(self, drug_id: str) -> None:
        """Leave a drug's entry, if it has one, as it is: it could not be tried."""
        if drug_id in self._known:
            self._known[drug_id].confirmed = True

    def sweep(self, drug_ids: Iterable[str] | None = None) -> None:
        """Take out what the source does not have any more: mended rows and vanished drugs.

        Args:
            drug_ids: only of these drugs; None after the whole source was read.
        """
        drugs = list(self._of_drug) if drug_ids is None else drug_ids
        of_these = [one for drug_id in drugs for one in self._of_drug.get(drug_id, ())]
        for identity in of_these:
            if not self._known[identity].confirmed:
                self._forget(identity)

    def save(self) -> None:
        """Write what changed since the last time.

        Raises:
            LeaseLost: another run has begun.
            RxindexError: Redis takes no writes.
        """
        key = quarantine_key(self._catalogue)
        commands: list[tuple[Any, ...]] = [
            ("HSET", key, one.id, msgspec.json.encode(one)) for one in self._put.values()
        ]
        commands += [("HDEL", key, one) for one in sorted(self._gone)]
        if not self._dry_run:
            self._catalogue.write_all(commands, "writing the quarantine")
        self._put.clear()
        self._gone.clear()

    def _enter(self, entry: Entry) -> None:
        entry = _encodable(entry)
        self._put[entry.id] = entry
        self._gone.discard(entry.id)
        self._remember(entry).confirmed = True

    def _remember(self, one: Entry) -> _Known:
        known = _Known(one.drug_id, one.first, one.attempts, one.retry_after, one.fingerprint)
        self._known[one.id] = known
        self._of_drug.setdefault(one.drug_id, set()).add(one.id)
        return known

    def _forget(self, identity: str) -> None:
        known = self._known.pop(identity)
        ids = self._of_drug[known.drug_id]
        ids.discard(identity)
        if not ids:
            del self._of_drug[known.drug_id]
        self._put.pop(identity, None)
        self._gone.add(identity)


def release(catalogue: Catalogue, ids: Sequence[str] | None) -> list[str]:
    """Let the next run try these entries, whatever they failed at.

    Args:
        catalogue: whose.
        ids: of entries or of drugs; None for all.

    Returns:
        Ids of the entries.
    """
    chosen = named_entries(catalogue, ids)
    key = quarantine_key(catalogue)
    catalogue.write_all(
        [
            ("HSET", key, one.id, msgspec.json.encode(msgspec.structs.replace(one, retry_after=0)))
            for one in chosen
        ],
        "releasing drugs from quarantine",
    )
    return [one.id for one in chosen]


def drop(catalogue: Catalogue, ids: Sequence[str] | None) -> list[str]:
    """Forget entries; what fails again comes back.

    Args:
        catalogue: whose.
        ids: of entries or of drugs; None for all.

    Returns:
        Ids of the entries that were forgotten.
    """
    chosen = [one.id for one in named_entries(catalogue, ids)]
    key = quarantine_key(catalogue)
    catalogue.write_all([("HDEL", key, one) for one in chosen], "emptying the quarantine")
    return chosen


def named_entries(catalogue: Catalogue, ids: Sequence[str] | None) -> list[Entry]:
    """Give the entries that are named, by their own id or their drug's, or all for None.

    Raises:
        QueryError: an id is not in quarantine.
    """
    entries = read_entries(catalogue)
    if ids is None:
        return entries
    known = {one.id for one in entries} | {one.drug_id for one in entries}
    if strangers := [one for one in ids if one not in known]:
        raise QueryError(
            f"not in quarantine: {', '.join(strangers)}; rxindex quarantine list shows what is"
        )
    return [one for one in entries if one.id in ids or one.drug_id in ids]


def _encodable(entry: Entry) -> Entry:
    """Make an entry that can be written: a source may hold bytes that no encoding explains.

    A group with such bytes is left out, since it could not be read again by what is left of it.
    """
    group = entry.group if all(_is_text(str(part)) for part in entry.group) else ()
    built = msgspec.to_builtins(msgspec.structs.replace(entry, group=group))
    return msgspec.convert(_as_text(built), Entry)


def _is_text(value: str) -> bool:
    return value.encode(errors="replace").decode() == value


def _as_text(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, dict):
        return {name: _as_text(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_as_text(one) for one in value]
    return value


def _fingerprint(one: PlannedDrug) -> str:
    return (one.fingerprints.content + one.fingerprints.text).hex()
