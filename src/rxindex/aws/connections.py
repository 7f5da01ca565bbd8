"""From the settings of a function and its secrets to settings that connect.

What is handed out here holds passwords: `rxindex.config.Settings` keeps them in ``SecretStr``, and
`rxindex.aws.masking` keeps them out of logs.
"""

from __future__ import annotations

import logging
import shutil
import ssl
import tempfile
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qs, quote, unquote, urlsplit

import msgspec
from pydantic import SecretStr

from rxindex.aws.secrets import Login, SecretStore
from rxindex.aws.settings import LambdaSettings, load_lambda_settings
from rxindex.config import Settings, load_settings
from rxindex.errors import (
    ConfigurationError,
    IndexAccessDenied,
    IndexUnavailable,
    RxindexError,
    SourceAccessDenied,
)

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

__all__ = ["Connections", "may_be_stale"]

_log = logging.getLogger(__name__)

_MYSQL = frozenset({"mysql", "mariadb", "aurora"})
_MYSQL_PORT = 3306
#: How `tls` of the URL may be, for a token to be sent to nobody but the database.
_TLS_FOR_TOKENS = frozenset({"verify", "verify-ca"})

#: Seconds for which connections that are made one after the other share one look at the secret.
_LOGIN_AGE = 2.0

T = TypeVar("T")


class _Credentials(msgspec.Struct, frozen=True):
    """What was fetched, to tell whether it has changed since."""

    database: Login | None = None
    redis: Login | None = None
    redis_ca: str = ""

    def __repr__(self) -> str:
        return "_Credentials(...)"


def may_be_stale(error: RxindexError) -> bool:
    """Tell whether an error may come from a password or an authority that has changed."""
    if isinstance(error, IndexUnavailable):
        # Redis' authority is made anew with its machine.
        return "certificate verify failed" in str(error).lower().replace("_", " ")
    return isinstance(error, SourceAccessDenied | IndexAccessDenied)


class Connections:
    """Gives settings that hold the current credentials, and fetches these anew when they changed.

    Make one and keep it while the function's environment is warm. Nothing is fetched before it is
    needed.

    Args:
        given: settings of the function; else from its environment.
        secrets: where secrets are read; else from AWS.
        database: whether the database is needed. A function that only searches needs no right on
            the database's secret.
    """

    def __init__(
        self,
        given: LambdaSettings | None = None,
        secrets: SecretStore | None = None,
        *,
        database: bool = True,
    ) -> None:
        self.given = given or load_lambda_settings()
        self._secrets = secrets or SecretStore()
        self._database = database
        self._held: _Credentials | None = None
        self._folder: Path | None = None
        self._authorities: dict[str, Path] = {}

    def settings(self, **overrides: Any) -> Settings:
        """Give settings with current credentials in ``source`` and ``redis``.

        Args:
            overrides: of an event; a value of None counts as not given.

        Raises:
            ConfigurationError: a setting is wrong, a secret is missing, may not be read or has not
                the form that it should have.
            TransientError: Secrets Manager or SSM does not answer.
        """
        settings = load_settings(**overrides)
        held = self._held = self._fetch(settings, fresh=False)
        filled: dict[str, Any] = {}
        if settings.source is not None and self._database:
            filled["source"] = SecretStr(self._source(settings.source.get_secret_value(), held))
        if settings.redis is not None:
            filled["redis"] = SecretStr(_redis_url(settings.redis.get_secret_value(), held.redis))
        if held.redis_ca:
            filled["redis_ca"] = self._authority(held.redis_ca)
        return settings.model_copy(update=filled)

    def redis_login(self, settings: Settings) -> Callable[[], tuple[str, str]] | None:
        """Give what tells Redis' user and password for each connection; None without a secret.

        A connection that is made later on, in the middle of a run, gets what the secret says then.

        Args:
            settings: that `settings` has given; a user in the URL counts if the secret has none.
        """
        name = self.given.redis_secret
        if name is None or settings.redis is None:
            return None
        user = unquote(urlsplit(settings.redis.get_secret_value()).username or "")
        fetched = time.monotonic()

        def login() -> tuple[str, str]:
            nonlocal fetched
            fresh = time.monotonic() - fetched > _LOGIN_AGE
            if fresh:
                fetched = time.monotonic()
            found = self._secrets.login(name, fresh=fresh)
            return found.username or user, found.password

        return login

    def refresh(self) -> bool:
        """Fetch credentials anew.

        Returns:
            Whether anything has changed since `settings` last gave them. A token of RDS does not
            count, since each call of `settings` makes another.

        Raises:
            ConfigurationError, TransientError: as for `settings`.
        """
        before, self._held = self._held, self._fetch(load_settings(), fresh=True)
        return self._held != before

    def with_fresh(self, action: Callable[[Settings], T], **overrides: Any) -> T:
        """Do something; if it is denied and the credentials have changed, once more with new ones.

        Args:
            action: what to do; it may be done twice.
            overrides: as for `settings`.

        Raises:
            RxindexError: whatever the action raises, and what `settings` raises.
        """
        try:
            return action(self.settings(**overrides))
        except RxindexError as error:
            if not may_be_stale(error) or not self.refresh():
                raise
            _log.warning("%s; the credentials have changed since, so once more", error)
        return action(self.settings(**overrides))

    def _fetch(self, settings: Settings, *, fresh: bool) -> _Credentials:
        given, secrets = self.given, self._secrets
        database = redis = None
        redis_ca = ""
        if self._database and given.database_secret and given.database_auth == "secret":
            if settings.source is None:
                raise ConfigurationError(
                    "RXINDEX_DATABASE_SECRET is set and RXINDEX_SOURCE is not: set it to the "
                    "database without user and password, mysql://host:3306/fdb?tls=verify"
                )
            database = secrets.login(given.database_secret, fresh=fresh)
        if given.redis_secret:
            if settings.redis is None:
                raise ConfigurationError(
                    "RXINDEX_REDIS_SECRET is set and RXINDEX_REDIS is not: set it to the address "
                    "without user and password, rediss://host:6379/0"
                )
            redis = secrets.login(given.redis_secret, fresh=fresh)
        if given.redis_ca_parameter:
            redis_ca = secrets.parameter(given.redis_ca_parameter, fresh=fresh)
        return _Credentials(database, redis, redis_ca)

    def _source(self, source: str, held: _Credentials) -> str:
        """Complete the database's URL, which has no password."""
        iam = self.given.database_auth == "iam"
        family = source.partition(":")[0].partition("+")[0].lower()
        if family in _MYSQL:
            url = _without_password(source)
            if iam:
                return _rendered(self._with_token(url))
            return _rendered(_with_login(url, held.database)) if held.database else source
        if iam or held.database is not None:
            raise ConfigurationError(
                f"RXINDEX_SOURCE is {family!r}, which takes no password: leave out "
                "RXINDEX_DATABASE_SECRET and RXINDEX_DATABASE_AUTH"
            )
        return source

    def _with_token(self, url: URL) -> URL:
        """Put a token of RDS into the database's URL."""
        if not url.username or not url.host:
            raise ConfigurationError(
                "with RXINDEX_DATABASE_AUTH=iam the user stands in the URL: set RXINDEX_SOURCE "
                "to mysql://user@cluster.endpoint:3306/fdb"
            )
        tls = str(url.query.get("tls", "verify"))
        if tls not in _TLS_FOR_TOKENS:
            raise ConfigurationError(
                f"RXINDEX_SOURCE has tls={tls}: a token of RDS goes over the wire as it is, so "
                "with RXINDEX_DATABASE_AUTH=iam the server's certificate must be checked: leave "
                "it out, or set it to verify"
            )
        token = self._secrets.token(url.host, url.port or _MYSQL_PORT, url.username)
        return url.set(password=token).update_query_dict({"tls": tls})

    def _authority(self, pem: str) -> Path:
        """Write the certificate of Redis' authority to a file that only this user can read."""
        if pem not in self._authorities:
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
            except (ssl.SSLError, ValueError) as error:
                raise ConfigurationError(
                    f"the parameter {self.given.redis_ca_parameter} holds no certificate ({error}):"
                    " store the authority's in PEM form"
                ) from error
            if self._folder is None:
                # Kept as long as this object: redis-py reads the file with each connection.
                self._folder = Path(tempfile.mkdtemp(prefix="rxindex-"))
                weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
            path = self._folder / f"redis-ca-{len(self._authorities)}.pem"
            path.write_text(pem)
            self._authorities[pem] = path
        return self._authorities[pem]


