"""Alarms, where they go, and the dashboard."""

from __future__ import annotations

import json
import re
from typing import Any

from rxindex_infra.redis_files import FILES
from tests.source_tree import METRICS
from tests.synthesis import Synthesised, text

#: Alarm: its metric, comparison, threshold, periods that breach, seconds of one, and what missing
#: data means.
_ALARMS: dict[str, tuple[str, str, int, int, int, str]] = {
    "no-successful-run": ("SyncCompleted", "<", 1, 26, 3600, "breaching"),
    "drugs-failed": ("DrugsFailed", ">=", 100, 1, 3600, "notBreaching"),
    "embedding-throttled": ("EmbeddingThrottles", ">=", 1000, 1, 3600, "notBreaching"),
    "quarantine-large": ("QuarantineSize", ">=", 100, 1, 3600, "notBreaching"),
    "quarantine-grows": ("DIFF(QuarantineSize)", ">=", 10, 1, 86400, "notBreaching"),
    "index-errors": ("IndexErrors", ">=", 1, 1, 3600, "notBreaching"),
    "sync-errors": ("Errors", ">=", 1, 1, 300, "notBreaching"),
    "sync-throttled": ("Throttles", ">=", 1, 1, 300, "notBreaching"),
    "dead-letters": ("ApproximateNumberOfMessagesVisible", ">=", 1, 1, 300, "notBreaching"),
    "bulk-load-failed": ("ExecutionsFailed", ">=", 1, 1, 300, "notBreaching"),
    "bulk-load-late": ("ExecutionsTimedOut", ">=", 1, 1, 300, "notBreaching"),
    "search-errors": ("5xx", ">=", 5, 2, 300, "notBreaching"),
    "password-not-changed": ("Errors", ">=", 1, 1, 300, "notBreaching"),
    "redis-down": ("RedisUp", "<", 1, 3, 60, "breaching"),
    "redis-memory": ("RedisMemory", ">=", 80, 5, 60, "notBreaching"),
    "redis-disk": ("disk_used_percent", ">=", 80, 5, 60, "notBreaching"),
    "redis-writes": ("RedisWriteErrors", ">=", 1, 2, 60, "notBreaching"),
    "redis-instance": ("StatusCheckFailed", ">=", 1, 2, 60, "notBreaching"),
}


def alarms(stacks: Synthesised) -> dict[str, dict[str, Any]]:
    """Every alarm, by its name within the deployment."""
    found = stacks.resources("AWS::CloudWatch::Alarm", "monitoring").values()
    prefix = stacks.deployment.parameters.prefix
    return {
        one["Properties"]["AlarmName"].removeprefix(f"{prefix}-"): one["Properties"]
        for one in found
    }


def measured(alarm: dict[str, Any]) -> tuple[str, int, dict[str, str], str]:
    """Metric (with the expression around it), seconds of a period, dimensions, namespace."""
    if "MetricName" in alarm:
        metric, period, expression = alarm, alarm["Period"], ""
    else:
        (stat,) = (one["MetricStat"] for one in alarm["Metrics"] if "MetricStat" in one)
        metric, period = stat["Metric"], stat["Period"]
        expression = next(
            (one["Expression"] for one in alarm["Metrics"] if "Expression" in one), ""
        )
    name = metric["MetricName"]
    shown = re.sub(r"\(\w+\)", f"({name})", expression) or name
    dimensions = {one["Name"]: text(one["Value"]) for one in metric.get("Dimensions", [])}
    return shown, period, dimensions, metric["Namespace"]


