"""What the workers of a bulk load have in common, in Redis: counts, failures, the wish to stop.

All of it is one hash, named after the load's lease. A worker adds what a batch came to in one step
with one script, which has one key and therefore works on a cluster too. Sent twice, since an
answer was lost, it counts once.
"""

from __future__ import annotations

import uuid
from typing import Any

import msgspec
from redis.exceptions import ResponseError

from rxindex.errors import LeaseLost
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import redis_errors
from rxindex.sync.budget import ErrorBudget, Limits, Tally, judge
from rxindex.sync.report import SyncReport
from rxindex.sync.stop import Stop

__all__ = ["COUNTED", "SharedBudget", "SharedLoad", "Standing"]

#: Fields of a report that are summed over all workers.
COUNTED = (
    "packages", "total_processed", "added", "updated", "metadata_only", "unchanged", "failed",
    "deferred", "quarantined", "embedding_calls", "embedding_tokens", "vectors_carried",
)  # fmt: skip

#: Milliseconds after which a load that nobody ended is forgotten.
_KEPT = 86_400_000
_ENDED = "ENDED"

# KEYS: the hash. ARGV: who adds; the number of the addition; attempts to look back at; how long to
# keep the hash, in milliseconds; why the last attempt failed; the attempts, 0 for one that
# succeeded and 1 for one that failed; names and increments.
_ADD = f"""\
local key = KEYS[1]
if not redis.call('HGET', key, 'attempts_failed') then
  return redis.error_reply('{_ENDED} the load is over')
end
if redis.call('HGET', key, 'from:' .. ARGV[1]) ~= ARGV[2] then
  redis.call('HSET', key, 'from:' .. ARGV[1], ARGV[2])
  for place = 7, #ARGV, 2 do
    redis.call('HINCRBY', key, ARGV[place], ARGV[place + 1])
  end
  local attempts = ARGV[6]
  if attempts ~= '' then
    local recent = (redis.call('HGET', key, 'recent') or '') .. attempts
    redis.call('HSET', key, 'recent', string.sub(recent, -tonumber(ARGV[3])))
    local _, failed = string.gsub(attempts, '1', '')
    redis.call('HINCRBY', key, 'attempts_failed', failed)
    local row = #string.match(attempts, '1*$')
    if row == #attempts then
      redis.call('HINCRBY', key, 'in_a_row', row)
    else
      redis.call('HSET', key, 'in_a_row', row)
    end
    if failed > 0 then
      redis.call('HSET', key, 'last', ARGV[5])
    end
  end
  redis.call('PEXPIRE', key, ARGV[4])
end
return redis.call('HMGET', key, 'attempts_failed', 'in_a_row', 'recent', 'last', 'stop')
"""


class Standing(msgspec.Struct, frozen=True):
    """How a load stands, all workers together.

    Attributes:
        tally: of attempts.
        stop: why all are to stop; empty to go on.
    """

    tally: Tally
    stop: str


