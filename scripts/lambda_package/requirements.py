"""What goes into the zip: rxindex's own requirements, less what Lambda has or nobody imports."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from scripts.lambda_package.errors import BuildFailed

__all__ = ["EXTRA", "LEFT_OUT", "closure", "read_pins", "read_requirements", "unpinned"]

#: The extra of pyproject.toml that the handlers need.
EXTRA = "lambda"
#: Never in the zip, and why.
LEFT_OUT = {
    **dict.fromkeys(
        # boto3 and all that it requires.
        ["boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"],
        "comes with Lambda's Python",
    ),
    **dict.fromkeys(["rich", "typer"], "only the command line imports it"),
    "uvicorn": "Lambda itself is the server",
}


def read_requirements(project: Path, extra: str = EXTRA) -> list[Requirement]:
    """Read what rxindex and one of its extras require, less what is left out.

    Args:
        project: folder of pyproject.toml.
        extra: name of the extra.

    Raises:
        BuildFailed: there is no such extra.
    """
    table = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    extras: dict[str, list[str]] = table.get("optional-dependencies", {})
    wanted: list[Requirement] = []

    def add(lines: Iterable[str]) -> None:
        for line in lines:
            requirement = Requirement(line)
            if canonicalize_name(requirement.name) == canonicalize_name(table["name"]):
                for name in sorted(requirement.extras):
                    add(_extra(extras, name))
            elif canonicalize_name(requirement.name) not in LEFT_OUT:
                wanted.append(requirement)

    add(table["dependencies"])
    add(_extra(extras, extra))
    return wanted


def _extra(extras: Mapping[str, list[str]], name: str) -> list[str]:
    if name not in extras:
        raise BuildFailed(
            f"pyproject.toml has no extra {name!r}: the zip's packages are named there"
        )
    return extras[name]


def read_pins(constraints: Path) -> dict[str, str]:
    """Read the pinned versions by canonical name."""
    pins: dict[str, str] = {}
    for line in constraints.read_text().splitlines():
        name, equals, version = line.partition("==")
        if equals and not line.startswith("#"):
            pins[canonicalize_name(name)] = version.strip()
    return pins


def closure(
    tree: Path, wanted: Iterable[Requirement], markers: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Follow the requirements of what was installed, as the target would.

    pip weighs environment markers (``python_version < "3.13"``) for the Python that it runs on,
    not for the one it installs for: what it installed may be more or less than is needed.

    Args:
        tree: folder that packages were installed into.
        wanted: what to begin with.
        markers: the target's environment.

    Returns:
        What is needed and there, name to version; and what is needed and missing.
    """
    there = {canonicalize_name(one.name): one for one in distributions(path=[str(tree)])}
    needed: dict[str, str] = {}
    missing: set[str] = set()
    seen: set[str] = set()
    waiting = list(wanted)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        environments = [{**markers, "extra": extra} for extra in ["", *sorted(requirement.extras)]]
        if str(requirement) in seen or name in LEFT_OUT:
            continue
        seen.add(str(requirement))
        if requirement.marker and not requirement.marker.evaluate(dict(environments[0])):
            continue
        if name not in there:
            missing.add(name)
            continue
        needed[name] = there[name].version
        for line in there[name].requires or []:
            inner = Requirement(line)
            if inner.marker is None or any(inner.marker.evaluate(one) for one in environments):
                inner.marker = None  # weighed; the extra it asked for is not known further down
                waiting.append(inner)
    return needed, sorted(missing)


def unpinned(found: Mapping[str, str], pins: Mapping[str, str]) -> list[str]:
    """Name the packages whose version is not the pinned one."""
    return sorted(
        f"{name} {version}" for name, version in found.items() if pins.get(name) != version
    )
