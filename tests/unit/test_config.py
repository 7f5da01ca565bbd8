"""Settings: where they come from, and that secrets stay hidden."""

from __future__ import annotations

from pathlib import Path

import pytest

from rxindex.config import DEFAULT_FILE, Settings, load_settings
from rxindex.errors import ConfigurationError


def test_flags_win_over_environment_over_file_over_defaults(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "x.toml"
    file.write_text('catalogue = "of-file"\npage_size = 7\nbatch_size = 8\n')
    monkeypatch.setenv("RXINDEX_CATALOGUE", "of-environment")
    monkeypatch.setenv("RXINDEX_PAGE_SIZE", "9")
    settings = load_settings(file, catalogue="of-flag", redis=None)
    assert settings.catalogue == "of-flag"
    assert settings.page_size == 9
    assert settings.batch_size == 8
    assert settings.embedder == "minilm"


def test_a_file_here_or_named_by_the_environment_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Path(DEFAULT_FILE).write_text('catalogue = "here"\n')
    assert load_settings().catalogue == "here"
    other = tmp_path / "other.toml"
    other.write_text('catalogue = "other"\n')
    monkeypatch.setenv("RXINDEX_CONFIG", str(other))
    assert load_settings().catalogue == "other"
    # No trace of the file is left for settings that are made in another way.
    assert Settings().catalogue == "drugs"


def test_secrets_are_hidden_wherever_settings_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RXINDEX_SOURCE", "mysql://reader:geheim1@db/fdb?ssl_ca=x")
    settings = load_settings(redis="rediss://user:geheim2@cache:6379/0")
    for text in (repr(settings), str(settings), str(settings.shown()), settings.model_dump_json()):
        assert "geheim" not in text
    assert settings.shown()["source"] == "mysql://reader:***@db/fdb?ssl_ca=x"
    assert settings.shown()["redis"] == "rediss://user:***@cache:6379/0"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense = 1", "nonsense: Extra inputs are not permitted"),
        ("page_size = 0", "page_size: Input should be greater than or equal to 1"),
        ('embedder = "word2vec"', "embedder: Input should be 'minilm', 'titan' or 'fake'"),
        ("page_size = ", "is not a TOML file"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "x.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        load_settings(file)


def test_a_secret_that_is_wrong_is_not_told(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text('redis = ["geheim"]')
    with pytest.raises(ConfigurationError) as caught:
        load_settings(file)
    assert "geheim" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no settings file .*nowhere\.toml"):
        load_settings(tmp_path / "nowhere.toml")


def test_what_is_asked_of_the_index_comes_from_the_settings() -> None:
    asked = load_settings(algorithm="svs", compression="LeanVec4x8", reduce=512).index_settings()
    assert (asked.algorithm, asked.compression, asked.reduce) == ("svs", "LeanVec4x8", 512)
