"""National Drug Codes: every form that one code takes, and back.

A National Drug Code (NDC) has three segments: labeler, product, package. The same code is written

=====================  ==================  =====================================================
form                   example             where
=====================  ==================  =====================================================
4-4-2, 5-3-2, 5-4-1    ``0002-1433-80``    on the label: 10 digits (21 CFR 207.33)
6-3-2, 6-4-1           ``100123-456-01``   the same section's 11 digits for labeler codes of six
                                           digits; none was assigned before the next rule
6-4-2                  ``000002-1433-80``  from 7 March 2033 on, the only form (FDA final rule of
                                           5 March 2026, 91 FR 10749); each segment zero-filled
5-4-2                  ``00002143380``     pharmacy billing under HIPAA (45 CFR 162.1002), and
                                           every commercial catalogue; each segment zero-filled
UPC-A, GTIN-13, -14    ``00300021433802``  bar codes: ``3``, the label's 10 digits and a check
                                           digit; a GTIN-14 puts an indicator digit and ``0`` ahead
=====================  ==================  =====================================================

rxindex stores the billing form without hyphens: 11 digits, and 12 (6-4-2) only where the labeler
code has six significant digits, which 11 can't hold. Ten digits without hyphens are ambiguous:
nothing in them says which of the three label forms they are.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from rxindex.errors import NDCError

__all__ = [
    "NDC",
    "canonical_ndc",
    "gtin_check_digit",
    "looks_like_ndc",
    "ndc_readings",
    "parse_ndc",
    "product_readings",
]

#: Digits in labeler, product and package, for every hyphenated form.
_SHAPES = frozenset({(4, 4, 2), (5, 3, 2), (5, 4, 1), (5, 4, 2), (6, 4, 2), (6, 3, 2), (6, 4, 1)})
#: The forms that ten digits without hyphens may have, the most frequent first: in the FDA's
#: directory of April 2019 58 % are 5-3-2, 32 % 5-4-1 and 10 % 4-4-2.
_LABEL_SHAPES = ((5, 3, 2), (5, 4, 1), (4, 4, 2))
_PRODUCT_SHAPES = frozenset({(4, 4), (5, 3), (5, 4), (6, 3), (6, 4)})

_FORMS = (
    "give 10 digits with hyphens (4-4-2, 5-3-2 or 5-4-1), 11 digits (5-4-2) or 12 digits (6-4-2)"
)
#: What stands for a hyphen: hyphen, non-breaking hyphen, figure dash, en and em dash, horizontal
#: bar, minus sign, small and full-width hyphen; a soft hyphen is taken for one too.
_HYPHENS = dict.fromkeys(
    map(ord, "\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d"), "-"
)
_PREFIX = re.compile(
    r"(?:N\.?D\.?C\.?|GTIN|UPC|EAN)(?:[ -]?(?:10|11|12|13|14|A)(?=[\s:#]))?"
    r"\s*(?:code|number|no\.?)?\s*[:#=]?\s*",
    re.IGNORECASE,
)
#: The first element of a GS1 bar code, as it is printed under it: application identifier 01.
_ELEMENT = re.compile(r"\(01\)\s*([0-9]{14})(?:\s*\(.*)?", re.DOTALL)
_GROUPS = re.compile(r"[0-9]+(?:(?: *- *| +)[0-9]+)*")
_NUMBER = re.compile(r"[0-9]+")
#: No code is longer with blanks, prefix and the rest of a bar code; longer text is not looked at.
_LONGEST = 200


class NDC(NamedTuple):
    """One National Drug Code. Equal codes are equal whatever form they were read from.

    Attributes:
        labeler: 5 digits, or 6 of which the first is not zero.
        product: 4 digits.
        package: 2 digits.
    """

    labeler: str
    product: str
    package: str

    @property
    def canonical(self) -> str:
        """The form that rxindex stores: 11 digits (5-4-2), or 12 (6-4-2)."""
        return self.labeler + self.product + self.package

    @property
    def hyphenated(self) -> str:
        """The canonical form with hyphens: 5-4-2, or 6-4-2."""
        return "-".join(self)

    @property
    def twelve(self) -> str:
        """12 digits (6-4-2) without hyphens, the form of the rule effective in March 2033."""
        return self.canonical.zfill(12)

    @property
    def product_code(self) -> str:
        """The canonical form without its package segment: 9 digits, or 10."""
        return self.labeler + self.product

    def fda10(self) -> tuple[str, ...]:
        """Give the 10-digit forms, with hyphens, that the label may show.

        The canonical form has a zero that the label lacks, and where more than one segment begins
        with a zero nothing says which it is.

        Returns:
            None for a code that has no such form (six-digit labeler, or no segment with a zero to
            leave out), else one to three. The FDA gives codes below 10000 in 4-4-2, so this form
            comes first.
        """
        labeler, product, package = self
        if len(labeler) != 5:
            return ()
        forms = []
        if labeler[0] == "0":
            forms.append(f"{labeler[1:]}-{product}-{package}")
        if product[0] == "0":
            forms.append(f"{labeler}-{product[1:]}-{package}")
        if package[0] == "0":
            forms.append(f"{labeler}-{product}-{package[1:]}")
        return tuple(forms)

    def gtin14(self, indicator: int = 0) -> tuple[str, ...]:
        """Give the GTIN-14 that the bar code may hold, one for each of `fda10`.

        Args:
            indicator: packaging level, 0 (the package that the NDC names) to 8 (outer cases).

        Raises:
            NDCError: the indicator is none; 9 marks goods sold by measure, which drugs are not.
        """
        if not 0 <= indicator <= 8:
            raise NDCError(f"{indicator} is no GTIN indicator digit: give 0 to 8")
        bodies = [f"{indicator}03{form.replace('-', '')}" for form in self.fda10()]
        return tuple(dict.fromkeys(body + gtin_check_digit(body) for body in bodies))


def gtin_check_digit(digits: str) -> str:
    """Compute the check digit of a GTIN of any length (GS1 General Specifications, 7.9).

    Args:
        digits: the number without its check digit.

    Returns:
        One digit: from the right, digits weigh 3 and 1 in turn, and the sum with the check digit
        is a multiple of 10.
    """
    total = sum(map(int, digits[::-2])) * 3 + sum(map(int, digits[-2::-2]))
    return str(-total % 10)


def canonical_ndc(text: str) -> str:
    """Bring a catalogue's NDC to canonical form; fast, since catalogues have half a million.

    Args:
        text: any form of `parse_ndc`.

    Returns:
        11 digits, or 12 for a labeler code of six significant digits.

    Raises:
        NDCError: see `parse_ndc`.
    """
    length = len(text)
    if length == 11:
        if text.isdigit() and text.isascii():
            return text
    elif length == 13:
        if text[5] == "-" == text[10]:
            digits = text[:5] + text[6:10] + text[11:]
            if digits.isdigit() and digits.isascii():
                return digits
    elif length == 12:
        if text[0] != "0" and text.isdigit() and text.isascii():
            return text
        first, _, rest = text.partition("-")
        second, _, third = rest.partition("-")
        if (len(first), len(second), len(third)) in _LABEL_SHAPES:
            digits = first.zfill(5) + second.zfill(4) + third.zfill(2)
            if digits.isdigit() and digits.isascii():
                return digits
    return parse_ndc(text).canonical


def parse_ndc(text: str) -> NDC:
    """Read an NDC that has one meaning.

    Blanks around it, an ``NDC`` prefix and typographic hyphens are tolerated. Twelve digits
    without hyphens are read as 6-4-2, never as UPC-A: this function reads NDCs. For codes typed
    or scanned by people use `ndc_readings`.

    Raises:
        NDCError: it is not an NDC, or is ambiguous (10 digits without hyphens, or a bar code,
            which holds them); the message says why and what to give instead.
    """
    clean = _clean(text)
    readings = _segment_readings(clean)
    if len(readings) == 1:
        return readings[0]
    if readings or _gtin_readings(clean):
        options = ", ".join(reading.hyphenated for reading in ndc_readings(text))
        raise NDCError(
            f"NDC {text!r} is ambiguous: without hyphens it may be {options}; "
            "give it with hyphens, or as 11 digits"
        )
    raise NDCError(f"{text[:_LONGEST]!r} is not an NDC: {_fault(clean)}; {_FORMS}")


def ndc_readings(text: str) -> tuple[NDC, ...]:
    """Give everything that a typed or scanned code may mean. Never raises.

    Args:
        text: an NDC in any form, with or without hyphens, or a UPC-A, GTIN-13 or GTIN-14 with a
            right check digit, or a GS1 element string that begins with ``(01)``; blanks, a
            prefix like ``NDC:`` and typographic hyphens do not matter.

    Returns:
        Distinct readings, the likeliest first; nothing if it is no code.
    """
    clean = _clean(text)
    return tuple(dict.fromkeys(_segment_readings(clean) + _gtin_readings(clean)))


def product_readings(text: str) -> tuple[str, ...]:
    """Give everything that a product code (an NDC without its package segment) may mean.

    Args:
        text: ``0002-1433`` and the like (4-4, 5-3, 5-4, 6-3, 6-4), or 8 or 9 digits without
            hyphens. Ten digits without hyphens are taken for a whole NDC, so they give nothing.

    Returns:
        Values of `NDC.product_code`, 9 or 10 digits, the likeliest first. A package belongs to
        the product exactly when its canonical form is one of these and two more digits.
    """
    parts = _clean(text).split("-")
    digits = parts[0]
    if len(parts) == 2:
        pairs = [(parts[0], parts[1])] if (len(parts[0]), len(parts[1])) in _PRODUCT_SHAPES else []
    elif len(parts) == 1 and len(digits) == 8:
        pairs = [(digits[:5], digits[5:]), (digits[:4], digits[4:])]
    elif len(parts) == 1 and len(digits) == 9:
        pairs = [(digits[:5], digits[5:])]
    else:
        pairs = []
    return tuple(dict.fromkeys(_fill(*pair, "").product_code for pair in pairs))


def looks_like_ndc(text: str) -> bool:
    """Tell whether ``text`` can be read as an NDC, a bar code or a hyphenated product code."""
    clean = _clean(text)
    if _segment_readings(clean) or _gtin_readings(clean):
        return True
    return "-" in clean and bool(product_readings(clean))


def _clean(text: str) -> str:
    """Reduce ``text`` to digits with hyphens, or to nothing if there is anything else in it."""
    if len(text) > _LONGEST:
        return ""
    stripped = text.translate(_HYPHENS).strip()
    element = _ELEMENT.fullmatch(stripped)
    if element:
        return element[1]
    prefix = _PREFIX.match(stripped)
    if prefix:
        stripped = stripped[prefix.end() :]
    stripped = " ".join(stripped.split())
    if not _GROUPS.fullmatch(stripped):
        return ""
    groups = _NUMBER.findall(stripped)
    # "0002 1433 80": blanks for hyphens. Otherwise blanks are only there to be read more easily.
    if "-" in stripped or tuple(map(len, groups)) in _SHAPES:
        return "-".join(groups)
    return "".join(groups)


def _segment_readings(clean: str) -> tuple[NDC, ...]:
    parts = clean.split("-")
    if len(parts) == 3:
        shape = len(parts[0]), len(parts[1]), len(parts[2])
        return (_fill(*parts),) if shape in _SHAPES else ()
    if len(parts) != 1:
        return ()
    if len(clean) == 10:
        return tuple(
            dict.fromkeys(
                _fill(clean[:a], clean[a : a + b], clean[a + b :]) for a, b, _ in _LABEL_SHAPES
            )
        )
    if len(clean) in {11, 12}:
        return (_fill(clean[:-6], clean[-6:-2], clean[-2:]),)
    return ()


def _gtin_readings(clean: str) -> tuple[NDC, ...]:
    if not 12 <= len(clean) <= 14 or "-" in clean:
        return ()
    # UPC-A and GTIN-13 are GTIN-14 without their leading zeros.
    gtin = clean.zfill(14)
    if gtin[0] == "9" or gtin[1:3] != "03" or gtin_check_digit(gtin[:-1]) != gtin[-1]:
        return ()
    return _segment_readings(gtin[3:-1])


def _fill(labeler: str, product: str, package: str) -> NDC:
    if len(labeler) == 6 and labeler[0] == "0":
        labeler = labeler[1:]
    return NDC(labeler.zfill(5), product.zfill(4), package.zfill(2))


def _fault(clean: str) -> str:
    if not clean:
        return "it is empty or has something else than digits and hyphens"
    parts = clean.split("-")
    if len(parts) == 1:
        return f"it has {len(clean)} digits"
    shape = "-".join(str(len(part)) for part in parts)
    if len(parts) == 2 and product_readings(clean):
        return f"it is a product code ({shape}), without the package's segment"
    return f"no NDC has its digits in segments of {shape}"
