"""The change of Redis' password: the function, run against a real Redis behind TLS."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from redis.exceptions import AuthenticationError

from rxindex_infra import redis_rotation
from rxindex_infra.rotation import redis_password
from tests.instance import Instance
from tests.synthesis import Synthesised, text
from tests.test_sync import HERE, function, rights

SECRET, TOKEN = "arn:secret", "new"


class SecretsManager:
    """Versions of one secret, with their stages, as Secrets Manager keeps them."""

    def __init__(self) -> None:
        self.values = {"old": json.dumps({"username": "rxindex", "password": "the-first-password"})}
        self.stages = {"old": ["AWSCURRENT"], TOKEN: ["AWSPENDING"]}

    def describe_secret(self, **options: str) -> dict[str, Any]:
        return {"VersionIdsToStages": {name: list(of) for name, of in self.stages.items()}}

    def get_secret_value(self, **options: str) -> dict[str, Any]:
        stage = options["VersionStage"]
        (version,) = (name for name, stages in self.stages.items() if stage in stages)
        if version not in self.values:
            raise ResourceNotFoundException(stage)
        return {"SecretString": self.values[version]}

    def put_secret_value(self, **options: Any) -> dict[str, Any]:
        self.values[options["ClientRequestToken"]] = options["SecretString"]
        return {}

    def get_random_password(self, **options: Any) -> dict[str, Any]:
        return {"RandomPassword": "x" * options["PasswordLength"]}

    def update_secret_version_stage(self, **options: str) -> dict[str, Any]:
        self.stages[options["RemoveFromVersionId"]] = ["AWSPREVIOUS"]
        self.stages[options["MoveToVersionId"]] = [options["VersionStage"]]
        return {}


class ResourceNotFoundException(Exception):
    """Named as botocore names it."""


def step(name: str) -> dict[str, str]:
    """An event of Secrets Manager."""
    return {"SecretId": SECRET, "ClientRequestToken": TOKEN, "Step": name}


@contextmanager
def behind_tls(instance: Instance) -> Iterator[int]:
    """The instance's Redis behind the certificate that it made; the port."""
    tls = instance.folder / "data/tls"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls / "redis.crt", tls / "redis.key")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                with (
                    context.wrap_socket(client, server_side=True) as secure,
                    socket.socket(socket.AF_UNIX) as server,
                ):
                    server.connect(str(instance.run_folder / "redis.sock"))
                    server.sendall(secure.recv(4096))
                    secure.sendall(server.recv(4096))
            except OSError:
                client.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def test_a_password_is_tried_over_tls_that_is_checked(instance: Instance) -> None:
    instance.settings["NAME"] = "localhost"
    instance.write_settings()
    for script in ("certificate.sh", "configure.sh", "password.sh"):
        instance.run(script)
    instance.start()
    authority = (instance.cloud / "parameter").read_text()
    with behind_tls(instance) as port:
        assert redis_password.log_in("localhost", port, authority, "rxindex", "the-first-password")
        assert not redis_password.log_in("localhost", port, authority, "rxindex", "another")
        with pytest.raises(ssl.SSLCertVerificationError):
            redis_password.log_in("127.0.0.1", port, authority, "rxindex", "the-first-password")
    assert not redis_password.log_in("localhost", port, authority, "rxindex", "any")


def test_a_whole_change_ends_with_a_password_that_redis_has(instance: Instance) -> None:
    for script in ("certificate.sh", "configure.sh", "password.sh"):
        instance.run(script)
    instance.start()
    secrets = SecretsManager()
    tries: list[str] = []

    def log_in(user: str, password: str) -> bool:
        """Redis after its timer's next turn."""
        if tries:
            (instance.cloud / "AWSPENDING").write_text(secrets.values[TOKEN])
            instance.run("password.sh")
        tries.append(password)
        client = instance.client(password, user)
        try:
            return client.get("rx:x") is None
        except AuthenticationError:
            return False

    for name in ("createSecret", "setSecret", "testSecret", "finishSecret"):
        redis_password.rotate(step(name), secrets, log_in, patience=30)
    assert len(tries) == 2
    assert secrets.stages == {"old": ["AWSPREVIOUS"], TOKEN: ["AWSCURRENT"]}
    assert json.loads(secrets.values[TOKEN]) == {"username": "rxindex", "password": "x" * 40}


