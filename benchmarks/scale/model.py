"""A sync on several workers as a discrete-event simulation.

What a worker does with a batch is what `rxindex.sync.flow` does: reading, embedding and writing
are stages two batches apart, and all Python code of a worker takes turns on one core. Workers take
partitions, several for each of them, from one queue. They share the database, the model's quota
and the Redis shards. Everything is digested, and what has changed is read. An ordinary sync by one
process follows, which digests everything once more.
"""

from __future__ import annotations

import math
import random
from collections.abc import Generator
from typing import Any, Literal

import msgspec
import simpy

__all__ = ["Catalogue", "Costs", "Outcome", "Setting", "simulate"]

#: Batches of a whole simulation, at most; there are at least `_EACH` in a partition.
_MOST_BATCHES, _EACH = 2_000, 3
#: Packages of a batch, at least.
_SMALLEST = 500
#: For each worker, as `rxindex.cluster.sync` cuts them.
_PARTITIONS = 8
#: Batches between two stages, as in `rxindex.sync.flow`.
_AHEAD = 2

Event = Generator[simpy.Event, Any, None]


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What the parts of the work take: seconds of a core, and bytes.

    Attributes:
        digest_database: of the database server, for each package that is digested.
        digest: of the worker, for each package that is digested.
        known: of the worker, for each drug that is left out since its digest is as it was.
        database: of the database server, for each package that is read.
        read: of the worker, for each package read and assembled.
        compare: of the worker, for each drug assembled and compared.
        write: of the worker, for each drug written.
        call: of the worker, for each call of a remote model.
        minilm: of the worker, for each text that the local model embeds.
        redis_known: of Redis, for each drug that is left out.
        redis_compare: of Redis, for each drug whose fingerprints are read.
        redis_write: of Redis, for each drug written and indexed, without its vector.
        redis_vector: of Redis, for each vector put into an HNSW index of ``vectors``.
        vectors: in that index.
        drug_bytes: in Redis, for each drug without its packages and its vector.
        package_bytes: in Redis, for each package.
        vector_bytes: in Redis, for each vector of 1,024 FLOAT16 elements, index and copy.
    """

    digest_database: float
    digest: float
    known: float
    database: float
    read: float
    compare: float
    write: float
    call: float
    minilm: float
    redis_known: float
    redis_compare: float
    redis_write: float
    redis_vector: float
    vectors: int
    drug_bytes: float
    package_bytes: float
    vector_bytes: float


class Catalogue(msgspec.Struct, frozen=True):
    """How much there is: packages, the drugs that they are, and different embedding texts."""

    packages: int
    drugs: int
    texts: int

    def memory(self, costs: Costs) -> float:
        """Give the bytes that Redis needs for it."""
        return (
            self.drugs * costs.drug_bytes
            + self.packages * costs.package_bytes
            + self.texts * costs.vector_bytes
        )


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What does the work.

    Attributes:
        workers: processes that sync.
        embedder: ``fake`` takes no time, ``minilm`` runs on the worker, ``titan`` is called.
        per_minute: calls of the model that the quota lets through; 0 for no quota.
        latency: seconds of a call.
        concurrency: calls that one worker has under way at once.
        cores: of each worker; with ``shared``, of the one machine that everything runs on.
        shared: workers and Redis share the cores.
        shards: of Redis, each with one core.
        database_cores: of the database server.
        vectors: put them into an HNSW index; else into a flat one, which takes no time.
        last_pass: let an ordinary sync follow, as a bulk load does.
    """

    workers: int = 1
    embedder: Literal["fake", "minilm", "titan"] = "fake"
    per_minute: float = 0.0
    latency: float = 0.07
    concurrency: int = 32
    cores: int = 2
    shared: bool = False
    shards: int = 1
    database_cores: int = 8
    vectors: bool = True
    last_pass: bool = True


class Outcome(msgspec.Struct, frozen=True):
    """What came of it.

    Attributes:
        seconds: until everything was done.
        last_pass: of these, the ordinary sync at the end.
        busy: share of the first part in which each resource had work, 0 to 1.
    """

    seconds: float
    last_pass: float
    busy: dict[str, float]

    @property
    def bottleneck(self) -> str:
        """What the work waited for: the busiest resource, or the last pass if it takes longer."""
        if self.last_pass > self.seconds - self.last_pass:
            return "last pass"
        return max(self.busy, key=lambda name: self.busy[name])


class _Shared:
    """A resource that measures how long it is used."""

    def __init__(self, env: simpy.Environment, capacity: int) -> None:
        self._env = env
        self._places = simpy.Resource(env, capacity)
        self._capacity = capacity
        self._used = 0.0

    def use(self, seconds: float, *inside: _Shared) -> Event:
        """Hold a place for a time, with one of each of ``inside``."""
        if seconds <= 0.0:
            return
        with self._places.request() as place:
            yield place
            if inside:
                yield from inside[0].use(seconds, *inside[1:])
            else:
                yield self._env.timeout(seconds)
            self._used += seconds

    def busy(self, seconds: float) -> float:
        """Give the share of a time in which it was used."""
        return self._used / (seconds * self._capacity) if seconds else 0.0


