"""Connections to Redis: passwords, ACL users, TLS, and what refusals mean."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from tests.services.redis import RedisServer, free_port
from tests.services.tls import TLSFront

from rxindex.errors import (
    ConfigurationError,
    IndexAccessDenied,
    IndexUnavailable,
    SearchModuleMissing,
)
from rxindex.index.capability import probe
from rxindex.index.connect import connect, hide_password


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server with a password, and a user that may only read."""
    folder = tmp_path_factory.mktemp("locked")
    with RedisServer(folder, "--requirepass", "p@ss:w/ord") as server:
        rules = "on >of:reader ~rx:* -@all +get +info".split()
        server.client(password="p@ss:w/ord").execute_command("ACL", "SETUSER", "reader", *rules)  # type: ignore[no-untyped-call]
        yield server


def test_a_password_and_an_acl_user_from_the_url(locked: RedisServer) -> None:
    client = connect(f"redis://:p%40ss%3Aw%2Ford@127.0.0.1:{locked.port}")
    assert client.get("nothing") is None
    reader = connect(f"redis://reader:of%3Areader@127.0.0.1:{locked.port}")
    assert probe(reader).search_version >= 21000
    client.close()
    reader.close()


@pytest.mark.parametrize("user", ["", ":wrong@", "reader:wrong@", "nobody:of%3Areader@"])
def test_a_wrong_password_is_told_without_it(locked: RedisServer, user: str) -> None:
    with pytest.raises(IndexAccessDenied) as caught:
        connect(f"redis://{user}127.0.0.1:{locked.port}")
    assert "wrong" not in str(caught.value).replace("WRONGPASS", "").replace("wrong user", "")


def test_tls_with_an_authority_of_ones_own(locked: RedisServer, tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ours.pem"))
    stranger.cert_pem.write_to_path(str(tmp_path / "theirs.pem"))
    with TLSFront(authority, locked.port) as front:
        url = f"rediss://:p%40ss%3Aw%2Ford@127.0.0.1:{front.port}"
        client = connect(url, ca_certs=str(tmp_path / "ours.pem"))
        assert client.get("nothing") is None
        client.close()
        for given in (str(tmp_path / "theirs.pem"), None):
            with pytest.raises(IndexUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
                connect(url, ca_certs=given)
        with pytest.raises(IndexUnavailable):
            connect(url.replace("rediss:", "redis:"), timeout=2)


def test_nobody_there_and_no_query_engine(tmp_path: Path) -> None:
    with pytest.raises(IndexUnavailable, match="does not answer"):
        connect(f"redis://127.0.0.1:{free_port()}")
    with RedisServer(tmp_path, search=False) as server:
        client = connect(server.url)
        with pytest.raises(SearchModuleMissing, match="has no query engine"):
            probe(client)
        client.close()


def test_a_file_for_the_authority_that_is_not_there_is_named(locked: RedisServer) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.pem"):
        connect(f"rediss://127.0.0.1:{locked.port}", ca_certs="nowhere.pem")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://h:1/0", "redis://h:1/0"),
        ("redis://u:secret@h:1/0", "redis://u:***@h:1/0"),
        ("rediss://:sec%40ret@h", "rediss://:***@h"),
        ("unix:///a/b?password=secret&db=1", "unix:///a/b?password=***&db=1"),
        ("mysql://u:a@b:c@h/d?ssl_ca=x", "mysql://u:***@h/d?ssl_ca=x"),
        ("redis://:pw@[::1", "redis://:***@[::1"),
        ("nonsense", "nonsense"),
        ("u:secret@host", "***"),
    ],
)
def test_no_form_of_url_shows_its_password(url: str, shown: str) -> None:
    assert hide_password(url) == shown


@given(st.text(alphabet="/@#?:[%&=a", min_size=1, max_size=12))
def test_a_password_of_any_characters_is_hidden(password: str) -> None:
    shown = hide_password(f"redis://user:{password}SECRET{password}@host:6379/0")
    assert "SECRET" not in shown
    assert shown.endswith("@host:6379/0")
