"""Judged queries: what is asked, and which drugs answer it.

Judgements name drugs by what they are (ingredients, strength, NDC), not by id, so that one set can
be held against every catalogue: `judge` finds the drugs of a catalogue that they mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

import msgspec

from rxindex.errors import ConfigurationError
from rxindex.model import Drug, fold

__all__ = [
    "BESIDE", "RIGHT", "WRONG", "Half", "Judgement", "Topic", "Unit", "ingredient_names",
    "read_judged",
]  # fmt: skip

Half = Literal["tuning", "test"]
Unit = Literal["drug", "ingredients"]

#: Grades, as TREC's qrels have them: what was asked for, what is right to show beside it, and
#: what is judged to be neither.
RIGHT, BESIDE, WRONG = 2, 1, 0

_WORD = re.compile(r"[^\W_]+")


class Judgement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which drugs are meant: those for which all that is given holds.

    Case does not count. A list of values means any of them.

    Attributes:
        ingredients: all active ingredients, with `` + `` between them.
        contains: active ingredients that are among the drug's, written likewise.
        brand: the words that the brand name begins with.
        generic: words of the generic name, where a salt matters.
        strength: for display, as the catalogue writes it.
        form: words of the dosage form.
        route: a route of administration.
        schedule: DEA schedule, ``CII`` to ``CV``.
        kind: ``brand`` or ``generic``.
        labeler: the words that the name of a package's labeler begins with.
        size: what the size of a package begins with: ``500``, ``2.5 mL``.
        ndc: 11 or 12 digits of a package's NDC, or the first of them.
    """

    ingredients: str = ""
    contains: str = ""
    brand: str = ""
    generic: str = ""
    strength: str | tuple[str, ...] = ()
    form: str = ""
    route: str = ""
    schedule: str = ""
    kind: str = ""
    labeler: str = ""
    size: str = ""
    ndc: str = ""

    def means(self, drug: Drug) -> bool:
        """Tell whether a drug is meant."""
        return (
            self._means_ingredients(drug)
            and _begins(drug.brand, self.brand)
            and _has_words(drug.generic, self.generic)
            and self._means_strength(drug.strength)
            and _has_words(drug.form, self.form)
            and self.route in ("", *drug.routes)
            and self.schedule in ("", drug.schedule)
            and self.kind in ("", drug.kind)
            and self._means_package(drug)
        )

    def _means_ingredients(self, drug: Drug) -> bool:
        if not self.ingredients and not self.contains:
            return True
        names = {fold(name) for name in drug.ingredients}
        if self.ingredients and names != ingredient_names(self.ingredients):
            return False
        return names >= ingredient_names(self.contains)

    def _means_strength(self, strength: str) -> bool:
        asked = (self.strength,) if isinstance(self.strength, str) else self.strength
        return not asked or fold(strength) in map(fold, asked)

    def _means_package(self, drug: Drug) -> bool:
        if not self.labeler and not self.size and not self.ndc:
            return True
        return any(
            one.ndc.startswith(self.ndc)
            and _begins(one.labeler, self.labeler)
            and f"{fold(one.size)} ".startswith(f"{fold(self.size)} " if self.size else "")
            for one in drug.packages
        )


class Topic(msgspec.Struct, frozen=True):
    """A judged query.

    Attributes:
        id: unlike every other's, without blanks.
        kind: of query: ``brand``, ``class`` ... scores are told kind by kind.
        query: as it is typed.
        right: the drugs that are asked for.
        beside: others that are right to show.
        wrong: those that are not.
        unit: what is found: each ``drug``, or each set of ``ingredients``, whatever its strength
            and form.
        half: ``tuning`` or ``test``; None in a set that is not halved.
    """

    id: str
    kind: str
    query: str
    right: tuple[Judgement, ...]
    beside: tuple[Judgement, ...] = ()
    wrong: tuple[Judgement, ...] = ()
    unit: Unit = "drug"
    half: Half | None = None

    def judgements(self) -> Iterator[tuple[Judgement, int]]:
        """Give each judgement with its grade, the best first."""
        for grade, judgements in ((RIGHT, self.right), (BESIDE, self.beside), (WRONG, self.wrong)):
            for one in judgements:
                yield one, grade


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ``[[topic]]`` of a file: queries that are judged alike."""

    id: str
    kind: str
    queries: tuple[str, ...]
    right: tuple[str | Judgement, ...]
    beside: tuple[str | Judgement, ...] = ()
    wrong: tuple[str | Judgement, ...] = ()
    unit: Unit = "drug"
    half: Half | None = None

    def topics(self) -> Iterator[Topic]:
        for number, query in enumerate(self.queries, 1):
            yield Topic(
                id=f"{self.id}.{number}" if len(self.queries) > 1 else self.id,
                kind=self.kind,
                query=query,
                right=_judgements(self.right),
                beside=_judgements(self.beside),
                wrong=_judgements(self.wrong),
                unit=self.unit,
                half=self.half,
            )


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    topic: tuple[_Entry, ...]


def read_judged(path: Path | None = None) -> tuple[Topic, ...]:
    """Read a judged set.

    Args:
        path: a TOML file, or a folder of them; the built-in set if left out. The format is in
            docs/evaluation.md.

    Raises:
        ConfigurationError: a file can't be read, or is no judged set.
    """
    topics: list[Topic] = []
    for file in _files(path):
        topics += _read(file)
    seen: set[str] = set()
    for topic in topics:
        if topic.id in seen or not topic.id.strip() or len(topic.id.split()) > 1:
            raise ConfigurationError(
                f"judged set {path}: the topic id {topic.id!r} is there twice, blank, or has a "
                "blank in it. Give each topic one of its own."
            )
        seen.add(topic.id)
    if not topics:
        raise ConfigurationError(f"judged set {path}: it has no topic. Write [[topic]] entries.")
    return tuple(topics)


def ingredient_names(text: str) -> frozenset[str]:
    """Take a text such as ``hydrochlorothiazide + lisinopril`` apart."""
    return frozenset(fold(name) for name in text.split(" + ") if name.strip())


def _files(path: Path | None) -> list[Traversable]:
    folder: Traversable = resources.files(__package__) / "judged" if path is None else path
    if not folder.is_dir():
        return [folder]
    files = [one for one in folder.iterdir() if one.name.endswith(".toml")]
    return sorted(files, key=lambda one: one.name)


def _read(file: Traversable) -> Iterator[Topic]:
    try:
        found = msgspec.toml.decode(file.read_bytes(), type=_File)
    except OSError as error:
        raise ConfigurationError(
            f"judged set {file}: {error.strerror or 'it cannot be read'}. "
            "Give a TOML file, or a folder of them."
        ) from error
    except (msgspec.DecodeError, ValueError) as error:
        raise ConfigurationError(f"judged set {file}: {error}. Correct it there.") from error
    for entry in found.topic:
        yield from entry.topics()


def _judgements(given: tuple[str | Judgement, ...]) -> tuple[Judgement, ...]:
    return tuple(Judgement(ingredients=one) if isinstance(one, str) else one for one in given)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _begins(text: str, words: str) -> bool:
    asked = _words(words)
    return not asked or _words(text)[: len(asked)] == asked


def _has_words(text: str, words: str) -> bool:
    return not words or set(_words(words)) <= set(_words(text))
