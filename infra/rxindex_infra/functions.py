"""What the two functions have in common: the package, the role, the environment."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from rxindex_infra.logs import log_group
from rxindex_infra.nag import acknowledge
from rxindex_infra.network import titan_arn
from rxindex_infra.parameters import Parameters, Wrong
from rxindex_infra.redis_rights import may_read_secret
from rxindex_infra.redis_server import RedisStack

__all__ = ["Function", "allow_network_interfaces", "check_package", "redis_environment"]

_TASK = PurePosixPath("/var/task")

_NETWORK_INTERFACES = [
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
]


def check_package(parameters: Parameters) -> None:
    """Make sure that the zip has what the functions need, before anything is deployed.

    Raises:
        Wrong: there is no zip, or it lacks a handler or the database's certificate authority.
    """
    try:
        with zipfile.ZipFile(parameters.package) as package:
            names = set(package.namelist())
    except FileNotFoundError:
        raise Wrong(
            f"there is no {parameters.package}: run `make lambda`, or give lambdaZip"
        ) from None
    except zipfile.BadZipFile:
        raise Wrong(f"{parameters.package} is no zip: run `make lambda` again") from None
    for handler in ("sync_handler", "search_handler"):
        if not {f"rxindex/aws/{handler}.py", f"rxindex/aws/{handler}.pyc"} & names:
            raise Wrong(
                f"{parameters.package} has no rxindex.aws.{handler}: run `make lambda` again"
            )
    authority = parameters.database_ca and PurePosixPath(parameters.database_ca)
    if (
        authority
        and authority.is_relative_to(_TASK)
        and str(authority.relative_to(_TASK)) not in names
    ):
        raise Wrong(
            f"{parameters.package} lacks {authority.name}, the authority of the database's "
            f"certificate: build it with `scripts/build-lambda --add {authority.name}=PATH` "
            "(docs/aws.md says where AWS has the file), or give databaseCa"
        )


def redis_environment(parameters: Parameters, redis: RedisStack) -> dict[str, str]:
    """The settings of both functions; see docs/configuration.md."""
    further = {f"RXINDEX_{name.upper()}": value for name, value in parameters.settings.items()}
    return further | {
        "RXINDEX_REDIS": f"rediss://{redis.host}:6379/0",
        "RXINDEX_REDIS_SECRET": redis.secret.secret_arn,
        "RXINDEX_REDIS_CA_PARAMETER": redis.authority,
        "RXINDEX_CATALOGUE": parameters.catalogue,
        "RXINDEX_EMBEDDER": "titan",
        "RXINDEX_TITAN_MODEL": parameters.titan_model,
        "RXINDEX_DIMENSIONS": parameters.dimensions,
        "RXINDEX_TITAN_REQUESTS_PER_MINUTE": str(parameters.titan_requests_per_minute),
        "RXINDEX_METRICS_NAMESPACE": parameters.metrics_namespace,
        # The only place where a function may write.
        "RXINDEX_DATA_DIR": "/tmp/rxindex",  # noqa: S108
        "POWERTOOLS_SERVICE_NAME": "rxindex",
    }


class Function(Construct):
    """One of the two functions, with its log group and a role that has the rights written here.

    Attributes:
        function: the Lambda function.
        role: its role.
        name: of the function; known beforehand, so that rights can name it.
    """

    def __init__(
        self,
        stack: cdk.Stack,
        construct_id: str,
        parameters: Parameters,
        *,
        key: kms.IKey,
        redis: RedisStack,
        handler: str,
        environment: Mapping[str, str],
        vpc: ec2.IVpc,
        subnets: list[ec2.ISubnet],
        security_group: ec2.ISecurityGroup,
        **options: Any,
    ) -> None:
        super().__init__(stack, construct_id)
        self.name = f"{parameters.prefix}-{construct_id.lower()}"
        self.arn = (
            f"arn:{stack.partition}:lambda:{stack.region}:{stack.account}:function:{self.name}"
        )
        logs = log_group(self, "Logs", parameters, key, name=f"/aws/lambda/{self.name}")
        authority = (
            f"arn:{stack.partition}:ssm:{stack.region}:{stack.account}:parameter{redis.authority}"
        )
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"the {construct_id.lower()} function",
        )
        self.allow(["bedrock:InvokeModel"], [titan_arn(stack, parameters)])
        for statement in may_read_secret(stack, redis.secret.secret_arn, key.key_arn):
            self.role.add_to_policy(statement)
        self.allow(["ssm:GetParameter"], [authority])
        self.allow(["logs:CreateLogStream", "logs:PutLogEvents"], [logs.log_group_arn])
        allow_network_interfaces(self.role, self.arn)
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=self.name,
            description=f"{parameters.prefix}: {construct_id.lower()}",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=(
                lambda_.Architecture.ARM_64
                if parameters.architecture == "arm64"
                else lambda_.Architecture.X86_64
            ),
            code=lambda_.Code.from_asset(str(parameters.package)),
            handler=handler,
            environment=dict(environment),
            role=self.role,
            log_group=logs,
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnets=subnets),
            security_groups=[security_group],
            **options,
        )
        acknowledge(
            self,
            "Python 3.13 is what the package was built and tested for.",
            "AwsSolutions-L1",
        )

    def allow(self, actions: list[str], resources: list[str], **conditions: Any) -> None:
        """Give the function a right."""
        self.role.add_to_policy(
            iam.PolicyStatement(actions=actions, resources=resources, conditions=conditions or None)
        )


def allow_network_interfaces(role: iam.Role, function: str) -> None:
    """Let Lambda connect a function to the VPC, and not the function's own code.

    Args:
        role: of the function.
        function: its ARN.
    """
    role.add_to_policy(iam.PolicyStatement(actions=_NETWORK_INTERFACES, resources=["*"]))
    role.add_to_policy(
        iam.PolicyStatement(
            effect=iam.Effect.DENY,
            actions=_NETWORK_INTERFACES,
            resources=["*"],
            conditions={"ArnEquals": {"lambda:SourceFunctionArn": function}},
        )
    )
    acknowledge(
        role,
        "Network interfaces have no ARN before Lambda makes them, nor has the drawing of a random "
        "password; the function's own code is denied the former.",
        "AwsSolutions-IAM5[Resource::*]",
    )
