"""API keys in their file: only hashes, strict reading, whole writing."""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxindex.api.keys import KeyRing, add_key, read_keys, revoke_key
from rxindex.errors import ConfigurationError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "keys.json"


def test_a_key_is_256_random_bits_and_only_its_hash_is_kept(file: Path) -> None:
    made = add_key(file, "ward-3")
    assert made.startswith("rx_")
    assert len(made) == len("rx_") + 43
    assert made not in file.read_text()
    (kept,) = read_keys(file)
    assert kept.sha256 == hashlib.sha256(made.encode()).hexdigest()
    assert add_key(file, "ward-4") != made


def test_the_file_is_for_its_owner_only(file: Path) -> None:
    add_key(file, "ward-3")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_a_key_opens_until_it_is_revoked(file: Path) -> None:
    first, second = add_key(file, "ward-3", 30), add_key(file, "ehr")
    ring = KeyRing(file)
    found = ring.find(first)
    assert found is not None
    assert (found.name, found.requests_per_minute) == ("ward-3", 30)
    assert ring.find(first + "x") is None
    revoke_key(file, "ward-3")
    ring.refresh()
    assert ring.find(first) is None
    assert ring.find(second) is not None


@given(st.text(st.characters()))
def test_nothing_else_opens(tmp_path: Path, text: str) -> None:
    file = tmp_path / "keys.json"
    if not file.exists():
        add_key(file, "ward-3")
    assert KeyRing(file).find(text) is None


def test_a_file_that_breaks_while_the_service_runs_changes_nothing(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = add_key(file, "ward-3")
    ring = KeyRing(file)
    file.write_text("{ half an edit")
    ring.refresh()
    assert ring.find(made) is not None
    assert "the API keys stay as they were" in caplog.text
    file.unlink()
    ring.refresh()
    assert ring.find(made) is not None
    other = add_key(file, "ehr")
    ring.refresh()
    assert (ring.find(made), ring.find(other) is not None) == (None, True)


def test_names_are_unique_and_plain(file: Path) -> None:
    add_key(file, "ward-3")
    for name in ("ward-3", "", "two words", "a" * 65, "x\ny", "é"):
        with pytest.raises(ConfigurationError):
            add_key(file, name)
    with pytest.raises(ConfigurationError, match="no key 'ehr'"):
        revoke_key(file, "ehr")
    assert [one.name for one in read_keys(file)] == ["ward-3"]


GOOD = {"name": "a", "sha256": "0" * 64, "created": "2026-01-01T00:00:00+00:00"}


@pytest.mark.parametrize(
    "content",
    [
        "nonsense",
        "[]",
        '{"keys": [{"name": "a"}]}',
        json.dumps({"keys": [GOOD | {"key": "rx_in_the_clear"}]}),
        json.dumps({"keys": [GOOD | {"sha256": "rx_in_the_clear"}]}),
        json.dumps({"keys": [GOOD | {"requests_per_minute": 0}]}),
        json.dumps({"keys": [GOOD, GOOD]}),
    ],
)
def test_a_file_that_is_none_is_refused_without_telling_what_is_in_it(
    tmp_path: Path, content: str
) -> None:
    file = tmp_path / "keys.json"
    file.write_text(content)
    with pytest.raises(ConfigurationError) as caught:
        KeyRing(file)
    assert "in_the_clear" not in str(caught.value)


def test_a_file_that_is_not_there_is_told_how_to_make(file: Path) -> None:
    with pytest.raises(ConfigurationError, match="rxindex keys add"):
        KeyRing(file)


def test_a_file_of_today_opens_tomorrow(tmp_path: Path) -> None:
    known = "b3eb028ee3f1a264bbe2c78323522d9eb5dfb339c85e330794f1dac174dd31d1"
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": [GOOD | {"sha256": known}]}))
    found = KeyRing(file).find("rx_known")
    assert found is not None and found.name == "a"
