"""CloudWatch metrics of runs: what they count, in the format that CloudWatch reads."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.aws.bedrock_endpoint import CREDENTIALS, BedrockEndpoint, Behaviour
from tests.services.fdb import create_tables, package
from tests.services.redis import RedisServer

from rxindex.aws.metrics import METRICS, MetricsObserver
from rxindex.embed.fake import FakeEmbedder
from rxindex.embed.titan import TitanEmbedder
from rxindex.errors import SourceNotFound
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import connect
from rxindex.index.store import DrugStore
from rxindex.source import open_source
from rxindex.sync.events import BatchWritten, RunEnded, RunStarted
from rxindex.sync.history import Outcome, RunRecord
from rxindex.sync.options import SyncOptions
from rxindex.sync.quarantine import quarantine_key
from rxindex.sync.run import sync
from rxindex.vocabulary import Vocabulary

RECORD = RunRecord(
    run="r1", command="sync", catalogue="fdb", outcome="completed", started=1000.0, ended=1017.0,
    total_processed=110, packages=400, added=3, updated=2, metadata_only=1, unchanged=100,
    deleted=5, failed=4, embedding_calls=6, vectors_carried=7, duration=17.0,
)  # fmt: skip
ROWS = [package(number, f"DRUG {number} 10 MG TABLET", number) for number in range(1, 31)]


def read(text: str) -> dict[str, dict[str, Any]]:
    """Read what was written as CloudWatch does: metrics by catalogue, with units checked."""
    found: dict[str, dict[str, Any]] = {}
    for line in text.splitlines():
        told = json.loads(line)
        (directive,) = told["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "Test/Drugs"
        assert [set(one) for one in directive["Dimensions"]] == [{"catalogue", "service"}]
        assert told["service"] == "rxindex"
        assert abs(told["_aws"]["Timestamp"] / 1000 - time.time()) < 60
        metrics = {}
        for one in directive["Metrics"]:
            assert one["Unit"] == METRICS[one["Name"]].value
            values = told[one["Name"]]
            metrics[one["Name"]] = values[0] if len(values) == 1 else values
        found[told["catalogue"]] = metrics | {"runs": told.get("runs")}
    return found


def test_a_run_is_counted_when_the_invocation_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    with MetricsObserver("Test/Drugs") as metrics:
        metrics(RunStarted("r1", "sync", "fdb", "g1", "x", "fake", False, 1000.0))
        metrics(BatchWritten("r1", "fdb", 500, 2000, 12, 0, 3, 0.2))
        metrics(RunEnded(RECORD))
        assert capsys.readouterr().out == ""
    assert read(capsys.readouterr().out) == {
        "fdb": {
            "DrugsProcessed": 110,
            "DrugsSuccessful": 106,
            "DrugsFailed": 4,
            "DrugsDeleted": 5,
            "SyncDuration": 17,
            "SyncCompleted": 1,
            "EmbeddingCalls": 6,
            "runs": ["r1"],
        }
    }


@pytest.mark.parametrize(
    ("command", "outcome", "expected"),
    [
        ("sync", "completed", 1),
        ("sync", "held", 0),
        ("sync", "stopped", 0),
        ("sync", "failed", 0),
        ("reindex", "completed", 1),
        ("load", "completed", None),
        ("quarantine retry", "completed", None),
    ],
)
def test_only_a_whole_run_completes_a_sync(
    capsys: pytest.CaptureFixture[str], command: str, outcome: Outcome, expected: int | None
) -> None:
    with MetricsObserver("Test/Drugs") as metrics:
        metrics(RunEnded(msgspec.structs.replace(RECORD, command=command, outcome=outcome)))
    told = read(capsys.readouterr().out)["fdb"]
    assert told.get("SyncCompleted") == expected
    assert told["DrugsProcessed"] == 110


@pytest.mark.parametrize("command", ["verify", "verify --repair"])
def test_drugs_that_were_only_looked_at_are_no_drugs_synced(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    with MetricsObserver("Test/Drugs") as metrics:
        metrics(RunEnded(msgspec.structs.replace(RECORD, command=command)))
    assert read(capsys.readouterr().out) == {"fdb": {"EmbeddingCalls": 6, "runs": ["r1"]}}


def test_two_runs_of_an_invocation_are_both_counted(capsys: pytest.CaptureFixture[str]) -> None:
    denied = msgspec.structs.replace(
        RECORD, run="r0", outcome="failed", error="SourceAccessDenied", total_processed=0
    )
    with MetricsObserver("Test/Drugs") as metrics:
        metrics(RunEnded(denied))
        metrics(RunEnded(RECORD))
        metrics(RunEnded(msgspec.structs.replace(RECORD, catalogue="other")))
    told = read(capsys.readouterr().out)
    assert told["fdb"]["DrugsProcessed"] == [0, 110]
    assert told["fdb"]["SyncCompleted"] == [0, 1]
    assert told["fdb"]["runs"] == ["r0", "r1"]
    assert told["other"]["DrugsProcessed"] == 110


def test_an_invocation_without_a_run_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with MetricsObserver("Test/Drugs"):
        pass
    assert capsys.readouterr().out == ""


def test_metrics_are_written_once_and_also_when_the_invocation_fails(
    capsys: pytest.CaptureFixture[str],
) -> None:
    metrics = MetricsObserver("Test/Drugs")
    with pytest.raises(SourceNotFound), metrics:
        metrics(RunEnded(msgspec.structs.replace(RECORD, outcome="failed")))
        raise SourceNotFound("there is no such host")
    assert read(capsys.readouterr().out)["fdb"]["SyncCompleted"] == 0
    metrics.flush()
    assert capsys.readouterr().out == ""


def test_metrics_that_can_not_be_written_fail_nothing(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with MetricsObserver("Test/Drugs") as metrics:
        metrics(RunEnded(RECORD))
        metrics.namespace = None  # type: ignore[assignment]
    assert "metrics of fdb can't be written" in caplog.text
    assert capsys.readouterr().out == ""


def test_what_redis_knows_is_read_when_a_run_ends(
    capsys: pytest.CaptureFixture[str],
    catalogue: Catalogue,
    capabilities: Capabilities,
    vocabulary: Vocabulary,
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'fdb.db'}"
    create_tables(url, ROWS)
    metrics, options = MetricsObserver("Test/Drugs"), SyncOptions()
    model = FakeEmbedder(16)
    with metrics:
        metrics.watch(catalogue, model)
        sync(open_source(url), model, catalogue, capabilities, vocabulary, options,
             observers=[metrics])  # fmt: skip
    told = read(capsys.readouterr().out)[catalogue.name]
    assert told["DrugsProcessed"] == told["DrugsSuccessful"] == 30
    assert told["EmbeddingCalls"] == 30
    assert (told["QuarantineSize"], told["IndexErrors"]) == (0, 0)
    assert 0 <= told["DataAge"] < 60
    # This one is never told to slow down.
    assert "EmbeddingThrottles" not in told

    catalogue.client.hset(quarantine_key(catalogue), mapping={"a": "{}", "b": "{}"})
    store = DrugStore(catalogue, catalogue.require_live())
    (some, *_) = next(store.ids())
    catalogue.client.hset(store.key(some), "count", "many")
    with metrics:
        metrics.look(catalogue)
    told = read(capsys.readouterr().out)[catalogue.name]
    assert (told["QuarantineSize"], told["IndexErrors"]) == (2, 1)
    assert set(told) == {"QuarantineSize", "IndexErrors", "DataAge", "runs"}


def test_a_catalogue_before_its_first_load_has_no_age(
    capsys: pytest.CaptureFixture[str], catalogue: Catalogue
) -> None:
    with MetricsObserver("Test/Drugs") as metrics:
        metrics.look(catalogue)
    told = read(capsys.readouterr().out)[catalogue.name]
    assert told == {"QuarantineSize": 0, "runs": None}


def test_refusals_of_the_model_are_counted_for_each_run(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    catalogue: Catalogue,
    capabilities: Capabilities,
    vocabulary: Vocabulary,
    tmp_path: Path,
) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    url = f"sqlite:///{tmp_path / 'fdb.db'}"
    create_tables(url, ROWS)
    with BedrockEndpoint(Behaviour(throttle_first=2)) as bedrock:
        model = TitanEmbedder(dimensions=256, endpoint_url=bedrock.url, max_concurrency=4)
        model.embed(["refused before the run"])
        bedrock.behaviour.throttle_first = 3
        metrics = MetricsObserver("Test/Drugs")
        for expected in (3, 0):
            with metrics:
                metrics.watch(catalogue, model)
                sync(open_source(url), model, catalogue, capabilities, vocabulary, SyncOptions(),
                     observers=[metrics])  # fmt: skip
            told = read(capsys.readouterr().out)[catalogue.name]
            assert told["EmbeddingThrottles"] == expected
            assert told["EmbeddingCalls"] == (30 if expected else 0)
        model.close()


def test_a_redis_that_is_away_leaves_the_rest(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    with RedisServer(tmp_path) as server:
        client = connect(server.url, patience=0)
        catalogue = Catalogue(client, "fdb")
        server.kill()
        with MetricsObserver("Test/Drugs") as metrics:
            metrics.watch(catalogue)
            metrics(RunEnded(RECORD))
        assert "no metrics of the index: Redis does not answer" in caplog.text
        caplog.clear()
        # A run that ended because of it is not the time to ask once more.
        with metrics:
            metrics(RunEnded(msgspec.structs.replace(RECORD, error="IndexUnavailable")))
        assert caplog.text == ""
        client.close()
    for line in capsys.readouterr().out.splitlines():
        told = read(line)["fdb"]
        assert told["DrugsProcessed"] == 110
        assert "QuarantineSize" not in told
