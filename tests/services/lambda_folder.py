"""The Lambda package, built for the Python that runs the tests and unzipped as on Lambda."""

from __future__ import annotations

import fcntl
import hashlib
import platform
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

from packaging.requirements import Requirement

__all__ = ["build_zip", "lay_out_runtime", "unzip"]

PROJECT = Path(__file__).resolve().parents[2]
DIST = PROJECT / "dist"
_UNZIPPED = DIST / "unzipped"
#: Seconds.
_LATELY = 3_600
#: What decides what is in the zip.
_INPUTS = ("src/rxindex", "scripts/lambda_package", "pyproject.toml", "constraints.txt")
#: What Lambda's Python brings along.
_BROUGHT_ALONG = ("boto3", "awslambdaric")
#: The builder's exit code for a zip that is whole but larger than allowed, which other tests mind.
_LARGE = 3
_ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def build_zip(output: Path = DIST) -> Path:
    """Give the zip for this computer and this Python, built if there is none of these sources.

    Args:
        output: folder of the zips.

    Raises:
        RuntimeError: ``scripts/build-lambda`` failed; with what it said.
    """
    architecture = _ARCHITECTURES[platform.machine()]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    path = output / f"rxindex-lambda-{architecture}-py{version}.zip"
    stamp = path.with_suffix(".inputs")
    output.mkdir(parents=True, exist_ok=True)
    with _locked(output):
        wanted = _digest()
        if not (path.is_file() and stamp.is_file() and stamp.read_text() == wanted):
            stamp.unlink(missing_ok=True)
            _build(architecture, version, output)
            stamp.write_text(wanted)
    return path


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep the folder for oneself: test workers share it."""
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(architecture: str, version: str, output: Path) -> None:
    words = [sys.executable, str(PROJECT / "scripts" / "build-lambda"), "--arch", architecture]
    words += ["--python", version, "--output", str(output)]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode not in (0, _LARGE):
        raise RuntimeError(f"scripts/build-lambda failed ({done.returncode}):\n{done.stderr}")


def _digest() -> str:
    digest = hashlib.sha256()
    for path in _files():
        digest.update(str(path.relative_to(PROJECT)).encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files() -> Iterator[Path]:
    for name in _INPUTS:
        path = PROJECT / name
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (one for one in found if one.is_file() and "__pycache__" not in one.parts)


def unzip(package: Path) -> Path:
    """Give the folder of an unzipped package, which is kept for the next time.

    Its files can't be written to, as on Lambda.
    """
    with package.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    _UNZIPPED.mkdir(parents=True, exist_ok=True)
    with _locked(_UNZIPPED):
        folder = _UNZIPPED / digest[:16]
        if not folder.exists():
            _remove_older()
            partial = folder.with_suffix(".partial")
            with zipfile.ZipFile(package) as archive:
                archive.extractall(partial)
            for path in partial.rglob("*"):
                if path.is_file():
                    path.chmod(path.stat().st_mode & ~0o222)
            partial.rename(folder)
        folder.touch()
    return folder


def _remove_older() -> None:
    """Remove what was unzipped before; what was asked for lately may be in use."""
    for path in _UNZIPPED.iterdir():
        if path.is_dir() and time.time() - path.stat().st_mtime > _LATELY:
            shutil.rmtree(path, ignore_errors=True)


def lay_out_runtime(folder: Path) -> None:
    """Make a folder of what Lambda's Python has in it, and of nothing else that is installed here.

    Args:
        folder: made; its entries lead to the installed packages.
    """
    folder.mkdir(parents=True)
    modules: dict[str, list[str]] = {}
    for module, owners in packages_distributions().items():
        for owner in owners:
            modules.setdefault(owner.lower().replace("_", "-"), []).append(module)
    for name in _closure(_BROUGHT_ALONG):
        place = Path(str(distribution(name).locate_file("")))
        for module in modules[name]:
            for path in [place / module, *place.glob(f"{module}.*")]:
                if path.exists() and not (folder / path.name).exists():
                    (folder / path.name).symlink_to(path)


def _closure(names: Sequence[str]) -> set[str]:
    """Give distributions with all that they require."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in found:
            continue
        found.add(name)
        for line in distribution(name).requires or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return found
