"""What is sent to a worker."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from rxindex.cluster.loader import Loader
from rxindex.config import load_settings
from rxindex.index.lease import Loan
from rxindex.sync.load import Load
from rxindex.wiring import sync_options


def test_a_loader_takes_passwords_along_and_shows_none() -> None:
    settings = load_settings(
        source="mysql://reader:s3cret@db.internal/fdb", redis="redis://rx:s3cret@cache.internal",
        catalogue="fdb",
    )  # fmt: skip
    loader = Loader(settings, Load(Loan("{}", 7, 30.0), "g1", 10), sync_options(settings))
    assert loader.name == "rxindex-fdb-7"
    assert "s3cret" not in f"{loader!r} {vars(loader)!r}"
    sent = pickle.loads(pickle.dumps(loader))
    assert vars(sent) == vars(loader)
    assert sent._settings.source.get_secret_value() == "mysql://reader:s3cret@db.internal/fdb"


def test_settings_of_the_worker_do_not_change_those_that_were_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(source="sample", data_dir=tmp_path, batch_size=7)
    sent = pickle.dumps(
        Loader(settings, Load(Loan("{}", 1, 30.0), "g1", 10), sync_options(settings))
    )
    monkeypatch.setenv("RXINDEX_BATCH_SIZE", "9")
    (tmp_path / "rxindex.toml").write_text("page_size = 3\n")
    assert pickle.loads(sent)._settings == settings
