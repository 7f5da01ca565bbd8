"""Every error that rxindex raises, as one tree.

The two branches at the root answer the only question that a caller must be able to answer by
itself: would the same call go through later? ``TransientError``: yes, retry. ``TerminalError``:
no, something has to change first.

::

    RxindexError
    ├── TerminalError                  never retry; somebody has to change something
    │   ├── ConfigurationError         a setting, a mapping or a vocabulary file is wrong
    │   │   └── MissingExtra           an optional part of rxindex is not installed
    │   ├── SourceError                the catalogue can't be read as it is
    │   │   ├── SourceAccessDenied     user, password or rights
    │   │   ├── SourceNotFound         no such host, database or file
    │   │   ├── SourceSchemaError      a table or a column is missing
    │   │   ├── SourceDataError        the file is not what it claims to be
    │   │   ├── EmptySource            no row at all: refused, since it would empty the index
    │   │   └── BinlogGone             the binlog does not hold any more what was not followed yet
    │   ├── RowError                   one row is bad; its drug is quarantined, the run goes on
    │   │   └── NDCError               not a National Drug Code (also a ValueError)
    │   ├── EmbedError                 the model will never embed this
    │   │   ├── EmbedAccessDenied      credentials or rights
    │   │   ├── EmbedRejected          one text refused; its drug is quarantined
    │   │   ├── ModelIntegrityError    the model's files are not the ones expected
    │   │   └── VectorSizeError        a vector has the wrong number of dimensions
    │   ├── IndexAccessDenied          Redis user, password or rights
    │   ├── SearchModuleMissing        Redis without its query engine
    │   ├── IndexReadOnly              Redis is a replica, or refuses writes
    │   ├── IndexFull                  Redis reached maxmemory
    │   ├── DiskFull                   no room for the embedded Redis
    │   ├── EmbeddedRedisError         the embedded Redis can't run here
    │   ├── IndexRejected              Redis took the documents but could not index them
    │   ├── GenerationMismatch         the live index was built with other settings
    │   ├── CatalogueNotIndexed        no index answers under this catalogue's name
    │   ├── ErrorBudgetSpent           too many drugs failed: the run was stopped
    │   └── QueryError                 the search request is not one
    └── TransientError                 retry, with back-off
        ├── SourceUnavailable          the database does not answer, or hung up
        ├── EmbedderUnavailable        the model's service does not answer
        │   └── Throttled              it answers: slow down (``retry_after`` in seconds)
        ├── IndexUnavailable           Redis does not answer, or is loading
        ├── LeaseHeld                  another run is at work on the catalogue
        ├── LeaseLost                  this run was taken for dead, and another began
        └── WorkersUnavailable         the Dask cluster does not answer, or lost its workers

``exit_code`` is what the command line exits with (see docs/cli.md): 3 settings, 4 source,
5 index, 6 embedder, 7 some drugs were quarantined, 8 another run is at work, 11 no workers; 2 is a
usage error and 130 an interrupt.
"""

from __future__ import annotations

__all__ = [
    "BinlogGone",
    "CatalogueNotIndexed",
    "ConfigurationError",
    "DiskFull",
    "EmbedAccessDenied",
    "EmbedError",
    "EmbedRejected",
    "EmbeddedRedisError",
    "EmbedderUnavailable",
    "EmptySource",
    "ErrorBudgetSpent",
    "GenerationMismatch",
    "IndexAccessDenied",
    "IndexFull",
    "IndexReadOnly",
    "IndexRejected",
    "IndexUnavailable",
    "LeaseHeld",
    "LeaseLost",
    "MissingExtra",
    "ModelIntegrityError",
    "NDCError",
    "QueryError",
    "RowError",
    "RxindexError",
    "SearchModuleMissing",
    "SourceAccessDenied",
    "SourceDataError",
    "SourceError",
    "SourceNotFound",
    "SourceSchemaError",
    "SourceUnavailable",
    "TerminalError",
    "Throttled",
    "TransientError",
    "VectorSizeError",
    "WorkersUnavailable",
]


class RxindexError(Exception):
    """The root: catch this to catch everything that rxindex raises on purpose."""

    exit_code: int = 1


class TerminalError(RxindexError):
    """The same call would fail again; something has to change first."""


class TransientError(RxindexError):
    """The same call may go through later."""


