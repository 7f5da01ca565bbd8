"""Judged queries for drug classes, from the classes that the FDA's directory gives to its products.

What belongs to a class is the directory's word, not that of rxindex's own vocabulary: the
established pharmacologic class (EPC) of every product with one active ingredient. What was changed
by review stands in classes.toml, with the reason.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from rxindex.source.sample_directory import Product, read_directory
from rxindex.vocabulary import Vocabulary, load_vocabulary

__all__ = ["JudgedClass", "judged_text", "main", "members"]

_TABLE = Path(__file__).with_name("classes.toml")
_JUDGED = Path(__file__).parents[2] / "src/rxindex/search/evaluation/judged/class.toml"
_WIDTH = 99
#: A class of PHARM_CLASSES and its kind. Names have commas themselves.
_CLASS = re.compile(r"([^\[\]]+)\[([A-Za-z/ ]+)\](?:,|$)")
_HEAD = """\
# Drug classes. Written by scripts/judge-classes from the FDA's directory and from
# scripts/evaluation/classes.toml: change that file, not this one.
"""


class JudgedClass(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A class that is asked for.

    Attributes:
        id: of the topic.
        half: of the judged set.
        queries: how prescribers ask for it.
        epc: established pharmacologic classes, as the FDA writes them.
        add: members by review, which have no such EPC.
        leave_out: those with it that are not meant.
        beside: not members, but right to show beside them.
        why: what the review went by.
    """

    id: str
    half: str
    queries: tuple[str, ...]
    epc: tuple[str, ...]
    add: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    why: str = ""


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    classes: tuple[JudgedClass, ...] = msgspec.field(name="class")


def members(products: Iterable[Product], vocabulary: Vocabulary) -> Mapping[str, frozenset[str]]:
    """Collect the ingredients of each EPC.

    Combinations are left out (their EPC may be of either ingredient), and so are homeopathic
    products and allergens.

    Args:
        products: of the directory.
        vocabulary: for an ingredient's one name, whatever its salt.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for product in products:
        if (
            len(product.substances) != 1
            or "HOMEOPATHIC" in product.category
            or "ALLERGENIC" in product.kind
        ):
            continue
        ingredient = vocabulary.ingredient(product.substances[0])
        if ingredient is not None:
            for name, kind in _CLASS.findall(product.classes):
                if kind == "EPC":
                    found[" ".join(name.split())].add(ingredient.name)
    return {name: frozenset(ones) for name, ones in found.items()}


def judged_text(classes: Sequence[JudgedClass], by_epc: Mapping[str, frozenset[str]]) -> str:
    """Write the judged set's file for these classes."""
    return _HEAD + "".join(_topic(one, by_epc) for one in classes)


def _topic(one: JudgedClass, by_epc: Mapping[str, frozenset[str]]) -> str:
    named = frozenset().union(*(by_epc[name] for name in one.epc))
    right = sorted((named - set(one.leave_out)) | set(one.add))
    fields = {
        "id": json.dumps(one.id),
        "kind": '"class"',
        "half": json.dumps(one.half),
        "unit": '"ingredients"',
        "queries": _array(one.queries),
        "right": _array(right),
    }
    if beside := sorted(set(one.beside) - set(right)):
        fields["beside"] = _array(beside)
    return "\n[[topic]]\n" + "".join(f"{name} = {value}\n" for name, value in fields.items())


def _array(values: Sequence[str]) -> str:
    written = [json.dumps(value) for value in values]
    line = f"[{', '.join(written)}]"
    return line if len(line) < _WIDTH - 10 else f"[\n{''.join(_lines(written))}]"


def _lines(written: Iterable[str]) -> Iterator[str]:
    line = "   "
    for value in written:
        if len(line) + len(value) + 2 > _WIDTH:
            yield f"{line}\n"
            line = "   "
        line += f" {value},"
    yield f"{line}\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file, or check that it is as it would be written.

    Returns:
        The exit code: 1 if `--check` finds that it is not.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if stale")
    check: bool = parser.parse_args(arguments).check
    table = msgspec.toml.decode(_TABLE.read_bytes(), type=_Table)
    products = (package.product for package in read_directory())
    text = judged_text(table.classes, members(products, load_vocabulary()))
    if check:
        return int(_JUDGED.read_text() != text)
    _JUDGED.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
