"""Writes the FDA's product descriptions the way FDB does: label names, strengths, sizes."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from typing import NamedTuple

from rxindex.source.sample_directory import Product

__all__ = [
    "Naming",
    "Size",
    "class_names",
    "coarse_form",
    "generic_name",
    "naming",
    "package_size",
    "strength_text",
]

_UNITS = {
    "mg": "MG", "ug": "MCG", "g": "G", "kg": "KG", "mL": "ML", "L": "L", "meq": "MEQ",
    "mmol": "MMOL", "[iU]": "UNIT", "[USP'U]": "UNIT", "U": "UNIT", "[PNU]": "PNU",
    "[BAU]": "BAU", "[AU]": "AU", "mCi": "MCI", "uCi": "UCI", "h": "HR", "ng": "NG",
}  # fmt: skip
_UNIT = re.compile(r"(?P<unit>[^/]+)(?:/(?P<number>\d*\.?\d*)(?P<per>.*))?")
_HOMEOPATHIC = re.compile(r"\[[hk]p_([XCMQ])\]", re.IGNORECASE)
#: Parts of a dosage form that FDB's own forms do not tell apart.
_FINE = frozenset(
    {"FILM COATED", "COATED", "SUGAR COATED", "LIQUID FILLED", "GELATIN COATED", "MULTILAYER"}
    | {"METERED"}
)
_SHORT_FORMS = {
    "TABLET": ("TABLET", "TAB"), "CAPSULE": ("CAPSULE", "CAP"), "SOLUTION": ("SOLUTION", "SOLN"),
    "SUSPENSION": ("SUSPENSION", "SUSP"), "OINTMENT": ("OINTMENT", "OINT"),
    "CREAM": ("CREAM", "CRM"), "LOTION": ("LOTION", "LOT"), "INJECTION": ("VIAL", "VL"),
    "SUPPOSITORY": ("SUPPOSITORY", "SUPP"), "LIQUID": ("LIQUID", "LIQ"),
    "SYRUP": ("SYRUP", "SYP"), "SPRAY": ("SPRAY", "SPR"), "AEROSOL": ("AEROSOL", "AER"),
    "POWDER": ("POWDER", "PWD"), "PATCH": ("PATCH", "PTCH"), "LOZENGE": ("LOZENGE", "LOZ"),
    "SOLUTION/ DROPS": ("DROPS", "DROP"), "GRANULE": ("GRANULES", "GRAN"),
}  # fmt: skip
_RELEASE = {"EXTENDED RELEASE": "ER", "DELAYED RELEASE": "DR", "ORALLY DISINTEGRATING": "ODT"}
_WORDS = {
    "HYDROCHLORIDE": "HCL", "HYDROBROMIDE": "HBR", "SUCCINATE": "SUCC", "TARTRATE": "TART",
    "SULFATE": "SULF", "PHOSPHATE": "PHOS", "POTASSIUM": "POTASS", "EXTENDED": "", "RELEASE": "",
    "EXTENDED-RELEASE": "", "DELAYED": "", "DELAYED-RELEASE": "", "TABLETS": "", "TABLET": "",
    "CAPSULES": "", "CAPSULE": "", "USP": "",
}  # fmt: skip
#: Words that make no difference between a brand name and the generic name.
_SALTS = frozenset({
    "HYDROCHLORIDE", "HYDROBROMIDE", "SODIUM", "POTASSIUM", "CALCIUM", "MAGNESIUM", "SULFATE",
    "PHOSPHATE", "ACETATE", "MALEATE", "FUMARATE", "TARTRATE", "BITARTRATE", "SUCCINATE",
    "CITRATE", "MESYLATE", "BESYLATE", "TABLETS", "TABLET", "CAPSULES", "CAPSULE",
    "INJECTION", "SOLUTION", "CREAM", "OINTMENT", "GEL", "SUSPENSION", "ER", "DR", "XR",
    "HCL", "USP", "AND", "EXTENDED", "RELEASE", "DELAYED", "EXTENDED-RELEASE",
    "DELAYED-RELEASE", "ORAL", "TOPICAL", "FOR",
})  # fmt: skip
_QUANTITY = re.compile(
    r"(?P<number>\d*\.?\d+) (?P<what>.+?) in 1 (?P<container>[^(>]+?)(?= *[(>]|$)"
)
#: How much of FDB's unit one of these is, and the code of FDB's unit.
_SIZE_UNITS = {
    "mL": (Decimal(1), "2"),
    "L": (Decimal(1000), "2"),
    "g": (Decimal(1), "3"),
    "kg": (Decimal(1000), "3"),
    "mg": (Decimal("0.001"), "3"),
}
_CLASS = re.compile(r"([^\[\]]+?)\s*\[([A-Za-z]+)\]")


class Naming(NamedTuple):
    """The names of a product in FDB's style.

    Attributes:
        ln: label name, at most 30 characters.
        ln60: label name, at most 60 characters.
        bn: brand name, or the generic name for a product without one; at most 30 characters.
        has_brand: whether it is sold under a brand name.
    """

    ln: str
    ln60: str
    bn: str
    has_brand: bool


class Size(NamedTuple):
    """A package's size in FDB's style.

    Attributes:
        ps: package size.
        df: what it counts: ``1`` each, ``2`` mL, ``3`` grams.
        pd: package description, at most 10 characters.
        ad: additional descriptor, at most 20 characters.
    """

    ps: str
    df: str
    pd: str
    ad: str


@cache
def coarse_form(form: str) -> str:
    """Give a dosage form as coarse as FDB's own: a film-coated tablet is a tablet."""
    base, *rest = form.split(", ")
    return ", ".join([base, *(part for part in rest if part not in _FINE)])


