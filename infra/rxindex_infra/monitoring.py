"""Alarms, the topic that they go to, and a dashboard."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from rxindex_infra.bulk_load import BulkLoadStack
from rxindex_infra.dashboard import make_dashboard
from rxindex_infra.measures import Measures
from rxindex_infra.parameters import Parameters
from rxindex_infra.redis_rotation import RotationStack
from rxindex_infra.redis_server import RedisStack
from rxindex_infra.search_api import SearchApiStack
from rxindex_infra.sync import SyncStack

__all__ = ["MonitoringStack"]

_MISSING = cloudwatch.TreatMissingData
_OVER = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
_UNDER = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD


class MonitoringStack(cdk.Stack):
    """What watches the other stacks.

    Attributes:
        topic: every alarm is published to it, and its end.
        alarms: by name.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        parameters: Parameters,
        *,
        redis: RedisStack,
        rotation: RotationStack,
        sync: SyncStack,
        bulk_load: BulkLoadStack,
        search: SearchApiStack,
        key: kms.IKey,
        **options: Any,
    ) -> None:
        super().__init__(scope, construct_id, **options)
        self.parameters = parameters
        self.alarms: dict[str, cloudwatch.Alarm] = {}
        self.topic = self._make_topic(key)
        measures = Measures(
            parameters,
            redis=redis,
            rotation=rotation,
            sync=sync,
            bulk_load=bulk_load,
            search=search,
        )
        self._watch_runs(measures)
        self._watch_functions(measures)
        self._watch_redis(measures)
        make_dashboard(self, parameters, measures, list(self.alarms.values()))
        cdk.CfnOutput(self, "TopicArn", value=self.topic.topic_arn)

    def _make_topic(self, key: kms.IKey) -> sns.Topic:
        topic = sns.Topic(
            self,
            "Alarms",
            display_name=f"{self.parameters.prefix} alarms",
            master_key=key,
            enforce_ssl=True,
        )
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )
        if self.parameters.alarm_email:
            topic.add_subscription(subscriptions.EmailSubscription(self.parameters.alarm_email))
        return topic

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        threshold: float,
        says: str,
        *,
        compare: cloudwatch.ComparisonOperator = _OVER,
        periods: int = 1,
        of: int | None = None,
        missing: cloudwatch.TreatMissingData = _MISSING.NOT_BREACHING,
    ) -> None:
        """Make an alarm.

        Args:
            name: of it, within the deployment.
            metric: what is watched.
            threshold: raises it.
            says: what happened and what to do, for the person who is woken.
            compare: how the metric compares with the threshold.
            periods: that have to breach.
            of: out of so many; left out: all of them.
            missing: what a period without data means.
        """
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"{self.parameters.prefix}-{name}",
            alarm_description=says,
            metric=metric,
            threshold=threshold,
            comparison_operator=compare,
            evaluation_periods=of or periods,
            datapoints_to_alarm=periods,
            treat_missing_data=missing,
        )
        action = actions.SnsAction(self.topic)
        alarm.add_alarm_action(action)
        alarm.add_ok_action(action)
        self.alarms[name] = alarm

    def _watch_runs(self, measures: Measures) -> None:
        parameters = self.parameters
        hour = cdk.Duration.hours(1)
        self._alarm(
            "no-successful-run",
            measures.run("SyncCompleted", "Maximum", hour),
            1,
            "No sync has completed for 26 hours. Look at the sync function's log.",
            compare=_UNDER,
            periods=26,
            missing=_MISSING.BREACHING,
        )
        self._alarm(
            "drugs-failed",
            measures.run("DrugsFailed", "Maximum", hour),
            parameters.failed_drugs_threshold,
            "Many drugs of a run failed. `rxindex quarantine list` says which and why.",
        )
        self._alarm(
            "embedding-throttled",
            measures.run("EmbeddingThrottles", "Sum", hour),
            parameters.throttles_threshold,
            "Bedrock throttles: titanRequestsPerMinute is more than the account's quota, or "
            "somebody else uses it.",
        )
        self._alarm(
            "quarantine-large",
            measures.run("QuarantineSize", "Maximum", hour),
            parameters.quarantine_threshold,
            "Many drugs are in quarantine. `rxindex quarantine list` says which and why.",
        )
        self._alarm(
            "quarantine-grows",
            cloudwatch.MathExpression(
                expression="DIFF(size)",
                label="drugs more than the day before",
                using_metrics={
                    "size": measures.run("QuarantineSize", "Maximum", cdk.Duration.days(1))
                },
                period=cdk.Duration.days(1),
            ),
            parameters.quarantine_growth,
            "More drugs are in quarantine than the day before. `rxindex quarantine list`.",
            # Two days, so that there is a day before.
            of=2,
        )
        self._alarm(
            "index-errors",
            measures.run("IndexErrors", "Maximum", hour),
            1,
            "Redis could not index documents: they can't be found. `rxindex verify --repair`.",
        )

    def _watch_functions(self, measures: Measures) -> None:
        self._alarm(
            "sync-errors",
            measures.sync_errors(),
            1,
            "The sync function failed. It is tried twice more; then the event is in the queue.",
        )
        self._alarm(
            "sync-throttled",
            measures.sync_throttles(),
            1,
            "Lambda refused to run the sync function: reservedConcurrency or the account's limit.",
        )
        self._alarm(
            "dead-letters",
            measures.dead_letters(),
            1,
            "Events could not be carried out. Read them, mend, and send them again.",
        )
        self._alarm(
            "bulk-load-failed",
            measures.bulk_load_failed(),
            1,
            "A bulk load did not come to its end. What was written is kept.",
        )
        self._alarm(
            "bulk-load-late",
            measures.bulk_load_late(),
            1,
            "A bulk load was ended after two days. What was written is kept.",
        )
        self._alarm(
            "search-errors",
            measures.search_errors(),
            5,
            "The search API answers with errors. Is Redis up?",
            periods=2,
        )
        self._alarm(
            "password-not-changed",
            measures.rotation_errors(),
            1,
            "Redis' password could not be changed; the old one stays in use.",
        )

    def _watch_redis(self, measures: Measures) -> None:
        self._alarm(
            "redis-down",
            measures.redis("RedisUp", "Minimum"),
            1,
            "Redis does not answer, or its instance is being replaced.",
            compare=_UNDER,
            periods=3,
            missing=_MISSING.BREACHING,
        )
        self._alarm(
            "redis-memory",
            measures.redis("RedisMemory", "Maximum"),
            80,
            "Redis is nearly full; at 100 % it refuses writes. Take a larger instance.",
            periods=5,
        )
        self._alarm(
            "redis-disk",
            measures.redis_disk(),
            80,
            "Redis' volume is nearly full. Raise redisVolumeSize.",
            periods=5,
        )
        self._alarm(
            "redis-writes",
            measures.redis("RedisWriteErrors", "Maximum"),
            1,
            "Redis could not write to its volume.",
            periods=2,
        )
        self._alarm(
            "redis-instance",
            measures.redis_status(),
            1,
            "Redis' instance fails its status checks; it is being replaced.",
            periods=2,
        )
