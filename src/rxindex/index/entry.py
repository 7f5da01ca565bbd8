"""What is remembered of a group of the source whose drugs are in the index."""

from __future__ import annotations

import msgspec

from rxindex.model import ID_LENGTH

__all__ = ["GroupEntry", "Told"]


class Told(msgspec.Struct, frozen=True, array_like=True):
    """What a person is told of a group's rows, in each run, until they are mended.

    Attributes:
        repeated: rows that name a package of their drug again.
        shortened: drugs of which a value or the embedding text lacks its end.
        odd: values that could not be read, each with its field.
    """

    repeated: int = 0
    shortened: int = 0
    odd: frozenset[tuple[str, str]] = frozenset()


class GroupEntry(msgspec.Struct, frozen=True, gc=False):
    """A group as it is in the index.

    Attributes:
        mark: 16 bytes that stand for its rows, and for all else that its drugs are made from.
        since, until: the days, as ordinals, from which and before which its drugs are as they are:
            packages become obsolete. ``until`` is not among them.
        packages: of all its drugs.
        drug_ids: all in one text (see `rxindex.model.ids_in`).
        told: what each run tells of it.
    """

    mark: bytes
    since: int
    until: int
    packages: int
    drug_ids: str
    told: Told = Told()

    @property
    def drugs(self) -> int:
        """How many drugs the group has."""
        return len(self.drug_ids) // ID_LENGTH