def class_names(classes: str) -> list[str]:
    """Give the established pharmacologic classes of a PHARM_CLASSES field."""
    found = _CLASS.findall(classes)
    return list(dict.fromkeys(name.strip(", ") for name, kind in found if kind == "EPC"))


def generic_name(substances: tuple[str, ...], length: int = 60) -> str:
    """Join ingredients as FDB does, leaving out those at the end that do not fit."""
    name = ""
    for substance in substances:
        longer = f"{name}/{substance}" if name else substance
        if len(longer) > length:
            return name or substance[:length].rstrip()
        name = longer
    return name


def strength_text(strengths: tuple[str, ...], units: tuple[str, ...]) -> str:
    """Write the strengths of a product: ``20 MG``, ``10-325 MG``, ``10 MG-5 MCG``, ``0.5 %``."""
    parts = [_amount(*pair) for pair in zip(strengths, units, strict=False)]
    if not parts or len(parts) > 3 or not all(number for number, _ in parts):
        return ""
    if len({unit for _, unit in parts}) == 1:
        unit = parts[0][1]
        joined = "-".join(number for number, _ in parts)
        return joined + (unit if unit[:1] in "%XCMQ" and unit[1:2] == "" else f" {unit}")
    return "-".join(f"{number} {unit}".strip() for number, unit in parts)


@lru_cache(maxsize=10_000)
def _amount(strength: str, unit: str) -> tuple[str, str]:
    try:
        number = Decimal(strength)
    except InvalidOperation:
        return "", ""
    match = _UNIT.fullmatch(unit)
    if not match or not number.is_finite():
        return "", ""
    if homeopathic := _HOMEOPATHIC.match(unit):
        return _plain(number), homeopathic[1].upper()
    name, per_number, per = match["unit"], match["number"] or "", match["per"] or ""
    if (name, per) in (("g", "g"), ("g", "mL"), ("mL", "mL")):
        share = Decimal(per_number) if per_number not in ("", ".") else Decimal(1)
        if share:
            return _plain(number * 100 / share), "%"
    shown = _UNITS.get(name, name.strip("[]").upper())
    if not per:
        return _plain(number), shown
    per_shown = _UNITS.get(per, per.strip("[]").upper())
    if per_number:
        zero = "0" if per_number.startswith(".") else ""
        per_shown = f"{zero}{per_number} {per_shown}"
    return _plain(number), f"{shown}/{per_shown}"


def _plain(number: Decimal) -> str:
    short = f"{float(number):.5g}"
    return short if "e" not in short else f"{number.normalize():f}"[:12]


def naming(product: Product) -> Naming:
    """Name a product as FDB would."""
    generic = _tidy(product.generic or " ".join(product.substances))
    brand = _tidy(product.brand)
    has_brand = bool(brand) and not _is_generic(product)
    name = brand if has_brand else generic or brand
    release = next((short for long, short in _RELEASE.items() if long in product.form), "")
    if release and release not in name.split():
        name = f"{name} {release}"
    strength = strength_text(product.strengths, product.units)
    base = product.form.split(", ")[0]
    long, short = _SHORT_FORMS.get(base, (base, base))
    if base == "INJECTION" and "VIAL" not in product.form:
        long, short = ("VIAL", "VL")
    full = " ".join(part for part in (name, strength, long) if part)
    label = full
    if len(label) > 30:
        label = " ".join(part for part in (name, strength, short) if part)
    if len(label) > 30 and strength:
        # Shorten the name first, as FDB's editors do, as long as something is left of it.
        room = 30 - len(strength) - len(short) - 2
        if room >= 12:
            label = f"{name[:room].rstrip(' -')} {strength} {short}"
    bn = brand if has_brand else generic or brand
    return Naming(label[:30].rstrip(), full[:60].rstrip(), bn[:30].rstrip(), has_brand)


def _tidy(name: str) -> str:
    text = name.upper().replace(" AND ", "-").replace(", ", "-").replace("; ", "-")
    text = text.replace(" & ", "-")
    words = [_WORDS.get(word, word) for word in text.split()]
    return " ".join(word for word in words if word).strip(" -,.")


def _is_generic(product: Product) -> bool:
    """Tell whether the proprietary name is only the generic name once more."""
    known = set(_words(product.generic)) | {w for s in product.substances for w in _words(s)}
    own = [word for word in _words(product.brand) if word not in _SALTS and not word.isdigit()]
    return not own or all(word in known for word in own)


def _words(text: str) -> list[str]:
    return re.findall(r"[A-Z0-9%]+", text.upper())


def package_size(description: str) -> Size:
    """Read a package's size: the product of the quantities along its nested containers."""
    total, what, container = Decimal(1), "", ""
    for match in _QUANTITY.finditer(description):
        total *= Decimal(match["number"])
        what, container = match["what"].strip(), match["container"].strip()
    if not what:
        return Size("1", "1", "", "")
    factor, df = _SIZE_UNITS.get(what, (Decimal(1), "1"))
    total = min(total * factor, Decimal(99_999_999))
    name, _, more = container.partition(", ")
    name = "BLIST PACK" if name == "BLISTER PACK" else name
    size = f"{total.quantize(Decimal('0.001')).normalize():f}"
    return Size(size if size != "0" else "1", df, name[:10].rstrip(), more[:20].rstrip())
