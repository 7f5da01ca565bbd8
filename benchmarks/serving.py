"""`python -m benchmarks.serving`: how fast searches are answered, by size of the catalogue.

Each size is asked in two ways. *Alone*: one question after another, in one process, beside the
commands of such questions sent to Redis with nothing around them (`rxindex bench search`). *As a
service*: fifty connections of another process ask one process of `rxindex serve`; beside it, in the
same run, the very commands that the service sent to Redis for these searches are sent there again
over fifty connections. Service, Redis and client share this machine's cores.

`searches` are all different, so that none is answered from what the service keeps. `a day's mix`
has three suggestions before each search, and searches that repeat as the commonest names do.

The catalogues are the FDA's directory with invented drugs behind it, and the fake embedder, whose
vectors cost nothing and mean nothing; what the local model takes for a query is measured apart.
With `--folder` the catalogues are kept for the next time.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import httpx
import msgspec
import typer
from tests.services.redis import free_port

from benchmarks.case import CATALOGUE, case
from benchmarks.kept import console, show, write
from benchmarks.ratios import ratio
from benchmarks.redis_tap import RedisTap
from benchmarks.tables import megabytes, ratio_table, table
from rxindex.bench.questions import searches
from rxindex.bench.searching import measure_search
from rxindex.bench.timing import latencies
from rxindex.config import load_settings
from rxindex.index.capability import processor_seconds
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import Client
from rxindex.index.embedded import EmbeddedRedis
from rxindex.search.request import SearchRequest
from rxindex.vocabulary import load_vocabulary

__all__ = ["NAME", "markdown", "measure"]

NAME = "search"

#: Drugs of the catalogues.
SIZES, QUICK_SIZES = (10_000, 100_000, 1_000_000), (1_000,)
CONNECTIONS = 50
#: Searches whose commands are recorded.
RECORDED = 600
#: Far more than can be asked in the time.
ASKED = 60_000
#: Searches a second that come evenly.
RATE = 100.0
#: Seconds that a service may take to learn the names of a million drugs.
_PATIENCE = 300


def build(folder: Path, drugs: int) -> dict[str, Any]:
    """Build the catalogue if it is not there; gives what that took, or nothing."""
    done = folder / "built.json"
    if not done.exists():
        console.print(f"[dim]loading {drugs:,} drugs[/]")
        built = case("drugs", drugs, folder)
        done.write_text(json.dumps(built))
    found: dict[str, Any] = json.loads(done.read_text())
    return found


class Service:
    """A service that runs.

    Args:
        address: ``host:port``.
        pid: of its process, or of the parent of its processes.
        client: to its Redis.
    """

    def __init__(self, address: str, pid: int, client: Client) -> None:
        self.address = address
        self._pid = pid
        self._client = client

    def peak_memory(self) -> int:
        """Give the most memory that its processes ever held, in bytes."""
        status = [
            line for pid in self._processes()
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        ]  # fmt: skip
        return 1024 * sum(int(one.split()[1]) for one in status if one.startswith("VmHWM"))

    def load(self, questions: Sequence[str], **how: Any) -> dict[str, Any]:
        """Ask it, and add the processor time that an answer took: its own, and Redis'."""
        before = self._used()
        found = load(self.address, "http", questions, **how)
        own, redis = (after - begun for after, begun in zip(self._used(), before, strict=True))
        count = found["answers"]
        return found | {"own_ms": own * 1000 / count, "redis_ms": redis * 1000 / count}

    def _used(self) -> tuple[float, float]:
        """Seconds of processor time, so far."""
        own = 0.0
        for pid in self._processes():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            own += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return own, processor_seconds(self._client)

    def _processes(self) -> list[str]:
        children = Path(f"/proc/{self._pid}/task/{self._pid}/children").read_text().split()
        return [str(self._pid), *children]


