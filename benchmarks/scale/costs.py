"""Measuring what the parts of a sync take: CPU time, which a busy machine changes little.

`python -m benchmarks.scale.costs CASE ...` measures one part in a process of its own.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import numpy as np
from tests.aws.bedrock_endpoint import CREDENTIALS, BedrockEndpoint, Behaviour
from tests.services.mariadb import MariaDB
from tests.services.redis import RedisServer

from benchmarks.case import case
from benchmarks.scale.growth import Growth, rarefy
from benchmarks.scale.model import Catalogue, Costs
from rxindex.config import load_settings
from rxindex.embed.fake import FakeEmbedder
from rxindex.embed.titan import TitanEmbedder
from rxindex.index.capability import probe
from rxindex.index.catalogue import Catalogue as IndexedCatalogue
from rxindex.index.connect import Client, command
from rxindex.index.embedded import EmbeddedRedis
from rxindex.index.store import DrugStore
from rxindex.model import Drug
from rxindex.source import open_source
from rxindex.source.base import Partition
from rxindex.source.sample import write_demo_data
from rxindex.sync.assemble import assemble, embedding_text
from rxindex.sync.options import SyncOptions
from rxindex.sync.run import sync
from rxindex.vocabulary import load_vocabulary

__all__ = ["costs_of", "measure_costs", "measure_growth", "run_case"]

#: Elements of the vectors whose cost is measured by itself; those of syncs have next to none.
DIMENSIONS, _FEW = 1024, 16
_TODAY = "2019-05-01"
#: Syncs without a change, of which the quickest counts.
_TIMES = 3


def run_case(*words: str) -> Any:
    """Measure one part in a process of its own."""
    return case(*words, module="benchmarks.scale.costs")


def redis_cpu(client: Client) -> float:
    """Give the seconds of a core that the server has used for commands."""
    used = client.info("cpu")
    return float(used["used_cpu_user_main_thread"] + used["used_cpu_sys_main_thread"])


def case_sync(url: str, folder: str) -> dict[str, Any]:
    """Sync: a first load, then several times without a change, with and without the ledger."""
    words = load_vocabulary()
    found: dict[str, Any] = {}
    with EmbeddedRedis(Path(folder)) as server:
        client = server.start()
        catalogue = IndexedCatalogue(client, "scale")
        memory = client.info("memory")["used_memory"]
        for name in ("cold", *["again"] * _TIMES, *["full"] * _TIMES):
            begun, cpu, remote = time.perf_counter(), time.process_time(), redis_cpu(client)
            report = sync(
                open_source(url, keep_otc=words.treats), FakeEmbedder(_FEW), catalogue,
                probe(client), words,
                # As a worker, which reads by itself.
                SyncOptions(today=_TODAY, full=name == "full", reader_from=None),
            )  # fmt: skip
            took = {
                "seconds": time.perf_counter() - begun,
                "cpu": time.process_time() - cpu,
                "redis_cpu": redis_cpu(client) - remote,
            }
            # The least of each: whatever else the machine does only adds to it.
            before = found.get(name, took)
            found[name] = {part: min(took[part], before[part]) for part in took}
            if name == "cold":
                found |= {
                    "packages": report.packages,
                    "drugs": report.total_processed,
                    "texts": report.embedding_calls,
                    "redis_bytes": client.info("memory")["used_memory"] - memory,
                }
        found["package_bytes"] = _package_bytes(
            client, DrugStore(catalogue, catalogue.require_live())
        )
    return found


def _package_bytes(client: Client, store: DrugStore) -> float:
    """Give by how much a document grows with each package, over a sample of drugs."""
    sizes, counts = [], []
    for ids in store.ids():
        for one in store.get(ids):
            if one is not None:
                counts.append(len(one.packages))
                sizes.append(int(client.memory_usage(store.key(one.id)) or 0))
        if len(sizes) > 3000:
            break
    slope, _ = np.polyfit(counts, sizes, 1)
    return float(slope)


def case_database(packages: str) -> dict[str, Any]:
    """Read everything from MariaDB, then digest it, and see what that took the server."""
    words = load_vocabulary()
    with MariaDB() as database:
        url = database.create_database("fdb")
        write_demo_data(url, int(packages), seed=1)
        pid = int((database.folder / "db.pid").read_text())
        begun = _cpu_of(pid)
        with open_source(url, keep_otc=words.treats) as source:
            count = sum(1 for part in source.partitions(1) for _ in source.rows(part))
            read = _cpu_of(pid)
            groups = sum(len(one.digests) for one in source.chunks(Partition("all")))
        return {
            "cpu": read - begun, "digest_cpu": _cpu_of(pid) - read,
            "packages": count, "groups": groups,
        }  # fmt: skip


def _cpu_of(pid: int) -> float:
    """Give the seconds of a core that another process has used (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def case_vectors(folder: str, count: str) -> dict[str, Any]:
    """Put random vectors into an HNSW index with the server's own settings."""
    wanted = int(count)
    numbers = np.random.default_rng(1)
    with RedisServer(Path(folder)) as server, server.client() as client:
        words = f"VECTOR HNSW 6 TYPE FLOAT16 DIM {DIMENSIONS} DISTANCE_METRIC COSINE".split()
        command(client, "FT.CREATE", "v", "PREFIX", 1, "v:", "SCHEMA", "vector", *words)
        memory, halfway, used = client.info("memory")["used_memory"], 0.0, 0.0
        for start in range(0, wanted, 500):
            if start == wanted // 2 // 500 * 500:
                halfway, used = start, redis_cpu(client)
            pipe = client.pipeline(transaction=False)
            vectors = numbers.standard_normal((500, DIMENSIONS)).astype(np.float16)
            for number, vector in enumerate(vectors, start):
                pipe.hset(f"v:{number}", "vector", vector.tobytes())
            pipe.execute()
        return {
            "cpu": (redis_cpu(client) - used) / (wanted - halfway),
            "bytes": (client.info("memory")["used_memory"] - memory) / wanted,
            "vectors": wanted,
        }


def case_minilm(count: str) -> dict[str, Any]:
    """Embed texts of the FDA's directory with the local model."""
    words = load_vocabulary()
    texts: dict[str, None] = {}
    with open_source("sample", keep_otc=words.treats) as source:
        for part in source.partitions(1):
            for one in assemble(source.rows(part), words, _TODAY):
                if isinstance(one, Drug):
                    texts[embedding_text(one)] = None
                if len(texts) == int(count):
                    break
    with closing(load_settings(embedder="minilm").make_embedder()) as model:
        model.embed(list(texts)[:8])
        begun = time.process_time()
        model.embed(list(texts))
        return {"cpu": (time.process_time() - begun) / len(texts), "texts": len(texts)}


def case_titan(count: str) -> dict[str, Any]:
    """Call a local endpoint that answers at once, in another process."""
    ours, theirs = multiprocessing.Pipe()
    endpoint = multiprocessing.get_context("fork").Process(target=_serve, args=(theirs,))
    endpoint.start()
    try:
        session = boto3.Session(
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name="us-east-1",
        )
        texts = [f"drug {number}" for number in range(int(count))]
        model = TitanEmbedder(dimensions=DIMENSIONS, endpoint_url=ours.recv(), session=session)
        with closing(model):
            model.embed(texts[:50])
            begun = time.process_time()
            model.embed(texts)
            return {"cpu": (time.process_time() - begun) / len(texts), "calls": len(texts)}
    finally:
        ours.send(None)
        endpoint.join()


def _serve(pipe: Any) -> None:
    with BedrockEndpoint(Behaviour()) as endpoint:
        pipe.send(endpoint.url)
        pipe.recv()


def case_growth(source: str) -> dict[str, Any]:
    """Count packages, drugs and texts of a source, and how they grow."""
    words = load_vocabulary()
    pairs: list[tuple[int, int]] = []
    texts: dict[int, int] = {}
    drugs = 0
    with open_source(source, keep_otc=words.treats) as rows:
        for part in rows.partitions(1):
            for one in assemble(rows.rows(part), words, _TODAY):
                if isinstance(one, Drug):
                    text = texts.setdefault(hash(embedding_text(one)), len(texts))
                    pairs += [(drugs, text)] * len(one.packages)
                    drugs += 1
    exponents = rarefy(pairs)
    return {"packages": len(pairs), "drugs": drugs, "texts": len(texts), "exponents": exponents}


def measure_costs(folder: Path, quick: bool) -> tuple[Costs, dict[str, Any]]:
    """Measure all costs; gives them, and what they were made from.

    The sync whose costs are taken is the middle one of three; the others check the model.
    """
    sizes = (2_000, 5_000, 10_000) if quick else (20_000, 50_000, 150_000)
    syncs = []
    for size in sizes:
        url = f"sqlite:///{folder / f'fdb{size}.db'}"
        write_demo_data(url, size, seed=1)
        syncs.append(run_case("sync", url, str(folder / f"index{size}")))
    middle = syncs[1]
    thin = _thin_out(folder / f"fdb{sizes[1]}.db", folder / "thin.db")
    thinned = run_case("sync", f"sqlite:///{thin}", str(folder / "indexthin"))
    parts = {
        "database": run_case("database", str(sizes[1])),
        "vectors": run_case(
            "vectors", str(_made(folder / "vectors")), "2000" if quick else "20000"
        ),
        "minilm": run_case("minilm", "100" if quick else "1000"),
        "titan": run_case("titan", "200" if quick else "2000"),
    }
    return costs_of(middle, thinned, parts), {"syncs": syncs, "thin": thinned, **parts}


def costs_of(middle: dict[str, Any], thin: dict[str, Any], parts: dict[str, Any]) -> Costs:
    """Make costs of what was measured.

    Args:
        middle: a sync (see `case_sync`).
        thin: the same drugs with one package each, which tells drugs' costs from packages'.
        parts: what the other cases gave, by name.
    """
    cold, again, full = middle["cold"], middle["again"], middle["full"]
    drugs, packages = middle["drugs"], middle["packages"]
    shares = [[packages, drugs], [thin["packages"], thin["drugs"]]]
    digest, known = _solved(shares, [again["cpu"], thin["again"]["cpu"]])
    read, compare = _solved(shares, [full["cpu"], thin["full"]["cpu"]])
    database = parts["database"]
    return Costs(
        digest_database=database["digest_cpu"] / database["packages"],
        digest=digest,
        known=known,
        database=database["cpu"] / database["packages"],
        read=max(0.0, read - digest),
        compare=compare,
        write=(cold["cpu"] - full["cpu"]) / drugs,
        call=parts["titan"]["cpu"],
        minilm=parts["minilm"]["cpu"],
        redis_known=again["redis_cpu"] / drugs,
        redis_compare=full["redis_cpu"] / drugs,
        redis_write=(cold["redis_cpu"] - full["redis_cpu"]) / drugs,
        redis_vector=parts["vectors"]["cpu"],
        vectors=parts["vectors"]["vectors"],
        drug_bytes=middle["redis_bytes"] / drugs - middle["package_bytes"] * packages / drugs,
        package_bytes=middle["package_bytes"],
        vector_bytes=parts["vectors"]["bytes"],
    )


def _solved(shares: list[list[float]], seconds: list[float]) -> tuple[float, float]:
    """Tell what a package costs and what a drug does, from two catalogues of other proportions."""
    package, drug = np.linalg.solve(shares, seconds)
    return max(0.0, float(package)), max(0.0, float(drug))


def _thin_out(database: Path, thin: Path) -> Path:
    """Copy a catalogue without all but one package of each drug."""
    shutil.copyfile(database, thin)
    with closing(sqlite3.connect(thin)) as connection, connection:
        connection.execute(
            "DELETE FROM rndc14 WHERE NDC NOT IN "
            "(SELECT MIN(NDC) FROM rndc14 GROUP BY GCN_SEQNO, LN60, BN, INNOV)"
        )
    return thin


def measure_growth(folder: Path, quick: bool) -> tuple[Growth, dict[str, Any]]:
    """Measure the catalogue to go on from, and how the FDA's directory grows."""
    size = 10_000 if quick else 500_000
    url = f"sqlite:///{folder / f'growth{size}.db'}"
    write_demo_data(url, size, seed=1)
    demo = run_case("growth", url)
    directory = demo if quick else run_case("growth", "sample")
    start = Catalogue(demo["packages"], demo["drugs"], demo["texts"])
    return Growth(start, *directory["exponents"]), {"demo": demo, "directory": directory}


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


_CASES: dict[str, Callable[..., dict[str, Any]]] = {
    "sync": case_sync,
    "database": case_database,
    "vectors": case_vectors,
    "minilm": case_minilm,
    "titan": case_titan,
    "growth": case_growth,
}

if __name__ == "__main__":
    print(json.dumps(_CASES[sys.argv[1]](*sys.argv[2:])))
