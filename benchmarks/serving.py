"""`python -m benchmarks.serving`: how fast a service of 100,000 drugs answers.

Fifty connections of another process ask one process of `rxindex serve`; beside it, in the same
run, the very commands that the service sent to Redis for these searches are sent there again over
fifty connections, without anything else. Service, Redis and client share this machine's cores.

`searches` are all different, so that none is answered from what the service keeps. `a day's mix`
has three suggestions before each search, and searches that repeat as the commonest names do.

The catalogue is the FDA's directory with invented drugs behind it. It is built once and kept in
`--folder`; that takes some minutes with the real model, and two without (`--embedder fake`, whose
vectors cost nothing and mean nothing).
"""

from __future__ import annotations

import base64
import datetime
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import httpx
import msgspec
import typer
from rich.console import Console
from rich.table import Table
from tests.services.redis import free_port

from benchmarks.questions import searches
from benchmarks.redis_tap import RedisTap
from rxindex import __version__
from rxindex.config import load_settings
from rxindex.index.capability import probe
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import Client
from rxindex.index.embedded import EmbeddedRedis
from rxindex.search.request import SearchRequest
from rxindex.source import open_source
from rxindex.source.sample import write_demo_data
from rxindex.sync.options import SyncOptions
from rxindex.sync.run import sync
from rxindex.vocabulary import Vocabulary, load_vocabulary

RESULTS = Path(__file__).parent / "results"
CONNECTIONS = 50
#: Searches whose commands are recorded.
RECORDED = 600
#: Far more than can be asked in the time.
ASKED = 60_000
console = Console()


def build(client: Client, folder: Path, packages: int, embedder: str, words: Vocabulary) -> int:
    """Build the catalogue if it is not there; gives the number of its drugs."""
    catalogue = Catalogue(client, embedder)
    live = catalogue.live()
    if live is None:
        url = f"sqlite:///{folder / 'fdb.db'}"
        if not (folder / "fdb.db").exists():
            console.print(f"[dim]writing {packages:,} packages[/]")
            write_demo_data(url, packages, seed=1)
        console.print(f"[dim]indexing them with {embedder}; this is kept[/]")
        with closing(load_settings(embedder=embedder).make_embedder()) as model:
            sync(open_source(url), model, catalogue, probe(client), words, SyncOptions())
        live = catalogue.require_live().name
    return catalogue.counts(live).documents


class Service:
    """A service that runs.

    Attributes:
        address: ``host:port``.
    """

    def __init__(self, address: str, pid: int, client: Client) -> None:
        self.address = address
        self._pid = pid
        self._client = client

    def load(self, questions: Sequence[str], **how: Any) -> dict[str, Any]:
        """Ask it, and add the processor time that an answer took: its own, and Redis'."""
        before = self._used()
        found = load(self.address, "http", questions, **how)
        own, redis = (after - begun for after, begun in zip(self._used(), before, strict=True))
        count = found["answers"]
        return found | {"own_ms": own * 1000 / count, "redis_ms": redis * 1000 / count}

    def _used(self) -> tuple[float, float]:
        """Seconds of processor time, so far."""
        fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        info = self._client.info("cpu")
        return own, info["used_cpu_user"] + info["used_cpu_sys"]


