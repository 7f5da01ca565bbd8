"""``rxindex eval``, as it is used."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.integration.cli.conftest import Run

FAKE = ("--embedder", "fake")

JUDGED = """
[[topic]]
id = "brand"
kind = "brand"
half = "test"
queries = ["lipitor"]
right = [{ brand = "Lipitor" }]
beside = ["atorvastatin"]

[[topic]]
id = "wrong"
kind = "generic"
half = "tuning"
queries = ["oxycodone"]
right = ["atorvastatin"]

[[topic]]
id = "elsewhere"
kind = "generic"
half = "tuning"
queries = ["sitagliptin"]
right = ["sitagliptin"]
"""


@pytest.fixture
def judged(tmp_path: Path) -> str:
    (tmp_path / "judged.toml").write_text(JUDGED)
    return "judged.toml"


@pytest.fixture
def index(rxindex: Run, fdb: str, place: tuple[str, ...]) -> tuple[str, ...]:
    """The options that lead to an indexed catalogue."""
    assert rxindex("sync", "--source", fdb, *FAKE, *place).code == 0
    return (*FAKE, *place)


def test_a_judged_set_is_measured_kind_by_kind(
    rxindex: Run, index: tuple[str, ...], judged: str
) -> None:
    done = rxindex("eval", judged, *index, "--json")
    assert done.code == 0, done.err
    assert [row["kind"] for row in done.json["kinds"]] == ["brand", "generic"]
    assert done.json["overall"]["queries"] == 2
    assert done.json["overall"]["success@1"] == 0.5
    assert done.json["left_out"] == ["elsewhere"]
    assert done.json["missed"] == done.json["unmet"] == []
    half = rxindex("eval", judged, *index, "--half", "test", "--json").json
    assert (half["half"], half["overall"]["success@1"]) == ("test", 1)


def test_a_person_sees_a_table_and_what_was_missed(
    rxindex: Run, index: tuple[str, ...], judged: str
) -> None:
    done = rxindex("eval", judged, *index, "--failures")
    assert done.code == 0, done.err
    for word in ("success@1", "zero-results", "brand", "100.0", "no right answer: 1"):
        assert word in done.out
    assert "wrong 'oxycodone': success@1 0.00" in done.out
    assert "not found ATORVASTATIN 20 MG TABLET" in done.out


def test_a_score_below_what_is_required_is_an_exit_code(
    rxindex: Run, index: tuple[str, ...], judged: str
) -> None:
    met = ("--require", "brand:success@1:1", "--require", "all:zero-results:0.5")
    assert rxindex("eval", judged, *index, *met).code == 0
    unmet = rxindex("eval", judged, *index, *met, "--require", "generic:mrr:0.5")
    assert unmet.code == 1
    assert "generic mrr is 0.000; at least 0.500 is required" in unmet.out
    nobody = rxindex("eval", judged, *index, "--require", "ndc:mrr:0.5", "--json")
    assert nobody.code == 1
    assert nobody.json["unmet"] == ["ndc mrr: there is no query of this kind"]


def test_trec_files_lead_to_the_same_scores_without_a_catalogue(
    rxindex: Run, index: tuple[str, ...], judged: str
) -> None:
    files = ("--write-run", "found.run", "--write-qrels", "judged.qrels")
    first = rxindex("eval", judged, *index, *files, "--json").json["overall"]
    assert rxindex("eval", "--qrels", "judged.qrels", "--run", "found.run", "--json").json[
        "overall"
    ] == first  # fmt: skip


def test_another_systems_run_is_measured_on_a_judged_set(
    rxindex: Run, index: tuple[str, ...], judged: str, tmp_path: Path
) -> None:
    rxindex("eval", judged, *index, "--write-qrels", "judged.qrels")
    lines = [line.split() for line in (tmp_path / "judged.qrels").read_text().splitlines()]
    right = next(line[2] for line in lines if line[0] == "brand" and line[3] == "2")
    (tmp_path / "other.run").write_text(f"brand Q0 {right} 1 1.0 other\n")
    scores = rxindex("eval", judged, *index, "--run", "other.run", "--json").json
    assert scores["kinds"][0]["recall@20"] == 1
    assert scores["kinds"][1]["zero-results"] == 1


def test_topics_and_qrels_are_searched(
    rxindex: Run, index: tuple[str, ...], judged: str, tmp_path: Path
) -> None:
    rxindex("eval", judged, *index, "--write-qrels", "judged.qrels")
    (tmp_path / "topics").write_text("brand\tlipitor\tname\n")
    scores = rxindex(
        "eval", "--topics", "topics", "--qrels", "judged.qrels", *index, "--json"
    ).json  # fmt: skip
    assert [(row["kind"], row["success@1"]) for row in scores["kinds"]] == [("name", 1)]


def test_a_chart_is_drawn(
    rxindex: Run, index: tuple[str, ...], judged: str, tmp_path: Path
) -> None:
    assert rxindex("eval", judged, *index, "--plot", "chart.svg").code == 0
    assert "<svg" in (tmp_path / "chart.svg").read_text()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("x.toml", "--qrels", "x"), "not both"),
        (("--topics", "x"), "give --qrels"),
        (("--qrels", "x"), "no queries"),
        (("--require", "brand:speed:1"), "KIND:MEASURE:VALUE"),
        (("--require", "brand:mrr:97"), "from 0 to 1"),
        (("--half", "other"), "other"),
    ],
)
def test_options_that_make_no_sense_are_wrong_usage(
    rxindex: Run, words: tuple[str, ...], says: str
) -> None:
    done = rxindex("eval", *words)
    assert done.code == 2
    assert says in " ".join(done.err.replace("│", " ").split())


def test_a_judged_set_that_is_none_is_told(rxindex: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[[topic]]\n")
    done = rxindex("eval", "bad.toml", "--json")
    assert done.code == 3
    assert done.json["error"] == "ConfigurationError"
