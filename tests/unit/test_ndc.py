"""Every form of a National Drug Code leads to the same code, and nothing else is taken for one."""

from __future__ import annotations

import timeit
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxindex.errors import NDCError
from rxindex.ndc import (
    NDC,
    canonical_ndc,
    gtin_check_digit,
    looks_like_ndc,
    ndc_readings,
    parse_ndc,
    product_readings,
)

TRULICITY = NDC("00002", "1433", "80")


def digits(count: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=count, max_size=count)


def shaped(*shapes: tuple[int, ...]) -> st.SearchStrategy[str]:
    """Hyphenated codes of these shapes."""
    return st.sampled_from(shapes).flatmap(
        lambda shape: st.tuples(*map(digits, shape)).map("-".join)
    )


label_codes = shaped((4, 4, 2), (5, 3, 2), (5, 4, 1))
all_codes = shaped((4, 4, 2), (5, 3, 2), (5, 4, 1), (5, 4, 2), (6, 4, 2), (6, 3, 2), (6, 4, 1))


@pytest.mark.parametrize(
    "text",
    [
        "0002-1433-80", "00002-1433-80", "00002143380", "000002-1433-80", "000002143380",
        " 0002-1433-80 ", "NDC 0002-1433-80", "NDC: 0002-1433-80", "ndc#0002-1433-80",
        "NDC:00002143380", "N.D.C. 0002-1433-80", "NDC-11: 00002143380",
        "0002\u20111433\u201180", "0002\u20131433\u201380", "0002 - 1433 - 80", "0002 1433 80",
        "NDC Code: 0002-1433-80",
    ],
)  # fmt: skip
def test_every_form_gives_the_same_code(text: str) -> None:
    assert parse_ndc(text) == TRULICITY
    assert canonical_ndc(text) == "00002143380"
    assert ndc_readings(text)[0] == TRULICITY
    assert looks_like_ndc(text)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("50242-040-62", "50242004062"),
        ("12345-6789-0", "12345678900"),
        ("60575-4112-1", "60575411201"),
        ("100123-4567-89", "100123456789"),
        ("100123-456-89", "100123045689"),
        ("100123-4567-8", "100123456708"),
        ("100123456789", "100123456789"),
        ("012345678901", "12345678901"),
    ],
)
def test_each_segment_is_zero_filled_on_its_own(text: str, canonical: str) -> None:
    assert canonical_ndc(text) == canonical
    assert parse_ndc(text).canonical == canonical


def test_a_code_gives_its_forms() -> None:
    assert TRULICITY.hyphenated == "00002-1433-80"
    assert TRULICITY.twelve == "000002143380"
    assert TRULICITY.product_code == "000021433"
    assert TRULICITY.fda10() == ("0002-1433-80",)
    assert TRULICITY.gtin14() == ("00300021433802",)
    assert TRULICITY.gtin14(5) == ("50300021433807",)


def test_a_code_with_several_zeros_has_several_label_forms() -> None:
    assert NDC("00071", "0155", "03").fda10() == ("0071-0155-03", "00071-155-03", "00071-0155-3")
    assert NDC("12345", "6789", "10").fda10() == ()
    assert NDC("100123", "0456", "01").fda10() == ()
    assert NDC("100123", "0456", "01").gtin14() == ()


def test_ten_digits_without_hyphens_give_every_reading() -> None:
    readings = {reading.hyphenated for reading in ndc_readings("0002143380")}

    assert readings == {"00002-1433-80", "00021-0433-80", "00021-4338-00"}


def test_twelve_digits_that_are_a_bar_code_too_give_both() -> None:
    upc = "300021433802"
    readings = [reading.canonical for reading in ndc_readings(upc)]

    assert readings[0] == upc
    assert "00002143380" in readings
    assert len(readings) == 4
    assert canonical_ndc(upc) == upc


@pytest.mark.parametrize(
    "text",
    ["300021433802", "0300021433802", "00300021433802", "50300021433807", "3 00021 43380 2",
     "GTIN: 00300021433802", "(01)00300021433802", "(01)00300021433802(17)270131(10)D123"],
)  # fmt: skip
def test_a_bar_code_is_read(text: str) -> None:
    assert TRULICITY in ndc_readings(text)


@pytest.mark.parametrize(
    "text",
    [
        "00300021433806",  # wrong check digit
        "90300021433805",  # sold by measure
        "00400021433809",  # no drug's number system
        "4006381333931",  # another country's article
    ],
)
def test_other_bar_codes_are_not(text: str) -> None:
    assert ndc_readings(text) == ()


def test_the_check_digit_is_that_of_gs1() -> None:
    # The worked example in GS1's General Specifications.
    assert gtin_check_digit("629104150021") == "3"
    assert gtin_check_digit("400638133393") == "1"


