"""What an index has to hold, worked out without the code that is tested.

A small catalogue of invented drugs, of which no vocabulary knows anything, and a plain dictionary
in the place of Redis: rows are put together by their keys, runs change the dictionary, and the
real index has to look like it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from rxindex.model import Drug, drug_id
from rxindex.source.base import Group

__all__ = [
    "TODAY",
    "Done",
    "Expected",
    "Index",
    "Row",
    "Rules",
    "assembled",
    "by_group",
    "difference",
]

TODAY = "2019-05-01"
LABELERS = {"A00001": "ACME PHARMA"}
SCHEDULES = {"0": "", "2": "CII", "4": "CIV"}


@dataclass(frozen=True)
class Row:
    """A row of the source, good or bad.

    Attributes:
        ndc: 11 digits, or something that is no NDC.
        word: the substance, and the brand.
        plain: written in capitals; else in another case and with more blanks.
        nameless: without any name.
        updated: day of the last change, ``YYYYMMDD``.
    """

    ndc: str
    word: str
    strength: int
    form: str
    gcn: int
    updated: str
    plain: bool = True
    innovator: bool = False
    schedule: str = "0"
    end: str = "00000000"
    labeler: str = "A00001"
    size: int = 100
    kind: str = "BOTTLE"
    nameless: bool = False

    @property
    def bad(self) -> bool:
        return self.nameless or not self.ndc.isdigit()

    @property
    def name(self) -> str:
        name = f"{self.word} {self.strength} MG {self.form}"
        return name if self.plain else name.title().replace(" ", "  ", 1)

    @property
    def brand(self) -> str:
        return self.word if self.plain else self.word.title()

    @property
    def group(self) -> Group:
        if self.gcn:
            return (self.gcn,)
        return (0, " " if self.nameless else self.name)

    @property
    def id(self) -> str:
        """The drug that it belongs to: case and blanks of its names do not count."""
        names = ("", "") if self.nameless else (self.name, self.brand)
        folded = [" ".join(one.split()).lower() for one in names]
        return drug_id(self.group, [*folded, "1" if self.innovator else "0"])

    @property
    def obsolete(self) -> bool:
        return self.end != "00000000" and _iso(self.end) <= TODAY

    def columns(self) -> dict[str, object]:
        """The row as FDB's package table has it."""
        return {
            "NDC": self.ndc,
            "LBLRID": self.labeler,
            "LN": " " if self.nameless else self.name,
            "LN60": None if self.nameless else self.name,
            "BN": None if self.nameless else self.brand,
            "GCN_SEQNO": self.gcn,
            "INNOV": "1" if self.innovator else "0",
            "GNI": "2" if self.innovator else "1",
            "DF": "1",
            "PS": self.size,
            "PD": self.kind,
            "AD": "",
            "DEA": self.schedule,
            "CL": "F",
            "OBSDTEC": self.end,
            "DADDNC": "20100101",
            "DUPDC": self.updated,
            "OBC": "",
            "REPACK": "0",
        }


def _iso(day: str) -> str:
    return "" if day == "00000000" else f"{day[:4]}-{day[4:6]}-{day[6:]}"


@dataclass(frozen=True)
class Expected:
    """A drug as the index has to have it."""

    id: str
    group: Group
    name: str
    brand: str
    generic: str
    strength: str
    form: str
    schedule: str
    kind: str
    gcn: int
    status: str
    packages: tuple[tuple[str, ...], ...]
    text: str

    def is_like(self, drug: Drug) -> bool:
        """Tell whether a document says the same."""
        names = ("id", "name", "brand", "generic", "strength", "form", "schedule", "kind", "gcn",
                 "status")  # fmt: skip
        packages = tuple(
            (one.ndc, one.labeler, one.size, one.description, one.start, one.end, one.status)
            for one in drug.packages
        )
        return packages == self.packages and all(
            getattr(self, name) == getattr(drug, name) for name in names
        )


def assembled(rows: Iterable[Row]) -> tuple[dict[str, Expected], set[str]]:
    """Give the drugs of the source by id, and the ids of those that have only bad rows."""
    good: dict[str, list[Row]] = {}
    named: set[str] = set()
    for row in sorted(rows, key=lambda one: one.ndc):
        named.add(row.id)
        if not row.bad:
            good.setdefault(row.id, []).append(row)
    return {one: _drug(one, members) for one, members in good.items()}, named - good.keys()


def by_group(rows: Iterable[Row], groups: Collection[Group]) -> list[Row]:
    """Give the rows of these groups."""
    return [row for row in rows if row.group in groups]


