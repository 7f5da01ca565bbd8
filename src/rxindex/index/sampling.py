"""A random sample of something that goes by once and is too long to keep."""

from __future__ import annotations

import hashlib
import heapq
from typing import Generic, TypeVar

__all__ = ["Draw"]

T = TypeVar("T")


class Draw(Generic[T]):
    """Draws from named items that are offered one after another, each as likely as any other.

    Every name has a lot that follows from the seed alone, and the lowest lots win. So the same
    seed draws the same names in whatever order they come, and however often one comes; listing
    the keys of Redis promises neither.

    Args:
        size: how many to draw, at least 1.
        seed: another seed, another draw.
    """

    def __init__(self, size: int, seed: int) -> None:
        self._size = size
        self._person = f"\x1f{seed}".encode()
        self._highest: list[tuple[int, str]] = []
        self._items: dict[str, T] = {}

    def offer(self, name: str, item: T) -> None:
        """Let an item take part in the draw."""
        if name in self._items:
            return
        raw = name.encode(errors="surrogatepass") + self._person
        lot = int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "big")
        # Negative, since a heap gives its lowest, and the highest lot is the one to lose.
        entry = (-lot, name)
        if len(self._highest) < self._size:
            heapq.heappush(self._highest, entry)
        else:
            _, loser = heapq.heappushpop(self._highest, entry)
            if loser == name:
                return
            del self._items[loser]
        self._items[name] = item

    def drawn(self) -> dict[str, T]:
        """Give what has been drawn so far, in the order of the names."""
        return {name: self._items[name] for name in sorted(self._items)}
