"""Logs: what runs tell, as records of the standard library's logging, without secrets."""

from __future__ import annotations

import logging
import sys
import time
from typing import Any, Literal

import msgspec
from pythonjsonlogger.json import JsonFormatter

from rxindex.errors import ConfigurationError
from rxindex.sync.events import BatchWritten, ChangesApplied, Event, RunEnded, RunStarted
from rxindex.sync.history import RunRecord, hide_passwords

__all__ = ["LOGGER", "HidePasswords", "LogFormat", "LogObserver", "configure_logging"]

#: What all loggers of rxindex are children of.
LOGGER = "rxindex"

LogFormat = Literal["text", "json"]

_HANDLER = "rxindex"
_LEVELS = ("debug", "info", "warning", "error", "critical")
#: What a record has anyway; all else came in as ``extra``.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_OUTCOME_LEVELS = {"held": logging.WARNING, "failed": logging.ERROR}


class HidePasswords(logging.Filter):
    """Hides the secrets of every URL in a record: in message, arguments, extras and traceback.

    Put it on a handler: a logger's filters don't see what its children log. Handlers that come
    after it get the record without its secrets too.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Hide them, and let the record through."""
        record.msg, record.args = hide_passwords(record.getMessage()), None
        if record.exc_info:
            # Formatters use the text where there is no exception; they would format it anew.
            record.exc_text = logging.Formatter().formatException(record.exc_info)
            record.exc_info = None
        for name in ("exc_text", "stack_info"):
            if text := getattr(record, name):
                setattr(record, name, hide_passwords(text))
        for name, value in vars(record).items():
            if name not in _OWN:
                setattr(record, name, _hidden(value))
        return True


def configure_logging(
    format: LogFormat = "text",  # noqa: A002 - as the option is called
    level: str = "info",
) -> None:
    """Send rxindex's logs to standard error. For a program of its own, not for a library.

    A second call replaces what the first one set up. Loggers of other packages are left alone.

    Args:
        format: ``text``, one sentence a line, or ``json``, one object a line.
        level: ``debug``, ``info``, ``warning``, ``error`` or ``critical``, in any case.

    Raises:
        ConfigurationError: there is no such format or level.
    """
    if level.lower() not in _LEVELS:
        raise ConfigurationError(f"{level!r} is no log level: use {', '.join(_LEVELS)}")
    logger = logging.getLogger(LOGGER)
    handler = logging.StreamHandler(sys.stderr)
    handler.set_name(_HANDLER)
    handler.setFormatter(_formatter(format))
    handler.addFilter(HidePasswords())
    for old in [one for one in logger.handlers if one.get_name() == _HANDLER]:
        logger.removeHandler(old)
        old.close()
    logger.addHandler(handler)
    logger.setLevel(level.upper())
    logger.propagate = False


class LogObserver:
    """Logs events, each as a sentence with the event's fields as extras.

    Args:
        logger: where to; else ``rxindex.run``.
    """

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self.logger = logger or logging.getLogger(f"{LOGGER}.run")

    def __call__(self, event: Event) -> None:
        """Log an event."""
        level = _level(event)
        if self.logger.isEnabledFor(level):
            self.logger.log(level, "%s", _sentence(event), extra=_fields(event))


def _level(event: Event) -> int:
    if isinstance(event, BatchWritten):
        return logging.DEBUG
    if isinstance(event, RunEnded):
        return _OUTCOME_LEVELS.get(event.record.outcome, logging.INFO)
    return logging.INFO


def _fields(event: Event) -> dict[str, Any]:
    """Give an event's fields, those of a record among them, on one level."""
    fields: dict[str, Any] = msgspec.to_builtins(event)
    record: dict[str, Any] = fields.pop("record", {})
    return fields | record


def _sentence(event: Event) -> str:
    match event:
        case RunStarted():
            verb = "goes on" if event.resumed else "began"
            return (
                f"{event.command} of {event.catalogue} {verb}: {event.source} into generation "
                f"{event.generation}"
            )
        case BatchWritten():
            return (
                f"{event.drugs:,} drugs of {event.catalogue} in {event.seconds:,.2f} s: "
                f"{event.written:,} written, {event.failed:,} failed, "
                f"{event.embedding_calls:,} embedding calls"
            )
        case ChangesApplied():
            return (
                f"{event.rows:,} changed rows of {event.catalogue}: {event.written:,} drugs "
                f"written, {event.deleted:,} deleted, {event.lag:,.1f} s after the commit"
            )
        case RunEnded(record):
            return _end(record)


def _end(record: RunRecord) -> str:
    said = f"{record.command} of {record.catalogue} {record.outcome} after {record.duration:,.1f} s"
    if record.error:
        said += f" with {record.error}: {record.reason}"
    return (
        f"{said}; {record.total_processed:,} drugs, {record.written:,} written, "
        f"{record.deleted:,} deleted, {record.failed:,} failed"
    )


def _formatter(kind: LogFormat) -> logging.Formatter:
    if kind == "json":
        return JsonFormatter(
            "%(levelname)s %(name)s %(message)s",
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp=True,
        )
    if kind != "text":
        raise ConfigurationError(f"{kind!r} is no log format: use text or json")
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    return formatter


def _hidden(value: Any) -> Any:
    """Hide the secrets in a value, however deep they are."""
    match value:
        case str():
            return hide_passwords(value)
        case dict():
            return {name: _hidden(one) for name, one in value.items()}
        case list() | tuple():
            return [_hidden(one) for one in value]
        case _:
            return value