class SharedLoad:
    """A load's common hash.

    Args:
        catalogue: that is loaded.
        number: of the load's lease.
    """

    def __init__(self, catalogue: Catalogue, number: int) -> None:
        self._catalogue = catalogue
        self._client = catalogue.client
        self._add = catalogue.client.register_script(_ADD)
        self.key = catalogue.key("load", str(number))

    def begin(self) -> None:
        """Make the hash; workers can only add to one that is there.

        Raises:
            IndexUnavailable: Redis does not answer.
        """
        with redis_errors("beginning a load"), self._client.pipeline(transaction=True) as pipe:
            pipe.hset(self.key, "attempts_failed", "0")
            pipe.pexpire(self.key, _KEPT)
            pipe.execute()

    def forget(self) -> None:
        """Remove the hash, and what lies beside it.

        Raises:
            IndexUnavailable: Redis does not answer.
        """
        for key in (self.key, self.turns):
            self._catalogue.write_all([("DEL", key)], "ending a load")

    @property
    def turns(self) -> str:
        """The key of the pace that the workers share (see `rxindex.index.turns`)."""
        return f"{self.key}:turns"

    def add(
        self,
        sender: str,
        number: int,
        counts: dict[str, int],
        attempts: str,
        reason: str,
        window: int,
    ) -> Standing:
        """Add what one worker did since it last did so.

        Args:
            sender: unlike any other's name.
            number: of this addition, unlike that of the sender's last one.
            counts: name to increment.
            attempts: one character each: ``0`` for a drug that was written, ``1`` for a failure.
            reason: why the last failure failed.
            window: attempts that the tally looks back at.

        Raises:
            LeaseLost: the load has ended.
            IndexUnavailable: Redis does not answer.
        """
        words: list[str | int] = [sender, number, window, _KEPT, reason, attempts]
        for name, count in counts.items():
            words += [name, count]
        with redis_errors("adding to a load's counts"):
            try:
                reply: Any = self._add(keys=[self.key], args=words)
            except ResponseError as error:
                if str(error).startswith(_ENDED):
                    raise LeaseLost(
                        f"the bulk load of {self._catalogue.name!r} has ended: begin it anew, what "
                        "it has written is kept"
                    ) from error
                raise
        failed, in_a_row, recent, last, stop = (_text(one) for one in reply)
        tally = Tally(int(failed or 0), int(in_a_row or 0), len(recent), recent.count("1"), last)
        return Standing(tally, stop)

    def counts(self) -> dict[str, int]:
        """Read what all workers have counted up to now, by the names in `COUNTED`.

        Raises:
            IndexUnavailable: Redis does not answer.
        """
        with redis_errors("reading a load's counts"):
            found: Any = self._client.hmget(self.key, COUNTED)
        return {name: int(one or 0) for name, one in zip(COUNTED, found, strict=True)}

    def ask_to_stop(self, reason: str) -> None:
        """Have all workers stop clean; the first reason counts.

        Raises:
            IndexUnavailable: Redis does not answer.
        """
        if not self.stop_reason():
            with redis_errors("stopping a load"):
                self._client.hset(self.key, "stop", reason)

    def stop_reason(self) -> str:
        """Read why the workers are to stop; empty if they are not.

        Raises:
            IndexUnavailable: Redis does not answer.
        """
        with redis_errors("asking whether to stop"):
            found: Any = self._client.hmget(self.key, "attempts_failed", "stop")
        begun, stop = found
        return _text(stop) if begun else "the load has ended"


class SharedBudget(ErrorBudget):
    """The error budget of a load: what all of its workers fail at counts together.

    A text that two workers' drugs share, and that the model refuses, counts once for each.

    Args:
        limits: what is too many, of all workers.
        shared: the load.
        report: of this worker; what is new in it is added with each `check`.
        stop: asked when all workers are to stop.
    """

    def __init__(self, limits: Limits, shared: SharedLoad, report: SyncReport, stop: Stop) -> None:
        super().__init__(limits)
        self._shared = shared
        self._report = report
        self._stop = stop
        self._sender = uuid.uuid4().hex[:12]
        self._number = 0
        self._attempts: list[str] = []
        self._added = dict.fromkeys(COUNTED, 0)

    def succeeded(self) -> None:
        """Count a drug that was written."""
        self._attempts.append("0")

    def failed(self, reason: str) -> None:
        """Count a drug that was not; does not raise (see `check`)."""
        self._attempts.append("1")
        self._last = reason

    def check(self) -> None:
        """Add what is new to the load, and stop if too many of all its drugs failed.

        Raises:
            ErrorBudgetSpent: they did.
            LeaseLost: the load has ended.
            IndexUnavailable: Redis does not answer.
        """
        judge(self._limits, self.add().tally)

    def add(self) -> Standing:
        """Add what is new to the load.

        Raises:
            LeaseLost: the load has ended.
            IndexUnavailable: Redis does not answer.
        """
        now = {name: int(getattr(self._report, name)) for name in COUNTED}
        new = {name: now[name] - before for name, before in self._added.items()}
        self._number += 1
        standing = self._shared.add(
            self._sender, self._number, {name: one for name, one in new.items() if one},
            "".join(self._attempts), self._last, self._limits.window,
        )  # fmt: skip
        self._attempts.clear()
        self._added = now
        if standing.stop:
            self._stop.ask(standing.stop)
        return standing


def _text(stored: bytes | None) -> str:
    return stored.decode(errors="replace") if stored else ""
