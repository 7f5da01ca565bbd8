"""A drug becomes a hash and comes back the same."""

from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from rxindex.index.document import read_drug, write_drug
from rxindex.model import Drug, Package

TEXT = st.text(alphabet=string.ascii_letters + string.digits + " -,/%é", max_size=30).map(str.strip)
SEVERAL = st.lists(TEXT.filter(bool), max_size=4).map(tuple)
PACKAGE = st.builds(
    Package,
    ndc=st.from_regex(r"[0-9]{11}", fullmatch=True),
    labeler=TEXT,
    size=TEXT,
    description=TEXT,
    status=st.sampled_from(["active", "obsolete"]),
)
DRUG = st.builds(
    Drug,
    id=st.from_regex(r"[a-z2-7]{16}", fullmatch=True),
    name=TEXT,
    brand=TEXT,
    generic=TEXT,
    ingredients=SEVERAL,
    strength=TEXT,
    form=TEXT,
    routes=SEVERAL,
    classes=SEVERAL,
    indications=SEVERAL,
    synonyms=SEVERAL,
    schedule=st.sampled_from(["", "CII", "CV"]),
    kind=st.sampled_from(["brand", "generic"]),
    gcn=st.integers(0, 999_999),
    status=st.sampled_from(["active", "obsolete"]),
    packages=st.lists(PACKAGE, min_size=1, max_size=5).map(tuple),
)


def stored(drug: Drug) -> dict[str, bytes]:
    fields = write_drug(drug, b"c" * 12, b"t" * 12)
    return {
        str(name): value if isinstance(value, bytes) else str(value).encode()
        for name, value in fields.items()
    }


@given(DRUG)
def test_a_drug_comes_back_as_it_was(drug: Drug) -> None:
    assert read_drug(drug.id, stored(drug)) == drug


@given(DRUG)
def test_a_summary_has_all_but_the_packages(drug: Drug) -> None:
    fields = {name: value for name, value in stored(drug).items() if name != "packages"}
    read = read_drug(drug.id, fields, packages=False)
    assert read.packages == ()
    assert read.name == drug.name
    assert int(fields["count"]) == len(drug.packages)


def test_words_that_a_slash_hides_are_indexed_apart() -> None:
    drug = Drug("a" * 16, "X", generic="amlodipine/benazepril", packages=(Package("00000000001"),))
    assert write_drug(drug, b"", b"")["terms"] == "amlodipine benazepril"


def test_many_packages_take_little_room() -> None:
    packages = tuple(
        Package(f"{n:011d}", "Some Labeler, Inc.", "90 TABLET", "1 BOTTLE", "2018-01-01")
        for n in range(1000)
    )
    fields = write_drug(Drug("a" * 16, "X", packages=packages), b"", b"")
    compressed, products = fields["packages"], fields["products"]
    assert isinstance(compressed, bytes)
    assert len(compressed) < 10 * len(packages)
    # A hundred packages share each product code.
    assert products == ";".join(f"{n:09d}" for n in range(10))
