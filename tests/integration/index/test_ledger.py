"""The ledger's own form in a real Redis."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rxindex.index.catalogue import Catalogue
from rxindex.index.entry import GroupEntry, Told
from rxindex.index.ledger import GroupLedger, group_name
from rxindex.model import ids_in

groups = st.one_of(
    st.tuples(st.integers(0, 2**40)),
    st.tuples(st.just(1), st.text(max_size=12)),
    st.tuples(st.just(0), st.text(st.characters(), max_size=12)),
    st.tuples(st.text(max_size=5), st.text(max_size=5)),
)
days = st.integers(0, 3_652_060)
ids = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=16, max_size=16)
told = st.builds(
    Told,
    st.integers(0, 9),
    st.integers(0, 9),
    st.frozensets(st.tuples(st.sampled_from(["schedule", "end"]), st.text(max_size=9)), max_size=3),
)
entries = st.builds(
    GroupEntry,
    st.binary(min_size=16, max_size=16),
    days,
    days,
    st.integers(0, 2**31),
    st.lists(ids, max_size=6).map("".join),
    st.one_of(st.just(Told()), told),
)


@given(st.dictionaries(groups, entries, max_size=8), groups)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_what_is_entered_is_read_until_it_is_forgotten(
    catalogue: Catalogue, written: dict[tuple[str | int, ...], GroupEntry], other: tuple[int]
) -> None:
    catalogue.client.delete(catalogue.key("g9", "groups"))
    ledger = GroupLedger(catalogue, "g9")
    ledger.write(written)
    assert len(ledger) == len(written)
    assert dict(ledger.entries()) == {group_name(one): entry for one, entry in written.items()}
    assert ledger.read([*written, other]) == [*written.values(), written.get(other)]
    gone = list(written)[::2]
    ledger.forget([*gone, other, *gone])
    left = {group_name(g): one for g, one in written.items() if g not in {*gone, other}}
    assert dict(ledger.entries()) == left
    ledger.remove(list(left)[:1])
    assert len(ledger) == max(0, len(left) - 1)


def test_drugs_are_counted_by_their_ids() -> None:
    entry = GroupEntry(b"m" * 16, 0, 1, 3, "a" * 16 + "b" * 16)
    assert entry.drugs == 2
    assert ids_in(entry.drug_ids) == ["a" * 16, "b" * 16]


def test_a_bad_surrogate_in_a_groups_name_is_kept(catalogue: Catalogue) -> None:
    ledger = GroupLedger(catalogue, "g9")
    entry = GroupEntry(b"m" * 16, 0, 1, 3, "a" * 16)
    ledger.write({(0, "x\udcff"): entry})
    assert ledger.read([(0, "x\udcff"), (0, "x")]) == [entry, None]
    assert dict(ledger.entries()) == {group_name((0, "x\udcff")): entry}


@given(st.lists(groups, unique=True, max_size=6))
def test_each_group_has_a_short_name_of_its_own(some: list[tuple[str | int, ...]]) -> None:
    names = [group_name(one) for one in some]
    assert len(set(names)) == len(some)
    assert all(len(one) <= 16 for one in names)
    assert names == [group_name(one) for one in some]
