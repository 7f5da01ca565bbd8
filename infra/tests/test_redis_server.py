"""Redis' instance: how it is launched, replaced, protected, and what it may do."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

from rxindex_infra.redis_files import FILES, USER_DATA_LIMIT
from tests.synthesis import Synthesised, text


def launched(stacks: Synthesised) -> dict[str, Any]:
    """What the launch template says."""
    template = stacks.only("AWS::EC2::LaunchTemplate", "redis")["Properties"]
    data: dict[str, Any] = template["LaunchTemplateData"]
    return data


def user_data(stacks: Synthesised) -> str:
    """The user data as the instance gets it, with references as ``{Name}``."""
    return text(launched(stacks)["UserData"]["Fn::Base64"])


def test_ssm_is_the_only_way_in(dev: Synthesised) -> None:
    data = launched(dev)
    assert "KeyName" not in data
    assert data["MetadataOptions"] == {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}
    assert data["Monitoring"] == {"Enabled": True}
    assert "NetworkInterfaces" not in data


def test_stages_and_choices_differ_in_size_and_image(
    dev: Synthesised, prod: Synthesised, other: Synthesised
) -> None:
    ubuntu = "resolve:ssm:/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm"
    for stacks, kind, image, size, policy in (
        (dev, "t4g.small", f"{ubuntu}/ebs-gp3/ami-id", 20, "Delete"),
        (prod, "m7g.large", f"{ubuntu}/ebs-gp3/ami-id", 50, "Snapshot"),
        (other, "m7i.large", "ami-0123456789abcdef0", 20, "Delete"),
    ):
        assert launched(stacks)["InstanceType"] == kind
        assert launched(stacks)["ImageId"] == image
        volume = stacks.only("AWS::EC2::Volume", "redis")
        assert volume["Properties"]["Size"] == size
        assert volume["DeletionPolicy"] == volume["UpdateReplacePolicy"] == policy


def test_the_group_of_one_replaces_its_instance_old_one_first(dev: Synthesised) -> None:
    group = dev.only("AWS::AutoScaling::AutoScalingGroup", "redis")
    assert group["Properties"]["MinSize"] == group["Properties"]["MaxSize"] == "1"
    assert group["CreationPolicy"] == {"ResourceSignal": {"Count": 1, "Timeout": "PT15M"}}
    update = group["UpdatePolicy"]["AutoScalingRollingUpdate"]
    assert update["MinInstancesInService"] == 0
    assert update["MaxBatchSize"] == 1
    assert update["WaitOnResourceSignals"] is True
    (subnet,) = group["Properties"]["VPCZoneIdentifier"]
    assert "VpcredisSubnet1" in text(subnet)
    # The instance uses all of these while it starts, and when the stack is deleted.
    first = " ".join(group["DependsOn"])
    assert all(name in first for name in ("Data", "Role", "RoleDefaultPolicy", "Secret", "Zone"))


def test_root_volume_is_encrypted_and_goes_and_data_volume_stays(dev: Synthesised) -> None:
    (root,) = launched(dev)["BlockDeviceMappings"]
    assert root["Ebs"] == {
        "DeleteOnTermination": True,
        "Encrypted": True,
        "VolumeSize": 20,
        "VolumeType": "gp3",
    }
    volume = dev.only("AWS::EC2::Volume", "redis")["Properties"]
    assert volume["Encrypted"] is True
    zone = {"Fn::Select": [0, {"Fn::GetAZs": ""}]}
    assert volume["AvailabilityZone"] == zone
    subnets = dev.resources("AWS::EC2::Subnet", "network")
    (first,) = (one for name, one in subnets.items() if name.startswith("VpcredisSubnet1"))
    assert first["Properties"]["AvailabilityZone"] == zone


def test_snapshots_are_taken_of_the_volume_every_day(dev: Synthesised, prod: Synthesised) -> None:
    for stacks, kept in ((dev, 3), (prod, 14)):
        policy = stacks.only("AWS::DLM::LifecyclePolicy", "redis")["Properties"]
        assert policy["State"] == "ENABLED"
        (schedule,) = policy["PolicyDetails"]["Schedules"]
        assert schedule["CreateRule"]["Interval"] == 24
        assert schedule["RetainRule"] == {"Count": kept}
        (tag,) = policy["PolicyDetails"]["TargetTags"]
        assert tag in stacks.only("AWS::EC2::Volume", "redis")["Properties"]["Tags"]


def test_the_name_is_in_a_zone_of_this_vpc_only(dev: Synthesised) -> None:
    zone = dev.only("AWS::Route53::HostedZone", "redis")["Properties"]
    assert zone["Name"] == "rxindex-dev.internal."
    (vpc,) = zone["VPCs"]
    assert "Vpc" in text(vpc["VPCId"])


def test_the_secret_is_made_by_secrets_manager(dev: Synthesised) -> None:
    secret = dev.only("AWS::SecretsManager::Secret", "redis")["Properties"]
    assert secret["GenerateSecretString"] == {
        "ExcludePunctuation": True,
        "GenerateStringKey": "password",
        "PasswordLength": 40,
        "SecretStringTemplate": '{"username":"rxindex"}',
    }
    assert "SecretString" not in secret


def test_the_instance_may_do_what_its_scripts_do_and_no_more(dev: Synthesised) -> None:
    rights = {
        (action, text(one["Resource"]))
        for one in dev.statements("redis", "Role")
        for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
    }
    here = "{AWS::Region}:{AWS::AccountId}"
    aws = "arn:{AWS::Partition}"
    key = "{rxindex-dev-encryption:ExportsOutputFnGetAttKey961B73FDArn5A860C43}"
    authority = f"{aws}:ssm:{here}:parameter/rxindex-dev/redis-authority"
    assert rights == {
        ("secretsmanager:GetSecretValue", "{SecretA720EF05}"),
        ("kms:Decrypt", key),
        ("ssm:GetParameter", authority),
        ("ssm:PutParameter", authority),
        ("ssm:DeleteParameter", authority),
        ("ec2:AttachVolume", f"{aws}:ec2:{here}:volume/{{Data666C94C7}}"),
        ("ec2:AttachVolume", f"{aws}:ec2:{here}:instance/*"),
        (
            "route53:ChangeResourceRecordSets",
            f"{aws}:route53:::hostedzone/{{ZoneA5DE4B68}}",
        ),
        ("cloudformation:DescribeStacks", "{AWS::StackId}"),
        ("cloudformation:SignalResource", "{AWS::StackId}"),
        ("logs:CreateLogStream", "{Logs6819BB44.Arn}"),
        ("logs:DescribeLogStreams", "{Logs6819BB44.Arn}"),
        ("logs:PutLogEvents", "{Logs6819BB44.Arn}"),
        ("cloudwatch:PutMetricData", "*"),
        ("ssm:UpdateInstanceInformation", "*"),
        ("ssmmessages:CreateControlChannel", "*"),
        ("ssmmessages:CreateDataChannel", "*"),
        ("ssmmessages:OpenControlChannel", "*"),
        ("ssmmessages:OpenDataChannel", "*"),
    }


def test_wide_rights_of_the_instance_have_conditions(dev: Synthesised) -> None:
    conditions = {
        (one["Action"] if isinstance(one["Action"], str) else one["Action"][0]): one["Condition"]
        for one in dev.statements("redis", "Role")
        if "Condition" in one
    }
    assert conditions["ec2:AttachVolume"] == {
        "StringEquals": {"aws:ResourceTag/rxindex:redis": "rxindex-dev"}
    }
    assert conditions["cloudwatch:PutMetricData"] == {
        "StringEquals": {"cloudwatch:namespace": "DAW/DrugSync"}
    }
    names = conditions["route53:ChangeResourceRecordSets"]["ForAllValues:StringEquals"]
    assert names["route53:ChangeResourceRecordSetsNormalizedRecordNames"] == [
        "redis.rxindex-dev.internal"
    ]
    assert text(conditions["kms:Decrypt"]["StringEquals"]["kms:ViaService"]).startswith(
        "secretsmanager."
    )
    group = dev.only("AWS::AutoScaling::AutoScalingGroup", "redis")["Properties"]
    tag = {"Key": "rxindex:redis", "Value": "rxindex-dev", "PropagateAtLaunch": True}
    assert tag in group["Tags"]


def test_scripts_call_nothing_that_the_role_does_not_allow(dev: Synthesised) -> None:
    allowed = {
        action
        for one in dev.statements("redis", "Role")
        for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
    }
    called = set()
    for script in FILES.glob("*.sh"):
        for service, verb in re.findall(r"\baws ([a-z0-9]+) ([a-z-]+)", script.read_text()):
            called.add(f"{service}:{''.join(word.capitalize() for word in verb.split('-'))}")
    assert called
    assert called <= allowed


def test_user_data_fits_and_holds_no_secret(everything: dict[str, Synthesised]) -> None:
    for stacks in everything.values():
        shown = user_data(stacks)
        assert shown.startswith("#!/bin/bash\n")
        # References become longer than their names.
        assert len(shown) + 1_000 < USER_DATA_LIMIT
        assert "password" not in shown.partition("base64")[0].lower()


def test_user_data_unpacks_the_scripts_and_starts_the_first(
    dev: Synthesised, tmp_path: Path
) -> None:
    shown = user_data(dev)
    for folder in ("/etc/rxindex", "/opt/rxindex", "/var/log"):
        (tmp_path / folder[1:]).mkdir(parents=True)
        shown = shown.replace(folder, f"{tmp_path}{folder}")
    started = shown.replace("exec ", "echo starts ")
    subprocess.run(["bash", "-c", started], check=True)
    assert "starts" in (tmp_path / "var/log/rxindex-boot.log").read_text()
    unpacked = tmp_path / "opt/rxindex/redis"
    assert {path.name for path in unpacked.iterdir()} == {path.name for path in FILES.iterdir()}
    for path in FILES.iterdir():
        assert (unpacked / path.name).read_bytes() == path.read_bytes()
        assert bool((unpacked / path.name).stat().st_mode & 0o100) == (path.suffix == ".sh")


def test_the_scripts_get_every_setting_that_they_use(dev: Synthesised) -> None:
    given = set(re.findall(r"^([A-Z_]+)='", user_data(dev), re.MULTILINE))
    own = {"SETTINGS", "INSTANCE", "ADDRESS", "DEBIAN_FRONTEND", "VERSION_CODENAME", "SECONDS"}
    own |= {"REDISCLI_AUTH", "AWS_DEFAULT_REGION"}
    used = set()
    for script in FILES.glob("*.sh"):
        used |= set(re.findall(r"(?:\$\{?|\* )([A-Z][A-Z_]+)", script.read_text()))
    assert used - own == given


def test_units_and_scripts_name_each_other_rightly() -> None:
    for unit in FILES.glob("rxindex-*.service"):
        for script in re.findall(r"/opt/rxindex/redis/(\S+)", unit.read_text()):
            assert (FILES / script).exists(), unit
    for timer in FILES.glob("*.timer"):
        assert timer.with_suffix(".service").exists()
    assert "OnUnitActiveSec=1min" in (FILES / "rxindex-password.timer").read_text()


def test_the_stack_has_no_more_and_no_fewer_resources_than_these(
    everything: dict[str, Synthesised],
) -> None:
    for stacks in everything.values():
        assert stacks.counts("redis") == {
            "AWS::SecretsManager::Secret": 1,
            "AWS::Route53::HostedZone": 1,
            "AWS::EC2::Volume": 1,
            "AWS::Logs::LogGroup": 1,
            "AWS::IAM::Role": 2,
            "AWS::IAM::Policy": 1,
            "AWS::IAM::InstanceProfile": 1,
            "AWS::EC2::LaunchTemplate": 1,
            "AWS::AutoScaling::AutoScalingGroup": 1,
            "AWS::DLM::LifecyclePolicy": 1,
        }
