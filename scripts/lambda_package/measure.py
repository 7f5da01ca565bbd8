"""Measures how long the handlers take to import, as a cold start of the function does."""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import zipfile
from collections import defaultdict
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, TypedDict

from packaging.requirements import Requirement
from scripts.lambda_package.bytecode import Interpreter
from scripts.lambda_package.errors import BuildFailed
from scripts.lambda_package.target import HANDLERS

__all__ = ["ColdImport", "isolated", "measure", "runtime_folder", "unpack"]

#: The interpreter alone: no site-packages, nothing of the user's, nothing written.
ISOLATED = ("-S", "-s", "-P", "-B")
_RUNS = 5
_IMPORT = """
import importlib, json, re, sys, time
wall, cpu = time.perf_counter(), time.process_time()
importlib.import_module(sys.argv[1])
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
kilobytes = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
print(json.dumps([wall, cpu, kilobytes / 1024, len(sys.modules)]))
"""


class ColdImport(TypedDict):
    """How long a handler takes to import in a fresh process whose files are in memory."""

    handler: str
    runs: int
    wall_seconds: float
    best_wall_seconds: float
    cpu_seconds: float
    resident_mb: float
    modules: int
    biggest_seconds: dict[str, float]


def isolated(task: Path, runtime: Path) -> dict[str, str]:
    """Give the environment of a process that sees the package, the runtime's SDK, nothing else."""
    return {
        "AWS_LAMBDA_FUNCTION_NAME": "rxindex",
        "AWS_REGION": "us-east-1",
        "LANG": "C.UTF-8",
        "LAMBDA_TASK_ROOT": str(task),
        "PYTHONPATH": f"{task}{os.pathsep}{runtime}",
    }


def unpack(path: Path, folder: Path) -> None:
    """Unzip a package into a folder, as read-only as Lambda's."""
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    for one in [folder, *folder.rglob("*")]:
        one.chmod(0o555 if one.is_dir() else 0o444)


def runtime_folder(folder: Path, interpreter: Interpreter) -> None:
    """Lay out what Lambda's Python has beside the interpreter: boto3 and what it requires.

    It is taken from the environment that this program runs in, and compiled.

    Raises:
        BuildFailed: boto3 is not installed here.
    """
    waiting, seen = ["boto3"], set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            found = distribution(name)
        except PackageNotFoundError as error:
            raise BuildFailed(
                f"to measure, {name} must be here as it is in Lambda: run 'scripts/setup package'"
            ) from error
        for top in sorted({file.parts[0] for file in found.files or []}):
            source = Path(str(found.locate_file(top)))
            if top in ("..", "__pycache__") or source.suffix == ".dist-info":
                continue
            if source.is_dir():
                skip = shutil.ignore_patterns("__pycache__", "data")
                shutil.copytree(source, folder / top, ignore=skip, dirs_exist_ok=True)
                if (source / "data").is_dir():  # descriptions of all services: large, never changed
                    (folder / top / "data").symlink_to(source / "data")
            else:
                shutil.copy(source, folder / top)
        needed = map(Requirement, found.requires or [])
        waiting += [one.name for one in needed if one.marker is None or one.marker.evaluate()]
    subprocess.run(  # noqa: S603 - found before
        [interpreter.path, "-I", "-m", "compileall", "-q", str(folder)],
        check=True,
        capture_output=True,
    )


def measure(path: Path, interpreter: Interpreter, runs: int = _RUNS) -> list[ColdImport]:
    """Import each handler of a zip in fresh processes.

    Args:
        path: the zip.
        interpreter: the Python that it was built for.
        runs: how often each is imported; the first time, which reads the files from the disk,
            comes before and does not count.

    Raises:
        BuildFailed: a handler can't be imported with nothing but Lambda's runtime beside it.
    """
    with tempfile.TemporaryDirectory(prefix="rxindex-lambda-") as name:
        task, runtime = Path(name) / "task", Path(name) / "runtime"
        runtime.mkdir()
        runtime_folder(runtime, interpreter)
        unpack(path, task)
        try:
            return [_measure(handler, interpreter, task, runtime, runs) for handler in HANDLERS]
        finally:
            for folder in [task, *(one for one in task.rglob("*") if one.is_dir())]:
                folder.chmod(0o755)


def _measure(
    handler: str, interpreter: Interpreter, task: Path, runtime: Path, runs: int
) -> ColdImport:
    def run(*options: str) -> subprocess.CompletedProcess[str]:
        words = [interpreter.path, *ISOLATED, *options, "-c", _IMPORT, handler]
        done = subprocess.run(  # noqa: S603 - found before
            words, env=isolated(task, runtime), cwd=task, capture_output=True, text=True
        )
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["no reason given"]
            # The first error is the cause of the others.
            causes = [line for line in lines if line.startswith("ModuleNotFoundError")]
            raise BuildFailed(
                f"{handler} can't be imported with nothing but Lambda's Python beside it: "
                f"{(causes or lines[-1:])[0]}"
            )
        return done

    biggest = _by_package(run("-X", "importtime").stderr)
    results: list[list[Any]] = [json.loads(run().stdout) for _ in range(runs)]
    walls, cpus, megabytes, modules = zip(*results, strict=True)
    return {
        "handler": handler,
        "runs": runs,
        "wall_seconds": round(statistics.median(walls), 3),
        "best_wall_seconds": round(min(walls), 3),
        "cpu_seconds": round(statistics.median(cpus), 3),
        "resident_mb": round(max(megabytes), 1),
        "modules": modules[0],
        "biggest_seconds": biggest,
    }


def _by_package(report: str, most: int = 10) -> dict[str, float]:
    """Add up the time that modules took themselves by the package that they are in."""
    seconds: dict[str, float] = defaultdict(float)
    for line in report.splitlines():
        if match := re.match(r"import time:\s+(\d+) \|\s+\d+ \|\s+([\w.]+)", line):
            seconds[match[2].split(".")[0]] += int(match[1]) / 1e6
    largest = sorted(seconds.items(), key=lambda one: -one[1])[:most]
    return {name: round(value, 3) for name, value in largest}
