"""An execution environment of Lambda: a process of the real runtime client, and the API it polls.

The process is ``awslambdaric``, the client that Lambda's own Python runtimes have in them. It asks
the Runtime API for the next invocation and posts what came of it ("Using the Lambda runtime API
for custom runtimes", Lambda's developer guide). As on Lambda, an environment carries out one
invocation at a time, is frozen between two of them, and dies when one takes too long.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

__all__ = ["MOST_BYTES", "Environment", "Invocation", "error_payload"]

#: Of an event and of an answer.
MOST_BYTES = 6 * 1024 * 1024
_VERSION = "/2018-06-01/runtime"
#: Seconds that a process may take to load the handler. Lambda gives it 10, on a faster machine.
_LONGEST_START = 60.0
#: Bytes of memory that a line of /proc/PID/status counts in.
_KIB = 1024


def error_payload(kind: str, message: str) -> bytes:
    """Write what a caller gets in place of an answer."""
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


@dataclass
class Invocation:
    """One carrying out of an event.

    Attributes:
        request: its id, which further tries of the same event keep.
        arn: of the function as it was called.
        payload: the event.
        kind: ``RequestResponse`` or ``Event``.
        attempt: 1 for the first try.
        trace: what X-Ray knows it by, and how often the function has called itself.
        environment: number of the one that carries it out.
        cold: whether that was made for it.
        began, ended: on the monotonic clock.
        answer: what it gave.
        failure: ``Unhandled`` if it failed; the answer then says how.
        memory: most bytes that its process had held by its end; 0 if it was killed.
    """

    request: str
    arn: str
    payload: bytes
    kind: str
    attempt: int = 1
    trace: str = ""
    environment: int = 0
    cold: bool = False
    began: float = 0.0
    ended: float = 0.0
    answer: bytes = b""
    failure: str = ""
    memory: int = 0
    done: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def seconds(self) -> float:
        """How long it took, without making the environment."""
        return self.ended - self.began

    @property
    def event(self) -> Any:
        """The event as an object."""
        return json.loads(self.payload)

    @property
    def result(self) -> Any:
        """The answer as an object."""
        return json.loads(self.answer)

    def end(self, answer: bytes, failure: str = "") -> None:
        """Note what came of it; what came first counts."""
        if not self.done.is_set():
            self.answer, self.failure = answer, failure
            self.ended = time.monotonic()
            self.done.set()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    owner: Environment

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: processes that are killed hang up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        if self.path == f"{_VERSION}/invocation/next":
            self.server.owner.give_next(self)
        else:
            self.send(404, b"{}")

    def do_POST(self) -> None:
        content = _body(self)
        owner = self.server.owner
        what = self.path.removeprefix(_VERSION).strip("/").split("/")
        match what:
            case ["invocation", request, "response"]:
                status = owner.take_answer(request, content)
            case ["invocation", request, "error"]:
                status = owner.take_answer(request, content, "Unhandled")
            case ["init", "error"]:
                status = owner.take_init_error(content)
            case _:
                status = 404
        self.send(status, b'{"status":"OK"}')

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""

    def send(self, status: int, content: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _body(http: BaseHTTPRequestHandler) -> bytes:
    """Read a request's body, whole or in chunks."""
    if http.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return http.rfile.read(int(http.headers.get("Content-Length", 0)))
    content = b""
    while size := int(http.rfile.readline().split(b";")[0], 16):
        content += http.rfile.read(size)
        http.rfile.readline()
    http.rfile.readline()
    return content


