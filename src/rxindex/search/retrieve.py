"""Candidates for an answer: every question that a query comes down to, in one round trip.

One more is needed for nearness of meaning, which few queries need: vectors belong to embedding
texts, and the drugs that have the nearest of them are asked for next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import command, pairs, redis_errors
from rxindex.index.escape import tag_all, tag_in, words
from rxindex.index.generation import Generation
from rxindex.index.recall import NEIGHBOURS
from rxindex.index.schema import SEPARATOR
from rxindex.search.near import Near
from rxindex.search.understood import Understood
from rxindex.search.wanted import Wanted

__all__ = [
    "FACET_FIELDS",
    "MOST_COUNTED",
    "TIERS",
    "TYPED",
    "Candidate",
    "Question",
    "Tier",
    "questions",
    "retrieve",
]

_NAMES = "name|brand|generic"
_ALL_WORDS = f"{_NAMES}|synonyms|terms|classes|indications"
#: Of a drug that was named there are some dozens, and the first hits are among those with the
#: most packages; of a class there are some hundreds, and all of its substances are wanted.
_FIRST, MOST_COUNTED = 100, 1000
#: The one that is sorted by first: the server gives it so, wherever it was asked for.
_FIELDS = ("count", "ingredients", "status", "kind", "strength")
#: What facets are counted from.
FACET_FIELDS = ("form", "routes", "classes", "schedule", "labelers")


class Tier(msgspec.Struct, frozen=True):
    """A way to match, better or worse than others.

    Attributes:
        name: as hits show it.
        worth: what a match of this kind is worth, 0 to 1.
        spread: whether the answer should go across ingredients rather than list one's strengths.
    """

    name: str
    worth: float
    spread: bool = False


#: Best first. ``spelling`` and ``sound`` stand in the place of the tier in which a drug matched
#: what the words were taken for.
TIERS = {
    tier.name: tier
    for tier in (
        Tier("ndc", 1.0),
        Tier("brand", 0.95),
        Tier("generic", 0.90),
        Tier("name", 0.85),
        Tier("synonym", 0.80),
        Tier("ingredient", 0.75),
        Tier("class", 0.70, spread=True),
        Tier("indication", 0.65, spread=True),
        # A name that is also a class or a use: "High Blood Pressure" on a label is not what
        # "high blood pressure" asks for.
        Tier("part", 0.55),
        Tier("words", 0.50, spread=True),
        Tier("spelling", 0.45),
        Tier("sound", 0.40),
        Tier("filter", 0.35, spread=True),
        Tier("meaning", 0.30, spread=True),
    )
}


class Question(msgspec.Struct, frozen=True):
    """One FT.SEARCH.

    Attributes:
        tier: what an answer to it is worth.
        clause: the query, without filters.
        of: the place of what is wanted in `Understood.wanted`; `TOGETHER` where all of it is
            asked for at once, `TYPED` for a name as it was typed before it was corrected.
    """

    tier: Tier
    clause: str
    of: int


#: `Question.of`: all that is wanted, at once.
TOGETHER = -1
#: `Question.of`: what was typed is some drug's name after all, one that was written a moment ago.
TYPED = -2


class Candidate(msgspec.Struct):
    """A drug that may be in the answer.

    Attributes:
        id: of the drug.
        tier: the best way in which it matched.
        of: the place of what it matched so in `Understood.wanted`, or `TYPED`.
        together: it has all that is wanted.
        cosine: similarity of its vector and the query's, 0 where it is not among the nearest.
        ingredients: in the order of the alphabet, semicolons between them.
        packages: how many.
        active: whether any of them is.
        kind: ``brand`` or ``generic``.
        strength: as stored, semicolons between those of the ingredients.
        facets: the values of `FACET_FIELDS` as stored; empty unless asked for.
    """

    id: str
    tier: Tier
    of: int
    together: bool
    cosine: float
    ingredients: str
    packages: int
    active: bool
    kind: str
    strength: str = ""
    facets: tuple[str, ...] = ()


def questions(asked: Understood) -> list[Question]:
    """Write down what Redis is to be asked, without filters."""
    if asked.ndc or asked.products:
        products = asked.products or tuple({code[:-2]: None for code in asked.ndc})
        return [Question(TIERS["ndc"], tag_in("products", products), 0)]
    found = [
        one for n, wanted in enumerate(asked.wanted) for one in _each_once(_of_wanted(wanted, n))
    ]
    text = " ".join(asked.words)
    if not asked.wanted:
        return _of_words(text, asked.exact) if text else [Question(TIERS["filter"], "*", 0)]
    typed = [one for one in map(_as_typed, asked.wanted) if one is not None]
    # RediSearch calls empty parentheses a syntax error.
    clauses = list(filter(None, map(_any, asked.wanted)))
    if terms := words(text, prefix=not asked.exact):
        clauses.append(f"@{_ALL_WORDS}:({terms})")
    if len(clauses) > 1 and not asked.either:
        # What only this question finds was beyond the limit of the others: the least of them.
        tier = min((one.tier for one in found), key=lambda one: one.worth)
        found.append(Question(tier, " ".join(f"({one})" for one in clauses), TOGETHER))
    return [*typed, *found]


def _of_wanted(wanted: Wanted, place: int) -> list[Question]:
    """Ask for one thing, in all the ways in which a drug may have to do with it."""
    found = []

    def ask(tier: str, field: str, values: Sequence[str]) -> None:
        if values:
            found.append(Question(TIERS[tier], tag_in(field, tuple(values)), place))

    brand, generic = "brand", "generic"
    if wanted.beginning:
        brand = generic = "name"
    elif wanted.classes or wanted.indications:
        brand = generic = "part"
    ask(brand, "brand_is", wanted.brands)
    ask("name", "brand_is", wanted.family)
    ask(generic, "generic_is", wanted.generics)
    ask("synonym", "generic_is", wanted.same)
    ask("class", "classes_is", wanted.classes)
    ask("indication", "indications_is", wanted.indications)
    if wanted.substances:
        together = " | ".join(f"({tag_all('ingredients', one)})" for one in wanted.substances)
        found.append(Question(TIERS["ingredient"], together, place))
    return found


def _each_once(asks: list[Question]) -> Iterator[Question]:
    """Leave out of each question what a better one finds: it need not be sent twice."""
    above: list[str] = []
    for one in sorted(asks, key=lambda ask: -ask.tier.worth):
        clause = f"({one.clause})" + "".join(f" -({other})" for other in above)
        yield Question(one.tier, clause if above else one.clause, one.of)
        above.append(one.clause)


def _as_typed(wanted: Wanted) -> Question | None:
    """Make sure that what was corrected is not a name that the lexicon does not know yet."""
    if wanted.correction is None or not words(wanted.correction.typed):
        return None
    typed = (wanted.correction.typed,)
    fields = ("brand_is", "generic_is", "ingredients")
    return Question(TIERS["brand"], " | ".join(tag_in(name, typed) for name in fields), TYPED)


def _any(wanted: Wanted) -> str:
    return " | ".join(f"({one.clause})" for one in _of_wanted(wanted, 0))


def _of_words(text: str, exact: bool) -> list[Question]:
    """Ask for words that nothing is known of."""
    whole, begun = words(text), words(text, prefix=not exact)
    if not whole:
        return []
    return [
        Question(TIERS["name"], f"@{_NAMES}|terms:({begun})", 0),
        Question(TIERS["synonym"], tag_in("synonyms_is", (text,)), 0),
        Question(TIERS["words"], f"@{_ALL_WORDS}:({whole})", 0),
    ]


def retrieve(
    catalogue: Catalogue,
    generation: Generation,
    asked: Understood,
    narrow: str = "",
    vector: NDArray[np.float32] | None = None,
    *,
    first: bool = False,
    facets: bool = False,
    neighbours: int = NEIGHBOURS,
) -> tuple[list[Candidate], int]:
    """Gather candidates, in one round trip or, with a vector, two.

    Args:
        catalogue: where to search.
        generation: which of its generations to search.
        asked: the query, understood.
        narrow: the clause of the filters, for every question and for what is near.
        vector: of the query; None to do without.
        first: gather only what the first hits of one name are among, and count the others.
        facets: read what facets are counted from.
        neighbours: how many of the nearest texts to ask for.

    Returns:
        Each drug once, in the best of its tiers; and, where one thing is wanted, how many there
        are, or 1,000.

    Raises:
        TerminalError: Redis refused; also where the generation was dropped meanwhile.
        IndexUnavailable: Redis does not answer.
    """
    asks = questions(asked)
    # By its own name: the alias may move to vectors of another size at any moment.
    index = catalogue.index(generation.name)
    fields = (*_FIELDS, *FACET_FIELDS) if facets else _FIELDS
    pipe = catalogue.client.pipeline(transaction=False)
    for one in asks:
        query = f"({one.clause}) {narrow}" if one.clause != "*" else narrow or "*"
        command(pipe, *_search(index, query, fields, _FIRST if first else MOST_COUNTED))
    if vector is not None:
        near = Near(catalogue, generation, vector)
        command(pipe, *near.question(neighbours))
    with redis_errors("searching"):
        replies = pipe.execute() if asks or vector is not None else []
    found: dict[str, Candidate] = {}
    start = len(catalogue.prefix(generation.name))
    for one, reply in zip(asks, replies, strict=False):
        _gather(found, reply, one, start, fields)
    if vector is not None:
        for key, cosine, values in near.drugs(replies[-1], narrow, fields, neighbours):
            drug_id = key[start:].decode()
            if drug_id not in found:
                found[drug_id] = _candidate(drug_id, TIERS["meaning"], 0, values, fields)
            found[drug_id].cosine = cosine
    # Of one thing that is wanted, no two questions find the same drug.
    counted = sum(reply[0] for reply in replies[: len(asks)])
    return list(found.values()), min(counted, MOST_COUNTED)


def _search(index: str, query: str, fields: Sequence[str], most: int) -> tuple[str | int, ...]:
    return (
        "FT.SEARCH", index, query, "SORTBY", "count", "DESC",
        "RETURN", len(fields), *fields,
        "LIMIT", 0, most, "DIALECT", 2,
    )  # fmt: skip


def _gather(
    found: dict[str, Candidate],
    reply: list[Any],
    question: Question,
    start: int,
    fields: Sequence[str],
) -> None:
    tier, of = question.tier, question.of
    for place in range(1, len(reply), 2):
        drug_id = reply[place][start:].decode()
        known = found.get(drug_id)
        if known is None:
            # A document that went away while its index entry stays (MOVE leaves such ones)
            # has none.
            if not reply[place + 1]:
                continue
            known = found[drug_id] = _candidate(drug_id, tier, of, reply[place + 1], fields)
        elif tier.worth > known.tier.worth and of != TOGETHER and known.of != TYPED:
            known.tier, known.of = tier, of
        if of == TOGETHER:
            known.together = True


def _candidate(
    drug_id: str, tier: Tier, of: int, reply: list[bytes], fields: Sequence[str]
) -> Candidate:
    # There are some hundred candidates for each answer, so this is done by place where it can be.
    values = reply[1::2]
    if len(values) != len(fields) or reply[0] != b"count":
        given = pairs(reply)
        values = [given.get(name, b"") for name in fields]
    return Candidate(
        id=drug_id,
        tier=tier,
        of=0 if of == TOGETHER else of,
        together=False,
        cosine=0.0,
        ingredients=_composition(values[1]),
        packages=int(values[0] or 0),
        active=values[2] != b"obsolete",
        kind="brand" if values[3] == b"brand" else "generic",
        strength=values[4].decode(),
        facets=tuple(value.decode() for value in values[len(_FIELDS) :]),
    )


@lru_cache(maxsize=16_384)
def _composition(stored: bytes) -> str:
    """Put ingredients in order: a source names those of one combination in this and that one."""
    return SEPARATOR.join(sorted(stored.decode().split(SEPARATOR)))