@contextmanager
def served(redis: str, client: Client, workers: int = 1) -> Iterator[Service]:
    """Run ``rxindex serve`` over a Redis, with so many processes."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", "from rxindex.cli import main; main()", "serve", "--redis", redis,
         "--catalogue", CATALOGUE, "--embedder", "fake", "--port", str(port),
         "--workers", str(workers)],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/health/ready").raise_for_status()
                break
            except httpx.HTTPError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        yield Service(f"127.0.0.1:{port}", process.pid, client)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def load(address: str, protocol: str, questions: Sequence[Any], **how: Any) -> dict[str, Any]:
    """Let a client of its own process ask; gives what it measured."""
    asked = {"address": address, "protocol": protocol, "questions": questions,
             "connections": CONNECTIONS, **how}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load_client"],
        input=json.dumps(asked), stdout=subprocess.PIPE, check=True, text=True,
        cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def request(path: str, **parameters: Any) -> str:
    """Write a whole HTTP request."""
    query = f"?{urlencode(parameters, doseq=True)}" if parameters else ""
    return f"GET {path}{query} HTTP/1.1\r\nHost: localhost\r\n\r\n"


def search_request(one: SearchRequest) -> str:
    """Write the request of a search."""
    return request("/search", **msgspec.to_builtins(one))


def typing(one: SearchRequest) -> list[str]:
    """What the page asks while a search is typed."""
    return [request("/suggest", q=one.q[:end]) for end in (2, 4, 6)]


def record(
    redis: EmbeddedRedis, folder: Path, asked: Sequence[SearchRequest]
) -> list[list[tuple[str, int]]]:
    """Give what the service sends to Redis for each search, as the client takes it."""
    found = []
    with (
        RedisTap(redis.socket, folder / "tap.sock") as tap,
        served(tap.url, redis.start()) as service,
        httpx.Client(base_url=f"http://{service.address}") as client,
    ):
        for one in asked:
            tap.take()
            client.get("/search", params=msgspec.to_builtins(one)).raise_for_status()
            found.append([(base64.b64encode(sent).decode(), count) for sent, count in tap.take()])
    return found


def measure_service(server: EmbeddedRedis, folder: Path, seconds: float) -> dict[str, Any]:
    """Ask a service in every way.

    Args:
        server: with the catalogue.
        folder: for a socket.
        seconds: of each measurement.
    """
    client = server.start()
    catalogue, words = Catalogue(client, CATALOGUE), load_vocabulary()
    made = list(searches(catalogue, words, ASKED, repeat=False))
    recorded = record(server, folder, made[:RECORDED])
    replayed = recorded * (ASKED // RECORDED)
    half = len(made) // 2
    day = [
        one
        for asked in searches(catalogue, words, ASKED // 4, seed=2, repeat=True)
        for one in (*typing(asked), search_request(asked))
    ]
    found: dict[str, Any] = {}
    found["commands alone"] = load(str(server.socket), "redis", replayed, seconds=seconds)
    with served(server.url, client) as service:
        plain = list(map(search_request, made))
        service.load(plain[:RECORDED], seconds=seconds)  # warms it up
        found["searches"] = service.load(plain[RECORDED:half], seconds=seconds)
        found[f"searches, {RATE:g}/s"] = service.load(plain[half:], seconds=seconds, rate=RATE)
        found["a day's mix"] = service.load(day, seconds=seconds)
        found["suggestions"] = service.load(
            [one for asked in made[:4000] for one in typing(asked)], seconds=seconds / 2
        )
        found["peak_memory"] = service.peak_memory()
    cores = os.cpu_count() or 1
    if cores > 1:
        with served(server.url, client, cores) as service:
            # Ready is the first of them; the others are by the time that this has been asked.
            service.load(plain[:RECORDED], seconds=max(20.0, seconds))
            found[f"searches, {cores} workers"] = service.load(
                plain[RECORDED:half], seconds=seconds
            )
            found[f"peak_memory, {cores} workers"] = service.peak_memory()
    return found


def measure_size(folder: Path, drugs: int, seconds: float) -> dict[str, Any]:
    """Measure one catalogue in both ways, building it where it is not there.

    Args:
        folder: of the catalogues.
        drugs: how many.
        seconds: of each measurement.
    """
    place = folder / f"drugs{drugs}"
    place.mkdir(parents=True, exist_ok=True)
    built = build(place, drugs)
    words = load_vocabulary()
    with EmbeddedRedis(place) as server, closing(_fake()) as model:
        catalogue = Catalogue(server.start(), CATALOGUE)
        made = list(searches(catalogue, words, round(2_500 * seconds) + 1_000, repeat=False))
        alone = measure_search(catalogue, model, words, made, seconds=seconds, tell=lambda *_: None)
        service = measure_service(server, place, seconds)
    return {"built": built, "alone": msgspec.to_builtins(alone), "service": service}


def _fake() -> Any:
    return load_settings(embedder="fake").make_embedder()


def embed_queries(count: int) -> dict[str, Any]:
    """Let the local model embed queries, one at a time."""
    texts = [f"{name} {number} mg" for number in range(count // 2) for name in ("statin", "pain")]
    with closing(load_settings(embedder="minilm").make_embedder()) as model:
        model.embed(texts[:1])
        took = []
        for text in texts:
            since = time.perf_counter()
            model.embed([text])
            took.append(time.perf_counter() - since)
    built: dict[str, Any] = msgspec.to_builtins(latencies(took, sum(took)))
    return built


def measure_sizes(folder: Path, sizes: Sequence[int], seconds: float) -> dict[str, Any]:
    """Measure each size, and the local model alone.

    Args:
        folder: of the catalogues.
        sizes: numbers of drugs.
        seconds: of each measurement.
    """
    measured = [measure_size(folder, drugs, seconds) for drugs in sizes]
    ratios: dict[str, Any] = {}
    for drugs, one in zip(sizes, measured, strict=True):
        ratios[f"alone, {drugs}"] = ratio(
            f"searches / their commands alone, one after another, {drugs:,} drugs",
            one["alone"]["raw_share"], "higher",
        )  # fmt: skip
        service = one["service"]
        for name in ("searches", "a day's mix"):
            ratios[f"service, {name}, {drugs}"] = ratio(
                f"{name} / the commands alone, {CONNECTIONS} connections, {drugs:,} drugs",
                service[name]["per_second"] / service["commands alone"]["per_second"], "higher",
            )  # fmt: skip
    return {"sizes": measured, "model": embed_queries(100), "ratios": ratios}


def measure(folder: Path, quick: bool) -> dict[str, Any]:
    """Measure 10,000, 100,000 and 1,000,000 drugs; or 1,000, for a second each."""
    return measure_sizes(folder, QUICK_SIZES if quick else SIZES, 1.0 if quick else 8.0)


def markdown(result: dict[str, Any]) -> str:
    """Write the section: latencies by size, one question after another and as a service."""
    alone, service = [], []
    for one in result["sizes"]:
        drugs = one["alone"]["drugs"]
        for words, name in (("searches", "searches"), ("their commands alone", "raw")):
            alone.append((words, drugs, one["alone"]["algorithm"], *_cells(one["alone"][name])))
        for name, found in one["service"].items():
            if not name.startswith("peak_memory"):
                cpu = [f"{found[part]:.2f}" if part in found else ""
                       for part in ("own_ms", "redis_ms")]  # fmt: skip
                service.append((name, drugs, *_cells(found), *cpu))
    model = result["model"]
    memory = ", ".join(
        f"{megabytes(one['service']['peak_memory'])} MB at {one['alone']['drugs']:,} drugs"
        for one in result["sizes"]
    )
    timed = ("a second", "p50 ms", "p95 ms", "p99 ms", "most ms")
    return "\n".join((
        "One question after another, in one process, none of them asked before:\n",
        table(("what", "drugs", "index", *timed), alone),
        f"One process of `rxindex serve`, {CONNECTIONS} connections of another process; all of it "
        "and Redis share the cores. Where nothing else is said, each connection waits for nothing "
        "but its next answer:\n",
        table(("what", "drugs", *timed, "CPU ms of the service", "CPU ms of Redis"), service),
        ratio_table(result["ratios"]),
        f"The vectors are the fake embedder's, which cost nothing. The local model takes "
        f"{model['p50']:.1f} ms for a query at the median and {model['p95']:.1f} ms at the 95th "
        f"percentile; searches by name, class or use do without. The service held {memory}.\n",
    ))  # fmt: skip


def _cells(found: dict[str, Any]) -> tuple[str, ...]:
    return (
        f"{found['per_second']:,.0f}",
        *(f"{found[quantile]:,.1f}" for quantile in ("p50", "p95", "p99", "most")),
    )


def main(
    drugs: Annotated[
        list[int] | None, typer.Option(help="Size of a catalogue; may be repeated.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="For each measurement.")] = 8.0,
    folder: Annotated[
        Path | None, typer.Option(help="Where catalogues are kept for the next time.")
    ] = None,
) -> None:
    """Measure on this machine."""
    with tempfile.TemporaryDirectory(prefix="rxindex-bench-") as scratch:
        found = measure_sizes(folder or Path(scratch), drugs or list(SIZES), seconds)
    show(markdown(found))
    write("search", found)


if __name__ == "__main__":
    typer.run(main)
