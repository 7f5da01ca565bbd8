"""What a prescriber's few words mean, without asking a model.

Codes, strengths, forms, routes, schedules and the wish for brand or generic are taken out as
filters; abbreviations, class names and indications are recognised from the vocabulary. What is
left is the name to look for.
"""

from __future__ import annotations

import re

import msgspec

from rxindex.errors import QueryError
from rxindex.ndc import ndc_readings
from rxindex.vocabulary import Expansion, Vocabulary

__all__ = ["LONGEST_QUERY", "Filters", "Understood", "understand"]

#: Characters. A prescriber types a dozen; what is longer is refused rather than searched.
LONGEST_QUERY = 300

_UNITS = {
    "mg": "mg", "mcg": "mcg", "ug": "mcg", "g": "g", "gm": "g", "gram": "g", "grams": "g",
    "meq": "meq", "unit": "units", "units": "units", "iu": "units", "u": "units", "%": "%",
}  # fmt: skip
_PER = {"ml": "mL", "l": "L", "h": "hr", "act": "actuation"}
_STRENGTH = re.compile(
    r"(?<![\w.-])(?=\.?\d)(\d{1,3}(?:,\d{3})+|\d+)?(\.\d+)?\s*(mcg|ug|mg|grams?|gm|g|meq|units?|iu|u|%)"
    r"(?:\s*/\s*(\d+(?:\.\d+)?|\.\d+)?\s*(ml|hr|h|actuation|act|spray|g|l))?(?![\w/])",
    re.IGNORECASE,
)
_BARE_NUMBER = re.compile(r"(?<![\w.,/-])(\d+(?:\.\d+)?)(?![\w.,/%-])")

#: What a label name calls what is injected.
_INJECTED = ("vial", "syringe", "pen", "ampule", "auto-injector", "intravenous solution")

#: What prescribers call a family of forms, and how the FDA's dosage form terms, and the forms
#: that are read out of label names, begin.
_FORMS: dict[str, tuple[str, ...]] = {
    "tablet": ("tablet",),
    "capsule": ("capsule",),
    "odt": ("tablet, orally disintegrating", "tablet, orally disintegrating, delayed release"),
    "chewable": ("tablet, chewable",),
    "cream": ("cream", "vaginal cream"),
    "ointment": ("ointment", "eye ointment"),
    "gel": ("gel", "vaginal gel"),
    "lotion": ("lotion",),
    "patch": ("patch",),
    "suppository": ("suppository", "vaginal suppository"),
    "injection": ("injection", *_INJECTED),
    "vial": ("injection", "vial"),
    "suspension": ("suspension", "powder, for suspension", "for suspension", "oral suspension"),
    "syrup": ("syrup", "solution", "oral solution", "elixir"),
    "solution": ("solution", "oral solution", "intravenous solution", "nebulizer solution"),
    "drops": ("solution/ drops", "suspension/ drops", "drops", "eye drops", "ear drops"),
    "spray": ("spray", "nasal spray"),
    "inhaler": ("inhaler", "aerosol", "powder, metered", "inhalant", "spray, metered"),
    "shampoo": ("shampoo",),
    "foam": ("aerosol, foam", "foam"),
    "kit": ("kit",),
}
_FORM_WORDS = {word: word for word in _FORMS} | {
    "tab": "tablet", "tabs": "tablet", "cap": "capsule", "caps": "capsule", "oint": "ointment",
    "inj": "injection", "susp": "suspension", "soln": "solution", "supp": "suppository",
    "drop": "drops", "gtt": "drops", "patches": "patch", "suppositories": "suppository",
    "inhalers": "inhaler", "vials": "vial",
}  # fmt: skip
_ROUTE_WORDS = {
    "oral": "oral", "po": "oral", "iv": "intravenous", "intravenous": "intravenous",
    "im": "intramuscular", "intramuscular": "intramuscular", "subcutaneous": "subcutaneous",
    "subq": "subcutaneous", "sq": "subcutaneous", "topical": "topical", "ophthalmic": "ophthalmic",
    "otic": "auricular (otic)", "nasal": "nasal", "rectal": "rectal", "vaginal": "vaginal",
    "transdermal": "transdermal", "sublingual": "sublingual", "inhaled": "respiratory (inhalation)",
}  # fmt: skip
#: What a label name says of a route is less than what the FDA says.
_ALSO = {
    "intravenous": ("intravenous", "injection"),
    "intramuscular": ("intramuscular", "injection"),
    "subcutaneous": ("subcutaneous", "injection"),
    "auricular (otic)": ("auricular (otic)", "otic"),
    "respiratory (inhalation)": ("respiratory (inhalation)", "inhalation"),
}
_SCHEDULE = re.compile(
    r"\b(?:c-?(ii|iii|iv|v)|schedule\s+(ii|iii|iv|v|[2-5]))\b(?!\s*(?:mg|mcg))", re.IGNORECASE
)
_NUMERALS = {"2": "CII", "3": "CIII", "4": "CIV", "5": "CV"}
_KIND = re.compile(r"\b(generics?|brand(?:ed)?(?:\s+name)?s?)(?:\s+(?:only|drugs?))?\b", re.I)
#: Words that say nothing about which drug is meant.
_EMPTY_WORDS = frozenset({
    "a", "an", "and", "any", "are", "drug", "drugs", "for", "from", "give", "i", "in", "is",
    "it", "me", "med", "medication", "medications", "medicine", "medicines", "meds", "my",
    "need", "of", "on", "or", "patient", "pill", "pills", "something", "some", "that", "the",
    "to", "treat", "treating", "treatment", "used", "what", "which", "with",
})  # fmt: skip
_LONGEST_TERM = 6


