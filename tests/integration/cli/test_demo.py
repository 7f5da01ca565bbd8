"""The demo, whole: the FDA's directory, the real model, the embedded Redis, six answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.integration.cli.conftest import Run


@pytest.mark.lasts(100)
@pytest.mark.timeout(600)
def test_the_demo_answers_what_keyword_search_does_not(rxindex_anew: Run, tmp_path: Path) -> None:
    data = str(tmp_path / "demo")
    # Settings of one's own, which the demo must not use.
    mine = {"RXINDEX_REDIS": "redis://127.0.0.1:1", "RXINDEX_EMBEDDER": "titan"}
    first = rxindex_anew("demo", "--data-dir", data, "--json", **mine)
    assert first.code == 0, first.err
    report = first.json["report"]
    assert report["completed"] is True
    assert report["failed"] == 0
    assert report["packages"] > 150_000
    assert report["total_processed"] > 25_000
    # One call per package would be twenty times as many.
    assert report["embedding_calls"] < report["packages"] / 20
    assert report["generation"] == "g1"

    hits: dict[str, list[dict[str, Any]]] = {
        answer["query"]: answer["hits"] for answer in first.json["answers"]
    }
    assert {hit["brand"].lower() for hit in hits["lipitor"]} == {"lipitor"}
    assert all("metformin" in hit["generic"].lower() for hit in hits["metfromin"])
    assert hits["metfromin"][0]["match"] == "spelling"
    assert all("aspirin" in hit["generic"].lower() for hit in hits["ASA"])
    statins = {hit["generic"].split()[0].lower() for hit in hits["statin"]}
    assert len(statins) == 5
    assert all(name.endswith("statin") for name in statins)
    pressure = hits["something for high blood pressure"]
    assert {hit["match"] for hit in pressure} == {"indication"}
    assert len({hit["generic"].lower() for hit in pressure}) == 5
    assert [hit["brand"] for hit in hits["0071-0155-23"]] == ["Lipitor"]

    again = rxindex_anew("demo", "--data-dir", data)
    assert again.code == 0, again.err
    assert "Six searches" in again.out
    assert "sync" not in again.err
    table = again.out.split("Six searches")[0]
    assert f"{report['total_processed']:,}" in next(
        line for line in table.splitlines() if "unchanged" in line
    )
