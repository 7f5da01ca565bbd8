"""A bulk load by workers in parallel environments, driven by the state machine of a deployment.

``bulk_load.asl.json`` is what `infra/` deploys, with a placeholder for the function (a test there
compares the two). Here moto's Step Functions runs it, with fewer partitions.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from tests.services.local_aws import SHORT, SYNC, LocalAWS

pytestmark = [pytest.mark.xdist_group("local-aws"), pytest.mark.lasts(75)]

PARTS, WORKERS = 4, 2
DEFINITION = Path(__file__).with_name("bulk_load.asl.json")


def definition(catalogue: str) -> dict[str, Any]:
    """The state machine, for a catalogue of the test's."""
    read: dict[str, Any] = json.loads(DEFINITION.read_text())
    states = read["States"]
    parts = states["Parts"]
    tasks = [states["Begin"], states["End"], parts["ItemProcessor"]["States"]["Part"]]
    for task in tasks:
        task["Parameters"]["FunctionName"] = SYNC
        task["Parameters"]["Payload"]["catalogue"] = catalogue
    states["Begin"]["Parameters"]["Payload"] |= {"parts": PARTS, "workers": WORKERS}
    parts["MaxConcurrency"] = WORKERS
    # moto's parser of the language knows this number with a decimal point only.
    parts["ToleratedFailurePercentage"] = float(parts["ToleratedFailurePercentage"])
    return read


def execute(local: LocalAWS, name: str) -> Any:
    """Run the state machine to its end, and give what is known of the execution."""
    machines = local.aws("stepfunctions")
    role = "arn:aws:iam::123456789012:role/load"
    machine = machines.create_state_machine(
        name=name, definition=json.dumps(definition(name)), roleArn=role
    )["stateMachineArn"]
    execution = machines.start_execution(stateMachineArn=machine, name=name)["executionArn"]
    deadline = time.monotonic() + 120
    while (state := machines.describe_execution(executionArn=execution))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.1)  # between two questions; there is nothing to be notified by
    return state


def test_a_state_machine_loads_partitions_in_parallel_and_lets_searches_go_there(
    local: LocalAWS, name: str
) -> None:
    before = len(local.service.invocations(SYNC))
    state = execute(local, name)
    assert state["status"] == "SUCCEEDED", state
    output = json.loads(state["output"])
    drugs = local.demo.drugs
    report = output["answer"]["body"]
    assert (report["completed"], report["unchanged"]) == (True, drugs)
    assert report["embedding_calls"] == 0
    generation = output["begun"]["body"]["generation"]
    assert report["generation"] == generation == local.catalogue(name).live()
    done = local.service.invocations(SYNC)[before:]
    loads = [one for one in done if one.event["action"] == "load"]
    assert len(loads) == PARTS
    assert sum(one.result["body"]["added"] for one in loads) == drugs
    assert len({one.environment for one in loads}) == WORKERS
    assert any(one.began < other.began < one.ended for one in loads for other in loads)
    assert sum(one["EmbeddingCalls"][0] for one in local.metrics(SYNC)[-PARTS - 1 :]) == (
        local.bedrock.counts.answered
    )


def test_a_load_does_not_begin_while_a_run_is_at_work(local: LocalAWS, name: str) -> None:
    with local.bedrock.held_after(20):
        local.send(SYNC, {"catalogue": name})
        local.bedrock.wait_until_held()
        state = execute(local, name)
    assert (state["status"], state["error"]) == ("FAILED", "Refused")
    assert "another run is at work" in state["cause"]


def test_a_partition_without_enough_time_is_taken_up_again(local: LocalAWS, name: str) -> None:
    begun = local.call(SYNC, {"action": "begin_load", "catalogue": name, "parts": 1}).body
    (partition,) = begun["partitions"]
    event = {
        "action": "load", "catalogue": name, "load": begun["load"], "partition": partition,
        "continue": False,
    }  # fmt: skip
    # Nobody else gets in the way meanwhile.
    assert local.call(SYNC, {"catalogue": name}).status == 409
    local.bedrock.behaviour.latency = 0.03
    told = [local.call(SHORT, event).body]
    while not told[-1]["completed"]:
        told.append(local.call(SHORT, event).body)
    assert len(told) >= 2
    assert told[0]["stopped"]
    assert sum(one["added"] for one in told) == local.demo.drugs
    ended = local.call(
        SYNC, {"action": "end_load", "catalogue": name, "load": begun["load"], "continue": False}
    ).body
    assert (ended["completed"], ended["unchanged"]) == (True, local.demo.drugs)
    late = local.call(SHORT, event)
    assert (late.error, late.payload["errorType"]) == ("Unhandled", "LeaseLost")
