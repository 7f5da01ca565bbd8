"""TLS to a real MariaDB with certificates made for the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme
from tests.services.mariadb import MariaDB

from rxindex.errors import ConfigurationError, SourceAccessDenied, SourceSchemaError
from rxindex.source.sql import SqlSource
from rxindex.source.sql_connect import TLS, connect, parse_url

pytestmark = pytest.mark.xdist_group("tls")


class Certificates(NamedTuple):
    server: MariaDB
    authority: Path
    stranger: Path


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Certificates]:
    """A server that refuses connections without TLS."""
    folder = tmp_path_factory.mktemp("tls")
    authority, stranger = folder / "authority.pem", folder / "stranger.pem"
    signer = trustme.CA()
    signer.cert_pem.write_to_path(str(authority))
    trustme.CA().cert_pem.write_to_path(str(stranger))
    # For 127.0.0.1, and not for localhost.
    certificate = signer.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(str(folder / "server.key"))
    certificate.cert_chain_pems[0].write_to_path(str(folder / "server.pem"))
    options = [
        f"--ssl-cert={folder / 'server.pem'}",
        f"--ssl-key={folder / 'server.key'}",
        f"--ssl-ca={authority}",
    ]
    with MariaDB(options=options) as server:
        server.execute("SET GLOBAL require_secure_transport = ON")
        server.create_database("fdb")
        yield Certificates(server, authority, stranger)


def cipher(url: str, tls: TLS | None = None, tls_ca: Path | None = None) -> str:
    """Connect, and give the cipher in use; empty without TLS."""
    engine, connection = connect(parse_url(url), read_only=True, tls=tls, tls_ca=tls_ca)
    with connection:
        row = connection.exec_driver_sql("SHOW STATUS LIKE 'Ssl_cipher'").one()
    engine.dispose()
    return str(row[1])


@pytest.mark.parametrize("tls", ["prefer", "on"])
def test_encrypts_without_verifying(secure: Certificates, tls: TLS) -> None:
    assert cipher(secure.server.url("fdb"), tls)
    assert cipher(secure.server.url("fdb", tls=tls))


def test_without_tls_the_server_refuses(secure: Certificates) -> None:
    with pytest.raises(SourceAccessDenied, match="TLS"):
        cipher(secure.server.url("fdb", tls="off"))


def test_the_right_authority_is_verified(secure: Certificates) -> None:
    url = secure.server.url("fdb")
    assert cipher(url, tls_ca=secure.authority)
    assert cipher(url, "verify", secure.authority)
    assert cipher(url, "verify-ca", secure.authority)
    assert cipher(secure.server.url("fdb", ssl_ca=str(secure.authority)))


@pytest.mark.parametrize("tls", ["verify", "verify-ca"])
def test_another_authority_is_refused(secure: Certificates, tls: TLS) -> None:
    with pytest.raises(SourceAccessDenied, match="certificate"):
        cipher(secure.server.url("fdb"), tls, secure.stranger)


def test_the_systems_authorities_do_not_know_the_server(secure: Certificates) -> None:
    with pytest.raises(SourceAccessDenied, match="certificate"):
        cipher(secure.server.url("fdb", tls="verify"))


def test_a_certificate_for_another_host_is_refused(secure: Certificates) -> None:
    url = secure.server.url("fdb", host="localhost")
    with pytest.raises(SourceAccessDenied, match="certificate"):
        cipher(url, "verify", secure.authority)
    assert cipher(url, "verify-ca", secure.authority)


def test_a_server_without_tls_is_refused_when_tls_is_asked_for(mariadb: MariaDB) -> None:
    with pytest.raises(SourceAccessDenied, match="TLS"):
        cipher(mariadb.url("mysql"), "on")
    assert cipher(mariadb.url("mysql"), "prefer") == ""


def test_a_file_without_certificates_is_a_setting_gone_wrong(
    secure: Certificates, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    with pytest.raises(ConfigurationError, match=r"empty\.pem"):
        cipher(secure.server.url("fdb"), tls_ca=empty)


def test_a_source_takes_the_authority(secure: Certificates) -> None:
    source = SqlSource(secure.server.url("fdb"), tls_ca=secure.authority)
    with pytest.raises(SourceSchemaError, match="rndc14"), source:
        pass