class _Worker:
    """One process: Python code on one core at a time, native code on any."""

    def __init__(self, world: _World) -> None:
        self.world = world
        self.python = _Shared(world.env, 1)
        self.cores = world.cores or _Shared(world.env, world.setting.cores)

    def run(self, queue: list[int]) -> Event:
        """Do partitions until there are no more."""
        env = self.world.env
        read: simpy.Store = simpy.Store(env, _AHEAD)
        embedded: simpy.Store = simpy.Store(env, _AHEAD)
        yield env.all_of(
            [
                env.process(self._read(queue, read)),
                env.process(self._embed(read, embedded)),
                env.process(self._write(embedded)),
            ]
        )

    def _read(self, queue: list[int], out: simpy.Store) -> Event:
        world, costs = self.world, self.world.costs
        while queue:
            for _ in range(queue.pop()):
                looked, left = world.changed, 1.0 - world.changed
                yield from world.database.use(
                    world.packages * (costs.digest_database + looked * costs.database)
                )
                yield from world.use_redis(
                    world.drugs * (left * costs.redis_known + looked * costs.redis_compare)
                )
                yield from self._compute(
                    world.packages * (costs.digest + looked * costs.read)
                    + world.drugs * (left * costs.known + looked * costs.compare)
                )
                yield out.put(True)
        yield out.put(False)

    def _embed(self, incoming: simpy.Store, out: simpy.Store) -> Event:
        while (yield incoming.get()):
            yield from self._vectors(self.world.texts)
            yield out.put(True)
        yield out.put(False)

    def _vectors(self, texts: float) -> Event:
        world, setting = self.world, self.world.setting
        if not texts or setting.embedder == "fake":
            return
        if setting.embedder == "minilm":
            part = texts * world.costs.minilm / setting.cores
            parts = [world.env.process(self.cores.use(part)) for _ in range(setting.cores)]
            yield world.env.all_of(parts)
            return
        waits: list[simpy.Event] = [
            world.env.timeout(texts * setting.latency / setting.concurrency)
        ]
        waits.append(world.env.process(self._compute(texts * world.costs.call)))
        if setting.per_minute:
            waits.append(world.env.process(world.quota.use(texts * 60.0 / setting.per_minute)))
        yield world.env.all_of(waits)

    def _write(self, incoming: simpy.Store) -> Event:
        world, costs = self.world, self.world.costs
        while (yield incoming.get()):
            yield from self._compute(world.written * costs.write)
            work = world.written * costs.redis_write
            yield from world.use_redis(work + world.texts * world.vector_cost)

    def _compute(self, seconds: float) -> Event:
        yield from self.python.use(seconds, self.cores)


class _World:
    """Everything that the workers share, and how much a batch is."""

    def __init__(
        self, costs: Costs, catalogue: Catalogue, setting: Setting, changed: float
    ) -> None:
        self.env = simpy.Environment()
        self.costs, self.setting = costs, setting
        self.cores = _Shared(self.env, setting.cores) if setting.shared else None
        self.database = _Shared(self.env, setting.database_cores)
        self.redis = _Shared(self.env, setting.shards)
        self.quota = _Shared(self.env, 1)
        least = setting.workers * _PARTITIONS * _EACH
        self.batches = max(min(catalogue.packages // _SMALLEST, _MOST_BATCHES), least)
        self.packages = catalogue.packages / self.batches
        self.drugs = catalogue.drugs / self.batches
        self.changed = changed
        self.written = self.drugs * changed
        self.texts = catalogue.texts / self.batches * changed
        self.vector_cost = _vector_cost(costs, catalogue, setting)

    def use_redis(self, seconds: float) -> Event:
        yield from self.redis.use(seconds, *([self.cores] if self.cores else []))

    def run(self) -> tuple[float, dict[str, float]]:
        """Give the seconds until all partitions are done, and how busy everything was."""
        parts = self.setting.workers * _PARTITIONS
        queue = [self.batches // parts + (n < self.batches % parts) for n in range(parts)]
        random.Random(1).shuffle(queue)
        workers = [_Worker(self) for _ in range(self.setting.workers)]
        self.env.run(self.env.all_of([self.env.process(one.run(queue)) for one in workers]))
        seconds = float(self.env.now)
        python = sum(one.python.busy(seconds) for one in workers) / len(workers)
        cores = sum(one.cores.busy(seconds) for one in workers) / len(workers)
        return seconds, {
            "database": self.database.busy(seconds),
            "CPU": max(python, cores),
            "quota": self.quota.busy(seconds),
            "calls": self._calls(seconds),
            "Redis": self.redis.busy(seconds),
        }

    def _calls(self, seconds: float) -> float:
        """Give the share of the calls that the workers could have had under way that they had."""
        setting = self.setting
        if setting.embedder != "titan" or not seconds:
            return 0.0
        texts = self.texts * self.batches
        return texts * setting.latency / (setting.concurrency * setting.workers * seconds)


def _vector_cost(costs: Costs, catalogue: Catalogue, setting: Setting) -> float:
    """Give what putting a vector into the index of a shard takes; it grows with the logarithm."""
    # Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using
    # hierarchical navigable small world graphs", 4.2: insertion scales with log(n).
    if not setting.vectors:
        return 0.0
    each = max(catalogue.texts / setting.shards, 2.0)
    logarithms = math.log(each) / math.log(costs.vectors)
    return costs.redis_vector * logarithms


def simulate(costs: Costs, catalogue: Catalogue, setting: Setting, changed: float = 1.0) -> Outcome:
    """Play a sync.

    Args:
        costs: of the parts of the work.
        catalogue: how much there is.
        setting: what does the work.
        changed: share of the drugs that are written: 1 for a first load, 0 for a night without
            changes.
    """
    seconds, busy = _World(costs, catalogue, setting, changed).run()
    last = 0.0
    if setting.last_pass:
        alone = msgspec.structs.replace(setting, workers=1)
        last, _ = _World(costs, catalogue, alone, 0.0).run()
    return Outcome(seconds + last, last, busy)
