"""The sync function: what it is, what starts it, what it may do, and where failures go."""

from __future__ import annotations

from typing import Any

import pytest

from tests.source_tree import SETTINGS, has_handler
from tests.synthesis import ACCOUNT, REGION, Synthesised, text

HERE = "{AWS::Region}:{AWS::AccountId}"


def function(stacks: Synthesised, part: str = "sync") -> dict[str, Any]:
    """The function of a part."""
    found: dict[str, Any] = stacks.only("AWS::Lambda::Function", part)["Properties"]
    return found


def environment(stacks: Synthesised, part: str = "sync") -> dict[str, str]:
    """Its environment."""
    variables = function(stacks, part)["Environment"]["Variables"]
    return {name: text(value) for name, value in variables.items()}


def rights(stacks: Synthesised, part: str, role: str) -> set[tuple[str, str]]:
    """What it may do: action and resource."""
    return {
        (action, text(resource))
        for one in stacks.statements(part, role)
        if one["Effect"] == "Allow"
        for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
        for resource in (
            one["Resource"] if isinstance(one["Resource"], list) else [one["Resource"]]
        )
    }


def test_the_function_runs_the_package_for_as_long_as_lambda_lets_it(dev: Synthesised) -> None:
    made = function(dev)
    assert made["Runtime"] == "python3.13"
    assert made["Architectures"] == ["arm64"]
    assert made["Timeout"] == 900
    assert made["MemorySize"] == 1769
    assert made["RecursiveLoop"] == "Allow"
    assert made["Handler"] == "rxindex.aws.sync_handler.lambda_handler"
    assert has_handler(made["Handler"])
    assert made["Code"]["S3Key"].endswith(".zip")
    assert len(made["VpcConfig"]["SubnetIds"]) == 2
    (group,) = made["VpcConfig"]["SecurityGroupIds"]
    assert "GetAttSync" in text(group)


def test_the_package_is_a_hashed_asset_and_not_part_of_a_template(dev: Synthesised) -> None:
    key = function(dev)["Code"]["S3Key"]
    assert (dev.folder / f"asset.{key}").read_bytes() == (
        dev.deployment.parameters.package.read_bytes()
    )
    assert function(dev, "search")["Code"]["S3Key"] == key


def test_enough_is_reserved_for_a_bulk_load_and_a_run(dev: Synthesised, other: Synthesised) -> None:
    assert function(dev)["ReservedConcurrentExecutions"] == 12
    assert "ReservedConcurrentExecutions" not in function(other)
    assert function(other)["Architectures"] == ["x86_64"]


def test_the_environment_says_where_everything_is(dev: Synthesised) -> None:
    found = environment(dev)
    database = "{rxindex-dev-database:ExportsOutputFnGetAttClusterEB0386A7"
    assert found.pop("RXINDEX_SOURCE").startswith(f"mysql://{database}EndpointAddress")
    assert found.pop("RXINDEX_DATABASE_SECRET").startswith(f"{database}MasterUserSecret")
    assert found.pop("RXINDEX_REDIS_SECRET").startswith("{rxindex-dev-redis:")
    assert found == {
        "RXINDEX_DATABASE_AUTH": "secret",
        "RXINDEX_SOURCE_CA": "/var/task/rds-ca.pem",
        "RXINDEX_REDIS": "rediss://redis.rxindex-dev.internal:6379/0",
        "RXINDEX_REDIS_CA_PARAMETER": "/rxindex-dev/redis-authority",
        "RXINDEX_CATALOGUE": "fdb",
        "RXINDEX_EMBEDDER": "titan",
        "RXINDEX_TITAN_MODEL": "amazon.titan-embed-text-v2:0",
        "RXINDEX_DIMENSIONS": "1024",
        "RXINDEX_TITAN_REQUESTS_PER_MINUTE": "2000",
        "RXINDEX_METRICS_NAMESPACE": "DAW/DrugSync",
        "RXINDEX_MOST_CONTINUATIONS": "40",
        "RXINDEX_STOP_MARGIN": "30",
        "RXINDEX_DATA_DIR": "/tmp/rxindex",
        "POWERTOOLS_SERVICE_NAME": "rxindex",
    }
    assert environment(dev)["RXINDEX_SOURCE"].endswith(":3306/fdb?tls=verify")


