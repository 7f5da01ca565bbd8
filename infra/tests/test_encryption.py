"""The key, and that what can be encrypted is."""

from __future__ import annotations

from tests.synthesis import Synthesised, text


def test_the_key_is_renewed_and_stays_where_data_does(dev: Synthesised, prod: Synthesised) -> None:
    for stacks, policy in ((dev, "Delete"), (prod, "Retain")):
        key = stacks.only("AWS::KMS::Key", "encryption")
        assert key["Properties"]["EnableKeyRotation"] is True
        assert key["DeletionPolicy"] == policy


def test_three_services_of_this_account_may_use_the_key(dev: Synthesised) -> None:
    statements = dev.only("AWS::KMS::Key", "encryption")["Properties"]["KeyPolicy"]["Statement"]
    owner, *services = statements
    assert text(owner["Principal"]["AWS"]) == "arn:{AWS::Partition}:iam::{AWS::AccountId}:root"
    allowed = set()
    for one in services:
        names = one["Principal"]["Service"]
        allowed |= {
            text(name).partition(".")[0] for name in ([names] if isinstance(names, dict) else names)
        }
        assert "AWS::AccountId" in text(one["Condition"])
        assert set(one["Action"]) == {
            "kms:Decrypt",
            "kms:Encrypt",
            "kms:GenerateDataKey*",
            "kms:DescribeKey",
        }
    assert allowed == {"logs", "cloudwatch", "events"}


def test_all_that_holds_data_is_encrypted(everything: dict[str, Synthesised]) -> None:
    wanted = {
        "AWS::Logs::LogGroup": "KmsKeyId",
        "AWS::SQS::Queue": "KmsMasterKeyId",
        "AWS::SNS::Topic": "KmsMasterKeyId",
        "AWS::SecretsManager::Secret": "KmsKeyId",
        "AWS::RDS::DBCluster": "KmsKeyId",
    }
    for stacks in everything.values():
        for _, name, resource in stacks.everything():
            if resource["Type"] in wanted:
                assert "Key" in text(resource["Properties"][wanted[resource["Type"]]]), name
        volume = stacks.only("AWS::EC2::Volume", "redis")["Properties"]
        assert volume["Encrypted"] is True


def test_logs_are_kept_as_long_as_was_asked_for(dev: Synthesised, prod: Synthesised) -> None:
    for stacks, days, policy in ((dev, 30, "Delete"), (prod, 365, "Retain")):
        groups = stacks.resources("AWS::Logs::LogGroup")
        assert len(groups) == 7
        for group in groups.values():
            assert group["Properties"]["RetentionInDays"] == days
            assert group["DeletionPolicy"] == policy
