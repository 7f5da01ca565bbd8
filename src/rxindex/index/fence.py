"""Writes that a run can only make while it holds the catalogue's lease.

A run that is paused long enough is taken for dead, and another one begins. When the first wakes up
its next writes are on their way already, so looking at the lease before writing is not enough:
Redis itself compares the lease with the writer's token, in the same step as each write.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from redis.client import Pipeline
from redis.exceptions import NoScriptError, WatchError

from rxindex.index.connect import FENCED, Client, command, lease_lost, redis_errors

__all__ = ["Command", "Fence"]

#: A command with its one key: ``("HSET", key, field, value, ...)``.
Command = tuple[Any, ...]

# The key is passed as a key, and not as a word, since Redis wants to know which ones a script uses.
_SCRIPT = f"""\
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return redis.error_reply('{FENCED} another run holds the lease')
end
return redis.call(ARGV[2], KEYS[2], unpack(ARGV, 3))
"""
_SHA = hashlib.sha1(_SCRIPT.encode()).hexdigest()  # noqa: S324 - Redis names scripts by SHA-1


class Fence:
    """What stands between a run and its catalogue's keys.

    Args:
        key: of the lease.
        token: that the lease has while it is this run's.
        number: of the lease, one more than that of the one that was held before.
    """

    def __init__(self, key: str, token: bytes, number: int) -> None:
        self.key = key
        self.token = token
        self.number = number

    def execute(self, client: Client, commands: Sequence[Command]) -> list[Any]:
        """Send commands in one round trip, each carried out only if the lease is still held.

        Returns:
            The replies, with exceptions in their places.

        Raises:
            redis.exceptions.RedisError: nothing is known of any of them.
        """
        replies = self._send(client, commands)
        if any(isinstance(reply, NoScriptError) for reply in replies):
            # Redis was restarted, or the script was never here. To do any command twice that goes
            # through here does no harm.
            client.script_load(_SCRIPT)
            replies = self._send(client, commands)
        return replies

    def _send(self, client: Client, commands: Sequence[Command]) -> list[Any]:
        pipe = client.pipeline(transaction=False)
        for name, key, *words in commands:
            command(pipe, "EVALSHA", _SHA, 2, self.key, key, self.token, name, *words)
        return list(pipe.execute(raise_on_error=False))

    def step(self, client: Client, doing: str, *words: Any) -> Any:
        """Carry out a command that has no key of its own (``FT.ALIASUPDATE`` say).

        Raises:
            LeaseLost: it was not carried out.
        """
        with redis_errors(doing), client.pipeline(transaction=True) as pipe:
            pipe.watch(self.key)  # type: ignore[no-untyped-call]
            self._require(pipe, doing)
            pipe.multi()
            command(pipe, *words)
            try:
                return pipe.execute()[0]
            except WatchError as error:
                raise lease_lost(doing) from error

    def _require(self, pipe: Pipeline, doing: str) -> None:
        held: Any = pipe.get(self.key)  # at once: the pipeline is watching
        if held != self.token:
            raise lease_lost(doing)
