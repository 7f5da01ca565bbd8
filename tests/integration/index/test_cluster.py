"""A catalogue on a Redis Cluster of three nodes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from redis.crc import key_slot
from tests.integration.sync.bench import DIMENSIONS, Bench, refusing
from tests.services.cluster import SLOTS, Cluster, is_whole, wait_until
from tests.services.fdb import add_packages, package, remove_packages
from tests.services.indexed import assert_tidy, contents
from tests.services.redis import RedisServer, free_port
from tests.services.tls import TLSFront

from rxindex.embed.fake import FakeEmbedder
from rxindex.errors import IndexUnavailable, LeaseHeld, LeaseLost
from rxindex.index.capability import probe
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import Client, command, connect
from rxindex.index.lease import hold
from rxindex.index.slot import follows_slot
from rxindex.search.searcher import Searcher
from rxindex.sync.load import begin_load, end_load, load_partition
from rxindex.sync.options import SyncOptions
from rxindex.vocabulary import Vocabulary

ROWS = [
    package(2 * gcn + part, f"{name} {strength} MG TABLET", gcn)
    for gcn, (name, strength) in enumerate(
        itertools.product(("ATORVASTATIN", "LISINOPRIL", "METFORMIN", "WARFARIN"), (5, 10, 20)), 1
    )
    for part in (0, 1)
]
DRUGS = 12

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def bench(cluster: Cluster, tmp_path: Path, vocabulary: Vocabulary) -> Iterator[Bench]:
    made = opened(cluster, f"spread{next(_numbers)}")
    yield Bench(tmp_path, made, probe(made.client), vocabulary, ROWS)
    made.client.close()


def opened(cluster: Cluster, name: str) -> Catalogue:
    client = connect(cluster.url, catalogue=name)
    return Catalogue(client, name)


def keys_on_each(cluster: Cluster, pattern: str) -> list[int]:
    """Count the keys of a pattern on each node."""
    counts = []
    for server in cluster.servers:
        with server.client() as client:
            counts.append(len(set(client.scan_iter(match=pattern, count=5000))))
    return counts


# -- where it is -------------------------------------------------------------------------------


def test_a_catalogue_is_whole_on_one_node(bench: Bench, cluster: Cluster) -> None:
    report = bench.run()
    assert report.completed
    assert report.added == DRUGS
    *empty, full = sorted(keys_on_each(cluster, f"*{bench.catalogue.name}*"))
    assert empty == [0, 0]
    assert full > DRUGS
    assert bench.found("*") == DRUGS
    assert_tidy(bench.catalogue)


def test_catalogues_share_a_cluster(cluster: Cluster) -> None:
    names = [f"shared{number}" for number in range(20)]
    for name in names:
        made = opened(cluster, name)
        made.client.set(made.key("x"), b"1")
        made.client.close()
    assert all(keys_on_each(cluster, "rx:{shared*}:x"))


def test_without_a_coordinator_an_index_finds_what_its_own_node_has(cluster: Cluster) -> None:
    # Why a catalogue is kept in one slot.
    with cluster.node_of("strewn").client() as client:
        command(client, "FT.CREATE", "strewn", "PREFIX", 1, "strewn:", "SCHEMA", "name", "TEXT")
        for number in range(300):
            key = f"strewn:{number}"
            with cluster.node_of(key).client() as owner:
                owner.hset(key, "name", "aspirin")
        found = int(command(client, "FT.SEARCH", "strewn", "aspirin", "LIMIT", 0, 0)[0])
        command(client, "FT.DROPINDEX", "strewn")
    assert 0 < found < 300


def test_a_server_by_itself_keeps_keys_without_braces(catalogue: Catalogue) -> None:
    assert not follows_slot(catalogue.client)
    assert catalogue.alias == f"rx:{catalogue.name}"


def test_a_cluster_behind_tls_and_a_password(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    server = RedisServer(tmp_path, "--cluster-enabled", "yes", "--requirepass", "open sesame")
    with TLSFront(authority, server.port) as front:
        server.options += ("--cluster-port", str(free_port()), "--cluster-announce-ip",
                           "127.0.0.1", "--cluster-announce-port", str(front.port))  # fmt: skip
        with server:
            with server.client(password="open sesame") as client:
                command(client, "CLUSTER", "ADDSLOTSRANGE", 0, SLOTS - 1)
                wait_until(lambda: is_whole(client))
            client = connect(
                f"rediss://:open%20sesame@127.0.0.1:{front.port}",
                ca_certs=str(tmp_path / "ca.pem"),
                catalogue="locked",
            )
            assert Catalogue(client, "locked").alias == "rx:{locked}"
            client.close()


# -- what runs do there ------------------------------------------------------------------------


def test_runs_find_what_changed(bench: Bench) -> None:
    bench.run()
    assert bench.run().unchanged == DRUGS
    remove_packages(bench.url, ["00000000002", "00000000003"])
    report = bench.run(allow_deletes=True)
    assert (report.deleted, report.unchanged) == (1, DRUGS - 1)
    assert bench.found("*") == DRUGS - 1


def test_a_stopped_run_is_resumed(bench: Bench) -> None:
    bench.run(new_generation=True)
    bench.stopped(1, FakeEmbedder(2 * DIMENSIONS), batch_size=2, new_generation=True)
    report = bench.run(FakeEmbedder(2 * DIMENSIONS), batch_size=2, new_generation=True)
    assert report.completed
    assert len(contents(bench.catalogue)) == DRUGS
    assert_tidy(bench.catalogue)


def test_drugs_in_quarantine_are_retried(bench: Bench) -> None:
    bench.run()
    add_packages(bench.url, [package(99, "ZORBAL 5 MG TABLET", 99)])
    assert bench.run(refusing("zorbal")).in_quarantine == 1
    assert bench.found("*") == DRUGS
    bench.retry()
    assert bench.entries() == {}
    assert bench.found("*") == DRUGS + 1


def test_the_workers_of_a_load_share_its_lease(bench: Bench, vocabulary: Vocabulary) -> None:
    options = SyncOptions(batch_size=2, today="2019-05-01")
    load, parts = begin_load(
        bench.source(), bench.embedder, bench.catalogue, bench.capabilities, options, 4, 2
    )
    with pytest.raises(LeaseHeld):
        bench.run()
    for part in parts:
        report = load_partition(
            load, part, bench.source(), bench.embedder, bench.catalogue, vocabulary, options
        )
        assert report.completed
    end_load(load, bench.catalogue)
    assert bench.run(today="2019-05-01").unchanged == DRUGS


def test_a_run_that_lost_its_lease_writes_nothing(bench: Bench) -> None:
    with hold(bench.catalogue, "sync") as held:
        bench.client.set(held.key("lease"), b"another", px=60_000)
        with pytest.raises(LeaseLost):
            held.write_all([("SET", held.key("x"), b"1")], "writing")
        with pytest.raises(LeaseLost):
            held.create("m", 16, SyncOptions().index, bench.capabilities, 1)
    assert bench.client.get(bench.catalogue.key("x")) is None
    bench.client.delete(bench.catalogue.key("lease"))


def test_a_search_is_answered(bench: Bench, vocabulary: Vocabulary) -> None:
    bench.run()
    answer = Searcher(bench.catalogue, bench.embedder, vocabulary).search("lisinoprl 10 mg")
    assert answer.hits[0].name == "LISINOPRIL 10 MG TABLET"


# -- when nodes change -------------------------------------------------------------------------


def test_a_client_follows_a_slot_that_moves(cluster: Cluster) -> None:
    made = opened(cluster, "moved")
    made.client.set(made.key("x"), b"1")
    slot = key_slot(made.alias.encode())
    here = cluster.node_of(made.alias)
    there = next(server for server in cluster.servers if server is not here)
    with here.client() as old, there.client() as new:
        old.delete(made.key("x"))
        home = command(new, "CLUSTER", "MYID")
        for server in (there, here, *cluster.servers):
            with server.client() as client:
                command(client, "CLUSTER", "SETSLOT", slot, "NODE", home)
        made.client.set(made.key("x"), b"2")
        assert new.get(made.key("x")) == b"2"
    pipe = made.client.pipeline(transaction=False)
    pipe.get(made.key("x"))
    assert pipe.execute() == [b"2"]
    made.client.close()


def test_a_cluster_that_lacks_nodes_is_out_of_reach(tmp_path: Path) -> None:
    options = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    with RedisServer(tmp_path, *options) as server:
        with pytest.raises(IndexUnavailable):
            connect(server.url, catalogue="lost")
        with server.client() as client:
            command(client, "CLUSTER", "ADDSLOTSRANGE", 0, SLOTS - 1)
            wait_until(lambda: is_whole(client))
        made = Catalogue(connect(server.url, catalogue="lost", patience=1), "lost")
        server.kill()
        with pytest.raises(IndexUnavailable):
            made.live()
        made.client.close()


@pytest.mark.lasts(10)
def test_a_replica_takes_over_with_documents_and_index(
    tmp_path: Path, vocabulary: Vocabulary
) -> None:
    with Cluster(tmp_path / "nodes", replicas=1) as cluster:
        name = next(
            name
            for name in (f"kept{number}" for number in itertools.count())
            if cluster.node_of(f"{{{name}}}") is cluster.servers[0]
        )
        client = connect(cluster.url, catalogue=name, patience=60)
        bench = Bench(tmp_path, Catalogue(client, name), probe(client), vocabulary, ROWS)
        bench.run()
        wait_until(lambda: copied(client, cluster))
        cluster.servers[0].kill()
        assert bench.run().unchanged == DRUGS
        assert bench.found("*") == DRUGS
        client.close()


def copied(client: Client, cluster: Cluster) -> bool:
    """Tell whether the replica has all that the catalogue's node has."""
    with cluster.servers[-1].client() as replica:
        offset = replica.info("replication")["slave_repl_offset"]
    return bool(offset == client.info("replication")["master_repl_offset"])
