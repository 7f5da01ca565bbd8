"""Stored fields compared with what would be written."""

from __future__ import annotations

import zlib

import msgspec
import pytest

from rxindex.index.document import write_drug
from rxindex.index.inspect import Document, differing_fields, readable
from rxindex.index.store import Fingerprints
from rxindex.model import Drug, Package

PRINTS = Fingerprints(b"c" * 12, b"t" * 12)
DRUG = Drug(
    id="a" * 16,
    name="AMLODIPINE/BENAZEPRIL 5-10 MG CAPSULE",
    generic="amlodipine besylate, benazepril hydrochloride",
    ingredients=("amlodipine", "benazepril"),
    strength="5 mg; 10 mg",
    routes=("oral",),
    gcn=1234,
    packages=(Package("00071015623", "Pfizer"), Package("00071015694", "Pfizer")),
)


def stored(drug: Drug = DRUG, prints: Fingerprints = PRINTS) -> dict[str, bytes]:
    written = write_drug(drug, prints.content, prints.text)
    return {
        str(name): value if isinstance(value, bytes) else str(value).encode()
        for name, value in written.items()
    }


def document(**changes: bytes) -> Document:
    return Document("hash", stored() | changes, searchable=True)


def test_what_was_written_does_not_differ() -> None:
    assert differing_fields(document(vector=b"x", note=b"y"), DRUG, PRINTS) == []


@pytest.mark.parametrize("name", stored())
def test_every_field_counts(name: str) -> None:
    assert differing_fields(document(**{name: b"\xffspoilt"}), DRUG, PRINTS) == [name]
    without = Document("hash", {k: v for k, v in stored().items() if k != name}, searchable=True)
    assert differing_fields(without, DRUG, PRINTS) == [name]


def test_packages_are_compared_by_what_they_say() -> None:
    packed = stored()["packages"]
    assert differing_fields(
        document(packages=zlib.compress(zlib.decompress(packed), 1)), DRUG, PRINTS
    ) == []  # fmt: skip
    other = msgspec.structs.replace(DRUG, packages=DRUG.packages[:1])
    assert differing_fields(document(packages=stored(other)["packages"]), DRUG, PRINTS) == [
        "packages"
    ]
    assert differing_fields(document(packages=zlib.compress(b"x")), DRUG, PRINTS) == ["packages"]


def test_a_document_that_nobody_can_read_is_no_drug() -> None:
    read = readable(DRUG.id, document())
    assert read == msgspec.structs.replace(DRUG, packages=())
    assert readable(DRUG.id, document(gcn=b"many")) is None
    assert readable(DRUG.id, document(name=b"\xff")) is None
    assert readable(DRUG.id, document(packages=b"junk")) == read
