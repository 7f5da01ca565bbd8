"""What searches go to, and how fresh what they know of it is."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.integration.search.conftest import load

from rxindex.embed.fake import FakeEmbedder
from rxindex.errors import CatalogueNotIndexed
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.search.live import Live
from rxindex.vocabulary import Vocabulary

_PATIENCE = 30


def test_nothing_is_live_before_the_first_load(
    catalogue: Catalogue, vocabulary: Vocabulary
) -> None:
    live = Live(catalogue, vocabulary)
    with pytest.raises(CatalogueNotIndexed):
        live.moment()
    with pytest.raises(CatalogueNotIndexed):
        live.known()


def test_names_are_gathered_anew_in_the_background_after_a_change(
    catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    load(tmp_path, catalogue, FakeEmbedder(16), capabilities, vocabulary)
    live = Live(catalogue, vocabulary)
    before = live.known()
    assert before is live.known()
    generation = live.moment().generation
    key = next(iter(next(iter(catalogue.document_keys(generation.name)))))
    catalogue.client.hset(key, "brand", "Newbrand")
    deadline = time.monotonic() + _PATIENCE
    while not live.known().lexicon.lookup("newbrand"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not before.lexicon.lookup("newbrand")


def test_another_generation_is_noticed(
    catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    load(tmp_path, catalogue, FakeEmbedder(16), capabilities, vocabulary)
    live = Live(catalogue, vocabulary)
    first = live.known().lexicon.generation
    load(tmp_path, catalogue, FakeEmbedder(32), capabilities, vocabulary)
    deadline = time.monotonic() + _PATIENCE
    while live.known().lexicon.generation == first:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert live.moment().generation.name == live.known().lexicon.generation