def _without_password(source: str) -> URL:
    """Read the database's URL and make sure that it holds no secret."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(source)
    except (ArgumentError, ValueError):
        # Not chained: the message may quote a password that should not be there.
        raise ConfigurationError(
            "RXINDEX_SOURCE is not a database URL: write mysql://host:3306/fdb?tls=verify"
        ) from None
    if url.password is not None:
        raise ConfigurationError(
            "RXINDEX_SOURCE holds a password, and whoever may look at the function can read its "
            "environment: store it in Secrets Manager and name it in RXINDEX_DATABASE_SECRET"
        )
    return url


def _with_login(url: URL, login: Login) -> URL:
    """Put a secret into the database's URL; where the URL says something, it wins."""
    complete = url.set(
        # But for the user: RDS may rotate by turns between two.
        username=login.username or url.username,
        password=login.password,
        host=url.host or login.host or None,
        port=url.port or login.port or None,
        database=url.database or login.dbname or None,
    )
    if not complete.username:
        raise ConfigurationError(
            "neither the database's secret nor RXINDEX_SOURCE says which user to log in as: "
            "store one under 'username'"
        )
    return complete


def _rendered(url: URL) -> str:
    """Write a URL, with its password, in the form that `rxindex.source.open_source` reads."""
    from rxindex.source.sql_connect import parse_url

    # SQLAlchemy leaves blanks as they are, and wherever passwords are hidden a URL is taken to
    # end at the first one.
    written = url.render_as_string(hide_password=False).replace(" ", "%20")
    parse_url(written)
    return written


def _redis_url(url: str, login: Login | None) -> str:
    """Put user and password into Redis' URL, which has no password."""
    try:
        parts = urlsplit(url)
        has_password = parts.password is not None or "password" in parse_qs(parts.query)
    except ValueError:
        return url  # `connect` says what is wrong with it
    if has_password:
        raise ConfigurationError(
            "RXINDEX_REDIS holds a password, and whoever may look at the function can read its "
            "environment: store it in Secrets Manager and name it in RXINDEX_REDIS_SECRET"
        )
    if login is None:
        return url
    user = quote(login.username, safe="") if login.username else parts.username or ""
    address = parts.netloc.rpartition("@")[2]
    secret = quote(login.password, safe="")
    return parts._replace(netloc=f"{user}:{secret}@{address}").geturl()
