"""Changes Redis' password: what Secrets Manager calls, four steps one after the other.

The instance itself takes the current, the previous and the pending version of the secret as valid,
and looks at them every minute. So the new password is only made current once Redis has taken it,
and a function that still has the old one goes on working. Nothing is interrupted.

Needs nothing but what the Lambda runtime has.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import time
from typing import Any, Protocol

__all__ = ["PATIENCE", "NotTaken", "lambda_handler", "log_in", "rotate"]

#: Seconds to wait for Redis to take the pending password; the instance looks once a minute.
PATIENCE = 240.0


class NotTaken(Exception):
    """Redis does not take the new password. Secrets Manager tries again; the old one stays."""


class Secrets(Protocol):
    """The part of Secrets Manager's client that is used here."""

    def get_secret_value(self, **options: str) -> dict[str, Any]: ...
    def describe_secret(self, **options: str) -> dict[str, Any]: ...
    def put_secret_value(self, **options: Any) -> dict[str, Any]: ...
    def get_random_password(self, **options: Any) -> dict[str, Any]: ...
    def update_secret_version_stage(self, **options: str) -> dict[str, Any]: ...


class LogIn(Protocol):
    """Tries to log in to Redis."""

    def __call__(self, user: str, password: str) -> bool: ...


def lambda_handler(event: dict[str, str], context: object) -> None:
    """Carry out one step; see `rotate`."""
    import boto3

    del context
    region = boto3.session.Session().region_name
    parameters = boto3.client("ssm", region_name=region)
    name = os.environ["REDIS_CA_PARAMETER"]
    authority = parameters.get_parameter(Name=name)["Parameter"]["Value"]
    host, _, port = os.environ["REDIS"].partition(":")

    def try_out(user: str, password: str) -> bool:
        return log_in(host, int(port), authority, user, password)

    rotate(event, boto3.client("secretsmanager", region_name=region), try_out)


def rotate(
    event: dict[str, str], secrets: Secrets, log_in: LogIn, patience: float = PATIENCE
) -> None:
    """Carry out one step of a rotation. Each may be repeated.

    Args:
        event: from Secrets Manager: ``SecretId``, ``ClientRequestToken``, ``Step``.
        secrets: Secrets Manager.
        log_in: tries a password.
        patience: seconds to wait for Redis to take it.

    Raises:
        NotTaken: Redis did not.
        ValueError: there is no such step.
    """
    secret, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    stages = secrets.describe_secret(SecretId=secret)["VersionIdsToStages"]
    if "AWSCURRENT" in stages.get(token, ()):
        return
    if step == "createSecret":
        _make(secrets, secret, token, stages)
    elif step == "setSecret":
        pass  # Redis fetches it
    elif step == "testSecret":
        _wait(secrets, secret, token, log_in, patience)
    elif step == "finishSecret":
        current = next(one for one, names in stages.items() if "AWSCURRENT" in names)
        secrets.update_secret_version_stage(
            SecretId=secret,
            VersionStage="AWSCURRENT",
            MoveToVersionId=token,
            RemoveFromVersionId=current,
        )
    else:
        raise ValueError(f"there is no step {step!r}")


def _make(secrets: Secrets, secret: str, token: str, stages: dict[str, list[str]]) -> None:
    if "AWSPENDING" in stages.get(token, ()) and _has_value(secrets, secret, token):
        return
    now = secrets.get_secret_value(SecretId=secret, VersionStage="AWSCURRENT")["SecretString"]
    made = secrets.get_random_password(PasswordLength=40, ExcludePunctuation=True)
    secrets.put_secret_value(
        SecretId=secret,
        ClientRequestToken=token,
        SecretString=json.dumps(json.loads(now) | {"password": made["RandomPassword"]}),
        VersionStages=["AWSPENDING"],
    )


def _has_value(secrets: Secrets, secret: str, token: str) -> bool:
    try:
        secrets.get_secret_value(SecretId=secret, VersionId=token, VersionStage="AWSPENDING")
    except Exception as error:
        # Secrets Manager gives a version its stage before it has a value.
        if type(error).__name__ == "ResourceNotFoundException":
            return False
        raise
    return True


def _wait(secrets: Secrets, secret: str, token: str, log_in: LogIn, patience: float) -> None:
    pending = json.loads(
        secrets.get_secret_value(SecretId=secret, VersionId=token, VersionStage="AWSPENDING")[
            "SecretString"
        ]
    )
    deadline = time.monotonic() + patience
    while not log_in(pending.get("username", "default"), pending["password"]):
        if time.monotonic() >= deadline:
            raise NotTaken(
                f"Redis did not take the new password in {patience:.0f} seconds; the old one stays "
                "in use. Look at `systemctl status rxindex-password` on the instance"
            )
        time.sleep(min(5.0, patience / 30))


def log_in(host: str, port: int, authority: str, user: str, password: str) -> bool:
    """Whether Redis takes a password; also False when it does not answer.

    Args:
        host: Redis' name, for which its certificate has to be.
        port: of its TLS.
        authority: certificate of the authority to trust (PEM).
        user: of Redis.
        password: of the user.

    Raises:
        ssl.SSLCertVerificationError: who answers there is not Redis.
    """
    context = ssl.create_default_context(cadata=authority)
    words = ["AUTH", user, password]
    command = f"*{len(words)}\r\n" + "".join(f"${len(w.encode())}\r\n{w}\r\n" for w in words)
    try:
        with (
            socket.create_connection((host, port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname=host) as connection,
        ):
            connection.sendall(command.encode())
            return connection.recv(64).startswith(b"+OK")
    except ssl.SSLCertVerificationError:
        raise
    except OSError:
        return False
