"""The lease and the fence behind it, against a real server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.services.indexed import everything
from tests.services.redis import RedisServer

from rxindex.errors import ConfigurationError, LeaseHeld, LeaseLost, TerminalError
from rxindex.index.capability import Capabilities, probe
from rxindex.index.catalogue import Catalogue
from rxindex.index.lease import Holder, hold, read_holder
from rxindex.index.schema import IndexSettings
from rxindex.sync.checkpoint import Checkpoint, Checkpoints
from rxindex.sync.promote import drop_older, roll_back

OTHER = Holder(99, "sync", "elsewhere", 1, time.time(), "another machine")


def hand_over(catalogue: Catalogue, to: Holder = OTHER) -> bytes:
    """Give the lease to another run, whoever has it; gives what it then holds."""
    token = msgspec.json.encode(to)
    catalogue.client.set(catalogue.key("lease"), token, px=60_000)
    return token


def gone_process() -> int:
    """Give the number of a process of this machine that is not there any more."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def this_machine(catalogue: Catalogue) -> str:
    """Give what a lease of this process says of the machine."""
    with hold(catalogue, "ask"):
        holder = read_holder(catalogue)
    assert holder is not None
    return holder.machine


# -- who holds it ------------------------------------------------------------------------------


def test_a_lease_says_who_holds_it_and_goes_with_its_holder(catalogue: Catalogue) -> None:
    with hold(catalogue, "sync"):
        holder = read_holder(catalogue)
        assert holder is not None
        assert (holder.command, holder.host) == ("sync", socket.gethostname())
        assert holder.pid == os.getpid()
        assert not holder.is_gone()
    assert read_holder(catalogue) is None
    with hold(catalogue, "sync"):
        later = read_holder(catalogue)
    assert later is not None
    assert later.number > holder.number


def number(held: Catalogue) -> int:
    assert held.fence is not None
    return held.fence.number


def test_leases_are_numbered_as_they_are_held_and_not_as_they_are_asked_for(
    catalogue: Catalogue,
) -> None:
    found: list[int] = []

    def wait() -> None:
        with hold(catalogue, "waits", wait=30) as held:
            found.append(number(held))

    attempts = catalogue.key("lease:number")
    with hold(catalogue, "sync") as held:
        first = number(held)
        waits = threading.Thread(target=wait)
        waits.start()
        while int(catalogue.client.get(attempts) or 0) < 2:
            assert waits.is_alive()
        for _ in range(3):
            with pytest.raises(LeaseHeld), hold(catalogue, "leaves"):
                pass
        # Another one is quicker than the one that waits.
        hand_over(catalogue)
        catalogue.client.incr(catalogue.key("lease:held"))
    catalogue.client.delete(catalogue.key("lease"))
    waits.join()
    with hold(catalogue, "sync") as held:
        assert [first, *found, number(held)] == [first, first + 2, first + 3]


def test_whoever_finds_it_taken_is_told_by_whom(catalogue: Catalogue) -> None:
    with hold(catalogue, "reindex"):
        told = rf"reindex, process {os.getpid()} on {socket.gethostname()}, since 20.*--wait"
        with pytest.raises(LeaseHeld, match=told), hold(catalogue, "sync"):
            pass
        # Catalogues don't wait for each other.
        with hold(Catalogue(catalogue.client, f"{catalogue.name}-too"), "sync"):
            pass
        assert read_holder(catalogue) is not None


def test_waiting_ends_at_its_time(catalogue: Catalogue) -> None:
    hand_over(catalogue)
    began = time.monotonic()
    with pytest.raises(LeaseHeld, match="elsewhere"), hold(catalogue, "sync", wait=0.6):
        pass
    assert 0.5 < time.monotonic() - began < 5


def test_waiting_ends_when_the_lease_does(catalogue: Catalogue) -> None:
    hand_over(catalogue)
    catalogue.client.pexpire(catalogue.key("lease"), 300)
    with hold(catalogue, "sync", wait=30):
        holder = read_holder(catalogue)
        assert holder is not None
        assert holder.pid == os.getpid()


def test_a_holder_whose_process_is_gone_is_not_waited_for(catalogue: Catalogue) -> None:
    dead = Holder(1, "sync", "here", gone_process(), 0.0, this_machine(catalogue))
    hand_over(catalogue, dead)
    assert dead.is_gone()
    with hold(catalogue, "sync") as held:
        held.write_all([("SET", held.key("previous"), "g1")], "trying")
    assert catalogue.client.get(catalogue.key("previous")) == b"g1"


