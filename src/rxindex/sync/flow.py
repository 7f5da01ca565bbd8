"""Stages that work at the same time, with a bounded number of batches between them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["ahead", "batches"]

T = TypeVar("T")


class _Failed:
    def __init__(self, error: BaseException) -> None:
        self.error = error


_END = object()


@contextmanager
def ahead(items: Generator[T, None, None], depth: int = 2) -> Iterator[Iterator[T]]:
    """Run a generator in a thread of its own, at most ``depth`` items ahead of its reader.

    An exception in the generator is raised in the reader, in its place in the order. When the
    reader leaves early, the generator is closed in its own thread, and the thread has ended
    before the context does.

    Args:
        items: the stage to run.
        depth: how many items may wait, the one that is being made among them.
    """
    waiting: queue.Queue[object] = queue.Queue()
    room = threading.Semaphore(depth)
    stop = threading.Event()

    def has_room() -> bool:
        room.acquire()
        return not stop.is_set()

    def work() -> None:
        try:
            while has_room():
                item = next(items, _END)
                waiting.put(item)
                if item is _END:
                    break
        except BaseException as error:  # raised again in the reader
            waiting.put(_Failed(error))
        finally:
            items.close()

    def read() -> Iterator[T]:
        while (item := waiting.get()) is not _END:
            if isinstance(item, _Failed):
                raise item.error
            room.release()
            yield item  # type: ignore[misc]

    thread = threading.Thread(target=work, name="rxindex-stage", daemon=True)
    thread.start()
    try:
        yield read()
    finally:
        stop.set()
        room.release()
        thread.join()


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut ``items`` into lists of ``size``, the last one shorter."""
    batch: list[T] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
