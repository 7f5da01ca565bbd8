"""Logs say what happened, to people and to machines, and never a secret."""

from __future__ import annotations

import datetime
import io
import json
import logging
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest

from rxindex.errors import ConfigurationError
from rxindex.observe.logs import LOGGER, HidePasswords, LogObserver, configure_logging
from rxindex.sync.events import BatchWritten, ChangesApplied, Event, RunEnded, RunStarted
from rxindex.sync.history import Outcome, RunRecord

SECRET_URL = "mysql://reader:geheim@db/fdb"

RECORD = RunRecord(
    run="r1", command="sync", catalogue="fdb", outcome="completed", started=1.0, ended=18.1,
    total_processed=97_222, added=10, updated=2, duration=17.1, source=SECRET_URL,
)  # fmt: skip
EVENTS: tuple[Event, ...] = (
    RunStarted("r1", "sync", "fdb", "g1", SECRET_URL, "fake", False, 1.0),
    BatchWritten("r1", "fdb", 500, 2000, 12, 1, 3, 0.25),
    ChangesApplied("fdb", 10_000, 1200, 1100, 100, 0.4),
    RunEnded(RECORD),
)


@pytest.fixture(autouse=True)
def logger_as_it_was() -> Iterator[None]:
    """Undo what `configure_logging` does."""
    logger = logging.getLogger(LOGGER)
    before = (logger.level, logger.propagate, list(logger.handlers))
    yield
    logger.level, logger.propagate, logger.handlers[:] = before
    logger.setLevel(before[0])


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_json_lines_carry_the_events_fields(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "debug")
    for event in EVENTS:
        LogObserver()(event)
    out, err = capsys.readouterr()
    assert out == ""
    found = lines(err)
    assert [one["event"] for one in found] == [
        "run_started", "batch_written", "changes_applied", "run_ended",
    ]  # fmt: skip
    assert [one["level"] for one in found] == ["INFO", "DEBUG", "INFO", "INFO"]
    for one, event in zip(found, EVENTS, strict=True):
        assert one["logger"] == "rxindex.run"
        moment = datetime.datetime.fromisoformat(one["timestamp"])
        assert moment.utcoffset() == datetime.timedelta(0)
        told = event.record if isinstance(event, RunEnded) else event
        for field in msgspec.structs.fields(type(told)):
            if field.name != "source":
                assert one[field.name] == getattr(told, field.name), field.name
    assert "geheim" not in err
    assert found[0]["source"] == "mysql://reader:***@db/fdb"
    assert "97,222 drugs" in found[3]["message"]


def test_text_lines_are_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("text", "INFO")
    for event in EVENTS:
        LogObserver()(event)
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 3  # batches are for debugging
    assert err[0].endswith("Z INFO sync of fdb began: mysql://reader:***@db/fdb into generation g1")
    assert "10,000 changed rows of fdb: 1,100 drugs written, 100 deleted, 0.4 s after" in err[1]
    assert "sync of fdb completed after 17.1 s; 97,222 drugs, 12 written" in err[2]


@pytest.mark.parametrize("outcome", get_args(Outcome))
def test_the_level_says_how_a_run_ended(
    outcome: Outcome, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("json")
    ended = msgspec.structs.replace(RECORD, outcome=outcome, error="IndexFull", reason="full")
    LogObserver()(RunEnded(ended))
    (line,) = lines(capsys.readouterr().err)
    expected = {"held": "WARNING", "failed": "ERROR"}
    assert line["level"] == expected.get(outcome, "INFO")
    assert "IndexFull: full" in line["message"]


@pytest.mark.parametrize("kind", ["text", "json"])
def test_no_secret_reaches_the_log_by_any_way(
    kind: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(kind, "debug")
    logger = logging.getLogger("rxindex.some.room")
    logger.warning("can't reach %s", SECRET_URL)
    logger.warning(f"can't reach {SECRET_URL}, 100% sure")
    logger.info("settings", extra={"urls": {"redis": ["redis://:geheim@cache", 7]}})
    try:
        raise ValueError(f"{SECRET_URL} is wrong")
    except ValueError:
        logger.exception("failed", stack_info=True)
    logger.info("options %s", "https://api?api_token=geheim")
    err = capsys.readouterr().err
    assert "geheim" not in err
    assert err.count("mysql://reader:***@db/fdb") == 3
    assert "Traceback" in err
    assert "100% sure" in err


def test_the_filter_serves_an_applications_own_handler() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(HidePasswords())
    logger = logging.getLogger("rxindex.test.own")
    logger.addHandler(handler)
    logger.warning("at %s", SECRET_URL)
    logger.removeHandler(handler)
    assert stream.getvalue() == "at mysql://reader:***@db/fdb\n"


def test_configuring_again_replaces_what_was_there_and_only_that(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logger = logging.getLogger(LOGGER)
    own = logging.NullHandler()
    logger.addHandler(own)
    configure_logging("json")
    configure_logging("text", "warning")
    logger.info("not shown")
    logger.warning("shown")
    assert capsys.readouterr().err.count("\n") == 1
    assert own in logger.handlers
    logger.removeHandler(own)


@pytest.mark.parametrize(("kind", "level"), [("xml", "info"), ("text", "loud")])
def test_an_unknown_format_or_level_is_a_setting_that_is_wrong(kind: Any, level: str) -> None:
    before = list(logging.getLogger(LOGGER).handlers)
    with pytest.raises(ConfigurationError, match="use "):
        configure_logging(kind, level)
    assert logging.getLogger(LOGGER).handlers == before
