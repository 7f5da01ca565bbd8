"""From the settings of a function and its secrets to URLs that connect."""

from __future__ import annotations

import gc
import json
import stat
from collections.abc import Callable

import pytest
import trustme
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import SecretStr
from redis.connection import parse_url as parse_redis_url
from tests.services.aws import MotoServer

from rxindex.aws.connections import Connections
from rxindex.aws.masking import masked
from rxindex.config import Settings
from rxindex.errors import ConfigurationError
from rxindex.source.sql_connect import parse_url
from rxindex.sync.history import hide_passwords

#: As RDS writes it.
RDS = {
    "username": "reader",
    "password": "p@ss:w/rd?#%&+ 1",
    "engine": "mysql",
    "host": "cluster.internal",
    "port": 3307,
    "dbname": "fdb",
}
#: Sets variables of the function, named without RXINDEX_.
Environment = Callable[..., None]


def url_of(secret: SecretStr | None) -> str:
    assert secret is not None
    return secret.get_secret_value()


def test_what_the_url_says_wins_and_the_secret_says_the_rest(
    aws: MotoServer, environment: Environment
) -> None:
    aws.put_secret("db", RDS)
    aws.put_secret("cache", {"username": "rx", "password": "a b/c"})
    environment(
        source="mysql://writer.internal/drugs?tls=verify",
        database_secret="db",
        redis="rediss://cache.internal:6379/0?socket_timeout=3",
        redis_secret="cache",
    )
    settings = Connections().settings(catalogue="fdb", batch_size=None)
    source = parse_url(url_of(settings.source))
    assert (source.host, source.port, source.database) == ("writer.internal", 3307, "drugs")
    assert (source.username, source.password) == ("reader", RDS["password"])
    assert source.query == {"tls": "verify"}
    assert url_of(settings.redis) == (
        "rediss://rx:a%20b%2Fc@cache.internal:6379/0?socket_timeout=3"
    )
    assert (settings.catalogue, settings.batch_size) == ("fdb", 500)

    environment(source="mysql://?tls=verify")
    source = parse_url(url_of(Connections().settings().source))
    assert (source.host, source.port, source.database) == ("cluster.internal", 3307, "fdb")


def test_a_user_in_the_url_serves_where_the_secret_has_none(
    aws: MotoServer, environment: Environment
) -> None:
    aws.put_secret("secret", {"password": "x/y"})
    environment(
        source="mysql://reader@db/fdb",
        database_secret="secret",
        redis="redis://app@cache",
        redis_secret="secret",
    )
    settings = Connections().settings()
    assert url_of(settings.source) == "mysql://reader:x%2Fy@db/fdb"
    assert url_of(settings.redis) == "redis://app:x%2Fy@cache"
    aws.put_secret("secret", {"password": "x/y", "username": "reader_clone"})
    settings = Connections().settings()
    assert url_of(settings.source).startswith("mysql://reader_clone:")
    assert url_of(settings.redis).startswith("redis://reader_clone:")


def test_urls_without_secrets_are_left_as_they_are(environment: Environment) -> None:
    environment(source="sqlite:////data/fdb.db", redis="unix:///run/redis.sock")
    settings = Connections().settings()
    assert url_of(settings.source) == "sqlite:////data/fdb.db"
    assert url_of(settings.redis) == "unix:///run/redis.sock"
    environment(source="mysql://reader@db/fdb", redis="")
    assert url_of(Connections().settings().source) == "mysql://reader@db/fdb"


@pytest.fixture
def rotated(aws: MotoServer, environment: Environment) -> Callable[[str, str], Settings]:
    """Give both secrets a password and a user, and the settings that come of it."""
    client = aws.client("secretsmanager")
    client.create_secret(Name="any", SecretString="{}")
    environment(
        source="mysql://db.internal/fdb",
        database_secret="any",
        redis="redis://cache.internal/0",
        redis_secret="any",
    )
    connections = Connections()

    def rotate(password: str, username: str) -> Settings:
        stored = json.dumps({"password": password, "username": username})
        client.put_secret_value(SecretId="any", SecretString=stored)
        connections.refresh()
        return connections.settings()

    return rotate


@given(
    inside=st.text(st.characters(exclude_categories=["Cs"])),
    username=st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
)
@example(inside="p@ss:w/rd?#%&+ 1", username="o'reader@home")
@example(inside="%41%20+", username="%")
def test_any_password_gets_through_and_is_never_shown(
    rotated: Callable[[str, str], Settings], inside: str, username: str
) -> None:
    password = f"Zq7{inside}Zq7"
    made = rotated(password, username)
    source = parse_url(url_of(made.source))
    assert (source.username, source.password) == (username, password)
    parsed = parse_redis_url(url_of(made.redis))  # type: ignore[no-untyped-call]
    assert (parsed["username"], parsed["password"]) == (username, password)
    for url in (url_of(made.source), url_of(made.redis)):
        # By its place in the URL alone, for those who don't know it by its value.
        assert "Zq7" not in hide_passwords(f"can't reach {url} today")
        assert "Zq7" not in masked(f"can't reach {url} today")
    assert "Zq7" not in repr(made) + str(made.shown())


