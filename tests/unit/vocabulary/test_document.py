"""What ``docs/vocabulary.md`` says holds."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from rxindex.vocabulary import (
    Combination,
    DrugClass,
    Indication,
    Ingredient,
    LookAlikes,
    Prescribed,
    SaltWords,
    load_vocabulary,
)

DOCUMENT = Path(__file__).parents[3] / "docs" / "vocabulary.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")


def test_the_example_file_is_right(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.+?)```", TEXT, re.DOTALL)
    assert example is not None
    path = tmp_path / "house.toml"
    path.write_text(example[1], encoding="utf-8")
    vocabulary = load_vocabulary(path)
    assert vocabulary.facts(["NEWDRUGMAB NEWSALT"]).brands == ("Newbrand",)
    assert vocabulary.tall_man("newdrugmab") == "newDRUGmab"
    assert vocabulary.commonness(["newdrugmab"]) == 1.0


def test_the_counts_are_right() -> None:
    vocabulary = load_vocabulary()
    said = re.search(
        r"([\d,]+) ingredients, ([\d,]+) classes, ([\d,]+) indications and ([\d,]+) fixed-dose"
        r" combinations, with ([\d,]+) names in\s+tall-man lettering and ([\d,]+) pairs",
        TEXT,
    )
    assert said is not None
    assert [int(number.replace(",", "")) for number in said.groups()] == [
        len(vocabulary.ingredients),
        len(vocabulary.classes),
        len(vocabulary.indications),
        len(vocabulary.combinations),
        len(vocabulary.look_alikes.tall_man),
        len(vocabulary.look_alikes.pairs),
    ]


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        ("[[ingredient]]", Ingredient),
        ("[[class]]", DrugClass),
        ("[[indication]]", Indication),
        ("[[combination]]", Combination),
        ("[look_alikes]", LookAlikes),
        ("[salts]", SaltWords),
        ("[prescribed]", Prescribed),
    ],
)
def test_every_field_is_in_the_table(table: str, kind: type[msgspec.Struct]) -> None:
    row = next(line for line in TEXT.splitlines() if line.startswith(f"| `{table}`"))
    for field in kind.__struct_fields__:
        assert f"`{field}`" in row, field
