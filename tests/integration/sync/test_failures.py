"""Runs that are going wrong are stopped, by one limit or another, and only those."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.integration.sync.bench import Bench, refusing, throttling
from tests.services.fdb import add_packages, package

from rxindex.errors import ErrorBudgetSpent
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.sync.budget import Limits
from rxindex.sync.history import History
from rxindex.vocabulary import Vocabulary

#: Of two dozen new drugs each third one is refused, and the last eight.
GOOD = "GOODMAB"
ROWS = [package(1000 + n, f"OLD{n:02}MAB 5 MG TABLET", 1000 + n) for n in range(10)]
WIDE = {"total": 10**6, "in_a_row": 10**6, "share": 1.0, "window": 10**6}


def letters(number: int) -> str:
    return "".join("ABCDEFGHIJ"[int(digit)] for digit in f"{number:02}")


def new(number: int, word: str) -> dict[str, object]:
    return package(number, f"{word}{letters(number)} 5 MG TABLET", number)


@pytest.fixture
def bench(
    tmp_path: Path, catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary
) -> Bench:
    bench = Bench(tmp_path, catalogue, capabilities, vocabulary, ROWS)
    bench.run()
    rows = [new(n, "POISON" if n % 3 == 0 or n > 24 else "GOODMAB") for n in range(1, 33)]
    add_packages(bench.url, rows)
    return bench


def limits(**given: float) -> Limits:
    return Limits(**(WIDE | given))  # type: ignore[arg-type]


def test_within_its_limits_a_run_goes_on(bench: Bench) -> None:
    report = bench.run(refusing("poison"), batch_size=1, limits=limits(total=16))
    assert (report.failed, report.added, report.completed) == (16, 16, True)


@pytest.mark.parametrize(
    ("given", "said", "written"),
    [
        ({"total": 3}, "4 drugs failed, more than the 3 allowed", 8),
        ({"in_a_row": 4}, "4 drugs in a row failed", 16),
        # 17 to 26 in a window of ten: the first with more than four failures in it
        ({"share": 0.4, "window": 10}, "5 of the last 10 drugs failed", 16),
    ],
)
def test_each_limit_stops_a_run_by_itself(
    bench: Bench, given: dict[str, float], said: str, written: int
) -> None:
    with pytest.raises(ErrorBudgetSpent, match=said) as told:
        bench.run(refusing("poison"), batch_size=1, limits=limits(**given))
    for word in ("no poison", "POISON", "rxindex quarantine list"):
        assert word in str(told.value)
    # What was written is whole, and nothing was deleted; what failed is in quarantine.
    drugs = bench.by_id()
    assert len(drugs) == 10 + written
    assert bench.found("*") == len(drugs)
    assert all(one.name.startswith("POISON") for one in bench.entries().values())
    assert History(bench.catalogue).last(1)[0].error == "ErrorBudgetSpent"
    # The next run leaves those alone and goes on with the others.
    after = bench.run(refusing("poison"), batch_size=1, limits=limits(total=16))
    assert (after.resumed, after.completed) == (True, True)
    assert len(bench.by_id()) == 26


def test_known_failures_cost_nothing(bench: Bench) -> None:
    bench.run(refusing("poison"), limits=limits())
    report = bench.run(refusing("poison"), batch_size=1, limits=limits(total=0, in_a_row=1))
    assert (report.failed, report.quarantined, report.completed) == (16, 0, True)


def test_a_text_that_many_drugs_share_fails_once(bench: Bench) -> None:
    shared = [package(500 + n, f"POISONMAB {n} MG TABLET", 500 + n) for n in range(1, 21)]
    add_packages(bench.url, shared)
    bad = refusing("poisonmab")
    report = bench.run(bad, batch_size=1, limits=limits(total=1, in_a_row=2))
    assert (report.failed, report.quarantined, report.completed) == (20, 20, True)
    with pytest.raises(ErrorBudgetSpent):
        add_packages(bench.url, [package(600, "POISONMAB 5 MG CAPSULE", 600)])
        bench.run(bad, limits=limits(total=0))


def test_being_asked_to_slow_down_is_no_failure(bench: Bench) -> None:
    report = bench.run(throttling("poison"), batch_size=1, limits=limits(total=0, in_a_row=1))
    assert (report.deferred, report.failed, report.added) == (16, 0, 16)
    assert report.in_quarantine == 0


def test_rows_of_one_drug_fail_once_and_those_of_a_drug_with_others_never(bench: Bench) -> None:
    bad = [package(f"BAD{n}", "OLD00MAB 5 MG TABLET", 1000) for n in range(5)]
    lost = [package(f"LOST{n}", "LOSTMAB 5 MG TABLET", 700) for n in range(5)]
    add_packages(bench.url, [*bad, *lost])
    report = bench.run(batch_size=1, limits=limits(total=1, in_a_row=2))
    assert (report.quarantined, report.failed, report.completed) == (10, 1, True)
    add_packages(bench.url, [package("BAD", "OTHERMAB 5 MG TABLET", 701)])
    with pytest.raises(ErrorBudgetSpent, match="not an NDC"):
        bench.run(limits=limits(total=0))


def test_when_everything_fails_the_index_stays_as_it_was(bench: Bench) -> None:
    before = bench.by_id()
    with pytest.raises(ErrorBudgetSpent, match="in a row"):
        bench.run(refusing("poison", "goodmab"), limits=limits(in_a_row=20))
    assert bench.by_id() == before
