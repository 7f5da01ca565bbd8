"""One run at a time on a catalogue: a lease in Redis, kept by a heartbeat.

The lease's value says who holds it, and is unlike any other lease's: it has a number that only
grows. `rxindex.index.fence` compares it with each write.

A bulk load has many workers under one lease, a `Loan`: one process takes it, each worker keeps it
alive while it works, and whoever ends the load gives it back.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from redis.exceptions import LockError, LockNotOwnedError, RedisError, WatchError
from redis.lock import Lock

from rxindex.errors import ConfigurationError, LeaseHeld, LeaseLost
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import redis_errors
from rxindex.index.fence import Fence

__all__ = ["LEASE_SECONDS", "Holder", "Loan", "borrow", "give_back", "hold", "lend", "read_holder"]

#: How long a lease lasts after its holder was last heard of. Long enough for a full garbage
#: collection or a moved virtual machine, short enough that a run that died delays no night.
LEASE_SECONDS = 30.0

#: Leases of this process that could not be released when their run ended.
_left: set[bytes] = set()

_log = logging.getLogger("rxindex.lease")


class Holder(msgspec.Struct, frozen=True):
    """Who holds a lease.

    Attributes:
        number: grows with each lease of the catalogue.
        command: what it is doing: ``sync``, ``reindex``, ...
        host: the machine's name.
        pid: the process there.
        since: seconds since the epoch.
        machine: tells whether ``pid`` can be looked up from here; empty where that is unknown.
    """

    number: int
    command: str
    host: str
    pid: int
    since: float
    machine: str = ""

    def is_gone(self) -> bool:
        """Tell whether the holder is known to have ended: a process of this machine, not there."""
        if not self.machine or self.machine != _machine():
            return False
        try:
            # First, since the files of other users' processes may be hidden.
            os.kill(self.pid, 0)
            # The state stands behind the name, which may hold anything. A zombie has ended too.
            state = Path(f"/proc/{self.pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
        except ProcessLookupError:
            return True
        except (OSError, IndexError):
            return False
        return state in {b"Z", b"X"}


def read_holder(catalogue: Catalogue) -> Holder | None:
    """Read who holds the lease now, or None.

    Raises:
        IndexUnavailable: Redis does not answer.
    """
    with redis_errors("reading the lease"):
        stored = _stored(catalogue)
    return _read(stored) if stored else None


@contextmanager
def hold(
    catalogue: Catalogue, command: str, *, wait: float = 0.0, seconds: float = LEASE_SECONDS
) -> Iterator[Catalogue]:
    """Hold the catalogue's lease from enter to exit.

    Args:
        catalogue: whose.
        command: what the run does, for those who find the lease taken.
        wait: seconds to wait for another run to end.
        seconds: how long the lease lasts without a sign of life.

    Yields:
        The catalogue, whose writes Redis refuses from the moment the lease is lost.

    Raises:
        LeaseHeld: another run holds it still after ``wait`` seconds.
        ConfigurationError: ``seconds`` is too short to be kept.
    """
    lock, token = _take(catalogue, command, _machine(), wait, seconds)
    try:
        with _kept(lock, seconds):
            yield catalogue.fenced(_fence(catalogue, token))
    finally:
        _release(lock, token)


class Loan(msgspec.Struct, frozen=True):
    """A lease that the workers of one bulk load share.

    Attributes:
        token: what Redis holds as the lease; no secret.
        number: of the lease (see `Fence`).
        seconds: how long it lasts after a worker was last heard of.
    """

    token: str
    number: int
    seconds: float


def lend(catalogue: Catalogue, command: str, *, wait: float = 0.0, seconds: float) -> Loan:
    """Take the catalogue's lease for workers that have yet to begin.

    Args:
        catalogue: whose.
        command: what they are going to do.
        wait: seconds to wait for another run to end.
        seconds: how long the lease lasts while no worker gives a sign of life. No run can begin
            for so long if all of them die.

    Raises:
        LeaseHeld: another run holds it still after ``wait`` seconds.
        ConfigurationError: ``seconds`` is too short to be kept.
    """
    # Without the machine: this process may end long before its workers do.
    lock, token = _take(catalogue, command, "", wait, seconds)
    try:
        return Loan(token.decode(), _fence(catalogue, token).number, seconds)
    except BaseException:
        _release(lock, token)
        raise


@contextmanager
def borrow(catalogue: Catalogue, loan: Loan) -> Iterator[Catalogue]:
    """Work under a lease that another process took, keeping it alive from enter to exit.

    Yields:
        The catalogue, whose writes Redis refuses from the moment the lease is lost.

    Raises:
        LeaseLost: it has ended, or was given back.
    """
    lock = _borrowed(catalogue, loan)
    with redis_errors("renewing the lease"):
        try:
            lock.reacquire()
        except LockError as error:
            raise LeaseLost(
                f"the lease of the bulk load of {catalogue.name!r} has ended: begin the load anew, "
                "what it has written is kept"
            ) from error
    with _kept(lock, loan.seconds):
        yield catalogue.fenced(Fence(lock.name, loan.token.encode(), loan.number))


def give_back(catalogue: Catalogue, loan: Loan) -> None:
    """End a loan; it does no harm to do so twice.

    Raises:
        IndexUnavailable: Redis does not answer.
    """
    with redis_errors("giving back the lease"), contextlib.suppress(LockError):
        _borrowed(catalogue, loan).release()


def _release(lock: Lock, token: bytes) -> None:
    try:
        lock.release()
    except LockError:
        pass  # it was lost
    except RedisError:
        # It ends by itself. Until then nobody else need wait for it in this process, which may
        # live on, as a Lambda does.
        _left.add(token)


def _borrowed(catalogue: Catalogue, loan: Loan) -> Lock:
    lock = Lock(catalogue.client, _key(catalogue), timeout=loan.seconds, thread_local=False)
    lock.local.token = loan.token.encode()
    return lock


def _take(
    catalogue: Catalogue, command: str, machine: str, wait: float, seconds: float
) -> tuple[Lock, bytes]:
    if seconds < 0.3:
        raise ConfigurationError("a lease must last for at least 0.3 seconds")
    key = _key(catalogue)
    with redis_errors("taking the lease"):
        number = int(catalogue.client.incr(f"{key}:number"))
    holder = Holder(number, command, socket.gethostname(), os.getpid(), time.time(), machine)
    token = msgspec.json.encode(holder)
    lock = Lock(catalogue.client, key, timeout=seconds, thread_local=False)
    with redis_errors("taking the lease"):
        _acquire(lock, catalogue, token, wait)
    _log.debug("lease taken", extra={"catalogue": catalogue.name, "lease": number})
    return lock, token


def _fence(catalogue: Catalogue, token: bytes) -> Fence:
    """Number a lease that is held.

    Only now, so that the numbers follow in the order in which leases were held: one that waits
    may be overtaken, and one that leaves has done nothing.
    """
    key = _key(catalogue)
    with redis_errors("taking the lease"):
        return Fence(key, token, int(catalogue.client.incr(f"{key}:held")))


@contextmanager
def _kept(lock: Lock, seconds: float) -> Iterator[None]:
    over = threading.Event()
    beat = threading.Thread(
        target=_keep, args=(lock, seconds / 3, over), name="rxindex-lease", daemon=True
    )
    beat.start()
    try:
        yield
    finally:
        over.set()
        beat.join()


def _acquire(lock: Lock, catalogue: Catalogue, token: bytes, wait: float) -> None:
    """Take the lease, from its holder's heirs if need be.

    Raises:
        LeaseHeld: somebody else holds it still.
    """
    deadline = time.monotonic() + wait
    while True:
        left = max(0.0, deadline - time.monotonic())
        if lock.acquire(blocking_timeout=min(left, 1.0), token=token.decode()):
            return
        stored = _stored(catalogue)
        if stored == token:  # taken by a request whose answer was lost
            lock.local.token = token
            return
        holder = _read(stored) if stored else None
        if stored and holder is not None and (stored in _left or holder.is_gone()):
            _log.warning("the run before died", extra={"catalogue": catalogue.name})
            _remove(catalogue, lock.name, stored)
            _left.discard(stored)
        elif holder is not None and time.monotonic() >= deadline:
            began = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(holder.since))
            raise LeaseHeld(
                f"another run is at work on {catalogue.name!r}: {holder.command}, process "
                f"{holder.pid} on {holder.host}, since {began}. Try again when it is done, or "
                "wait for it with --wait SECONDS"
            )


def _remove(catalogue: Catalogue, key: str, stored: bytes) -> None:
    """Remove a lease if it is still the one that was read."""
    with catalogue.client.pipeline(transaction=True) as pipe:
        pipe.watch(key)  # type: ignore[no-untyped-call]
        if pipe.get(key) == stored:
            pipe.multi()
            pipe.delete(key)
            with contextlib.suppress(WatchError):
                pipe.execute()


def _keep(lock: Lock, every: float, over: threading.Event) -> None:
    """Give signs of life until the run is over, or the lease is somebody else's."""
    while not over.wait(every):
        try:
            lock.reacquire()
        except LockNotOwnedError:
            _log.error("the lease was lost; this run can't write any more")
            return
        except RedisError as error:
            _log.warning("the lease could not be renewed: %s", error)


def _stored(catalogue: Catalogue) -> bytes | None:
    stored: Any = catalogue.client.get(_key(catalogue))
    return bytes(stored) if stored else None


def _read(stored: bytes) -> Holder | None:
    try:
        return msgspec.json.decode(stored, type=Holder)
    except msgspec.DecodeError:
        return Holder(0, "something else", "an unknown machine", 0, time.time())


def _key(catalogue: Catalogue) -> str:
    return catalogue.key("lease")


def _machine() -> str:
    """Name the set of processes that this one belongs to; empty where that is unknown.

    A process number means nothing in another container, so the machine's own name is not enough.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""
