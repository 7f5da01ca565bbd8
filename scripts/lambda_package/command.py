"""The command `scripts/build-lambda`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

try:
    from scripts.lambda_package.archive import Addition, add_files, read_addition, shares, write_zip
    from scripts.lambda_package.bytecode import Interpreter, compile_modules, find_interpreter
    from scripts.lambda_package.measure import measure
    from scripts.lambda_package.tree import build_wheel, lay_out
except ModuleNotFoundError as missing:
    sys.exit(
        f"{missing.name} is not installed: run 'scripts/setup package', "
        "then .venv/bin/python scripts/build-lambda"
    )
from scripts.lambda_package.errors import BuildFailed
from scripts.lambda_package.prune import prune
from scripts.lambda_package.target import ARCHITECTURES, HANDLERS, Target

__all__ = ["build", "main"]

PROJECT = Path(__file__).resolve().parents[2]
_DONE, _FAILED, _OVER = 0, 1, 3
_ABOUT = """\
Builds the zip that runs rxindex on AWS Lambda: dist/rxindex-lambda-<arch>-py<version>.zip, with a
manifest beside it (.json: sizes, SHA-256, versions). The same commit gives the same bytes. Both
handlers are in it; boto3 is not, since Lambda has it."""
_EXAMPLES = """\
examples:
  scripts/build-lambda                                  both architectures, Python 3.13
  scripts/build-lambda --arch arm64 --python 3.12 --python 3.14
  scripts/build-lambda --measure --interpreter ~/python3.13/bin/python3.13
  scripts/build-lambda --add rds-ca.pem=global-bundle.pem   the database's authority, too

exit codes:
  0  built
  1  not built: the message says why and what to do
  2  wrong arguments
  3  built, but larger or slower than allowed"""


@dataclass(frozen=True)
class Order:
    """What to build, and how.

    Args:
        project: folder of pyproject.toml.
        constraints: file of pinned versions.
        output: folder for the zips.
        interpreters: programs that the user named.
        additions: files to put in.
        compiled: compile modules where there is an interpreter to do it.
        measured: measure the import where it can be.
    """

    project: Path
    constraints: Path
    output: Path
    interpreters: tuple[str, ...] = ()
    additions: tuple[Addition, ...] = ()
    compiled: bool = True
    measured: bool = False


def build(order: Order, targets: Sequence[Target]) -> list[dict[str, Any]]:
    """Build a zip and a manifest for each target; give the manifests.

    Raises:
        BuildFailed: one can't be built or measured.
    """
    order.output.mkdir(parents=True, exist_ok=True)
    interpreters = {one.python: find_interpreter(one.python, order.interpreters) for one in targets}
    with tempfile.TemporaryDirectory(prefix="rxindex-lambda-") as name:
        folder = Path(name)
        wheel = build_wheel(order.project, folder)
        # Two at once: most of the time goes to pip, the compiler and zlib, one core each.
        with ThreadPoolExecutor(2) as pool:
            manifests = list(
                pool.map(
                    lambda one: _build(order, one, wheel, folder, interpreters[one.python]), targets
                )
            )
    for target, manifest in zip(targets, manifests, strict=True):
        # After all else, so that nothing of ours slows it down.
        manifest["cold_import"], manifest["not_measured"] = _measured(
            order, target, interpreters[target.python]
        )
        _write(order, target, manifest)
    return manifests


def _write(order: Order, target: Target, manifest: dict[str, Any]) -> None:
    path = order.output / f"{target.stem}.json"
    path.write_text(json.dumps(manifest, indent=2) + "\n")


def _build(
    order: Order, target: Target, wheel: Path, folder: Path, interpreter: Interpreter | None
) -> dict[str, Any]:
    _tell(f"{target.name}: installing")
    place = folder / target.stem
    place.mkdir()
    tree = lay_out(order.project, order.constraints, wheel, target, place)
    prune(tree.folder)
    if order.compiled and interpreter:
        compile_modules(tree.folder, interpreter)
    elif order.compiled:
        _tell(
            f"{target.name}: there is no Python {target.python} here to compile the modules with; "
            "each cold start will compile them and take about a second longer "
            "(--interpreter names one)"
        )
    if not target.on_lambda:
        _tell(f"{target.name}: for trying out on this computer, Lambda does not run it any more")
    add_files(tree.folder, list(order.additions))
    path = order.output / f"{target.stem}.zip"
    contents = write_zip(tree.folder, path)
    _tell(f"{target.name}: {path} has {contents.zipped / 1e6:.1f} MB")
    manifest = {
        "file": path.name,
        "sha256": contents.sha256,
        "content_sha256": contents.content_sha256,
        "zipped_bytes": contents.zipped,
        "unzipped_bytes": contents.unzipped,
        "files": contents.files,
        "architecture": target.architecture,
        "runtime": f"python{target.python}",
        "compiled_by": interpreter.version if order.compiled and interpreter else None,
        "commit": _commit(order.project),
        "handlers": [f"{handler}.lambda_handler" for handler in HANDLERS],
        "added": sorted(one.name for one in order.additions),
        "packages": shares(path, tree.owners, tree.versions),
        "cold_import": None,
        "not_measured": "not asked for",
    }
    # Now too: should measuring fail, the manifest is that of the zip beside it.
    _write(order, target, manifest)
    return manifest


def _measured(
    order: Order, target: Target, interpreter: Interpreter | None
) -> tuple[Any, str | None]:
    if not order.measured:
        return None, "not asked for"
    if not target.runs_here:
        return None, f"this computer does not run Linux on {target.architecture}"
    if interpreter is None:
        return None, f"there is no Python {target.python} here"
    _tell(f"{target.name}: measuring with Python {interpreter.version}")
    return measure(order.output / f"{target.stem}.zip", interpreter), None


def _commit(project: Path) -> str | None:
    """Name the commit, with a plus sign if files were changed since; None outside of git."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+"],  # noqa: S607
            cwd=project,
            capture_output=True,
            text=True,
        )
    except OSError:
        return None
    return done.stdout.strip() or None


