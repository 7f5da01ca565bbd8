"""Reading what was chosen: every mistake is named, with what would be right."""

from __future__ import annotations

import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from rxindex_infra.functions import check_package
from rxindex_infra.parameters import (
    STAGE_DEFAULTS,
    Parameters,
    Wrong,
    context_name,
    read_parameters,
)

_CLUSTER = {
    "account": "111122223333",
    "region": "eu-central-1",
    "vpcId": "vpc-0123456789abcdef0",
    "databaseClusterIdentifier": "fdb",
    "databaseEndpoint": "fdb.example.com",
    "databaseSecurityGroupId": "sg-0123456789abcdef0",
    "databaseSecretArn": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:fdb-AbCdEf",
}


def test_without_any_parameter_it_is_dev() -> None:
    found = read_parameters({})
    assert found == Parameters()
    assert found.prefix == "rxindex-dev"
    assert not found.protect


def test_prod_is_larger_and_protected() -> None:
    found = read_parameters({"stage": "prod"})
    assert found.protect
    assert found.availability_zones == 2
    assert found.database_backup_days > Parameters().database_backup_days
    assert found.redis_volume_size > Parameters().redis_volume_size


def test_defaults_of_stages_are_parameters() -> None:
    names = {one.name for one in fields(Parameters)}
    for defaults in STAGE_DEFAULTS.values():
        assert set(defaults) <= names


def test_text_of_a_command_line_becomes_what_is_wanted() -> None:
    found = read_parameters(
        {
            "redisVolumeSize": "100",
            "databaseMinCapacity": "1.5",
            "protect": "True",
            "apiCorsOrigins": "https://a.example.com, https://b.example.com",
            "dimensions": 512,
        }
    )
    assert found.redis_volume_size == 100
    assert found.database_min_capacity == 1.5
    assert found.protect is True
    assert found.api_cors_origins == ("https://a.example.com", "https://b.example.com")
    assert found.dimensions == "512"


def test_a_stage_has_parameters_of_its_own_and_the_command_line_wins() -> None:
    context = {
        "stage": "prod",
        "stages": {"prod": {"redisVolumeSize": 70, "apiRate": 5}, "dev": {"apiRate": 1}},
        "apiRate": "9",
    }
    found = read_parameters(context)
    assert (found.redis_volume_size, found.api_rate) == (70, 9)


