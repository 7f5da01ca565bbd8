"""`python -m benchmarks.scale`: measure, play, draw, and write the tables of docs/scale.md."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from benchmarks.kept import RESULTS, now, show, write
from benchmarks.machine import describe
from benchmarks.scale import costs, page, plot, predict
from benchmarks.scale.growth import Growth
from benchmarks.scale.model import Costs

ROOT = Path(__file__).parents[2]
NAME = "scale"


def measure(folder: Path, quick: bool) -> dict[str, Any]:
    """Measure what the parts take, and how catalogues grow."""
    taken, sources = costs.measure_costs(folder, quick)
    growth, grown = costs.measure_growth(folder, quick)
    return {
        "date": now(),
        "machine": describe(),
        "costs": msgspec.to_builtins(taken),
        "growth": msgspec.to_builtins(growth),
        "sources": sources | grown,
    }


def play(measured: dict[str, Any]) -> dict[str, Any]:
    """Play measured and larger syncs with what the parts take."""
    taken = msgspec.convert(measured["costs"], Costs)
    growth = msgspec.convert(measured["growth"], Growth)
    return {
        "syncs": predict.check_syncs(taken, measured["sources"]["syncs"]),
        "workers": predict.check_workers(taken, RESULTS / "workers.json"),
        "sizes": predict.sizes(taken, growth),
        "predictions": predict.predictions(taken, growth),
        "nights": predict.nights(taken, growth),
    }


def main(
    quick: Annotated[
        bool, typer.Option("--quick", help="Small sizes; docs/ stays as it is.")
    ] = False,
    measured: Annotated[
        bool, typer.Option("--measured", help="Measure nothing: play the last measurements anew.")
    ] = False,
) -> None:
    """Measure on this machine, and write what follows for larger catalogues."""
    if measured:
        found = json.loads((RESULTS / f"{NAME}.json").read_text())
    else:
        with tempfile.TemporaryDirectory(prefix="rxindex-scale-") as folder:
            found = measure(Path(folder), quick)
    result = found | play(found)
    show(page.tables(result))
    write(NAME, result)
    if not quick:
        plot.draw(result, ROOT / "docs" / "plots" / "scale.svg")
        document = ROOT / "docs" / "scale.md"
        document.write_text(page.replace_tables(document.read_text(), result))


if __name__ == "__main__":
    typer.run(main)
