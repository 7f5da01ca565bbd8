"""From an event to a search hit: the real package under the real runtime client.

Every part is there (see `tests.services.local_aws`); each test has a catalogue of its own.
"""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import quote

import pytest
from tests.aws.bedrock_endpoint import Behaviour
from tests.services.lambda_events import eventbridge_event, http_request, scheduled_event
from tests.services.lambda_runtime import Invocation
from tests.services.local_aws import SEARCH, SHORT, SYNC, Answer, LocalAWS

from rxindex.aws.metrics import METRICS

pytestmark = [pytest.mark.xdist_group("local-aws"), pytest.mark.lasts(75)]


def bodies(invocations: list[Invocation]) -> list[dict[str, Any]]:
    """The bodies of answers, which must all be those of success."""
    assert [one.failure for one in invocations] == [""] * len(invocations), invocations
    return [one.result["body"] for one in invocations]


def test_a_scheduled_event_leads_to_a_search_hit(local: LocalAWS) -> None:
    event = scheduled_event(local, "7bf73129-1428-4cd3-a780-95db273d1602")
    (night,) = bodies(local.follow(SYNC, event))
    demo = local.demo
    assert night["completed"] and not night["continued"]
    assert (night["packages"], night["added"]) == (demo.packages, demo.drugs)
    assert night["embedding_calls"] == local.bedrock.counts.answered
    label, brand = some_drug(local)
    found = local.call(SEARCH, http_request("/search", f"q={quote(brand)}&limit=20")).body
    assert label in [hit["name"] for hit in found["hits"]]
    # The same event, delivered once more, has the same answer and does nothing.
    (again,) = bodies(local.follow(SYNC, event))
    assert again == night | {"duplicate": True}
    # A target may as well get the event of EventBridge as it is.
    (next_night,) = bodies(local.follow(SYNC, eventbridge_event(local, "another")))
    assert (next_night["unchanged"], next_night["embedding_calls"]) == (demo.drugs, 0)
    check_metrics(local.metrics(SYNC)[-2:], "drugs", night, next_night)


def some_drug(local: LocalAWS) -> tuple[str, str]:
    """A drug's name as the index has it, and its brand."""
    (row,) = local.database.execute(
        "SELECT LN60, BN FROM rndc14 WHERE GCN_SEQNO > 0 AND LN60 > '' ORDER BY NDC LIMIT 1",
        database="fdb",
    )
    return str(row[0]).strip(), str(row[1]).strip()


