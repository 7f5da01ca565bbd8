"""The parameters of a search for MedicationKnowledge (R4, "Search")."""

from __future__ import annotations

import re

import msgspec

from rxindex.api.fhir.exchange import Asked
from rxindex.api.fhir.outcome import refusal
from rxindex.search.request import MOST_HITS, SearchRequest

__all__ = ["SEARCH_PARAMETERS", "Search", "SearchParameter", "Token", "read_search"]

_DEFINED = "http://hl7.org/fhir/SearchParameter"
#: Parameters that say how to answer, not what to look for.
_RESULT_PARAMETERS = frozenset({"_count", "_offset", "_format", "_pretty"})
_COUNT = 10
_STATUSES = frozenset({"active", "inactive", "entered-in-error"})
_ALTERNATIVE = re.compile(r"(?:[^,\\]|\\.|\\$)+", re.DOTALL)
_TOKEN = re.compile(r"((?:[^|\\]|\\.)*)\|(.*)", re.DOTALL)
_ESCAPED = re.compile(r"\\([\\,|$])")


class SearchParameter(msgspec.Struct, frozen=True):
    """A parameter of the search.

    Attributes:
        name: as R4 names it.
        type: R4's search parameter type.
        definition: canonical URL.
        documentation: what its values are here.
        worded: whether ``:text`` may stand behind the name, since words are what it takes.
    """

    name: str
    type: str
    definition: str
    documentation: str
    worded: bool = False

    @property
    def modifiers(self) -> tuple[str, ...]:
        """What may stand behind the name after a colon; empty for nothing."""
        return ("", "text") if self.worded else ("",)


SEARCH_PARAMETERS = (
    SearchParameter("_id", "token", f"{_DEFINED}/Resource-id", "Ids of drugs."),
    SearchParameter(
        "_content", "string", f"{_DEFINED}/Resource-content",
        "What a prescriber types: names, abbreviations, classes, uses, with strength, form, "
        "route, schedule or labeler. Misspelled names are found, and the Bundle says so.",
    ),
    SearchParameter(
        "code", "token", f"{_DEFINED}/MedicationKnowledge-code",
        "A drug's id, or an NDC in any form, with or without its system. With :text the same "
        "as _content.",
        worded=True,
    ),
    SearchParameter(
        "ingredient-code", "token", f"{_DEFINED}/MedicationKnowledge-ingredient-code",
        "Names of active ingredients, as the resources have them; :text is the same.",
        worded=True,
    ),
    SearchParameter(
        "classification", "token", f"{_DEFINED}/MedicationKnowledge-classification",
        "Drug classes, as the resources have them; :text is the same.",
        worded=True,
    ),
    SearchParameter(
        "doseform", "token", f"{_DEFINED}/MedicationKnowledge-doseform",
        "Dosage forms, as the resources have them; :text is the same.",
        worded=True,
    ),
    SearchParameter(
        "status", "token", f"{_DEFINED}/MedicationKnowledge-status",
        "active, or active,inactive for both. Only along with another parameter.",
    ),
)  # fmt: skip
_BY_NAME = {one.name: one for one in SEARCH_PARAMETERS}


class Token(msgspec.Struct, frozen=True):
    """A value of a token parameter.

    Attributes:
        code: the code.
        system: of the code; empty for a code without system, None for a code of any system.
    """

    code: str
    system: str | None = None


class Search(msgspec.Struct, frozen=True):
    """A search, read.

    Attributes:
        request: words and filters; without words where codes or ids are asked for.
        count: how many entries; 0 to be told only how many there are.
        used: the parameters that counted, as they were given.
        ids: of drugs, alternatives; None where they are not asked for.
        codes: of drugs or packages, alternatives; None where they are not asked for.
    """

    request: SearchRequest
    count: int
    used: tuple[tuple[str, str], ...]
    ids: tuple[str, ...] | None = None
    codes: tuple[Token, ...] | None = None


def read_search(asked: Asked) -> Search:
    """Read a search.

    Raises:
        HTTPException: a parameter has a wrong value, a modifier that it does not have, or is not
            known where that is not to be overlooked; or they say too little.
        QueryError: a value is out of bounds.
    """
    used = _known(asked)
    texts = [_unescape(value) for name, value in used if name in {"_content", "code:text"}]
    if len(texts) > 1:
        raise refusal(400, "not-supported", "give the words once, in _content or in code:text")
    given = _tokens(used)
    ids, codes = given.pop("_id", None), given.pop("code", None)
    coded = ids is not None or codes is not None
    if coded and texts:
        raise refusal(400, "not-supported", "give words, or _id and code: not both")
    count = min(asked.number("_count", _COUNT), MOST_HITS)
    words = {name: tuple(map(_filter_value, tokens)) for name, tokens in given.items()}
    if not (texts or coded or words.keys() - {"status"}):
        raise refusal(
            422,
            "too-costly",
            "that would be the whole catalogue; give _content, code, _id, ingredient-code, "
            "classification or doseform",
        )
    request = SearchRequest(
        q=texts[0] if texts else "",
        limit=count or 1,
        offset=asked.number("_offset", 0),
        form=words.get("doseform", ()),
        class_=words.get("classification", ()),
        ingredient=words.get("ingredient-code", ()),
        active=_active_only(given.get("status", ())),
    )
    request.check()
    return Search(
        request,
        count,
        used,
        None if ids is None else tuple(one.code for one in ids),
        codes,
    )


def _known(asked: Asked) -> tuple[tuple[str, str], ...]:
    """Leave out the parameters that are not known, unless that is not wished."""
    used = []
    for name, value in asked.values:
        plain, _, modifier = name.partition(":")
        if plain in _BY_NAME:
            # R4 lets no server overlook a modifier.
            if modifier not in _BY_NAME[plain].modifiers:
                raise refusal(400, "not-supported", f"{plain} has no modifier {modifier[:60]!r}")
            used.append((name, value))
        elif asked.strict and name not in _RESULT_PARAMETERS:
            raise refusal(400, "not-supported", f"the parameter {plain[:60]!r} is not known")
    return tuple(used)


def _tokens(used: tuple[tuple[str, str], ...]) -> dict[str, tuple[Token, ...]]:
    """Read the token parameters that have no words."""
    given: dict[str, tuple[Token, ...]] = {}
    for name, value in used:
        plain = name.partition(":")[0]
        if name in {"_content", "code:text"}:
            continue
        if plain in given:
            raise refusal(
                400, "not-supported",
                f"{plain} is given twice; alternatives go into one, with commas between them",
            )  # fmt: skip
        given[plain] = tuple(map(_token, _ALTERNATIVE.findall(value)))
        if len(given[plain]) > MOST_HITS:
            raise refusal(422, "too-costly", f"{plain} has over {MOST_HITS} alternatives")
    return given


def _token(text: str) -> Token:
    found = _TOKEN.fullmatch(text)
    return Token(_unescape(found[2]), _unescape(found[1])) if found else Token(_unescape(text))


def _unescape(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _filter_value(token: Token) -> str:
    """Give what a filter takes. The catalogue's words are in no system: nothing has such a one."""
    return f"{token.system}|{token.code}" if token.system else token.code


def _active_only(statuses: tuple[Token, ...]) -> bool:
    wanted = {one.code for one in statuses}
    if unknown := wanted - _STATUSES:
        raise refusal(400, "code-invalid", f"no status is called {min(unknown)[:60]!r}")
    if wanted and "active" not in wanted:
        raise refusal(400, "not-supported", "only active drugs can be asked for, or all")
    return "active" in wanted and "inactive" not in wanted