def test_there_is_an_alarm_for_all_that_can_go_wrong(dev: Synthesised) -> None:
    compare = {"LessThanThreshold": "<", "GreaterThanOrEqualToThreshold": ">="}
    found = {}
    for name, one in alarms(dev).items():
        metric, period, _, _ = measured(one)
        found[name] = (
            metric,
            compare[one["ComparisonOperator"]],
            one["Threshold"],
            one["DatapointsToAlarm"],
            period,
            one["TreatMissingData"],
        )
    assert found == _ALARMS
    assert alarms(dev)["quarantine-grows"]["EvaluationPeriods"] == 2
    # CloudWatch looks back over a day, or over seven with periods of an hour and more.
    for one in alarms(dev).values():
        period = measured(one)[1]
        assert one["EvaluationPeriods"] * period <= (7 * 86400 if period >= 3600 else 86400)


def test_every_alarm_and_its_end_is_told(dev: Synthesised) -> None:
    topic = next(iter(dev.resources("AWS::SNS::Topic", "monitoring")))
    for one in alarms(dev).values():
        assert one["AlarmActions"] == one["OKActions"] == [{"Ref": topic}]
        assert len(one["AlarmDescription"]) > 30


def test_alarms_look_at_metrics_that_are_there(dev: Synthesised) -> None:
    script = (FILES / "metrics.sh").read_text()
    agent = json.loads((FILES / "agent.json").read_text())
    collected = agent["metrics"]["metrics_collected"]
    server = {"Server": "redis.rxindex-dev.internal"}
    for one in alarms(dev).values():
        metric, _, dimensions, namespace = measured(one)
        metric = metric.removeprefix("DIFF(").removesuffix(")")
        if namespace.startswith("AWS/"):
            assert dimensions
        elif metric in METRICS:
            assert dimensions == {"catalogue": "fdb", "service": "rxindex"}
            assert namespace == "DAW/DrugSync"
        elif metric == "disk_used_percent":
            assert dimensions == server | {"path": "/var/lib/redis"}
            assert metric in collected["disk"]["measurement"]
            assert ["Server", "path"] in agent["metrics"]["aggregation_dimensions"]
            assert "@DATA@" in collected["disk"]["resources"]
        else:
            assert dimensions == server
            assert f'"{metric}"' in script


def test_the_topic_takes_alarms_of_this_account_and_sends_them_on(
    dev: Synthesised, prod: Synthesised
) -> None:
    policy = dev.only("AWS::SNS::TopicPolicy", "monitoring")["Properties"]["PolicyDocument"]
    allowed = [one for one in policy["Statement"] if one["Effect"] == "Allow"]
    (one,) = allowed
    assert one["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert text(one["Condition"]["StringEquals"]["aws:SourceAccount"]) == "{AWS::AccountId}"
    subscription = dev.only("AWS::SNS::Subscription", "monitoring")["Properties"]
    assert subscription["Protocol"] == "email"
    assert subscription["Endpoint"] == "oncall@example.com"
    assert not prod.resources("AWS::SNS::Subscription", "monitoring")


def test_the_dashboard_shows_every_metric_of_a_run(dev: Synthesised) -> None:
    board = dev.only("AWS::CloudWatch::Dashboard", "monitoring")["Properties"]
    body = json.loads(text(board["DashboardBody"]))
    shown = json.dumps(body)
    for name in METRICS | {"RedisUp", "RedisMemory", "disk_used_percent", "mem_used_percent"}:
        assert f'"{name}"' in shown, name
    assert board["DashboardName"] == "rxindex-dev"
    (status,) = (one for one in body["widgets"] if one["type"] == "alarm")
    assert len(status["properties"]["alarms"]) == len(_ALARMS)


def test_the_stack_has_no_more_and_no_fewer_resources_than_these(
    dev: Synthesised, prod: Synthesised
) -> None:
    wanted = {
        "AWS::SNS::Topic": 1,
        "AWS::SNS::TopicPolicy": 1,
        "AWS::CloudWatch::Alarm": len(_ALARMS),
        "AWS::CloudWatch::Dashboard": 1,
    }
    assert prod.counts("monitoring") == wanted
    assert dev.counts("monitoring") == wanted | {"AWS::SNS::Subscription": 1}
