"""Drugs to a plan: what has to be done for each, by its fingerprints and its document's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from rxindex.index.store import DrugStore, Fingerprints
from rxindex.model import Drug, content_fingerprint, text_fingerprint
from rxindex.sync.assemble import RejectedRow, embedding_text

__all__ = ["Action", "PlannedBatch", "PlannedDrug", "plan_batch"]

#: ``unchanged``: nothing. ``metadata``: rewrite all but the vector. ``embed``: write all.
Action = Literal["unchanged", "metadata", "embed"]


class PlannedDrug(msgspec.Struct, frozen=True):
    """A drug and what has to be done for it.

    Attributes:
        drug: the drug as the source has it.
        text: its embedding text.
        fingerprints: of the drug and the text.
        action: what to do.
        exists: whether there is a document now.
    """

    drug: Drug
    text: str
    fingerprints: Fingerprints
    action: Action
    exists: bool


class PlannedBatch(msgspec.Struct, frozen=True):
    """What one round trip planned.

    Attributes:
        drugs: each with what to do.
        rejected: rows that can't become packages.
    """

    drugs: list[PlannedDrug]
    rejected: list[RejectedRow]


def plan_batch(
    drugs: Sequence[Drug],
    rejected: Sequence[RejectedRow],
    model_id: str,
    store: DrugStore | None,
) -> PlannedBatch:
    """Compare drugs with their documents, in one round trip.

    Args:
        drugs: from the source.
        rejected: rows that can't become packages; passed on.
        model_id: the embedder's identity.
        store: the generation to compare with; None where there is none yet.

    Raises:
        IndexUnavailable: Redis does not answer.
    """
    documents = store.fingerprints([drug.id for drug in drugs]) if store else [None] * len(drugs)
    planned = []
    for drug, document in zip(drugs, documents, strict=True):
        text = embedding_text(drug)
        now = Fingerprints(content_fingerprint(drug), text_fingerprint(text, model_id))
        planned.append(PlannedDrug(drug, text, now, _action(now, document), document is not None))
    return PlannedBatch(planned, list(rejected))


def _action(now: Fingerprints, document: Fingerprints | None) -> Action:
    if document is None or document.text != now.text:
        return "embed"
    return "unchanged" if document.content == now.content else "metadata"
