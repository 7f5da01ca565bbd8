"""The lexicon of a real index, gathered and kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.integration.search.conftest import catalogue_rows, load

from rxindex.embed.fake import FakeEmbedder
from rxindex.errors import CatalogueNotIndexed, TerminalError
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.lexicon import gather_lexicon, load_lexicon, store_lexicon
from rxindex.vocabulary import Vocabulary


@pytest.fixture
def loaded(
    catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary, tmp_path: Path
) -> Catalogue:
    load(tmp_path, catalogue, FakeEmbedder(16), capabilities, vocabulary)
    return catalogue


def test_every_document_is_gathered(loaded: Catalogue) -> None:
    generation = loaded.require_live()
    lexicon = gather_lexicon(loaded, generation)
    assert lexicon.generation == generation.name
    assert lexicon.drugs == loaded.counts(generation.name).documents
    assert sum(one.packages for one in lexicon.names if one.kind == "generic") == len(
        catalogue_rows()
    )
    assert lexicon.lookup("lipitor")[0].ingredients == ("atorvastatin",)


def test_a_run_keeps_what_searches_begin_with(loaded: Catalogue) -> None:
    generation = loaded.require_live()
    kept = load_lexicon(loaded, generation)
    assert kept is not None
    lexicon, mark = kept
    gathered = gather_lexicon(loaded, generation)
    assert lexicon.names == gathered.names
    assert lexicon.values == gathered.values
    assert mark == loaded.mark(generation.name)


def test_every_change_of_a_document_changes_the_mark(loaded: Catalogue) -> None:
    generation = loaded.require_live()
    key = next(iter(next(iter(loaded.document_keys(generation.name)))))
    marks = [loaded.mark(generation.name)]
    loaded.client.hset(key, "brand", "Newbrand")
    marks.append(loaded.mark(generation.name))
    loaded.client.unlink(key)
    marks.append(loaded.mark(generation.name))
    assert len(set(marks)) == 3
    assert loaded.watch() == (generation.name, marks[-1])


@pytest.mark.parametrize("blob", [b"", b"no zlib", b"x\x9c\x03\x00\x00\x00\x00\x01"])
def test_what_another_version_wrote_is_not_taken(loaded: Catalogue, blob: bytes) -> None:
    generation = loaded.require_live()
    loaded.client.set(loaded.key(generation.name, "lexicon"), blob)
    assert load_lexicon(loaded, generation) is None
    store_lexicon(loaded, generation)
    assert load_lexicon(loaded, generation) is not None


def test_the_kept_lexicon_goes_with_its_generation(
    loaded: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    first = loaded.require_live()
    load(tmp_path, loaded, FakeEmbedder(32), capabilities, vocabulary)
    loaded.drop(first.name)
    assert load_lexicon(loaded, first) is None
    with pytest.raises(CatalogueNotIndexed):
        loaded.mark(first.name)
    with pytest.raises(TerminalError):
        gather_lexicon(loaded, first)
