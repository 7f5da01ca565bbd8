"""TREC's formats."""

from __future__ import annotations

from pathlib import Path

import pytest

from rxindex.errors import ConfigurationError
from rxindex.search.evaluation.answers import Found
from rxindex.search.evaluation.measure import evaluate
from rxindex.search.evaluation.trec import (
    read_qrels,
    read_run,
    read_topics,
    write_qrels,
    write_run,
)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    run = {"a": (Found("x", 1), Found("y", 2)), "b": (Found("z+w", 4),)}
    grades = {"a": {"x": 2, "y": 0}, "b": {"z+w": 1}}
    write_run(tmp_path / "run", run)
    write_qrels(tmp_path / "qrels", grades)
    read = read_run(tmp_path / "run")
    assert {key: [one.document for one in ones] for key, ones in read.items()} == {
        "a": ["x", "y"],
        "b": ["z+w"],
    }
    assert read_qrels(tmp_path / "qrels").grades == grades


def test_a_run_is_ordered_by_its_scores(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("t Q0 late 1 0.1 x\nt Q0 early 2 7 x\n")
    assert read_run(tmp_path / "run")["t"] == (Found("early", 1), Found("late", 2))


def test_topics_have_an_id_a_query_and_perhaps_a_kind(tmp_path: Path) -> None:
    (tmp_path / "topics").write_text("1\tlipitor 20 mg\n\n2\tstatins\tclass\n")
    first, second = read_topics(tmp_path / "topics")
    assert (first.id, first.query, first.kind) == ("1", "lipitor 20 mg", "query")
    assert (second.query, second.kind) == ("statins", "class")


def test_topics_without_a_relevant_document_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "topics").write_text("1\ta\n2\tb\n3\tc\n")
    (tmp_path / "qrels").write_text("1 0 x 1\n2 0 x 0\n")
    judged = read_qrels(tmp_path / "qrels", read_topics(tmp_path / "topics"))
    assert [topic.id for topic in judged.topics] == ["1"]
    assert judged.missing == ("2", "3")


def test_qrels_and_a_run_are_enough_to_measure(tmp_path: Path) -> None:
    (tmp_path / "qrels").write_text("1 0 x 1\n1 0 y 1\n2 0 z 1\n")
    (tmp_path / "run").write_text("1 Q0 x 1 2 tag\n1 Q0 n 2 1 tag\n")
    scores = evaluate(read_qrels(tmp_path / "qrels"), read_run(tmp_path / "run")).overall
    assert (scores.queries, scores.success_1, scores.recall_20) == (2, 0.5, 0.25)


@pytest.mark.parametrize("read", [read_topics, read_qrels, read_run])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, read: object) -> None:
    assert callable(read)
    with pytest.raises(ConfigurationError, match="nowhere"):
        read(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("read", "text"),
    [(read_topics, "no tab"), (read_topics, "\tno id"), (read_qrels, "1 0 x"), (read_run, "1 x")],
)
def test_what_is_not_in_the_format_is_refused(tmp_path: Path, read: object, text: str) -> None:
    (tmp_path / "file").write_text(text + "\n")
    assert callable(read)
    with pytest.raises(ConfigurationError, match="file"):
        read(tmp_path / "file")


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nowhere"):
        write_run(tmp_path / "nowhere" / "run", {})
