"""Rows to drugs: a streaming group-by that holds one group of rows at a time.

Here a catalogue's accidents end: padding blanks, a package listed twice, a label name in two
spellings, an NDC that is none. What the source lacks (classes, indications, synonyms) is joined
from the clinical vocabulary by ingredient. Of each class and indication only the main names go
into a drug: the search knows all the others, and puts the main one in their place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, groupby
from operator import attrgetter

import msgspec

from rxindex.errors import RowError
from rxindex.model import (
    ACTIVE,
    OBSOLETE,
    Drug,
    Package,
    PackageRow,
    Status,
    drug_id,
    fold,
)
from rxindex.ndc import canonical_ndc
from rxindex.source.base import Group
from rxindex.vocabulary import Vocabulary

__all__ = [
    "ASSEMBLY_VERSION",
    "LONGEST_TEXT",
    "LONGEST_VALUE",
    "RejectedRow",
    "RowCounts",
    "assemble",
    "assemble_groups",
    "embedding_text",
    "full_text",
    "is_past",
    "shorten",
]

#: Raise it when the same rows of a source come to other drugs: groups that have not changed are
#: then looked at once more.
ASSEMBLY_VERSION = 1

#: Longest text kept of one value. No drug name in the FDA's directory comes near; what is longer
#: is a fault in the data, and would bloat every list of hits.
LONGEST_VALUE = 600

#: Most characters of an embedding text. Real ones have some hundred; this is about 500 tokens,
#: which every model takes.
LONGEST_TEXT = 2_000

#: Drugs of different facts that are remembered; a formulation's come one after the other.
_REMEMBERED = 256

_ROUTES = attrgetter("routes")
_CLASSES = attrgetter("classes")
_INDICATIONS = attrgetter("indications")
_SCHEDULE = attrgetter("schedule")

#: Different sets of values that the rows of one drug have.
_Sets = tuple[tuple[str, ...], ...]

_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_UNCLEAN = re.compile(r"[\x00-\x1f\x7f;]+")


class RejectedRow(msgspec.Struct, frozen=True):
    """A row that can't become a package.

    Attributes:
        drug_id: of the drug that it belongs to; its other packages are kept.
        row: the row.
        error: why.
        drug_lost: no package of the drug is left; this is the last of its rows.
    """

    drug_id: str
    row: PackageRow
    error: RowError
    drug_lost: bool = False


class RowCounts(msgspec.Struct):
    """What went through `assemble`.

    Attributes:
        rows: that were read.
        repeated: of these, rows that name a package of their drug once more.
        shortened: drugs of which a value was longer than `LONGEST_VALUE` and lacks its end, but
            not their text.
    """

    rows: int = 0
    repeated: int = 0
    shortened: int = 0

    def move_to(self, other: RowCounts) -> None:
        """Add these counts to others, and begin anew."""
        other.rows += self.rows
        other.repeated += self.repeated
        other.shortened += self.shortened
        self.rows = self.repeated = self.shortened = 0


def assemble(
    rows: Iterable[PackageRow],
    vocabulary: Vocabulary,
    today: str,
    counts: RowCounts | None = None,
) -> Iterator[Drug | RejectedRow]:
    """Assemble drugs from rows that arrive group by group; see `assemble_groups`.

    Yields:
        Rejected rows of a drug, then the drug, ordered by group and key.
    """
    for _, items in assemble_groups(rows, vocabulary, today, counts or RowCounts()):
        yield from items


def assemble_groups(
    rows: Iterable[PackageRow], vocabulary: Vocabulary, today: str, counts: RowCounts
) -> Iterator[tuple[Group, list[Drug | RejectedRow]]]:
    """Assemble drugs from rows that arrive group by group.

    Args:
        rows: all rows of a group in one run (see `Source.rows`).
        vocabulary: joined by ingredient.
        today: ISO date; a package whose end date is not after it is obsolete.
        counts: to fill in.

    Yields:
        Each group with its drugs, ordered by their key, each after its rejected rows.
    """
    facts = _FactsOf(vocabulary)
    for group, members in groupby(rows, key=attrgetter("group")):
        items: list[Drug | RejectedRow] = []
        by_key: dict[tuple[str, ...], list[PackageRow]] = {}
        last: tuple[str, ...] | None = None
        for row in members:
            if row.key != last:
                last = row.key
                of_key = by_key.setdefault(_folded(last), [])
            of_key.append(row)
        for key in sorted(by_key):
            counts.rows += len(by_key[key])
            items += _assemble_drug(drug_id(group, key), by_key[key], facts, today, counts)
        yield group, items


def _assemble_drug(
    identity: str,
    rows: list[PackageRow],
    facts: _FactsOf,
    today: str,
    counts: RowCounts,
) -> list[Drug | RejectedRow]:
    rejected: list[RejectedRow] = []
    packages: dict[str, tuple[Package, PackageRow]] = {}
    for row in rows:
        try:
            package = _package(row, today)
        except RowError as error:
            rejected.append(RejectedRow(identity, row, error))
            continue
        known = packages.get(package.ndc)
        counts.repeated += known is not None
        if known is None or _precedence(package, row) > _precedence(*known):
            packages[package.ndc] = (package, row)
    if not packages:
        rejected[-1] = msgspec.structs.replace(rejected[-1], drug_lost=True)
        return [*rejected]
    ordered = [packages[ndc] for ndc in sorted(packages)]
    listed = [row for _, row in ordered]
    drug = _drug(identity, [package for package, _ in ordered], listed, facts)
    if any(map(_is_long, listed)):
        # One whose text is cut too is counted there.
        counts.shortened += len(full_text(drug)) <= LONGEST_TEXT
    return [*rejected, drug]


def _package(row: PackageRow, today: str) -> Package:
    ndc = canonical_ndc(row.ndc)
    if not row.name or row.name.isspace():
        raise RowError(f"NDC {ndc} has no label name; give it one in the source")
    status: Status = OBSOLETE if row.end and is_past(row.end, today) else ACTIVE
    # By position, which is faster: a catalogue has half a million.
    return Package(
        ndc,
        _clean(row.labeler),
        _clean(row.size),
        _clean(row.description),
        row.start,
        row.end,
        status,
    )


def _precedence(package: Package, row: PackageRow) -> tuple[bool, tuple[object, ...]]:
    """Rank the listings of a package that is listed twice: an active one counts.

    Between equals any rule will do that does not depend on the order in which the source happens
    to give them, since the drug would otherwise look changed now and then.
    """
    return package.status == ACTIVE, msgspec.structs.astuple(row)


def is_past(end: str, today: str) -> bool:
    """Tell whether an end date is reached; one that can't be read is, or it would never be.

    Args:
        end: ISO date, or whatever the source has in its place.
        today: ISO date.
    """
    return end <= today or not _ISO_DATE.fullmatch(end)


def _drug(
    identity: str, packages: Sequence[Package], rows: Sequence[PackageRow], facts: _FactsOf
) -> Drug:
    # An active package's row describes the drug; NDC order makes the choice repeatable.
    active = next((at for at, one in enumerate(packages) if one.status == ACTIVE), None)
    row = rows[active or 0]
    known = facts.of(
        facts.substances(row.ingredients or (row.generic,), row.brand),
        _sets(rows, _ROUTES),
        _sets(rows, _CLASSES),
        _sets(rows, _INDICATIONS),
    )
    brand, generic = _clean(row.brand), _clean(row.generic)
    if fold(generic) in {"", fold(brand)} and known.generic:
        generic = known.generic
    own_names = {fold(brand), fold(generic)}
    return Drug(
        id=identity,
        name=_clean(row.name),
        brand=brand,
        generic=generic,
        ingredients=known.ingredients,
        strength=_strength(row.strength),
        form=_clean(row.form).lower(),
        routes=known.routes,
        classes=known.classes,
        indications=known.indications,
        synonyms=tuple([name for name, folded in known.synonyms if folded not in own_names]),
        # One package that is controlled is enough: a bad code on another must not hide it.
        schedule=next(filter(None, map(_SCHEDULE, rows)), ""),
        kind="brand" if row.innovator else "generic",
        gcn=row.gcn,
        status=OBSOLETE if active is None else ACTIVE,
        packages=tuple(packages),
    )


class _DrugFacts(msgspec.Struct, frozen=True):
    """What drugs of the same substances, routes, classes and indications have in common.

    Attributes:
        generic: the ingredients as the vocabulary names them, in one text; empty if it knows none.
        ingredients, routes, classes, indications: as in `Drug`.
        synonyms: each with the form that it is compared in.
    """

    generic: str
    ingredients: tuple[str, ...]
    routes: tuple[str, ...]
    classes: tuple[str, ...]
    indications: tuple[str, ...]
    synonyms: tuple[tuple[str, str], ...]


class _FactsOf:
    """The facts of drugs, remembered: strengths and brands of a drug come one after the other.

    Attributes:
        of: gives the facts, from the substances, and the sets of routes, classes and indications
            that the drug's rows have.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._named = lru_cache(maxsize=_REMEMBERED)(self._read_names)
        self.of = lru_cache(maxsize=_REMEMBERED)(self._collect)

    def substances(self, texts: tuple[str, ...], brand: str) -> tuple[str, ...]:
        """Give the active substances, by way of the brand if their own names say nothing.

        Args:
            texts: that name them.
            brand: of the drug.
        """
        named, is_known = self._named(texts)
        if is_known:
            return named
        for name in (brand, *named):
            known = self._vocabulary.expand(name) if name else None
            if known is not None and known.kind == "brand":
                return known.names
        return named

    def _read_names(self, texts: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
        """Tell apart the substances, and tell whether the vocabulary knows any of them."""
        vocabulary = self._vocabulary
        named = tuple(part for text in texts if text for part in vocabulary.substances(text))
        return named, any(vocabulary.ingredient(name) for name in named)

    def _collect(
        self, substances: tuple[str, ...], routes: _Sets, classes: _Sets, indications: _Sets
    ) -> _DrugFacts:
        own_routes = _distinct(*(name.lower() for name in chain.from_iterable(routes)))
        facts = self._vocabulary.facts(substances, own_routes)
        return _DrugFacts(
            generic=", ".join(one.name for one in facts.ingredients),
            ingredients=self._ingredients(substances),
            routes=own_routes,
            classes=_distinct(*facts.main_classes, *chain.from_iterable(classes)),
            indications=_distinct(*facts.main_indications, *chain.from_iterable(indications)),
            synonyms=tuple((n, fold(n)) for n in _distinct(*facts.synonyms, *facts.brands)),
        )

    def _ingredients(self, substances: tuple[str, ...]) -> tuple[str, ...]:
        names = []
        for substance in substances:
            known = self._vocabulary.ingredient(substance)
            names.append(known.name if known else fold(substance))
        return _distinct(*names)


def _sets(rows: Sequence[PackageRow], field: Callable[[PackageRow], tuple[str, ...]]) -> _Sets:
    """Give each set of values that the rows have for a field; mostly it is the same for all."""
    found = list(map(field, rows))
    if found.count(found[0]) == len(found):
        return (found[0],)
    return tuple(dict.fromkeys(found))


def _is_long(row: PackageRow) -> bool:
    """Tell whether a value that people read will lack its end."""
    return (
        len(row.name) > LONGEST_VALUE
        or len(row.brand) > LONGEST_VALUE
        or len(row.generic) > LONGEST_VALUE
        or len(row.strength) > LONGEST_VALUE
        or len(row.form) > LONGEST_VALUE
    )


# Labelers, sizes and forms come again and again; half of the assembling was cleaning them.
@lru_cache(maxsize=4_096)
def _clean(text: str) -> str:
    """Make a value fit for the index: one line, no semicolon (it separates values), bounded."""
    if not text.isprintable() or ";" in text:
        # Half a surrogate pair, left by a byte that no encoding explained, can't be written.
        text = _UNCLEAN.sub(",", text.encode("utf-8", "replace").decode())
    return " ".join(text[:LONGEST_VALUE].split())


@lru_cache(maxsize=4_096)
def _strength(text: str) -> str:
    """Clean a strength, in which semicolons separate those of the ingredients."""
    return "; ".join(_clean(part) for part in text.split(";") if part.strip())


@lru_cache(maxsize=512)
def _folded(key: tuple[str, ...]) -> tuple[str, ...]:
    """Fold a drug's key for comparison."""
    return tuple([fold(part) for part in key])


def _distinct(*values: str) -> tuple[str, ...]:
    """Drop blanks and what differs only in case, keeping the first of each."""
    kept: dict[str, str] = {}
    for value in values:
        clean = _clean(value)
        if clean:
            kept.setdefault(clean.casefold(), clean)
    return tuple(kept.values())


#: How much the embedding text names: enough to place the drug, few enough that the text stays
#: within some forty tokens (a model's time grows with them).
_TEXT_INGREDIENTS = 6
_TEXT_CLASSES = 3
_TEXT_INDICATIONS = 6


def embedding_text(drug: Drug) -> str:
    """Write the text that stands for the drug in the vector space, cut to `LONGEST_TEXT`."""
    return shorten(full_text(drug))


def shorten(text: str) -> str:
    """Cut a text after the last whole word within `LONGEST_TEXT` characters."""
    if len(text) <= LONGEST_TEXT:
        return text
    # One character more, for a word that ends just there.
    head, blank, _ = text[: LONGEST_TEXT + 1].rpartition(" ")
    return head if blank else text[:LONGEST_TEXT]


def full_text(drug: Drug) -> str:
    """Write the text that stands for the drug in the vector space, however long it is.

    It says what the drug is, not what it is called. The strength is left out: it is a filter,
    and numbers embed badly. So are brands, which mean nothing to a model and are matched by
    word. What is left is shared by all strengths, brands and coatings of a drug, so that one
    vector serves them all.

    Returns:
        One line, for example ``atorvastatin, oral tablet. HMG-CoA Reductase Inhibitor, statin.
        For hyperlipidemia, high cholesterol.``
    """
    names = ", ".join(drug.ingredients[:_TEXT_INGREDIENTS])
    names = names or fold(drug.generic) or fold(drug.brand) or fold(drug.name)
    # "tablet, film coated, extended release" is, for this purpose, a tablet.
    form = drug.form.partition(",")[0]
    how = " ".join(filter(None, ("/".join(drug.routes[:3]), form)))
    sentences = [", ".join(filter(None, (names, how)))]
    if drug.classes:
        sentences.append(", ".join(drug.classes[:_TEXT_CLASSES]))
    if drug.indications:
        sentences.append("For " + ", ".join(drug.indications[:_TEXT_INDICATIONS]))
    return ". ".join(sentences) + "."
