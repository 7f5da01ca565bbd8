"""What is really under a key, and what a real index makes of it."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from rxindex.errors import TerminalError
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import command
from rxindex.index.inspect import (
    clear_dangling,
    dangling,
    inspect,
    key_types,
    label_names,
    searchable,
    text_faults,
    vector_fault,
)
from rxindex.index.schema import IndexSettings, text_index_arguments
from rxindex.index.store import DrugStore, Fingerprints, Write
from rxindex.model import Drug, Package

PRINTS = Fingerprints(b"c" * 12, b"t" * 12)
DRUG = Drug(id="a" * 16, name="LIPITOR 20 MG TABLET", packages=(Package("00071015623"),))
DIMENSIONS = 8


@pytest.fixture
def store(catalogue: Catalogue, capabilities: Capabilities) -> DrugStore:
    made = catalogue.create("fake", DIMENSIONS, IndexSettings(), capabilities, texts=10)
    # A new index reads through all keys of the server, in the background. What it meets with there
    # is taken in anew, and gets another place in the order of a search.
    catalogue.wait_until_indexed(made.name)
    return DrugStore(catalogue, made)


def fill(store: DrugStore, count: int) -> list[bytes]:
    store.write_texts({PRINTS.text: store.encode_vector(np.ones(DIMENSIONS, dtype=np.float32))})
    drugs = [msgspec.structs.replace(DRUG, id=f"drug{number}") for number in range(count)]
    store.write([Write(drug, PRINTS) for drug in drugs])
    return [store.key(drug.id).encode() for drug in drugs]


def test_documents_are_read_whole_and_in_order(store: DrugStore) -> None:
    fill(store, 2)
    store.catalogue.client.lpush(store.key("list"), "x")
    one, nothing, other, two = inspect(store, ["drug0", "nothere", "list", "drug1"])
    assert one is not None
    assert one.is_hash
    assert one.searchable
    assert one.fields["name"] == b"LIPITOR 20 MG TABLET"
    assert one.text == PRINTS.text
    assert nothing is None
    assert other is not None
    assert (other.type, other.is_hash, other.fields) == ("list", False, {})
    assert two == one
    assert inspect(store, []) == []


def test_the_index_is_asked_about_each_key(store: DrugStore) -> None:
    keys = fill(store, 5)
    client = store.catalogue.client
    client.hset(keys[1], "count", "few")
    client.hset(keys[2], "count", "many")
    client.unlink(keys[3])
    assert searchable(store, [*keys, b"elsewhere"]) == {keys[0], keys[4]}
    client.hset(keys[2], "count", "1")
    assert searchable(store, keys) == {keys[0], keys[2], keys[4]}
    assert searchable(store, []) == set()


def test_the_index_is_asked_about_many_keys_at_once(store: DrugStore) -> None:
    keys = fill(store, 3000)
    store.catalogue.client.hset(keys[1234], "count", "many")
    assert searchable(store, keys) == set(keys) - {keys[1234]}


def test_keys_that_only_the_index_has_are_listed_and_taken_out(store: DrugStore) -> None:
    keys = fill(store, 25)
    assert list(dangling(store, 10)) == []
    gone = [keys[number] for number in (0, 9, 10, 24)]
    for key in gone:
        store.catalogue.client.move(key, 1)  # the query engine is not told of it
    assert searchable(store, keys) == set(keys)
    # Deleting what is not there does not tell it either.
    assert store.catalogue.client.unlink(gone[0]) == 0
    assert searchable(store, gone[:1]) == set(gone[:1])
    assert sorted(key for some in dangling(store, 10) for key in some) == sorted(gone)
    clear_dangling(store, gone)
    assert list(dangling(store, 10)) == []
    assert searchable(store, keys) == set(keys) - set(gone)
    assert key_types(store, gone) == ["none"] * 4
    assert store.catalogue.counts(store.generation.name).documents == 21


def test_an_index_that_the_server_does_not_list_to_its_end_is_told(store: DrugStore) -> None:
    fill(store, 30)
    client = store.catalogue.client
    command(client, "FT.CONFIG", "SET", "MAXSEARCHRESULTS", "20")
    try:
        with pytest.raises(TerminalError, match="20 of 30"):
            list(dangling(store, 10))
    finally:
        command(client, "FT.CONFIG", "SET", "MAXSEARCHRESULTS", "1000000")


def test_names_are_read_where_there_is_one(store: DrugStore) -> None:
    keys = fill(store, 1)
    client = store.catalogue.client
    client.set("elsewhere", "x")
    client.hset(store.key("odd"), "name", b"\xff")
    asked = [*keys, b"elsewhere", b"nothere", store.key("odd").encode()]
    assert label_names(store, asked) == ["LIPITOR 20 MG TABLET", "", "", r"\xff"]
    assert key_types(store, asked) == ["hash", "string", "none", "hash"]
    assert label_names(store, []) == key_types(store, []) == []


@pytest.mark.parametrize(
    ("vector", "fault"),
    [
        (None, "no vector"),
        (b"", "no vector"),
        (b"x", "a vector of 1 bytes, generation g1 has 16"),
        (bytes(16), "nothing but zeros"),
        (np.full(8, np.inf, dtype="<f2").tobytes(), "not numbers"),
        (np.full(8, 0.1, dtype="<f2").tobytes(), ""),
    ],
)
def test_a_vector_that_will_not_do_is_told(
    store: DrugStore, vector: bytes | None, fault: str
) -> None:
    found = vector_fault(store, vector)
    assert fault in found
    assert bool(found) == bool(fault)


def test_each_text_is_judged_by_its_own_vector(
    store: DrugStore, capabilities: Capabilities
) -> None:
    client, name = store.catalogue.client, store.generation.name
    short, absent, other, lost = (letter * 12 for letter in (b"a", b"b", b"d", b"e"))
    store.write_texts({lost: store.encode_vector(np.ones(DIMENSIONS, dtype=np.float32))})
    words = text_index_arguments(
        store.catalogue.text_index(name), store.catalogue.text_prefix(name), IndexSettings(),
        "flat", DIMENSIONS, capabilities,
    )  # fmt: skip
    at = words.index("SCHEMA")
    command(client, "FT.DROPINDEX", store.catalogue.text_index(name))
    command(client, *words[:at], "SKIPINITIALSCAN", *words[at:])
    fill(store, 1)
    client.hset(store.text_key(short), "vector", b"short")
    client.set(store.text_key(other), "a string")
    assert text_faults(store, [PRINTS.text, short, absent, other, lost]) == {
        short: "a vector of 5 bytes, generation g1 has 16",
        absent: "no vector",
        other: "no vector",
        lost: "a vector that a search can't find",
    }
    assert text_faults(store, []) == {}
