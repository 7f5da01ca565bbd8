"""Mapping files, good and bad."""

from __future__ import annotations

from pathlib import Path

import pytest

from rxindex.errors import ConfigurationError
from rxindex.source.fdb import FDB_MAPPING, fdb_mapping
from rxindex.source.mapping import CodeField, load_mapping, parse_mapping

SMALL = """
table = "products"
group = "gcn"
key = ["label", "brand"]
[columns]
ndc = "ndc"
name = ["long", "label"]
"""


def problem(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse_mapping(text, "mine.toml")
    assert "mine.toml" in str(caught.value)
    return str(caught.value)


def test_one_name_stands_for_a_list_of_one() -> None:
    mapping = parse_mapping(SMALL, "mine.toml")

    assert mapping.table == ("products",)
    assert mapping.key == (("label",), ("brand",))
    assert mapping.columns.ndc.column == ("ndc",)
    assert mapping.columns.name.column == ("long", "label")


def test_rows_without_a_group_go_by_the_first_part_of_the_key() -> None:
    mapping = parse_mapping(SMALL, "mine.toml")

    assert mapping.ungrouped == "label"
    assert mapping.ungrouped_key == mapping.key


def test_fdb_is_a_mapping_file_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "fdb.toml"
    path.write_text(FDB_MAPPING)

    assert load_mapping(path) == fdb_mapping()
    schedule = fdb_mapping().columns.schedule
    assert isinstance(schedule, CodeField)
    assert schedule.values["2"] == "CII"


def test_the_example_in_the_documentation_is_a_mapping() -> None:
    import rxindex.source.mapping as module

    text = (module.__doc__ or "").split("::\n", 1)[1].split("\nA column is written", 1)[0]
    mapping = parse_mapping("\n".join(line[4:] for line in text.splitlines()), "doc")

    assert mapping.joins["maker"].on == {"id": "company_id"}
    assert mapping.classes is not None and len(mapping.classes.chain) == 2


def test_a_missing_entry_is_named() -> None:
    assert "'columns.ndc' is missing" in problem(SMALL.replace('ndc = "ndc"', ""))
    assert "'group' is missing" in problem(SMALL.replace('group = "gcn"', ""))


def test_an_unknown_entry_is_named() -> None:
    assert "columns.brnad" in problem(SMALL + 'brnad = "x"\n')


def test_a_wrong_type_is_named() -> None:
    assert "columns.innovator.true" in problem(SMALL + 'innovator = { column = "x", true = 1 }\n')
    assert "columns.schedule.values" in problem(SMALL + 'schedule = "dea"\n')


def test_a_join_that_is_not_there_is_named() -> None:
    assert "'maker.name'" in problem(SMALL + 'labeler = "maker.name"\n')


def test_a_join_may_only_use_those_before_it() -> None:
    text = (
        SMALL
        + """
[joins.a]
table = "a"
on = { id = "b.id" }
[joins.b]
table = "b"
on = { id = "id" }
"""
    )
    assert "joins.a.on" in problem(text)


def test_the_group_is_a_column_of_the_package_table() -> None:
    text = (
        SMALL.replace('group = "gcn"', 'group = "j.gcn"')
        + """
[joins.j]
table = "j"
on = { id = "id" }
"""
    )
    assert "group" in problem(text)


def test_an_empty_name_is_refused() -> None:
    assert "group" in problem(SMALL.replace('"gcn"', '""'))
    assert "key" in problem(SMALL.replace('["label", "brand"]', "[]"))


def test_broken_toml_is_called_so() -> None:
    assert "line 2" in problem("table = 1\n=\n")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.toml"):
        load_mapping(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'table = "\xe9"')
    with pytest.raises(ConfigurationError, match="UTF-8"):
        load_mapping(tmp_path / "latin.toml")


def updated(entry: str) -> str:
    return SMALL + f"updated = {entry}\n"


def test_the_update_time_is_no_part_of_the_rows() -> None:
    mapping = parse_mapping(updated('{ column = "changed", format = "%Y-%m-%d %H:%M:%S" }'), "x")

    assert mapping.columns.updated is not None
    assert "changed" not in {reference for _, reference in mapping.references()}
    built_in = fdb_mapping().columns.updated
    assert built_in is not None and built_in.column == ("DUPDC",)


@pytest.mark.parametrize("form", ["%m/%d/%Y", "%d%m%Y", "%Y", "%Y%m", "%y%m%d", "%Y%j", ""])
def test_an_update_time_that_does_not_sort_is_refused(form: str) -> None:
    said = problem(updated(f'{{ column = "changed", format = "{form}" }}'))
    assert "columns.updated" in said and "sort" in said


def test_the_update_time_is_one_column_of_the_package_table() -> None:
    for entry in ('["a", "b"]', '"maker.changed"'):
        assert "one column of the package table" in problem(updated(entry))