@contextmanager
def served(redis: str, embedder: str, client: Client) -> Iterator[Service]:
    """Run ``rxindex serve`` over a Redis."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", "from rxindex.cli import main; main()", "serve", "--redis", redis,
         "--catalogue", embedder, "--embedder", embedder, "--port", str(port)],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 120
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
    return request("/search", **msgspec.to_builtins(one))


def typing(one: SearchRequest) -> list[str]:
    """What the page asks while a search is typed."""
    return [request("/suggest", q=one.q[:end]) for end in (2, 4, 6)]


def record(
    redis: EmbeddedRedis, folder: Path, embedder: str, asked: Sequence[SearchRequest]
) -> list[list[tuple[str, int]]]:
    """Give what the service sends to Redis for each search, as the client takes it."""
    found = []
    with (
        RedisTap(redis.socket, folder / "tap.sock") as tap,
        served(tap.url, embedder, redis.start()) as service,
        httpx.Client(base_url=f"http://{service.address}") as client,
    ):
        for one in asked:
            tap.take()
            client.get("/search", params=msgspec.to_builtins(one)).raise_for_status()
            found.append([(base64.b64encode(sent).decode(), count) for sent, count in tap.take()])
    return found


def measure(
    server: EmbeddedRedis, folder: Path, embedder: str, seconds: float, rate: float
) -> dict[str, Any]:
    """Ask in every way."""
    catalogue = Catalogue(server.start(), embedder)
    words = load_vocabulary()
    made = list(searches(catalogue, words, ASKED, repeat=False))
    recorded = record(server, folder, embedder, made[:RECORDED])
    replayed = recorded * (ASKED // RECORDED)
    half = len(made) // 2
    found: dict[str, Any] = {}
    found["commands alone"] = load(str(server.socket), "redis", replayed, seconds=seconds)
    with served(server.url, embedder, server.start()) as service:
        plain = list(map(search_request, made))
        service.load(plain[:RECORDED], seconds=seconds)  # warms it up
        found["searches"] = service.load(plain[RECORDED:half], seconds=seconds)
        found[f"searches, {rate:g}/s"] = service.load(plain[half:], seconds=seconds, rate=rate)
        found["suggestions"] = service.load(
            [one for asked in made[:4000] for one in typing(asked)], seconds=seconds / 2
        )
        day = [
            one
            for asked in searches(catalogue, words, ASKED // 4, seed=2, repeat=True)
            for one in (*typing(asked), search_request(asked))
        ]
        found["a day's mix"] = service.load(day, seconds=seconds)
        found[f"a day's mix, {rate:g}/s"] = service.load(day, seconds=seconds, rate=rate)
        found["/health/live"] = service.load([request("/health/live")] * ASKED, seconds=seconds / 4)
        with httpx.Client(base_url=f"http://{service.address}") as client:
            found["index"] = client.get("/status").json()["generations"][0]
    return found


def show(found: dict[str, Any], drugs: int, embedder: str) -> None:
    """Print the table."""
    table = Table(
        title=f"rxindex {__version__}, {drugs:,} drugs, {embedder}, {CONNECTIONS} connections, "
        f"{os.cpu_count()} cores"
    )
    for heading in ("what", "answers/s", "p50 ms", "p95 ms", "p99 ms", "most ms", "CPU ms",
                    "Redis CPU ms", "answers"):  # fmt: skip
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for name, one in found.items():
        if "p50" in one:
            table.add_row(
                name, f"{one['per_second']:,.0f}",
                *(f"{one[quantile]:,.1f}" for quantile in ("p50", "p95", "p99", "most")),
                *(f"{one[part]:.2f}" if part in one else "" for part in ("own_ms", "redis_ms")),
                ", ".join(f"{count:,} x {kind}" for kind, count in one["kinds"].items()),
            )  # fmt: skip
    console.print(table)
    share = found["searches"]["per_second"] / found["commands alone"]["per_second"]
    console.print(f"searches / their commands alone: {share:.2f}")


def main(
    packages: Annotated[int, typer.Option(help="Size of the demo catalogue.")] = 515_000,
    embedder: Annotated[str, typer.Option(help="minilm or fake.")] = "minilm",
    folder: Annotated[Path, typer.Option(help="Where the catalogue is kept.")] = Path(
        "/tmp/rxindex-serving"
    ),
    seconds: Annotated[float, typer.Option(help="For each measurement.")] = 20.0,
    rate: Annotated[float, typer.Option(help="Searches a second that come evenly.")] = 200.0,
) -> None:
    """Measure on this machine."""
    folder.mkdir(exist_ok=True)
    with EmbeddedRedis(folder / "redis") as server:
        drugs = build(server.start(), folder, packages, embedder, load_vocabulary())
        found = measure(server, folder, embedder, seconds, rate)
    show(found, drugs, embedder)
    RESULTS.mkdir(exist_ok=True)
    now = datetime.datetime.now(datetime.UTC)
    machine = {"python": platform.python_version(), "machine": platform.machine(),
               "cores": os.cpu_count(), "rxindex": __version__, "drugs": drugs,
               "embedder": embedder, "connections": CONNECTIONS}  # fmt: skip
    path = RESULTS / f"serving-{now:%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps({"machine": machine, "date": now.isoformat(), **found}, indent=1))
    console.print(f"written to {path}")


if __name__ == "__main__":
    typer.run(main)
