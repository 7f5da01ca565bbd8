"""`python -m benchmarks`: measures every part, prints tables, and compares with the last record.

Absolute figures say more about the machine than about rxindex; the ratios are what to compare.
A part that takes an hour (the peers) is measured only where ``--only`` names it. Every result goes
to ``benchmarks/results/latest.json`` (``quick.json`` for ``--quick``), part by
part: each with its date, its machine and the seconds that it took. `python -m benchmarks.report`
makes docs/performance.md of it.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from benchmarks.kept import RESULTS, console, keep, now, show
from benchmarks.machine import describe, summary
from benchmarks.parts import PARTS, Part, Skipped
from benchmarks.ratios import Ratio, compare, load, save


def run(part: Part, quick: bool) -> dict[str, Any]:
    """Measure one part; gives what is kept of it, or why there is nothing."""
    kept: dict[str, Any] = {"date": now(), "machine": describe()}
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="rxindex-bench-") as folder:
        try:
            kept["result"] = part.measure(Path(folder), quick)
        except Skipped as reason:
            kept["skipped"] = str(reason)
        except Exception as error:  # the other parts, hours of them perhaps, are worth keeping
            console.print_exception()
            kept["failed"] = f"{type(error).__name__}: {error}"
    return kept | {"took": round(time.perf_counter() - begun, 1)}


def ratios(part: Part, kept: dict[str, Any], quick: bool) -> dict[str, Ratio]:
    """Give a part's ratios under names that tell sizes apart."""
    built = kept.get("result", {}).get("ratios", {})
    before = "quick/" if quick else ""
    return {
        f"{before}{part.name}/{name}": msgspec.convert(one, Ratio) for name, one in built.items()
    }


def warn(found: dict[str, Ratio]) -> None:
    """Warn of each ratio that is worse than recorded; a warning fails nothing."""
    for one in compare(load(), found):
        console.print(
            f"[yellow]worse:[/] {one.name}: {one.now:.2f}, and {one.before.value:.2f} on "
            f"{one.before.date[:10]} ({one.before.machine}): {one.by:.0%} worse",
            highlight=False,
        )


def main(
    only: Annotated[
        list[str] | None, typer.Option(help="A part to measure; may be repeated.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Small sizes: to see whether it works.")
    ] = False,
    record: Annotated[
        bool, typer.Option("--record", help="Record the ratios, to compare later runs with.")
    ] = False,
) -> None:
    """Measure on this machine."""
    known = {part.name: part for part in PARTS}
    unknown = sorted(set(only or ()) - set(known))
    if unknown:
        raise typer.BadParameter(f"no part {', '.join(unknown)}: there are {', '.join(known)}")
    path = RESULTS / ("quick.json" if quick else "latest.json")
    found: dict[str, Ratio] = {}
    failed = False
    for part in PARTS:
        if part.apart if not only else part.name not in only:
            continue
        console.rule(part.name)
        kept = run(part, quick)
        keep(path, part.name, kept)
        if "result" not in kept:
            failed |= "failed" in kept
            console.print("[yellow]not measured:[/]", kept.get("skipped") or kept["failed"])
            continue
        show(part.markdown(kept["result"]))
        console.print(f"[dim]{kept['took']:.0f} s[/]")
        found |= ratios(part, kept, quick)
    warn(found)
    if record:
        save(found, now(), summary(describe()))
    console.print(f"written to {path}")
    if failed:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
