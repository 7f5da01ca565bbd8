"""What a Redis server can do, asked once at connect.

Servers differ: RediSearch 2.10 has no SVS-VAMANA and no FT.HYBRID, Redis 8.4 has both, and which
compression an SVS index really gets depends on the build and on the processor. Code elsewhere
asks this object, never a version number.
"""

from __future__ import annotations

import msgspec
from redis.exceptions import ResponseError

from rxindex.errors import SearchModuleMissing
from rxindex.index.connect import Client, command, pairs, redis_errors

__all__ = ["Capabilities", "probe", "processor_seconds"]

_FLOAT16_SINCE = 21000  # RediSearch 2.10
_SVS_SINCE = 80200  # Redis 8.2
_HYBRID_SINCE = 80403  # 8.4.0 to 8.4.2 have it with faults that give wrong results
_ALIAS_LIST_SINCE = 81000  # Redis 8.10


class Capabilities(msgspec.Struct, frozen=True):
    """What the connected Redis can do.

    Attributes:
        redis_version: of the server, for example ``8.2.3``.
        search_version: of the query engine, as one number: 21005 is 2.10.5.
        vector_types: element types that vector fields take.
        svs: SVS-VAMANA indexes.
        hybrid: FT.HYBRID, free of the faults of its first releases.
        alias_list: FT.ALIASLIST.
        workers: query engine threads; 0 means that vectors are indexed in the write path.
    """

    redis_version: str
    search_version: int
    vector_types: tuple[str, ...] = ("float32",)
    svs: bool = False
    hybrid: bool = False
    alias_list: bool = False
    workers: int = 0

    @classmethod
    def of_version(cls, redis_version: str, search_version: int, workers: int = 0) -> Capabilities:
        """Derive what a query engine of this version can do."""
        types = ("float16", "float32") if search_version >= _FLOAT16_SINCE else ("float32",)
        return cls(
            redis_version=redis_version,
            search_version=search_version,
            vector_types=types,
            svs=search_version >= _SVS_SINCE,
            hybrid=search_version >= _HYBRID_SINCE,
            alias_list=search_version >= _ALIAS_LIST_SINCE,
            workers=workers,
        )

    @property
    def search_version_text(self) -> str:
        """The query engine's version as people write it: ``2.10.5``."""
        major, rest = divmod(self.search_version, 10_000)
        return f"{major}.{rest // 100}.{rest % 100}"


def probe(client: Client) -> Capabilities:
    """Ask the server what it can do.

    Raises:
        SearchModuleMissing: it has no query engine.
        IndexAccessDenied: the user may not ask (``INFO`` is needed, ``MODULE LIST`` is not).
        IndexUnavailable: it does not answer.
    """
    with redis_errors("asking Redis what it can do"):
        server = client.info("server")
        # INFO rather than MODULE LIST: ACL rules often keep the latter, an admin command, away.
        modules = client.info("modules").get("modules", [])
    version = next((int(module["ver"]) for module in modules if module["name"] == "search"), None)
    if version is None:
        raise SearchModuleMissing(
            f"the Redis {server['redis_version']} at this address has no query engine (no module "
            "'search'): use Redis 8 or later, Redis Stack, or leave out --redis to use the "
            "embedded one"
        )
    return Capabilities.of_version(str(server["redis_version"]), version, _workers(client))


def processor_seconds(client: Client) -> float:
    """Read how much processor time the server has used, all of its threads together.

    Raises:
        IndexUnavailable: it does not answer.
    """
    with redis_errors("asking Redis for its processor time"):
        used = client.info("cpu")
    return float(used["used_cpu_user"]) + float(used["used_cpu_sys"])


def _workers(client: Client) -> int:
    """Read the number of query threads; managed services hide it, which counts as none."""
    for words in (("CONFIG", "GET", "search-workers"), ("FT.CONFIG", "GET", "WORKERS")):
        try:
            reply = command(client, *words)
        except ResponseError:  # a hidden setting is no reason to stop
            continue
        if reply and isinstance(reply, dict):
            return int(next(iter(reply.values())))
        if reply:
            row = reply[0] if isinstance(reply[0], list) else reply
            return int(pairs(row[:2]).popitem()[1])
    return 0