def test_a_holder_that_ended_and_was_not_waited_for_by_its_parent_is_gone(
    catalogue: Catalogue,
) -> None:
    machine = this_machine(catalogue)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        holder = Holder(1, "sync", "here", process.pid, 0.0, machine)
        assert not holder.is_gone()
        assert process.stdin is not None
        process.stdin.close()
        # Until it has ended, and no longer: it stays there, as a zombie.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        os.kill(process.pid, 0)
        assert holder.is_gone()
        hand_over(catalogue, holder)
        with hold(catalogue, "sync"):
            pass


@pytest.mark.parametrize("machine", ["another machine", ""])
def test_a_process_of_another_machine_is_never_taken_for_gone(
    catalogue: Catalogue, machine: str
) -> None:
    other = Holder(1, "sync", "elsewhere", gone_process(), 0.0, machine)
    token = hand_over(catalogue, other)
    assert not other.is_gone()
    with pytest.raises(LeaseHeld, match="elsewhere"), hold(catalogue, "sync"):
        pass
    assert catalogue.client.get(catalogue.key("lease")) == token


def test_a_lease_that_is_not_one_of_ours_is_respected(catalogue: Catalogue) -> None:
    catalogue.client.set(catalogue.key("lease"), "somebody's lock", px=60_000)
    with pytest.raises(LeaseHeld, match="something else"), hold(catalogue, "sync"):
        pass
    assert catalogue.client.get(catalogue.key("lease")) == b"somebody's lock"


def test_a_lease_too_short_to_be_kept_is_refused(catalogue: Catalogue) -> None:
    with pytest.raises(ConfigurationError, match=r"0\.3"), hold(catalogue, "sync", seconds=0.2):
        pass
    assert read_holder(catalogue) is None


# -- keeping and losing it ---------------------------------------------------------------------


def test_a_heartbeat_keeps_it_for_many_times_its_length(catalogue: Catalogue) -> None:
    with hold(catalogue, "sync", seconds=0.5) as held:
        end = time.monotonic() + 3
        while time.monotonic() < end:
            assert int(catalogue.client.pttl(catalogue.key("lease"))) > 0
            with pytest.raises(LeaseHeld), hold(catalogue, "sync"):
                pass
        held.write_all([("SET", held.key("previous"), "g1")], "trying")
    assert read_holder(catalogue) is None


def test_the_end_of_a_run_leaves_the_lease_of_the_next_one(catalogue: Catalogue) -> None:
    with hold(catalogue, "sync"):
        token = hand_over(catalogue)
    assert catalogue.client.get(catalogue.key("lease")) == token


def test_a_lease_that_ended_is_lost_even_if_nobody_took_it(catalogue: Catalogue) -> None:
    with hold(catalogue, "sync") as held:
        catalogue.client.delete(catalogue.key("lease"))
        with pytest.raises(LeaseLost, match="trying was refused"):
            held.write_all([("SET", held.key("previous"), "g1")], "trying")
        with pytest.raises(LeaseLost):
            held.point_alias("g1")
    assert catalogue.client.get(catalogue.key("previous")) is None


#: A drug's id.
NAME = "a" * 16
Write = Callable[[Catalogue], object]
#: Everything that a run writes, but its record in the history.
WRITES: dict[str, Write] = {
    "documents": lambda held: held.write_all(
        [("HSET", held.key("g1", "drug", NAME), "a", "b")], ""
    ),
    "deletes": lambda held: held.write_all([("UNLINK", held.key("g1", "drug", NAME))], ""),
    "quarantine": lambda held: held.write_all([("HDEL", held.key("quarantine"), "a")], ""),
    "checkpoint": lambda held: checkpoint(held),
    "alias": lambda held: held.point_alias("g1"),
    "rollback": lambda held: roll_back(held, "g1"),
    "drop": lambda held: held.drop("g1"),
    "older": lambda held: drop_older(held),
}


def checkpoint(held: Catalogue) -> None:
    kept = Checkpoints(held, "g2", 5.0)
    kept.note(Checkpoint("here", (1,), 0.0, 0.0, 1, unbroken=True, deferred=0), [NAME])
    kept.save()


