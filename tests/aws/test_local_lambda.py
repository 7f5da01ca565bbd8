"""The local Lambda itself: that it is as strict as the real one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from tests.services.aws import REGION
from tests.services.lambda_folder import lay_out_runtime
from tests.services.lambda_function import Function
from tests.services.lambda_service import LambdaService

pytestmark = pytest.mark.xdist_group("local-lambda")

HANDLER = """
import os, signal, time

def lambda_handler(event, context):
    match event.get("do"):
        case "sleep":
            print("sleeping", flush=True)
            time.sleep(event["seconds"])
        case "fail":
            raise ValueError("it went wrong")
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "talk":
            return "x" * event["length"]
        case "call oneself":
            import boto3
            boto3.client("lambda").invoke(
                FunctionName=context.invoked_function_arn, InvocationType="Event",
                Payload=b'{"do": "call oneself"}',
            )
        case "environment":
            return dict(os.environ)
    return {
        "pid": os.getpid(), "left": context.get_remaining_time_in_millis(),
        "request": context.aws_request_id, "arn": context.invoked_function_arn,
    }
"""
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDOFNOBODY", "AWS_SECRET_ACCESS_KEY": "opens-nothing"}


class Buried:
    """What the dead-letter queue got."""

    def __init__(self) -> None:
        self.events: list[tuple[bytes, Mapping[str, str]]] = []

    def __call__(self, payload: bytes, attributes: Mapping[str, str]) -> None:
        self.events.append((payload, attributes))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lambda")
    (folder / "task").mkdir()
    (folder / "task" / "app.py").write_text(HANDLER)
    (folder / "task" / "broken.py").write_text("import nowhere_to_be_found\n")
    lay_out_runtime(folder / "runtime")
    return folder


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[LambdaService]:
    with LambdaService(folder) as service:
        yield service


@pytest.fixture(scope="module")
def client(service: LambdaService) -> Any:
    session = boto3.Session("AKIDOFNOBODY", "opens-nothing", region_name=REGION)
    config = Config(retries={"total_max_attempts": 1}, proxies={})
    return session.client("lambda", endpoint_url=service.url, config=config)


@pytest.fixture(scope="module")
def deploy(folder: Path, service: LambdaService) -> Any:
    def make(name: str, handler: str = "app.lambda_handler", **how: Any) -> Buried:
        buried = Buried()
        variables = KEYS | {
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL_LAMBDA": service.url,
        }
        service.add(
            Function(
                name, handler, folder / "task", folder / "runtime", variables, dead=buried, **how
            )
        )
        return buried

    return make


def call(client: Any, name: str, **event: Any) -> tuple[str, Any]:
    """Give the error, if it is one, and the answer."""
    answer = client.invoke(FunctionName=name, Payload=json.dumps(event).encode())
    return answer.get("FunctionError", ""), json.loads(answer["Payload"].read())


def refused(
    client: Any, name: str, payload: bytes, kind: str = "RequestResponse"
) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        client.invoke(FunctionName=name, InvocationType=kind, Payload=payload)
    answer: dict[str, Any] = dict(caught.value.response)
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_an_environment_is_kept_warm_and_told_its_deadline(client: Any, deploy: Any) -> None:
    deploy("warm", seconds=30)
    (_, first), (_, second) = call(client, "warm"), call(client, "warm")
    assert first["pid"] == second["pid"]
    assert 25_000 < second["left"] <= 30_000
    assert first["request"] != second["request"]
    _, by_arn = call(client, first["arn"] + ":$LATEST")
    assert by_arn["arn"] == first["arn"] + ":$LATEST"


def test_nothing_of_this_machine_is_in_the_environment(
    client: Any, deploy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THIS_MACHINE", "yes")
    deploy("clean")
    _, variables = call(client, "clean", do="environment")
    assert "OF_THIS_MACHINE" not in variables
    assert variables["AWS_LAMBDA_FUNCTION_NAME"] == "clean"
    assert variables["_HANDLER"] == "app.lambda_handler"
    assert "Lineage=1:" in variables["_X_AMZN_TRACE_ID"]


def test_an_invocation_is_killed_at_its_time_limit(
    client: Any, deploy: Any, service: LambdaService
) -> None:
    deploy("late", seconds=1)
    _, before = call(client, "late")
    error, answer = call(client, "late", do="sleep", seconds=60)
    assert (error, answer["errorType"]) == ("Unhandled", "Sandbox.Timedout")
    assert "Task timed out after 1.00 seconds" in answer["errorMessage"]
    assert service.invocations("late")[-1].seconds < 5
    _, after = call(client, "late")
    assert after["pid"] != before["pid"]
    assert "sleeping" in service.log("late")


def test_failures_leave_the_environment_and_deaths_do_not(client: Any, deploy: Any) -> None:
    deploy("fails", seconds=30)
    _, before = call(client, "fails")
    error, answer = call(client, "fails", do="fail")
    assert (error, answer["errorType"], answer["errorMessage"]) == (
        "Unhandled", "ValueError", "it went wrong",
    )  # fmt: skip
    assert call(client, "fails")[1]["pid"] == before["pid"]
    error, answer = call(client, "fails", do="die")
    assert (error, answer["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert "signal: SIGKILL" in answer["errorMessage"]
    assert call(client, "fails")[1]["pid"] != before["pid"]


def test_a_handler_that_cant_be_imported_says_why(client: Any, deploy: Any) -> None:
    deploy("broken", "broken.lambda_handler")
    error, answer = call(client, "broken")
    assert (error, answer["errorType"]) == ("Unhandled", "Runtime.ImportModuleError")
    assert "nowhere_to_be_found" in answer["errorMessage"]


def test_what_lambda_refuses_is_refused(client: Any, deploy: Any) -> None:
    deploy("strict", seconds=30)
    assert refused(client, "absent", b"{}") == ("ResourceNotFoundException", 404)
    assert refused(client, "strict", b"{") == ("InvalidRequestContentException", 400)
    large = json.dumps("x" * 1_048_576).encode()
    assert refused(client, "strict", large, "Event") == ("RequestTooLargeException", 413)
    larger = json.dumps("x" * 6 * 1_048_576).encode()
    assert refused(client, "strict", larger) == ("RequestTooLargeException", 413)
    error, answer = call(client, "strict", do="talk", length=7_000_000)
    assert (error, answer["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")


def test_no_more_environments_at_once_than_allowed(
    client: Any, deploy: Any, service: LambdaService
) -> None:
    deploy("narrow", seconds=30, concurrency=1, retry_after=())
    sleeper = threading.Thread(
        target=call, args=(client, "narrow"), kwargs={"do": "sleep", "seconds": 1}
    )
    sleeper.start()
    service.wait_for("narrow", 0)
    assert refused(client, "narrow", b"{}") == ("TooManyRequestsException", 429)
    # An event waits for its turn.
    client.invoke(FunctionName="narrow", InvocationType="Event", Payload=b"{}")
    sleeper.join()
    service.wait_idle("narrow", 30)
    first, second = service.invocations("narrow")
    assert second.began >= first.ended
    assert first.environment == second.environment


def test_an_event_that_fails_is_tried_again_and_then_buried(
    client: Any, deploy: Any, service: LambdaService
) -> None:
    buried = deploy("retried", retry_after=(0.1, 0.3))
    event = b'{"do": "fail"}'
    answer = client.invoke(FunctionName="retried", InvocationType="Event", Payload=event)
    service.wait_idle("retried", 30)
    tries = service.invocations("retried")
    assert [one.attempt for one in tries] == [1, 2, 3]
    assert {one.request for one in tries} == {answer["ResponseMetadata"]["RequestId"]}
    assert tries[2].began - tries[1].ended >= 0.3
    ((payload, attributes),) = buried.events
    assert payload == event
    assert attributes["ErrorMessage"] == "it went wrong"


@pytest.mark.parametrize(("recursion", "most"), [("Terminate", 16), ("Allow", 20)])
def test_a_function_that_calls_itself_is_stopped_unless_that_is_allowed(
    client: Any, deploy: Any, service: LambdaService, recursion: str, most: int
) -> None:
    buried = deploy("recursive", recursion=recursion, retry_after=(), concurrency=2)
    client.invoke(
        FunctionName="recursive", InvocationType="Event", Payload=b'{"do": "call oneself"}'
    )
    if recursion == "Allow":
        service.wait_for("recursive", most)
        deploy("recursive")  # or else it would go on
        return
    service.wait_idle("recursive", 60)
    assert len(service.invocations("recursive")) == most
    ((_, attributes),) = buried.events
    assert "recursive loop" in attributes["ErrorMessage"]