class Filters(msgspec.Struct, frozen=True):
    """What narrows the answer. Values are as the index holds them; empty means any.

    Attributes:
        strengths: for example ``20 mg``, or ``20 *`` where no unit was given.
        forms: beginnings of dosage form terms, any of which will do.
        routes: any of which will do.
        schedule: ``CII`` to ``CV``.
        kind: ``brand`` or ``generic``.
    """

    strengths: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    schedule: str = ""
    kind: str = ""

    def __bool__(self) -> bool:
        return any((self.strengths, self.forms, self.routes, self.schedule, self.kind))


class Understood(msgspec.Struct, frozen=True):
    """A query, understood.

    Attributes:
        query: as it was typed.
        name: the words that are left to look for, without filters and empty words.
        words: all its words but the filters, for the model.
        ndc: canonical forms of every reading of a code; empty if the query is none.
        filters: what was taken out of it.
        terms: what the vocabulary recognised, in the order of the query.
        whole: one of them is all that the query says.
    """

    query: str
    name: str
    words: str
    ndc: tuple[str, ...] = ()
    filters: Filters = Filters()
    terms: tuple[Expansion, ...] = ()
    whole: bool = False


def understand(query: str, vocabulary: Vocabulary) -> Understood:
    """Read a query.

    Raises:
        QueryError: it is empty, longer than `LONGEST_QUERY`, or was no UTF-8.
    """
    if any("\ud800" <= character <= "\udfff" for character in query):
        raise QueryError("the query is not text: some of its bytes are not UTF-8")
    text = " ".join(query.split())
    if not text:
        raise QueryError("the query is empty: type a drug name, a class, a use, or an NDC")
    if len(text) > LONGEST_QUERY:
        raise QueryError(f"the query has {len(text)} characters, the limit is {LONGEST_QUERY}")
    codes = tuple(dict.fromkeys(reading.canonical for reading in ndc_readings(text)))
    if codes:
        return Understood(text, "", text, codes)
    if (whole := vocabulary.expand(text)) is not None:
        # The vocabulary knows all of it ("eye drops allergy" is a use, not a form).
        return Understood(text, text, text, terms=(whole,), whole=True)
    rest, filters = _take_filters(text)
    words = rest.split()
    kept = [word for word in words if word.lower().strip(".,?!") not in _EMPTY_WORDS]
    if not kept:
        # Nothing but filters ("tablet"): they are then what is looked for.
        return Understood(text, text, text)
    name = " ".join(kept)
    if (known := vocabulary.expand(name)) is not None:
        return Understood(text, name, rest, filters=filters, terms=(known,), whole=True)
    return Understood(text, name, rest, filters=filters, terms=_recognise(words, vocabulary))


def _take_filters(text: str) -> tuple[str, Filters]:
    schedule = kind = ""
    if match := _SCHEDULE.search(text):
        numeral = (match[1] or match[2]).upper()
        schedule = _NUMERALS.get(numeral, f"C{numeral}")
        text = _cut(text, match)
    if match := _KIND.search(text):
        kind = "generic" if match[1].lower().startswith("generic") else "brand"
        text = _cut(text, match)
    strengths = []
    while match := _STRENGTH.search(text):
        strengths.append(_strength(match))
        text = _cut(text, match)
    forms: list[str] = []
    routes: list[str] = []
    rest = []
    for word in text.split():
        plain = word.lower().strip(".,")
        if (form := _FORM_WORDS.get(plain) or _FORM_WORDS.get(plain.removesuffix("s"))) is not None:
            forms += _FORMS[form]
        elif plain in _ROUTE_WORDS:
            routes += _ALSO.get(_ROUTE_WORDS[plain], (_ROUTE_WORDS[plain],))
        else:
            rest.append(word)
    text = " ".join(rest)
    # "lisinopril 10": a number after a name, without a unit.
    if not strengths and text[:1].isalpha() and (match := _BARE_NUMBER.search(text)):
        strengths.append(f"{_number(match[1])} *")
        text = _cut(text, match)
    found = Filters(tuple(strengths), tuple(forms), tuple(routes), schedule, kind)
    return " ".join(text.split()), found


def _cut(text: str, match: re.Match[str]) -> str:
    return f"{text[: match.start()]} {text[match.end() :]}"


def _strength(match: re.Match[str]) -> str:
    number = _number((match[1] or "").replace(",", "") + (match[2] or ""))
    unit = _UNITS[match[3].lower()]
    written = f"{number}{unit}" if unit == "%" else f"{number} {unit}"
    if match[5]:
        volume = {"ml": "mL", "l": "L", "h": "hr", "act": "actuation"}.get(
            match[5].lower(), match[5].lower()
        )
        written += f"/{_number(match[4]) + ' ' if match[4] else ''}{volume}"
    return written


def _number(text: str) -> str:
    return f"{float(text):g}" if float(text) < 1e6 else str(int(float(text)))


def _recognise(words: list[str], vocabulary: Vocabulary) -> tuple[Expansion, ...]:
    """Find the vocabulary's terms in the words, the longest first at each place."""
    found = []
    place = 0
    while place < len(words):
        for length in range(min(_LONGEST_TERM, len(words) - place), 0, -1):
            part = words[place : place + length]
            if length == 1 and part[0].lower() in _EMPTY_WORDS:
                continue
            if (known := vocabulary.expand(" ".join(part).strip(".,?!"))) is not None:
                found.append(known)
                place += length - 1
                break
        place += 1
    return tuple(found)
