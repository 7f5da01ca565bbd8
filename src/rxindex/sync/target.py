"""Which generation a run writes to: the live one, one begun earlier, or a new one."""

from __future__ import annotations

import msgspec

from rxindex.embed.base import Embedder
from rxindex.errors import GenerationMismatch
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.generation import Generation
from rxindex.index.schema import SCHEMA_VERSION, IndexSettings
from rxindex.index.store import DrugStore
from rxindex.sync.promote import previous_generation

__all__ = ["Target", "choose_target", "live_target", "named_target"]


#: Packages that share an embedding text: about as many in FDB's catalogue as in the FDA's.
_PER_TEXT = 20


class Target(msgspec.Struct, frozen=True):
    """Where a run writes.

    Attributes:
        store: the generation's documents; None in a dry run where a new one would be made.
        live: searches go to it already.
        made: this run has made it.
        donor: the live generation, if its vectors can be carried over into this one.
    """

    store: DrugStore | None
    live: bool
    donor: DrugStore | None = None
    made: bool = False


def choose_target(
    catalogue: Catalogue,
    embedder: Embedder,
    settings: IndexSettings,
    capabilities: Capabilities,
    *,
    packages: int,
    new_generation: bool,
    rebuild: bool = False,
    dry_run: bool,
) -> Target:
    """Decide where to write.

    Args:
        catalogue: whose.
        embedder: that will make the vectors.
        settings: what is asked of the index.
        capabilities: of the server.
        packages: rows in the source; decides what ``auto`` means.
        new_generation: build another generation where the live one does not fit.
        rebuild: build another generation even where the live one fits.
        dry_run: make nothing.

    Raises:
        GenerationMismatch: the live generation was built with other settings, and no new one
            was asked for. The message names the differences.
    """
    wanted = _wanted(embedder, settings)
    live_name = catalogue.live()
    live = catalogue.read_generation(live_name) if live_name else None
    differences = live.differences(wanted) if live else []
    if live and not differences and not rebuild:
        return Target(DrugStore(catalogue, live), live=True)
    if live and not new_generation and not rebuild:
        raise _mismatch(catalogue, live, differences)
    donor = _donor(catalogue, live, wanted)
    # One that searches were moved away from is not one that was only begun.
    left = previous_generation(catalogue) if rebuild else None
    begun = _begun(catalogue, wanted, live_name, left)
    if begun is not None or dry_run:
        return Target(DrugStore(catalogue, begun) if begun else None, live=False, donor=donor)
    made = catalogue.create(
        embedder.model_id, embedder.dimensions, settings, capabilities, packages // _PER_TEXT
    )
    return Target(DrugStore(catalogue, made), live=False, donor=donor, made=True)


def live_target(
    catalogue: Catalogue, embedder: Embedder, settings: IndexSettings
) -> tuple[Target, DrugStore]:
    """Give the live generation, to be written with these settings.

    Raises:
        CatalogueNotIndexed: there is none.
        GenerationMismatch: it was built with others.
    """
    live = catalogue.require_live()
    if differences := live.differences(_wanted(embedder, settings)):
        raise _mismatch(catalogue, live, differences)
    store = DrugStore(catalogue, live)
    return Target(store, live=True), store


def named_target(
    catalogue: Catalogue, embedder: Embedder, settings: IndexSettings, name: str
) -> Target:
    """Give a generation by its name, to be written with these settings.

    Raises:
        CatalogueNotIndexed: there is none of that name.
        GenerationMismatch: it was begun with others.
    """
    wanted, found = _wanted(embedder, settings), catalogue.read_generation(name)
    if differences := found.differences(wanted):
        raise _mismatch(catalogue, found, differences)
    live_name = catalogue.live()
    if live_name == name:
        return Target(DrugStore(catalogue, found), live=True)
    live = catalogue.read_generation(live_name) if live_name else None
    return Target(DrugStore(catalogue, found), live=False, donor=_donor(catalogue, live, wanted))


def _donor(catalogue: Catalogue, live: Generation | None, wanted: Generation) -> DrugStore | None:
    """Give the live generation, if its vectors can be carried over."""
    if live and (live.model_id, live.dimensions) == (wanted.model_id, wanted.dimensions):
        return DrugStore(catalogue, live)
    return None


def _wanted(embedder: Embedder, settings: IndexSettings) -> Generation:
    return Generation(
        "", embedder.model_id, embedder.dimensions, settings, SCHEMA_VERSION, created=0
    )


def _mismatch(catalogue: Catalogue, live: Generation, differences: list[str]) -> GenerationMismatch:
    return GenerationMismatch(
        f"the live index of {catalogue.name!r} ({live.name}) was built with other settings: "
        f"{'; '.join(differences)}. Use those settings, or build a new generation beside it "
        "with rxindex reindex or --new-generation (searches move to it when it is complete)"
    )


def _begun(
    catalogue: Catalogue, wanted: Generation, live: str | None, left: str | None
) -> Generation | None:
    """Find a generation that an earlier run began with the same settings and did not finish."""
    newer = [
        one
        for one in catalogue.generations()
        if one.name != left and (live is None or int(one.name[1:]) > int(live[1:]))
    ]
    return next((one for one in reversed(newer) if not one.differences(wanted)), None)
