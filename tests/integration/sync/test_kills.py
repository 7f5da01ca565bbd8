"""Runs that are killed at any moment, a hundred times, over 20,000 packages.

What is killed is a real process, with SIGKILL: a nightly run over changed rows, the building of
another generation, and a first load. After each, searches are answered, and the next run, over a
source that may have changed once more, leaves what a run that nobody disturbed leaves.
"""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.services.changes import change
from tests.services.indexed import Document, assert_tidy, contents
from tests.services.pharmacy import write_pharmacy
from tests.services.redis import RedisServer
from tests.services.runs import Order, Outcome, RunServer

from rxindex.embed.fake import FakeEmbedder
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import command
from rxindex.search.searcher import Searcher
from rxindex.vocabulary import Vocabulary

pytestmark = [
    pytest.mark.xdist_group("kills"),
    pytest.mark.lasts(120),
    pytest.mark.timeout(900),
]

#: As in the FDA's directory, about eight packages make a drug: 20,000 of them.
DRUGS, EACH = 2_500, 8
SEED = 20_260
STATES = 5
#: How many runs of each kind are killed; a hundred in all.
KILLS = {"sync": 80, "reindex": 10, "first": 10}


class Field:
    """A catalogue that changes, and processes that keep its index."""

    def __init__(self, folder: Path, server: RedisServer, runs: RunServer) -> None:
        self.folder = folder
        self.server = server
        self.runs = runs
        self.chance = random.Random(SEED)
        self.path = folder / "fdb.db"
        self.truth: list[dict[str, Document]] = []
        self.state = 0
        self.lasts: dict[str, float] = {}

    def catalogue(self, name: str = "fdb") -> Catalogue:
        return Catalogue(self.server.client(), name)

    def prepare(self) -> None:
        """Make the catalogue's states, and of each an index in one go, to be held against."""
        base = self.folder / "state-0.db"
        for number in range(STATES):
            path = self.folder / f"state-{number}.db"
            if number:
                shutil.copy(base, path)
                change(path, number)
            name = f"once{number}"
            order = Order(redis=self.server.url, source=f"sqlite:///{path}", catalogue=name)
            began = time.monotonic()
            assert self.runs.carry_out(order).done.completed
            self.lasts["first"] = time.monotonic() - began
            self.truth.append(contents(self.catalogue(name)))
            assert_tidy(self.catalogue(name))
            forget(self.catalogue(name))
        for left, right in zip(self.truth, self.truth[1:], strict=False):
            share = len(differing(left, right)) / len(left)
            assert 0.04 < share < 0.13, share
        self.turn(0)
        self.measure("first")
        self.turn(1)
        self.measure("sync")
        self.measure("reindex")

    def measure(self, kind: str) -> None:
        """See how long such a run lasts when nobody disturbs it."""
        began = time.monotonic()
        assert self.runs.carry_out(self.order(kind, "fdb")).done.completed
        self.lasts[kind] = time.monotonic() - began

    def turn(self, state: int) -> None:
        """Let the database be in another state."""
        self.state = state
        shutil.copy(self.folder / f"state-{state}.db", self.path)

    def turn_elsewhere(self) -> None:
        self.turn(self.chance.choice([one for one in range(STATES) if one != self.state]))

    def order(self, kind: str, name: str) -> Order:
        options = {
            "rebuild": kind == "reindex",
            "allow_deletes": True,
            "checkpoint_seconds": self.chance.choice([0.1, 5.0]),
            "batch_size": self.chance.choice([100, 500]),
        }
        return Order(
            redis=self.server.url, source=f"sqlite:///{self.path}", catalogue=name, options=options
        )

    def kill(self, kind: str, name: str) -> Outcome:
        """Begin a run and kill it at a moment of its time."""
        run = self.runs.start(self.order(kind, name))
        time.sleep(self.chance.uniform(0, self.lasts[kind]))  # the moment is the experiment
        run.kill()
        return run.wait()


def differing(one: dict[str, Document], other: dict[str, Document]) -> set[str]:
    """Ids of the drugs that two indexes do not have alike."""
    return {drug for drug in one.keys() | other.keys() if one.get(drug) != other.get(drug)}


def forget(catalogue: Catalogue) -> None:
    """Remove a catalogue's indexes and keys."""
    for one in catalogue.generations():
        for index in (catalogue.index(one.name), catalogue.text_index(one.name)):
            command(catalogue.client, "FT.DROPINDEX", index, "DD")
    for key in catalogue.client.scan_iter(match=f"{catalogue.alias}:*", count=5000):
        catalogue.client.unlink(key)


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    folder = tmp_path_factory.mktemp("kills")
    source = f"sqlite:///{folder / 'state-0.db'}"
    write_pharmacy(source, DRUGS, EACH)
    with RedisServer(folder) as server, RunServer(folder, source) as runs:
        field = Field(folder, server, runs)
        field.prepare()
        yield field


def test_after_a_hundred_kills_the_index_is_as_if_there_had_been_none(
    field: Field, vocabulary: Vocabulary
) -> None:
    kinds = [kind for kind, count in KILLS.items() for _ in range(count)]
    field.chance.shuffle(kinds)
    live = field.catalogue()
    seen = Counter[str]()
    while kinds:
        kind = kinds.pop()
        name = "fdb"
        if kind == "first":
            name = "other"
        before = field.truth[field.state]
        if kind == "sync":
            field.turn_elsewhere()
        killed = field.kill(kind, name)
        if killed.code == 0:  # it was quicker: another one has to be killed in its place
            seen["quicker"] += 1
            kinds.append(kind)
            field.lasts[kind] *= 0.9
            if kind == "first":
                forget(field.catalogue(name))
            continue
        assert killed.code == -signal.SIGKILL
        seen[f"{kind} killed"] += 1
        # A searcher of its own each time, so that it has to find its way to the live index.
        with_new = Searcher(live, FakeEmbedder(16), vocabulary)
        assert with_new.search("tablet").hits
        wanted = len(differing(before, field.truth[field.state])) if kind == "sync" else 0
        if field.chance.random() < 0.4:
            field.turn_elsewhere()
            wanted = 0
        next_kind = kind if field.chance.random() < 0.8 else "sync"
        began = time.monotonic()
        report = field.runs.carry_out(field.order(next_kind, name)).done
        if next_kind == kind:
            # Others may be at work on the machine: so long does it take at the time.
            field.lasts[kind] = (field.lasts[kind] + time.monotonic() - began) / 2
        assert report.completed, report.warnings
        assert report.generation == field.catalogue(name).live()
        assert differing(contents(field.catalogue(name)), field.truth[field.state]) == set()
        done = report.added + report.updated + report.metadata_only + report.deleted
        seen["among the writes"] += 0 < done < wanted
        seen["resumed"] += report.resumed
        if kind == "first":
            assert_tidy(field.catalogue(name))
            forget(field.catalogue(name))
    print(dict(seen), field.lasts)  # noqa: T201 - pytest -rP shows it
    assert {kind: seen[f"{kind} killed"] for kind in KILLS} == KILLS
    assert seen["quicker"] < 50
    assert seen["among the writes"] >= 5
    assert seen["resumed"] >= 5
    # What was begun and not wanted any more goes with the next generation.
    assert field.runs.carry_out(field.order("reindex", "fdb")).done.completed
    assert differing(contents(live), field.truth[field.state]) == set()
    assert_tidy(live)
