"""Reads the vocabulary: the facts that come with rxindex, and a user's own file over them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from rxindex.errors import ConfigurationError
from rxindex.vocabulary.model import (
    Combination,
    DrugClass,
    Indication,
    Ingredient,
    LookAlikes,
    Prescribed,
    SaltWords,
)
from rxindex.vocabulary.vocabulary import Vocabulary

__all__ = ["load_vocabulary"]

_Row = dict[str, Any]
_Key = str | frozenset[str]
_Entry = TypeVar("_Entry", Ingredient, DrugClass, Indication, Combination)
_Lists = TypeVar("_Lists", bound=LookAlikes | Prescribed | SaltWords)
_Content = TypeVar("_Content")

# For each table of a file, the field that says which entry a row is about.
_KEYS: Mapping[str, str] = {
    "ingredient": "name",
    "class": "id",
    "indication": "id",
    "combination": "ingredients",
}
# Tables without entries: lists to which a file adds, and what they hold.
_LISTS: Mapping[str, str] = {
    "look_alikes": "tall_man = [...], a list of names, and pairs = [[..., ...], ...], lists of two",
    "salts": "trailing = [...] and leading = [...], lists of words",
    "prescribed": "order = [..., [..., ...]], a list of ingredients and of lists of them",
}


def load_vocabulary(extra: Path | None = None) -> Vocabulary:
    """Load the vocabulary.

    The built-in facts are read once per process. A user's file is TOML with the tables
    ``[[ingredient]]``, ``[[class]]``, ``[[indication]]``, ``[[combination]]``, ``[look_alikes]``,
    ``[salts]`` and ``[prescribed]``. A row about a known entry (same name, id, or set of
    ingredients) replaces only the fields it gives; any other row adds an entry. What is under
    ``[look_alikes]`` and ``[salts]`` is added to the built-in lists; what is under
    ``[prescribed]`` comes before the built-in order.

    Args:
        extra: The user's own TOML file.

    Returns:
        The vocabulary.

    Raises:
        ConfigurationError: The file can't be read, is not TOML, or has an entry that is not
            right. The message says which file, which entry, and what to do.
    """
    return _builtin() if extra is None else _merged(extra)


# The built-in facts are JSON, not TOML as a user's file is, since they are read at the start of
# every command: JSON goes straight into the structs, some thirty times as fast.
@lru_cache(maxsize=1)
def _builtin() -> Vocabulary:
    folder = resources.files("rxindex.vocabulary") / "data"
    ingredients: list[Ingredient] = []
    for file in sorted((folder / "ingredients").iterdir(), key=lambda entry: entry.name):
        ingredients += _decoded(file, list[Ingredient])
    return Vocabulary(
        ingredients,
        _decoded(folder / "classes.json", list[DrugClass]),
        _decoded(folder / "indications.json", list[Indication]),
        _decoded(folder / "combinations.json", list[Combination]),
        _decoded(folder / "salts.json", SaltWords),
        _decoded(folder / "look_alikes.json", LookAlikes),
        _decoded(folder / "prescribed.json", Prescribed),
    )


def _decoded(file: Traversable, kind: type[_Content]) -> _Content:
    return msgspec.json.decode(file.read_bytes(), type=kind)


def _key(table: str, row: _Row) -> _Key:
    value = row[_KEYS[table]]
    return frozenset(value) if table == "combination" else value


def _merged(path: Path) -> Vocabulary:
    builtin = _builtin()
    given = _read(path)
    classes = _merge(path, "class", given, DrugClass, {c.id: c for c in builtin.classes.values()})
    indications = _merge(
        path, "indication", given, Indication, {i.id: i for i in builtin.indications.values()}
    )
    ingredients = _merge(path, "ingredient", given, Ingredient, dict(builtin.ingredients))
    combinations = _merge(
        path,
        "combination",
        given,
        Combination,
        {frozenset(c.ingredients): c for c in builtin.combinations},
    )
    for ingredient in ingredients.values():
        _check_known(path, ingredient.name, "class", ingredient.classes, classes)
        _check_known(path, ingredient.name, "indication", ingredient.indications, indications)
    for combination in combinations.values():
        label = " + ".join(combination.ingredients)
        _check_known(path, label, "ingredient", combination.ingredients, ingredients)
        _check_known(path, label, "class", combination.classes, classes)
        _check_known(path, label, "indication", combination.indications, indications)
    return Vocabulary(
        ingredients.values(),
        classes.values(),
        indications.values(),
        combinations.values(),
        _add_lists(path, "salts", given, builtin.salts),
        _add_lists(path, "look_alikes", given, builtin.look_alikes),
        _put_first(path, given, builtin.prescribed, ingredients),
    )


def _read(path: Path) -> _Row:
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or "it can't be read"
        raise ConfigurationError(
            f"vocabulary file {path}: {reason}. Give the path of a TOML file that can be read."
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"vocabulary file {path}: not UTF-8 text. Save it as UTF-8."
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(
            f"vocabulary file {path}: not TOML: {error}. Correct the file at that place."
        ) from error
    for table in given:
        if table not in _KEYS and table not in _LISTS:
            known = ", ".join([*(f"[[{name}]]" for name in _KEYS), *(f"[{n}]" for n in _LISTS)])
            raise ConfigurationError(
                f"vocabulary file {path}: unknown table {table!r}. The tables are {known}."
            )
    return given


def _merge(
    path: Path, table: str, given: _Row, kind: type[_Entry], known: Mapping[Any, _Entry]
) -> dict[_Key, _Entry]:
    rows = given.get(table, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ConfigurationError(
            f"vocabulary file {path}: {table!r} is not a list of tables. Write each entry under"
            f" its own [[{table}]] line."
        )
    merged: dict[_Key, _Entry] = dict(known)
    seen: set[_Key] = set()
    for number, row in enumerate(rows, 1):
        row = _with_key(path, table, number, row)
        key = _key(table, row)
        label = f"{table} {' + '.join(sorted(key)) if isinstance(key, frozenset) else key!r}"
        if key in seen:
            raise ConfigurationError(
                f"vocabulary file {path}: {label} is there twice. Keep one [[{table}]] for it."
            )
        seen.add(key)
        old = merged.get(key)
        try:
            merged[key] = msgspec.convert(
                row if old is None else {**msgspec.to_builtins(old), **row}, kind
            )
        except msgspec.ValidationError as error:
            raise ConfigurationError(
                f"vocabulary file {path}: {label}: {error}. Correct that field of the entry."
            ) from error
    return merged


def _with_key(path: Path, table: str, number: int, row: _Row) -> _Row:
    """Check the field that says which entry a row is about, and bring it to one form."""
    field = _KEYS[table]
    value = row.get(field)
    if table == "combination":
        if (
            isinstance(value, list)
            and all(isinstance(name, str) and name.strip() for name in value)
            and len(names := dict.fromkeys(name.strip().lower() for name in value)) > 1
        ):
            return {**row, field: list(names)}
        wanted = 'two ingredients or more, as ingredients = ["...", "..."]'
    else:
        if isinstance(value, str) and value.strip():
            return {**row, field: value.strip().lower()}
        article = "an" if field == "id" else "a"
        wanted = f'{article} {field}, as {field} = "..."'
    raise ConfigurationError(f"vocabulary file {path}: [[{table}]] number {number} needs {wanted}.")


def _check_known(
    path: Path, label: str, table: str, wanted: Iterable[str], known: Mapping[_Key, object]
) -> None:
    for key in wanted:
        if key not in known:
            raise ConfigurationError(
                f"vocabulary file {path}: {label!r} names the unknown {table} {key!r}. Correct it,"
                f" or add a [[{table}]] with {_KEYS[table]} = {key!r}."
            )


def _lists(path: Path, table: str, given: _Row, kind: type[_Lists]) -> _Lists:
    try:
        return msgspec.convert(given.get(table, {}), kind)
    except msgspec.ValidationError as error:
        raise ConfigurationError(
            f"vocabulary file {path}: [{table}]: {error}. It takes {_LISTS[table]}."
        ) from error


def _put_first(
    path: Path, given: _Row, known: Prescribed, ingredients: Mapping[_Key, object]
) -> Prescribed:
    first: list[str | tuple[str, ...]] = []
    for entry in _lists(path, "prescribed", given, Prescribed).order:
        names = (entry,) if isinstance(entry, str) else entry
        written = tuple(name.strip().lower() for name in names)
        _check_known(path, "[prescribed]", "ingredient", written, ingredients)
        first.append(written)
    return Prescribed((*first, *known.order))


def _add_lists(path: Path, table: str, given: _Row, known: _Lists) -> _Lists:
    new = msgspec.structs.asdict(_lists(path, table, given, type(known)))
    both = ((key, (*old, *new[key])) for key, old in msgspec.structs.asdict(known).items())
    return type(known)(**dict(both))
