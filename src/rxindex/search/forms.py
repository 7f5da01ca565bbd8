"""What prescribers call dosage forms and routes, and which of a catalogue's values they mean.

A prescriber says ``tab``, ``XR`` or ``neb``; a catalogue says ``tablet, film coated``, ``tablet,
extended release 24 hr`` or ``vial, nebulizer``. Each word here stands for a family: the terms of
the FDA's list for Structured Product Labeling (dosage form, C-DRG-00201; route of administration,
C-DRG-00301), those of FDB's dosage form descriptions, and those read out of label names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

__all__ = ["Meant", "plain_words", "read_forms", "read_routes"]

_WORD = re.compile(r"[^\W_]+")


class Meant(msgspec.Struct, frozen=True):
    """What a word stands for in a catalogue.

    Attributes:
        forms: dosage forms, any of which will do, those of most drugs first; empty if the word
            says nothing of the form.
        routes: routes of administration; likewise.
        implied: the route is not said, but goes without saying (an inhaler's).
    """

    forms: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    implied: bool = False


class _Family(msgspec.Struct, frozen=True):
    """A family of forms. Alternatives have bars between them.

    Attributes:
        said: what it is called, in the singular.
        words: a form belongs to it if it holds any of these.
        but: and none of these.
        route: one of `_ROUTES`, if the family has one.
        implied: see `Meant`.
    """

    said: str
    words: str
    but: str = ""
    route: str = ""
    implied: bool = False


_INJECTED = "injection|injectable|vial|syringe|pen|ampule|ampul|auto injector|cartridge"
_SLOW = "extended release|ext release|ext rel|sustained release|controlled release|sustained action"
_LATE = "delayed release|delay release|enteric coated|enteric"
_LIQUIDS = "solution|liquid|syrup|elixir"
_SOLIDS = "tablet|capsule|shampoo"
_INTO_EYES = "drops|drop|solution|suspension|emulsion|liquid"
_NOT_DROPS = f"injection|{_SOLIDS}"

_FAMILIES = (
    _Family("tablet|tab|tbl|caplet|cplt|tabl", "tablet|caplet|pill"),
    _Family("capsule|cap|softgel|gelcap|soft gel|gel cap|liquigel|liqui gel", "capsule"),
    _Family("pill", "tablet|caplet|capsule|pill"),
    # How the drug is released.
    _Family(
        "er|xr|xl|sr|cr|la|cd|sa|xt|extended release|ext rel|sustained release|"
        "controlled release|slow release|long acting|prolonged release|timed release|24hr|24h|"
        "24 hr|24 hour|12hr|12h|12 hr|12 hour",
        _SLOW,
    ),
    _Family("dr|ec|delayed release|enteric coated|enteric|gastro resistant", _LATE),
    _Family("ir|immediate release", "tablet|capsule", but=f"{_SLOW}|{_LATE}"),
    _Family(
        "odt|orally disintegrating|oral disintegrating|disintegrating|rapid dissolve|"
        "rapidly dissolving|orally dissolving",
        "disintegrating|odt|rapdis",
    ),
    _Family("chewable|chew|chewtab", "chewable|chew"),
    _Family("effervescent", "effervescent"),
    _Family("film coated", "film coated"),
    _Family("dose pack|dosepak|dosepack", "dose pack|kit|tablet"),
    _Family("sprinkle", "sprinkle|capsule"),
    # What is swallowed otherwise.
    _Family(
        "solution|soln|sol", f"{_LIQUIDS}|drops|for solution", but=f"suspension|injection|{_SOLIDS}"
    ),
    _Family("liquid|liq", _LIQUIDS, but=f"injection|{_SOLIDS}"),
    _Family("syrup|syp", _LIQUIDS, but=f"injection|{_SOLIDS}"),
    _Family("elixir", _LIQUIDS, but=f"injection|{_SOLIDS}"),
    _Family("suspension|susp", "suspension|recon susp", but=_SOLIDS),
    _Family("concentrate|conc|oral concentrate", "concentrate|solution", but="injection"),
    _Family("powder|pwd", "powder|packet|granule|granules", but="injection|metered|aerosol"),
    _Family("packet|pkt|sachet|granule", "packet|powder|granule|granules", but="injection|aerosol"),
    _Family("lozenge|troche|pastille", "lozenge|troche|pastille"),
    _Family("chewing gum|gum", "gum|chewing gum"),
    _Family("gummy", "gummy|chewable"),
    _Family("film|strip|sublingual film|oral film", "film|strip", but="coated"),
    _Family("mouthwash|oral rinse", "mouthwash|rinse|solution", but="injection"),
    # What is injected: the FDA's terms do not say in what it comes, or call it a kit.
    _Family(
        "injection|inj|injectable|shot|solution for injection|injection solution|"
        "injectable solution|suspension for injection|injection suspension|injectable suspension",
        f"{_INJECTED}|intravenous solution|bag",
    ),
    _Family("vial|vl|mdv|sdv", "vial|injection|injectable", but="nebulizer"),
    _Family("syringe|prefilled syringe|pfs", "syringe|injection|injectable|kit"),
    _Family(
        "pen|kwikpen|flexpen|solostar|flextouch|sureclick|insulin pen|autoinjector|auto injector",
        "pen|auto injector|cartridge|injection|injectable|injector|kit",
    ),
    _Family("ampule|ampoule|ampul|amp", "ampule|ampul|ampoule|injection|injectable"),
    _Family("cartridge|penfill", "cartridge|injection|injectable"),
    _Family("bag|ivpb|piggyback|premix", "bag|piggyback|injection|intravenous solution"),
    _Family(
        "iv solution|intravenous solution|iv fluid|infusion|iv infusion",
        "injection|injectable|intravenous solution|bag|vial",
        route="intravenous",
    ),
    _Family("implant", "implant|pellet"),
    # What is breathed in.
    _Family(
        "inhaler|oral inhaler|mdi|hfa|dpi|metered dose inhaler|dry powder inhaler",
        "inhaler|aerosol|powder|inhalant|inhalation|inhal|spray metered|spray|capsule|hfa|mist",
        but="foam|for solution|for suspension|injection",
        route="inhaled",
        implied=True,
    ),
    _Family(
        "nebulizer|nebuliser|neb|nebule|nebulized|nebulizer solution|neb solution|neb soln|"
        "inhalation solution|soln neb|nebulizer soln",
        "nebulizer|solution|suspension|inhalant|nebulization|for inhalation",
        but=f"injection|{_SOLIDS}",
        route="inhaled",
        implied=True,
    ),
    # What is dropped and sprayed.
    _Family("drop|gtt", "drops|drop"),
    _Family("eye drop|ophthalmic drop|ophth drop|eyedrop", _INTO_EYES, _NOT_DROPS, "ophthalmic"),
    _Family("ear drop|otic drop|eardrop", _INTO_EYES, _NOT_DROPS, "otic"),
    _Family("nasal drop|nose drop", _INTO_EYES, _NOT_DROPS, "nasal"),
    _Family("nasal spray|nose spray|nasal inhaler", "spray|aerosol|inhaler", "foam", "nasal"),
    _Family("spray", "spray"),
    _Family("aerosol", "aerosol"),
    # What is put on the skin, or elsewhere.
    _Family("cream|crm", "cream"),
    _Family("ointment|oint", "ointment|salve"),
    _Family("gel", "gel|jelly", but="gel forming|dentifrice|chewable"),
    _Family("jelly", "jelly|gel", but="gel forming|dentifrice|chewable"),
    _Family("lotion", "lotion"),
    _Family("foam", "foam", but="injectable"),
    _Family("shampoo", "shampoo"),
    _Family("paste", "paste"),
    _Family("soap", "soap"),
    _Family("pad|swab|wipe|pledget", "pad|swab|cloth|wipe|dressing"),
    _Family("patch|transdermal system", "patch|film extended release|transdermal system|plaster"),
    _Family("suppository|supp|suppos", "suppository|suppositories"),
    _Family("enema", "enema"),
    _Family("vaginal insert|vaginal tablet", "insert|tablet", route="vaginal"),
    _Family("vaginal ring", "ring", route="vaginal"),
    _Family("iud|intrauterine device", "intrauterine device|iud|intrauterine"),
    _Family("kit", "kit"),
)

#: What a route is called, and the terms that catalogues have for it. A label name says less than
#: the FDA's terms do: of what is injected no more than that.
_ROUTES: dict[str, tuple[str, str]] = {
    "oral": ("oral|orally|po|p o|by mouth|per os", "oral"),
    "intravenous": (
        "iv|i v|intravenous|intravenously|ivp|iv push|ivpb|intravenous push",
        "intravenous|injection",
    ),
    "intramuscular": ("im|intramuscular|intramuscularly", "intramuscular|injection"),
    "subcutaneous": (
        "sc|sq|subq|sub q|subcut|subcutaneous|subcutaneously|subcu",
        "subcutaneous|injection",
    ),
    "topical": ("topical|topically|cutaneous", "topical|cutaneous"),
    "ophthalmic": (
        "ophthalmic|ophth|opth|eye|ocular|ophthalmically",
        "ophthalmic|conjunctival|intraocular",
    ),
    "otic": ("otic|ear|auricular|aural", "auricular (otic)|otic"),
    "nasal": ("nasal|nasally|intranasal|nose|intranasally", "nasal"),
    "inhaled": (
        "inhaled|inhalation|by inhalation|respiratory",
        "respiratory (inhalation)|inhalation|intrabronchial",
    ),
    "rectal": ("rectal|rectally|pr|per rectum", "rectal"),
    "vaginal": ("vaginal|vaginally|pv|per vagina|intravaginal", "vaginal"),
    "sublingual": ("sublingual|sl|sublingually|under the tongue", "sublingual"),
    "buccal": ("buccal|transmucosal", "buccal|transmucosal"),
    "transdermal": ("transdermal|td|transdermally", "transdermal|percutaneous"),
    "intrathecal": ("intrathecal|it injection", "intrathecal|intraspinal|subarachnoid"),
    "epidural": ("epidural|caudal", "epidural|intracaudal"),
    "intradermal": ("intradermal|id injection", "intradermal"),
    "irrigation": ("irrigation|irrigant", "irrigation"),
    "intra-articular": ("intra articular|intraarticular", "intra-articular"),
}


def plain_words(text: str) -> str:
    """Reduce a term to its words: lower case, a blank between them, no punctuation."""
    return " ".join(_WORD.findall(text.lower()))


def read_forms(forms: Mapping[str, int], routes: Mapping[str, int]) -> dict[str, Meant]:
    """Find out what words about forms stand for in a catalogue.

    Args:
        forms: the catalogue's dosage forms, and how many drugs have each.
        routes: its routes; likewise.

    Returns:
        By what is said (`plain_words`). What the catalogue has nothing for is left out, so that
        ``XR`` is no filter where no form tells how it releases its drug.
    """
    spoken = {form: f" {plain_words(form)} " for form in _common_first(forms)}
    found: dict[str, Meant] = {}
    for family in _FAMILIES:
        belonging = tuple(form for form, words in spoken.items() if _belongs(words, family))
        its_routes = _among(routes, _ROUTES[family.route][1]) if family.route else ()
        if belonging:
            meant = Meant(belonging, its_routes, family.implied)
            found.update((said, meant) for said in _said(family.said))
    return found


def read_routes(routes: Mapping[str, int]) -> dict[str, Meant]:
    """Find out what words about routes stand for in a catalogue.

    Args:
        routes: the catalogue's routes of administration, and how many drugs have each.

    Returns:
        By what is said, as `read_forms`.
    """
    found = {plain_words(route): Meant(routes=(route,)) for route in _common_first(routes)}
    found.pop("not applicable", None)
    for said, terms in _ROUTES.values():
        if its_own := _among(routes, terms):
            found.update((word, Meant(routes=its_own)) for word in said.split("|"))
    return found


def _belongs(words: str, family: _Family) -> bool:
    return _holds(words, family.words) and not (family.but and _holds(words, family.but))


def _holds(words: str, any_of: str) -> bool:
    return any(f" {phrase} " in words for phrase in any_of.split("|"))


def _among(values: Mapping[str, int], terms: str) -> tuple[str, ...]:
    wanted = terms.split("|")
    return tuple(value for value in _common_first(values) if value.lower() in wanted)


def _common_first(values: Mapping[str, int]) -> Iterable[str]:
    return sorted(values, key=lambda value: (-values[value], value))


def _said(family: str) -> Iterator[str]:
    for word in family.split("|"):
        yield word
        if word.endswith(("ch", "x")):
            yield f"{word}es"
        elif word.endswith("y"):
            yield f"{word[:-1]}ies"
        elif len(word) > 2:
            yield f"{word}s"
