"""The metrics that alarms and the dashboard show."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from rxindex_infra.bulk_load import BulkLoadStack
from rxindex_infra.parameters import Parameters
from rxindex_infra.redis_rotation import RotationStack
from rxindex_infra.redis_server import RedisStack
from rxindex_infra.search_api import SearchApiStack
from rxindex_infra.sync import SyncStack

__all__ = ["Measures"]

_FIVE_MINUTES = cdk.Duration.minutes(5)
_MINUTE = cdk.Duration.minutes(1)


class Measures:
    """Where each number comes from.

    Args:
        parameters: of the deployment.
        redis, rotation, sync, bulk_load, search: the stacks that are measured.
    """

    def __init__(
        self,
        parameters: Parameters,
        *,
        redis: RedisStack,
        rotation: RotationStack,
        sync: SyncStack,
        bulk_load: BulkLoadStack,
        search: SearchApiStack,
    ) -> None:
        self.parameters = parameters
        self.redis_stack = redis
        self.rotation = rotation
        self.sync = sync
        self.bulk_load = bulk_load
        self.search = search

    def run(self, name: str, statistic: str, period: cdk.Duration) -> cloudwatch.Metric:
        """A metric that the sync function writes into its log; see rxindex.aws.metrics."""
        return cloudwatch.Metric(
            namespace=self.parameters.metrics_namespace,
            metric_name=name,
            dimensions_map={"catalogue": self.parameters.catalogue, "service": "rxindex"},
            statistic=statistic,
            period=period,
            label=name,
        )

    def redis(self, name: str, statistic: str) -> cloudwatch.Metric:
        """A metric that metrics.sh on Redis' instance sends."""
        return self._of_server(name, statistic, {})

    def redis_disk(self) -> cloudwatch.Metric:
        """Percent of the volume in use; from the CloudWatch agent."""
        return self._of_server("disk_used_percent", "Maximum", {"path": "/var/lib/redis"})

    def redis_host_memory(self) -> cloudwatch.Metric:
        """Percent of the instance's memory in use; from the CloudWatch agent."""
        return self._of_server("mem_used_percent", "Maximum", {})

    def redis_status(self) -> cloudwatch.Metric:
        """EC2's status checks of the group's instance."""
        return cloudwatch.Metric(
            namespace="AWS/EC2",
            metric_name="StatusCheckFailed",
            dimensions_map={"AutoScalingGroupName": self.redis_stack.group.auto_scaling_group_name},
            statistic="Maximum",
            period=_MINUTE,
        )

    def sync_errors(self) -> cloudwatch.IMetric:
        """Invocations of the sync function that raised."""
        return self.sync.sync.function.metric_errors(period=_FIVE_MINUTES, statistic="Sum")

    def sync_throttles(self) -> cloudwatch.IMetric:
        """Invocations of the sync function that Lambda refused."""
        return self.sync.sync.function.metric_throttles(period=_FIVE_MINUTES, statistic="Sum")

    def sync_invocations(self) -> cloudwatch.IMetric:
        """Invocations of the sync function."""
        return self.sync.sync.function.metric_invocations(period=_FIVE_MINUTES, statistic="Sum")

    def dead_letters(self) -> cloudwatch.IMetric:
        """Events that wait in the dead-letter queue."""
        return self.sync.dead_letters.metric_approximate_number_of_messages_visible(
            period=_FIVE_MINUTES, statistic="Maximum"
        )

    def bulk_load_failed(self) -> cloudwatch.IMetric:
        """Bulk loads that failed."""
        return self.bulk_load.machine.metric_failed(period=_FIVE_MINUTES, statistic="Sum")

    def bulk_load_late(self) -> cloudwatch.IMetric:
        """Bulk loads that took longer than they may."""
        return self.bulk_load.machine.metric_timed_out(period=_FIVE_MINUTES, statistic="Sum")

    def search_errors(self) -> cloudwatch.IMetric:
        """Answers of the search API that blame the server."""
        return self.search.api.metric_server_error(period=_FIVE_MINUTES, statistic="Sum")

    def search_requests(self) -> cloudwatch.IMetric:
        """Requests to the search API."""
        return self.search.api.metric_count(period=_FIVE_MINUTES, statistic="Sum")

    def search_latency(self, statistic: str) -> cloudwatch.IMetric:
        """Milliseconds from a request to its answer."""
        return self.search.api.metric_latency(
            period=_FIVE_MINUTES, statistic=statistic, label=statistic
        )

    def rotation_errors(self) -> cloudwatch.IMetric:
        """Steps of a change of Redis' password that failed."""
        return self.rotation.function.metric_errors(period=_FIVE_MINUTES, statistic="Sum")

    def _of_server(
        self, name: str, statistic: str, dimensions: dict[str, str]
    ) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=self.parameters.metrics_namespace,
            metric_name=name,
            dimensions_map={"Server": self.redis_stack.host} | dimensions,
            statistic=statistic,
            period=_MINUTE,
            label=name,
        )
