"""Plan, vectors and writes go on at the same time."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.integration.sync.bench import DIMENSIONS, Bench, refusing
from tests.services.fdb import add_packages, package

from rxindex.embed.base import Embedded
from rxindex.embed.fake import FakeEmbedder
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.sync.promote import Standards
from rxindex.sync.report import SyncReport
from rxindex.vocabulary import Vocabulary

DRUGS = 40
LAX = Standards(most_missing=0.5)


@pytest.fixture
def bench(
    tmp_path: Path, catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary
) -> Bench:
    rows = [zorb(number, 0) for number in range(DRUGS)]
    return Bench(tmp_path, catalogue, capabilities, vocabulary, rows)


def zorb(number: int, beyond: int) -> dict[str, object]:
    """Give the only package of a formulation; of one number, all have the same text."""
    name = f"ZORB{chr(65 + number // 26)}{chr(65 + number % 26)}AX 5 MG TABLET"
    return package(beyond + number + 1, name, beyond + number + 1)


class Calls(FakeEmbedder):
    """An embedder that tells of its calls.

    Attributes:
        texts: of each call.
        again: set by the second call.
    """

    def __init__(self) -> None:
        super().__init__(DIMENSIONS)
        self.batch_size = 8
        self.texts: list[list[str]] = []
        self.again = threading.Event()

    def embed(self, texts: Sequence[str]) -> Embedded:
        self.texts.append(list(texts))
        if len(self.texts) == 2:
            self.again.set()
        return super().embed(texts)


def test_the_model_waits_for_no_write(bench: Bench) -> None:
    embedder, waited = Calls(), list[bool]()

    def wait(report: SyncReport, packages: int) -> None:
        # One batch of the first group is written; this thread does not come to its others before
        # the model is at the second group.
        if not waited:
            waited.append(embedder.again.wait(20))

    report = bench.run(embedder, batch_size=1, progress=wait)
    assert waited == [True]
    assert (report.added, report.completed) == (DRUGS, True)


def test_no_text_is_embedded_twice_though_groups_overlap(bench: Bench) -> None:
    # Each text comes three times more, in groups far behind.
    for times in (1, 2, 3):
        add_packages(bench.url, [zorb(number, times * 1_000) for number in range(DRUGS)])
    embedder = Calls()
    report = bench.run(embedder, batch_size=2)
    texts = [text for call in embedder.texts for text in call]
    assert report.added == 4 * DRUGS
    assert len(texts) == len(set(texts)) == report.embedding_calls == DRUGS


def test_a_text_that_failed_fails_in_the_groups_behind_it(bench: Bench) -> None:
    embedder = refusing("zorbaaax")
    embedder.batch_size = 1
    add_packages(bench.url, [zorb(0, times) for times in range(1_000, 1_010)])
    report = bench.run(embedder, batch_size=1, standards=LAX)
    assert (report.added, report.failed, report.embedding_calls) == (DRUGS - 1, 11, DRUGS)
    assert None not in bench.vectors(bench.by_id())