@pytest.mark.parametrize("what", WRITES)
def test_nothing_can_be_written_by_who_lost_it(
    catalogue: Catalogue, capabilities: Capabilities, what: str
) -> None:
    for _ in range(3):
        made = catalogue.create("fake/8", 8, IndexSettings(), capabilities, 0)
    catalogue.point_alias(made.name)
    document = catalogue.key("g1", "drug", NAME)
    catalogue.client.hset(document, "vector", b"12345678" * 2)
    catalogue.client.hset(catalogue.key("quarantine"), "a", "b")
    with hold(catalogue, "sync") as held:
        hand_over(catalogue)
        before = everything(catalogue)
        with pytest.raises(LeaseLost, match=r"lost its lease.*run again"):
            WRITES[what](held)
        assert everything(catalogue) == before
    assert [one.name for one in catalogue.generations()] == ["g1", "g2", "g3"]
    assert catalogue.live() == "g3"


def test_no_generation_is_begun_by_who_lost_it(
    catalogue: Catalogue, capabilities: Capabilities
) -> None:
    with hold(catalogue, "sync") as held:
        hand_over(catalogue)
        with pytest.raises(LeaseLost):
            held.create("fake/8", 8, IndexSettings(), capabilities, 0)
    assert catalogue.generations() == []
    assert catalogue.leftovers() == []


def test_a_refusal_of_a_write_is_told_as_without_a_fence(catalogue: Catalogue) -> None:
    catalogue.client.lpush(catalogue.key("list"), "a")
    with hold(catalogue, "sync") as held:
        replies = held.write(
            [("HSET", held.key("list"), "a", "b"), ("SET", held.key("previous"), "g1")], "trying"
        )
        assert str(replies[0]).startswith("WRONGTYPE")
        assert replies[1] in (b"OK", True)
        with pytest.raises(TerminalError, match="WRONGTYPE"):
            held.write_all([("HSET", held.key("list"), "a", "b")], "trying")


# -- a server that forgets ---------------------------------------------------------------------


def test_the_fence_stands_after_the_server_forgot_its_scripts(catalogue: Catalogue) -> None:
    with hold(catalogue, "sync", seconds=0.5) as held:
        for number in range(3):
            catalogue.client.script_flush()
            held.write_all([("SET", held.key("previous"), f"g{number}")], "trying")
        assert catalogue.client.get(catalogue.key("previous")) == b"g2"
        hand_over(catalogue)
        catalogue.client.script_flush()
        with pytest.raises(LeaseLost):
            held.write_all([("SET", held.key("previous"), "g9")], "trying")
    assert catalogue.client.get(catalogue.key("previous")) == b"g2"


def test_a_lease_outlives_a_server_that_keeps_its_data(tmp_path: Path) -> None:
    with RedisServer(tmp_path, "--appendonly", "yes", "--appendfsync", "always") as server:
        catalogue = Catalogue(server.client(), "fdb")
        with hold(catalogue, "sync") as held:
            server.kill()
            server.start()
            held.write_all([("SET", held.key("previous"), "g1")], "trying")
            holder = read_holder(catalogue)
            assert holder is not None
            assert holder.pid == os.getpid()
        assert read_holder(catalogue) is None


def test_a_lease_that_could_not_be_given_back_does_not_block_its_own_process(
    tmp_path: Path,
) -> None:
    with RedisServer(tmp_path, "--appendonly", "yes", "--appendfsync", "always") as server:
        client = server.client()
        catalogue = Catalogue(client, "fdb")
        with hold(catalogue, "sync", seconds=300):
            server.kill()
        server.start()
        token = client.get(catalogue.key("lease"))
        assert token
        # To another process it is still there.
        script = (
            "import sys\n"
            "from rxindex.errors import LeaseHeld\n"
            "from rxindex.index.catalogue import Catalogue\n"
            "from rxindex.index.connect import connect\n"
            "from rxindex.index.lease import hold\n"
            "try:\n"
            "    with hold(Catalogue(connect(sys.argv[1]), 'fdb'), 'sync'):\n"
            "        pass\n"
            "except LeaseHeld:\n"
            "    sys.exit(8)\n"
        )
        done = subprocess.run([sys.executable, "-c", script, server.url], check=False)
        assert done.returncode == 8
        assert client.get(catalogue.key("lease")) == token
        with hold(catalogue, "sync") as held:
            held.write_all([("SET", held.key("previous"), "g1")], "trying")
            # A lease of this process that was not left is held, as ever.
            with pytest.raises(LeaseHeld), hold(catalogue, "sync"):
                pass
        assert read_holder(catalogue) is None


def test_a_server_that_comes_back_empty_has_no_lease_to_write_with(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server:
        catalogue = Catalogue(server.client(), "fdb")
        able = probe(catalogue.client)
        with hold(catalogue, "sync") as held:
            server.kill()
            server.start()
            with pytest.raises(LeaseLost):
                held.create("fake/8", 8, IndexSettings(), able, 0)
        assert catalogue.generations() == []
