"""docs/performance.md out of results, and the parts that it is made of."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from benchmarks import limits, serving, throttle
from benchmarks.__main__ import ratios
from benchmarks.drugs import invented
from benchmarks.kept import keep
from benchmarks.machine import describe
from benchmarks.parts import PARTS, Part, Skipped
from benchmarks.plots import draw
from benchmarks.report import page
from benchmarks.tables import table

MACHINE = {"cpu": "A Processor", "cores": 4, "memory": 8 * 2**30, "kernel": "Linux 6.1",
           "python": "3.13.1", "versions": {"redis": "8.1.0"}}  # fmt: skip


def run(packages: int, seconds: float, added: int) -> dict[str, Any]:
    return {"source": "sqlite:///somewhere", "packages": packages, "total_processed": 100,
            "embedding_calls": 50 if added else 0, "seconds": seconds, "cpu": 1.0,
            "redis_cpu": 0.5, "added": added, "redis_bytes": 1_000 * packages,
            "peak_rss": 200 * 2**20}  # fmt: skip


def limit(count: int, seconds: float) -> dict[str, Any]:
    return {"count": count, "seconds": seconds, "cpu": 0.5, "redis_cpu": 0.0}


def one_size(packages: int) -> dict[str, Any]:
    return {"packages": packages, "cold": run(packages, packages / 1000, 100),
            "no_change": run(packages, packages / 4000, 0),
            "read": limit(packages, packages / 10_000)}  # fmt: skip


@pytest.fixture
def found() -> dict[str, Any]:
    written = {"cold": run(50_000, 5.0, 100), "alone": limit(100, 4.5)}
    embedded = {"cold": run(70_000, 10.0, 100), "no_change": run(70_000, 4.0, 0),
                "alone": limit(50, 9.5)}  # fmt: skip
    series = [one_size(10_000), one_size(20_000), one_size(40_000)]
    served = one_size(10_000)
    result = {"written": written, "embedded": embedded, "served": served, "series": series,
              "ratios": limits._ratios(written, embedded, served, series)}  # fmt: skip
    return {
        "limits": {"date": "2026-11-27T20:00:00+00:00", "machine": MACHINE, "result": result},
        "peers": {"date": "2026-11-27T20:00:00+00:00", "machine": MACHINE, "skipped": "no peers"},
    }


def test_the_page_says_what_was_measured_where_and_what_was_not(
    found: dict[str, Any], tmp_path: Path
) -> None:
    text = page(found, {"limits": [tmp_path / "plots" / "a.svg"]}, tmp_path)
    assert text.startswith("# Performance\n")
    assert "2026-11-27: A Processor, 4 cores, 8 GB, Linux 6.1, Python 3.13.1" in text
    assert "With redis 8.1.0." in text
    assert "- peers: not measured, no peers." in text
    assert "## A sync beside its limits\n" in text
    assert "raw pipelined HSET / cold sync, fake embedder, 50,000 packages | 0.90 |" in text
    assert "![A sync beside its limits](plots/a.svg)" in text
    assert "## A search" not in text
    assert "## On Lambda" in text


def test_parts_measured_on_two_machines_are_told_apart(
    found: dict[str, Any], tmp_path: Path
) -> None:
    found["peers"]["machine"] = MACHINE | {"cores": 8}
    text = page(found, {}, tmp_path)
    assert "- limits on 2026-11-27: A Processor, 4 cores" in text
    assert "- peers on 2026-11-27: A Processor, 8 cores" in text


def test_the_same_figures_give_the_same_plots(found: dict[str, Any], tmp_path: Path) -> None:
    results = {"limits": found["limits"]["result"]}
    first = draw(results, tmp_path / "a")
    second = draw(copy.deepcopy(results), tmp_path / "b")
    assert [one.name for one in first["limits"]] == [
        "performance-sync.svg", "performance-memory.svg",
    ]  # fmt: skip
    for one, other in zip(first["limits"], second["limits"], strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_growth_is_counted_from_a_quarter_of_the_largest(found: dict[str, Any]) -> None:
    built = found["limits"]["result"]["ratios"]
    assert built["linear cold, 40000"]["value"] == 1.0
    assert "40,000 / 10,000 packages" in built["linear cold, 40000"]["label"]
    assert built["no change, 20000"]["value"] == 2.5
    assert built["memory, 40000"]["value"] == 0.5


def test_quick_ratios_have_names_of_their_own(found: dict[str, Any]) -> None:
    part = next(one for one in PARTS if one.name == "limits")
    whole = ratios(part, found["limits"], quick=False)
    quick = ratios(part, found["limits"], quick=True)
    assert not set(whole) & set(quick)
    assert {f"quick/{name}" for name in whole} == set(quick)


def test_a_part_that_is_measured_keeps_what_others_left(tmp_path: Path) -> None:
    path = tmp_path / "results" / "latest.json"
    keep(path, "a", {"result": 1})
    keep(path, "b", {"result": 2})
    keep(path, "a", {"result": 3})
    assert path.read_text().count('"result"') == 2
    assert '"result": 3' in path.read_text()


@pytest.mark.parametrize(
    "part",
    [
        Part("x", "X", "benchmarks.nowhere"),
        Part("x", "X", "nowhere.at_all"),
        Part("x", "X", "benchmarks.limits", needs=("no_such_package",)),
    ],
)
def test_a_part_that_lacks_something_is_skipped(part: Part, tmp_path: Path) -> None:
    with pytest.raises(Skipped, match="is not there"):
        part.measure(tmp_path, quick=True)


def test_a_command_that_fails_is_skipped_with_its_last_words(tmp_path: Path) -> None:
    # It reads what to do from standard input, and finds nothing there.
    part = Part("x", "X", "benchmarks.load_client", own_command=True)
    with pytest.raises(Skipped, match=r"python -m benchmarks\.load_client failed: .*JSON"):
        part.measure(tmp_path, quick=True)


def test_a_quota_is_told_in_words() -> None:
    runs = [
        {"told": 2000, "per_minute": 1990.0, "share": 0.995, "refused": 0.0},
        {"told": None, "per_minute": 2020.0, "share": 1.01, "refused": 0.014},
    ]
    text = throttle.markdown({"quota": 2000, "runs": runs})
    assert "| is told the quota | 1,990 | 99.5% | 0.00% |" in text
    assert "| finds it by itself | 2,020 | 101.0% | 1.40% |" in text


def quantiles(rate: float) -> dict[str, float]:
    return {"per_second": rate, "p50": 1.0, "p95": 2.0, "p99": 3.0, "most": 4.0}


def size_asked(drugs: int) -> dict[str, Any]:
    alone = {"drugs": drugs, "algorithm": "flat", "searches": quantiles(300.0),
             "raw": quantiles(900.0)}  # fmt: skip
    service = {"commands alone": quantiles(1000.0), "searches": quantiles(500.0) | {"own_ms": 1.5},
               "a day's mix": quantiles(900.0), "peak_memory": 300 * 2**20}  # fmt: skip
    return {"alone": alone, "service": service}


def test_searches_are_told_by_size_with_a_plot(tmp_path: Path) -> None:
    result = {"sizes": [size_asked(10_000), size_asked(100_000)], "model": quantiles(100.0),
              "ratios": {}}  # fmt: skip
    text = serving.markdown(result)
    assert "| searches | 10,000 | flat | 300 | 1.0 | 2.0 | 3.0 | 4.0 |" in text
    assert "| searches | 100,000 | 500 | 1.0 | 2.0 | 3.0 | 4.0 | 1.50 |  |" in text
    assert "300 MB at 10,000 drugs, 300 MB at 100,000 drugs" in text
    (drawn,) = draw({"search": result}, tmp_path)["search"]
    assert "a day" in drawn.read_text()


def test_invented_drugs_are_drugs_of_their_own_in_the_order_of_their_groups() -> None:
    rows = list(invented(500, after=7))
    assert [one.group for one in rows] == [(number,) for number in range(8, 508)]
    assert len({one.ndc for one in rows}) == len({(one.group, one.key) for one in rows}) == 500
    assert all(one.name and one.ingredients and one.strength and one.form for one in rows)
    assert list(invented(0, after=7)) == list(invented(-3, after=7)) == []


def test_tables_have_commas_in_whole_numbers_only() -> None:
    assert table(("a", "b"), [("x", 1234567), ("y", "1.5")]).splitlines() == [
        "| a | b |", "| --- | ---: |", "| x | 1,234,567 |", "| y | 1.5 |",
    ]  # fmt: skip


def test_a_machine_is_described_without_its_name() -> None:
    described = describe()
    assert described["cores"] >= 1
    assert described["memory"] > 2**20
    assert described["versions"]["rxindex"]
    assert set(described) == {
        "cpu", "cores", "memory", "kernel", "machine", "python", "versions",
    }  # fmt: skip
