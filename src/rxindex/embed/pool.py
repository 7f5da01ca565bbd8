"""Calls of a service from many threads at once, as fast as the service lets them.

Two controls work together, both learnt from the service's answers:

- **how many calls are under way** (additive increase, multiplicative decrease): one more for each
  full round of answers, `_FEWER` times as many when the service asks to slow down;
- **how far apart calls start**: calls are spread evenly rather than sent in bursts, since quotas
  are counted by the minute or by a token bucket and refuse bursts that their average allows. The
  spacing is the requests-per-minute budget where one is given; without one there is none until
  the first refusal, after which it follows the rate that the service did answer.

A refusal pauses the whole pool, for as long as the service asks (``Retry-After``) or else for a
doubling time, and the refused item goes to the head of the queue: it has not failed.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Generic, TypeVar

import msgspec

from rxindex.embed.pace import Gate, GateClosed
from rxindex.embed.shared_pace import SharedGate, Turns
from rxindex.errors import (
    ConfigurationError,
    EmbedAccessDenied,
    EmbedderUnavailable,
    ModelIntegrityError,
    RxindexError,
    Throttled,
    TransientError,
)

__all__ = ["AdaptivePool", "PoolCounters"]

T = TypeVar("T")
R = TypeVar("R")

#: First and longest wait, in seconds, after a call that failed on the service's side.
_BACK_OFF, _LONGEST_BACK_OFF = 0.1, 5.0

#: Errors after which every other call would fail the same way.
_FATAL: tuple[type[RxindexError], ...] = (
    EmbedAccessDenied,
    ConfigurationError,
    ModelIntegrityError,
)


class PoolCounters(msgspec.Struct, frozen=True):
    """What a pool has done so far, and what it is set to now.

    Attributes:
        calls: calls begun, retries included.
        answered: calls that gave a result, or a reason why that item never will.
        throttles: calls that the service refused because there were too many.
        unavailable: calls that failed on the service's side or on the way.
        limit: how many calls may be under way now.
        calls_per_minute: pace of calls now; None while there is no reason to pace them.
    """

    calls: int
    answered: int
    throttles: int
    unavailable: int
    limit: int
    calls_per_minute: float | None


class _Item(Generic[T]):
    """One item on its way through the pool."""

    __slots__ = ("attempts", "deadline", "position", "value")

    def __init__(self, position: int, value: T) -> None:
        self.position = position
        self.value = value
        self.attempts = 0
        #: Set when it is first tried: waiting for its turn is not being retried.
        self.deadline = math.inf


class _Run(Generic[T, R]):
    """One call of `AdaptivePool.run`: its queue and its results."""

    def __init__(self, items: Sequence[T]) -> None:
        self.queue = deque(_Item(position, value) for position, value in enumerate(items))
        self.results: list[R | RxindexError | None] = [None] * len(items)
        self.stopped = threading.Event()
        self.fatal: BaseException | None = None
        #: Why items that were not tried to the end have no result.
        self.lost: RxindexError | None = None
        self.last_answer = -math.inf

    def take(self) -> _Item[T] | None:
        try:
            return None if self.stopped.is_set() else self.queue.popleft()
        except IndexError:
            return None

    def give_up(self, item: _Item[T], error: RxindexError, began: float) -> None:
        """Fail an item that was retried for too long.

        If the service answered no item at all in that time, the others would each wait as long
        for nothing: the run ends, and they fail with the same error.
        """
        self.results[item.position] = error
        if self.last_answer < began:
            self.lost = error
            self.stopped.set()


class AdaptivePool:
    """Calls a function on many items at once, and slows down when it is told to.

    The function says what happened by what it raises:

    - `rxindex.errors.Throttled`: slow down. The whole pool does, and the item is tried again.
    - another `rxindex.errors.TransientError`: the item is tried again, with back-off and jitter.
    - `EmbedAccessDenied`, `ConfigurationError`, `ModelIntegrityError`: nothing more is tried.
    - another `rxindex.errors.RxindexError`: that item has failed, the others go on.
    - anything else is a fault of the function's and leaves `run`.

    Several threads may call `run` at the same time; they share the limits. The pool may be used
    as a context manager.

    Args:
        max_concurrency: most calls under way at once, 1 or more.
        requests_per_minute: budget of calls; None for no other bound than the service's refusals.
        retry_seconds: how long an item is tried again, counted from its first try, before it
            fails with its last error.
        first_concurrency: calls under way at once to begin with; None for a quarter of the most.
        name: of the threads.
        turns: where processes that share the budget take their turns; None if there are none.
            Without a budget there is nothing to share, and each finds its pace by itself.

    Raises:
        ConfigurationError: a value is out of range.
    """

    def __init__(
        self,
        max_concurrency: int = 32,
        requests_per_minute: float | None = None,
        retry_seconds: float = 120.0,
        first_concurrency: int | None = None,
        name: str = "rxindex-embed",
        turns: Turns | None = None,
    ) -> None:
        if max_concurrency < 1:
            raise ConfigurationError(f"concurrency is 1 or more, not {max_concurrency}")
        if requests_per_minute is not None and requests_per_minute <= 0:
            raise ConfigurationError(
                f"requests per minute are more than 0, not {requests_per_minute}"
            )
        if retry_seconds < 0:
            raise ConfigurationError(f"retry seconds are 0 or more, not {retry_seconds}")
        first = first_concurrency or max(1, max_concurrency // 4)
        self._retry_seconds = retry_seconds
        self._max_concurrency = max_concurrency
        first = min(first, max_concurrency)
        per_second = None if requests_per_minute is None else requests_per_minute / 60
        self._gate = (
            Gate(max_concurrency, first, per_second, longest_pause=retry_seconds)
            if turns is None or per_second is None
            else SharedGate(max_concurrency, first, per_second, retry_seconds, turns)
        )
        self._threads = ThreadPoolExecutor(max_concurrency, thread_name_prefix=name)
        self._count = threading.Lock()
        self._answered = self._throttles = self._unavailable = 0

    def __enter__(self) -> AdaptivePool:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def counters(self) -> PoolCounters:
        """What the pool has done so far, and what it is set to now."""
        state = self._gate.state()
        return PoolCounters(
            calls=state.started,
            answered=self._answered,
            throttles=self._throttles,
            unavailable=self._unavailable,
            limit=state.limit,
            calls_per_minute=None if state.per_second is None else state.per_second * 60,
        )

    def run(self, call: Callable[[T], R], items: Sequence[T]) -> list[R | RxindexError]:
        """Call ``call`` on each item.

        Interrupted (Ctrl-C), it starts no further call and returns at once; calls under way end
        by themselves, at their own timeouts.

        Args:
            call: called from several threads at once.
            items: what to call it on.

        Returns:
            For each item, in the order of ``items``: the result, or the error it failed with. An
            item that was throttled for longer than ``retry_seconds`` has a `Throttled`.

        Raises:
            EmbedAccessDenied: or another error after which nothing more is tried.
            EmbedderUnavailable: the pool was closed meanwhile.
        """
        run: _Run[T, R] = _Run(items)
        workers = min(len(items), self._max_concurrency)
        try:
            if workers == 1:
                self._work(run, call)
            elif workers:
                try:
                    futures = [self._threads.submit(self._work, run, call) for _ in range(workers)]
                except RuntimeError as error:  # the executor was shut down
                    raise EmbedderUnavailable("the embedder was closed: make a new one") from error
                for future in wait(futures).done:
                    future.result()
        finally:
            run.stopped.set()
            self._gate.wake()
        if run.fatal is not None:
            raise run.fatal
        results: list[R | RxindexError] = []
        for position, result in enumerate(run.results):
            if result is None:
                result = run.lost
            if result is None:
                raise RuntimeError(f"item {position} was neither answered nor failed")
            results.append(result)
        return results

    def close(self) -> None:
        """Stop: calls that wait are given up, calls under way end. May be called twice."""
        self._gate.close()
        # Futures are not cancelled: `run` waits for them, and they end at the closed gate.
        self._threads.shutdown(wait=True)

    def _work(self, run: _Run[T, R], call: Callable[[T], R]) -> None:
        """Take items until there are none; several threads do this for one run."""
        while (item := run.take()) is not None:
            try:
                self._try(run, item, call)
            except GateClosed:
                if not run.stopped.is_set():
                    run.fatal = EmbedderUnavailable("the embedder was closed: make a new one")
                    run.stopped.set()
                return
            except BaseException as error:
                run.fatal = error
                run.stopped.set()
                self._gate.wake()
                return

    def _try(self, run: _Run[T, R], item: _Item[T], call: Callable[[T], R]) -> None:
        """Call once; the item gets its result or its failure, or goes back into the queue."""
        ticket = self._gate.enter(run.stopped)
        began = time.monotonic()
        if not item.attempts:
            item.deadline = began + self._retry_seconds
        item.attempts += 1
        try:
            run.results[item.position] = call(item.value)
        except Throttled as error:
            self._add(throttles=1)
            resumes = self._gate.refused(ticket, error.retry_after)
            self._again(run, item, error, resumes)
            return
        except TransientError as error:
            self._add(unavailable=1)
            self._gate.left(ticket)
            pause = min(_LONGEST_BACK_OFF, _BACK_OFF * 2.0 ** min(item.attempts - 1, 16))
            pause *= random.uniform(0.5, 1.0)  # noqa: S311  # jitter, nothing secret
            resumes = time.monotonic() + pause
            if resumes <= item.deadline and run.stopped.wait(pause):
                return
            self._again(run, item, error, resumes)
            return
        except _FATAL:
            self._gate.left(ticket)
            raise
        except RxindexError as error:
            run.results[item.position] = error
        except BaseException:
            self._gate.left(ticket)
            raise
        run.last_answer = time.monotonic()
        self._add(answered=1)
        self._gate.answered(ticket)

    def _again(self, run: _Run[T, R], item: _Item[T], error: RxindexError, resumes: float) -> None:
        """Put an item back at the head of the queue, unless it was retried for too long."""
        if resumes > item.deadline:
            run.give_up(item, error, item.deadline - self._retry_seconds)
            self._gate.wake()
        else:
            run.queue.appendleft(item)

    def _add(self, answered: int = 0, throttles: int = 0, unavailable: int = 0) -> None:
        with self._count:
            self._answered += answered
            self._throttles += throttles
            self._unavailable += unavailable
