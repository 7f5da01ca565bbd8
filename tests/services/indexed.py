"""What is in an index, drug by drug, to hold one against another."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import msgspec

from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import command
from rxindex.index.ledger import GroupLedger
from rxindex.index.store import DrugStore
from rxindex.model import ids_in
from rxindex.sync.promote import previous_generation
from rxindex.sync.quarantine import quarantine_key

__all__ = ["Document", "assert_tidy", "contents", "doubled", "everything", "strays"]

#: Keys of a catalogue that belong to no generation.
_BOOKKEEPING = {
    "generation", "previous", "history", "history:completed", "lease:number", "lease:held",
}  # fmt: skip


class Document(msgspec.Struct, frozen=True):
    """What a drug's document holds: both fingerprints; and the vector of its text."""

    content: bytes
    text: bytes
    vector: bytes


def contents(catalogue: Catalogue, generation: str | None = None) -> dict[str, Document]:
    """Read a generation's documents, the live one's if none is named, by drug id."""
    name = generation or catalogue.require_live().name
    store = DrugStore(catalogue, catalogue.read_generation(name))
    found: dict[str, Document] = {}
    for ids in store.ids(2000):
        pipe = catalogue.client.pipeline(transaction=False)
        for one in ids:
            pipe.hmget(store.key(one), "content_fp", "text_fp")
        prints = pipe.execute()
        prefix = catalogue.text_prefix(name).encode()
        for _, text in prints:
            pipe.hget(prefix + text, "vector")
        vectors = pipe.execute()
        found |= {
            one: Document(content, text, vector)
            for one, (content, text), vector in zip(ids, prints, vectors, strict=True)
        }
    return found


def doubled(catalogue: Catalogue) -> list[str]:
    """Name the NDCs that are in more than one drug of the live generation."""
    store = DrugStore(catalogue, catalogue.require_live())
    # Listing keys may name one twice.
    ids = sorted({one for some in store.ids() for one in some})
    drugs = [drug for drug in store.get(ids) if drug is not None]
    held = Counter(package.ndc for drug in drugs for package in drug.packages)
    return [ndc for ndc, times in held.items() if times > 1]


def strays(catalogue: Catalogue) -> list[str]:
    """Name the keys of a catalogue that belong to no generation that is to be kept."""
    live = catalogue.require_live().name
    kept = {live, previous_generation(catalogue)}
    own = {catalogue.key(one) for one in _BOOKKEEPING}
    parts = r"drug:[a-z2-7]{16}|text:[a-z2-7]{20}|meta|updated|lexicon|groups|swept"
    pattern = rf"{re.escape(catalogue.alias)}:(g\d+):({parts})"
    found = []
    for raw in catalogue.client.scan_iter(match=f"{catalogue.alias}:*", count=5000):
        key = raw.decode()
        match = re.fullmatch(pattern, key)
        if key not in own and (match is None or match[1] not in kept):
            found.append(key)
    return sorted(found)


def assert_tidy(catalogue: Catalogue) -> None:
    """Check that runs left nothing behind but what belongs there."""
    assert catalogue.leftovers() == []
    assert len(catalogue.generations()) <= 2
    assert catalogue.client.hlen(quarantine_key(catalogue)) == 0
    assert strays(catalogue) == []
    assert doubled(catalogue) == []
    live = catalogue.require_live().name
    held = contents(catalogue)
    counts = catalogue.counts(live)
    assert counts.documents == len(held)
    # Nor does the ledger speak of a drug that is gone.
    entries = GroupLedger(catalogue, live).entries()
    assert {one for _, entry in entries for one in ids_in(entry.drug_ids)} <= held.keys()
    # Each text is some drug's, and each drug's is there.
    assert counts.texts == len({one.text for one in held.values()})
    assert all(one.vector for one in held.values())


def everything(catalogue: Catalogue) -> dict[bytes, Any]:
    """Read each key of a catalogue as Redis itself writes it, but the history of runs, and the
    indexes with the one that the alias points to."""
    keys = sorted(set(catalogue.client.scan_iter(match=f"{catalogue.alias}:*", count=5000)))
    keys = [one for one in keys if b":history" not in one]
    pipe = catalogue.client.pipeline(transaction=False)
    for key in keys:
        pipe.dump(key)
    found: dict[bytes, Any] = dict(zip(keys, pipe.execute(), strict=True))
    names = command(catalogue.client, "FT._LIST")
    found[b"indexes"] = sorted(
        one for one in names if one.startswith(f"{catalogue.alias}:".encode())
    )
    found[b"alias"] = catalogue.live()
    return found
