"""What a source of drug rows is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

import msgspec

from rxindex.model import PackageRow

__all__ = ["Chunk", "Group", "Odd", "Partition", "Reopenable", "Source"]

#: What a source orders by; see `rxindex.model.PackageRow`.
Group = tuple[str | int, ...]


#: Values that could not be read, each with its field.
Odd = frozenset[tuple[str, str]]


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


@dataclass(frozen=True)
class Chunk:
    """Some whole groups of a source, of which only those have to be read that have changed.

    Attributes:
        digests: each group, in order, with a digest of all that its rows are made from: rows of
            equal digests are equal, whenever they are read.
        read: gives the rows of these of its groups, as `Source.rows` does; called once at most.
        odd: values of its groups that `Source.notes` tells of, as far as they were read.
        tell: have `Source.notes` tell of such values of groups that are not read.
    """

    digests: Mapping[Group, bytes]
    read: Callable[[Collection[Group]], Iterator[PackageRow]]
    odd: Mapping[Group, Odd] = field(default_factory=dict)
    tell: Callable[[Odd], None] = lambda odd: None


class Source(Protocol):
    """A drug catalogue that yields its rows in group order.

    A source is a context manager; everything that is read between enter and exit, or two calls of
    `renew`, belongs to one consistent snapshot of the catalogue.
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

    def renew(self) -> None:
        """Let go of the snapshot and begin a fresh one, connecting anew where that was lost.

        What `rows` or `rows_of` still has to yield belongs to neither: finish with it first.
        Cheap, so that it may be called for every batch of changes. A source that is read from
        files once does nothing.

        Raises:
            SourceError: the catalogue can't be read any more as it is (only after connecting).
            SourceUnavailable: it does not answer.
        """
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

    def chunks(self, partition: Partition, after: Group | None = None) -> Iterator[Chunk]:
        """Yield the partition's groups, in order, each with a digest of its rows.

        The digests of two runs compare, also where the source was changed in between; they are
        others where the rows are read in another way (another mapping, say).

        Args:
            partition: one of `partitions`.
            after: go on behind this group; it need not exist any more.
        """
        ...

    def rows_of(self, groups: Sequence[Group]) -> Iterator[PackageRow]:
        """Yield all rows of exactly these groups, each group's in one run, groups in order.

        The rows are those that `rows` yields for them. Memory does not grow with their number.

        Args:
            groups: in any order; one that is named twice counts once, and one that does not exist
                yields nothing.
        """
        ...


@runtime_checkable
class Reopenable(Source, Protocol):
    """A source that another process can open too, for little."""

    def reopened(self) -> Reopenable:
        """Give the same source, not entered, in a form that can be sent to another process."""
        ...
