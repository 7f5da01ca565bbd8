"""Quantiles and stopwatches."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxindex.bench.timing import PeakMemory, Stopwatch, latencies, stopwatch

times = st.lists(st.floats(min_value=1e-6, max_value=100), min_size=1, max_size=200)


@given(times)
def test_quantiles_are_measured_times_in_order(seconds: list[float]) -> None:
    found = latencies(seconds, sum(seconds))
    quantiles = [found.p50, found.p90, found.p95, found.p99, found.most]
    assert quantiles == sorted(quantiles)
    assert set(quantiles) <= {round(one * 1000, 4) for one in seconds}
    assert found.most == round(max(seconds) * 1000, 4)
    assert found.answers == len(seconds)


def test_a_quantile_is_the_nearest_rank() -> None:
    found = latencies([number / 1000 for number in range(1, 101)], 10.0)
    assert (found.p50, found.p90, found.p95, found.p99, found.most) == (50, 90, 95, 99, 100)
    assert found.per_second == 10.0


def test_one_answer_is_every_quantile() -> None:
    found = latencies([0.002], 0.002)
    assert found.p50 == found.p99 == found.most == 2.0


def test_a_stopwatch_adds_up_its_pieces_and_nothing_between() -> None:
    watch = Stopwatch()
    with watch.running():
        busy(0.02)
    once = watch.spent(1)
    busy(0.1)
    with watch.running():
        busy(0.02)
    twice = watch.spent(5)
    assert 0.02 <= once.cpu < twice.cpu
    assert twice.seconds >= twice.cpu * 0.9
    assert twice.count == 5
    assert twice.redis_cpu == 0.0


def test_work_that_fails_counts_too() -> None:
    watch = Stopwatch()
    with pytest.raises(ValueError, match="no"), watch.running():
        busy(0.01)
        raise ValueError("no")
    assert watch.spent(0).cpu >= 0.01


def test_one_piece_is_timed_from_beginning_to_end() -> None:
    with stopwatch() as watch:
        busy(0.01)
    assert watch.spent(1).cpu >= 0.01


def test_peak_memory_is_of_this_process_and_stays_when_memory_is_let_go() -> None:
    # In a process of its own: this one may have held more than it holds now.
    program = """
from rxindex.bench.timing import peak_memory
before = peak_memory()
held = bytearray(b"x") * (200 << 20)
del held
print(peak_memory() - before >> 20)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert 180 <= int(done.stdout) <= 220


def test_processor_time_of_a_process_that_was_started_and_ended_counts() -> None:
    program = "import time\nwhile time.process_time() < 0.3: pass"
    with stopwatch() as watch:
        subprocess.run([sys.executable, "-c", program], check=True)
    assert watch.spent(1).cpu >= 0.3


def test_peak_memory_is_of_processes_of_our_own_too_that_were_seen_at_work() -> None:
    program = "held = bytearray(b'x') * (100 << 20)\nprint(flush=True)\ninput()"
    peak = PeakMemory()
    peak.look()  # at those that other tests have started
    before = peak.most()
    words = [sys.executable, "-c", program]
    with (
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other,
        subprocess.Popen(["sleep", "60"]) as stranger,
    ):
        assert other.stdout is not None
        other.stdout.readline()
        peak.look()
        other.communicate(b"\n")
        stranger.kill()
    assert 100 <= peak.most() - before >> 20 <= 130


def busy(seconds: float) -> None:
    """Use so much of the processor, however little of it there is to have."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
