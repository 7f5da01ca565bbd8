"""Compiles the tree's modules beforehand.

A function's folder is read-only, so nothing that it compiles is kept: without compiled modules
each cold start compiles all that it imports, which takes longer than everything else together.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from scripts.lambda_package.errors import BuildFailed

__all__ = ["TASK_ROOT", "Interpreter", "compile_modules", "find_interpreter"]

#: Where Lambda unpacks the zip; the modules' names in a traceback.
TASK_ROOT = "/var/task"
_PROBE = (
    "import platform, sys; print(platform.python_implementation(), platform.python_version(),"
    " getattr(sys, '_is_gil_enabled', bool)() or sys.version_info < (3, 13))"
)


@dataclass(frozen=True)
class Interpreter:
    """A Python on this computer.

    Args:
        path: its program.
        version: major, minor and patch.
    """

    path: str
    version: str

    @property
    def python(self) -> str:
        """Major and minor version."""
        return self.version.rpartition(".")[0]


def find_interpreter(python: str, named: Iterable[str] = ()) -> Interpreter | None:
    """Find the CPython of a version: one of those named, this one, or one on PATH.

    Args:
        python: ``3.13``.
        named: programs that the user named.

    Raises:
        BuildFailed: a named program is no CPython.
    """
    for path in named:
        found = _probe(path)
        if found is None:
            raise BuildFailed(f"{path} is not a CPython that runs here: check --interpreter")
        if found.python == python:
            return found
    for program in (sys.executable, shutil.which(f"python{python}")):
        if program and (found := _probe(program)) and found.python == python:
            return found
    return None


def _probe(path: str) -> Interpreter | None:
    try:
        done = subprocess.run(  # noqa: S603 - the user's own program, or one on PATH
            [path, "-I", "-c", _PROBE], capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = done.stdout.split()
    if done.returncode or len(words) != 3 or words[0] != "CPython" or words[2] != "True":
        return None
    return Interpreter(path, words[1])


def compile_modules(tree: Path, interpreter: Interpreter, own: str = "rxindex") -> None:
    """Compile every module, so that the result is the same wherever and whenever it is done.

    Args:
        tree: the folder; modules of other packages than ``own`` lose their sources.
        interpreter: of the version that will run them.
        own: the package whose sources stay beside, for the lines in tracebacks.

    Raises:
        BuildFailed: a module does not compile.
    """
    program = Path(__file__).with_name("compiling.py")
    done = subprocess.run(  # noqa: S603 - found above
        [interpreter.path, "-I", "-S", "-W", "ignore", str(program), str(tree), TASK_ROOT, own],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise BuildFailed(
            f"Python {interpreter.version} can't compile the modules: {' '.join(said[-4:])}"
        )
