"""A catalogue on Redis Cluster: all of it in one slot, and connections that follow the slot.

A cluster spreads keys over its nodes by a hash of each key, or of what stands in braces in it (a
hash tag). Scripts and transactions reach the keys of one slot only, and a query engine without a
coordinator indexes and finds what its own node holds. A catalogue's keys therefore all begin with
``rx:{name}``, the braces included: one node has all of it, and several catalogues share a cluster.
See docs/scale.md for what this means and where it ends.
"""

from __future__ import annotations

import contextlib
import socket
from typing import Any, cast
from urllib.parse import urlsplit

import redis
from redis import exceptions as refused
from redis.cluster import RedisCluster
from redis.connection import Connection, ConnectionPool, SSLConnection

__all__ = ["follow_slot", "follows_slot", "is_cluster"]

#: What a node answers for a slot that is another's, that is on its way, or while it is cut off.
_ELSEWHERE = (refused.MovedError, refused.AskError, refused.ClusterDownError)


def is_cluster(client: redis.Redis) -> bool:
    """Tell whether a server is a node of a cluster; raises redis-py's own exceptions."""
    return bool(client.info("cluster").get("cluster_enabled"))


def follows_slot(client: redis.Redis) -> bool:
    """Tell whether a client was made by `follow_slot`."""
    return isinstance(client.connection_pool, _Pool)


def follow_slot(url: str, key: str, **options: Any) -> redis.Redis:
    """Make a client of whichever node of a cluster serves the slot of a key.

    It is an ordinary client, so that pipelines, transactions and commands without a key go to that
    node, too. When the slot moves, or its node is replaced, it connects to the new one.

    Args:
        url: of any node, ``redis://`` or ``rediss://``.
        key: in the slot.
        options: for redis-py's connections.

    Raises:
        redis.exceptions.RedisError: no node answers.
    """
    try:
        slot = _Slot(RedisCluster.from_url(url, **options), key)
    except refused.RedisClusterException as error:
        # redis-py says the same of a user who may not ask, and of a cluster that is away.
        text = f"{error}; the user needs the rights +cluster|slots and +command"
        raise refused.ConnectionError(text) from error
    kind = _EncryptedConnection if urlsplit(url).scheme == "rediss" else _PlainConnection
    pool = _Pool.from_url(url, **options)
    # Not an argument: `from_url` would take the URL's own class in its place.
    pool.connection_class = kind
    pool.connection_kwargs["slot"] = slot
    return redis.Redis.from_pool(pool)


class _Slot:
    """Knows the node of a key's slot; keeps no connection of its own."""

    def __init__(self, nodes: RedisCluster, key: str) -> None:
        self._nodes = nodes
        self._key = key
        nodes.close()

    def address(self) -> tuple[str, int]:
        try:
            node = self._nodes.get_node_from_key(self._key)  # type: ignore[no-untyped-call]
        except refused.SlotNotCoveredError as error:
            self.look_again()
            raise refused.ConnectionError(str(error)) from error
        return node.host, int(node.port)

    def look_again(self) -> None:
        # Whoever connects next finds out that nobody answers.
        with contextlib.suppress(refused.RedisError, refused.RedisClusterException):
            self._nodes.nodes_manager.initialize()
        self._nodes.close()


class _Pool(ConnectionPool):
    """Connections to the node of one slot."""


class _Following(Connection):
    """Finds its node with each attempt to connect."""

    def __init__(self, slot: _Slot, **options: Any) -> None:
        self._slot = slot
        super().__init__(**options)  # type: ignore[no-untyped-call]

    def _connect(self) -> socket.socket:
        self.host, self.port = self._slot.address()
        try:
            return cast(socket.socket, super()._connect())  # type: ignore[no-untyped-call]
        except OSError:
            self._slot.look_again()
            raise

    def read_response(self, *args: Any, **options: Any) -> Any:
        """Read a reply; one that tells of another node ends the connection."""
        try:
            return super().read_response(*args, **options)
        except (*_ELSEWHERE, refused.ReadOnlyError) as error:
            self.disconnect()  # type: ignore[no-untyped-call]
            self._slot.look_again()
            # Which redis-py takes as a reason to connect anew, and to send everything again.
            raise refused.ConnectionError(f"the slot is served by another node: {error}") from error


class _PlainConnection(_Following):
    """Without TLS."""


class _EncryptedConnection(_Following, SSLConnection):
    """With TLS."""
