"""How many requests a key may make: a bucket of tokens each, which fills as time goes by."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

import msgspec

from rxindex.api.keys import ApiKey

__all__ = ["Allowance", "Bucket", "Rates"]


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


class Bucket(msgspec.Struct):
    """The tokens of one key.

    Attributes:
        tokens: left at the time.
        then: the time, in seconds of a clock that only goes forward.
    """

    tokens: float
    then: float

    def take(self, quota: int, now: float) -> Allowance:
        """Let what came back meanwhile in, and take a token if there is one.

        Args:
            quota: tokens that there may be, and that come back in a minute.
            now: the time.
        """
        tokens = min(self.tokens + max(now - self.then, 0.0) * quota / 60, float(quota))
        allowed = tokens >= 1
        if allowed:
            tokens -= 1
        self.tokens, self.then = tokens, now
        return Allowance(
            allowed=allowed,
            quota=quota,
            left=int(tokens),
            full_after=math.ceil((quota - tokens) * 60 / quota),
            retry_after=0 if tokens >= 1 else math.ceil((1 - tokens) * 60 / quota),
        )


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
        #: By the key's name.
        self._buckets: dict[str, Bucket] = {}

    def take(self, key: ApiKey) -> Allowance:
        """Count a request.

        Returns:
            What is left. A request that is not allowed takes nothing.
        """
        quota = key.requests_per_minute or self._per_minute
        with self._held(key, quota) as bucket:
            return bucket.take(quota, self._clock())

    def _held(self, key: ApiKey, quota: int) -> AbstractContextManager[Bucket]:
        """Give a key's bucket, a full one at first, to be changed by nobody else meanwhile."""
        return nullcontext(self._buckets.setdefault(key.name, Bucket(quota, self._clock())))