def _drug(identity: str, members: list[Row]) -> Expected:
    first = next((row for row in members if not row.obsolete), members[0])
    return Expected(
        id=identity,
        group=first.group,
        name=" ".join(first.name.split()),
        brand=first.brand if first.innovator else "",
        generic=first.word.lower(),
        strength=f"{first.strength} mg",
        form=first.form.lower(),
        schedule=next((SCHEDULES[row.schedule] for row in members if row.schedule != "0"), ""),
        kind="brand" if first.innovator else "generic",
        gcn=first.gcn,
        status="obsolete" if all(row.obsolete for row in members) else "active",
        packages=tuple(
            (row.ndc, LABELERS.get(row.labeler, ""), str(row.size), row.kind, "2010-01-01",
             _iso(row.end), "obsolete" if row.obsolete else "active")
            for row in members
        ),
        text=f"{first.word.lower()}, oral {first.form.lower()}.",
    )  # fmt: skip


@dataclass
class Index:
    """What one generation holds.

    Attributes:
        dimensions: of its vectors.
        vector_type: of its vectors.
        drugs: by id.
        texts: that it has a vector of, those of its drugs among them.
        seen: the latest update that it has seen.
    """

    dimensions: int
    vector_type: str
    drugs: dict[str, Expected] = field(default_factory=dict)
    texts: set[str] = field(default_factory=set)
    seen: dt.datetime | None = None


@dataclass
class Done:
    """What a run has to report, and the texts that it had to send to the embedder."""

    added: int = 0
    updated: int = 0
    metadata_only: int = 0
    unchanged: int = 0
    failed: int = 0
    deferred: int = 0
    deleted: int = 0
    delete_held: int = 0
    texts: set[str] = field(default_factory=set)

    def counts(self) -> dict[str, int]:
        names = ("added", "updated", "metadata_only", "unchanged", "failed", "deferred", "deleted",
                 "delete_held")  # fmt: skip
        return {name: getattr(self, name) for name in names}


@dataclass
class Rules:
    """The rules of a run, over dictionaries.

    Attributes:
        refused: words that the embedder refuses.
        busy: words that the embedder has no time for.
        waiting: drugs in quarantine, each as it failed and for how many dimensions.
        released: those of them that the next run tries.
    """

    refused: set[str] = field(default_factory=set)
    busy: set[str] = field(default_factory=set)
    waiting: dict[str, tuple[Expected, int]] = field(default_factory=dict)
    released: set[str] = field(default_factory=set)

    def write(
        self,
        index: Index,
        drugs: dict[str, Expected],
        lost: set[str],
        *,
        patient: bool,
        carried: Collection[str] = (),
    ) -> Done:
        """Put drugs through the plan.

        Args:
            index: to change.
            drugs: of the source.
            lost: drugs that have only bad rows.
            patient: leave drugs in quarantine alone.
            carried: texts that need no call, since the live generation has their vectors.
        """
        done = Done(failed=len(lost))
        known = index.texts | set(carried)
        for one in drugs.values():
            old = index.drugs.get(one.id)
            if old == one:
                done.unchanged += 1
                self._mended(one.id)
            elif patient and self._waits(index, one):
                done.failed += 1
            elif old is not None and old.text == one.text:
                done.metadata_only += 1
                index.drugs[one.id] = one
                self._mended(one.id)
            elif one.text not in known and _has(one.text, self.busy):
                done.deferred += 1
            elif one.text not in known and _has(one.text, self.refused):
                done.failed += 1
                self.waiting[one.id] = (one, index.dimensions)
                self.released.discard(one.id)
            else:
                done.updated += old is not None
                done.added += old is None
                if one.text not in known:
                    done.texts.add(one.text)
                index.texts.add(one.text)
                index.drugs[one.id] = one
                self._mended(one.id)
        return done

    def delete(
        self, index: Index, gone: Collection[str], done: Done, *, guarded: bool, most: float = 0.05
    ) -> None:
        """Delete drugs, unless that is too many."""
        if guarded and len(gone) > most * len(index.drugs):
            done.delete_held = len(gone)
            return
        for one in gone:
            del index.drugs[one]
        done.deleted = len(gone)

    def sweep(self, ids: Iterable[str]) -> None:
        """Forget the failures of drugs that are not there any more."""
        for one in list(ids):
            self._mended(one)

    def _mended(self, identity: str) -> None:
        self.waiting.pop(identity, None)
        self.released.discard(identity)

    def _waits(self, index: Index, one: Expected) -> bool:
        failed = self.waiting.get(one.id) == (one, index.dimensions)
        return failed and one.id not in self.released


def _has(text: str, words: Iterable[str]) -> bool:
    return any(word in text for word in words)


def difference(index: Index, documents: dict[str, Any]) -> dict[str, str]:
    """Name what is not as it has to be, by drug."""
    wrong = dict.fromkeys(documents.keys() - index.drugs.keys(), "extra")
    wrong |= dict.fromkeys(index.drugs.keys() - documents.keys(), "missing")
    for one, drug in documents.items():
        if one not in wrong and not index.drugs[one].is_like(drug):
            wrong[one] = f"{drug} is not {index.drugs[one]}"
    return wrong
