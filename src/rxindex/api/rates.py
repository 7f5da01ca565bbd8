"""How many requests a key may make: a bucket of tokens each, which fills as time goes by."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

import msgspec

from rxindex.api.keys import ApiKey

__all__ = ["Allowance", "Rates"]


class Allowance(msgspec.Struct, frozen=True):
    """What is left to a key after a request.

    Attributes:
        allowed: whether the request may go on.
        quota: requests in a minute.
        left: further requests that may come at once.
        full_after: seconds until the whole quota may come at once again.
        retry_after: seconds until the next request may come; 0 if it may now.
    """

    allowed: bool
    quota: int
    left: int
    full_after: int
    retry_after: int

    def headers(self) -> Mapping[str, str]:
        """Tell it as draft-ietf-httpapi-ratelimit-headers (revision 9) has it."""
        told = {
            "RateLimit-Policy": f'"key";q={self.quota};w=60',
            "RateLimit": f'"key";r={self.left};t={self.full_after}',
        }
        if not self.allowed:
            told["Retry-After"] = str(self.retry_after)
        return told


class Rates:
    """Counts the requests of each key, in this process. For one thread.

    A whole minute's quota may come at once; from then on one request each ``60 / quota`` seconds.

    Args:
        per_minute: quota of a key that has none of its own.
        clock: seconds, ever growing.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        #: By the key's name: tokens left, and when.
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, key: ApiKey) -> Allowance:
        """Count a request.

        Returns:
            What is left. A request that is not allowed takes nothing.
        """
        quota = key.requests_per_minute or self._per_minute
        now = self._clock()
        tokens, then = self._buckets.get(key.name, (float(quota), now))
        tokens = min(tokens + (now - then) * quota / 60, float(quota))
        allowed = tokens >= 1
        if allowed:
            tokens -= 1
        self._buckets[key.name] = tokens, now
        return Allowance(
            allowed=allowed,
            quota=quota,
            left=int(tokens),
            full_after=math.ceil((quota - tokens) * 60 / quota),
            retry_after=0 if tokens >= 1 else math.ceil((1 - tokens) * 60 / quota),
        )
