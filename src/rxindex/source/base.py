"""What a source of drug rows is."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Protocol, Self

import msgspec

from rxindex.model import PackageRow

__all__ = ["Partition", "Source"]

Group = tuple[str | int, ...]


class Partition(msgspec.Struct, frozen=True):
    """A range of groups: an independent, idempotent unit of sync.

    Attributes:
        name: for messages and checkpoints, stable while the source does not change.
        low: the range holds groups from here on (included), or from the start.
        high: up to here (excluded), or to the end.
    """

    name: str
    low: Group | None = None
    high: Group | None = None


class Source(Protocol):
    """A drug catalogue that yields its rows in group order.

    A source is a context manager; everything that is read between enter and exit belongs to one
    consistent snapshot of the catalogue.
    """

    #: For messages, without any secret: ``mysql://host/fdb``.
    name: str

    def __enter__(self) -> Self:
        """Connect and check the schema.

        Raises:
            SourceError: the catalogue can't be read as it is; the message names what is missing.
            SourceUnavailable: it does not answer.
        """
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of the snapshot and the connection."""
        ...

    def count(self) -> int:
        """Count the rows (packages), for progress bars and for refusing an empty source."""
        ...

    def notes(self) -> list[str]:
        """Say what was left out or could not be read so far, in sentences for the report."""
        ...

    def partitions(self, parts: int = 1) -> list[Partition]:
        """Cut the catalogue into about ``parts`` partitions that cover it without overlap."""
        ...

    def rows(self, partition: Partition, after: Group | None = None) -> Iterator[PackageRow]:
        """Yield the partition's rows, all rows of one group in one run, groups in order.

        Args:
            partition: one of `partitions`.
            after: go on behind this group (a checkpoint); it need not exist any more.
        """
        ...
