"""The files of the built-in vocabulary: in order, nothing twice, and quick to read."""

from __future__ import annotations

import json
import time
from collections import Counter
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import rxindex.vocabulary.load
from rxindex.vocabulary import load_vocabulary

DATA = Path(str(resources.files("rxindex.vocabulary"))) / "data"
INGREDIENT_FILES = sorted((DATA / "ingredients").glob("*.json"))
LOAD_SECONDS = 0.05


def rows(file: Path) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return read


def key(row: dict[str, Any]) -> list[str]:
    return sorted(row["ingredients"]) if "ingredients" in row else [row.get("id") or row["name"]]


@pytest.mark.parametrize(
    "file",
    [*INGREDIENT_FILES, *(DATA / f"{n}.json" for n in ("classes", "indications", "combinations"))],
    ids=lambda file: file.stem,
)
def test_a_file_is_sorted_and_has_nothing_twice(file: Path) -> None:
    keys = [key(row) for row in rows(file)]
    assert keys == sorted(keys)
    assert all(one != other for one, other in pairwise(keys))


def test_an_ingredient_is_in_one_file_only() -> None:
    names = Counter(row["name"] for file in INGREDIENT_FILES for row in rows(file))
    assert [name for name, count in names.items() if count > 1] == []
    assert set(names) == set(load_vocabulary().ingredients)


def test_no_field_is_there_for_nothing() -> None:
    for file in DATA.rglob("*.json"):
        for row in rows(file):
            if isinstance(row, dict):
                assert all(row.values()), (file.name, row)


def test_look_alikes_are_sorted() -> None:
    lists = json.loads((DATA / "look_alikes.json").read_text(encoding="utf-8"))
    folded = [spelling.casefold() for spelling in lists["tall_man"]]
    assert folded == sorted(folded)
    pairs = [[name.casefold() for name in pair] for pair in lists["pairs"]]
    assert pairs == sorted(pairs)
    assert all(pair == sorted(pair) for pair in pairs)


def test_the_vocabulary_is_read_quickly() -> None:
    # It is read at the start of every command. The best of several, in processor time, says what
    # the work costs; the rest says what else the machine was doing.
    read = rxindex.vocabulary.load._builtin.__wrapped__
    seconds = []
    for _ in range(5):
        began = time.process_time()
        read()
        seconds.append(time.process_time() - began)
    assert min(seconds) < LOAD_SECONDS
