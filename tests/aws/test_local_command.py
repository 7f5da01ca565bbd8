"""The command behind ``make aws-local``: what it says where nothing can be started."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.aws.local_chain import main


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--packages", "1"], "--packages must be 10 or more"),
        (["--limit-seconds", "20", "--margin", "20"], "--margin must be less"),
        (["--dimensions", "300"], "invalid choice"),
        (["--set", "batch_size"], "--set takes NAME=VALUE"),
    ],
)
def test_wrong_arguments_are_told(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


def test_a_package_that_is_not_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--zip", str(tmp_path / "absent.zip")]) == 1
    assert "absent.zip" in capsys.readouterr().err.replace("\n", "")


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    assert "--packages 50000 --limit-seconds 20" in capsys.readouterr().out
