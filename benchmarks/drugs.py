"""Catalogues of as many drugs as are wanted, without a database.

The FDA's drugs come first, with all their packages; behind them invented ones, each with one
package, since search looks at drugs and a million drugs with FDB's five packages each would only
take longer to load.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from types import TracebackType
from typing import Self

import msgspec

from rxindex.model import PackageRow, fold
from rxindex.source import open_source
from rxindex.source.base import Chunk, Group, Partition
from rxindex.source.chunks import chunks_of
from rxindex.source.sample_fdb import PackageLine
from rxindex.source.sample_invented import Plan, invented_lines
from rxindex.vocabulary import load_vocabulary

__all__ = ["SomeDrugs", "invented"]

#: Drugs of the NDC Directory of April 2019, about; what a catalogue is that takes all of them.
_REAL = 36_000
#: Distinct embedding texts among them, about.
_REAL_TEXTS = 7_700
#: As many as in FDB, where 97,463 drugs are 32,257 formulations.
_FORMULATIONS_PER_DRUG = 0.33
#: Each invented ingredient has as many strengths, which share a text.
_STRENGTHS = 4


class SomeDrugs:
    """So many drugs; see `rxindex.source.base.Source`.

    Args:
        count: how many, about. Fewer than the FDA has: evenly drawn out of its groups.
    """

    def __init__(self, count: int) -> None:
        self.name = f"{count:,} drugs"
        self._count = count

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to let go of."""

    def renew(self) -> None:
        """Nothing changes."""

    def count(self) -> int:
        """Count the drugs; the packages are a few more."""
        return self._count

    def texts(self) -> int:
        """Give about how many distinct embedding texts there are, to choose an index by."""
        real = min(self._count, _REAL)
        invented = (self._count - real) * _FORMULATIONS_PER_DRUG / _STRENGTHS
        return round(_REAL_TEXTS * math.sqrt(real / _REAL) + invented)

    def notes(self) -> list[str]:
        return []

    def partitions(self, parts: int = 1) -> list[Partition]:
        del parts
        return [Partition("all")]

    def rows(self, partition: Partition, after: Group | None = None) -> Iterator[PackageRow]:
        """Yield all rows; groups are numbered as they come."""
        del partition
        last = int(after[0]) if after else 0
        for row in self._numbered():
            if int(row.group[0]) > last:
                yield row

    def chunks(self, partition: Partition, after: Group | None = None) -> Iterator[Chunk]:
        """Yield all groups with a digest each."""
        return chunks_of(self.rows(partition, after))

    def rows_of(self, groups: Sequence[Group]) -> Iterator[PackageRow]:
        wanted = set(groups)
        return (row for row in self._numbered() if row.group in wanted)

    def _numbered(self) -> Iterator[PackageRow]:
        number = drugs = 0
        every = max(1, round(_REAL / self._count))
        source = open_source("sample", keep_otc=load_vocabulary().treats)
        with source as directory:
            (whole,) = directory.partitions()
            for place, (_, found) in enumerate(groupby(directory.rows(whole), _group)):
                if place % every or drugs >= self._count:
                    continue
                number += 1
                keys = set()
                for row in found:
                    keys.add(tuple(map(fold, row.key)))
                    yield msgspec.structs.replace(row, group=(number,))
                drugs += len(keys)
        yield from invented(self._count - drugs, number)


def invented(drugs: int, after: int) -> Iterator[PackageRow]:
    """Yield invented drugs, each with one package and in a group of its own.

    Args:
        drugs: how many; none or fewer is none.
        after: the number of the last group before them.
    """
    if drugs <= 0:
        return
    formulations = max(1, round(drugs * _FORMULATIONS_PER_DRUG))
    plan = Plan(drugs, drugs, formulations, max(1, drugs // 100))
    for number, line in enumerate(invented_lines(plan, frozenset(), seed=1), start=after + 1):
        yield _row(line, number)


def _group(row: PackageRow) -> Group:
    return row.group


def _row(line: PackageLine, number: int) -> PackageRow:
    """Give an invented package as a source does."""
    formulation, naming = line.formulation, line.naming
    assert formulation is not None
    names = tuple(name for name, _, _ in formulation.ingredients)
    return PackageRow(
        group=(number,),
        key=(naming.ln60, naming.bn),
        ndc=line.ndc,
        name=naming.ln60,
        brand=naming.bn if naming.has_brand else "",
        generic=names[0],
        ingredients=names,
        strength="; ".join(f"{amount} mg" for _, amount, _ in formulation.ingredients),
        form=formulation.form,
        routes=(formulation.routes,),
        classes=line.classes,
        indications=line.indications,
        innovator=line.innovator,
        labeler=line.labeler,
    )
