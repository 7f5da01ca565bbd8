"""What a run remembers on disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from rxindex.sync.spool import RunSpool


def test_texts_are_remembered() -> None:
    with RunSpool() as spool:
        spool.add_texts([b"a", b"b"])
        spool.add_texts([b"a"])
        assert spool.texts([b"a", b"a", b"c"]) == {b"a"}
        assert spool.texts([]) == set()
        many = [n.to_bytes(4, "big") for n in range(2000)]
        spool.add_texts(many)
        assert spool.texts(many) == set(many)
        assert spool.count_texts() == 2002


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


ids = st.lists(st.text("abcd", min_size=1, max_size=2), max_size=9)


@given(st.lists(ids, max_size=4), ids)
def test_surplus_is_what_is_stored_and_was_not_seen(
    listed: list[list[str]], seen: list[str]
) -> None:
    with RunSpool() as spool:
        spool.mark_seen(seen)
        stored: set[str] = set()
        for some in listed:
            assert spool.add_stored(some) == len(set(some) - stored)
            stored.update(some)
        assert sorted(spool.surplus()) == sorted(stored - set(seen))


def test_the_file_is_on_disk_and_goes_whatever_happens() -> None:
    with RunSpool() as spool:
        spool.add_texts(n.to_bytes(4, "big") + bytes(1 << 20) for n in range(64))
        # What it holds is in a file that has no name any more: a killed process leaves nothing.
        names = [Path(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd")]  # noqa: PTH208
        targets = [str(one.readlink()) for one in names if one.is_symlink()]
        assert any("etilqs" in one and one.endswith("(deleted)") for one in targets), targets
    spool.close()


def test_a_process_that_is_killed_leaves_no_file(tmp_path: Path) -> None:
    program = """
import sys
from rxindex.sync.spool import RunSpool
with RunSpool() as spool:
    spool.add_texts(n.to_bytes(4, "big") + bytes(1 << 20) for n in range(16))
    print("there", flush=True)
    sys.stdin.read()
"""
    folder = os.environ | {"TMPDIR": str(tmp_path), "SQLITE_TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=folder
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"there\n"
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []
