"""The function that changes Redis' password when Secrets Manager says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from rxindex_infra.functions import allow_network_interfaces
from rxindex_infra.logs import log_group
from rxindex_infra.nag import acknowledge
from rxindex_infra.network import REDIS_PORT, NetworkStack
from rxindex_infra.parameters import Parameters
from rxindex_infra.redis_server import RedisStack

__all__ = ["CODE", "RotationStack"]

#: The folder with the function's code.
CODE = Path(__file__).with_name("rotation")


class RotationStack(cdk.Stack):
    """Changes the password every ``redisRotationDays`` days, interrupting nobody.

    Attributes:
        function: what Secrets Manager calls.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        parameters: Parameters,
        *,
        network: NetworkStack,
        redis: RedisStack,
        key: kms.IKey,
        **options: Any,
    ) -> None:
        super().__init__(scope, construct_id, **options)
        name = f"{parameters.prefix}-redis-password"
        logs = log_group(self, "Logs", parameters, key, name=f"/aws/lambda/{name}")
        own = f"arn:{self.partition}:lambda:{self.region}:{self.account}:function:{name}"
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description="the function that changes Redis' password",
        )
        for statement in _rights(self, redis, key, logs.log_group_arn):
            role.add_to_policy(statement)
        allow_network_interfaces(role, own)
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=name,
            description=f"{parameters.prefix}: changes Redis' password",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            code=lambda_.Code.from_asset(str(CODE), exclude=["__pycache__"]),
            handler="redis_password.lambda_handler",
            environment={
                "REDIS": f"{redis.host}:{REDIS_PORT}",
                "REDIS_CA_PARAMETER": redis.authority,
            },
            role=role,
            log_group=logs,
            memory_size=256,
            timeout=cdk.Duration.minutes(5),
            vpc=network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnets=network.function_subnets),
            security_groups=[network.rotation],
        )
        acknowledge(
            self.function,
            "Python 3.13 is what the function was tested with.",
            "AwsSolutions-L1",
        )
        invoke = lambda_.CfnPermission(
            self,
            "SecretsManager",
            action="lambda:InvokeFunction",
            function_name=self.function.function_arn,
            principal="secretsmanager.amazonaws.com",
            source_account=self.account,
            source_arn=redis.secret.secret_arn,
        )
        schedule = secretsmanager.CfnRotationSchedule(
            self,
            "Schedule",
            secret_id=redis.secret.secret_arn,
            rotation_lambda_arn=self.function.function_arn,
            rotation_rules=secretsmanager.CfnRotationSchedule.RotationRulesProperty(
                automatically_after_days=parameters.redis_rotation_days
            ),
            # The first change is not made before there is a Redis to take it.
            rotate_immediately_on_update=False,
        )
        schedule.add_resource_dependency(invoke)
        schedule.node.add_dependency(role)


def _rights(
    stack: cdk.Stack, redis: RedisStack, key: kms.IKey, logs: str
) -> list[iam.PolicyStatement]:
    authority = (
        f"arn:{stack.partition}:ssm:{stack.region}:{stack.account}:parameter{redis.authority}"
    )

    def allow(actions: list[str], resource: str, **conditions: Any) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            actions=actions, resources=[resource], conditions=conditions or None
        )

    return [
        allow(
            [
                f"secretsmanager:{action}"
                for action in (
                    "DescribeSecret",
                    "GetSecretValue",
                    "PutSecretValue",
                    "UpdateSecretVersionStage",
                )
            ],
            redis.secret.secret_arn,
        ),
        allow(["secretsmanager:GetRandomPassword"], "*"),
        allow(
            ["kms:Decrypt", "kms:GenerateDataKey"],
            key.key_arn,
            StringEquals={
                "kms:ViaService": f"secretsmanager.{stack.region}.amazonaws.com",
            },
        ),
        allow(["ssm:GetParameter"], authority),
        allow(["logs:CreateLogStream", "logs:PutLogEvents"], logs),
    ]
