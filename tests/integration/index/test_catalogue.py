"""Generations, the alias and its traps, on a real server."""

from __future__ import annotations

import pytest

from rxindex.errors import CatalogueNotIndexed, ConfigurationError, IndexRejected, TerminalError
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import command
from rxindex.index.generation import Generation
from rxindex.index.schema import IndexSettings
from rxindex.index.store import DrugStore, Fingerprints, Write
from rxindex.model import Drug, Package

DIMENSIONS = 4


def new(catalogue: Catalogue, capabilities: Capabilities, **settings: object) -> Generation:
    asked = IndexSettings(**settings)  # type: ignore[arg-type]
    return catalogue.create("fake-4", DIMENSIONS, asked, capabilities, texts=100)


def write(catalogue: Catalogue, generation: Generation, *names: str) -> None:
    drugs = [Drug(f"{n:016d}", name, packages=(Package(f"{n:011d}"),)) for n, name in
             enumerate(names)]  # fmt: skip
    prints = Fingerprints(b"c" * 12, b"t" * 12)
    DrugStore(catalogue, generation).write([Write(drug, prints) for drug in drugs])


def found(catalogue: Catalogue, query: str) -> int:
    reply = command(catalogue.client, "FT.SEARCH", catalogue.alias, query, "LIMIT", 0, 0)
    return int(reply[0])


def test_a_catalogue_starts_with_no_generation(catalogue: Catalogue) -> None:
    assert catalogue.live() is None
    assert catalogue.generations() == []
    with pytest.raises(CatalogueNotIndexed, match="rxindex sync"):
        catalogue.require_live()


def test_searches_move_to_a_generation_in_one_step(
    catalogue: Catalogue, capabilities: Capabilities
) -> None:
    first = new(catalogue, capabilities)
    write(catalogue, first, "aspirin", "ibuprofen")
    catalogue.point_alias(first.name)
    assert catalogue.live() == first.name
    second = new(catalogue, capabilities, vector_type="float32")
    assert found(catalogue, "@name:aspirin") == 1
    catalogue.point_alias(second.name)
    assert found(catalogue, "@name:aspirin") == 0
    assert [one.name for one in catalogue.generations()] == [first.name, second.name]
    assert catalogue.require_live() == second


def test_a_generation_is_dropped_with_its_documents_but_never_the_live_one(
    catalogue: Catalogue, capabilities: Capabilities
) -> None:
    first, second = new(catalogue, capabilities), new(catalogue, capabilities)
    write(catalogue, first, "aspirin")
    write(catalogue, second, *(f"drug {n}" for n in range(1203)))
    catalogue.point_alias(first.name)
    with pytest.raises(TerminalError, match="is live"):
        catalogue.drop(first.name)
    assert catalogue.drop(second.name) == 1203
    assert [one.name for one in catalogue.generations()] == [first.name]
    assert found(catalogue, "@name:aspirin") == 1
    assert list(catalogue.document_keys(second.name)) == []


def test_an_index_that_hides_the_alias_is_refused(
    catalogue: Catalogue, capabilities: Capabilities
) -> None:
    generation = new(catalogue, capabilities)
    catalogue.point_alias(generation.name)
    command(
        catalogue.client, "FT.CREATE", catalogue.alias, "PREFIX", 1, "no:", "SCHEMA", "a", "TEXT"
    )
    with pytest.raises(TerminalError, match="hides the alias"):
        catalogue.point_alias(generation.name)
    command(catalogue.client, "FT.DROPINDEX", catalogue.alias)
    assert catalogue.live() == generation.name


def test_a_count_that_does_not_match_is_refused(
    catalogue: Catalogue, capabilities: Capabilities
) -> None:
    generation = new(catalogue, capabilities)
    write(catalogue, generation, "aspirin")
    catalogue.verify_count(generation.name, 1)
    key = catalogue.prefix(generation.name) + "broken"
    catalogue.client.hset(key, mapping={"name": "x", "count": "many"})
    with pytest.raises(IndexRejected, match=r"should hold 2 drugs but a search can find 1.*many"):
        catalogue.verify_count(generation.name, 2)


def test_what_was_asked_for_and_what_is_in_effect_are_both_told(
    catalogue: Catalogue, capabilities: Capabilities
) -> None:
    generation = new(catalogue, capabilities, algorithm="svs", compression="LeanVec4x8")
    state = catalogue.state(generation, None)
    assert state.generation.settings.algorithm == "svs"
    assert state.in_effect.algorithm == "hnsw"
    assert state.in_effect.vector_type == "float16"
    assert state.in_effect.dimensions == DIMENSIONS


def test_differences_between_generations_are_named(
    catalogue: Catalogue, capabilities: Capabilities
) -> None:
    first = new(catalogue, capabilities)
    second = catalogue.create("other", 8, IndexSettings(vector_type="float32"), capabilities, 1)
    assert first.differences(first) == []
    text = "; ".join(first.differences(second))
    assert "embedder fake-4 (now other)" in text
    assert "4 dimensions (now 8)" in text
    assert "vector_type float16 (now float32)" in text


@pytest.mark.parametrize("name", ["", "FDB", "a:b", "a*", "-a", "x" * 65])
def test_a_catalogue_name_that_would_not_make_good_keys_is_refused(
    catalogue: Catalogue, name: str
) -> None:
    with pytest.raises(ConfigurationError, match="can't name a catalogue"):
        Catalogue(catalogue.client, name)