#: Secrets that are wrong in some way.
STOCK: dict[str, dict[str, str]] = {
    "db": {"password": "opens-everything", "username": "u"},
    "bare": {"password": "opens-everything"},
}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"source": "mysql://u:opens-everything@db/fdb"}, "RXINDEX_SOURCE holds a password"),
        ({"redis": "redis://:opens-everything@cache"}, "RXINDEX_REDIS holds a password"),
        ({"redis": "redis://c/0?password=opens-everything"}, "RXINDEX_REDIS holds a password"),
        ({"source": "mysql://opens-everything@:x:y"}, "RXINDEX_SOURCE is not a database URL"),
        ({"database_secret": "db"}, "RXINDEX_SOURCE is not"),
        ({"redis_secret": "db"}, "RXINDEX_REDIS is not"),
        ({"source": "sqlite:///x.db", "database_secret": "db"}, "takes no password"),
        ({"source": "ndc:/data", "database_auth": "iam"}, "takes no password"),
        ({"source": "mysql://db/fdb", "database_secret": "bare"}, "which user"),
        ({"source": "mysql://db", "database_secret": "db"}, "names no database"),
        ({"source": "mysql://db/fdb", "database_auth": "iam"}, "the user stands in the URL"),
        ({"source": "mysql://u@/fdb", "database_auth": "iam"}, "the user stands in the URL"),
        ({"source": "mysql://u@db/fdb?tls=on", "database_auth": "iam"}, "has tls=on"),
        ({"source": "mysql://u@db/fdb?tls=off", "database_auth": "iam"}, "has tls=off"),
        ({"source": "mysql://u@db/fdb?tls=prefer", "database_auth": "iam"}, "has tls=prefer"),
        ({"redis": "rediss://c", "redis_ca_parameter": "/rx/no-ca"}, "holds no certificate"),
    ],
)
def test_settings_that_can_not_be_are_named(
    aws: MotoServer, environment: Environment, settings: dict[str, str], message: str
) -> None:
    for name in set(STOCK) & set(settings.values()):
        aws.put_secret(name, STOCK[name])
    if "redis_ca_parameter" in settings:
        aws.client("ssm").put_parameter(Name="/rx/no-ca", Value="opens-everything", Type="String")
    environment(**settings)
    with pytest.raises(ConfigurationError, match=message) as caught:
        Connections().settings()
    assert "everything" not in str(caught.value)


def test_nothing_is_fetched_before_it_is_needed(environment: Environment) -> None:
    environment(redis="redis://c", redis_secret="db", source="mysql://d/x", database_secret="db")
    assert "everything" not in repr(Connections())  # and no AWS to ask


def test_a_function_that_only_searches_needs_no_right_on_the_database(
    aws: MotoServer, environment: Environment
) -> None:
    aws.put_secret("cache", {"password": "opens-redis"})
    environment(
        source="mysql://db/fdb", database_secret="gone", redis="redis://c", redis_secret="cache"
    )
    settings = Connections(database=False).settings()
    assert url_of(settings.redis) == "redis://:opens-redis@c"
    with pytest.raises(ConfigurationError, match="the secret gone does not exist"):
        Connections().settings()


def test_the_authoritys_file_is_ours_alone_and_goes_with_us(
    aws: MotoServer, environment: Environment
) -> None:
    pem = trustme.CA().cert_pem.bytes().decode()
    aws.client("ssm").put_parameter(Name="/rx/ca", Value=pem, Type="String")
    environment(redis="rediss://c", redis_ca_parameter="/rx/ca")
    connections = Connections()
    file = connections.settings().redis_ca
    assert file is not None
    assert file.read_text() == pem
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert connections.settings().redis_ca == file
    del connections
    gc.collect()
    assert not file.parent.exists()


def test_each_invocation_has_a_token_of_its_own_and_that_is_no_news(
    aws: MotoServer, environment: Environment
) -> None:
    environment(source="mysql://tokens@db.internal/fdb?tls=verify-ca", database_auth="iam")
    connections = Connections()
    url = parse_url(url_of(connections.settings().source))
    assert "X-Amz-Expires=900" in str(url.password)
    assert url.query["tls"] == "verify-ca"
    assert not connections.refresh()


def test_nothing_secret_is_left_in_what_python_shows(
    aws: MotoServer, environment: Environment
) -> None:
    aws.put_secret("cache", {"username": "rx", "password": "opens-everything"})
    environment(redis="redis://c", redis_secret="cache")
    connections = Connections()
    settings = connections.settings()
    everything = [repr(vars(connections)), repr(connections), repr(settings), str(settings)]
    everything += [json.dumps(settings.shown(), default=str), repr(connections.given)]
    assert "opens-everything" not in " ".join(everything)
