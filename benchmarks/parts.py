"""The parts of the benchmark: one line for each, in the order in which they run and are shown.

A part is a module with::

    def measure(folder: Path, quick: bool) -> dict[str, Any]   # plain values, for JSON
    def markdown(result: dict[str, Any]) -> str                # the section of docs/performance.md

``measure`` writes only below ``folder`` and finishes within seconds where it is to be quick. What
it gives may have ``ratios`` (see `benchmarks.ratios.ratio`), which are compared from run to run. A
part with a command of its own (``own_command``) is run by that command, which takes ``--quick``
and leaves its result in ``benchmarks/results/NAME.json``.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.kept import RESULTS

__all__ = ["PARTS", "Part", "Skipped"]

_ROOT = Path(__file__).parent.parent


class Skipped(Exception):
    """A part can't be measured here; the message says what it lacks."""


class Part(NamedTuple):
    """One part.

    Attributes:
        name: for ``--only``, and in the results.
        title: of its section.
        module: that measures.
        writes: module with ``markdown``; empty for the same one.
        own_command: it is run as ``python -m MODULE``.
        apart: only where ``--only`` asks for it, since it takes too long or another environment;
            the page takes what its own command left.
        needs: modules that it can't do without, and that are not among the tests' own.
    """

    name: str
    title: str
    module: str
    writes: str = ""
    own_command: bool = False
    apart: bool = False
    needs: tuple[str, ...] = ()

    def measure(self, folder: Path, quick: bool) -> dict[str, Any]:
        """Measure.

        Args:
            folder: an empty one, removed afterwards.
            quick: small sizes, to see whether it works.

        Raises:
            Skipped: something that it needs is not installed.
        """
        for module in (self.module, *self.needs):
            if not _exists(module):
                raise Skipped(f"{module} is not there")
        if self.own_command:
            return self._run(quick)
        try:
            found: dict[str, Any] = importlib.import_module(self.module).measure(folder, quick)
        except ModuleNotFoundError as error:
            raise Skipped(f"the package {error.name} is not installed") from error
        return found

    def markdown(self, result: dict[str, Any]) -> str:
        """Write its section, without the title."""
        text: str = importlib.import_module(self.writes or self.module).markdown(result)
        return text.strip() + "\n"

    def _run(self, quick: bool) -> dict[str, Any]:
        words = [sys.executable, "-m", self.module, *(["--quick"] if quick else [])]
        done = subprocess.run(
            words, cwd=_ROOT, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise Skipped(f"python -m {self.module} failed: {last}")
        left = self.left(quick)
        if left is None:
            raise Skipped(f"python -m {self.module} left no result")
        return left

    def left(self, quick: bool = False) -> dict[str, Any] | None:
        """Give what its own command left, now or earlier; None where there is nothing.

        Args:
            quick: of a quick run, where the command keeps those apart.
        """
        names = [f"{self.name}-quick", self.name] if quick else [self.name]
        paths = [RESULTS / f"{name}.json" for name in names]
        path = next((one for one in paths if one.exists()), None)
        found: dict[str, Any] | None = None if path is None else json.loads(path.read_text())
        return found


def _exists(module: str) -> bool:
    """Tell whether a module can be found; a parent that is not there counts as no."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


PARTS: tuple[Part, ...] = (
    Part("limits", "A sync beside its limits", "benchmarks.limits"),
    Part("memory", "Memory of Redis", "benchmarks.memory"),
    Part(
        "peers", "Beside other ways to do it", "benchmarks.peers", writes="benchmarks.peers.report",
        own_command=True, apart=True, needs=("redisvl", "langchain_redis"),
    ),
    Part("nightly", "A night, and a second", "benchmarks.nightly"),
    Part("throttle", "A quota", "benchmarks.throttle"),
    Part("search", "A search", "benchmarks.serving"),
    Part(
        "workers", "Several workers", "benchmarks.workers", own_command=True,
        needs=("distributed",),
    ),
    Part(
        "scale", "Larger than this", "benchmarks.scale", writes="benchmarks.scale.page",
        own_command=True,
    ),
)  # fmt: skip
