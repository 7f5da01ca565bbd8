"""The cores of the process, not of the machine."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rxindex.cores import cores


def test_cores_are_those_that_the_process_may_use() -> None:
    program = """
import os
from rxindex.cores import cores
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
print(cores())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"1\n"


def test_where_the_system_does_not_tell_all_of_the_machine_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr("os.sched_getaffinity")
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert cores() == 1