@pytest.mark.parametrize("indicator", [-1, 9, 10])
def test_an_indicator_that_is_none_is_refused(indicator: int) -> None:
    with pytest.raises(NDCError, match="give 0 to 8"):
        TRULICITY.gtin14(indicator)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("lipitor", "something else than digits"),
        ("0002-1433-8O", "something else than digits"),
        ("123", "3 digits"),
        ("123456789", "9 digits"),
        ("00300021433806", "14 digits"),
        ("123-4567-89", "segments of 3-4-2"),
        ("0002-1433", r"product code \(4-4\)"),
        ("1-2-3-4", "segments of 1-1-1-1"),
        ("--", "something else"),
        ("\u0660\u0660\u0660\u0660\u0662\u0661\u0664\u0663\u0663\u0668\u0660", "something else"),
        ("9" * 500, "something else"),
    ],
)
def test_what_is_no_code_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(NDCError, match=reason):
        canonical_ndc(text)
    assert ndc_readings(text) == ()


@pytest.mark.parametrize("text", ["0002143380", "00300021433802", "0300021433802"])
def test_an_ambiguous_code_is_refused_with_its_readings(text: str) -> None:
    with pytest.raises(NDCError, match=r"ambiguous.*00002-1433-80.*give it with hyphens"):
        parse_ndc(text)


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("0002-1433", ("000021433",)),
        ("50242-040", ("502420040",)),
        ("12345-6789", ("123456789",)),
        ("100123-4567", ("1001234567",)),
        ("000123-4567", ("001234567",)),
        ("NDC 0002-1433", ("000021433",)),
        ("00021433", ("000210433", "000021433")),
        ("000021433", ("000021433",)),
        ("1234567890", ()),
        ("123-4567", ()),
        ("0002-1433-80", ()),
        ("tablet", ()),
        ("", ()),
    ],
)
def test_a_product_code_is_recognised(text: str, readings: tuple[str, ...]) -> None:
    assert product_readings(text) == readings


def test_a_name_or_a_strength_does_not_look_like_a_code() -> None:
    for text in ("lipitor", "20 mg", "10-325", "500", "tylenol 3", "B12", ""):
        assert not looks_like_ndc(text)
    assert looks_like_ndc("0002-1433")
    assert looks_like_ndc("0002143380")


@given(all_codes)
def test_all_forms_of_a_code_lead_back_to_it(text: str) -> None:
    code = parse_ndc(text)
    forms = [code.canonical, code.hyphenated, code.twelve, *code.fda10()]

    assert {parse_ndc(form) for form in forms} == {code}
    assert {canonical_ndc(form) for form in forms} == {code.canonical}
    assert all(code in ndc_readings(gtin) for gtin in code.gtin14(3))
    assert all(code in ndc_readings(form.replace("-", "")) for form in code.fda10())


@given(all_codes)
def test_the_canonical_form_is_a_fixed_point(text: str) -> None:
    canonical = canonical_ndc(text)

    assert canonical_ndc(canonical) == canonical
    assert len(canonical) == 11 or (len(canonical) == 12 and canonical[0] != "0")


@given(label_codes)
def test_the_label_form_is_among_those_of_the_code(text: str) -> None:
    assert text in parse_ndc(text).fda10()


@given(label_codes)
def test_the_true_reading_is_among_those_of_ten_digits(text: str) -> None:
    readings = ndc_readings(text.replace("-", ""))

    assert parse_ndc(text) in readings
    assert len(readings) == len(set(readings)) <= 3


@given(label_codes, st.integers(0, 8))
def test_a_single_wrong_digit_in_a_bar_code_is_caught(text: str, indicator: int) -> None:
    for gtin in parse_ndc(text).gtin14(indicator):
        for place in range(3, 14):
            wrong = gtin[:place] + str((int(gtin[place]) + 1) % 10) + gtin[place + 1 :]
            assert ndc_readings(wrong) == ()


@given(shaped((4, 4), (5, 3), (5, 4), (6, 4), (6, 3)), digits(2))
def test_a_product_code_is_the_beginning_of_its_packages(product: str, package: str) -> None:
    labeler, _, code = product.partition("-")
    whole = canonical_ndc(f"{labeler.zfill(6)}-{code.zfill(4)}-{package}")

    assert product_readings(product) == (whole[:-2],)


@given(st.text() | st.text("0123456789- NDC:()\u2013", max_size=20))
def test_readings_never_raise_and_parse_raises_only_its_own(text: str) -> None:
    readings = ndc_readings(text)
    product_readings(text)
    looks_like_ndc(text)
    try:
        code = parse_ndc(text)
    except NDCError:
        with pytest.raises(NDCError):
            canonical_ndc(text)
    else:
        assert code in readings
        assert canonical_ndc(text) == code.canonical


def test_a_catalogue_of_half_a_million_takes_well_under_a_second_or_two() -> None:
    for text in ("00002143380", "00002-1433-80", "50242-040-62"):
        seconds = min(timeit.repeat(partial(canonical_ndc, text), number=20_000, repeat=5))
        # About 0.1 to 1 microsecond here; the bound leaves room for a busy machine.
        assert seconds / 20_000 < 5e-6
