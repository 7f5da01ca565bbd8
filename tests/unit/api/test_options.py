"""Who an API is open to follows from where it listens."""

from __future__ import annotations

from pathlib import Path

import pytest

from rxindex.api.keys import add_key
from rxindex.api.options import ApiOptions
from rxindex.config import load_settings
from rxindex.errors import ConfigurationError


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org", "127.0.0.1.evil"])
def test_without_keys_nobody_else_may_ask(host: str) -> None:
    with pytest.raises(ConfigurationError, match="open to other machines"):
        ApiOptions.of(load_settings(api_host=host))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_without_keys_only_this_machines_names_are_answered(host: str) -> None:
    options = ApiOptions.of(load_settings(api_host=host, api_hosts="rx.internal"))
    assert options.keys is None
    assert {"localhost", "127.0.0.1", "[::1]", "rx.internal"} <= set(options.hosts)
    assert (f"[{host}]" if ":" in host else host) in options.hosts


def test_with_keys_other_machines_may_ask_by_any_name(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    made = add_key(file, "ward-3")
    options = ApiOptions.of(load_settings(api_host="0.0.0.0", api_keys=file))
    assert options.keys is not None and options.keys.find(made)
    assert options.hosts == ()


def test_limits_come_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RXINDEX_API_ORIGINS", "https://ehr.example, https://other.example")
    monkeypatch.setenv("RXINDEX_API_TIMEOUT", "2.5")
    options = ApiOptions.of(load_settings())
    assert options.origins == ("https://ehr.example", "https://other.example")
    assert (options.timeout, options.under_way, options.threads) == (2.5, 200, 8)
