"""What goes wrong around the functions: passwords, quotas, refusals, outages."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from tests.aws.bedrock_endpoint import Behaviour
from tests.services.lambda_events import http_request
from tests.services.local_aws import SEARCH, SHORT, SYNC, LocalAWS
from tests.services.redis import free_port

pytestmark = [pytest.mark.xdist_group("local-aws"), pytest.mark.lasts(75)]


def test_passwords_that_are_rotated_in_mid_run_are_fetched_anew(local: LocalAWS, name: str) -> None:
    with local.bedrock.held_after(100):
        local.send(SYNC, {"catalogue": name, "batch_size": 50})
        local.bedrock.wait_until_held()
        # Redis' connections end with the old password.
        local.rotate_database_password()
        local.rotate_redis_password()
    local.service.wait_idle(SYNC, 60)
    last = local.service.invocations(SYNC)[-1]
    # No further try of Lambda's was needed.
    assert (last.attempt, last.failure) == (1, "")
    body = last.result["body"]
    assert body["completed"]
    assert (body["added"], body["unchanged"]) == (local.demo.drugs, 0)
    # What begins then has both new passwords.
    again = local.call(SYNC, {"catalogue": name}).body
    assert (again["completed"], again["unchanged"]) == (True, local.demo.drugs)


def test_a_warm_function_notices_that_the_databases_password_has_changed(
    local: LocalAWS, name: str
) -> None:
    event = {"catalogue": name, "max_drugs": 10}
    assert local.call(SYNC, event).body["added"] == 10
    local.rotate_database_password()
    assert local.call(SYNC, event).body["added"] == 10
    last = local.service.invocations(SYNC)[-1]
    assert not last.cold
    denied = [one for one in local.records(SYNC) if one.get("function_request_id") == last.request]
    assert any("Access denied" in one["message"] for one in denied)


def test_a_warm_search_notices_that_redis_password_has_changed(local: LocalAWS) -> None:
    assert local.call(SYNC, {}).body["completed"]
    search = http_request("/search", "q=tablet")
    before = local.call(SEARCH, search).body
    local.rotate_redis_password()
    assert local.call(SEARCH, search).body == before
    assert before["hits"]
    assert not local.service.invocations(SEARCH)[-1].cold


def test_bedrocks_quota_slows_a_run_down_and_fails_nothing(local: LocalAWS, name: str) -> None:
    local.bedrock.behaviour = Behaviour(quota_per_minute=9_000, burst=20, throttle_first=3)
    (only,) = local.follow(SYNC, {"catalogue": name})
    body = only.result["body"]
    assert body["completed"] and body["failed"] == body["deferred"] == 0
    counts = local.bedrock.counts
    assert counts.throttled >= 3
    assert body["embedding_calls"] == counts.answered
    told = local.metrics(SYNC)[-1]
    assert told["EmbeddingThrottles"] == [counts.throttled]
    assert told["SyncCompleted"] == [1.0]


def _no_memory(local: LocalAWS) -> None:
    _command(local, "CONFIG", "SET", "maxmemory", "1")


def _memory(local: LocalAWS) -> None:
    _command(local, "CONFIG", "SET", "maxmemory", "0")


def _follow_nobody(local: LocalAWS) -> None:
    _command(local, "REPLICAOF", "127.0.0.1", free_port())


def _lead(local: LocalAWS) -> None:
    _command(local, "REPLICAOF", "NO", "ONE")


def _command(local: LocalAWS, *words: str | int) -> None:
    client = local.redis_client()
    client.execute_command(*words)  # type: ignore[no-untyped-call]
    client.close()


class Trouble(NamedTuple):
    """What befalls Redis.

    Attributes:
        make, mend: it begins, it is over.
        error: the errors that the function may fail with.
    """

    make: Callable[[LocalAWS], None]
    mend: Callable[[LocalAWS], None]
    error: str


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(Trouble(_no_memory, _memory, "IndexFull"), id="oom"),
        pytest.param(Trouble(_follow_nobody, _lead, "IndexReadOnly"), id="readonly"),
        pytest.param(
            Trouble(
                lambda local: local.redis.kill(), lambda local: local.redis.start(),
                "IndexUnavailable",
            ),
            id="away",
        ),
    ],
)  # fmt: skip
def test_redis_refuses_and_lambdas_retry_does_what_was_left(
    local: LocalAWS, name: str, trouble: Trouble
) -> None:
    trouble.make(local)
    before = len(local.service.invocations(SYNC))
    away = None
    local.send(SYNC, {"catalogue": name})
    first = local.service.wait_for(SYNC, before)
    with local.service.paused(SYNC):
        try:
            assert first.done.wait(60)
            if trouble.error == "IndexUnavailable":
                away = local.call(SEARCH, http_request("/search", "q=aspirin"))
        finally:
            trouble.mend(local)
    local.service.wait_idle(SYNC, 60)
    assert (first.failure, first.result["errorType"]) == ("Unhandled", trouble.error)
    last = local.service.invocations(SYNC)[-1]
    assert last.request == first.request and last.attempt > 1
    assert last.result["body"]["completed"]
    assert last.result["body"]["added"] == local.demo.drugs
    if away is not None:
        problem: dict[str, Any] = away.payload
        assert (problem["statusCode"], problem["headers"]["content-type"]) == (
            503, "application/problem+json",
        )  # fmt: skip


def test_a_redis_that_is_restarted_in_mid_run_is_waited_for(local: LocalAWS, name: str) -> None:
    with local.bedrock.held_after(100):
        local.send(SYNC, {"catalogue": name, "batch_size": 50})
        local.bedrock.wait_until_held()
        local.redis.kill()
        local.redis.start()
    local.service.wait_idle(SYNC, 60)
    last = local.service.invocations(SYNC)[-1]
    assert (last.attempt, last.failure) == (1, ""), last.answer
    assert last.result["body"]["completed"]


def test_a_run_that_redis_left_alone_is_done_by_lambdas_retry(local: LocalAWS, name: str) -> None:
    """It can't take back what it noted of the event: that must not stand in the retry's way."""
    before = len(local.service.invocations(SHORT))
    with local.bedrock.held_after(100):
        local.send(SHORT, {"catalogue": name, "id": name})
        local.bedrock.wait_until_held()
        local.redis.kill()
        first = local.service.invocations(SHORT)[before]
        with local.service.paused(SHORT):
            local.bedrock.reset()
            assert first.done.wait(60)
            local.redis.start()
    local.service.wait_idle(SHORT, 60)
    assert (first.failure, first.result["errorType"]) == ("Unhandled", "IndexUnavailable")
    retried, last = (
        local.service.invocations(SHORT)[before + 1],
        local.service.invocations(SHORT)[-1],
    )
    assert (retried.request, retried.attempt) == (first.request, 2)
    assert last.result["statusCode"] == 200, last.result
    assert last.result["body"]["completed"]


def test_an_event_that_keeps_failing_ends_in_the_dead_letter_queue(
    local: LocalAWS, name: str
) -> None:
    local.bedrock.behaviour = Behaviour(deny="AccessDeniedException")
    event = {"catalogue": name, "id": "the night of " + name}
    tries = local.follow(SYNC, event)
    assert [one.attempt for one in tries] == [1, 2, 3]
    assert {one.result["errorType"] for one in tries} == {"EmbedAccessDenied"}
    (message,) = local.dead_letters()
    assert message["Body"] == tries[0].payload.decode()
    said = message["MessageAttributes"]
    assert said["RequestID"]["StringValue"] == tries[0].request
    assert "bedrock:InvokeModel" in said["ErrorMessage"]["StringValue"]
    # Each try told CloudWatch that the night was none.
    assert [one["SyncCompleted"] for one in local.metrics(SYNC)[-3:]] == [[0.0]] * 3
    # The event is not taken for one that was carried out.
    local.bedrock.reset()
    assert local.call(SYNC, event).body["completed"]


def test_drugs_that_fail_are_seen_and_the_others_get_through(local: LocalAWS, name: str) -> None:
    local.bedrock.behaviour = Behaviour(reject="pellet")
    body = local.call(SYNC, {"catalogue": name}).body
    assert 0 < body["failed"] < local.demo.drugs
    assert body["successful"] == body["total_processed"] - body["failed"]
    assert body["failures"][0]["reason"]
    told = local.metrics(SYNC)[-1]
    assert told["DrugsFailed"] == told["QuarantineSize"] == [body["failed"]]


def test_a_chain_has_an_end(local: LocalAWS, name: str) -> None:
    local.bedrock.behaviour = Behaviour(latency=0.1)
    last_link = {"catalogue": name, "continuation": {"run": name, "step": 40, "cursor": ""}}
    tries = local.follow(SHORT, last_link)
    assert [one.attempt for one in tries] == [1, 2]
    assert all("RXINDEX_MOST_CONTINUATIONS" in one.result["errorMessage"] for one in tries)
    (message,) = local.dead_letters()
    assert message["Body"] == tries[0].payload.decode()


def test_no_password_comes_out(local: LocalAWS) -> None:
    local.call(SYNC, {"action": "status"})
    local.call(SEARCH, http_request("/health/ready"))
    told = local.everything_told()
    assert "function_request_id" in told
    assert len(local.secrets) >= 2
    assert [secret for secret in local.secrets if secret in told] == []


def test_nothing_was_written_into_the_package(local: LocalAWS) -> None:
    with zipfile.ZipFile(local.package) as archive:
        packed = {one.filename for one in archive.infolist() if not one.is_dir()}
    there = {str(one.relative_to(local.task)) for one in local.task.rglob("*") if one.is_file()}
    assert there == packed
