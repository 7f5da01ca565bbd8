"""Documents written and read on a real server."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from rxindex.errors import VectorSizeError
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import command
from rxindex.index.schema import IndexSettings
from rxindex.index.store import DrugStore, Fingerprints, Write
from rxindex.model import Drug, Package

PRINTS = Fingerprints(b"\0\r\nc" * 3, b"t" * 12)
DRUG = Drug(
    id="abcdefghijklmnop",
    name="LIPITOR 20 MG TABLET",
    brand="Lipitor",
    generic="atorvastatin calcium",
    ingredients=("atorvastatin",),
    strength="20 mg",
    form="tablet, film coated",
    routes=("oral",),
    classes=("HMG-CoA Reductase Inhibitor", "statin"),
    schedule="",
    kind="brand",
    packages=(Package("00071015623", "Pfizer, Inc."), Package("00071015694")),
)


@pytest.fixture
def store(catalogue: Catalogue, capabilities: Capabilities) -> DrugStore:
    made = catalogue.create("fake", 8, IndexSettings(), capabilities, texts=10)
    return DrugStore(catalogue, made)


def vector(store: DrugStore, value: float) -> bytes:
    return store.encode_vector(np.full(8, value, dtype=np.float32))


def count(store: DrugStore, query: str) -> int:
    index = store.catalogue.index(store.generation.name)
    return int(command(store.catalogue.client, "FT.SEARCH", index, query, "DIALECT", 2)[0])


def test_a_drug_is_written_found_and_read_back(store: DrugStore) -> None:
    assert store.write([Write(DRUG, PRINTS)]) == {}
    assert store.get([DRUG.id, "nothere"]) == [DRUG, None]
    assert store.fingerprints(["nothere", DRUG.id]) == [None, PRINTS]
    assert list(store.ids()) == [[DRUG.id]]
    for query in (
        "@brand_is:{lipitor}",
        "@generic:atorvastatin",
        "@name:(lipitor 20)",
        "@classes_is:{statin}",
        "@classes:reductase",
        r"@strength:{20\ mg}",
        "@products:{000710156}",
        r"@labelers:{pfizer\,\ inc\.}",
        "@kind:{brand} @status:{active}",
        "@count:[2 2]",
    ):
        assert count(store, query) == 1, query


def test_a_drug_that_changes_keeps_its_vector(store: DrugStore) -> None:
    kept = {PRINTS.text: vector(store, 0.25)}
    assert store.write_texts(kept) == {}
    store.write([Write(DRUG, PRINTS)])
    changed = msgspec.structs.replace(DRUG, schedule="CIV", brand="", kind="generic")
    store.write([Write(changed, PRINTS)])
    assert store.get([DRUG.id]) == [changed]
    assert store.vectors([PRINTS.text, b"x" * 12]) == [kept[PRINTS.text], None]
    assert count(store, "@brand_is:{lipitor}") == 0
    assert count(store, "@schedule:{civ}") == 1


def test_a_vector_of_the_wrong_size_is_refused_before_anything_is_written(
    store: DrugStore,
) -> None:
    with pytest.raises(VectorSizeError, match=r"14 bytes.*holds 16"):
        store.write_texts({b"a" * 12: vector(store, 1), b"b" * 12: b"\0" * 14})
    assert list(store.catalogue.text_keys(store.generation.name)) == []


def test_a_text_whose_key_is_of_another_type_fails_alone(store: DrugStore) -> None:
    store.catalogue.client.set(store.text_key(b"a" * 12), "a string")
    failures = store.write_texts({b"a" * 12: vector(store, 1), b"b" * 12: vector(store, 1)})
    assert list(failures) == [b"a" * 12]
    assert store.text_key(b"a" * 12) in str(failures[b"a" * 12])
    assert store.vectors([b"a" * 12, b"b" * 12]) == [None, vector(store, 1)]


def test_texts_that_no_drug_has_are_swept_away(store: DrugStore) -> None:
    texts = [bytes([n]) * 12 for n in range(20)]
    store.write_texts(dict.fromkeys(texts, vector(store, 1)))
    # A stranger's key, in the place of a text's.
    store.catalogue.client.set(store.catalogue.text_prefix(store.generation.name), "x")
    for n in (3, 7):
        drug = msgspec.structs.replace(DRUG, id=f"drug{n}")
        store.write([Write(drug, Fingerprints(b"c" * 12, texts[n]))])
    store.write([Write(DRUG, Fingerprints(b"c" * 12, texts[3]))])
    assert store.sweep_texts(batch=5) == 2
    left = {key for keys in store.catalogue.text_keys(store.generation.name) for key in keys}
    assert left == {store.text_key(texts[n]).encode() for n in (3, 7)}
    store.delete([DRUG.id, "drug7"])
    assert store.sweep_texts() == 1
    store.delete_texts([texts[3]])
    assert store.sweep_texts() == 0


def test_a_key_of_another_type_fails_alone_and_is_named(store: DrugStore) -> None:
    store.catalogue.client.set(store.key(DRUG.id), "a string")
    other = msgspec.structs.replace(DRUG, id="b" * 16)
    failures = store.write([Write(DRUG, PRINTS), Write(other, PRINTS)])
    assert list(failures) == [DRUG.id]
    assert "LIPITOR 20 MG TABLET" in str(failures[DRUG.id])
    assert store.get([other.id]) == [other]


def test_deleting_twice_does_no_harm(store: DrugStore) -> None:
    store.write([Write(DRUG, PRINTS)])
    assert store.delete([DRUG.id]) == 1
    assert store.delete([DRUG.id]) == 0
    assert store.delete([]) == 0


def test_a_drug_with_thousands_of_packages_is_found_by_each(store: DrugStore) -> None:
    packages = tuple(Package(f"{n:011d}", f"Gas Works {n % 50}") for n in range(3629))
    oxygen = msgspec.structs.replace(DRUG, packages=packages)
    store.write([Write(oxygen, PRINTS)])
    assert count(store, "@products:{000000000}") == count(store, "@products:{000000036}") == 1
    assert store.get([DRUG.id]) == [oxygen]


def test_vectors_survive_the_way_to_another_type(store: DrugStore) -> None:
    stored = vector(store, 0.125)
    assert store.decode_vector(stored).tolist() == [0.125] * 8
