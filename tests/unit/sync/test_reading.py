"""Rows become batches of whole groups."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from rxindex.model import Drug, PackageRow
from rxindex.sync.assemble import RowCounts, assemble
from rxindex.sync.reading import drug_batches
from rxindex.vocabulary import Vocabulary

TODAY = "2019-05-01"


def rows_of(groups: list[list[int]]) -> Iterator[PackageRow]:
    """Give the rows of groups, of each of whose drugs the number of packages is given."""
    ndc = 0
    for group, drugs in enumerate(groups, 1):
        for drug, packages in enumerate(drugs):
            for _ in range(packages):
                ndc += 1
                name = f"ZORB{drug} 5 MG TABLET"
                yield PackageRow((group,), (name,), f"{ndc:011d}", name)


@given(
    st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=4), min_size=1, max_size=12),
    st.integers(1, 5),
)
def test_a_batch_is_full_by_drugs_or_by_packages_and_cuts_no_group(
    vocabulary: Vocabulary, groups: list[list[int]], size: int
) -> None:
    counts = RowCounts()
    batches = list(drug_batches(rows_of(groups), vocabulary, TODAY, counts, size))
    given_out = list(chain.from_iterable(batch.drugs for batch in batches))
    assert [drug for _, drug in given_out] == list(assemble(rows_of(groups), vocabulary, TODAY))
    assert counts.rows == sum(map(sum, groups))
    assert [batch.after for batch in batches] == sorted({batch.drugs[-1][0] for batch in batches})
    assert len({group for group, _ in given_out}) == sum(
        len({group for group, _ in batch.drugs}) for batch in batches
    )
    for batch in batches:
        drugs = [drug for _, drug in batch.drugs]
        before = [drug for group, drug in batch.drugs if group != batch.after]
        assert is_full(drugs, size) or batch is batches[-1]
        assert not is_full(before, size)


def is_full(drugs: list[Drug], size: int) -> bool:
    return len(drugs) >= size or sum(len(drug.packages) for drug in drugs) >= 3 * size
