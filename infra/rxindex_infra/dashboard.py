"""The dashboard: runs, embedding, search, Redis."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from rxindex_infra.measures import Measures
from rxindex_infra.parameters import Parameters

__all__ = ["make_dashboard"]

_HOUR = cdk.Duration.hours(1)


def make_dashboard(
    scope: Construct,
    parameters: Parameters,
    measures: Measures,
    alarms: list[cloudwatch.Alarm],
) -> cloudwatch.Dashboard:
    """Make the dashboard.

    Args:
        scope: the stack.
        parameters: of the deployment.
        measures: what it shows.
        alarms: whose state it shows on top.
    """

    def graph(title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
        return cloudwatch.GraphWidget(title=title, left=list(metrics), width=12, height=6)

    def runs(statistic: str, *names: str) -> list[cloudwatch.IMetric]:
        return [measures.run(name, statistic, _HOUR) for name in names]

    dashboard = cloudwatch.Dashboard(
        scope,
        "Dashboard",
        dashboard_name=parameters.prefix,
        default_interval=cdk.Duration.days(7),
    )
    dashboard.add_widgets(
        cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms), width=24, height=4)
    )
    dashboard.add_widgets(
        graph(
            "Drugs of a run",
            *runs("Sum", "DrugsProcessed", "DrugsSuccessful", "DrugsFailed", "DrugsDeleted"),
        ),
        graph("Runs", *runs("Maximum", "SyncDuration", "SyncCompleted")),
    )
    dashboard.add_widgets(
        graph("Embedding", *runs("Sum", "EmbeddingCalls", "EmbeddingThrottles")),
        graph("Age of the data", *runs("Maximum", "DataAge")),
    )
    dashboard.add_widgets(
        graph("Quarantine and index errors", *runs("Maximum", "QuarantineSize", "IndexErrors")),
        graph(
            "The sync function",
            measures.sync_invocations(),
            measures.sync_errors(),
            measures.sync_throttles(),
            measures.dead_letters(),
        ),
    )
    dashboard.add_widgets(
        graph("Searches", measures.search_requests(), measures.search_errors()),
        graph("Milliseconds of a search", *map(measures.search_latency, ("p50", "p95", "p99"))),
    )
    dashboard.add_widgets(
        graph(
            "Redis: percent in use",
            measures.redis("RedisMemory", "Maximum"),
            measures.redis_host_memory(),
            measures.redis_disk(),
        ),
        graph(
            "Redis: up, and its connections",
            measures.redis("RedisUp", "Minimum"),
            measures.redis("RedisClients", "Maximum"),
        ),
    )
    return dashboard