@pytest.mark.parametrize("part", ["sync", "search"])
def test_every_setting_is_one_that_rxindex_has(
    everything: dict[str, Synthesised], part: str
) -> None:
    for stacks in everything.values():
        names = [name for name in environment(stacks, part) if name.startswith("RXINDEX_")]
        assert {name.removeprefix("RXINDEX_").lower() for name in names} <= SETTINGS


def test_with_iam_there_is_no_password_of_the_database(other: Synthesised) -> None:
    found = environment(other)
    assert found["RXINDEX_SOURCE"].startswith("mysql://rxindex@{rxindex-dev-database")
    assert found["RXINDEX_DATABASE_AUTH"] == "iam"
    assert "RXINDEX_DATABASE_SECRET" not in found
    may = rights(other, "sync", "SyncRole")
    (connect,) = (resource for action, resource in may if action == "rds-db:connect")
    account = f"arn:{{AWS::Partition}}:rds-db:{REGION}:{ACCOUNT}"
    assert connect.startswith(f"{account}:dbuser:{{rxindex-dev-database")
    assert connect.endswith("/rxindex")
    secrets = [one for action, one in may if action == "secretsmanager:GetSecretValue"]
    assert len(secrets) == 1


def test_an_existing_cluster_is_read_with_its_own_secret_and_key(existing: Synthesised) -> None:
    found = environment(existing)
    host = "fdb-cluster.cluster-ro-abc.eu-central-1.rds.amazonaws.com"
    secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:fdb/reader-AbCdEf"
    assert found["RXINDEX_SOURCE"] == f"mysql://{host}:3306/fdb?tls=verify"
    assert found["RXINDEX_DATABASE_SECRET"] == secret
    may = rights(existing, "sync", "SyncRole")
    assert ("secretsmanager:GetSecretValue", secret) in may
    assert ("kms:Decrypt", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0123-4567") in may


def test_further_settings_are_passed_on_to_both_functions(other: Synthesised) -> None:
    for part in ("sync", "search"):
        assert environment(other, part)["RXINDEX_MOST_DELETES"] == "0.1"


def test_the_role_has_the_least_rights(dev: Synthesised) -> None:
    aws = "arn:{AWS::Partition}"
    key = "{rxindex-dev-encryption:ExportsOutputFnGetAttKey961B73FDArn5A860C43}"
    database = (
        "{rxindex-dev-database:"
        "ExportsOutputFnGetAttClusterEB0386A7MasterUserSecretSecretArn44CF2064}"
    )
    redis = "{rxindex-dev-redis:ExportsOutputRefSecretA720EF052D953DED}"
    interfaces = {
        (f"ec2:{action}", "*")
        for action in (
            "CreateNetworkInterface",
            "DeleteNetworkInterface",
            "DescribeNetworkInterfaces",
            "DescribeSubnets",
            "AssignPrivateIpAddresses",
            "UnassignPrivateIpAddresses",
        )
    }
    assert rights(dev, "sync", "SyncRole") == interfaces | {
        (
            "bedrock:InvokeModel",
            f"{aws}:bedrock:{{AWS::Region}}::foundation-model/amazon.titan-embed-text-v2:0",
        ),
        ("secretsmanager:GetSecretValue", database),
        ("secretsmanager:GetSecretValue", redis),
        ("kms:Decrypt", key),
        ("kms:GenerateDataKey", key),
        ("ssm:GetParameter", f"{aws}:ssm:{HERE}:parameter/rxindex-dev/redis-authority"),
        ("lambda:InvokeFunction", f"{aws}:lambda:{HERE}:function:rxindex-dev-sync"),
        ("sqs:SendMessage", "{DeadLettersBBF8BAAB.Arn}"),
        ("logs:CreateLogStream", "{SyncLogs28E2F86F.Arn}"),
        ("logs:PutLogEvents", "{SyncLogs28E2F86F.Arn}"),
    }
    assert function(dev)["FunctionName"] == "rxindex-dev-sync"


@pytest.mark.parametrize("part", ["sync", "search", "rotation"])
def test_code_of_a_function_may_not_touch_network_interfaces(dev: Synthesised, part: str) -> None:
    role = "Role" if part == "rotation" else f"{part.capitalize()}Role"
    (deny,) = (one for one in dev.statements(part, role) if one["Effect"] == "Deny")
    name = "redis-password" if part == "rotation" else part
    assert text(deny["Condition"]["ArnEquals"]["lambda:SourceFunctionArn"]).endswith(
        f":function:rxindex-dev-{name}"
    )
    (allow,) = (
        one
        for one in dev.statements(part, role)
        if one["Effect"] == "Allow" and "ec2:CreateNetworkInterface" in one["Action"]
    )
    interfaces = [one for one in allow["Action"] if one.startswith("ec2:")]
    assert deny["Action"] == interfaces


def test_the_key_is_used_through_two_services_only(dev: Synthesised) -> None:
    vias = set()
    for one in dev.statements("sync", "SyncRole"):
        if "kms:" in str(one["Action"]):
            condition = one["Condition"]["StringEquals"]
            vias.add(text(condition["kms:ViaService"]).partition(".")[0])
            if "secretsmanager" in text(condition["kms:ViaService"]):
                assert "kms:EncryptionContext:SecretARN" in condition
    assert vias == {"secretsmanager", "sqs"}


def test_it_runs_every_night_and_one_event_is_carried_out_once(
    dev: Synthesised, other: Synthesised
) -> None:
    rule = dev.only("AWS::Events::Rule", "sync")["Properties"]
    assert rule["ScheduleExpression"] == "cron(0 2 * * ? *)"
    assert rule["State"] == "ENABLED"
    (target,) = rule["Targets"]
    assert target["InputTransformer"] == {
        "InputPathsMap": {"id": "$.id"},
        "InputTemplate": '{"action":"sync","id":<id>}',
    }
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 21600, "MaximumRetryAttempts": 8}
    assert "DeadLetters" in text(target["DeadLetterConfig"]["Arn"])
    assert other.only("AWS::Events::Rule", "sync")["Properties"]["State"] == "DISABLED"
    permission = dev.only("AWS::Lambda::Permission", "sync")["Properties"]
    assert permission["Principal"] == "events.amazonaws.com"
    assert "Nightly" in text(permission["SourceArn"])


