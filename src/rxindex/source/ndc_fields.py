"""What the fields of the FDA NDC Directory say, written for people.

Pure text in, text out. The units are those of UCUM, as FDA listings use them.
"""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache

__all__ = [
    "class_names",
    "iso_date",
    "label_name",
    "package_text",
    "readable_form",
    "split_list",
    "strength_text",
]

_UNITS = {
    "ug": "mcg",
    "[iU]": "units",
    "[USP'U]": "USP units",
    "[arb'U]": "units",
    "U": "units",
    "meq": "mEq",
    "Ci": "Ci",
    "1": "",
}
#: Homeopathic potencies: the number of dilutions, "30 [hp_C]" is sold as 30C.
_POTENCY = re.compile(r"\[(?:hp|kp)_([A-Z]+)\]", re.IGNORECASE)
_PER = re.compile(r"(\d*\.?\d*)(.*)", re.DOTALL)
_CLASS = re.compile(r"([^\[\]]+)\[([A-Za-z/ ]+)\](?:,|$)")
#: Kinds of class that are worth showing, best first: established pharmacologic class, mechanism
#: of action, chemical structure. Left out: physiologic effect [PE], which is a sentence.
_CLASS_KINDS = ("EPC", "MoA", "CS")
_CODE = re.compile(r"\s*\((?:\d{4,6}-\d{3,4}-\d{1,2})\)\s*")
_LEVEL = re.compile(r"(?P<count>[\d.,]+) (?P<what>.+?) in (?P<per>[\d.,]*) ?(?P<container>.+)")
_LONGEST_DESCRIPTION = 200
#: Form words that a label name carries ahead of the form.
_AHEAD = {
    "extended release": "extended-release",
    "delayed release": "delayed-release",
    "chewable": "chewable",
    "orally disintegrating": "orally disintegrating",
    "effervescent": "effervescent",
}
#: A label name with more strengths than this would be all numbers (multivitamins).
_MOST_STRENGTHS = 4


@lru_cache(maxsize=1024)
def split_list(text: str) -> tuple[str, ...]:
    """Split a field that lists values (``ORAL; TOPICAL``), keeping places, empty ones too."""
    return tuple(part.strip() for part in text.split(";")) if text.strip() else ()


def _number(text: str) -> str:
    """Write a number without needless zeros and with one before its point."""
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" + text if text.startswith(".") else text or "0"


@lru_cache(maxsize=4096)
def _strength(amount: str, unit: str) -> str:
    if not amount:
        return ""
    number = _number(amount)
    upper, _, lower = unit.partition("/")
    potency = _POTENCY.fullmatch(upper)
    if potency:
        return f"{number}{potency[1].upper()}"
    text = f"{number} {_unit(upper)}".strip()
    per = _PER.fullmatch(lower)
    if per is None or not per[2] or per[2] == "1":
        # "mg/1": for one tablet, one patch; in a label name that is not said.
        return text if lower in {"", "1"} else f"{text}/{_number(lower)}"
    size = "" if per[1] in {"", "1"} else f"{_number(per[1])} "
    return f"{text}/{size}{_unit(per[2])}"


def _unit(unit: str) -> str:
    return _UNITS.get(unit, unit.strip("[]"))


# The products of one drug come one after the other.
@lru_cache(maxsize=1024)
def strength_text(amounts: tuple[str, ...], units: tuple[str, ...]) -> str:
    """Write the strengths of a product, one for each ingredient, in their order.

    Args:
        amounts: numerators, for example ``.75``.
        units: numerator unit and denominator, for example ``mg/.5mL``.

    Returns:
        For example ``20 mg``, ``0.75 mg/0.5 mL``, ``100 units/mL``, ``10 mg; 325 mg``, or empty.
    """
    filled = [*units, *[""] * (len(amounts) - len(units))]
    return "; ".join(
        filter(None, (_strength(one, unit) for one, unit in zip(amounts, filled, strict=False)))
    )


