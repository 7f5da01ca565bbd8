"""What a function writes to its log: JSON with the invocation in it, and no secret."""

from __future__ import annotations

import datetime
import io
import json
import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.services.aws import Invocation

from rxindex.aws.logs import invocation_logged
from rxindex.aws.masking import mask, masked, masked_value
from rxindex.errors import ConfigurationError, SourceAccessDenied, TerminalError
from rxindex.observe.logs import LOGGER, LogObserver
from rxindex.sync.events import RunEnded
from rxindex.sync.history import RunRecord

SECRET = "0pens/every thing"
RECORD = RunRecord(
    run="r1", command="sync", catalogue="fdb", outcome="completed", started=1.0, ended=18.1,
    total_processed=97_222, added=10, source="mysql://reader:geheim@db/fdb",
)  # fmt: skip


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_every_record_names_its_invocation_and_keeps_its_fields(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1")
    first, second = Invocation(), Invocation()
    with invocation_logged(first, action="sync"):
        LogObserver()(RunEnded(RECORD))
    with invocation_logged(second):
        logging.getLogger("rxindex.some.room").warning("%d left", 3, extra={"left": 3})
    told, plain = lines(capsys.readouterr().out)
    for field in msgspec.structs.fields(RunRecord):
        if field.name != "source":
            assert told[field.name] == getattr(RECORD, field.name), field.name
    assert told["event"] == "run_ended"
    assert told["logger"] == "rxindex.run"
    assert "97,222 drugs" in told["message"]
    assert (told["action"], told["level"], told["service"]) == ("sync", "INFO", "rxindex")
    moment = datetime.datetime.fromisoformat(told["timestamp"])
    assert moment.utcoffset() == datetime.timedelta(0)
    assert told["xray_trace_id"] == "1-5759e988-bd862e3fe1be46a994272793"
    for line, invocation in ((told, first), (plain, second)):
        assert line["function_request_id"] == invocation.aws_request_id
        assert line["function_name"] == invocation.function_name
        assert line["function_arn"] == invocation.invoked_function_arn
    # What belonged to the first is gone, and only one start is cold.
    assert "action" not in plain
    assert plain["cold_start"] is False
    assert (plain["message"], plain["left"]) == ("3 left", 3)


def test_the_level_is_a_setting(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = logging.getLogger("rxindex.some.room")
    with invocation_logged(Invocation()):
        logger.debug("by default not shown")
        logger.info("by default shown")
    monkeypatch.setenv("RXINDEX_LOG_LEVEL", "warning")
    with invocation_logged(Invocation()):
        logger.info("not shown")
    monkeypatch.setenv("RXINDEX_LOG_LEVEL", "debug")
    with invocation_logged(Invocation()):
        logger.debug("shown too")
    assert [one["message"] for one in lines(capsys.readouterr().out)] == [
        "by default shown", "shown too",
    ]  # fmt: skip
    monkeypatch.setenv("RXINDEX_LOG_LEVEL", "loud")
    with (
        pytest.raises(ConfigurationError, match="RXINDEX_LOG_LEVEL"),
        invocation_logged(Invocation()),
    ):
        pass


def test_a_message_is_what_it_says_even_if_it_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    with invocation_logged(Invocation()):
        for text in ("null", "12", '{"a": 1}', "100% sure"):
            logging.getLogger("rxindex.some.room").info(text)
    assert [one["message"] for one in lines(capsys.readouterr().out)] == [
        "null", "12", '{"a": 1}', "100% sure",
    ]  # fmt: skip


def test_no_secret_reaches_the_log_by_any_way(capsys: pytest.CaptureFixture[str]) -> None:
    mask(SECRET)
    logger = logging.getLogger("rxindex.some.room")
    with invocation_logged(Invocation(), password=SECRET):
        logger.warning("can't log in with %s", SECRET)
        logger.warning(f"can't reach mysql://reader:geheim@db/fdb with {SECRET}, 100% sure")
        logger.info("settings", extra={"a": {SECRET: [SECRET, 7, None, {SECRET}]}, "b": (SECRET,)})
        logger.info("an object", extra={"it": ValueError(f"with {SECRET}")})
        logger.info("encoded as redis://:0pens%2Fevery%20thing@cache and 0pens%2Fevery%20thing")
        try:
            raise ValueError(f"{SECRET} is wrong") from KeyError(SECRET)
        except ValueError:
            logger.exception("failed", stack_info=True)
    out = capsys.readouterr().out
    assert "0pens" not in out
    assert "geheim" not in out
    told = lines(out)
    assert told[0]["message"] == "can't log in with ***"
    assert told[0]["password"] == "***"
    assert told[1]["message"].startswith("can't reach mysql://reader:***@db/fdb with ***, 100%")
    assert told[2]["a"] == {"***": ["***", 7, None, ["***"]]}
    assert told[5]["exception_name"] == "ValueError"
    assert "ValueError: *** is wrong" in told[5]["exception"]
    assert told[5]["stack_trace"]["value"] == "*** is wrong"


def test_records_of_other_packages_go_where_they_went_without_secrets() -> None:
    mask(SECRET)
    runtime = logging.StreamHandler(io.StringIO())
    root = logging.getLogger()
    root.addHandler(runtime)
    try:
        with invocation_logged(Invocation()):
            logging.getLogger("some.driver").warning("can't log in with %s", SECRET)
            logging.getLogger("rxindex.some.room").warning("once is enough")
            try:
                raise ValueError(SECRET)
            except ValueError:
                logging.getLogger("some.driver").exception("redis://:geheim@cache failed")
    finally:
        root.removeHandler(runtime)
    said = runtime.stream.getvalue()
    assert "can't log in with ***\nredis://:***@cache failed\nTraceback" in said
    assert said.endswith("ValueError: ***\n")
    assert "once is enough" not in said


def test_a_failure_is_logged_with_its_causes_and_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SourceAccessDenied, match="refused"), invocation_logged(Invocation()):
        try:
            raise OSError("the deeper cause")
        except OSError as error:
            raise SourceAccessDenied("the database refused access") from error
    (line,) = lines(capsys.readouterr().out)
    assert line["level"] == "ERROR"
    assert "SourceAccessDenied: the database refused access" in line["message"]
    assert "the deeper cause" in line["exception"]


def test_a_failure_that_tells_a_secret_does_not_leave(capsys: pytest.CaptureFixture[str]) -> None:
    mask(SECRET)
    with pytest.raises(TerminalError) as caught, invocation_logged(Invocation()):
        raise ValueError(f"no entry with {SECRET} for mysql://reader:geheim@db/fdb")
    expected = "ValueError: no entry with *** for mysql://reader:***@db/fdb"
    assert str(caught.value) == expected
    assert caught.value.__suppress_context__
    assert "0pens" not in capsys.readouterr().out


def test_loggers_are_afterwards_what_they_were(tmp_path: Path) -> None:
    own, root = logging.getLogger(LOGGER), logging.getLogger()
    filters = [list(one.filters) for one in root.handlers]
    before = (own.level, own.propagate, list(own.handlers))
    with invocation_logged(Invocation()):
        assert own.handlers != before[2]
    assert (own.level, own.propagate, list(own.handlers)) == before
    assert [list(one.filters) for one in root.handlers] == filters


def test_a_secret_too_short_to_tell_from_other_words_stays() -> None:
    mask("rx")
    assert masked("rxindex") == "rxindex"
    mask("")
    assert masked("nothing") == "nothing"


def test_old_secrets_are_forgotten_in_the_end_and_new_ones_are_not() -> None:
    mask("the-first-of-many")
    for number in range(500):
        mask(f"secret number {number}/")
    assert masked("secret number 499/") == "***"
    assert masked("secret number 450/") == "***"
    assert masked("the-first-of-many") == "the-first-of-many"


def test_a_secret_that_holds_another_is_hidden_whole() -> None:
    mask("part")
    mask("counterparts")
    assert masked_value({"said": "counterparts and part"}) == {"said": "*** and ***"}
