"""`python -m benchmarks.report`: writes docs/performance.md and its plots from what was measured.

Everything in the page comes from the results, but for the prose in ``benchmarks/notes``: one file
to begin with, one to end with, and one behind each part that has something to say that no table
says.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.kept import RESULTS
from benchmarks.machine import summary
from benchmarks.parts import PARTS, Part
from benchmarks.plots import draw

__all__ = ["page"]

DOCS = Path(__file__).parent.parent / "docs"
NOTES = Path(__file__).parent / "notes"


def page(found: dict[str, Any], plots: dict[str, list[Path]], folder: Path) -> str:
    """Write the page.

    Args:
        found: part to what was kept of it (see `benchmarks.__main__`).
        plots: part to its plots.
        folder: of the page.
    """
    sections = [_note("begin"), *_measured(found)]
    for part in PARTS:
        one = found.get(part.name)
        if one is None or "result" not in one:
            continue
        sections.append(_section(part, one["result"]))
        sections += [
            f"![{part.title}]({path.relative_to(folder)})\n" for path in plots.get(part.name, ())
        ]
        sections.append(_note(part.name))
    sections.append(_note("end"))
    return "\n".join(one for one in sections if one)


def _measured(found: dict[str, Any]) -> list[str]:
    """Say when, and on what machine; once where all parts were measured on one."""
    said: dict[str, list[str]] = {}
    for name, one in found.items():
        when = one["date"][:10]
        if one.get("machine"):
            when += f": {summary(one['machine'])}"
        said.setdefault(when, []).append(name)
    if len(said) == 1:
        paragraphs = [f"Measured on {next(iter(said))}.\n"]
    else:
        paragraphs = [
            "Measured:\n",
            _list(f"{', '.join(of)} on {when}" for when, of in said.items()),
        ]
    versions: dict[str, str] = {}
    for one in found.values():
        versions |= (one.get("machine") or {}).get("versions", {})
    paragraphs.append(f"With {', '.join(f'{name} {of}' for name, of in versions.items())}.\n")
    missing = [
        f"{name}: not measured, {one.get('skipped') or 'it failed'}."
        for name, one in found.items()
        if "result" not in one
    ]
    return [*paragraphs, _list(missing)]


def _list(items: Iterable[str]) -> str:
    """Write a list, with a blank line behind it; nothing for nothing."""
    return "".join(f"- {one}\n" for one in items)


def _section(part: Part, result: dict[str, Any]) -> str:
    text = part.markdown(result)
    # A part that writes its own title keeps it.
    return text if text.startswith("## ") else f"## {part.title}\n\n{text}"


def _apart() -> dict[str, Any]:
    """Give what the commands of parts that run apart have left."""
    found = {part.name: part.left() for part in PARTS if part.apart}
    return {name: {"date": left["date"], "result": left} for name, left in found.items() if left}


def _note(name: str) -> str:
    path = NOTES / f"{name}.md"
    return path.read_text() if path.exists() else ""


def main(
    results: Annotated[
        Path, typer.Option("--from", help="What `python -m benchmarks` wrote.")
    ] = RESULTS / "latest.json",
    to: Annotated[Path, typer.Option(help="The page; plots go beside it.")] = DOCS
    / "performance.md",
) -> None:
    """Write the page and its plots."""
    found: dict[str, Any] = json.loads(results.read_text())["parts"] | _apart()
    measured = {name: one["result"] for name, one in found.items() if "result" in one}
    plots = draw(measured, to.parent / "plots")
    to.write_text(page(found, plots, to.parent))
    typer.echo(f"written to {to}")


if __name__ == "__main__":
    typer.run(main)
