"""One peer measured: three runs, searches, and what its index holds at the end."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from benchmarks.peers.catalogue import held_packages
from benchmarks.peers.peer import Held
from benchmarks.peers.register import PEERS
from benchmarks.peers.relevance import Relevance
from benchmarks.peers.server import fresh_redis
from rxindex.index.connect import Client

__all__ = ["ROOT", "Nights", "compare", "console", "measure"]

ROOT = Path(__file__).parents[2]
console = Console()


class Nights(NamedTuple):
    """The catalogue's files, what it has, and the model with the vectors that it made."""

    first: Path
    second: Path
    packages: int
    relevance: Relevance
    model: str
    vectors: Path


class Phases:
    """Runs the phases of one peer, each in a process of its own.

    Args:
        name: of the peer.
        python: interpreter that has its packages.
        folder: the peer's own; holds the database and whatever the peer keeps.
        redis: address of its Redis.
        client: for that Redis.
        nights: of the catalogue, with the model.
    """

    def __init__(
        self, name: str, python: str, folder: Path, redis: str, client: Client, nights: Nights
    ) -> None:
        self.name = name
        self.client = client
        self.database = folder / "catalogue.db"
        self._command = [python, "-m", "benchmarks.peers.phase", name]
        self._place = [
            str(self.database), redis, str(folder), nights.model, str(nights.vectors)
        ]  # fmt: skip

    def run(self, phase: str, given: object = None) -> Any:
        """Run a phase; give what it printed.

        Raises:
            CalledProcessError: it failed; what it said is on standard error.
        """
        console.print(f"[dim]{self.name}: {phase}[/]")
        done = subprocess.run(
            [*self._command, phase, *self._place],
            check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT, input=json.dumps(given),
            # The peer's environment need not have rxindex installed: it uses its embedder only.
            env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        )  # fmt: skip
        return json.loads(done.stdout.splitlines()[-1])

    def load(self) -> dict[str, Any]:
        """Run a load, with the processor time of Redis."""
        used = redis_seconds(self.client)
        found: dict[str, Any] = self.run("load")
        return found | {"redis_cpu_seconds": redis_seconds(self.client) - used}


def measure(name: str, python: str, nights: Nights, folder: Path) -> dict[str, Any]:
    """Measure one peer: three runs, and searches after the second."""
    folder.mkdir()
    about = PEERS[name]
    with fresh_redis(folder / "redis", json=about.json) as (address, client):
        phases = Phases(name, python, folder, address, client, nights)
        phases.database.write_bytes(nights.first.read_bytes())
        before = client.info("memory")["used_memory"]
        cold = phases.load()
        memory = client.info("memory")["used_memory"] - before
        no_change = phases.load()
        answers = phases.run("search", nights.relevance.queries)
        phases.database.write_bytes(nights.second.read_bytes())
        changed = phases.load()
        wrong = compare(map(Held._make, phases.run("held")), held_packages(nights.second))
    queries = nights.relevance.queries
    return {
        "versions": answers["versions"],
        "cold": cold,
        "redis_bytes_per_package": memory / nights.packages,
        "no_change": no_change,
        "changed": changed | {"wrong": wrong},
        "search": latencies(answers["seconds"]) | {
            "repeated": statistics.mean(
                len(page) - len(nights.relevance.drugs_of(page)) for page in answers["pages"]
            ),
        },
        "relevance": nights.relevance.measure(dict(zip(queries, answers["deep"], strict=True))),
    }  # fmt: skip


def compare(held: Iterable[Held], right: Mapping[str, Held]) -> dict[str, int]:
    """Count the packages of an index that are not as the table has them.

    Args:
        held: what the index has.
        right: what the table has, by NDC.
    """
    found = list(held)
    times = Counter(one.ndc for one in found)
    return {
        "gone": sum(ndc not in right for ndc in times),
        "stale": sum(one.ndc in right and one != right[one.ndc] for one in found),
        "missing": sum(ndc not in times for ndc in right),
        "twice": sum(count > 1 for count in times.values()),
    }


def latencies(seconds: Sequence[float]) -> dict[str, float]:
    """Give the median and the 95th percentile, in milliseconds."""
    parts = statistics.quantiles(seconds, n=20, method="inclusive")
    return {"p50_ms": 1000 * parts[9], "p95_ms": 1000 * parts[18]}


def redis_seconds(client: Client) -> float:
    """Read how much processor time Redis has used, its background threads included."""
    used: dict[str, float] = client.info("cpu")
    return used["used_cpu_user"] + used["used_cpu_sys"]
