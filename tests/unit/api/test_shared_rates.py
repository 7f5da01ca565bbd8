"""Rates of several processes: one quota for all of them, whatever becomes of one."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.api.test_rates import Clock, key

from rxindex.api.keys import ApiKey
from rxindex.api.rates import Rates
from rxindex.api.shared_rates import SharedRates

#: Takes 200 tokens of a quota of 300 that comes back in a minute; prints how many it got.
TAKER = """
import sys
from pathlib import Path
from rxindex.api.keys import ApiKey
from rxindex.api.shared_rates import SharedRates

rates = SharedRates(300, Path(sys.argv[1]), lambda: 0.0)
key = ApiKey("a", "0" * 64, "")
print(sum(rates.take(key).allowed for _ in range(200)))
"""


def test_processes_that_share_a_folder_have_one_quota_together(tmp_path: Path) -> None:
    takers = [
        subprocess.Popen(
            [sys.executable, "-c", TAKER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    assert sum(int(one.communicate()[0]) for one in takers) == 300


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 30)), max_size=60))
def test_it_makes_no_difference_which_process_is_asked(asked: list[tuple[str, float]]) -> None:
    clock = Clock()
    alone = Rates(4, clock)
    with tempfile.TemporaryDirectory() as folder:
        shared = [SharedRates(4, Path(folder), clock) for _ in range(2)]
        for number, (name, pause) in enumerate(asked):
            clock.now += pause
            one = ApiKey(name, name * 64, "")
            assert shared[number % 2].take(one) == alone.take(one)


def test_a_process_that_dies_while_it_counts_holds_nobody_up(tmp_path: Path) -> None:
    rates = SharedRates(2, tmp_path, Clock())
    assert rates.take(key()).allowed
    dying = os.fork()
    if not dying:
        fcntl.flock(os.open(tmp_path / key().sha256, os.O_RDWR), fcntl.LOCK_EX)
        os._exit(0)
    os.waitpid(dying, 0)
    assert [rates.take(key()).allowed for _ in range(2)] == [True, False]


def test_only_this_user_can_read_who_asks_how_often(tmp_path: Path) -> None:
    SharedRates(1, tmp_path, Clock()).take(key())
    assert (tmp_path / key().sha256).stat().st_mode & 0o777 == 0o600