def test_a_password_that_redis_does_not_take_is_not_made_current() -> None:
    secrets = SecretsManager()
    redis_password.rotate(step("createSecret"), secrets, lambda user, password: False)
    with pytest.raises(redis_password.NotTaken, match="the old one stays"):
        redis_password.rotate(step("testSecret"), secrets, lambda user, password: False, patience=0)
    assert secrets.stages["old"] == ["AWSCURRENT"]


def test_each_step_may_be_repeated() -> None:
    secrets = SecretsManager()
    for name in ("createSecret", "createSecret", "testSecret", "finishSecret", "finishSecret"):
        redis_password.rotate(step(name), secrets, lambda user, password: True)
    assert secrets.stages == {"old": ["AWSPREVIOUS"], TOKEN: ["AWSCURRENT"]}


def test_a_step_that_is_none_is_an_error() -> None:
    with pytest.raises(ValueError, match="no step"):
        redis_password.rotate(step("other"), SecretsManager(), lambda user, password: True)


def test_secrets_manager_changes_the_password_every_month(dev: Synthesised) -> None:
    schedule = dev.only("AWS::SecretsManager::RotationSchedule", "rotation")["Properties"]
    assert schedule["RotationRules"] == {"AutomaticallyAfterDays": 30}
    assert schedule["RotateImmediatelyOnUpdate"] is False
    assert "rxindex-dev-redis" in text(schedule["SecretId"])
    permission = dev.only("AWS::Lambda::Permission", "rotation")["Properties"]
    assert permission["Principal"] == "secretsmanager.amazonaws.com"
    assert permission["SourceArn"] == schedule["SecretId"]
    made = function(dev, "rotation")
    assert made["Environment"]["Variables"] == {
        "REDIS": "redis.rxindex-dev.internal:6379",
        "REDIS_CA_PARAMETER": "/rxindex-dev/redis-authority",
    }
    assert made["Timeout"] > redis_password.PATIENCE
    module, _, name = made["Handler"].partition(".")
    assert (redis_rotation.CODE / f"{module}.py").exists()
    assert hasattr(redis_password, name)


def test_it_may_change_the_one_secret(dev: Synthesised) -> None:
    secret = "{rxindex-dev-redis:ExportsOutputRefSecretA720EF052D953DED}"
    key = "{rxindex-dev-encryption:ExportsOutputFnGetAttKey961B73FDArn5A860C43}"
    authority = f"arn:{{AWS::Partition}}:ssm:{HERE}:parameter/rxindex-dev/redis-authority"
    found = {one for one in rights(dev, "rotation", "Role") if not one[0].startswith("ec2:")}
    assert found == {
        ("secretsmanager:DescribeSecret", secret),
        ("secretsmanager:GetSecretValue", secret),
        ("secretsmanager:PutSecretValue", secret),
        ("secretsmanager:UpdateSecretVersionStage", secret),
        ("secretsmanager:GetRandomPassword", "*"),
        ("kms:Decrypt", key),
        ("kms:GenerateDataKey", key),
        ("ssm:GetParameter", authority),
        ("logs:CreateLogStream", "{Logs6819BB44.Arn}"),
        ("logs:PutLogEvents", "{Logs6819BB44.Arn}"),
    }


def test_the_stack_has_no_more_and_no_fewer_resources_than_these(dev: Synthesised) -> None:
    assert dev.counts("rotation") == {
        "AWS::Logs::LogGroup": 1,
        "AWS::IAM::Role": 1,
        "AWS::IAM::Policy": 1,
        "AWS::Lambda::Function": 1,
        "AWS::Lambda::Permission": 1,
        "AWS::SecretsManager::RotationSchedule": 1,
    }
