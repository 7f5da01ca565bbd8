"""What may stand in place of a drug: its equivalents, its class, what else is used for the same.

For a prescriber to decide; nothing is substituted. Which products may be exchanged for one another
is said by the FDA's Orange Book, which an index does not hold: an equivalent here is the same
formulation by FDB's clinical formulation number (GCN) or, in a catalogue without one, by the same
ingredients, strength, form and route. Extended-release products alike in all of these may still
release their drug differently.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, zip_longest
from typing import Any

import msgspec

from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import command, pairs, redis_errors, translate
from rxindex.index.document import read_drug
from rxindex.index.escape import tag_all, tag_in
from rxindex.index.generation import Generation
from rxindex.index.schema import SEPARATOR
from rxindex.model import OBSOLETE, Drug, fold
from rxindex.search.answer import Alternatives, AlternativesOf, Hit
from rxindex.search.hits import HIT_FIELDS, drug_hit, summary_hit
from rxindex.vocabulary import Vocabulary
from rxindex.vocabulary.join import substance_words

__all__ = ["find_alternatives"]

#: How many classes and how many uses of a drug are followed: the first say what it is.
_MOST_FOLLOWED = 4

#: Rows of one reply, those with the most packages. Only acetaminophen and a few more have as many.
_MOST_ROWS = 500

#: What the drugs of a group have in common; the rest of what a hit shows is each drug's own.
_COMMON = ("ingredients", "routes", "status")
_OWN = tuple(name for name in HIT_FIELDS if name not in _COMMON)

#: A coat makes no other dosage form: the Orange Book lists tablets with and without it under one.
#: What makes a tablet release its drug later or longer is named in other words.
_COATS = frozenset({"coated", "film coated", "sugar coated"})


class _Row(msgspec.Struct, frozen=True):
    """A drug of a reply, alone or for a group of drugs.

    Attributes:
        id: of the drug.
        fields: of the drug, as stored.
        ingredients: active ingredients.
        same_route: it has a route of the drug whose alternatives are looked for.
        obsolete: no package of it is marketed any more.
        packages: of all the drugs that it stands for.
    """

    id: str
    fields: Mapping[str, bytes]
    ingredients: frozenset[str]
    same_route: bool
    obsolete: bool
    packages: int

    @property
    def merit(self) -> tuple[bool, bool, int, str]:
        """Sorts the better first: marketed, of the same route, with more packages."""
        return self.obsolete, not self.same_route, -self.packages, self.id


def find_alternatives(
    catalogue: Catalogue,
    generation: Generation,
    drug: Drug,
    vocabulary: Vocabulary,
    limit: int = 10,
) -> Alternatives:
    """Find what may stand in place of a drug, in one round trip.

    Args:
        catalogue: where to search.
        generation: which of its generations to search.
        drug: one of its drugs.
        vocabulary: the same as at indexing.
        limit: how many hits each list has at most.

    Returns:
        Equivalents, generics first; the other formulations of the same ingredients, one hit for
        each; and for the first few classes and uses of the drug one hit for each other set of
        ingredients, the most prescribed first. What a more specific class has is not repeated
        in a wider one, and a class or a use without anything else is left out. Other routes
        come after the drug's own, and obsolete drugs after all.

    Raises:
        TerminalError: Redis refused; also where the generation was dropped meanwhile.
        IndexUnavailable: Redis does not answer.
    """
    classes, indications = _followed(drug, vocabulary)
    equal, same, *groups = _ask(
        catalogue,
        generation,
        drug,
        [_same_formulation(drug), _same_ingredients(drug)],
        [
            *(tag_in("classes_is", [name]) for name in classes),
            *(tag_in("indications_is", [name]) for name in indications),
        ],
    )
    equivalents, others = _told_apart(drug, (*equal, *same), vocabulary)
    by_class = _without_repeats(groups[: len(classes)])
    by_indication = groups[len(classes) :]

    return Alternatives(
        drug=drug_hit(drug, vocabulary),
        equivalents=_hits(equivalents[:limit], vocabulary),
        same_ingredients=_hits(others[:limit], vocabulary),
        same_class=_listed(drug, classes, by_class, vocabulary, limit),
        same_indication=_listed(drug, indications, by_indication, vocabulary, limit),
    )


def _followed(drug: Drug, vocabulary: Vocabulary) -> tuple[list[str], list[str]]:
    """Give the drug's classes by established names, and its uses by medical ones.

    A drug has each class and each use by a second name too, a spoken or a plain one. What is not
    in the vocabulary is the source's own and stays. The classes of a combination go by turns, so
    that the specific ones of each ingredient come first.
    """
    facts = vocabulary.facts(drug.ingredients, drug.routes)
    spoken = _folded(facts.classes) - _folded(facts.class_names)
    plain = _folded(facts.plain_indications) - _folded(facts.indications)
    of_each = (vocabulary.facts([one], drug.routes).class_names for one in drug.ingredients)
    turns = chain.from_iterable(zip_longest(*of_each, fillvalue=""))
    order = {fold(name): place for place, name in reversed(list(enumerate(turns)))}
    classes = [name for name in drug.classes if fold(name) not in spoken]
    classes.sort(key=lambda name: order.get(fold(name), len(order)))
    indications = [name for name in drug.indications if fold(name) not in plain]
    return classes[:_MOST_FOLLOWED], indications[:_MOST_FOLLOWED]


def _folded(names: Iterable[str]) -> set[str]:
    return {fold(name) for name in names}


def _same_formulation(drug: Drug) -> str:
    """Write the query for drugs that may be equivalents; an empty string where none can be."""
    if drug.gcn:
        return tag_in("gcn", [str(drug.gcn)])
    strengths = dict.fromkeys(_strengths(drug))
    if not strengths or not drug.ingredients:
        return ""
    held = (tag_all("strength", strengths), tag_all("routes", drug.routes))
    return " ".join((_same_ingredients(drug), *filter(None, held)))


def _same_ingredients(drug: Drug) -> str:
    """Write the query for drugs with at least the same ingredients."""
    return tag_all("ingredients", drug.ingredients)


def _strengths(drug: Drug) -> list[str]:
    return [part for one in drug.strength.split(SEPARATOR) if (part := fold(one))]


def _ask(
    catalogue: Catalogue,
    generation: Generation,
    drug: Drug,
    each: Sequence[str],
    grouped: Sequence[str],
) -> list[list[_Row]]:
    """Ask all queries at once.

    Args:
        catalogue: where to search.
        generation: of the catalogue.
        drug: to be left out, and compared with.
        each: queries of which every drug is wanted.
        grouped: queries of which one drug for each `_COMMON` is.

    Returns:
        The rows of each query; none of an empty one, and none of drugs that went away.
    """
    # By its own name: the alias may move to another generation at any moment.
    index, prefix = catalogue.index(generation.name), catalogue.prefix(generation.name)
    doing = f"searching for alternatives to {drug.name!r} ({drug.id})"
    pipe = catalogue.client.pipeline(transaction=False)
    for query in filter(None, each):
        command(
            pipe, "FT.SEARCH", index, query, "SORTBY", "count", "DESC",
            "RETURN", len(HIT_FIELDS), *HIT_FIELDS, "LIMIT", 0, _MOST_ROWS, "DIALECT", 2,
        )  # fmt: skip
    for query in grouped:
        command(pipe, *_grouping(index, query))
    with redis_errors(doing):
        replies = iter(pipe.execute())
    read = [_documents(next(replies)) if query else [] for query in each]
    read += [_groups(next(replies), doing) for _ in grouped]
    routes, own = _folded(drug.routes), f"{prefix}{drug.id}".encode()
    return [
        [
            _row(key.decode().removeprefix(prefix), fields, routes)
            for key, fields in rows
            # A document that went away while its index entry stays has no fields.
            if "count" in fields and key != own
        ]
        for rows in read
    ]


def _grouping(index: str, query: str) -> tuple[str | int, ...]:
    """Write the command that gives one drug, the one with the most packages, for each group.

    However many drugs a class has (some 3,000 at most in the FDA's directory), none of its
    ingredients is missed, and little has to come over the wire.
    """
    largest: list[str | int] = []
    for field in ("__key", *_OWN):
        largest += ["REDUCE", "FIRST_VALUE", 4, f"@{field}", "BY", "@count", "DESC"]
        largest += ["AS", field.strip("_")]
    loaded = ("__key", *HIT_FIELDS)
    return (
        "FT.AGGREGATE", index, query, "LOAD", len(loaded), *(f"@{name}" for name in loaded),
        "GROUPBY", len(_COMMON), *(f"@{name}" for name in _COMMON),
        *largest, "REDUCE", "SUM", 1, "@count", "AS", "packages",
        "SORTBY", 2, "@packages", "DESC", "MAX", _MOST_ROWS, "DIALECT", 2,
    )  # fmt: skip


def _documents(reply: list[Any]) -> list[tuple[bytes, dict[str, bytes]]]:
    found = zip(reply[1::2], reply[2::2], strict=True)
    return [(key, pairs(fields or [])) for key, fields in found]


def _groups(reply: list[Any], doing: str) -> list[tuple[bytes, dict[str, bytes]]]:
    found = []
    for row in reply[1:]:
        if isinstance(row, Exception):
            # The engine puts what went wrong on the way among the rows.
            raise translate(row, doing) from row
        fields = {name: value for name, value in pairs(row).items() if value is not None}
        found.append((fields.get("key", b""), fields))
    return found


def _row(drug_id: str, fields: Mapping[str, bytes], routes: set[str]) -> _Row:
    def several(name: str) -> list[str]:
        return list(filter(None, fields.get(name, b"").decode().split(SEPARATOR)))

    return _Row(
        id=drug_id,
        fields=fields,
        ingredients=frozenset(several("ingredients")),
        same_route=not routes or not routes.isdisjoint(several("routes")),
        obsolete=fields.get("status") == OBSOLETE.encode(),
        packages=int(fields.get("packages") or fields["count"]),
    )


def _told_apart(
    drug: Drug, rows: Iterable[_Row], vocabulary: Vocabulary
) -> tuple[list[_Row], list[_Row]]:
    """Sort out the equivalents of a drug, and one of each other formulation it comes in."""
    wanted = frozenset(drug.ingredients)
    equivalents: list[tuple[_Row, Drug]] = []
    others: list[tuple[_Row, Drug]] = []
    for row in {row.id: row for row in rows}.values():
        other = read_drug(row.id, row.fields, packages=False)
        if _is_equivalent(drug, other, vocabulary):
            equivalents.append((row, other))
        elif row.ingredients == wanted:
            others.append((row, other))
    equivalents.sort(
        key=lambda one: (one[0].obsolete, one[1].kind == "brand", -one[0].packages, one[0].id)
    )
    others.sort(key=lambda one: one[0].merit)
    first: dict[object, _Row] = {}
    for row, other in others:
        first.setdefault(other.gcn or _formulation(other), row)
    return [row for row, _ in equivalents], list(first.values())


def _is_equivalent(drug: Drug, other: Drug, vocabulary: Vocabulary) -> bool:
    if drug.gcn:
        return other.gcn == drug.gcn
    if not drug.strength or not drug.ingredients or _formulation(drug) != _formulation(other):
        return False
    # Doxycycline hyclate is not doxycycline monohydrate; where one name has no salt, it may be.
    own, its = _salts(drug, vocabulary), _salts(other, vocabulary)
    return own <= its or its <= own


def _formulation(drug: Drug) -> tuple[object, ...]:
    """Give what equivalents have in common; sources list ingredients in any order."""
    names, strengths = drug.ingredients, _strengths(drug)
    held: object = (tuple(sorted(names)), tuple(strengths) or fold(drug.name))
    if len(names) == len(strengths):
        held = tuple(sorted(zip(names, strengths, strict=True)))
    form = [part for one in drug.form.split(",") if (part := fold(one)) not in _COATS]
    return held, tuple(form), frozenset(_folded(drug.routes))


def _salts(drug: Drug, vocabulary: Vocabulary) -> set[str]:
    """Find the words of its generic name that tell its salts."""
    known = set(vocabulary.salts.trailing)
    for name in drug.ingredients:
        if ingredient := vocabulary.ingredients.get(name):
            known.update(ingredient.salts)
    return known.intersection(substance_words(drug.generic))


def _without_repeats(classes: Iterable[list[_Row]]) -> Iterator[list[_Row]]:
    """Take from each class the sets of ingredients that an earlier, more specific one has."""
    seen: set[frozenset[str]] = set()
    for rows in classes:
        yield [row for row in rows if row.ingredients not in seen]
        seen.update(row.ingredients for row in rows)


def _one_of_each_set(drug: Drug, rows: Iterable[_Row], vocabulary: Vocabulary) -> list[_Row]:
    """Choose a drug for each other set of ingredients, the most prescribed set first."""
    sets: dict[frozenset[str], list[_Row]] = {}
    for row in rows:
        sets.setdefault(row.ingredients, []).append(row)
    # Drugs whose ingredients are not known can't be told apart, nor from the drug itself.
    for ingredients in (frozenset(drug.ingredients), frozenset[str]()):
        sets.pop(ingredients, None)
    ranked = []
    for ingredients, some in sets.items():
        best = min(some, key=lambda row: row.merit)
        common = vocabulary.commonness(tuple(ingredients))
        packages = sum(row.packages for row in some)
        rank = (best.obsolete, not best.same_route, -common, -packages, best.id)
        ranked.append((rank, best))
    return [row for _, row in sorted(ranked, key=lambda one: one[0])]


def _listed(
    drug: Drug,
    names: Sequence[str],
    groups: Iterable[Sequence[_Row]],
    vocabulary: Vocabulary,
    limit: int,
) -> tuple[AlternativesOf, ...]:
    """List what was found under each name, where anything was."""
    listed = []
    for name, rows in zip(names, groups, strict=True):
        if chosen := _one_of_each_set(drug, rows, vocabulary)[:limit]:
            listed.append(AlternativesOf(name, _hits(chosen, vocabulary)))
    return tuple(listed)


def _hits(rows: Iterable[_Row], vocabulary: Vocabulary) -> tuple[Hit, ...]:
    return tuple(summary_hit(row.id, row.fields, vocabulary) for row in rows)
