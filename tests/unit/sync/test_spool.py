"""What a run remembers on disk."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rxindex.sync.spool import RunSpool


def test_vectors_are_found_by_their_text() -> None:
    with RunSpool() as spool:
        spool.add_vectors([(b"a", b"1"), (b"b", b"2")])
        spool.add_vectors([(b"a", b"1")])
        assert spool.vectors([b"a", b"a", b"c"]) == {b"a": b"1"}
        assert spool.vectors([]) == {}
        many = [n.to_bytes(4, "big") for n in range(2000)]
        spool.add_vectors((one, one) for one in many)
        assert len(spool.vectors(many)) == 2000


@given(st.lists(st.lists(st.text(min_size=1, max_size=3), max_size=5), max_size=5))
def test_seen_drugs_are_counted_once(marked: list[list[str]]) -> None:
    with RunSpool() as spool:
        seen: set[str] = set()
        for ids in marked:
            assert spool.mark_seen(ids) == len(set(ids) - seen)
            seen.update(ids)
        asked = sorted(seen | {"something else"})
        assert spool.unseen(asked) == ["something else"]
        assert spool.unseen([]) == []


def test_the_file_goes_with_the_spool() -> None:
    spool = RunSpool()
    folder = spool.folder
    assert folder.is_dir()
    spool.close()
    spool.close()
    assert not folder.exists()
