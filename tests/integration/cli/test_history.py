"""``rxindex history`` and what ``rxindex status`` says of runs."""

from __future__ import annotations

import datetime
import subprocess
import sys
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.integration.cli.conftest import Run

from rxindex.cli.history import in_words
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.lease import hold
from rxindex.index.schema import IndexSettings
from rxindex.sync.history import FollowState, History, Outcome, RunRecord, write_follow
from rxindex.sync.quarantine import quarantine_key


def record(number: int, outcome: Outcome = "completed", error: str = "") -> RunRecord:
    started = time.time() - 86_400 * (10 - number) - 7500
    return RunRecord(
        run=f"r{number}", command="sync", catalogue="fdb", outcome=outcome, started=started,
        ended=started + 60 * number, duration=60.0 * number, total_processed=97_222,
        added=1_200 * number, deleted=7, embedding_calls=345, drugs_per_second=97_222 / 60 / number,
        error=error, reason="Redis reached [maxmemory]" if error else "", resumed=bool(error),
    )  # fmt: skip


def test_history_shows_the_last_runs_newest_first(
    rxindex: Run, catalogue: Catalogue, place: tuple[str, ...]
) -> None:
    empty = rxindex("history", *place)
    assert empty.code == 0
    assert "no run of" in empty.out
    assert rxindex("history", *place, "--json").json == {"catalogue": catalogue.name, "runs": []}

    for number in range(1, 6):
        History(catalogue).add(record(number))
    History(catalogue).add(record(6, "failed", "IndexFull"))
    shown = rxindex("history", *place)
    assert shown.code == 0, shown.err
    lines = shown.out.splitlines()
    assert "▂▄▅▇█" in lines[0]
    assert "1 min to 5 min" in lines[0]
    assert "drugs/s" in lines[1]
    assert "sync (resumed)" in lines[3]
    assert "failed" in lines[3]
    assert "IndexFull" in lines[3]
    assert "6,000" in lines[4]
    assert "97,222" in lines[4]
    assert "1,200" in lines[8]
    assert "IndexFull: Redis reached [maxmemory]" in lines[9]

    narrow = rxindex("history", *place, COLUMNS="80").out.splitlines()
    assert "97,222" not in "".join(narrow)
    assert any("6,000" in line for line in narrow)
    assert max(map(len, narrow)) <= 80
    assert not any("…" in line for line in narrow)

    runs = rxindex("history", *place, "--last", "2", "--json").json["runs"]
    assert [one["run"] for one in runs] == ["r6", "r5"]
    assert (runs[0]["error"], runs[0]["outcome"]) == ("IndexFull", "failed")
    assert runs[1]["written"] == 6000
    started = datetime.datetime.fromisoformat(runs[1]["started"])
    assert started.utcoffset() == datetime.timedelta(0)
    assert runs[1]["snapshot"] == runs[1]["started"]


def test_history_refuses_an_impossible_number(rxindex: Run, place: tuple[str, ...]) -> None:
    assert rxindex("history", *place, "--last", "0").code == 2
    assert rxindex("history", *place, "--last", "201").code == 2


def test_status_of_a_catalogue_that_nothing_was_done_with(
    rxindex: Run, place: tuple[str, ...]
) -> None:
    found = rxindex("status", *place, "--json").json
    assert found["generations"] == []
    for name in ("last_run", "last_completed", "data_age", "follow", "lease"):
        assert found[name] is None
    assert found["quarantine"] == 0
    text = rxindex("status", *place).out
    assert "nothing is indexed" in text
    assert "last run" not in text


def test_status_shows_generations_and_runs_together(
    rxindex: Run, catalogue: Catalogue, capabilities: Capabilities, place: tuple[str, ...]
) -> None:
    generation = catalogue.create("fake/16", 16, IndexSettings(), capabilities, 10)
    catalogue.point_alias(generation.name)
    History(catalogue).add(record(10))
    text = rxindex("status", *place).out
    assert "g1 (live)" in text
    assert "flat float16" in text
    assert "sync completed" in text
    assert "last completed" not in text  # it is the last run
    assert "empty" in text
    found = rxindex("status", *place, "--json").json
    assert found["live"] == "g1"
    assert found["last_run"] == found["last_completed"]


