"""The state machine: walked through with answers of the function, as Step Functions would."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from rxindex_infra.bulk_load import MOST_TURNS
from tests.synthesis import INFRA, Synthesised, text
from tests.test_sync import HERE, rights

Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def definition(stacks: Synthesised) -> dict[str, Any]:
    """The machine, in Amazon States Language."""
    machine = stacks.only("AWS::StepFunctions::StateMachine", "bulk-load")["Properties"]
    read: dict[str, Any] = json.loads(text(machine["DefinitionString"]))
    return read


class Walk:
    """Walks through a machine; knows the part of the language that ours uses.

    Args:
        answer: what the function answers to an event.
    """

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.events: list[Mapping[str, Any]] = []

    def run(self, machine: Mapping[str, Any], given: Any) -> str:
        """Walk to an end; its name."""
        name, data = machine["StartAt"], given
        while True:
            state = machine["States"][name]
            kind = state["Type"]
            if kind in ("Succeed", "Fail"):
                return str(name)
            if kind == "Choice":
                name = next(
                    (one["Next"] for one in state["Choices"] if self.holds(one, data)),
                    state["Default"],
                )
                continue
            data = self.put(data, state, self.result(state, data))
            if state.get("End"):
                return str(name)
            name = state["Next"]

    def result(self, state: Mapping[str, Any], data: Any) -> Any:
        if state["Type"] == "Pass":
            if "Result" in state:
                return state["Result"]
            given = at(data, state.get("InputPath", "$"))
            return fill(state["Parameters"], given) if "Parameters" in state else given
        if state["Type"] == "Task":
            event = fill(state["Parameters"]["Payload"], data)
            self.events.append(event)
            return fill(state["ResultSelector"], {"Payload": self.answer(event)})
        items = at(data, state["ItemsPath"])
        ends = [
            self.run(state["ItemProcessor"], fill(state["ItemSelector"], data, item))
            for item in items
        ]
        failed = sum(end != "PartDone" for end in ends)
        assert failed * 100 <= state["ToleratedFailurePercentage"] * len(ends), ends
        return ends

    def put(self, data: Any, state: Mapping[str, Any], result: Any) -> Any:
        path = state.get("ResultPath", "$")
        if path is None:
            return data
        return result if path == "$" else {**data, path.removeprefix("$."): result}

    def holds(self, rule: Mapping[str, Any], data: Any) -> bool:
        if "Not" in rule:
            return not self.holds(rule["Not"], data)
        if "And" in rule:
            return all(self.holds(one, data) for one in rule["And"])
        value = at(data, rule["Variable"])
        (operator,) = set(rule) - {"Variable", "Next"}
        wanted = rule[operator]
        if operator == "NumericGreaterThanEquals":
            return bool(value >= wanted)
        assert operator in ("NumericEquals", "BooleanEquals", "StringEquals")
        return bool(value == wanted)


def at(data: Any, path: str) -> Any:
    """What a path leads to."""
    for word in path.removeprefix("$").strip(".").split("."):
        data = data[word] if word else data
    return data


def fill(template: Mapping[str, Any], data: Any, item: Any = None) -> dict[str, Any]:
    """A template with its paths followed."""
    filled: dict[str, Any] = {}
    for name, value in template.items():
        if not name.endswith(".$"):
            filled[name] = value
        elif value == "$$.Map.Item.Value":
            filled[name[:-2]] = item
        elif value.startswith("States.MathAdd("):
            path, number = value[len("States.MathAdd(") : -1].split(", ")
            filled[name[:-2]] = at(data, path) + int(number)
        else:
            filled[name[:-2]] = at(data, value)
    return filled


def answers(**turns: int) -> Answer:
    """A function that needs some turns for each action."""
    asked: dict[str, int] = {}

    def answer(event: Mapping[str, Any]) -> Mapping[str, Any]:
        action = event["action"]
        if action == "begin_load":
            parts = [{"first": number} for number in range(4)]
            return {"statusCode": 200, "body": {"load": {"term": 7}, "partitions": parts}}
        key = f"{action}{event.get('partition')}"
        asked[key] = asked.get(key, 0) + 1
        done = asked[key] >= turns.get(action, 1)
        stopped = "" if done else "out of time"
        body = {"completed": done, "stopped": stopped, "deferred": 0}
        return {"statusCode": 200, "body": body}

    return answer


def test_every_part_is_loaded_until_it_is_complete_and_then_the_end(dev: Synthesised) -> None:
    walk = Walk(answers(load=3, end_load=2))
    assert walk.run(definition(dev), {}) == "Done"
    begin, *others = walk.events
    assert begin == {"action": "begin_load", "parts": 100, "workers": 10}
    loads, ends = others[:12], others[12:]
    assert loads == [
        {
            "action": "load",
            "load": {"term": 7},
            "partition": {"first": number},
            "continue": False,
        }
        for number in range(4)
        for _ in range(3)
    ]
    assert ends == [{"action": "end_load", "load": {"term": 7}, "continue": False}] * 2


def test_a_part_that_never_completes_is_given_up_after_some_turns(dev: Synthesised) -> None:
    walk = Walk(answers(load=10_000))
    part = definition(dev)["States"]["Parts"]["ItemProcessor"]
    given = {"load": {}, "partition": {}, "turn": 1}
    assert walk.run(part, given) == "PartNotCompleted"
    assert len(walk.events) == MOST_TURNS


def test_an_end_that_never_completes_is_given_up_too(dev: Synthesised) -> None:
    walk = Walk(answers(end_load=10_000))
    assert walk.run(definition(dev), {}) == "EndNotCompleted"
    assert len([one for one in walk.events if one["action"] == "end_load"]) == MOST_TURNS


@pytest.mark.parametrize(
    ("action", "end"),
    [("begin_load", "BeginRefused"), ("end_load", "EndRefused")],
)
def test_a_refusal_ends_the_load(dev: Synthesised, action: str, end: str) -> None:
    usual = answers()

    def answer(event: Mapping[str, Any]) -> Mapping[str, Any]:
        refused = {"statusCode": 409, "body": {"message": "another run holds the lease"}}
        return refused if event["action"] == action else usual(event)

    assert Walk(answer).run(definition(dev), {}) == end


@pytest.mark.parametrize(("deferred", "end"), [(0, "Held"), (5, "Done")])
def test_what_waits_for_a_person_is_no_success_and_what_waits_for_bedrock_goes_on(
    dev: Synthesised, deferred: int, end: str
) -> None:
    usual = answers(end_load=2)

    def answer(event: Mapping[str, Any]) -> Mapping[str, Any]:
        body = dict(usual(event)["body"])
        if not body.get("completed", True):
            body |= {"stopped": "", "deferred": deferred}
        return {"statusCode": 200, "body": body}

    assert Walk(answer).run(definition(dev), {}) == end


def test_no_more_parts_run_at_once_than_was_said(dev: Synthesised) -> None:
    parts = definition(dev)["States"]["Parts"]
    assert parts["MaxConcurrency"] == 10
    assert parts["ToleratedFailurePercentage"] == 5
    assert parts["ItemProcessor"]["ProcessorConfig"] == {
        "Mode": "DISTRIBUTED",
        "ExecutionType": "STANDARD",
    }


def test_every_call_of_the_function_is_tried_again_when_lambda_fails(dev: Synthesised) -> None:
    machine = definition(dev)["States"]
    inner = machine["Parts"]["ItemProcessor"]["States"]
    tasks = [one for one in (*machine.values(), *inner.values()) if one["Type"] == "Task"]
    assert len(tasks) == 3
    for task in tasks:
        service, others = task["Retry"]
        assert set(service["ErrorEquals"]) == {
            "Lambda.ClientExecutionTimeoutException",
            "Lambda.ServiceException",
            "Lambda.AWSLambdaException",
            "Lambda.SdkClientException",
            "Lambda.TooManyRequestsException",
        }
        assert service["JitterStrategy"] == "FULL"
        assert others["ErrorEquals"] == ["States.TaskFailed", "States.Timeout"]
        assert others["MaxAttempts"] == 2
        assert task["TimeoutSeconds"] > 900


def test_it_is_logged_and_traced_and_may_not_take_for_ever(dev: Synthesised) -> None:
    machine = dev.only("AWS::StepFunctions::StateMachine", "bulk-load")["Properties"]
    assert machine["TracingConfiguration"] == {"Enabled": True}
    logging = machine["LoggingConfiguration"]
    assert logging["Level"] == "ALL"
    assert logging["IncludeExecutionData"] is False
    assert len(logging["Destinations"]) == 1
    assert definition(dev)["TimeoutSeconds"] == 2 * 86400
    group = dev.only("AWS::Logs::LogGroup", "bulk-load")["Properties"]
    assert group["LogGroupName"] == "/aws/vendedlogs/states/rxindex-dev-load"


def test_it_may_invoke_the_one_function_and_run_its_own_parts(dev: Synthesised) -> None:
    states = f"arn:{{AWS::Partition}}:states:{HERE}"
    wide = {"logs", "xray"}
    found = {one for one in rights(dev, "bulk-load", "Role") if one[0].split(":")[0] not in wide}
    assert found == {
        (
            "lambda:InvokeFunction",
            f"arn:{{AWS::Partition}}:lambda:{HERE}:function:rxindex-dev-sync",
        ),
        ("states:StartExecution", f"{states}:stateMachine:rxindex-dev-load"),
        ("states:DescribeExecution", f"{states}:execution:rxindex-dev-load/*"),
        ("states:StopExecution", f"{states}:execution:rxindex-dev-load/*"),
    }
    machine = dev.only("AWS::StepFunctions::StateMachine", "bulk-load")["Properties"]
    assert machine["StateMachineName"] == "rxindex-dev-load"


def test_the_stack_has_no_more_and_no_fewer_resources_than_these(dev: Synthesised) -> None:
    assert dev.counts("bulk-load") == {
        "AWS::Logs::LogGroup": 1,
        "AWS::IAM::Role": 1,
        "AWS::StepFunctions::StateMachine": 1,
    }


def test_what_the_local_chain_plays_is_what_is_deployed(dev: Synthesised) -> None:
    deployed = definition(dev)
    function = deployed["States"]["Begin"]["Parameters"]["FunctionName"]
    invoke = deployed["States"]["Begin"]["Resource"]
    shown = json.dumps(deployed).replace(json.dumps(function), json.dumps("${SyncFunction}"))
    shown = shown.replace(json.dumps(invoke), json.dumps("arn:aws:states:::lambda:invoke"))
    played = (INFRA.parent / "tests/aws/bulk_load.asl.json").read_text()
    assert json.loads(shown) == json.loads(played)
