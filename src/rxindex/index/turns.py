"""A row of turns in Redis, for processes on any machine that share a budget of calls.

The generic cell rate algorithm, on the clock of the Redis server: the row is the time at which the
next call may start, and each call that takes its turn moves it on by the spacing. One key, one
script for each step.
"""

from __future__ import annotations

from typing import Any

from rxindex.embed.shared_pace import Turn
from rxindex.index.connect import Client, redis_errors

__all__ = ["RedisTurns"]

#: Milliseconds after which a row that nobody takes a turn from is forgotten.
_KEPT = 3_600_000
_MICROSECONDS = 1e6

# Numbers go through format: Lua's own way to write them keeps fourteen digits, and a time in
# microseconds has sixteen.
_NOW = """\
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local row = redis.call('HMGET', KEYS[1], 'next', 'paused', 'slowed', 'spacing')
local next, paused = tonumber(row[1] or 0), tonumber(row[2] or 0)
local slowed, spacing = tonumber(row[3] or 0), tonumber(row[4] or 0)
local function keep(name, value)
  redis.call('HSET', KEYS[1], name, string.format('%.0f', value))
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
"""
# ARGV: how long to keep the row; microseconds to the turn after this one; how far back one may lie.
_TAKE = f"""\
{_NOW}
local turn = math.max(next, paused, now - ARGV[3])
keep('next', turn + ARGV[2])
return {{turn - now, slowed, spacing}}
"""
# ARGV: how long to keep the row; microseconds to pause; the spacing from then on; how many times
# the row had slowed down, as far as the caller knew.
_REFUSED = f"""\
{_NOW}
if slowed == tonumber(ARGV[4]) then
  slowed, spacing = slowed + 1, tonumber(ARGV[3])
  keep('slowed', slowed)
  keep('spacing', spacing)
end
paused = math.max(paused, now + ARGV[2])
keep('paused', paused)
-- Turns before the end of the pause are void.
keep('next', paused)
return {{paused - now, slowed, spacing}}
"""


class RedisTurns:
    """A row of turns; see `rxindex.embed.shared_pace.Turns`.

    Args:
        client: a connection.
        key: of the row.
    """

    def __init__(self, client: Client, key: str) -> None:
        self._key = key
        self._take = client.register_script(_TAKE)
        self._refused = client.register_script(_REFUSED)

    def take(self, spacing: float, made_up: float) -> Turn:
        """Take the next turn.

        Raises:
            IndexUnavailable: Redis does not answer.
        """
        with redis_errors("taking a turn to call the model"):
            args = [_KEPT, _micro(spacing), _micro(made_up)]
            return _turn(self._take(keys=[self._key], args=args))

    def refused(self, pause: float, spacing: float, slowed: int) -> Turn:
        """Have everybody pause, and slow down if nobody else has for the same burst.

        Raises:
            IndexUnavailable: Redis does not answer.
        """
        with redis_errors("slowing down calls of the model"):
            args = [_KEPT, _micro(pause), _micro(spacing), slowed]
            return _turn(self._refused(keys=[self._key], args=args))


def _micro(seconds: float) -> int:
    return round(seconds * _MICROSECONDS)


def _turn(reply: Any) -> Turn:
    wait, slowed, spacing = (int(one) for one in reply)
    return Turn(wait / _MICROSECONDS, slowed, spacing / _MICROSECONDS)
