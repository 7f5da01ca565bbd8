"""The key that secrets, logs, queues, topics and the database made here are encrypted with.

One key of the account's own, because services have to be let in by its policy: CloudWatch Logs,
CloudWatch's alarms and EventBridge could not use the keys that AWS manages. The volumes of Redis
use the account's default key for EBS instead: it is encryption all the same, and spares the
instance, the auto scaling group and the snapshot policy rights on a key.
"""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from rxindex_infra.parameters import Parameters

__all__ = ["EncryptionStack"]


class EncryptionStack(cdk.Stack):
    """The key, and who may use it.

    Attributes:
        key: renewed every year by AWS.
    """

    def __init__(
        self, scope: Construct, construct_id: str, parameters: Parameters, **options: Any
    ) -> None:
        super().__init__(scope, construct_id, **options)
        made = kms.Key(
            self,
            "Key",
            description=f"{parameters.prefix}: secrets, logs, queues, topics, database",
            enable_key_rotation=True,
            pending_window=cdk.Duration.days(30 if parameters.protect else 7),
            removal_policy=(
                cdk.RemovalPolicy.RETAIN if parameters.protect else cdk.RemovalPolicy.DESTROY
            ),
        )
        self._policy = made
        # As one that is known by its ARN: granting its use changes roles, never its policy, which
        # would make this stack depend on all others.
        self.key = kms.Key.from_key_arn(self, "Shared", made.key_arn)
        logs = f"arn:{self.partition}:logs:{self.region}:{self.account}:*"
        self._let_in(
            f"logs.{self.region}.amazonaws.com",
            {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": logs}},
        )
        # Alarms publish to the topic, EventBridge puts what it can't deliver into the queue.
        for service in ("cloudwatch", "events"):
            self._let_in(
                f"{service}.amazonaws.com",
                {"StringEquals": {"aws:SourceAccount": self.account}},
            )

    def _let_in(self, service: str, conditions: dict[str, Any]) -> None:
        self._policy.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(service)],
                actions=["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:DescribeKey"],
                resources=["*"],
                conditions=conditions,
            )
        )