def test_what_fails_is_tried_again_and_then_kept(dev: Synthesised) -> None:
    again = dev.only("AWS::Lambda::EventInvokeConfig", "sync")["Properties"]
    assert again["MaximumRetryAttempts"] == 2
    assert again["MaximumEventAgeInSeconds"] == 21600
    assert "DeadLetters" in text(function(dev)["DeadLetterConfig"]["TargetArn"])
    queue = dev.only("AWS::SQS::Queue", "sync")["Properties"]
    assert queue["MessageRetentionPeriod"] == 14 * 86400
    policy = dev.only("AWS::SQS::QueuePolicy", "sync")["Properties"]["PolicyDocument"]
    assert any(
        one["Effect"] == "Deny" and one["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for one in policy["Statement"]
    )


def test_the_stack_has_no_more_and_no_fewer_resources_than_these(
    everything: dict[str, Synthesised],
) -> None:
    for stacks in everything.values():
        assert stacks.counts("sync") == {
            "AWS::SQS::Queue": 1,
            "AWS::SQS::QueuePolicy": 1,
            "AWS::Logs::LogGroup": 1,
            "AWS::IAM::Role": 1,
            "AWS::IAM::Policy": 1,
            "AWS::Lambda::Function": 1,
            "AWS::Lambda::EventInvokeConfig": 1,
            "AWS::Events::Rule": 1,
            "AWS::Lambda::Permission": 1,
        }
