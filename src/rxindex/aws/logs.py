"""Structured logs of a function: one JSON object a line, with the invocation that it belongs to.

The Logger of Powertools for AWS Lambda is laid under rxindex's own loggers, so that every module
logs as it does elsewhere and its fields (``extra``) come out beside request id, function, cold
start and trace id. No secret comes out, by its place or by its value (`rxindex.aws.masking`).
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from rxindex.aws.masking import masked, masked_value
from rxindex.aws.settings import load_lambda_settings
from rxindex.errors import MissingExtra, TerminalError
from rxindex.observe.logs import LOGGER, HidePasswords

try:
    from aws_lambda_powertools.logging import Logger
    from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
    from aws_lambda_powertools.logging.lambda_context import build_lambda_context_model
except ModuleNotFoundError as error:
    raise MissingExtra("the functions need Powertools: pip install 'rxindex[lambda]'") from error

if TYPE_CHECKING:
    from aws_lambda_powertools.logging.types import LogRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

__all__ = ["SERVICE", "invocation_logged"]

#: Named in every record and metric.
SERVICE = LOGGER

_log = logging.getLogger(__name__)


class _Formatter(LambdaPowertoolsFormatter):
    """Powertools' JSON, with the logger's name as in rxindex's other logs and without secrets."""

    def __init__(self) -> None:
        super().__init__(
            # Messages are sentences: one that happens to be JSON stays what it says.
            json_deserializer=str,
            utc=True,
            use_rfc3339=True,
            name="%(name)s",
        )

    def serialize(self, log: LogRecord) -> str:
        """Write a record that Powertools has put together."""
        written = masked_value(dict(log))
        written["logger"] = written.pop("name")
        return super().serialize(written)


class _StandardOutput(logging.StreamHandler[IO[str]]):
    """Writes to what standard output is at the time of writing, as `print` does."""

    @property
    def stream(self) -> IO[str]:
        return sys.stdout

    @stream.setter
    def stream(self, value: IO[str]) -> None:
        """Leave it: `logging.StreamHandler` sets what it was made with."""


class _MaskSecrets(HidePasswords):
    """Hides secrets in the records of other packages, whatever writes them."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Hide them, and let the record through."""
        super().filter(record)
        record.msg = masked(record.msg)
        if record.exc_text:
            record.exc_text = masked(record.exc_text)
        return True


class _Environment:
    """What is kept while the function's environment is warm."""

    logger: Logger | None = None
    cold: bool = True


@contextmanager
def invocation_logged(context: LambdaContext, **fields: Any) -> Iterator[None]:
    """Log as a function does from enter to exit: the invocation in every record, and its failure.

    How much is logged is ``RXINDEX_LOG_LEVEL``'s to say. The records of other packages go where
    they went before, without their secrets.

    Args:
        context: of the invocation.
        fields: more of what belongs to it: the action, the catalogue.

    Raises:
        ConfigurationError: ``RXINDEX_LOG_LEVEL`` is not a level.
        TerminalError: in place of an error whose message holds a secret; everything that leaves
            here is written to the log by Lambda, and sent to whoever has invoked the function.
    """
    with _powertools(load_lambda_settings().log_level.upper()) as logger:
        known = vars(build_lambda_context_model(context))
        # In place of what belonged to the invocation before.
        logger.structure_logs(cold_start=_Environment.cold, **known, **fields)
        _Environment.cold = False
        try:
            yield
        except Exception as error:
            _log.exception("the invocation failed with %s: %s", type(error).__name__, error)
            said = masked(str(error))
            if said != str(error):
                raise TerminalError(f"{type(error).__name__}: {said}") from None
            raise


@contextmanager
def _powertools(level: str) -> Iterator[Logger]:
    """Lay Powertools' logger under those of rxindex; on exit all is as it was."""
    own, others = logging.getLogger(LOGGER), list(logging.getLogger().handlers)
    before = own.level, own.propagate
    if _Environment.logger is None:
        _Environment.logger = Logger(
            service=SERVICE,
            level=level,
            logger_handler=_StandardOutput(),
            logger_formatter=_Formatter(),
        )
    handler, secrets = _Environment.logger.registered_handler, _MaskSecrets()
    own.addHandler(handler)
    own.setLevel(level)
    # Or the runtime's own handler would write each record once more.
    own.propagate = False
    for other in others:
        other.addFilter(secrets)
    try:
        yield _Environment.logger
    finally:
        own.removeHandler(handler)
        own.setLevel(before[0])
        own.propagate = before[1]
        for other in others:
            other.removeFilter(secrets)
