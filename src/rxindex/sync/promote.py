"""When searches move to another generation, and when they stay where they are."""

from __future__ import annotations

import msgspec

from rxindex.errors import CatalogueNotIndexed
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import redis_errors
from rxindex.index.generation import as_text
from rxindex.index.recall import sampled_recall
from rxindex.index.store import DrugStore

__all__ = [
    "Promotion",
    "Standards",
    "drop_older",
    "previous_generation",
    "promote",
    "roll_back",
    "rollback_target",
]


class Standards(msgspec.Struct, frozen=True, kw_only=True):
    """What a new generation has to meet before searches move to it.

    Attributes:
        most_missing: the share of the source's drugs that it may lack.
        least_recall: the share of the nearest neighbours that its index has to find, unless the
            live one's finds no more, or there is none.
        loss: how much less than the live one's it may be all the same; two samples of one index
            differ by less.
        sample: queries that recall is measured with; 0 not to measure it.
    """

    most_missing: float = 0.01
    least_recall: float = 0.9
    loss: float = 0.05
    sample: int = 50


class Promotion(msgspec.Struct, frozen=True):
    """What came of moving searches to a generation.

    Attributes:
        held: why they were not moved; empty if they were.
        recall: of the generation's index, if it was measured.
        warning: what a person should know though they were moved.
    """

    held: str = ""
    recall: float | None = None
    warning: str = ""


def promote(store: DrugStore, documents: int, drugs: int, standards: Standards) -> Promotion:
    """Move searches to a generation, if it meets the standards.

    The documents are counted, the server is asked whether a search finds all of them, and for a
    sample of queries the neighbours that the index finds are held against the true ones.

    Args:
        store: the generation.
        documents: that it has.
        drugs: that it should have.
        standards: to meet.

    Returns:
        What came of it.

    Raises:
        IndexRejected: a search does not find all documents.
        LeaseLost: another run has begun.
    """
    catalogue, name = store.catalogue, store.generation.name
    live = catalogue.live()
    if documents == 0 or documents < (1 - standards.most_missing) * drugs:
        return Promotion(
            f"generation {name} has {documents:,} of {drugs:,} drugs, so searches were not "
            f"moved to it (they go to {live or 'no index yet'}); mend what failed and run "
            "again: it goes on from here"
        )
    catalogue.verify_count(name, documents)
    recall = sampled_recall(store, standards.sample).recall if standards.sample else None
    warning = ""
    if recall is not None and recall < standards.least_recall:
        found = (
            f"the index of generation {name} finds only {recall:.1%} of the nearest neighbours "
            f"({standards.least_recall:.0%} are asked for)"
        )
        advice = "choose another algorithm, or a larger graph_degree, build_window, search_window"
        if live is not None and recall < _recall_of(catalogue, live, standards) - standards.loss:
            why = f"{found}, and the live one finds more, so searches stay at {live}; {advice}"
            return Promotion(why, recall)
        # Nothing better is there to stay with: searches by name don't need it.
        warning = f"{found}; searches were moved to it all the same; {advice}"
    _move(catalogue, live, name)
    return Promotion("", recall, warning)


def _recall_of(catalogue: Catalogue, generation: str, standards: Standards) -> float:
    live = DrugStore(catalogue, catalogue.read_generation(generation))
    return sampled_recall(live, standards.sample).recall


def roll_back(catalogue: Catalogue, to: str | None = None) -> tuple[str, str]:
    """Move searches back to the generation that was live before.

    Args:
        catalogue: whose, under its lease.
        to: another generation; None for the one before.

    Returns:
        The generation that was live, and the one that is now.

    Raises:
        CatalogueNotIndexed: there is no such generation, or it has no document.
        IndexRejected: a search does not find all its documents.
    """
    live, chosen = rollback_target(catalogue, to)
    documents = sum(len(keys) for keys in catalogue.document_keys(chosen))
    if documents == 0:
        raise CatalogueNotIndexed(f"generation {chosen} has no drug; searches stay at {live}")
    catalogue.verify_count(chosen, documents)
    _move(catalogue, live, chosen)
    return live, chosen


def rollback_target(catalogue: Catalogue, to: str | None = None) -> tuple[str, str]:
    """Give the live generation, and the one that `roll_back` would move searches to.

    Raises:
        CatalogueNotIndexed: there is no such generation.
    """
    live = catalogue.require_live().name
    others = [one.name for one in catalogue.generations() if one.name != live]
    chosen = to or previous_generation(catalogue)
    if chosen is None or chosen not in others:
        if chosen is None:
            what = "no generation was live before"
        elif chosen == live:
            what = f"generation {chosen} is live already"
        else:
            what = f"there is no generation {chosen}"
        raise CatalogueNotIndexed(
            f"{what} in catalogue {catalogue.name!r}; to choose from with --to: "
            f"{', '.join(others) or 'none'}"
        )
    return live, chosen


def previous_generation(catalogue: Catalogue) -> str | None:
    """Name the generation that was live before the present one, if it is still there."""
    with redis_errors("asking for the generation before"):
        stored = catalogue.client.get(catalogue.key("previous"))
    name = as_text(stored) if stored else None
    return name if name in {one.name for one in catalogue.generations()} else None


def drop_older(catalogue: Catalogue) -> list[str]:
    """Remove all generations but the live one, the one before it, and newer ones.

    Documents go in batches, so that searches are not kept waiting. What an interrupted run left
    of a generation goes too.

    Returns:
        Names of those that were removed.
    """
    live = catalogue.live()
    if live is None:
        return []
    kept = {live, previous_generation(catalogue)}
    number = int(live[1:])
    older = [one.name for one in catalogue.generations() if int(one.name[1:]) < number]
    gone = [name for name in (*older, *catalogue.leftovers()) if name not in kept]
    for name in gone:
        catalogue.drop(name)
    return gone


def _move(catalogue: Catalogue, live: str | None, to: str) -> None:
    # Noted first: a run that dies between the two leaves the live one noted as its own
    # predecessor, which is nothing to go back to.
    if live is not None:
        noted = ("SET", catalogue.key("previous"), live)
        catalogue.write_all([noted], "noting the generation before")
    catalogue.point_alias(to)
