"""Log groups: encrypted, and kept for as long as is asked for."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from rxindex_infra.parameters import Parameters

__all__ = ["log_group"]


def log_group(
    scope: Construct,
    construct_id: str,
    parameters: Parameters,
    key: kms.IKey,
    *,
    name: str | None = None,
) -> logs.LogGroup:
    """Make a log group.

    Args:
        scope: the stack.
        construct_id: within it.
        parameters: of the deployment.
        key: that it is encrypted with.
        name: of the group; left out: CloudFormation finds one.
    """
    return logs.LogGroup(
        scope,
        construct_id,
        log_group_name=name,
        retention=_RETENTION[parameters.log_retention_days],
        encryption_key=key,
        removal_policy=cdk.RemovalPolicy.RETAIN
        if parameters.protect
        else cdk.RemovalPolicy.DESTROY,
    )


#: From days to CDK's names for them: 30 is ONE_MONTH.
_RETENTION = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    5: logs.RetentionDays.FIVE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    120: logs.RetentionDays.FOUR_MONTHS,
    150: logs.RetentionDays.FIVE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    400: logs.RetentionDays.THIRTEEN_MONTHS,
    545: logs.RetentionDays.EIGHTEEN_MONTHS,
    731: logs.RetentionDays.TWO_YEARS,
    1096: logs.RetentionDays.THREE_YEARS,
    1827: logs.RetentionDays.FIVE_YEARS,
    2192: logs.RetentionDays.SIX_YEARS,
    2557: logs.RetentionDays.SEVEN_YEARS,
    2922: logs.RetentionDays.EIGHT_YEARS,
    3288: logs.RetentionDays.NINE_YEARS,
    3653: logs.RetentionDays.TEN_YEARS,
}
