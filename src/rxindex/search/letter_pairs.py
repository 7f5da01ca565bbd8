"""Which of many names share the most pairs of letters with a text: a quick first look.

Comparing a text with every name letter by letter takes too long to do at every key press. Names
that share few pairs of neighbouring letters with it can't be near, and the pairs are looked up.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["LetterPairs", "worthiest"]

_PAIRS = 1 << 16


class LetterPairs:
    """Each pair of letters, and the names that have it.

    The beginning and the end of a name count as a letter.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        """Take the names apart.

        Args:
            keys: letters and digits only (see `rxindex.vocabulary.terms.term_key`).
        """
        self.lengths: NDArray[np.int32] = np.fromiter(map(len, keys), np.int32, len(keys))
        letters = _letters("\0".join(("", *keys, "")))
        owners = np.cumsum(letters[:-1] == 0) - 1
        count = max(len(keys), 1)
        # Sorted by pair, and each name once for a pair that it has twice.
        found = np.sort(_pairs(letters) * count + owners)
        found = found[np.diff(found, prepend=-1) > 0]
        # As wide as numpy wants an index: it would widen a narrower one at each look.
        self._owners: NDArray[np.intp] = (found % count).astype(np.intp)
        self._starts: NDArray[np.int64] = np.searchsorted(found // count, np.arange(_PAIRS + 1))

    def shared(self, key: str, counts: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        """Count the pairs that each name has in common with a text, its end left out.

        Args:
            key: as the names' keys.
            counts: what to add to, one for each name; zeros if left out. Names are short enough
                that two counts of each fit into eight bits.

        Returns:
            A count for each name, in the order in which they were given.
        """
        if counts is None:
            counts = np.zeros(len(self.lengths), np.uint8)
        for pair in set(_pairs(_letters("\0" + key)).tolist()):
            first, last = self._starts[pair : pair + 2].tolist()
            # Each name is there once.
            counts[self._owners[first:last]] += 1
        return counts


def worthiest(
    shared: NDArray[np.uint8],
    extra: Callable[[NDArray[np.intp]], NDArray[np.float64]],
    most_extra: float,
    count: int,
) -> NDArray[np.intp]:
    """Find the names that share the most pairs, what else speaks for them counted in.

    To weigh all of them takes longer than to count the pairs, so only those are weighed that may
    be among the first.

    Args:
        shared: pairs of each name.
        extra: tells what else speaks for some names, given by their positions.
        most_extra: as much as that can be.
        count: how many to find.

    Returns:
        Their positions, in order. Of equals the first ones are taken, on every machine.
    """
    count = min(count, len(shared))
    if not count:
        return np.empty(0, np.intp)

    def weigh(least: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        positions = np.flatnonzero(shared >= least)
        return positions, shared[positions] + extra(positions)

    # Of those that share the most there are enough; what shares less than they are worth, and
    # could not make up for it, is not among the first.
    most = int(shared.max())
    while np.count_nonzero(shared >= most) < count:
        most -= 1
    enough = float(np.partition(weigh(most)[1], -count)[-count])
    positions, worths = weigh(max(0, min(most, math.floor(enough - most_extra))))
    last = np.partition(worths, -count)[-count]
    better, equal = positions[worths > last], positions[worths == last]
    return np.sort(np.concatenate((better, equal[: count - len(better)])))


def _letters(text: str) -> NDArray[np.uint8]:
    # A letter beyond Latin-1 is no more than a letter that differs from those within.
    return np.frombuffer(text.encode("latin-1", "replace"), np.uint8)


def _pairs(letters: NDArray[np.uint8]) -> NDArray[np.int64]:
    return letters[:-1].astype(np.int64) << 8 | letters[1:]
