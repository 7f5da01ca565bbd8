"""How fast a running service answers searches, over several connections."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlencode, urlsplit

import msgspec

from rxindex.bench.timing import Latencies, latencies
from rxindex.errors import ConfigurationError
from rxindex.search.request import SearchRequest

__all__ = ["ServiceFigures", "measure_service"]

#: Seconds to wait for one answer.
_PATIENCE = 30.0


class ServiceFigures(msgspec.Struct, frozen=True):
    """What was measured.

    Attributes:
        url: of the service.
        connections: that asked at once, each its next question as soon as it had an answer.
        answers: of all of them.
        statuses: HTTP status to the number of answers that had it.
    """

    url: str
    connections: int
    answers: Latencies
    statuses: dict[str, int]


def measure_service(
    url: str,
    requests: Sequence[SearchRequest],
    *,
    connections: int,
    seconds: float,
    api_key: str = "",
) -> ServiceFigures:
    """Ask ``/search`` of a service (`rxindex serve`) for some seconds.

    The client is Python as well: on one machine with the service it takes a part of its time.

    Args:
        url: ``http://host:8000`` or ``https://...``.
        requests: asked in this order, each once.
        connections: kept open.
        seconds: how long, at most.
        api_key: of the service, where it wants one.

    Raises:
        ConfigurationError: the URL is not one, or nothing answers there.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(f"{url!r} is no address of a service: write http://host:8000")
    waiting, lock = iter(requests), threading.Lock()
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    headers = {"X-API-Key": api_key} if api_key else {}
    took: list[float] = []
    statuses: Counter[str] = Counter()
    faults: list[Exception] = []
    begun = time.perf_counter()

    def work() -> None:
        connection = kind(parts.hostname or "", parts.port, timeout=_PATIENCE)
        try:
            while time.perf_counter() - begun < seconds and not faults:
                with lock:
                    request = next(waiting, None)
                if request is None:
                    return
                path = f"{parts.path.rstrip('/')}/search?{_query(request)}"
                since = time.perf_counter()
                connection.request("GET", path, headers=headers)
                reply = connection.getresponse()
                reply.read()
                took.append(time.perf_counter() - since)
                statuses[str(reply.status)] += 1
        except (OSError, http.client.HTTPException) as error:
            faults.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults or not took:
        reason = faults[0] if faults else "it gave no answer in time"
        raise ConfigurationError(f"no service answers at {url} ({reason}): start 'rxindex serve'")
    figures = latencies(took, time.perf_counter() - begun)
    return ServiceFigures(url, connections, figures, dict(sorted(statuses.items())))


def _query(request: SearchRequest) -> str:
    """Write a request as the service reads it."""
    fields: dict[str, object] = msgspec.to_builtins(request)
    return urlencode(fields, doseq=True)
