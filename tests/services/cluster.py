"""A Redis Cluster of three nodes, each with the query engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
from redis.crc import key_slot
from tests.services.redis import RedisServer, free_port

from rxindex.index.connect import command

__all__ = ["SLOTS", "Cluster", "is_whole", "wait_until"]

SLOTS = 16_384


class Cluster:
    """Nodes on loopback ports that share the slots; gone, with their data, at the end.

    Args:
        folder: for each node's own folder.
        nodes: how many.
        replicas: copies of the first nodes, one each.
    """

    def __init__(self, folder: Path, nodes: int = 3, replicas: int = 0) -> None:
        self.servers = []
        self._ports = [free_port() for _ in range(nodes + replicas)]
        for number, port in enumerate(self._ports):
            place = folder / f"node{number}"
            place.mkdir(parents=True)
            # Its own port for the nodes' talk: the usual one may be above the last there is.
            self.servers.append(
                RedisServer(
                    place, "--cluster-enabled", "yes", "--cluster-port", str(port),
                    "--cluster-node-timeout", "1000", "--cluster-replica-validity-factor", "0",
                )
            )  # fmt: skip
        self._nodes = nodes
        self._open = ExitStack()

    def __enter__(self) -> Self:
        try:
            for server in self.servers:
                self._open.enter_context(server)
            self._join()
        except BaseException:
            self._open.close()
            raise
        return self

    def _join(self) -> None:
        """Share out the slots, let the nodes meet, and wait until they have."""
        clients = [server.client() for server in self.servers]
        for number, client in enumerate(clients[: self._nodes]):
            first = SLOTS * number // self._nodes
            last = SLOTS * (number + 1) // self._nodes - 1
            command(client, "CLUSTER", "ADDSLOTSRANGE", first, last)
        for server, port in zip(self.servers, self._ports, strict=True):
            command(clients[0], "CLUSTER", "MEET", "127.0.0.1", server.port, port)
        wait_until(lambda: all(_knows(client, len(clients)) for client in clients))
        ids = [command(client, "CLUSTER", "MYID").decode() for client in clients]
        for number, client in enumerate(clients[self._nodes :]):
            command(client, "CLUSTER", "REPLICATE", ids[number])
        wait_until(lambda: all(is_whole(client) for client in clients))
        for client in clients:
            client.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    @property
    def url(self) -> str:
        """The address of the first node."""
        return self.servers[0].url

    def node_of(self, key: str) -> RedisServer:
        """The node that the slot of a key was given to."""
        return self.servers[key_slot(key.encode()) * self._nodes // SLOTS]


def _knows(client: redis.Redis, nodes: int) -> bool:
    return f"cluster_known_nodes:{nodes}\r".encode() in command(client, "CLUSTER", "INFO")


def is_whole(client: redis.Redis) -> bool:
    """Tell whether a node knows who serves each slot, and takes commands."""
    return b"cluster_state:ok" in command(client, "CLUSTER", "INFO")


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for something that the nodes bring about by themselves."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the cluster did not come about"
        time.sleep(0.02)