def check_metrics(told: list[dict[str, Any]], catalogue: str, *runs: dict[str, Any]) -> None:
    """Make sure that CloudWatch finds each run's metrics in the log."""
    assert len(told) == len(runs)
    for one, run in zip(told, runs, strict=True):
        (directive,) = one["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "DAW/DrugSync"
        assert [sorted(names) for names in directive["Dimensions"]] == [["catalogue", "service"]]
        assert (one["catalogue"], one["service"]) == (catalogue, "rxindex")
        defined = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
        assert defined == {name: unit.value for name, unit in METRICS.items()}
        values = {name: one[name][0] for name in defined}
        assert values["DrugsProcessed"] == run["total_processed"]
        assert values["DrugsSuccessful"] == run["successful"]
        assert values["EmbeddingCalls"] == run["embedding_calls"]
        assert values["SyncDuration"] == pytest.approx(run["duration"], abs=0.5)
        assert values["SyncCompleted"] == 1
        assert values["DrugsFailed"] == values["IndexErrors"] == values["QuarantineSize"] == 0


def test_an_event_delivered_twice_at_once_is_carried_out_once(local: LocalAWS, name: str) -> None:
    event = {"action": "sync", "catalogue": name, "id": f"delivery of {name}"}
    with local.bedrock.held_after(20):
        local.send(SYNC, event)
        local.bedrock.wait_until_held()
        second = local.call(SYNC, event)
        # Another event, while the first one's run is at work.
        other = local.call(SYNC, {"catalogue": name})
    assert (second.status, other.status) == (409, 409)
    assert "delivered twice" in second.payload["body"]["message"]
    assert "another run is at work" in other.payload["body"]["message"]
    local.service.wait_idle(SYNC, 60)
    calls = local.bedrock.counts.calls
    later = local.call(SYNC, event)
    assert later.body["duplicate"] and later.body["completed"]
    assert later.body["added"] == local.demo.drugs
    assert local.bedrock.counts.calls == calls


def test_a_run_longer_than_its_time_goes_on_by_itself(local: LocalAWS, name: str) -> None:
    local.bedrock.behaviour = Behaviour(latency=0.06)
    links = local.follow(SHORT, {"action": "sync", "catalogue": name, "id": name})
    told = bodies(links)
    assert len(links) >= 3
    assert max(one.seconds for one in links) < 6
    assert [one["continued"] for one in told] == [True] * (len(links) - 1) + [False]
    assert [one["completed"] for one in told] == [False] * (len(links) - 1) + [True]
    # Each goes on where the one before had stopped, and nothing is done twice.
    steps = [one.event.get("continuation", {}) for one in links]
    assert [one.get("step") for one in steps] == [None, *range(1, len(links))]
    assert len({one["run"] for one in steps[1:]}) == 1
    assert [one["cursor"] for one in steps[1:]] == [one["next_cursor"] for one in told[:-1]]
    assert sum(one["added"] for one in told) == local.demo.drugs
    assert sum(one["embedding_calls"] for one in told) == local.bedrock.counts.answered
    assert told[-1]["generation"] == local.catalogue(name).live()
    # A link that Lambda delivers twice is one, and the event makes no second chain.
    for link, body in zip(links[:2], told, strict=False):
        assert bodies(local.follow(SHORT, link.event)) == [body | {"duplicate": True}]


def test_a_run_killed_at_the_time_limit_is_resumed_by_lambdas_own_retry(
    local: LocalAWS, name: str
) -> None:
    before = len(local.service.invocations(SHORT))
    with local.bedrock.held_after(130):
        request = local.send(SHORT, {"catalogue": name, "id": name})
        local.bedrock.wait_until_held()
        killed = local.service.wait_for(SHORT, before)
        assert killed.done.wait(30)
    local.service.wait_idle(SHORT, 60)
    assert killed.failure == "Unhandled"
    assert killed.result["errorType"] == "Sandbox.Timedout"
    others = local.service.invocations(SHORT)[before + 1 :]
    assert (others[0].request, others[0].attempt) == (request, 2)
    assert others[0].environment != killed.environment
    told = bodies(others)
    assert told[-1]["completed"]
    # What the killed run had written is there, and was not embedded again.
    kept = sum(one["unchanged"] for one in told)
    assert kept > 0
    assert kept + sum(one["added"] for one in told) == local.demo.drugs
    assert sum(one["embedding_calls"] for one in told) < local.demo.drugs


def test_callers_may_go_on_by_cursor_themselves(local: LocalAWS, name: str) -> None:
    event: dict[str, Any] = {"catalogue": name, "max_drugs": 130}
    told = [local.call(SYNC, event).body]
    while told[-1]["next_cursor"]:
        told.append(local.call(SYNC, event | {"cursor": told[-1]["next_cursor"]}).body)
    assert len(told) >= 3
    assert not any(one["continued"] for one in told)
    assert sum(one["total_processed"] for one in told) == local.demo.drugs
    assert sum(one["successful"] for one in told) == local.demo.drugs
    assert local.call(SYNC, {"action": "verify", "catalogue": name}).body["failed"] == 0


def test_verify_status_dry_run_and_reindex(local: LocalAWS, name: str) -> None:
    drugs = local.demo.drugs
    dry = local.call(SYNC, {"catalogue": name, "dry_run": True}).body
    assert (dry["added"], dry["dry_run"], local.bedrock.counts.calls) == (drugs, True, 0)
    status = local.call(SYNC, {"action": "status", "catalogue": name}).body
    assert (status["live"], status["last_run"]) == (None, None)
    local.call(SYNC, {"catalogue": name})
    store = local.catalogue(name)
    gone = next(iter(store.client.scan_iter(match=f"{store.alias}:g1:drug:*")))
    store.client.delete(gone)
    verified = local.call(SYNC, {"action": "verify", "catalogue": name}).body
    assert (verified["successful"], verified["failed"]) == (drugs - 1, 1)
    mended = local.call(SYNC, {"action": "verify", "catalogue": name, "repair": True}).body
    assert (mended["successful"], mended["failed"]) == (drugs, 0)
    # A repair takes its groups out of the ledger.
    assert local.call(SYNC, {"catalogue": name}).body["unchanged"] == drugs
    store.client.hset(gone, "content_fp", "somebody else's")
    for event, rewritten in (({}, 0), ({"full": True}, 1)):
        looked = local.call(SYNC, {"catalogue": name} | event).body
        assert (looked["metadata_only"], looked["unchanged"]) == (rewritten, drugs - rewritten)
    calls = local.bedrock.counts.calls
    rebuilt = local.call(SYNC, {"action": "reindex", "catalogue": name}).body
    assert (rebuilt["generation"], rebuilt["vectors_carried"] > 0) == ("g2", True)
    assert local.bedrock.counts.calls == calls
    status = local.call(SYNC, {"action": "status", "catalogue": name}).body
    assert status["live"] == "g2"
    assert status["last_completed"]["command"] == "reindex"


@pytest.mark.parametrize(
    "event",
    [
        pytest.param([], id="a list"),
        pytest.param("sync", id="a word"),
        pytest.param(None, id="nothing"),
        pytest.param({"action": "drop everything"}, id="an unknown action"),
        pytest.param({"batch_size": "100"}, id="a number as text"),
        pytest.param({"batch_size": 1e300}, id="a huge float"),
        pytest.param({"max_drugs": 10**40}, id="a huge number"),
        pytest.param({"batch_size": -1}, id="a negative number"),
        pytest.param({"dry_run": "no"}, id="text for a flag"),
        pytest.param({"catalogue": "a" * 1_000_000}, id="a long name"),
        pytest.param({"catalogue": "../x\u0000*"}, id="a name that is none"),
        pytest.param({"cursor": ["a"] * 10_000}, id="a list for a cursor"),
        pytest.param({"surprise": {"deep": [[[[]]]]}}, id="an unknown field"),
        pytest.param({"detail-type": "Scheduled Event", "detail": 7}, id="a wrong detail"),
        pytest.param({"action": "load", "load": {}, "partition": {}}, id="an empty load"),
    ],
)
def test_a_poisoned_event_is_told_what_is_wrong_and_not_tried_again(
    local: LocalAWS, event: Any
) -> None:
    (only,) = local.follow(SYNC, event)
    answer = Answer(only.result, only.failure, only.request)
    assert answer.status == 400
    message = answer.payload["body"]["message"]
    assert message.startswith("the event") and len(message) < 500
    assert not local.dead_letters()


def test_many_events_at_once_run_one_after_another(local: LocalAWS, name: str) -> None:
    """More than the function may have environments: they wait for their turn, none is lost."""
    threads = []
    answers: list[Answer] = []
    for number in range(3):
        event = {"action": "status", "catalogue": f"{name}-{number}"}
        threads.append(threading.Thread(target=lambda e=event: answers.append(local.call(SYNC, e))))
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert [one.body["live"] for one in answers] == [None] * 3