@lru_cache(maxsize=4096)
def class_names(text: str) -> tuple[str, ...]:
    """Take the classes out of PHARM_CLASSES.

    Args:
        text: for example ``HMG-CoA Reductase Inhibitor [EPC],... [MoA]``. Names have commas
            themselves, and the field is cut at 4,000 characters: a last class without its kind
            is left out.

    Returns:
        Names without their kind: EPC, then mechanism of action, then chemical structure.
    """
    found = [(kind, " ".join(name.split())) for name, kind in _CLASS.findall(text)]
    return tuple(
        dict.fromkeys(name for kind in _CLASS_KINDS for own, name in found if own == kind and name)
    )


@lru_cache(maxsize=1024)
def _form_words(form: str) -> tuple[str, ...]:
    head, *rest = form.lower().split(", ")
    ahead = [_AHEAD[word] for word in rest if word in _AHEAD]
    behind = [word for word in rest if word.startswith("for ")]
    return tuple(filter(None, [*ahead, head, *behind]))


def readable_form(form: str) -> str:
    """Turn the FDA's dosage form term into the words of a label: ``extended-release tablet``."""
    return " ".join(_form_words(form))


def label_name(name: str, strength: str, form: str) -> str:
    """Compose a label name, for example ``Lipitor 20 mg tablet``.

    Args:
        name: proprietary name with its suffix.
        strength: see `strength_text`.
        form: the FDA's term, any case.
    """
    strengths = strength.split("; ")
    shown = ""
    if len(strengths) == 1:
        shown = strength
    elif len(strengths) <= _MOST_STRENGTHS:
        numbers, units = zip(*(one.partition(" ")[::2] for one in strengths), strict=True)
        same = len(set(units)) == 1 and units[0]
        shown = f"{'-'.join(numbers)} {units[0]}" if same else " / ".join(strengths)
    said = name.lower().replace("-", " ")
    # "Ibuprofen Tablets 200 mg", not "... tablet" once more.
    words = [word for word in _form_words(form) if word.replace("-", " ") not in said]
    return " ".join(part for part in (name, shown, *words) if part)


def package_text(description: str) -> tuple[str, str]:
    """Read a package description.

    Args:
        description: for example ``30 TABLET in 1 BOTTLE (0002-3004-75)``, or nested
            ``10 VIAL in 1 CARTON (0002-7510-10)  > 2 mL in 1 VIAL``; kits list their parts
            behind asterisks.

    Returns:
        Size and description: ``30 TABLET`` and ``1 BOTTLE``; ``10 x 2 mL`` and ``10 VIAL in 1
        CARTON``; for a kit what stands first, and the whole text, bounded. The NDCs in
        parentheses are left out.
    """
    return _size_and_container(" ".join(_CODE.sub(" ", description).split()))


# Of ten descriptions nine are one of some thousands, once the NDCs are out of them.
@lru_cache(maxsize=8192)
def _size_and_container(text: str) -> tuple[str, str]:
    levels = [_LEVEL.fullmatch(level.strip()) for level in text.split(" > ")]
    read = [level for level in levels if level]
    if not read or len(read) < len(levels) or "*" in text:
        return _head(text), _bounded(text)
    outer, inner = read[:-1], read[-1]
    counts = [level["count"] for level in outer if level["count"] != "1"]
    size = " x ".join([*counts, f"{_number(inner['count'])} {inner['what']}"])
    if outer:
        return size, _bounded(", ".join(level.group() for level in outer))
    return size, _bounded(f"{inner['per']} {inner['container']}".strip())


def _head(text: str) -> str:
    first = _LEVEL.match(text.split(" * ")[0].split(" > ")[0])
    return f"{first['count']} {first['what']}" if first else ""


def _bounded(text: str) -> str:
    if len(text) <= _LONGEST_DESCRIPTION:
        return text
    return text[: _LONGEST_DESCRIPTION - 3].rsplit(" ", 1)[0] + "..."


@lru_cache(maxsize=8192)
def iso_date(text: str) -> str | None:
    """Read ``YYYYMMDD`` (or an ISO date); ``""`` for none, None for what is no date."""
    if not text:
        return ""
    try:
        return dt.date.fromisoformat(text).isoformat()
    except ValueError:
        return None
