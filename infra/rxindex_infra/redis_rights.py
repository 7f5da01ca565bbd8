"""What Redis' instance and the snapshot policy may do; written out, action by action."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from rxindex_infra.nag import acknowledge, as_cdk_nag_shows

if TYPE_CHECKING:
    from rxindex_infra.redis_server import RedisStack

__all__ = ["instance_role", "may_read_secret", "snapshot_role"]


def may_read_secret(stack: cdk.Stack, secret_arn: str, key_arn: str) -> list[iam.PolicyStatement]:
    """The right to read one secret, and to have it decrypted for that and nothing else.

    Args:
        stack: of the role.
        secret_arn: the secret.
        key_arn: KMS key that it is encrypted with; empty where that is AWS' own.
    """
    rights = [_allow([secret_arn], "secretsmanager:GetSecretValue")]
    if key_arn:
        rights.append(
            _allow(
                [key_arn],
                "kms:Decrypt",
                StringEquals={
                    "kms:ViaService": f"secretsmanager.{stack.region}.amazonaws.com",
                    "kms:EncryptionContext:SecretARN": secret_arn,
                },
            )
        )
    return rights


def instance_role(stack: RedisStack, key: kms.IKey) -> iam.Role:
    """The role of Redis' instance."""
    prefix, region = stack.parameters.prefix, stack.region

    def arn(service: str, rest: str) -> str:
        return f"arn:{stack.partition}:{service}:{region}:{stack.account}:{rest}"

    instances = arn("ec2", "instance/*")
    streams = stack.logs.log_group_arn
    zone = f"arn:{stack.partition}:route53:::hostedzone/{stack.zone.hosted_zone_id}"
    authority = arn("ssm", f"parameter{stack.authority}")
    statements = [
        *may_read_secret(stack, stack.secret.secret_arn, key.key_arn),
        _allow([authority], "ssm:GetParameter", "ssm:PutParameter", "ssm:DeleteParameter"),
        _allow([arn("ec2", f"volume/{stack.volume.volume_id}")], "ec2:AttachVolume"),
        _allow(
            [instances],
            "ec2:AttachVolume",
            StringEquals={"aws:ResourceTag/rxindex:redis": prefix},
        ),
        _allow(
            [zone],
            "route53:ChangeResourceRecordSets",
            **{
                "ForAllValues:StringEquals": {
                    "route53:ChangeResourceRecordSetsNormalizedRecordNames": [stack.host],
                    "route53:ChangeResourceRecordSetsRecordTypes": ["A"],
                    "route53:ChangeResourceRecordSetsActions": ["UPSERT", "DELETE"],
                }
            },
        ),
        # CDK adds the right to signal its resources.
        _allow([stack.stack_id], "cloudformation:DescribeStacks"),
        _allow([streams], "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"),
        _allow(
            ["*"],
            "cloudwatch:PutMetricData",
            StringEquals={"cloudwatch:namespace": stack.parameters.metrics_namespace},
        ),
        _allow(
            ["*"],
            "ssm:UpdateInstanceInformation",
            *(
                f"ssmmessages:{verb}{kind}Channel"
                for verb in ("Create", "Open")
                for kind in ("Control", "Data")
            ),
        ),
    ]
    role = _role(stack, "Role", "ec2.amazonaws.com", "the Redis instance", statements)
    acknowledge(
        role,
        "An instance's id is not known before it is launched; the condition on its tag lets only "
        "this group's instance have the volume.",
        f"AwsSolutions-IAM5[Resource::{as_cdk_nag_shows(stack, instances)}]",
    )
    acknowledge(
        role,
        "Metrics, the SSM agent's registration and its channels have no resource that a policy "
        "could name; metrics are limited to one namespace.",
        "AwsSolutions-IAM5[Resource::*]",
    )
    return role


def snapshot_role(stack: RedisStack) -> iam.Role:
    """The role that Data Lifecycle Manager takes snapshots with."""
    snapshots = f"arn:{stack.partition}:ec2:{stack.region}::snapshot/*"
    volume = (
        f"arn:{stack.partition}:ec2:{stack.region}:{stack.account}:volume/{stack.volume.volume_id}"
    )
    role = _role(
        stack,
        "SnapshotRole",
        "dlm.amazonaws.com",
        "daily snapshots of Redis' volume",
        [
            _allow([volume, snapshots], "ec2:CreateSnapshot"),
            _allow(
                [snapshots],
                "ec2:DeleteSnapshot",
                StringEquals={"aws:ResourceTag/rxindex:snapshots": stack.parameters.prefix},
            ),
            _allow(
                [snapshots],
                "ec2:CreateTags",
                StringEquals={"ec2:CreateAction": "CreateSnapshot"},
            ),
            _allow(["*"], "ec2:DescribeVolumes", "ec2:DescribeSnapshots", "ec2:DescribeInstances"),
        ],
    )
    acknowledge(
        role,
        "Snapshots get their ids when they are made; deleting is limited to those with the tag of "
        "this deployment's volume, which they inherit.",
        f"AwsSolutions-IAM5[Resource::{as_cdk_nag_shows(stack, snapshots)}]",
    )
    acknowledge(
        role,
        "Describing volumes and snapshots can't be limited to a resource in IAM.",
        "AwsSolutions-IAM5[Resource::*]",
    )
    return role


def _allow(resources: list[str], *actions: str, **conditions: Any) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=list(actions), resources=resources, conditions=conditions or None
    )


def _role(
    stack: cdk.Stack,
    construct_id: str,
    service: str,
    of: str,
    statements: list[iam.PolicyStatement],
) -> iam.Role:
    return iam.Role(
        stack,
        construct_id,
        assumed_by=iam.ServicePrincipal(service),
        description=of,
        inline_policies={"rights": iam.PolicyDocument(statements=statements)},
    )
