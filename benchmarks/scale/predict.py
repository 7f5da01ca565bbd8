"""What the model says: of syncs that were measured, and of larger ones."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.scale.growth import Growth, extrapolate
from benchmarks.scale.model import Catalogue, Costs, Setting, simulate

__all__ = [
    "EMBEDDERS", "PACKAGES", "SHARD_BYTES", "WORKERS", "check_syncs", "check_workers", "nights",
    "predictions", "sizes",
]  # fmt: skip

PACKAGES = (500_000, 10_000_000, 1_000_000_000)
WORKERS = (1, 2, 10, 100)
#: Embedder and calls a minute.
EMBEDDERS: tuple[tuple[str, float], ...] = (
    ("fake", 0), ("titan", 2_000), ("titan", 6_000), ("titan", 100_000), ("minilm", 0),
)  # fmt: skip
#: What one shard is usually kept below, so that copies, failovers and restarts stay short.
SHARD_BYTES = 25e9
#: A reindex holds the generation before beside the new one.
_GENERATIONS = 2
_MANY = (1, 2, 4, 8, 16, 32, 64, 100)
#: Share of the drugs that change from one night to the next.
_NIGHTLY = 0.01


def shards(catalogue: Catalogue, costs: Costs) -> int:
    """Give how many shards hold two generations of a catalogue."""
    return math.ceil(_GENERATIONS * catalogue.memory(costs) / SHARD_BYTES)


def sizes(costs: Costs, growth: Growth) -> list[dict[str, Any]]:
    """Give what the catalogues of `PACKAGES` come to."""
    found = []
    for packages in PACKAGES:
        one = extrapolate(growth, packages)
        held = {"bytes": one.memory(costs), "shards": shards(one, costs)}
        found.append(msgspec.structs.asdict(one) | held)
    return found


def predictions(costs: Costs, growth: Growth) -> list[dict[str, Any]]:
    """Play first loads of all sizes, embedders and numbers of workers."""
    return [
        _row(costs, extrapolate(growth, packages), embedder, rate, workers, changed=1.0)
        for packages in PACKAGES
        for embedder, rate in EMBEDDERS
        for workers in WORKERS
    ]


def nights(costs: Costs, growth: Growth) -> list[dict[str, Any]]:
    """Play nights in which one drug in a hundred changed, with Titan's smallest quota."""
    embedder, rate = EMBEDDERS[1]
    return [
        _row(costs, extrapolate(growth, packages), embedder, rate, workers, changed=_NIGHTLY)
        for packages in PACKAGES
        for workers in WORKERS
    ]


def _row(
    costs: Costs, catalogue: Catalogue, embedder: Any, rate: float, workers: int, changed: float
) -> dict[str, Any]:
    setting = Setting(
        workers=workers, embedder=embedder, per_minute=rate, shards=shards(catalogue, costs),
        # One process runs an ordinary sync, which has seen everything when it is done.
        last_pass=workers > 1,
    )  # fmt: skip
    outcome = simulate(costs, catalogue, setting, changed)
    found = {
        "packages": catalogue.packages,
        "embedder": embedder,
        "per_minute": rate,
        "workers": workers,
        "bottleneck": outcome.bottleneck,
    }
    return found | msgspec.structs.asdict(outcome)


def check_syncs(costs: Costs, syncs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Hold syncs by one process against the model.

    Args:
        costs: taken from the middle one, whose row only shows what the model leaves out.
        syncs: see `benchmarks.scale.costs.case_sync`; of SQLite, which runs in the process.
    """
    here = msgspec.structs.replace(costs, database=0.0, digest_database=0.0)
    setting = Setting(
        cores=os.cpu_count() or 1, shared=True, vectors=False, last_pass=False
    )  # fmt: skip
    rows = []
    for place, one in enumerate(syncs):
        catalogue = Catalogue(one["packages"], one["drugs"], one["texts"])
        for name, changed in (("cold", 1.0), ("again", 0.0)):
            rows.append(
                {
                    "packages": catalogue.packages,
                    "run": name,
                    "calibrated": place == len(syncs) // 2,
                    "measured": one[name]["seconds"],
                    "predicted": simulate(here, catalogue, setting, changed).seconds,
                }
            )
    return rows


def check_workers(costs: Costs, path: Path) -> dict[str, Any] | None:
    """Hold syncs with a slow model, by one process and by several workers, against the model.

    Args:
        costs: of the parts of the work.
        path: what `python -m benchmarks.workers` wrote. Its endpoint and its Redis ran on the
            same cores as the workers.

    Returns:
        The measured runs with what the model says, and what it says of more workers, each on a
        machine of its own; None if nobody measured.
    """
    if not path.exists():
        return None
    found = json.loads(path.read_text())
    # SQLite is read in the worker itself, and has its share in ``read``.
    here = msgspec.structs.replace(costs, database=0.0, digest_database=0.0)
    scene = Setting(
        embedder="titan", latency=found["latency"], concurrency=found["concurrency"],
        cores=os.cpu_count() or 1, shared=True, vectors=False,
    )  # fmt: skip

    def play(run: dict[str, Any], **given: Any) -> float:
        catalogue = Catalogue(run["packages"], run["drugs"], run["calls"])
        return simulate(here, catalogue, msgspec.structs.replace(scene, **given)).seconds

    alone = found["alone"]
    points = [
        {"workers": 0, "measured": alone["seconds"], "predicted": play(alone, last_pass=False)},
        *(
            {
                "workers": one["workers"],
                "measured": one["seconds"],
                "predicted": play(one, workers=one["workers"]),
            }
            for one in found["points"]
        ),
    ]
    line = [
        {"workers": count, "seconds": play(alone, workers=count, shared=False)} for count in _MANY
    ]
    return {"points": points, "line": line, "packages": alone["packages"]}
