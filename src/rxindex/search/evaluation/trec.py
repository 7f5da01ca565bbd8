"""TREC's file formats: topics, judgements (qrels) and runs.

Qrels are lines of ``topic 0 document grade``, runs of ``topic Q0 document rank score tag``, both
with blanks between the fields. Topics are lines of an id, a tab, and the query; a third field,
after another tab, is the kind of query.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from rxindex.errors import ConfigurationError, MissingExtra
from rxindex.search.evaluation.answers import Found, Run
from rxindex.search.evaluation.judge import Judged
from rxindex.search.evaluation.judged import Topic

__all__ = ["load_measures", "read_qrels", "read_run", "read_topics", "write_qrels", "write_run"]

T = TypeVar("T")

#: The kind of topics that have none.
_NO_KIND = "query"
_TAG = "rxindex"


def load_measures() -> Any:
    """Import ``ir_measures``, which reads TREC's files and computes its measures.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import ir_measures
    except ImportError:
        raise MissingExtra(
            "evaluation needs ir-measures: install it with pip install 'rxindex[eval]'"
        ) from None
    return ir_measures


def read_topics(path: Path) -> tuple[Topic, ...]:
    """Read topics without judgements.

    Raises:
        ConfigurationError: the file can't be read, or a line is no topic.
    """
    topics = []
    for number, line in enumerate(_read(path, Path.read_text).splitlines(), 1):
        if not line.strip():
            continue
        key, _, rest = line.partition("\t")
        query, _, kind = rest.partition("\t")
        if not key.strip() or not query.strip():
            raise ConfigurationError(
                f"topics {path}, line {number}: write an id, a tab, and the query"
            )
        topics.append(Topic(key.strip(), kind.strip() or _NO_KIND, query.strip(), right=()))
    return tuple(topics)


def read_qrels(path: Path, topics: Iterable[Topic] = ()) -> Judged:
    """Read judgements; their documents are ids of drugs.

    Args:
        path: of the qrels.
        topics: that they judge; without any, each id in the file stands for one.

    Raises:
        ConfigurationError: the file can't be read, or is not one of qrels.
        MissingExtra: ``ir_measures`` is not installed.
    """
    library = load_measures()
    grades: dict[str, dict[str, int]] = defaultdict(dict)
    for one in _read(path, lambda file: list(library.read_trec_qrels(str(file)))):
        grades[one.query_id][one.doc_id] = one.relevance
    asked = tuple(topics) or tuple(Topic(key, _NO_KIND, "", right=()) for key in grades)
    known = {key for key, found in grades.items() if any(grade > 0 for grade in found.values())}
    return Judged(
        topics=tuple(topic for topic in asked if topic.id in known),
        missing=tuple(topic.id for topic in asked if topic.id not in known),
        grades={topic.id: grades[topic.id] for topic in asked if topic.id in known},
    )


def read_run(path: Path) -> Run:
    """Read a run; the higher its score, the further ahead a document is.

    Raises:
        ConfigurationError: the file can't be read, or is not a run.
        MissingExtra: ``ir_measures`` is not installed.
    """
    library = load_measures()
    scores: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for one in _read(path, lambda file: list(library.read_trec_run(str(file)))):
        scores[one.query_id].append((-one.score, one.doc_id))
    return {
        key: tuple(Found(document, place) for place, (_, document) in enumerate(sorted(found), 1))
        for key, found in scores.items()
    }


def write_qrels(path: Path, grades: Mapping[str, Mapping[str, int]]) -> None:
    """Write judgements.

    Raises:
        ConfigurationError: the file can't be written.
    """
    _write(
        path,
        (
            f"{topic} 0 {document} {grade}"
            for topic, found in grades.items()
            for document, grade in found.items()
        ),
    )


def write_run(path: Path, run: Run) -> None:
    """Write a run; the score of a document is the reciprocal of its place.

    Raises:
        ConfigurationError: the file can't be written.
    """
    _write(
        path,
        (
            f"{topic} Q0 {one.document} {one.place} {1 / one.place:.6f} {_TAG}"
            for topic, found in run.items()
            for one in found
        ),
    )


def _read(path: Path, read: Callable[[Path], T]) -> T:
    try:
        return read(path)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror or error}") from error
    except ValueError as error:
        raise ConfigurationError(f"{path}: not in TREC's format: {error}") from error


def _write(path: Path, lines: Iterable[str]) -> None:
    try:
        path.write_text("".join(f"{line}\n" for line in lines))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror or error}") from error
