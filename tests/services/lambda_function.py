"""A function of the local Lambda: its environments, its queue of events, and its log."""

from __future__ import annotations

import heapq
import itertools
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.services.aws import ACCOUNT, REGION
from tests.services.lambda_runtime import Environment, Invocation, interpreter_words

__all__ = ["Function", "RunningFunction", "SendDead"]

SendDead = Callable[[bytes, Mapping[str, str]], None]


@dataclass(frozen=True)
class Function:
    """A function as it is deployed.

    Attributes:
        name: of the function.
        handler: ``package.module.function``.
        package: folder of the unzipped package, ``/var/task`` on Lambda.
        runtime: folder with what Lambda's Python brings along: boto3 and the runtime client.
        variables: of its environment.
        seconds: time limit of an invocation.
        concurrency: most environments at once.
        retry_after: seconds before each further try of an asynchronous event. Lambda waits 60 and
            120, less patient tests less.
        recursion: whether a chain of its own calls may be longer than 16.
        dead: takes an event that failed for good, with Lambda's attributes of it.
    """

    name: str
    handler: str
    package: Path
    runtime: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 900.0
    memory: int = 1024
    concurrency: int = 10
    retry_after: tuple[float, ...] = (60.0, 120.0)
    recursion: Literal["Allow", "Terminate"] = "Terminate"
    dead: SendDead | None = None

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.name}"


class RunningFunction:
    """A function with its environments, its queue and its log."""

    def __init__(self, function: Function, folder: Path) -> None:
        self.function = function
        self.folder = folder
        self.changed = threading.Condition()
        self.idle: list[Environment] = []
        self.busy = 0
        self.environments: list[Environment] = []
        self.invocations: list[Invocation] = []
        self.logs: list[Path] = []
        #: Asynchronous events: when to try, a number that tells equals apart, which.
        self.queue: list[tuple[float, int, Invocation]] = []
        #: Events that were accepted and have neither succeeded nor failed for good.
        self.pending = 0
        self.closed = self.paused = False
        self._numbers = itertools.count(1)
        self._dispatcher = threading.Thread(target=self._dispatch, daemon=True)
        self._workers: list[threading.Thread] = []
        self._dispatcher.start()

    def close(self) -> None:
        with self.changed:
            self.closed = True
            environments = list(self.environments)
            self.changed.notify_all()
        for one in environments:
            one.kill()
        self._dispatcher.join()
        for worker in self._workers:
            worker.join()

    def lines(self) -> list[str]:
        """Give what the log has, environment by environment."""
        with self.changed:
            logs = list(self.logs)
        # Not `splitlines`: JSON may hold other characters that end a line.
        written = [one.read_text("utf-8", errors="replace") for one in logs]
        return [line for one in written for line in one.split("\n") if line]

    # -- environments ----------------------------------------------------------------------------

    def reserve(self, *, wait: bool) -> bool:
        """Take one of the places that the concurrency limit gives."""
        with self.changed:
            while self.busy >= self.function.concurrency and wait and not self.closed:
                self.changed.wait()
            if self.closed or self.busy >= self.function.concurrency:
                return False
            self.busy += 1
            return True

    def carry_out(self, invocation: Invocation) -> None:
        """Carry out an invocation that has a place, in a warm environment if there is one."""
        environment: Environment | None = None
        try:
            with self.changed:
                self.invocations.append(invocation)
                self.changed.notify_all()
                while self.idle and environment is None:
                    kept = self.idle.pop()
                    environment = kept if kept.alive else None
            if environment is None:
                invocation.cold = True
                environment = self._make()
            environment.carry_out(invocation)
        finally:
            with self.changed:
                self.busy -= 1
                if environment is not None:
                    if environment.alive and not self.closed:
                        self.idle.append(environment)
                    else:
                        self.environments.remove(environment)
                self.changed.notify_all()
            if environment is not None and not environment.alive:
                environment.kill()

    def _make(self) -> Environment:
        function = self.function
        with self.changed:
            number = len(self.logs) + 1
            own = self.folder / f"{function.name}-{number}"
            (own / "tmp").mkdir(parents=True)
            log = own / "log"
            log.touch()
            self.logs.append(log)
        environment = Environment(
            number,
            interpreter_words(function.handler),
            self._variables(number, own / "tmp"),
            function.package,
            function.seconds,
            log,
        )
        with self.changed:
            self.environments.append(environment)
        return environment

    def _variables(self, number: int, temporary: Path) -> dict[str, str]:
        """Give all that a process finds in its environment: Lambda's own, then the function's."""
        function = self.function
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "TMPDIR": str(temporary),
            "PYTHONPATH": f"{function.package}:{function.runtime}",
            "LAMBDA_TASK_ROOT": str(function.package),
            "LAMBDA_RUNTIME_DIR": str(function.runtime),
            "_HANDLER": function.handler,
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"[$LATEST]{number:032x}",
            **function.variables,
        }

    # -- asynchronous events ---------------------------------------------------------------------

    def put(self, invocation: Invocation, after: float = 0.0) -> None:
        with self.changed:
            entry = (time.monotonic() + after, next(self._numbers), invocation)
            heapq.heappush(self.queue, entry)
            self.pending += invocation.attempt == 1
            self.changed.notify_all()

    def _dispatch(self) -> None:
        """Start what is due whenever there is a place for it."""
        while (invocation := self._next_due()) is not None:
            if not self.reserve(wait=True):
                return
            worker = threading.Thread(target=self._try, args=(invocation,), daemon=True)
            self._workers.append(worker)
            worker.start()

    def _next_due(self) -> Invocation | None:
        with self.changed:
            while not self.closed:
                if self.paused or not self.queue:
                    self.changed.wait()
                elif (left := self.queue[0][0] - time.monotonic()) > 0:
                    self.changed.wait(left)
                else:
                    return heapq.heappop(self.queue)[2]
        return None

    def _try(self, invocation: Invocation) -> None:
        """Carry out an event; if it fails, let it be tried again or give it up."""
        try:
            self.carry_out(invocation)
        finally:
            tried = invocation.attempt
            again = invocation.failure and tried <= len(self.function.retry_after)
            if again and not self.closed:
                follower = Invocation(
                    invocation.request, invocation.arn, invocation.payload, "Event", tried + 1,
                    invocation.trace,
                )  # fmt: skip
                self.put(follower, self.function.retry_after[tried - 1])
            else:
                if invocation.failure and not self.closed:
                    self.give_up(invocation)
                with self.changed:
                    self.pending -= 1
                    self.changed.notify_all()

    def give_up(self, invocation: Invocation) -> None:
        """Put an event where somebody will look for it."""
        if self.function.dead is not None:
            said = json.loads(invocation.answer).get("errorMessage", "")
            attributes = {"RequestID": invocation.request, "ErrorCode": "200"}
            self.function.dead(invocation.payload, attributes | {"ErrorMessage": said[:1024]})
