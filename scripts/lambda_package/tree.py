"""Lays out what goes into a zip as a folder of files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from packaging.utils import canonicalize_name
from scripts.lambda_package.errors import BuildFailed
from scripts.lambda_package.requirements import (
    closure,
    read_pins,
    read_requirements,
    unpinned,
)
from scripts.lambda_package.target import HANDLERS, Target

__all__ = ["Tree", "build_wheel", "lay_out"]


@dataclass(frozen=True)
class Tree:
    """A folder with all that goes into the zip.

    Args:
        folder: where the files are.
        versions: version of each package in it.
        owners: which package a file or folder at the top belongs to.
    """

    folder: Path
    versions: dict[str, str]
    owners: dict[str, str]


def build_wheel(project: Path, folder: Path) -> Path:
    """Build rxindex as a wheel.

    Args:
        project: folder of pyproject.toml.
        folder: where to put the wheel.

    Raises:
        BuildFailed: hatchling is missing or refuses.
    """
    words = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    _run([*words, "--directory", str(folder)], "rxindex can't be built as a wheel", project)
    (wheel,) = folder.glob("rxindex-*.whl")
    return wheel


def lay_out(project: Path, constraints: Path, wheel: Path, target: Target, folder: Path) -> Tree:
    """Install rxindex and what it needs on the target into a folder.

    Args:
        project: folder of pyproject.toml.
        constraints: file of pinned versions.
        wheel: rxindex.
        target: what for.
        folder: an empty folder.

    Raises:
        BuildFailed: a package can't be had for the target, or has no pinned version; the wheel
            lacks a handler.
    """
    wanted = read_requirements(project)
    _install(folder, target, constraints, [str(one) for one in wanted])
    versions, missing = closure(folder, wanted, target.markers())
    while missing:
        _install(folder, target, constraints, ["--no-deps", *missing])
        versions, still = closure(folder, wanted, target.markers())
        if set(still) & set(missing):
            raise BuildFailed(f"pip left out {', '.join(still)} for {target.name}")
        missing = still
    if loose := unpinned(versions, read_pins(constraints)):
        raise BuildFailed(
            f"not pinned in {constraints.name}: {', '.join(loose)}; run scripts/renew-constraints"
        )
    owners = _forget_others(folder, versions)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    for handler in HANDLERS:
        if not (folder / f"{handler.replace('.', '/')}.py").is_file():
            raise BuildFailed(f"rxindex's wheel has no {handler}: a handler of the function")
    own = wheel.name.split("-")[1]
    owners |= {"rxindex": "rxindex", f"rxindex-{own}.dist-info": "rxindex"}
    return Tree(folder, {"rxindex": own, **versions}, owners)


def _install(folder: Path, target: Target, constraints: Path, what: list[str]) -> None:
    words = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--no-input"]
    words += ["--disable-pip-version-check", f"--target={folder}", f"--constraint={constraints}"]
    _run([*words, *target.pip_options(), *what], f"no packages for {target.name}", folder)


def _run(words: list[str], failure: str, folder: Path) -> None:
    """Run a part of the build, quiet unless it fails."""
    done = subprocess.run(  # noqa: S603 - our own command, no shell
        words,
        cwd=folder,
        env={**os.environ, "SOURCE_DATE_EPOCH": "315532800", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("ERROR:")] or lines
        module = words[2]
        if any(f"No module named {module}" in line for line in lines):
            raise BuildFailed(
                f"{failure}: {module} is not installed; run 'scripts/setup package', "
                "then .venv/bin/python scripts/build-lambda"
            )
        raise BuildFailed(f"{failure}: {' '.join(errors[-3:]) or f'exit code {done.returncode}'}")


def _forget_others(folder: Path, versions: dict[str, str]) -> dict[str, str]:
    """Remove what pip installed beyond what is needed; say whose the rest is."""
    owners: dict[str, str] = {}
    others: set[str] = set()
    for one in distributions(path=[str(folder)]):
        name = canonicalize_name(one.name)
        tops = {file.parts[0] for file in one.files or [] if file.parts[0] not in ("..", "bin")}
        if name in versions:
            owners |= dict.fromkeys(tops, name)
        else:
            others |= tops
    for top in others - owners.keys():
        path = folder / top
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return owners
