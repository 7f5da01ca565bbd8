"""AWS as tests want it: moto's server in a process of its own, to be spoken to by real boto3."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from tests.services.redis import free_port

__all__ = ["ACCOUNT", "REGION", "Invocation", "MotoServer"]

#: The account that everything at the server belongs to.
ACCOUNT = "123456789012"
REGION = "us-east-1"

#: Credentials that open nothing, and nothing of this machine's.
_NOBODY = {
    "AWS_ACCESS_KEY_ID": "AKIDOFNOBODY",
    "AWS_SECRET_ACCESS_KEY": "opens-nothing",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nonexistent/config",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent/credentials",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "NO_PROXY": "127.0.0.1",
}

#: Functions are kept, not run: what would run them is Docker.
_CONFIGURATION = {"lambda": {"use_docker": False}, "batch": {"use_docker": False}}


class MotoServer:
    """An AWS endpoint on a free loopback port, from enter to exit; nothing outlives it.

    ::

        with MotoServer(tmp_path) as aws:
            aws.client("secretsmanager").create_secret(Name="db", SecretString="{}")
            subprocess.run(["aws", "s3", "ls"], env=os.environ | aws.environment)

    Args:
        folder: for its log.
    """

    def __init__(self, folder: Path) -> None:
        self.log = folder / "moto.log"
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Address for ``endpoint_url``, of every service."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What boto3 and the AWS CLI are to find in their environment, to come here."""
        return {**_NOBODY, "AWS_ENDPOINT_URL": self.url}

    def start(self) -> None:
        """Start it and wait until it answers."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "moto.server", "-p", str(self.port)],
                env={**clean, **_NOBODY},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self.ask("config", json.dumps(_CONFIGURATION))
                return
            except OSError:
                time.sleep(0.05)  # between two attempts; there is nothing to be notified by
        self.stop()
        raise RuntimeError(f"moto's server did not start:\n{self.log.read_text(errors='replace')}")

    def stop(self) -> None:
        """Stop it at once; what it held is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def reset(self) -> None:
        """Forget everything that was made, and check no rights."""
        self.ask("reset-auth", "inf")
        self.ask("reset", "")

    def ask(self, path: str, body: str) -> Any:
        """POST to the server's own interface (``/moto-api/...``) and give its answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", f"/moto-api/{path}", body)
            answer = connection.getresponse()
            said = answer.read()
        finally:
            connection.close()
        if not 200 <= answer.status < 300:
            raise RuntimeError(f"moto's server answers {answer.status} to {path}: {said!r}")
        return json.loads(said) if said.startswith((b"{", b"[")) else None

    def session(self, keys: Mapping[str, str] | None = None) -> boto3.Session:
        """Make a boto3 session that finds nothing of this machine's.

        Args:
            keys: of a user (see `user`); else those of somebody whose rights are not looked at.
        """
        held = {**_NOBODY, **(keys or {})}
        return boto3.Session(
            aws_access_key_id=held["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=held["AWS_SECRET_ACCESS_KEY"],
            region_name=REGION,
        )

    def client(self, service: str, keys: Mapping[str, str] | None = None) -> Any:
        """Make a boto3 client of a service here, whatever the environment says."""
        config = Config(retries={"total_max_attempts": 1}, proxies={})
        return self.session(keys).client(  # type: ignore[call-overload]
            service, endpoint_url=self.url, config=config
        )

    def put_secret(self, name: str, value: object) -> str:
        """Store a secret, or another version of it, and give its ARN.

        Args:
            name: of the secret.
            value: stored as JSON, unless it is text or bytes.
        """
        client = self.client("secretsmanager")
        stored: dict[str, Any]
        if isinstance(value, bytes):
            stored = {"SecretBinary": value}
        else:
            stored = {"SecretString": value if isinstance(value, str) else json.dumps(value)}
        try:
            return str(client.create_secret(Name=name, **stored)["ARN"])
        except client.exceptions.ResourceExistsException:
            return str(client.put_secret_value(SecretId=name, **stored)["ARN"])

    def user(self, name: str, *statements: Mapping[str, Any]) -> dict[str, str]:
        """Make an IAM user and give the environment that has its keys.

        Args:
            name: of the user.
            statements: of its one policy; without any it may do nothing. They count only inside
                `rights_checked`.
        """
        iam = self.client("iam")
        iam.create_user(UserName=name)
        if statements:
            policy = {"Version": "2012-10-17", "Statement": [dict(one) for one in statements]}
            iam.put_user_policy(
                UserName=name, PolicyName="rights", PolicyDocument=json.dumps(policy)
            )
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        }

    @contextmanager
    def rights_checked(self) -> Iterator[None]:
        """Check every call's signature and rights by IAM, as AWS does, from enter to exit."""
        self.ask("reset-auth", "0")
        try:
            yield
        finally:
            self.ask("reset-auth", "inf")


class Invocation(LambdaContext):
    """The context that Lambda gives a handler.

    Args:
        seconds: that the invocation may take.
        name: of the function.
    """

    def __init__(self, seconds: float = 900.0, name: str = "rxindex-test") -> None:
        self._function_name = name
        self._function_version = "$LATEST"
        self._invoked_function_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
        self._memory_limit_in_mb = 512
        self._aws_request_id = str(uuid.uuid4())
        self._log_group_name = f"/aws/lambda/{name}"
        self._log_stream_name = "test"
        self._deadline = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:  # type: ignore[override]
        """How long it may still run."""
        return max(0, round(1000 * (self._deadline - time.monotonic())))
