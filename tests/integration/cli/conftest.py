"""Running the command line as a person or a script would: in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.services.commands import TERMINAL, CommandServer
from tests.services.fdb import create_tables, package

from rxindex.index.catalogue import Catalogue
from rxindex.index.embedded import EmbeddedRedis


class Done:
    """What a command left: exit code, output, and the JSON of it."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Done]


@pytest.fixture
def rxindex(commands: CommandServer, tmp_path: Path) -> Run:
    """Run ``rxindex`` with these words, in a process of its own."""

    def run(*words: str, **environment: str) -> Done:
        whole = os.environ | TERMINAL | environment
        return Done(commands.start(words, cwd=tmp_path, env=whole).wait(500))

    return run


@pytest.fixture
def rxindex_anew(tmp_path: Path) -> Run:
    """Run ``rxindex`` in a Python that is started for it, which takes a second."""

    def run(*words: str, **environment: str) -> Done:
        return Done(
            subprocess.run(
                [
                    sys.executable,
                    "-W",
                    "error",
                    "-c",
                    "from rxindex.cli import main; main()",
                    *words,
                ],
                capture_output=True,
                text=True,
                timeout=500,
                cwd=tmp_path,
                env=os.environ | TERMINAL | environment,
            )
        )

    return run


@pytest.fixture
def place(redis_server: EmbeddedRedis, catalogue: Catalogue) -> tuple[str, ...]:
    """The options that lead to the test's catalogue."""
    return ("--redis", redis_server.url, "--catalogue", catalogue.name)


@pytest.fixture
def fdb(tmp_path: Path) -> str:
    """A small FDB catalogue."""
    url = f"sqlite:///{tmp_path / 'fdb.db'}"
    create_tables(
        url,
        [
            package(71015523, "ATORVASTATIN 20 MG TABLET", 16366),
            package(71015524, "ATORVASTATIN 40 MG TABLET", 16367),
            package(71015525, "LIPITOR 20 MG TABLET", 16366, INNOV="1", GNI="2"),
            package(54, "OXYCODONE HCL 5 MG TABLET", 4225, DEA="2"),
        ],
    )
    return url
