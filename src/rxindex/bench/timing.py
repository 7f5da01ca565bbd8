"""What a piece of work took: wall time, processor time, memory, and quantiles of many answers."""

from __future__ import annotations

import math
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from rxindex.index.capability import processor_seconds
from rxindex.index.connect import Client

__all__ = [
    "Latencies",
    "PeakMemory",
    "Spent",
    "Stopwatch",
    "latencies",
    "peak_memory",
    "stopwatch",
]


class Spent(msgspec.Struct, frozen=True):
    """What a piece of work took.

    Attributes:
        count: of what was worked on: rows, texts or documents.
        seconds: of wall time.
        cpu: seconds of processor time of this process, all threads, and of those that it started
            and that ended meanwhile.
        redis_cpu: seconds of the Redis server's processor time; 0 where it was not asked.
    """

    count: int
    seconds: float
    cpu: float
    redis_cpu: float = 0.0


class Stopwatch:
    """Adds up the time of the pieces that it runs for.

    Args:
        client: the Redis whose processor time counts too; None for none.
    """

    def __init__(self, client: Client | None = None) -> None:
        self._client = client
        self._spent = (0.0, 0.0, 0.0)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count what is done inside, failed or not."""
        begun = self._now()
        try:
            yield
        finally:
            ended = self._now()
            self._spent = (
                self._spent[0] + ended[0] - begun[0],
                self._spent[1] + ended[1] - begun[1],
                self._spent[2] + ended[2] - begun[2],
            )

    def spent(self, count: int) -> Spent:
        """Give what all pieces together took.

        Args:
            count: of what was worked on.
        """
        return Spent(count, *(round(value, 6) for value in self._spent))

    def _now(self) -> tuple[float, float, float]:
        server = 0.0 if self._client is None else processor_seconds(self._client)
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = time.process_time() + ended.ru_utime + ended.ru_stime
        return time.perf_counter(), used, server


@contextmanager
def stopwatch(client: Client | None = None) -> Iterator[Stopwatch]:
    """Time one piece of work; ask the stopwatch afterwards.

    Args:
        client: see `Stopwatch`.
    """
    watch = Stopwatch(client)
    with watch.running():
        yield watch


class Latencies(msgspec.Struct, frozen=True):
    """How fast answers came.

    Attributes:
        answers: how many.
        seconds: from the first question to the last answer.
        per_second: answers a second, all connections together.
        p50, p90, p95, p99: milliseconds within which that share of the answers came.
        most: milliseconds of the slowest one.
    """

    answers: int
    seconds: float
    per_second: float
    p50: float
    p90: float
    p95: float
    p99: float
    most: float


def latencies(seconds: Sequence[float], elapsed: float) -> Latencies:
    """Sum up the times of single answers.

    A quantile is the nearest rank: the least time within which at least that share of the answers
    came, so that it is one that was really measured.

    Args:
        seconds: of each answer; at least one.
        elapsed: seconds of the whole measurement.
    """
    ordered = sorted(seconds)

    def at(share: float) -> float:
        return round(ordered[math.ceil(share * len(ordered)) - 1] * 1000, 4)

    return Latencies(
        answers=len(ordered),
        seconds=round(elapsed, 4),
        per_second=round(len(ordered) / elapsed, 1),
        p50=at(0.5),
        p90=at(0.9),
        p95=at(0.95),
        p99=at(0.99),
        most=at(1.0),
    )


def peak_memory() -> int:
    """Give the most memory that this process ever held (resident set), in bytes.

    On Linux not ``ru_maxrss``, which a child inherits from the process that started it.
    """
    if (most := _peak("self")) is not None:
        return most
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


class PeakMemory:
    """The most memory that this process and those of our own that it started held together.

    Others are only seen on Linux, and only if they are at work while somebody looks. What each
    held at most until then is added up, though it may have been at different times.
    """

    def __init__(self) -> None:
        self._most = 0

    def look(self) -> None:
        """Look at the processes that this one has started and that run the same interpreter."""
        others = 0
        with suppress(OSError):
            ours = Path("/proc/self/exe").readlink()
            for task in Path("/proc/self/task").iterdir():
                for pid in (task / "children").read_text().split():
                    others += self._of(pid, ours)
        self._most = max(self._most, peak_memory() + others)

    def most(self) -> int:
        """Give it, in bytes."""
        return max(self._most, peak_memory())

    @staticmethod
    def _of(pid: str, ours: Path) -> int:
        with suppress(OSError):  # it has ended meanwhile
            if Path(f"/proc/{pid}/exe").readlink() == ours:
                return _peak(pid) or 0
        return 0


def _peak(pid: str) -> int | None:
    """Read a process's peak resident set, in bytes; None where the system does not tell."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return None
    lines = (one for one in status.read_text().splitlines() if one.startswith("VmHWM"))
    return next((int(line.split()[1]) * 1024 for line in lines), None)
