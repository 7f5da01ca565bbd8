"""A user's own file goes over the built-in facts, or is refused with a message that helps."""

from __future__ import annotations

from pathlib import Path

import pytest

from rxindex.errors import ConfigurationError
from rxindex.vocabulary import load_vocabulary


def written(folder: Path, text: str) -> Path:
    path = folder / "house.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_built_in_vocabulary_is_read_once() -> None:
    assert load_vocabulary() is load_vocabulary()


def test_a_row_about_a_known_ingredient_replaces_only_the_fields_it_gives(tmp_path: Path) -> None:
    path = written(tmp_path, '[[ingredient]]\nname = "Aspirin"\nbrands = ["House Aspirin"]\n')
    before = load_vocabulary().ingredients["aspirin"]
    after = load_vocabulary(path).ingredients["aspirin"]
    assert after.brands == ("House Aspirin",)
    assert after.synonyms == before.synonyms
    assert after.classes == before.classes


def test_a_row_about_a_new_ingredient_adds_it(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        [[class]]
        id = "house-class"
        name = "House Class"
        abbreviations = ["HSC"]

        [[indication]]
        id = "house-trouble"
        name = "house trouble"
        plain = ["trouble at home"]

        [[ingredient]]
        name = "newdrugamab"
        brands = ["Newdra"]
        classes = ["house-class", "antibiotic"]
        indications = ["house-trouble"]
        salts = ["housate"]

        [[combination]]
        ingredients = ["newdrugamab", "Aspirin"]
        brands = ["Newdra Plus"]
        """,
    )
    vocabulary = load_vocabulary(path)
    facts = vocabulary.facts(["NEWDRUGAMAB HOUSATE SODIUM"])
    assert facts.brands == ("Newdra",)
    assert facts.class_names == ("House Class", "Antibacterial")
    assert facts.plain_indications == ("trouble at home",)
    assert vocabulary.facts(["newdrugamab", "ASPIRIN"]).brands == ("Newdra Plus",)
    expansion = vocabulary.expand("hsc")
    assert expansion is not None
    assert expansion.names == ("House Class",)
    assert load_vocabulary().ingredient("newdrugamab") is None


def test_a_row_about_a_known_combination_replaces_it_whatever_the_order(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '[[combination]]\ningredients = ["hydrochlorothiazide", "lisinopril"]\nbrands = ["Lisi H"]',
    )
    vocabulary = load_vocabulary(path)
    assert vocabulary.facts(["lisinopril", "hydrochlorothiazide"]).brands == ("Lisi H",)
    assert len(vocabulary.combinations) == len(load_vocabulary().combinations)


def test_salt_words_are_added_to_the_built_in_ones(tmp_path: Path) -> None:
    path = written(tmp_path, '[salts]\ntrailing = ["housate"]\nleading = ["premium"]\n')
    found = load_vocabulary(path).ingredient("PREMIUM LISINOPRIL HOUSATE DIHYDRATE")
    assert found is not None
    assert found.name == "lisinopril"
    assert load_vocabulary().ingredient("LISINOPRIL HOUSATE") is None


def test_look_alikes_are_added_to_the_built_in_ones(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '[look_alikes]\ntall_man = ["HOUSEdrug"]\npairs = [["Housedrug", "Hydroxyzine"]]\n',
    )
    vocabulary = load_vocabulary(path)
    assert vocabulary.tall_man("housedrug 10 mg") == "HOUSEdrug 10 mg"
    assert vocabulary.tall_man("hydroxyzine") == "hydrOXYzine"
    assert vocabulary.look_alike_names("housedrug") == ("Hydroxyzine",)
    assert {"Housedrug", "hydralazine"} <= set(vocabulary.look_alike_names("hydroxyzine"))
    assert load_vocabulary().look_alike_names("housedrug") == ()


def test_a_class_may_be_of_some_routes_only(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        [[class]]
        id = "house-inhaler"
        name = "House Inhaler"
        routes = ["inhalation"]

        [[ingredient]]
        name = "newdrugamab"
        classes = ["house-inhaler", "antibiotic"]
        """,
    )
    vocabulary = load_vocabulary(path)
    both = ("House Inhaler", "Antibacterial")
    assert vocabulary.facts(["newdrugamab"]).class_names == both
    assert vocabulary.facts(["newdrugamab"], ["INHALATION", "oral"]).class_names == both
    assert vocabulary.facts(["newdrugamab"], ["oral"]).class_names == ("Antibacterial",)


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert load_vocabulary(written(tmp_path, "")).fingerprint == load_vocabulary().fingerprint