class ConfigurationError(TerminalError):
    """A setting, a mapping file or a vocabulary file is wrong."""

    exit_code = 3


class MissingExtra(ConfigurationError):
    """An optional part is not installed; the message names the extra to install."""


class SourceError(TerminalError):
    """The catalogue can't be read as it is."""

    exit_code = 4


class SourceAccessDenied(SourceError):
    """The database refused the user, the password or the rights."""


class SourceNotFound(SourceError):
    """There is no such host, database, folder or file."""


class SourceSchemaError(SourceError):
    """A table or a column that the mapping names does not exist; the message names it."""


class SourceDataError(SourceError):
    """The file is not what it claims to be (not a zip, not the NDC Directory's columns)."""


class EmptySource(SourceError):
    """The source has no row. Refused: taken at its word, it would empty the index."""


class BinlogGone(SourceError):
    """The binlog does not hold any more what was not followed yet.

    It was purged, reset, or belongs to another server. A full comparison of source and index is
    the way on; ``rxindex follow`` makes one by itself.
    """


class RowError(TerminalError):
    """One row is bad. Its drug is quarantined with this message, and the run goes on."""

    exit_code = 7


class NDCError(RowError, ValueError):
    """The text is not a National Drug Code in any of its forms."""

    exit_code = 2


class EmbedError(TerminalError):
    """The model will never embed this."""

    exit_code = 6


class EmbedAccessDenied(EmbedError):
    """The model's service refused the credentials or the rights."""


class EmbedRejected(EmbedError):
    """The model refused one text. Its drug is quarantined, and the run goes on."""


class ModelIntegrityError(EmbedError):
    """A model file does not have the checksum that rxindex expects."""


class VectorSizeError(EmbedError):
    """A vector has the wrong number of dimensions.

    Redis would drop the whole document from the index, text included, without telling the
    writer, so this is checked before any write.
    """


class IndexAccessDenied(TerminalError):
    """Redis refused the user, the password, or the rights of the ACL user."""

    exit_code = 5


class SearchModuleMissing(TerminalError):
    """Redis answers but has no query engine (no ``FT.*`` commands)."""

    exit_code = 5


class IndexReadOnly(TerminalError):
    """Redis refuses writes: a replica, or an instance with a failed snapshot."""

    exit_code = 5


class IndexFull(TerminalError):
    """Redis reached ``maxmemory`` and evicts nothing."""

    exit_code = 5


class DiskFull(TerminalError):
    """There is no room on the disk of the embedded Redis."""

    exit_code = 5


class EmbeddedRedisError(TerminalError):
    """The embedded Redis can't run on this machine, or did not start."""

    exit_code = 5


class IndexRejected(TerminalError):
    """Redis stored documents that it could not index; the message has its own reason."""

    exit_code = 5


class GenerationMismatch(TerminalError):
    """The live index was built with another model, size, vector type or schema."""

    exit_code = 5


class CatalogueNotIndexed(TerminalError):
    """No index answers under this catalogue's name."""

    exit_code = 5


class ErrorBudgetSpent(TerminalError):
    """Too many drugs failed, by number, in a row, or in share; the run was stopped.

    What was written is whole. Throttling and drugs that were in quarantine before don't count.
    """

    exit_code = 7


class QueryError(TerminalError):
    """The search request is empty, too long, or has a filter that does not exist."""

    exit_code = 2


class SourceUnavailable(TransientError):
    """The database does not answer, or hung up."""

    exit_code = 4


class EmbedderUnavailable(TransientError):
    """The model's service does not answer, or failed on its side."""

    exit_code = 6


class Throttled(EmbedderUnavailable):
    """The model's service asks to slow down.

    Args:
        message: what happened and what to do.
        retry_after: seconds that the service asked to wait, if it said so.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class IndexUnavailable(TransientError):
    """Redis does not answer, or is loading its data."""

    exit_code = 5


class LeaseHeld(TransientError):
    """Another run is at work on this catalogue; the message names it."""

    exit_code = 8


class LeaseLost(TransientError):
    """This run did not renew its lease in time, and its writes are refused from then on.

    What it wrote before is whole; the run that took over, or the next one, does the rest.
    """

    exit_code = 8


class WorkersUnavailable(TransientError):
    """The Dask cluster does not answer, has no worker, or loses them one after the other.

    What its workers wrote is whole; the next run does the rest.
    """

    exit_code = 11
