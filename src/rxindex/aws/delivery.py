"""One event, carried out once, however often it is delivered.

EventBridge and Lambda deliver at least once. What has begun and what came of it is remembered in
Redis, beside the index, so that a second delivery gets the first one's answer. A run that failed,
or was killed, is forgotten: its retry is carried out.

Not with the idempotency utility of Powertools: its records do not say whose they are. When Redis
is away, or has a new password, a run that fails can't take its record back; Lambda's own retry of
the event would then be told that somebody is at work on it, which it takes for success. Here a
retry is known by its request's id, which Lambda keeps. Two that begin at the same time all the
same are told apart by the catalogue's lease.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from rxindex.errors import LeaseHeld, RxindexError
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import redis_errors

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

__all__ = ["REMEMBERED", "carried_out_once"]

#: Seconds for which a delivery is remembered: longer than any retry of EventBridge's (24 h).
REMEMBERED = 2 * 86_400

_log = logging.getLogger(__name__)


class _Record(msgspec.Struct, frozen=True):
    """What is remembered of a delivery.

    Attributes:
        request: the invocation's id, the same for Lambda's further tries.
        until: when that invocation is over at the latest, in seconds since the epoch.
        body: what came of it; None while that is not known.
    """

    request: str
    until: float
    body: dict[str, Any] | None = None


def carried_out_once(
    delivery: str,
    catalogue: Catalogue,
    context: LambdaContext,
    action: Callable[[], dict[str, Any]],
) -> dict[str, Any]:
    """Carry out an action, unless that was done already.

    Args:
        delivery: the same for each delivery of one event, and for no other.
        catalogue: that the action works on.
        context: of the invocation: one that is killed at its time limit is forgotten then.
        action: gives the answer's body, of what JSON has.

    Returns:
        The body; that of an earlier delivery has ``duplicate`` set.

    Raises:
        LeaseHeld: the same event is being carried out by another invocation.
        IndexUnavailable: or another refusal of Redis' to remember the event.
        RxindexError: whatever the action raises.
    """
    # What an event is called is anybody's choice.
    digest = hashlib.sha256(delivery.encode(errors="surrogatepass")).hexdigest()
    key = f"{catalogue.key('delivery')}:{digest}"
    mine = _Record(
        context.aws_request_id, time.time() + context.get_remaining_time_in_millis() / 1000
    )
    earlier = _begin(catalogue, key, mine)
    if earlier is not None:
        if earlier.body is None:
            raise LeaseHeld(
                f"the event {delivery} was delivered twice and is being carried out by the "
                f"invocation {earlier.request}"
            )
        _log.info("the event %s was carried out by the invocation %s", delivery, earlier.request)
        return earlier.body | {"duplicate": True}
    try:
        body = action()
    except BaseException:
        _try("forgotten", lambda: catalogue.client.delete(key))
        raise
    done = msgspec.json.encode(msgspec.structs.replace(mine, body=body))
    # The work is done: to fail now would have it done again.
    _try("remembered", lambda: catalogue.client.set(key, done, ex=REMEMBERED))
    return body


def _begin(catalogue: Catalogue, key: str, mine: _Record) -> _Record | None:
    """Note that a delivery has begun; give the record of one that stands in its way."""
    client, encoded = catalogue.client, msgspec.json.encode(mine)
    with redis_errors("remembering the event"):
        if client.set(key, encoded, ex=REMEMBERED, nx=True):
            return None
        stored: Any = client.get(key)
        earlier = _read(stored)
        if earlier is not None and not _is_over(earlier, mine):
            return earlier
        client.set(key, encoded, ex=REMEMBERED)
    return None


def _is_over(earlier: _Record, mine: _Record) -> bool:
    """Tell whether an earlier delivery has ended and nothing came of it."""
    return earlier.body is None and (earlier.request == mine.request or earlier.until < time.time())


def _read(stored: bytes | None) -> _Record | None:
    try:
        return msgspec.json.decode(stored, type=_Record) if stored else None
    except msgspec.DecodeError:
        return None  # of another version; the lease still keeps two runs apart


def _try(what: str, step: Callable[[], Any]) -> None:
    try:
        with redis_errors("remembering the event"):
            step()
    except RxindexError as error:
        _log.warning("the event could not be %s: %s", what, error)
