"""How many requests a key may make of several processes together."""

from __future__ import annotations

import fcntl
import os
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rxindex.api.keys import ApiKey
from rxindex.api.rates import Bucket, Rates

__all__ = ["SharedRates"]

#: Tokens and time, as a file has them.
_BUCKET = struct.Struct("=dd")


class SharedRates(Rates):
    """Counts the requests of each key, over all processes of this machine that share a folder.

    Each key has a file there, some 15 microseconds of work for a request. A process that is
    killed while it has one locked leaves it unlocked: that is why it is a file, and no semaphore.

    Args:
        per_minute: quota of a key that has none of its own.
        folder: on this machine; nobody else may write to it.
        clock: seconds, ever growing, the same in all processes (``time.monotonic`` counts from
            the start of the machine on Linux and macOS).
    """

    def __init__(
        self, per_minute: int, folder: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(per_minute, clock)
        self._folder = folder

    @contextmanager
    def _held(self, key: ApiKey, quota: int) -> Iterator[Bucket]:
        # By the hash: names that differ in their letters' case are one on some file systems.
        file = os.open(self._folder / key.sha256, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            held = os.pread(file, _BUCKET.size, 0)
            whole = len(held) == _BUCKET.size
            bucket = Bucket(*_BUCKET.unpack(held)) if whole else Bucket(quota, self._clock())
            yield bucket
            os.pwrite(file, _BUCKET.pack(bucket.tokens, bucket.then), 0)
        finally:
            os.close(file)