class Environment:
    """One environment, from its making to `kill`.

    Args:
        number: tells it from the others of its function.
        words: the command.
        variables: all that the process has in its environment, but for the API's address.
        folder: where it works.
        seconds: the time limit of an invocation.
        log: file for what the process writes, and the lines that Lambda adds. Not a pipe: what was
            written before an answer can be read as soon as that is there.
    """

    def __init__(
        self,
        number: int,
        words: list[str],
        variables: Mapping[str, str],
        folder: Path,
        seconds: float,
        log: Path,
    ) -> None:
        self.number = number
        self.seconds = seconds
        self.init_seconds = 0.0
        self._log = log
        self._changed = threading.Condition()
        self._waiting = False
        self._current: Invocation | None = None
        self._init_error = b""
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self._threads = [
            threading.Thread(
                target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True
            ),
            threading.Thread(target=self._watch, daemon=True),
        ]
        self._threads[0].start()
        api = f"127.0.0.1:{self._server.server_address[1]}"
        began = time.monotonic()
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                words,
                env={**variables, "AWS_LAMBDA_RUNTIME_API": api},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._threads[1].start()
        self._await_start(began)

    @property
    def alive(self) -> bool:
        """Whether it can take another invocation."""
        return self._process.poll() is None and not self._init_error

    def carry_out(self, invocation: Invocation) -> None:
        """Carry an invocation out, and wait until it has ended, one way or another."""
        with self._changed:
            invocation.environment = self.number
            invocation.began = time.monotonic()
            if not self.alive:
                self._end_dead(invocation)
                return
            self._tell(f"START RequestId: {invocation.request} Version: $LATEST")
            self._current = invocation
            self._signal(signal.SIGCONT)
            self._changed.notify_all()
        if not invocation.done.wait(self.seconds) or not self._await_next(invocation.began):
            self._end_late(invocation)
        self._report(invocation)
        self._current = None

    def kill(self) -> None:
        """Kill it at once; does no harm to one that has ended."""
        self._signal(signal.SIGKILL)
        self._process.wait()
        with self._changed:
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join()

    # -- the Runtime API -----------------------------------------------------------------------

    def give_next(self, http: _Handler) -> None:
        """Answer with the next invocation when there is one; until then the process is frozen."""
        with self._changed:
            self._waiting = True
            self._changed.notify_all()
            while (current := self._current) is None or current.done.is_set():
                self._signal(signal.SIGSTOP)
                self._changed.wait()
                if self._process.poll() is not None:
                    return
            self._waiting = False
        left = self.seconds - (time.monotonic() - current.began)
        headers = {
            "Lambda-Runtime-Aws-Request-Id": current.request,
            "Lambda-Runtime-Deadline-Ms": str(round((time.time() + left) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": current.arn,
            "Lambda-Runtime-Trace-Id": current.trace,
        }
        http.send(200, current.payload, headers)

    def take_answer(self, request: str, content: bytes, failure: str = "") -> int:
        """Take what came of an invocation; give the status to answer with."""
        current = self._current
        if current is None or current.request != request:
            return 400
        if len(content) > MOST_BYTES and not failure:
            message = f"Response payload size exceeded maximum allowed size ({MOST_BYTES} bytes)."
            current.end(error_payload("Function.ResponseSizeTooLarge", message), "Unhandled")
            return 413
        current.memory = self.most_memory()
        current.end(content, failure)
        return 202

    def take_init_error(self, content: bytes) -> int:
        """Take why the handler could not be loaded."""
        with self._changed:
            self._init_error = content
            self._changed.notify_all()
        return 202

    # -- the process ---------------------------------------------------------------------------

    def _await_start(self, began: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or not self.alive, _LONGEST_START)
            if not self._waiting:
                self._signal(signal.SIGKILL)
        self.init_seconds = time.monotonic() - began

    def _await_next(self, began: float) -> bool:
        """Wait until the process asks for more or has ended; give whether it did so in time."""
        left = self.seconds - (time.monotonic() - began)
        with self._changed:
            return self._changed.wait_for(lambda: self._waiting or not self.alive, max(left, 1.0))

    def _signal(self, how: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, how)

    def _end_late(self, invocation: Invocation) -> None:
        """Kill the process, as Lambda does when an invocation takes too long."""
        with self._changed:
            self._current = None  # its end is told here
        self._signal(signal.SIGKILL)
        self._process.wait()
        said = f"Task timed out after {self.seconds:.2f} seconds"
        message = f"RequestId: {invocation.request} Error: {said}"
        invocation.end(error_payload("Sandbox.Timedout", message), "Unhandled")
        self._tell(f"{invocation.request} {said}")

    def _end_dead(self, invocation: Invocation) -> None:
        """Say that there is no process to carry an invocation out."""
        code = self._process.poll()
        how = (
            f"signal: {signal.Signals(-code).name}" if code and code < 0 else f"exit status {code}"
        )
        message = f"RequestId: {invocation.request} Error: Runtime exited with error: {how}"
        invocation.end(self._init_error or error_payload("Runtime.ExitError", message), "Unhandled")

    def _watch(self) -> None:
        """Notice when the process has ended."""
        self._process.wait()
        with self._changed:
            current = self._current
            if current is not None and not current.done.is_set():
                self._end_dead(current)
            self._changed.notify_all()

    def _tell(self, line: str) -> None:
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"{line}\n")

    def _report(self, invocation: Invocation) -> None:
        """Write the two lines that Lambda ends an invocation with."""
        taken = 1000 * invocation.seconds
        first = f"\tInit Duration: {1000 * self.init_seconds:.2f} ms" if invocation.cold else ""
        self._tell(f"END RequestId: {invocation.request}")
        self._tell(
            f"REPORT RequestId: {invocation.request}\tDuration: {taken:.2f} ms"
            f"\tMax Memory Used: {invocation.memory // (1024 * _KIB)} MB{first}"
        )

    def most_memory(self) -> int:
        """Most bytes that the process has held so far; 0 for one that has ended."""
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text()
        except OSError:
            return 0
        held = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
        return int(held[0]) * _KIB if held else 0


def interpreter_words(handler: str) -> list[str]:
    """Give the command that runs a handler, with nothing of this environment's packages."""
    return [sys.executable, "-S", "-s", "-m", "awslambdaric", handler]
