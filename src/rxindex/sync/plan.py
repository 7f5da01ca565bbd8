"""Drugs to a plan: what has to be done for each, by its fingerprints and its document's own."""

from __future__ import annotations

from typing import Literal

import msgspec

from rxindex.index.store import DrugStore, Fingerprints
from rxindex.model import Drug, content_fingerprint, text_fingerprint
from rxindex.source.base import Group
from rxindex.sync.assemble import RejectedRow, full_text, shorten
from rxindex.sync.batch import DrugBatch, SoundGroup, UnchangedDrugs

__all__ = [
    "Action",
    "PlannedBatch",
    "PlannedDrug",
    "plan_batch",
]

#: ``unchanged``: nothing. ``metadata``: write the drug, its text is as it was. ``embed``: write it,
#: after its text, if that has no vector yet.
Action = Literal["unchanged", "metadata", "embed"]


class PlannedDrug(msgspec.Struct, frozen=True):
    """A drug and what has to be done for it.

    Attributes:
        drug: the drug as the source has it.
        group: where the source has it.
        text: its embedding text.
        shortened: the text was too long and lacks its end.
        fingerprints: of the drug and the text.
        action: what to do.
        exists: whether there is a document now.
    """

    drug: Drug
    group: Group
    text: str
    shortened: bool
    fingerprints: Fingerprints
    action: Action
    exists: bool


class PlannedBatch(msgspec.Struct, frozen=True):
    """What one round trip planned.

    Attributes:
        drugs: each with what to do.
        rejected: rows that can't become packages.
        after, again, sound, unchanged: see `DrugBatch`.
    """

    drugs: list[PlannedDrug]
    rejected: list[RejectedRow]
    after: Group = ()
    again: bool = False
    sound: dict[Group, SoundGroup] = {}
    unchanged: UnchangedDrugs = UnchangedDrugs()

    @property
    def ids(self) -> list[str]:
        """Of all drugs that the source has here, those with bad rows included; some twice."""
        rejected = [one.drug_id for one in self.rejected]
        return [one.drug.id for one in self.drugs] + rejected + list(self.unchanged.ids)


def plan_batch(batch: DrugBatch, model_id: str, store: DrugStore | None) -> PlannedBatch:
    """Compare drugs with their documents, in one round trip.

    Args:
        batch: from the source.
        model_id: the embedder's identity.
        store: the generation to compare with; None where there is none yet.

    Raises:
        IndexUnavailable: Redis does not answer.
    """
    ids = [drug.id for _, drug in batch.drugs]
    documents = store.fingerprints(ids) if store else [None] * len(ids)
    planned = []
    for (group, drug), document in zip(batch.drugs, documents, strict=True):
        whole = full_text(drug)
        text = shorten(whole)
        now = Fingerprints(content_fingerprint(drug), text_fingerprint(text, model_id))
        planned.append(
            PlannedDrug(
                drug, group, text, len(text) < len(whole), now, _action(now, document),
                document is not None,
            )
        )  # fmt: skip
    return PlannedBatch(
        planned, batch.rejected, batch.after, batch.again, batch.sound, batch.unchanged
    )


def _action(now: Fingerprints, document: Fingerprints | None) -> Action:
    if document is None or document.text != now.text:
        return "embed"
    return "unchanged" if document.content == now.content else "metadata"