@pytest.mark.parametrize(
    "change",
    [
        '[[ingredient]]\nname = "aspirin"\nbrands = []\n',
        '[[ingredient]]\nname = "aspirin"\nschedule = "CV"\n',
        '[[class]]\nid = "antibiotic"\nname = "Antibiotic"\n',
        '[[indication]]\nid = "gout"\nplain = ["king\'s disease"]\n',
        '[[combination]]\ningredients = ["aspirin", "melatonin"]\nbrands = ["Sleepirin"]\n',
        '[salts]\ntrailing = ["housate"]\n',
        '[[ingredient]]\nname = "aspirin"\nstrengths = ["81 mg"]\n',
        '[look_alikes]\ntall_man = ["aSPIRin"]\n',
    ],
)
def test_the_fingerprint_changes_when_a_fact_changes(tmp_path: Path, change: str) -> None:
    changed = load_vocabulary(written(tmp_path, change))
    assert changed.fingerprint != load_vocabulary().fingerprint
    assert load_vocabulary(tmp_path / "house.toml").fingerprint == changed.fingerprint


def test_the_fingerprint_does_not_depend_on_the_order_of_the_rows(tmp_path: Path) -> None:
    first = '[[ingredient]]\nname = "aaa"\n'
    second = '[[ingredient]]\nname = "bbb"\n'
    one = load_vocabulary(written(tmp_path, first + second)).fingerprint
    assert load_vocabulary(written(tmp_path, second + first)).fingerprint == one


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[ingredient]\n", ["not TOML", "line 1"]),
        ("[[drug]]\nname = 'x'\n", ["unknown table 'drug'", "[[ingredient]]"]),
        ("[[ingredient]]\nbrands = ['X']\n", ["[[ingredient]] number 1", "needs a name"]),
        ("[[ingredient]]\nname = '  '\n", ["[[ingredient]] number 1", "needs a name"]),
        ("[[class]]\nname = 'X'\n", ["[[class]] number 1", "needs an id"]),
        ("[[class]]\nid = 'house'\n", ["class 'house'", "name"]),
        ("[[indication]]\nid = 'house'\n", ["indication 'house'", "name"]),
        ("[[ingredient]]\nname = 'x'\nbrands = 'X'\n", ["ingredient 'x'", "array", "brands"]),
        ("[[ingredient]]\nname = 'x'\nbrands = [1]\n", ["ingredient 'x'", "str", "brands[0]"]),
        ("[[ingredient]]\nname = 'x'\nbrand = ['X']\n", ["ingredient 'x'", "brand"]),
        ("[[ingredient]]\nname = 'x'\nschedule = 'II'\n", ["ingredient 'x'", "schedule"]),
        (
            "[[ingredient]]\nname = 'x'\nclasses = ['nope']\n",
            ["'x'", "unknown class 'nope'", "[[class]]"],
        ),
        (
            "[[ingredient]]\nname = 'x'\nindications = ['nope']\n",
            ["'x'", "unknown indication 'nope'", "[[indication]]"],
        ),
        (
            "[[combination]]\ningredients = ['aspirin', 'nope']\n",
            ["aspirin + nope", "unknown ingredient 'nope'", "[[ingredient]]"],
        ),
        ("[[combination]]\ningredients = ['aspirin']\n", ["number 1", "two ingredients"]),
        ("[[combination]]\ningredients = 'aspirin'\n", ["number 1", "two ingredients"]),
        ("[[combination]]\nbrands = ['X']\n", ["number 1", "two ingredients"]),
        (
            "[[ingredient]]\nname = 'x'\n[[ingredient]]\nname = 'X'\n",
            ["ingredient 'x'", "twice"],
        ),
        ("[ingredient]\nname = 'x'\n", ["'ingredient'", "[[ingredient]]"]),
        ("ingredient = ['x']\n", ["'ingredient'", "[[ingredient]]"]),
        ("[salts]\ntrailing = 'x'\n", ["[salts]", "trailing"]),
        ("salts = ['x']\n", ["[salts]", "trailing"]),
        ("[look_alikes]\ntall_man = 'x'\n", ["[look_alikes]", "tall_man", "pairs"]),
        ("[look_alikes]\npairs = [['x']]\n", ["[look_alikes]", "pairs"]),
        ("[look_alikes]\ntwins = [['x', 'y']]\n", ["[look_alikes]", "twins"]),
        ("[prescribed]\norder = 'x'\n", ["[prescribed]", "order = [..., [..., ...]]"]),
        ("[prescribed]\norder = ['nope']\n", ["[prescribed]", "unknown ingredient 'nope'"]),
        ("[prescribed]\norder = [['aspirin']]\n", ["[prescribed]", "order[0]"]),
        ("[lookalikes]\n", ["unknown table 'lookalikes'", "[look_alikes]"]),
    ],
)
def test_a_wrong_file_is_refused_with_the_file_the_entry_and_the_cure(
    tmp_path: Path, text: str, told: list[str]
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigurationError) as refusal:
        load_vocabulary(path)
    message = str(refusal.value)
    for part in (str(path), *told):
        assert part in message


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"absent\.toml.*Give the path"):
        load_vocabulary(tmp_path / "absent.toml")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Give the path"):
        load_vocabulary(tmp_path)


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "house.toml"
    path.write_bytes(b"[[ingredient]]\nname = '\xff'\n")
    with pytest.raises(ConfigurationError, match="Save it as UTF-8"):
        load_vocabulary(path)
