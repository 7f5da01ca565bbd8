"""Rules of cdk-nag that a construct does not follow, each with the reason, beside the construct."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import IConstruct

__all__ = ["acknowledge", "as_cdk_nag_shows"]


def acknowledge(construct: IConstruct, reason: str, *rules: str) -> None:
    """Say why a construct does not follow rules of cdk-nag.

    Args:
        construct: it, or one that contains it.
        reason: one sentence for a person who audits the stacks.
        rules: with the finding where a rule has several: ``AwsSolutions-IAM5[Resource::*]``.
    """
    for rule in rules:
        cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id=rule, reason=reason))


def as_cdk_nag_shows(stack: cdk.Stack, arn: str) -> str:
    """An ARN as it stands in a finding of cdk-nag, with names for what is not known yet."""
    for token, name in (
        (stack.partition, "<AWS::Partition>"),
        (stack.region, "<AWS::Region>"),
        (stack.account, "<AWS::AccountId>"),
    ):
        if cdk.Token.is_unresolved(token):
            arn = arn.replace(token, name)
    return arn
