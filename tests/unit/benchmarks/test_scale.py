"""The model of a sync on several workers: cases whose answer is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from benchmarks.scale import page
from benchmarks.scale.growth import Growth, extrapolate, rarefy
from benchmarks.scale.model import Catalogue, Costs, Setting, simulate
from hypothesis import given, settings
from hypothesis import strategies as st

FREE = Costs(
    digest_database=0, digest=0, known=0, database=0, read=0, compare=0, write=0, call=0, minilm=0,
    redis_known=0, redis_compare=0, redis_write=0, redis_vector=0, vectors=1000,
    drug_bytes=0, package_bytes=0, vector_bytes=0,
)  # fmt: skip
CATALOGUE = Catalogue(1_000_000, 100_000, 20_000)
ROOT = Path(__file__).parents[3]


def costs(**given: float) -> Costs:
    return msgspec.structs.replace(FREE, **given)


def seconds(taken: Costs, setting: Setting, changed: float = 1.0) -> float:
    return simulate(taken, CATALOGUE, setting, changed).seconds


# -- one resource at a time --------------------------------------------------------------------


def test_one_process_takes_as_long_as_its_code() -> None:
    taken = costs(read=50e-6, compare=100e-6, write=200e-6)
    outcome = simulate(taken, CATALOGUE, Setting(last_pass=False))
    assert outcome.seconds == pytest.approx(50 + 10 + 20)
    assert outcome.bottleneck == "CPU"


@given(workers=st.integers(1, 20))
@settings(max_examples=10)
def test_workers_share_the_code_evenly(workers: int) -> None:
    took = seconds(costs(read=50e-6), Setting(workers=workers, last_pass=False))
    assert took == pytest.approx(50 / workers, rel=0.05)


@pytest.mark.parametrize("workers", [1, 4, 50])
def test_a_quota_is_not_exceeded_by_more_workers(workers: int) -> None:
    setting = Setting(workers=workers, embedder="titan", per_minute=6000, last_pass=False)
    outcome = simulate(costs(read=1e-6), CATALOGUE, setting)
    assert outcome.seconds == pytest.approx(200, rel=0.02)
    assert outcome.bottleneck == "quota"


def test_without_a_quota_calls_wait_for_their_answers() -> None:
    setting = Setting(embedder="titan", latency=0.08, concurrency=32, last_pass=False)
    outcome = simulate(costs(read=1e-6), CATALOGUE, setting)
    assert outcome.seconds == pytest.approx(20_000 * 0.08 / 32, rel=0.05)
    assert outcome.bottleneck == "calls"


def test_a_local_model_uses_all_cores() -> None:
    setting = Setting(embedder="minilm", cores=4, last_pass=False)
    assert seconds(costs(minilm=0.02), setting) == pytest.approx(20_000 * 0.02 / 4, rel=0.01)


@pytest.mark.parametrize(("shards", "expected"), [(1, 20), (4, 5)])
def test_one_shard_has_one_core(shards: int, expected: float) -> None:
    setting = Setting(workers=20, shards=shards, last_pass=False)
    outcome = simulate(costs(redis_write=200e-6), CATALOGUE, setting)
    assert outcome.seconds == pytest.approx(expected, rel=0.05)
    assert outcome.bottleneck == "Redis"


def test_the_database_serves_as_many_as_it_has_cores() -> None:
    setting = Setting(workers=20, database_cores=2, last_pass=False)
    outcome = simulate(costs(database=10e-6), CATALOGUE, setting)
    assert outcome.seconds == pytest.approx(5, rel=0.05)
    assert outcome.bottleneck == "database"


# -- together ----------------------------------------------------------------------------------


def test_stages_work_at_the_same_time() -> None:
    took = seconds(costs(read=50e-6, redis_write=450e-6), Setting(last_pass=False))
    assert took == pytest.approx(50, rel=0.03)


def test_on_a_shared_core_they_take_turns() -> None:
    setting = Setting(cores=1, shared=True, last_pass=False)
    assert seconds(costs(read=50e-6, redis_write=450e-6), setting) == pytest.approx(95)


def test_a_night_without_changes_writes_and_embeds_nothing() -> None:
    setting = Setting(embedder="titan", per_minute=10, last_pass=False)
    taken = costs(digest=10e-6, known=100e-6, read=1, write=1, redis_write=1, redis_vector=1)
    assert seconds(taken, setting, changed=0.0) == pytest.approx(10 + 10)


def test_what_has_changed_is_read_and_compared() -> None:
    taken = costs(digest=10e-6, known=100e-6, read=50e-6, compare=200e-6)
    took = seconds(taken, Setting(last_pass=False), changed=0.1)
    assert took == pytest.approx(10 + 0.9 * 10 + 0.1 * (50 + 20))


def test_a_load_ends_with_one_process_that_digests_everything() -> None:
    outcome = simulate(costs(digest=50e-6), CATALOGUE, Setting(workers=10))
    assert outcome.last_pass == pytest.approx(50)
    assert outcome.seconds == pytest.approx(55, rel=0.01)
    assert outcome.bottleneck == "last pass"


def test_a_vector_costs_more_in_a_larger_index() -> None:
    taken = costs(redis_vector=1e-3)
    small, large = (
        simulate(taken, Catalogue(1_000_000, 1, texts), Setting(last_pass=False)).seconds / texts
        for texts in (1000, 1_000_000)
    )
    assert small == pytest.approx(1e-3)
    assert large == pytest.approx(2e-3)


@settings(max_examples=30)
@given(
    st.builds(
        costs,
        read=st.floats(1e-6, 1e-4), write=st.floats(0, 1e-3), redis_write=st.floats(0, 1e-3),
        database=st.floats(0, 1e-4),
    ),
    st.integers(1, 8),
)  # fmt: skip
def test_a_run_takes_no_less_than_its_busiest_part_and_no_more_than_all_in_turn(
    taken: Costs, workers: int
) -> None:
    few = Catalogue(50_000, 5_000, 1_000)
    setting = Setting(workers=workers, last_pass=False)
    outcome = simulate(taken, few, setting)
    reading, database = few.packages * taken.read, few.packages * taken.database
    writing, redis = few.drugs * taken.write, few.drugs * taken.redis_write
    least = max((reading + writing) / workers, database / setting.database_cores, redis)
    assert least * 0.9999 <= outcome.seconds <= (reading + database + writing + redis) * 1.0001
    assert all(share <= 1.0001 for share in outcome.busy.values())


# -- how catalogues grow -----------------------------------------------------------------------


def test_a_catalogue_of_nothing_but_new_drugs_grows_in_proportion() -> None:
    assert rarefy([(number, number) for number in range(1000)]) == (1.0, 1.0)


def test_a_catalogue_of_the_same_drug_does_not_grow() -> None:
    assert rarefy([(1, 1)] * 1000) == (0.0, 0.0)


def test_what_was_measured_is_where_it_goes_on_from() -> None:
    growth = Growth(CATALOGUE, 0.5, 0.25)
    assert extrapolate(growth, 1_000_000) == CATALOGUE
    assert extrapolate(growth, 16_000_000) == Catalogue(16_000_000, 400_000, 40_000)


def test_memory_is_that_of_drugs_packages_and_vectors() -> None:
    taken = costs(drug_bytes=4000, package_bytes=30, vector_bytes=6000)
    assert CATALOGUE.memory(taken) == 400e6 + 30e6 + 120e6


# -- the page ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"), [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (5400, "1.5 h")]
)
def test_times_are_written_as_people_say_them(given: float, expected: str) -> None:
    assert page.duration(given) == expected


def result() -> dict[str, Any]:
    run = {"packages": 50_000, "run": "cold", "calibrated": True, "measured": 2.0,
           "predicted": 2.5}  # fmt: skip
    machine = {"cpu": "CPU", "cores": 2, "memory": 2**30, "kernel": "Linux", "python": "3.11"}
    return {
        "date": "2026-11-27T00:00:00",
        "machine": machine,
        "costs": msgspec.to_builtins(FREE),
        "growth": {"drugs": 0.5, "texts": 0.5},
        "syncs": [run],
        "workers": {"points": [{"workers": 2, "measured": 10.0, "predicted": 9.0}]},
        "sizes": [{"packages": 500_000, "drugs": 1, "texts": 60_000, "bytes": 1e9, "shards": 1}],
        "predictions": [],
        "nights": [],
    }


def test_tables_go_between_their_marks_and_the_rest_stays() -> None:
    before = "# Scale\n<!-- scale:begin -->\nold\n<!-- scale:end -->\nrest\n"
    once = page.replace_tables(before, result())
    assert once.startswith("# Scale\n<!-- scale:begin -->\nMeasured 2026-11-27 on CPU, 2 cores")
    assert once.endswith("<!-- scale:end -->\nrest\n")
    assert "old" not in once
    assert page.replace_tables(once, result()) == once


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="scale:begin"):
        page.replace_tables("# Scale\n", result())


def test_errors_are_shown_in_per_cent() -> None:
    text = page.markdown(result())
    assert "| 2.0 | 2.5 | +25 % |" in text
    assert "| slow model, workers: 2 | 10.0 | 9.0 | -10 % |" in text


def test_the_document_has_the_marks_and_its_plot() -> None:
    text = (ROOT / "docs" / "scale.md").read_text()
    page.replace_tables(text, result())
    assert "(plots/scale.svg)" in text
    assert (ROOT / "docs" / "plots" / "scale.svg").is_file()
