"""Codes as FHIR writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxindex.api.fhir.systems import is_fhir_id, ndc_code, package_coding
from rxindex.model import Package
from rxindex.ndc import ndc_readings


@pytest.mark.parametrize(
    ("stored", "written"),
    [
        ("00071015523", "0071-0155-23"),
        ("50580070110", "50580-701-10"),
        ("12345678901", "12345-6789-1"),
        ("00071015501", "0071-0155-01"),  # labeler codes below 10000 have four digits
    ],
)
def test_an_ndc_is_written_with_the_labels_ten_digits(stored: str, written: str) -> None:
    assert ndc_code(stored) == written


@pytest.mark.parametrize(
    ("stored", "written"),
    [
        ("12345067801", "12345-0678-01"),  # either zero may be the one that the label lacks
        ("12345678990", "12345-6789-90"),  # none is
        ("100123045601", "100123-0456-01"),
    ],
)
def test_an_ndc_whose_label_form_cannot_be_told_keeps_all_digits(stored: str, written: str) -> None:
    assert ndc_code(stored) == written


@given(st.from_regex(r"[0-9]{11}|[1-9][0-9]{11}", fullmatch=True))
def test_an_ndc_that_was_written_is_read_as_the_same(ndc: str) -> None:
    assert [one.canonical for one in ndc_readings(ndc_code(ndc))] == [ndc]


def test_a_package_that_nothing_is_known_of_has_no_display() -> None:
    assert "display" not in package_coding(Package("00071015523"))


@pytest.mark.parametrize("text", ["ssdelculnpnk577n", "A-1.b", "x" * 64])
def test_an_id_is_letters_digits_hyphens_and_dots(text: str) -> None:
    assert is_fhir_id(text)


@pytest.mark.parametrize("text", ["", "x" * 65, "a_b", "a:b", "a/b", "ä", "a\n", "a\0"])
def test_what_is_no_id_is_told(text: str) -> None:
    assert not is_fhir_id(text)
