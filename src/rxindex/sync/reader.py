"""Rows are read and assembled in a process of their own, while this one plans, embeds and writes.

Python works on one thing at a time, and where each drug is looked at half of that is reading and
assembling. A machine with two cores does both halves at once. Only where nothing in the index is
known, or believed, to be as it is in the source: else which groups to read is known only by asking
the ledger, and there is little to assemble.

The other process opens the source itself: its snapshot begins after that of the run, so it has all
that the run's has. It is given what it needs on its standard input, passwords included, and never
in its arguments, which anybody on the machine can read. It ends when nobody reads it any more.
"""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from itertools import chain
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from rxindex.cores import cores
from rxindex.errors import RxindexError, SourceUnavailable
from rxindex.source.base import Group, Partition, Reopenable, Source
from rxindex.sync.assemble import RowCounts
from rxindex.sync.batch import DrugBatch
from rxindex.sync.reading import changed_batches
from rxindex.vocabulary import Vocabulary

__all__ = ["Reader", "reader_for", "serve"]


class _Job(msgspec.Struct, frozen=True):
    source: Reopenable
    vocabulary: Vocabulary
    partition: Partition
    after: Group | None
    today: str
    size: int


class _Opened(msgspec.Struct, frozen=True, tag="opened"):
    """The source can be read."""


class _Read(msgspec.Struct, frozen=True, tag="read"):
    """What was read since the last of these; without a batch if it is the last one."""

    batch: DrugBatch | None
    counts: RowCounts
    notes: list[str]


class _Failed(msgspec.Struct, frozen=True, tag="failed"):
    error: RxindexError


def _unpickled(kind: type, data: bytes) -> Any:
    return pickle.loads(data)  # noqa: S301 - our own process's


_Answer = _Opened | _Read | _Failed

# Errors, those of rows among them, are pickled; all else goes twice as fast.
_encoder = msgspec.msgpack.Encoder(enc_hook=pickle.dumps)
_decoder: msgspec.msgpack.Decoder[_Answer] = msgspec.msgpack.Decoder(_Answer, dec_hook=_unpickled)


class Reader:
    """Reads a source in another process.

    Args:
        source: entered or not; the other process enters one of its own.
        vocabulary: joined by ingredient.
        today: ISO date that decides what is obsolete.
        size: drugs in a batch.
    """

    def __init__(self, source: Reopenable, vocabulary: Vocabulary, today: str, size: int) -> None:
        self._notes: list[str] = []
        self._refused = ""
        self._source = source
        self._vocabulary = vocabulary
        self._today = today
        self._size = size

    def batches(
        self,
        partition: Partition,
        after: Group | None,
        counts: RowCounts,
        here: Callable[[], Generator[DrugBatch, None, None]],
    ) -> Generator[DrugBatch, None, None]:
        """Read and assemble a partition, as `changed_batches` does where nothing is known.

        Args:
            partition: of the source.
            after: go on behind this group.
            counts: to fill in.
            here: does it in this process, if the other one can't begin: the database may not give
                its user a second connection, or there is no memory for a second process.

        Raises:
            SourceError, SourceUnavailable: as the source does.
            SourceUnavailable: the other process was ended by somebody.
        """
        job = _Job(
            self._source.reopened(), self._vocabulary, partition, after, self._today, self._size
        )
        with ExitStack() as stack:
            try:
                answer = stack.enter_context(_begun(job))
                answer()  # it has opened the source
            except (RxindexError, OSError) as error:
                self._refused = str(error)
                stack.close()
                yield from here()
            else:
                yield from self._read(answer, counts)

    def notes(self) -> list[str]:
        """Say what the source had to say about what was read so far, whoever has read it."""
        if not self._refused:
            return self._notes
        why = f"all was read in one process, since a second one could not begin: {self._refused}"
        return [*self._source.notes(), why]

    def _read(
        self, answer: Callable[[], _Answer], counts: RowCounts
    ) -> Generator[DrugBatch, None, None]:
        while isinstance(read := answer(), _Read):
            self._notes = read.notes
            read.counts.move_to(counts)
            if read.batch is None:
                return
            yield read.batch


def reader_for(
    source: Source,
    vocabulary: Vocabulary,
    today: str,
    size: int,
    packages: int,
    reader_from: int | None,
) -> Reader | None:
    """Give what reads in another process, where that can be, and is worth it.

    Args:
        source: entered, or not yet.
        vocabulary: joined by ingredient.
        today: ISO date that decides what is obsolete.
        size: drugs in a batch.
        packages: of the source.
        reader_from: packages from which on it is worth it; None if it is not allowed.
    """
    if reader_from is None or packages < reader_from or cores() < 2:
        return None
    if not isinstance(source, Reopenable):
        return None
    return Reader(source, vocabulary, today, size)


@contextmanager
def _begun(job: _Job) -> Iterator[Callable[[], _Answer]]:
    """Start the other process, and end it; gives what waits for its next answer."""
    # A pipe of its own, so that nothing that is printed gets in between.
    ours, theirs = os.pipe()
    with closing(Connection(ours, writable=False)) as answers:
        try:
            process = _start(theirs)
        finally:
            os.close(theirs)

        def answer() -> _Answer:
            try:
                found = _decoder.decode(answers.recv_bytes())
            except EOFError:
                raise SourceUnavailable(
                    f"the process that reads {job.source.name} ended with exit code "
                    f"{process.wait()} before it had read everything; was it killed, or memory "
                    "short? What was read before is written. Run again: it goes on from there"
                ) from None
            if isinstance(found, _Failed):
                raise found.error
            return found

        try:
            _hand_over(process, job)
            yield answer
        finally:
            process.kill()
            process.wait()


def serve(handle: int) -> None:
    """Carry out the job on standard input; what the other process does.

    Args:
        handle: of the pipe to answer on.
    """
    job: _Job = pickle.load(sys.stdin.buffer)  # noqa: S301 - our own process's
    # Rows and drugs have no cycles, and to look for some in them is a seventh of the work.
    gc.freeze()
    gc.set_threshold(100_000)
    # Nobody reads any more: the run has ended, and so does this.
    with closing(Connection(handle, readable=False)) as out, suppress(BrokenPipeError):
        try:
            with job.source:
                out.send_bytes(_encoder.encode(_Opened()))
                _send_all(job, out)
        except RxindexError as error:
            out.send_bytes(_encoder.encode(_Failed(error)))


def _send_all(job: _Job, out: Connection) -> None:
    counts = RowCounts()
    batches = changed_batches(
        job.source.chunks(job.partition, job.after), None, job.vocabulary, job.today, counts,
        job.size,
    )  # fmt: skip
    with closing(batches):
        for batch in chain(batches, (None,)):
            since = RowCounts()
            counts.move_to(since)
            out.send_bytes(_encoder.encode(_Read(batch, since, job.source.notes())))


def _start(handle: int) -> subprocess.Popen[bytes]:
    command = f"from rxindex.sync.reader import serve; serve({handle})"
    # Not multiprocessing: that runs the caller's own script again.
    return subprocess.Popen(  # noqa: S603 - our own command, no shell
        [sys.executable, "-P", "-c", command],
        stdin=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        pass_fds=(handle,),
        # Ctrl-C in the terminal asks the run to stop, which reads on for a moment.
        start_new_session=True,
    )


def _hand_over(process: subprocess.Popen[bytes], job: _Job) -> None:
    if process.stdin is None:
        raise TypeError("its standard input is no pipe")
    # One that has ended already is noticed when it gives no answer.
    with suppress(BrokenPipeError), process.stdin:
        process.stdin.write(pickle.dumps(job))