def _excess(manifest: dict[str, Any], most_mb: float, most_seconds: float) -> list[str]:
    """Say which limits a zip goes over."""
    said = []
    size = manifest["zipped_bytes"] / 1e6
    if size > most_mb:
        said.append(f"{manifest['file']} has {size:.1f} MB, more than the {most_mb:g} allowed")
    said += [
        f"{one['handler']} of {manifest['file']} takes {one['best_wall_seconds']:.2f} s to "
        f"import, more than the {most_seconds:g} allowed"
        for one in manifest["cold_import"] or []
        if one["best_wall_seconds"] > most_seconds
    ]
    return said


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _table(manifest: dict[str, Any]) -> str:
    lines = [
        f"{manifest['file']}: {manifest['zipped_bytes'] / 1e6:.1f} MB, unzipped "
        f"{manifest['unzipped_bytes'] / 1e6:.1f} MB, {manifest['files']} files, "
        f"compiled by {manifest['compiled_by'] or 'nobody'}",
        f"  sha256 {manifest['sha256']}",
    ]
    lines += [
        f"  {one['name']:24} {one['version'] or '':10} {one['zipped_bytes'] / 1e6:6.2f} MB "
        f"(unzipped {one['unzipped_bytes'] / 1e6:.1f})"
        for one in manifest["packages"][:10]
    ]
    for one in manifest["cold_import"] or []:
        biggest = ", ".join(
            f"{name} {seconds:.2f}" for name, seconds in list(one["biggest_seconds"].items())[:5]
        )
        lines.append(
            f"  {one['handler']}: import takes {one['wall_seconds']:.2f} s (best "
            f"{one['best_wall_seconds']:.2f}, processor {one['cpu_seconds']:.2f}), "
            f"{one['resident_mb']:.0f} MB, {one['modules']} modules; most of it: {biggest}"
        )
    if manifest["not_measured"] not in (None, "not asked for"):
        lines.append(f"  import not measured: {manifest['not_measured']}")
    return "\n".join(lines)


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/build-lambda",
        description=_ABOUT,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--arch", action="append", choices=[*ARCHITECTURES], help="may be repeated [both]")
    add("--python", action="append", metavar="3.N", help="version; may be repeated [3.13]")
    add("--output", type=Path, default=PROJECT / "dist", help="folder for the zips [dist]")
    add("--add", action="append", default=[], metavar="NAME=PATH", help="file to put in as NAME")
    add(
        "--interpreter",
        action="append",
        default=[],
        metavar="PATH",
        help="Python to compile and measure with; may be repeated [this one, python3.N on PATH]",
    )
    add("--no-compile", action="store_true", help="leave compiling to each cold start")
    add("--measure", action="store_true", help="measure the import of the handlers")
    add("--most-mb", type=float, default=25.0, metavar="MB", help="largest zip allowed [25]")
    add(
        "--most-seconds",
        type=float,
        default=1.5,
        metavar="S",
        help="longest import allowed, when measured [1.5]",
    )
    add("--json", action="store_true", help="print the manifests as JSON")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Run the command; give its exit code."""
    given = _arguments(words)
    try:
        targets = [
            Target(architecture, python)
            for python in dict.fromkeys(given.python or ["3.13"])
            for architecture in dict.fromkeys(given.arch or ARCHITECTURES)
        ]
        order = Order(
            PROJECT,
            PROJECT / "constraints.txt",
            given.output,
            tuple(given.interpreter),
            tuple(map(read_addition, given.add)),
            compiled=not given.no_compile,
            measured=given.measure,
        )
        manifests = build(order, targets)
    except BuildFailed as failure:
        _tell(f"build-lambda: {failure}")
        return _FAILED
    except OSError as failure:
        _tell(f"build-lambda: {failure}")
        return _FAILED
    except KeyboardInterrupt:
        _tell("build-lambda: interrupted")
        return 130
    text = json.dumps(manifests, indent=2) if given.json else "\n".join(map(_table, manifests))
    sys.stdout.write(f"{text}\n")
    excess = [line for one in manifests for line in _excess(one, given.most_mb, given.most_seconds)]
    for line in excess:
        _tell(f"build-lambda: {line}")
    return _OVER if excess else _DONE