def test_status_shows_runs_age_following_quarantine_and_who_is_at_work(
    rxindex: Run, catalogue: Catalogue, place: tuple[str, ...]
) -> None:
    History(catalogue).add(record(10))
    History(catalogue).add(record(11, "failed", "IndexFull"))
    catalogue.client.hset(quarantine_key(catalogue), mapping={"a": "{}", "b": "{}"})
    with hold(catalogue, "follow"):
        found = rxindex("status", *place, "--json").json
        text = rxindex("status", *place).out
    assert found["last_run"]["error"] == "IndexFull"
    assert found["last_completed"]["run"] == "r10"
    assert found["last_completed"]["written"] == 12_000
    assert 7500 <= found["data_age"] < 7700
    assert found["quarantine"] == 2
    assert found["lease"]["command"] == "follow"
    assert found["lease"]["pid"] > 0
    assert "newest data" in text
    assert "2 h 5 min old" in text
    assert "IndexFull: Redis reached [maxmemory]" in " ".join(text.split())
    assert "last completed" in text
    assert "at work" in text
    assert "2 drugs" in text


@pytest.mark.parametrize(
    ("silent", "behind", "state"),
    [(False, 0.0, "in step"), (False, 7200.0, "behind"), (True, 7200.0, "not running")],
)
def test_status_tells_a_follower_that_is_behind_from_one_that_is_gone(
    rxindex: Run,
    catalogue: Catalogue,
    place: tuple[str, ...],
    silent: bool,
    behind: float,
    state: str,
) -> None:
    now = time.time()
    written = write_follow(
        catalogue,
        FollowState(
            position="bin.000007:4", committed=now - 9000, checked=now - behind, rows=12_345
        ),
    )
    if silent:
        old = msgspec.structs.replace(written, updated=1000.0)
        catalogue.client.set(catalogue.key("follow"), msgspec.json.encode(old))
    found = rxindex("status", *place, "--json").json["follow"]
    assert found["state"] == state
    assert behind <= found["lag"] < behind + 60
    text = rxindex("status", *place).out
    assert f"{state}, lag" in text
    assert "12,345 rows" in text
    assert "bin.000007:4" in text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-3, "0.0 s"), (0.42, "0.4 s"), (9.96, "10 s"), (45, "45 s"), (59.7, "1 min"),
     (200, "3 min 20 s"), (3599.8, "1 h"), (7500, "2 h 5 min"), (7229, "2 h"),
     (86_390, "1 d"), (86_400 * 3 + 3600 * 4 + 125, "3 d 4 h"), (86_400 * 1234, "1,234 d")],
)  # fmt: skip
def test_times_are_said_in_their_two_largest_units(seconds: float, said: str) -> None:
    assert in_words(seconds) == said


@given(st.floats(0, 1e9))
def test_a_time_in_words_is_right_to_its_last_unit(seconds: float) -> None:
    size = {"d": 86_400, "h": 3600, "min": 60, "s": 1}
    parts = in_words(seconds).replace(",", "").split()
    told = sum(float(n) * size[unit] for n, unit in zip(parts[::2], parts[1::2], strict=True))
    assert abs(told - seconds) <= {"d": 3600, "h": 60}.get(parts[1], 1)


def test_a_dead_holder_is_told_as_dead(
    rxindex: Run, catalogue: Catalogue, place: tuple[str, ...]
) -> None:
    code = (
        "import os, sys\n"
        "from rxindex.index.catalogue import Catalogue\n"
        "from rxindex.index.connect import connect\n"
        "from rxindex.index.lease import hold\n"
        "with hold(Catalogue(connect(sys.argv[1]), sys.argv[2]), 'sync'):\n"
        "    os._exit(1)\n"
    )
    subprocess.run([sys.executable, "-c", code, place[1], catalogue.name], check=False, timeout=60)
    text = " ".join(rxindex("status", *place).out.split())
    assert "but it died" in text
