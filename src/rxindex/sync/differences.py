"""What can differ between a source and an index, drug by drug, and the report of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from rxindex.index.inspect import Document, differing_fields, readable
from rxindex.index.store import DrugStore
from rxindex.model import text_fingerprint
from rxindex.sync.assemble import embedding_text
from rxindex.sync.plan import Action, PlannedDrug

__all__ = [
    "KINDS",
    "NAMED_DIFFERENCES",
    "Difference",
    "Kind",
    "VerifyReport",
    "action_for",
    "faults_of",
]

Kind = Literal["missing", "extra", "stale", "vector", "not_indexed", "dangling"]

#: Every kind with its meaning.
KINDS: dict[Kind, str] = {
    "missing": "in the source, but there is no document",
    "extra": "a document or another key, but not in the source",
    "stale": "the document is not as the source has the drug",
    "vector": "no vector, an unsound one, or one of another text or model",
    "not_indexed": "the document is there, but a search can't find it",
    "dangling": "a search finds it, but there is no document any more",
}

#: A report names at most this many differences; it counts all of them.
NAMED_DIFFERENCES = 100

#: Fields that a reason names; the others are counted.
_NAMED_FIELDS = 4

Faults = dict[Kind, str]


class Difference(msgspec.Struct, frozen=True):
    """One thing that is not as it should be. A drug may have several.

    Attributes:
        kind: one of `KINDS`.
        id: of the drug, or what else stands in its place in the key.
        name: label name, as the source or else the document has it; may be empty.
        reason: what it is.
    """

    kind: Kind
    id: str
    name: str
    reason: str


class VerifyReport(msgspec.Struct):
    """What a comparison found, and what a repair mended.

    Attributes:
        clean: source and index agree, if need be since the repair; with ``sampled``, what was
            looked at does.
        drugs: drugs of the source that were compared.
        packages: their packages.
        documents: keys of the index that were looked up in the source.
        counts: differences of each kind. A drug may count under several: one whose vector has
            the wrong size is not found by any search either.
        different: drugs, and keys that belong to none, with any difference.
        repaired: of these, those that agree since the repair.
        still_different: those that don't.
        delete_held: extra keys that a repair left, too many to be deleted unasked.
        rejected: rows of the source that can't become packages. They make no difference: what
            the index has of their drugs is left alone.
        embedding_calls: texts that went to the model for the repair.
        sampled: how many drugs were to be drawn; None if everything was compared.
        seed: of the draw; the same one draws the same drugs.
        repair: whether a repair was asked for.
        duration: seconds.
        source: where the rows came from.
        catalogue: the name in Redis.
        generation: the live one, which was compared.
        model: the identity of the embedder that it was built with.
        differences: the first hundred found, by name.
        remaining: the first hundred left after a repair, by name, and why they are left.
        warnings: what a person should know, in sentences.
    """

    clean: bool = False
    drugs: int = 0
    packages: int = 0
    documents: int = 0
    counts: dict[Kind, int] = msgspec.field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    different: int = 0
    repaired: int = 0
    still_different: int = 0
    delete_held: int = 0
    rejected: int = 0
    embedding_calls: int = 0
    sampled: int | None = None
    seed: int | None = None
    repair: bool = False
    duration: float = 0.0
    source: str = ""
    catalogue: str = ""
    generation: str = ""
    model: str = ""
    differences: list[Difference] = msgspec.field(default_factory=list)
    remaining: list[Difference] = msgspec.field(default_factory=list)
    warnings: list[str] = msgspec.field(default_factory=list)

    def find(self, drug_id: str, name: str, faults: Faults) -> None:
        """Count and name everything that is wrong with one drug or key."""
        self.different += 1
        self.still_different += 1
        for kind, reason in faults.items():
            self.counts[kind] += 1
            if len(self.differences) < NAMED_DIFFERENCES:
                self.differences.append(Difference(kind, drug_id, name, reason))

    def mend(self, count: int = 1) -> None:
        """Count what a repair has set right."""
        self.repaired += count
        self.still_different -= count

    def leave(self, drug_id: str, name: str, faults: Faults) -> None:
        """Name what a repair could not set right."""
        for kind, reason in faults.items():
            if len(self.remaining) < NAMED_DIFFERENCES:
                self.remaining.append(Difference(kind, drug_id, name, reason))

    def finish(self, seconds: float) -> None:
        """Fill in what follows from the counts."""
        self.clean = self.still_different == 0
        self.duration = round(seconds, 3)

    def as_dict(self) -> dict[str, Any]:
        """Give the report as plain values, for JSON."""
        built: dict[str, Any] = msgspec.to_builtins(self)
        return built


def faults_of(
    store: DrugStore, one: PlannedDrug, document: Document | None, vectors: Mapping[bytes, str]
) -> Faults:
    """Say everything that is wrong with a drug's document.

    What the document says of itself counts for nothing: each field is compared with what would
    be written for the drug, so that a change behind rxindex's back shows too.

    Args:
        store: the generation.
        one: the drug as the source has it, with its fingerprints.
        document: what is under its key.
        vectors: what is wrong with the vectors of texts (see `rxindex.index.inspect.text_faults`).
    """
    if document is None:
        return {"missing": "no document"}
    if not document.is_hash:
        return {"missing": f"its key holds a Redis {document.type}, which is no document"}
    faults: Faults = {}
    fields = differing_fields(document, one.drug, one.fingerprints)
    text = document.text
    foreign = text is None or text not in {one.fingerprints.text, _own_text(store, one, document)}
    if foreign:
        fields.remove("text_fp")
    if fields:
        by_hand = document.fields.get("content_fp") == one.fingerprints.content
        faults["stale"] = _stale(fields, by_hand=by_hand)
    if foreign:
        faults["vector"] = "its vector was made of another text, or by another model"
    elif text is not None and text in vectors:
        faults["vector"] = vectors[text]
    if not document.searchable:
        faults["not_indexed"] = "a search can't find it"
    return faults


def _own_text(store: DrugStore, one: PlannedDrug, document: Document) -> bytes | None:
    """Fingerprint the text that the document itself would have with this generation's model."""
    drug = readable(one.drug.id, document)
    if drug is None:
        return None
    return text_fingerprint(embedding_text(drug), store.generation.model_id)


def _stale(fields: list[str], *, by_hand: bool) -> str:
    named = ", ".join(fields[:_NAMED_FIELDS])
    if len(fields) > _NAMED_FIELDS:
        named += f" and {len(fields) - _NAMED_FIELDS} more"
    end = "; it was changed behind rxindex's back, its own fingerprint looks right"
    return f"differs in {named}{end if by_hand else ''}"


def action_for(one: PlannedDrug, document: Document | None, faults: Faults) -> Action:
    """Decide what mends a drug: a new vector only where the one that is there won't do."""
    if not faults:
        return "unchanged"
    if "missing" in faults or "vector" in faults or document is None:
        return "embed"
    # Any HSET makes the query engine read the whole document anew, so rewriting it brings back
    # one that a search can't find, too.
    return "metadata" if document.text == one.fingerprints.text else "embed"
