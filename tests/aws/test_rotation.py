"""Credentials that change while a function is warm: passwords, authorities, tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
import trustme
from pydantic import SecretStr
from tests.services.aws import MotoServer
from tests.services.mariadb import MariaDB
from tests.services.redis import RedisServer
from tests.services.tls import TLSFront

from rxindex.aws.connections import Connections
from rxindex.aws.masking import masked
from rxindex.config import Settings
from rxindex.errors import (
    ConfigurationError,
    IndexAccessDenied,
    IndexUnavailable,
    SourceAccessDenied,
    TransientError,
)
from rxindex.index.connect import connect
from rxindex.source.sql_connect import connect as connect_source
from rxindex.source.sql_connect import parse_url

#: Sets variables of the function, named without RXINDEX_.
Environment = Callable[..., None]


def url_of(secret: SecretStr | None) -> str:
    assert secret is not None
    return secret.get_secret_value()


def test_a_refresh_tells_whether_anything_has_changed(
    aws: MotoServer, environment: Environment
) -> None:
    aws.put_secret("cache", {"password": "old one"})
    environment(redis="redis://c", redis_secret="cache")
    connections = Connections()
    assert url_of(connections.settings().redis) == "redis://:old%20one@c"
    assert not connections.refresh()
    aws.put_secret("cache", {"password": "new one"})
    assert url_of(connections.settings().redis) == "redis://:old%20one@c"
    assert connections.refresh()
    assert not connections.refresh()
    assert url_of(connections.settings().redis) == "redis://:new%20one@c"


class Counted:
    """An action that counts how often it is done."""

    def __init__(self, action: Any) -> None:
        self.action = action
        self.times = 0

    def __call__(self, settings: Settings) -> Any:
        self.times += 1
        return self.action(settings)


def who(settings: Settings) -> str:
    """Log in to the database that the settings name, and ask who that was."""
    url = parse_url(url_of(settings.source))
    engine, connection = connect_source(url, read_only=True, tls_ca=settings.source_ca)
    with connection:
        user = str(connection.exec_driver_sql("SELECT CURRENT_USER()").scalar_one())
    engine.dispose()
    return user


def test_a_password_of_the_database_rotates_between_two_invocations(
    aws: MotoServer, environment: Environment, mariadb: MariaDB
) -> None:
    mariadb.execute("CREATE OR REPLACE USER rotating@'%' IDENTIFIED BY 'f1rst/@'")
    aws.put_secret("db", {"username": "rotating", "password": "f1rst/@"})
    environment(source=f"mysql://127.0.0.1:{mariadb.port}/information_schema", database_secret="db")
    connections, login = Connections(), Counted(who)
    assert connections.with_fresh(login) == "rotating@%"
    mariadb.execute("ALTER USER rotating@'%' IDENTIFIED BY 's3c:nd '")
    # Between the two steps of a rotation there is nothing new to try.
    with pytest.raises(SourceAccessDenied):
        connections.with_fresh(login)
    assert login.times == 2
    aws.put_secret("db", {"username": "rotating", "password": "s3c:nd "})
    assert connections.with_fresh(login) == "rotating@%"
    assert login.times == 4
    assert connections.with_fresh(login) == "rotating@%"
    assert login.times == 5


@contextmanager
def redis_user(server: RedisServer, password: str, *rules: str) -> Iterator[redis.Redis]:
    """Give the server a user ``rx`` with a password, and a connection that may change that."""
    client = server.client()
    client.execute_command("ACL", "SETUSER", "default", "on", "nopass")  # type: ignore[no-untyped-call]
    set_password(client, password, *rules or ("~*", "+@all"))
    yield client
    client.close()


def set_password(client: redis.Redis, password: str, *rules: str) -> None:
    words = ["ACL", "SETUSER", "rx", "on", "resetpass", f">{password}", *rules]
    client.execute_command(*words)  # type: ignore[no-untyped-call]


def ask_redis(settings: Settings) -> None:
    """Connect and read something."""
    ca = str(settings.redis_ca) if settings.redis_ca else None
    connect(url_of(settings.redis), ca_certs=ca, patience=0).close()


@pytest.fixture(scope="module")
def redis_with_users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis"), search=False) as server:
        yield server


def test_a_password_of_redis_rotates_between_two_invocations(
    aws: MotoServer, environment: Environment, redis_with_users: RedisServer
) -> None:
    aws.put_secret("cache", {"username": "rx", "password": "f1rst/@"})
    environment(redis=redis_with_users.url, redis_secret="cache")
    connections, ask = Connections(), Counted(ask_redis)
    with redis_user(redis_with_users, "f1rst/@") as root:
        connections.with_fresh(ask)
        set_password(root, "s3c:nd ")
        aws.put_secret("cache", {"username": "rx", "password": "s3c:nd "})
        connections.with_fresh(ask)
        assert ask.times == 3


def test_a_password_of_redis_rotates_while_a_run_is_at_work(
    aws: MotoServer, environment: Environment, redis_with_users: RedisServer
) -> None:
    aws.put_secret("cache", {"username": "rx", "password": "f1rst/@"})
    environment(redis=redis_with_users.url, redis_secret="cache")
    connections = Connections()
    with redis_user(redis_with_users, "f1rst/@") as root:
        settings = connections.settings()
        login = connections.redis_login(settings)
        client = connect(url_of(settings.redis), patience=20, login=login)
        client.set("rx:before", 1)
        set_password(root, "s3c:nd ")
        aws.put_secret("cache", {"username": "rx", "password": "s3c:nd "})
        root.client_kill_filter(user="rx")
        # With the password in the URL alone this would be refused for as long as it is tried.
        assert client.get("rx:before") == b"1"
        client.close()


def test_without_a_secret_there_is_no_login_to_ask_for(environment: Environment) -> None:
    environment(redis="redis://cache")
    connections = Connections()
    assert connections.redis_login(connections.settings()) is None


@pytest.mark.parametrize(
    ("address", "secret", "user"),
    [
        ("redis://c", {"password": "long enough"}, ""),
        ("redis://c", {"username": "rx", "password": "long enough"}, "rx"),
        ("redis://r%40x@c", {"password": "long enough"}, "r@x"),
        ("redis://other@c", {"username": "rx", "password": "long enough"}, "rx"),
    ],
)
def test_the_user_of_redis_is_the_secrets_or_else_the_urls(
    aws: MotoServer, environment: Environment, address: str, secret: dict[str, str], user: str
) -> None:
    aws.put_secret("cache", secret)
    environment(redis=address, redis_secret="cache")
    connections = Connections()
    login = connections.redis_login(connections.settings())
    assert login is not None
    assert login() == (user, "long enough")


def test_a_denial_that_is_not_about_the_password_is_not_tried_again(
    aws: MotoServer, environment: Environment, redis_with_users: RedisServer
) -> None:
    aws.put_secret("cache", {"username": "rx", "password": "one/@"})
    environment(redis=redis_with_users.url, redis_secret="cache")
    ask = Counted(ask_redis)
    with redis_user(redis_with_users, "one/@", "resetkeys", "-@all"):
        with pytest.raises(IndexAccessDenied, match="lacks a right"):
            Connections().with_fresh(ask)
        assert ask.times == 1


def test_other_errors_go_straight_through(
    aws: MotoServer, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.put_secret("cache", {"password": "opens-redis"})
    environment(redis="redis://127.0.0.1:1", redis_secret="cache")
    connections, ask = Connections(), Counted(ask_redis)
    with pytest.raises(IndexUnavailable) as caught:
        connections.with_fresh(ask)
    assert ask.times == 1
    assert "opens-redis" not in str(caught.value)


def test_a_refresh_that_fails_is_what_went_wrong(
    aws: MotoServer,
    environment: Environment,
    monkeypatch: pytest.MonkeyPatch,
    redis_with_users: RedisServer,
) -> None:
    aws.put_secret("cache", {"username": "rx", "password": "wrong one"})
    environment(redis=redis_with_users.url, redis_secret="cache")
    connections = Connections()
    connections.settings()
    # Fetched already: the store's clients keep the address that they were made with.
    aws.client("secretsmanager").delete_secret(SecretId="cache", ForceDeleteWithoutRecovery=True)
    with redis_user(redis_with_users, "right one"):
        with pytest.raises(ConfigurationError, match="the secret cache does not exist"):
            connections.with_fresh(ask_redis)
        moved = Connections()
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        with pytest.raises(TransientError, match="the secret cache"):
            moved.with_fresh(ask_redis)


def test_the_authority_of_redis_comes_from_a_parameter_and_may_change(
    aws: MotoServer, environment: Environment, redis_with_users: RedisServer
) -> None:
    first, second = trustme.CA(), trustme.CA()
    ssm = aws.client("ssm")
    ssm.put_parameter(Name="/rx/ca", Value=first.cert_pem.bytes().decode(), Type="String")
    aws.put_secret("cache", {"username": "rx", "password": "p@ss w/rd"})
    ask = Counted(ask_redis)
    with redis_user(redis_with_users, "p@ss w/rd"):
        with TLSFront(first, redis_with_users.port) as front:
            environment(
                redis=f"rediss://127.0.0.1:{front.port}",
                redis_secret="cache",
                redis_ca_parameter="/rx/ca",
            )
            connections = Connections()
            connections.with_fresh(ask)
            file = connections.settings().redis_ca
            assert file is not None
        with TLSFront(second, redis_with_users.port) as front:
            environment(redis=f"rediss://127.0.0.1:{front.port}")
            with pytest.raises(IndexUnavailable, match=r"certificate"):
                connections.with_fresh(ask)
            assert ask.times == 2
            pem = second.cert_pem.bytes().decode()
            ssm.put_parameter(Name="/rx/ca", Value=pem, Type="String", Overwrite=True)
            connections.with_fresh(ask)
            assert ask.times == 4
    # Connections that were made with the old one read it each time that they connect anew.
    assert file.exists()


@pytest.fixture(scope="module")
def secure_mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[MariaDB, Path]]:
    """A MariaDB that refuses connections without TLS, and its authority."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(str(folder / "server.key"))
    certificate.cert_chain_pems[0].write_to_path(str(folder / "server.pem"))
    options = [f"--ssl-cert={folder / 'server.pem'}", f"--ssl-key={folder / 'server.key'}"]
    with MariaDB(options=options) as server:
        server.execute("SET GLOBAL require_secure_transport = ON")
        yield server, folder / "authority.pem"


def test_a_token_of_rds_gets_through_to_the_database_over_verified_tls(
    aws: MotoServer, environment: Environment, secure_mariadb: tuple[MariaDB, Path]
) -> None:
    server, authority = secure_mariadb
    environment(
        source=f"mysql://tokens@127.0.0.1:{server.port}/information_schema",
        source_ca=str(authority),
        database_auth="iam",
        database_secret="not-looked-at",
    )
    settings = Connections().settings()
    url = parse_url(url_of(settings.source))
    token = str(url.password)
    assert token.startswith(f"127.0.0.1:{server.port}/?Action=connect&DBUser=tokens&")
    assert url.query["tls"] == "verify"
    # Who checks a token here is the server's own password check: it has to arrive unchanged.
    server.execute("CREATE OR REPLACE USER tokens@'%%' IDENTIFIED BY %s", (token,))
    assert who(settings) == "tokens@%"
    assert token not in repr(settings)
    assert "X-Amz" not in masked(f"can't log in to {url_of(settings.source)} with {token}")
