"""Which of many names share the most pairs of letters with a text: a quick first look.

Comparing a text with every name letter by letter takes too long to do at every key press. Names
that share few pairs of neighbouring letters with it can't be near, and the pairs are looked up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["LetterPairs"]

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
        self._owners: NDArray[np.int32] = (found % count).astype(np.int32)
        self._starts: NDArray[np.int64] = np.searchsorted(found // count, np.arange(_PAIRS + 1))

    def shared(self, key: str) -> NDArray[np.int64]:
        """Count the pairs that each name has in common with a text, its end left out.

        Args:
            key: as the names' keys.

        Returns:
            A count for each name, in the order in which they were given.
        """
        pairs = np.unique(_pairs(_letters("\0" + key)))
        owners = [self._owners[self._starts[pair] : self._starts[pair + 1]] for pair in pairs]
        joined = np.concatenate(owners) if owners else np.empty(0, np.int32)
        return np.bincount(joined, minlength=len(self.lengths))


def _letters(text: str) -> NDArray[np.uint8]:
    # A letter beyond Latin-1 is no more than a letter that differs from those within.
    return np.frombuffer(text.encode("latin-1", "replace"), np.uint8)


def _pairs(letters: NDArray[np.uint8]) -> NDArray[np.int64]:
    return letters[:-1].astype(np.int64) << 8 | letters[1:]
