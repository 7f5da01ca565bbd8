"""What a source's reading comes to: drugs of some groups, to be compared with the index."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rxindex.index.entry import Told
from rxindex.model import Drug
from rxindex.source.base import Group
from rxindex.sync.assemble import RejectedRow

__all__ = ["DrugBatch", "SoundGroup", "UnchangedDrugs"]


class SoundGroup(msgspec.Struct, frozen=True):
    """A group of the source without a bad row.

    Attributes:
        digest: of its rows (see `rxindex.source.base.Chunk`).
        told: what is told of it in each run, but for texts that were shortened.
    """

    digest: bytes
    told: Told


class UnchangedDrugs(msgspec.Struct, frozen=True):
    """Drugs that are known to be in the index as they are in the source.

    Attributes:
        ids: of the drugs.
        packages: of all of them.
    """

    ids: Sequence[str] = ()
    packages: int = 0


class DrugBatch(msgspec.Struct, frozen=True):
    """Drugs of some whole groups of the source, in its order.

    Attributes:
        drugs: each with its group.
        rejected: rows that can't become packages.
        after: the last of the groups: the cursor, once everything up to here is written.
        again: a run before this one has done these; they are looked at once more, since they
            may have changed in the meantime.
        sound: of the groups without a bad row, what has to stay the same for their drugs not to
            be looked at again, once they are written.
        unchanged: groups between the others that were left out for that reason.
    """

    drugs: list[tuple[Group, Drug]]
    rejected: list[RejectedRow]
    after: Group
    again: bool = False
    sound: dict[Group, SoundGroup] = {}
    unchanged: UnchangedDrugs = UnchangedDrugs()

    @property
    def size(self) -> int:
        """Drugs in it, those that were left out included."""
        return len(self.drugs) + len(self.unchanged.ids)
