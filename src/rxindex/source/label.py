"""Strength, form and ingredient, read out of a label name where no table says them.

Label names are written for a pharmacy's shelf: ``HYDROCODONE-ACETAMIN 10-325 MG``, ``METOPROLOL
SUCC ER 50 MG TAB``, ``LANTUS 100 UNITS/ML VIAL``. What is read here is a hint, good enough for a
filter and for the text that is embedded; a formulation table, where there is one, goes first.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Label", "parse_label"]


class Label(NamedTuple):
    """What a label name says.

    Attributes:
        ingredient: what stands ahead of the strength, abbreviations spelled out, in lower case.
            For a brand that is the brand. Never empty unless the name is blank.
        strength: for example ``20 mg``, ``10 mg; 325 mg``, ``100 units/mL``, or empty.
        form: for example ``tablet``, ``tablet, extended release``, ``eye drops``, or empty.
        routes: the route, where the form leaves no doubt, or nothing.
    """

    ingredient: str
    strength: str = ""
    form: str = ""
    routes: tuple[str, ...] = ()


_UNITS = {
    "MG": "mg", "MCG": "mcg", "UG": "mcg", "G": "g", "GM": "g", "GRAM": "g", "GRAMS": "g",
    "KG": "kg", "ML": "mL", "L": "L", "UNIT": "units", "UNITS": "units", "UNT": "units",
    "UN": "units", "U": "units", "IU": "units", "MU": "million units", "MEQ": "mEq",
    "MMOL": "mmol", "MCI": "mCi", "NG": "ng", "%": "%", "HR": "hr", "HOUR": "hr", "H": "hr",
    "DAY": "day", "ACT": "actuation", "ACTUATION": "actuation", "INH": "inhalation",
    "DOSE": "dose", "SPRAY": "spray", "PUFF": "puff", "DROP": "drop",
}  # fmt: skip
_AMOUNT_UNITS = "MCG|MCI|MEQ|MMOL|MG|ML|MU|GRAMS?|GM|G|KG|UNITS?|UNT|UN|UG|IU|NG|U|%"
_PER_UNITS = "ML|L|HR|HOUR|H|DAY|ACTUATION|ACT|INH|DOSE|SPRAY|PUFF|DROP|GM|G|MG|KG"
_NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
_PART = rf"{_NUMBER}\s*(?:{_AMOUNT_UNITS})?"
# 10/325 MG are two amounts; 3 MG/3 ML is one, in a volume.
_BETWEEN = rf"(?:-|/(?!\s?{_NUMBER}\s*(?:{_PER_UNITS})(?<!G)(?![A-Z])))"
_STRENGTH = re.compile(
    rf"(?<![\w.,])(?P<amounts>{_PART}(?:\s?{_BETWEEN}\s?{_PART})*)(?<=[A-Z%])(?![A-Z])"
    rf"(?:\s?/\s?(?P<per>(?:{_NUMBER}\s*)?(?:{_PER_UNITS}))(?![A-Z0-9]))?"
)
_AMOUNT = re.compile(rf"({_NUMBER})\s*({_AMOUNT_UNITS})?(?![A-Z])")
_PER = re.compile(rf"({_NUMBER})?\s*([A-Z]+)")
_WORD = re.compile(r"[A-Z0-9%']+")
_BRACKETS = re.compile(r"\([^()]*\)")

#: Words of a form, and the route where the form leaves no doubt. Longer phrases are tried first.
_FORMS: dict[str, tuple[str, str]] = {
    "TABLET": ("tablet", "oral"), "TABLETS": ("tablet", "oral"), "TAB": ("tablet", "oral"),
    "TABS": ("tablet", "oral"), "TB": ("tablet", "oral"), "TBL": ("tablet", "oral"),
    "CAPLET": ("tablet", "oral"), "CAPLETS": ("tablet", "oral"), "CPLT": ("tablet", "oral"),
    "TABLET CHEWABLE": ("tablet, chewable", "oral"), "CHEW TAB": ("tablet, chewable", "oral"),
    "TAB CHEW": ("tablet, chewable", "oral"), "CHEWABLE TABLET": ("tablet, chewable", "oral"),
    "TABLET CHEW": ("tablet, chewable", "oral"), "CHEW": ("tablet, chewable", "oral"),
    "CHEWABLE": ("tablet, chewable", "oral"), "CHEW TABLET": ("tablet, chewable", "oral"),
    "ODT": ("tablet, orally disintegrating", "oral"),
    "TAB RAPDIS": ("tablet, orally disintegrating", "oral"),
    "TABLET RAPDIS": ("tablet, orally disintegrating", "oral"),
    "TABLET EFFERVESCENT": ("tablet, effervescent", "oral"),
    "TAB EFF": ("tablet, effervescent", "oral"),
    "TABLET SL": ("tablet, sublingual", "sublingual"),
    "TAB SL": ("tablet, sublingual", "sublingual"),
    "TAB SUBLINGUAL": ("tablet, sublingual", "sublingual"),
    "TABLET SUBLINGUAL": ("tablet, sublingual", "sublingual"),
    "TAB DOSE PACK": ("tablet, dose pack", "oral"),
    "TABLET DOSE PACK": ("tablet, dose pack", "oral"),
    "DOSEPAK": ("tablet, dose pack", "oral"), "DOSEPACK": ("tablet, dose pack", "oral"),
    "CAPSULE": ("capsule", "oral"), "CAPSULES": ("capsule", "oral"), "CAP": ("capsule", "oral"),
    "CAPS": ("capsule", "oral"), "CP": ("capsule", "oral"), "SOFTGEL": ("capsule", "oral"),
    "SOFTGELS": ("capsule", "oral"), "SFTGL": ("capsule", "oral"), "GELCAP": ("capsule", "oral"),
    "LIQUI GEL": ("capsule", "oral"), "LIQUI GELS": ("capsule", "oral"),
    "LIQUID GEL": ("capsule", "oral"), "LIQUIGEL": ("capsule", "oral"),
    "SPRINKLE": ("capsule, sprinkle", "oral"), "CAP SPRINKLE": ("capsule, sprinkle", "oral"),
    "CAP SPRINK": ("capsule, sprinkle", "oral"), "PILL": ("tablet", "oral"),
    "LOZENGE": ("lozenge", "oral"), "LOZ": ("lozenge", "oral"), "TROCHE": ("troche", "oral"),
    "GUM": ("chewing gum", "oral"), "GUMMY": ("gummy", "oral"), "GUMMIES": ("gummy", "oral"),
    "ORAL SUSP": ("oral suspension", "oral"), "ORAL SUSPENSION": ("oral suspension", "oral"),
    "SUSPENSION": ("suspension", ""), "SUSP": ("suspension", ""), "SUS": ("suspension", ""),
    "ORAL SOLN": ("oral solution", "oral"), "ORAL SOLUTION": ("oral solution", "oral"),
    "ORAL SOL": ("oral solution", "oral"), "SOLUTION": ("solution", ""),
    "SOLN": ("solution", ""), "SOL": ("solution", ""), "LIQUID": ("liquid", ""),
    "LIQ": ("liquid", ""), "SYRUP": ("syrup", "oral"), "SYP": ("syrup", "oral"),
    "ELIXIR": ("elixir", "oral"), "ELX": ("elixir", "oral"), "TINCTURE": ("tincture", ""),
    "CONCENTRATE": ("concentrate", ""), "CONC": ("concentrate", ""),
    "CREAM": ("cream", "topical"), "CRM": ("cream", "topical"), "CREA": ("cream", "topical"),
    "VAGINAL CREAM": ("vaginal cream", "vaginal"), "VAG CREAM": ("vaginal cream", "vaginal"),
    "VAGINAL GEL": ("vaginal gel", "vaginal"), "OINTMENT": ("ointment", "topical"),
    "OINT": ("ointment", "topical"), "OIN": ("ointment", "topical"),
    "EYE OINTMENT": ("eye ointment", "ophthalmic"), "EYE OINT": ("eye ointment", "ophthalmic"),
    "OPHTH OINT": ("eye ointment", "ophthalmic"), "GEL": ("gel", "topical"),
    "LOTION": ("lotion", "topical"), "LOT": ("lotion", "topical"), "FOAM": ("foam", "topical"),
    "SHAMPOO": ("shampoo", "topical"), "SHAM": ("shampoo", "topical"),
    "PASTE": ("paste", "topical"), "PATCH": ("patch", "transdermal"),
    "PTCH": ("patch", "transdermal"), "TD PATCH": ("patch", "transdermal"),
    "EYE DROPS": ("eye drops", "ophthalmic"), "EYE DROP": ("eye drops", "ophthalmic"),
    "OPHTH SOLN": ("eye drops", "ophthalmic"), "OPHTH SOLUTION": ("eye drops", "ophthalmic"),
    "OPHTHALMIC SOLUTION": ("eye drops", "ophthalmic"), "OP SOLN": ("eye drops", "ophthalmic"),
    "OPHTH SUSP": ("eye drops", "ophthalmic"), "EAR DROPS": ("ear drops", "otic"),
    "EAR DROP": ("ear drops", "otic"), "OTIC SOLN": ("ear drops", "otic"),
    "OTIC SUSP": ("ear drops", "otic"), "EAR SUSP": ("ear drops", "otic"),
    "EAR SOLN": ("ear drops", "otic"), "DROPS": ("drops", ""), "DROP": ("drops", ""),
    "NASAL SPRAY": ("nasal spray", "nasal"), "NASAL SPR": ("nasal spray", "nasal"),
    "NOSE SPRAY": ("nasal spray", "nasal"), "SPRAY": ("spray", ""), "SPR": ("spray", ""),
    "SPRY": ("spray", ""), "AEROSOL": ("aerosol", ""), "AER": ("aerosol", ""),
    "INHALER": ("inhaler", "inhalation"), "INHAL": ("inhaler", "inhalation"),
    "HFA": ("inhaler", "inhalation"), "HFA INHALER": ("inhaler", "inhalation"),
    "INH": ("inhaler", "inhalation"), "DISKUS": ("inhaler", "inhalation"),
    "INHALER REFILL": ("inhaler", "inhalation"), "NEB": ("nebulizer solution", "inhalation"),
    "NEBU": ("nebulizer solution", "inhalation"), "SOLN NEB": ("nebulizer solution", "inhalation"),
    "NEB SOLN": ("nebulizer solution", "inhalation"), "VIAL NEB": ("nebulizer solution",
    "inhalation"), "INJECTION": ("injection", "injection"), "INJ": ("injection", "injection"),
    "VIAL": ("vial", "injection"), "VIALS": ("vial", "injection"), "VL": ("vial", "injection"),
    "AMPUL": ("ampule", "injection"), "AMPULE": ("ampule", "injection"),
    "AMP": ("ampule", "injection"), "SYRINGE": ("syringe", "injection"),
    "SYR": ("syringe", "injection"), "SYRN": ("syringe", "injection"),
    "PEN": ("pen", "injection"), "KWIKPEN": ("pen", "injection"), "FLEXPEN": ("pen", "injection"),
    "SOLOSTAR": ("pen", "injection"), "PEN INJ": ("pen", "injection"),
    "AUTO INJECTOR": ("auto-injector", "injection"), "AUTOINJECTOR": ("auto-injector",
    "injection"), "CARTRIDGE": ("cartridge", ""), "CART": ("cartridge", ""),
    "IV SOLN": ("intravenous solution", "injection"), "BAG": ("bag", ""),
    "SUPPOSITORY": ("suppository", "rectal"), "SUPPOS": ("suppository", "rectal"),
    "SUPP": ("suppository", "rectal"), "SUP": ("suppository", "rectal"),
    "SUPPOSITORIES": ("suppository", "rectal"), "VAGINAL SUPP": ("vaginal suppository",
    "vaginal"), "ENEMA": ("enema", "rectal"), "POWDER": ("powder", ""), "PWD": ("powder", ""),
    "POW": ("powder", ""), "POWD": ("powder", ""), "PACKET": ("packet", ""),
    "PKT": ("packet", ""), "GRANULES": ("granules", ""), "GRAN": ("granules", ""),
    "FILM": ("film", ""), "SOAP": ("soap", "topical"), "SWAB": ("swab", "topical"),
    "PAD": ("pad", "topical"), "PADS": ("pad", "topical"), "WIPE": ("pad", "topical"),
    "IMPLANT": ("implant", ""),
    "PELLET": ("pellet", ""), "PELLETS": ("pellet", ""), "GAS": ("gas", "inhalation"),
    "KIT": ("kit", ""), "MOUTHWASH": ("mouthwash", "oral"),
    "RINSE": ("rinse", ""), "OIL": ("oil", ""), "WASH": ("wash", "topical"),
    "STICK": ("stick", "topical"), "BAR": ("bar", ""),
}  # fmt: skip

#: Words that say how a form releases its drug; they stand on either side of the strength.
_RELEASE = {
    "ER": "extended release", "XR": "extended release", "XL": "extended release",
    "SR": "extended release", "CR": "extended release", "LA": "extended release",
    "CD": "extended release", "SA": "extended release", "24HR": "extended release",
    "24H": "extended release", "12HR": "extended release", "12H": "extended release",
    "EXT": "extended release", "DR": "delayed release", "EC": "delayed release",
}  # fmt: skip

#: Abbreviated ingredients, salts and other words, in full.
_WORDS = {
    "ACETAMIN": "acetaminophen", "ACETAMINOPH": "acetaminophen", "ACETAMINOP": "acetaminophen",
    "APAP": "acetaminophen", "ACETAMN": "acetaminophen", "AMOX": "amoxicillin",
    "AMOXICIL": "amoxicillin", "CLAV": "clavulanate", "CLAVUL": "clavulanate",
    "CLAVULAN": "clavulanate", "HCTZ": "hydrochlorothiazide", "HYDROCHLOROTHIAZ":
    "hydrochlorothiazide", "HCL": "hydrochloride", "HBR": "hydrobromide", "SUCC": "succinate",
    "SUC": "succinate", "TART": "tartrate", "TARTR": "tartrate", "SOD": "sodium",
    "POT": "potassium", "POTASS": "potassium", "CALC": "calcium", "MAG": "magnesium",
    "SULF": "sulfate", "SULFAT": "sulfate", "PHOS": "phosphate", "MAL": "maleate",
    "FUM": "fumarate", "BITART": "bitartrate", "ACET": "acetate",
    "CHL": "chloride", "CL": "chloride",
    "CHLOR": "chloride", "CIT": "citrate", "CARB": "carbonate", "GLUC": "gluconate",
    "PROP": "propionate", "FUROATE": "furoate", "SMZ": "sulfamethoxazole",
    "TMP": "trimethoprim", "SULFAMETHOX": "sulfamethoxazole", "TRIMETH": "trimethoprim",
    "HYDROCOD": "hydrocodone", "OXYCOD": "oxycodone", "VIT": "vitamin", "RLF": "relief",
    "MULTIVIT": "multivitamin", "ASA": "aspirin", "LEVOTHYROX": "levothyroxine",
}  # fmt: skip


def parse_label(name: str) -> Label:
    """Read a label name.

    Args:
        name: for example ``ATORVASTATIN 20 MG TABLET``.

    Returns:
        what it says; fields that it does not say are empty. Never fails.
    """
    text = " ".join(name.upper().split())
    if not text:
        return Label("")
    found = _STRENGTH.search(text)
    head, tail = (text[: found.start()], text[found.end() :]) if found else (text, "")
    strength = _strength(found) if found else ""
    head_words, tail_words = _WORD.findall(head), _WORD.findall(_BRACKETS.sub(" ", tail))
    form, route, at, length = _form(tail_words)
    if not form:
        # TIMOLOL EYE DROPS 0.5 %: then the form is no part of the ingredient.
        form, route, at, length = _form(head_words[1:], last=True)
        if form:
            head = _cut(head, head_words[1 + at : 1 + at + length])
    release = next((_RELEASE[w] for w in tail_words + head_words[1:] if w in _RELEASE), "")
    if release and release not in form:
        form = f"{form}, {release}" if form else ""
    return Label(_ingredient(head) or text.lower(), strength, form, (route,) if route else ())


def _strength(found: re.Match[str]) -> str:
    amounts = _AMOUNT.findall(found["amounts"])
    per = ""
    if found["per"] and (match := _PER.fullmatch(found["per"].replace(" ", ""))):
        number, unit = match.groups()
        per = f"/{number + ' ' if number and number != '1' else ''}{_UNITS[unit]}"
    parts: list[str] = []
    unit = ""
    # From behind: in 10-325 MG the unit of the last amount is that of all.
    for number, own_unit in reversed(amounts):
        unit = own_unit or unit
        shown = "%" if unit == "%" else f" {_UNITS[unit]}"
        zero = "0" if number.startswith(".") else ""
        parts.append(f"{zero}{number}{shown}{per}")
    return "; ".join(reversed(parts))


def _form(words: list[str], last: bool = False) -> tuple[str, str, int, int]:
    """Find the form: its name, its route, at which word it stands, and how many words it takes.

    Args:
        words: the words to look through.
        last: look from the end, taking single words only if nothing stands behind them.
    """
    starts = range(len(words) - 1, -1, -1) if last else range(len(words))
    for length in (3, 2, 1):
        for at in starts:
            phrase = " ".join(words[at : at + length])
            if at + length <= len(words) and phrase in _FORMS:
                if last and length == 1 and at != len(words) - 1:
                    continue
                form, route = _FORMS[phrase]
                return form, route, at, length
    return "", "", 0, 0


def _cut(head: str, words: list[str]) -> str:
    place = head.rfind(words[0])
    return head[:place] + head[place:].replace(words[0], "", 1).replace(words[-1], "", 1)


def _ingredient(head: str) -> str:
    """Spell out the words ahead of the strength; leave out those that say how it is released."""
    spelled: list[str] = []
    for number, token in enumerate(head.split()):
        if number and token in _RELEASE:
            continue
        pieces = re.split(r"([-/])", token)
        spelled.append("".join(_WORDS.get(piece, piece.lower()) for piece in pieces))
    return " ".join(spelled).strip(" -/,(")
