"""The documentation says what there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import typer
from typer.core import TyperGroup

from rxindex import errors
from rxindex.aws.event import Action, SyncEvent
from rxindex.aws.metrics import METRICS
from rxindex.aws.settings import LambdaSettings
from rxindex.cli import app
from rxindex.config import Settings
from rxindex.search.retrieve import TIERS

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def options() -> Iterator[tuple[str, list[str]]]:
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    context = typer.Context(root)
    commands: dict[str, Any] = {
        name: root.get_command(context, name) for name in root.list_commands(context)
    }
    groups = {name: one for name, one in commands.items() if hasattr(one, "commands")}
    for group, holder in groups.items():
        del commands[group]
        commands |= {f"{group} {name}": one for name, one in holder.commands.items()}
    for name, command in commands.items():
        words = [word for one in command.params for word in [*one.opts, *one.secondary_opts]]
        yield name, [word for word in words if word.startswith("--") and word != "--help"]


@pytest.mark.parametrize(("command", "words"), list(options()))
def test_every_command_and_option_is_described(command: str, words: list[str]) -> None:
    section = page("cli.md").split(f"## rxindex {command}\n")[1].split("\n## ")[0]
    for word in words:
        assert f"`{word}`" in section, f"{command} {word}"


def test_every_setting_is_described_with_its_meaning() -> None:
    text = page("configuration.md")
    for name, field in Settings.model_fields.items():
        assert f"| `{name}` |" in text, name
        assert str(field.description) in text, name


def test_no_setting_is_described_that_does_not_exist() -> None:
    table = page("configuration.md").split("## Settings")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == set(Settings.model_fields)


def test_every_setting_of_a_function_is_described_with_its_meaning() -> None:
    rows = re.findall(r"^\| `RXINDEX_(\w+)` \| (.*?) ?\| (.*) \|$", page("aws.md"), re.M)
    found = {name.lower(): (default.strip("`"), says) for name, default, says in rows}
    assert set(found) == set(LambdaSettings.model_fields)
    for name, field in LambdaSettings.model_fields.items():
        default, says = found[name]
        assert default == ("" if field.default is None else f"{field.default}".removesuffix(".0"))
        assert says.replace("`", "") == str(field.description), name


def test_every_field_of_an_event_is_described() -> None:
    table = page("aws.md").split("| field | meaning |")[1].split("\n\n")[0]
    named = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| ([^|]+) \|", table, re.M))))
    fields = msgspec.structs.fields(SyncEvent)
    assert named == {one.encode_name for one in fields}


def test_every_action_of_an_event_is_described() -> None:
    row = next(one for one in page("aws.md").splitlines() if one.startswith("| `action` |"))
    assert set(re.findall(r"`(\w+)`", row)) == {"action", *get_args(Action)}


def test_every_metric_is_described() -> None:
    table = page("aws.md").split("| metric |")[1].split("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", table)) == set(METRICS)


def test_every_exit_code_is_described() -> None:
    listed = set(re.findall(r"^\| (\d+) \|", page("cli.md"), re.MULTILINE))
    used = {str(getattr(errors, name).exit_code) for name in errors.__all__}
    assert used <= listed


def test_every_way_to_match_is_described() -> None:
    for tier in TIERS:
        assert f"`{tier}`" in page("search.md"), tier


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text()):
        assert (path.parent / target).exists(), target


def test_code_refers_only_to_pages_that_exist() -> None:
    for source in (ROOT / "src").rglob("*.py"):
        for name in re.findall(r"docs/(\w+\.md)", source.read_text()):
            assert (ROOT / "docs" / name).exists(), f"{source.name}: {name}"
