"""The command line in processes of its own, without the half second in which Python starts.

A process that is started anew needs that long to import the libraries that rxindex stands on. So
one process imports them once, and the vocabulary, and forks for each command that it is asked for.
The commands' own modules are imported by the child, in the order in which the command needs them;
its arguments, environment, folder and streams are its own, and it ends as an interpreter does.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["TERMINAL", "Command", "CommandServer", "wait_to_be_a_command"]

#: What the process runs: nothing but this module, until it is a command.
_PROGRAM = """\
from tests.services.commands import wait_to_be_a_command
wait_to_be_a_command()
from rxindex.cli import main
main()
"""
#: How output is laid out. Libraries look at these when they are imported.
TERMINAL = {"COLUMNS": "140", "TERM": "dumb"}


class Command:
    """A command under way in a process of its own."""

    def __init__(self, server: CommandServer, pid: int, words: list[str], out: Path, err: Path):
        self.pid = pid
        self._server = server
        self._words = words
        self._out = out
        self._err = err

    def send_signal(self, how: signal.Signals) -> None:
        """Send it a signal; one that has ended stays a zombie until `wait`, so it is never
        somebody else that is hit."""
        os.kill(self.pid, how)

    def wait(self, timeout: float) -> subprocess.CompletedProcess[str]:
        """Wait until it has ended; once.

        Args:
            timeout: seconds after which it is killed.

        Raises:
            TimeoutError: it was killed.
        """
        try:
            status = self._server.ask("wait", self.pid, timeout=timeout)
        except BaseException:
            self.send_signal(signal.SIGKILL)
            self._server.answer()
            raise
        return subprocess.CompletedProcess(
            self._words,
            os.waitstatus_to_exitcode(status),
            self._out.read_text(),
            self._err.read_text(),
        )


class CommandServer:
    """The process that forks, from enter to exit.

    Args:
        folder: for what the commands print.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        environment = TERMINAL | {
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            # A process that forks may have no thread but its own.
            "OPENBLAS_NUM_THREADS": "1",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | environment,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.communicate()
            assert self._process.returncode == 0

    def start(self, words: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> Command:
        """Start ``rxindex`` with these words.

        Args:
            words: of the command line.
            cwd: the folder in which it runs.
            env: its whole environment.
        """
        self._count += 1
        out, err = (self.folder / f"{self._count}.{name}" for name in ("out", "err"))
        pid = self.ask("run", list(words), str(cwd), dict(env), str(out), str(err))
        return Command(self, pid, list(words), out, err)

    def ask(self, *order: Any, timeout: float | None = None) -> int:
        """Ask for one thing (for `Command` and the method above).

        Raises:
            TimeoutError: there was no answer in so many seconds; it is still to come.
        """
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.flush()
        if not select.select([process.stdout], [], [], timeout)[0]:
            raise TimeoutError("the command takes too long")
        return self.answer()

    def answer(self) -> int:
        """Read an answer that is still to come."""
        process = self._process
        assert process is not None and process.stdout is not None
        line = process.stdout.readline()
        assert line, "the process that forks has ended"
        return int(line)


def wait_to_be_a_command() -> None:
    """Fork for each order that comes; return in the child, which then is the command."""
    answers = os.dup(1)
    with os.fdopen(os.dup(0), "rb") as asked:
        _stand_on(os.devnull, "")
        _import_libraries()
        for line in asked:
            what, *order = json.loads(line)
            answer = os.fork() if what == "run" else os.waitpid(order[0], 0)[1]
            if what == "run" and not answer:
                break
            os.write(answers, b"%d\n" % answer)
        else:
            sys.exit()
    os.close(answers)
    words, folder, environment, out, err = order
    _stand_on(out, err)
    # What a process is given when it is started.
    sys.argv = ["rxindex", *words]
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)


def _stand_on(out: str, err: str) -> None:
    """Let the streams go to these files, if there is a name, and nothing come in."""
    for number, path in enumerate((os.devnull, out, err)):
        if path:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC if number else os.O_RDONLY
            file = os.open(path, flags, 0o600)
            os.dup2(file, number)
            os.close(file)


def _import_libraries() -> None:
    """Import what the commands stand on, and none of their own modules."""
    import gc

    import numpy.typing  # noqa: F401
    import pydantic_settings  # noqa: F401
    import pythonjsonlogger.json  # noqa: F401
    import redis.lock  # noqa: F401
    import rich.progress
    import rich.table  # noqa: F401
    import sqlalchemy.dialects.sqlite  # noqa: F401
    import typer.rich_utils  # noqa: F401

    from rxindex.vocabulary import load_vocabulary

    load_vocabulary()
    gc.collect()
    gc.freeze()  # so that children share the pages