def test_what_cdk_keeps_for_itself_is_passed_over() -> None:
    context = {"@aws-cdk/core:flag": True, "aws:cdk:x": 1, "vpc-provider:account=1": {}}
    assert read_parameters(context) == Parameters()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"stage": "test"}, "stage is 'test'; write dev or prod"),
        ({"redisVolumSize": 5}, "did you mean redisVolumeSize?"),
        ({"unheardOf": 5}, "unheardOf is no parameter"),
        ({"stages": []}, "stages has to look like"),
        ({"redisVolumeSize": "much"}, "redisVolumeSize is 'much'; write a whole number"),
        ({"redisVolumeSize": 20.5}, "write a whole number"),
        ({"redisVolumeSize": True}, "write a whole number"),
        ({"redisVolumeSize": 5}, "redisVolumeSize is 5; it goes from 10 to 16384"),
        ({"protect": "perhaps"}, "protect is 'perhaps'; write true or false"),
        ({"architecture": "sparc"}, "architecture is 'sparc'; write arm64 or x86_64"),
        ({"name": 5}, "name is 5; write text"),
        ({"name": "My Drugs"}, "name is 'My Drugs'; write up to 20 small letters"),
        ({"name": ""}, "name is ''"),
        ({"subnetIds": {"a": 1}}, "write words with commas between them"),
        ({"settings": "x"}, "write an object"),
        ({"settings": {"Most": "1"}}, "write names as in docs/configuration.md"),
        ({"settings": {"redis": "redis://x"}}, "which the stacks write themselves"),
        ({"logRetentionDays": 31}, "logRetentionDays is 31; choose one of 1, 3, 5"),
        ({"redisVersion": "7.4"}, "the query engine is part of Redis 8"),
        ({"titanModel": "us.amazon.titan-embed-text-v2:0"}, "not of an inference profile"),
        ({"metricsNamespace": "AWS/Drugs"}, "does not begin with AWS/"),
        ({"vpcCidr": "10.0.0.0/8"}, "/16 to /23"),
        ({"vpcCidr": "10.0.0.1/16"}, "write 10.42.0.0/16"),
        ({"subnetIds": "subnet-0123456789abcdef0"}, "subnetIds goes with vpcId"),
        ({"vpcId": "vpc-0123456789abcdef0"}, "configure credentials"),
        ({"databaseEndpoint": "x.example.com"}, "goes with databaseClusterIdentifier"),
        ({"databaseClusterIdentifier": "fdb"}, "databaseClusterIdentifier needs vpcId"),
        (_CLUSTER | {"databaseEndpoint": ""}, "needs databaseEndpoint too"),
        (_CLUSTER | {"databaseSecretArn": ""}, "needs databaseSecretArn too"),
        (_CLUSTER | {"databaseSecretArn": "fdb"}, "the secret's whole ARN"),
        (
            _CLUSTER | {"databaseAuth": "iam", "databaseUser": "rx"},
            "needs databaseResourceId too",
        ),
        ({"databaseAuth": "iam"}, "databaseAuth=iam needs databaseUser"),
        ({"databaseSecretKeyArn": "arn:aws:kms:eu-central-1:111122223333:key/1"}, "goes with"),
        ({"databaseMinCapacity": 8, "databaseMaxCapacity": 4}, "is more than"),
        ({"reservedConcurrency": 3}, "fewer than the 10"),
        ({"apiAuth": "jwt"}, "apiJwtIssuer is needed for apiAuth=jwt"),
        ({"apiAuth": "none"}, "write iam or jwt"),
        ({"apiJwtIssuer": "https://x.example.com"}, "apiJwtIssuer goes with apiAuth=jwt"),
        ({"apiCorsOrigins": "*"}, "no *"),
        ({"alarmEmail": "me"}, "an e-mail address"),
        ({"schedule": "daily"}, r"cron(0 2 * * ? *) or rate(12 hours)"),
    ],
    ids=str,
)
def test_a_mistake_is_named_with_what_would_be_right(given: dict[str, Any], says: str) -> None:
    with pytest.raises(Wrong) as wrong:
        read_parameters(given)
    assert says in str(wrong.value)


def test_an_existing_cluster_is_complete_with_these() -> None:
    assert not read_parameters(_CLUSTER).makes_database


def test_names_in_the_context_are_those_of_the_parameters() -> None:
    assert context_name("redis_instance_type") == "redisInstanceType"
    assert len({context_name(one.name) for one in fields(Parameters)}) == len(fields(Parameters))


@pytest.mark.parametrize(
    ("lacks", "says"),
    [
        ("rxindex/aws/sync_handler.py", "has no rxindex.aws.sync_handler"),
        ("rds-ca.pem", "lacks rds-ca.pem"),
    ],
)
def test_a_package_that_lacks_something_is_not_deployed(
    tmp_path: Path, package: Path, lacks: str, says: str
) -> None:
    path = tmp_path / "some.zip"
    with zipfile.ZipFile(package) as whole, zipfile.ZipFile(path, "w") as part:
        for name in whole.namelist():
            if name != lacks:
                part.writestr(name, "")
    with pytest.raises(Wrong, match=says):
        check_package(read_parameters({"lambdaZip": str(path)}))


def test_no_package_or_one_that_is_none_says_how_to_make_one(tmp_path: Path) -> None:
    for path in (tmp_path / "none.zip", tmp_path / "text.zip"):
        if path.name == "text.zip":
            path.write_text("x")
        with pytest.raises(Wrong, match="make lambda"):
            check_package(read_parameters({"lambdaZip": str(path)}))


def test_the_authority_may_be_elsewhere(tmp_path: Path, package: Path) -> None:
    path = tmp_path / "some.zip"
    with zipfile.ZipFile(package) as whole, zipfile.ZipFile(path, "w") as part:
        for name in whole.namelist():
            if name != "rds-ca.pem":
                part.writestr(name, "")
    for elsewhere in ("/opt/ca.pem", ""):
        check_package(read_parameters({"lambdaZip": str(path), "databaseCa": elsewhere}))
