"""Secrets of AWS Secrets Manager, parameters of SSM, and tokens of RDS.

Values are kept while a function's environment is warm (`MAX_AGE`) by the Parameters utility of
Powertools for AWS Lambda, and fetched anew when asked to. The rights that are needed are
``secretsmanager:GetSecretValue``, ``ssm:GetParameter`` and ``rds-db:connect``, each on the one
thing named, and ``kms:Decrypt`` where a key of your own encrypts it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from rxindex.aws.masking import HIDDEN, mask
from rxindex.errors import ConfigurationError, MissingExtra, RxindexError, TransientError

if TYPE_CHECKING:
    import boto3

__all__ = ["MAX_AGE", "Login", "SecretStore"]

#: Seconds for which a value is taken to be current. A rotation is seen at once all the same, by
#: the refusal of the old password; this only bounds how long an unused one lies in memory.
MAX_AGE = 900

#: Seconds. These services answer in milliseconds; where there is no way to them nothing comes.
_CONNECT_TIMEOUT, _READ_TIMEOUT, _ATTEMPTS = 3, 5, 3

_DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_MISSING = frozenset({"ParameterNotFound", "ParameterVersionNotFound", "ResourceNotFoundException"})
_BUSY = frozenset(
    {
        "InternalServerError",
        "InternalServiceError",
        "LimitExceededException",
        "RequestTimeout",
        "ServiceUnavailable",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


class Login(msgspec.Struct, frozen=True):
    """What a secret says, in the form that RDS writes; its other fields are not looked at.

    Attributes:
        password: what it is for.
        username: empty where the secret has none.
        host: of the server, likewise.
        port: of the server; 0 where the secret has none.
        dbname: the database, likewise.
    """

    password: str
    username: str = ""
    host: str = ""
    port: int = 0
    dbname: str = ""

    def __repr__(self) -> str:
        """Show whose it is, and nothing that opens anything."""
        return f"Login(username={self.username!r}, password={HIDDEN!r}, host={self.host!r})"


class _Written(msgspec.Struct):
    """A secret as it is stored. Hand-made ones have ports as text and nulls for what is missing."""

    password: str | None = None
    username: str | None = None
    host: str | None = None
    port: int | str | None = None
    dbname: str | None = None


class SecretStore:
    """Reads secrets, parameters and tokens; its clients are made on first use.

    Args:
        session: a boto3 session to use; else one of the ordinary AWS chain.
    """

    def __init__(self, session: boto3.Session | None = None) -> None:
        self._session = session
        self._providers: dict[str, Any] = {}

    def login(self, name: str, *, fresh: bool = False) -> Login:
        """Read a secret.

        Args:
            name: its ARN or name.
            fresh: fetch it even if it was fetched a moment ago.

        Raises:
            ConfigurationError: there is none, the role may not read it, or it does not have the
                form of `Login`. The message never quotes it.
            TransientError: Secrets Manager does not answer.
        """
        stored = self._get(
            "secretsmanager",
            f"the secret {name}",
            "secretsmanager:GetSecretValue",
            lambda provider: provider.get(name, max_age=MAX_AGE, force_fetch=fresh),
        )
        login = _read(name, stored)
        mask(login.password)
        return login

    def parameter(self, name: str, *, fresh: bool = False) -> str:
        """Read a parameter of SSM.

        Args:
            name: its name or ARN.
            fresh: fetch it even if it was fetched a moment ago.

        Raises:
            ConfigurationError: there is none, or the role may not read it.
            TransientError: SSM does not answer.
        """
        stored = self._get(
            "ssm",
            f"the parameter {name}",
            "ssm:GetParameter",
            lambda provider: provider.get(name, max_age=MAX_AGE, force_fetch=fresh, decrypt=True),
        )
        return str(stored)

    def token(self, host: str, port: int, user: str) -> str:
        """Make a token that RDS takes in place of a password, for the next 15 minutes.

        It is signed here, without a call: whether the role has the right ``rds-db:connect`` only
        the database says.

        Args:
            host: of the cluster, by the name that RDS gave it.
            port: of the cluster.
            user: of the database, made with ``AWSAuthenticationPlugin``.

        Raises:
            ConfigurationError: there are no AWS credentials, or no region.
            TransientError: whoever gives the credentials does not answer.
        """

        def make(client: Any) -> str:
            token: str = client.generate_db_auth_token(DBHostname=host, Port=port, DBUsername=user)
            return token

        made: str = self._get("rds", f"a token for {user}@{host}", "rds-db:connect", make)
        mask(made)
        return made

    def _get(self, service: str, what: str, right: str, get: Callable[[Any], Any]) -> Any:
        """Get something from a service, and say what it means if that fails."""
        # Imported here: importing a handler must not load boto3.
        try:
            from aws_lambda_powertools.utilities.parameters import GetParameterError
            from botocore.exceptions import BotoCoreError, ClientError
        except ModuleNotFoundError as error:
            raise MissingExtra(
                "secrets need boto3 and Powertools: pip install 'rxindex[lambda]'"
            ) from error
        try:
            return get(self._provider(service))
        except GetParameterError as error:
            # Powertools says only what its cause says; the cause is its context.
            cause = error.__cause__ or error.__context__ or error
        except (BotoCoreError, ClientError, ValueError) as error:
            cause = error
        raise _translate(cause, what, right) from cause

    def _provider(self, service: str) -> Any:
        """Give what reads from a service."""
        if service not in self._providers:
            import boto3
            from aws_lambda_powertools.utilities.parameters import SecretsProvider, SSMProvider
            from botocore.config import Config

            config = Config(
                connect_timeout=_CONNECT_TIMEOUT,
                read_timeout=_READ_TIMEOUT,
                retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
            )
            session = self._session or boto3.Session()
            client: Any = session.client(service, config=config)  # type: ignore[call-overload]
            wrapped = {"secretsmanager": SecretsProvider, "ssm": SSMProvider}.get(service)
            self._providers[service] = wrapped(boto3_client=client) if wrapped else client
        return self._providers[service]


def _read(name: str, stored: str | bytes) -> Login:
    """Read a secret's JSON; errors say what is wrong with it and not what is in it."""
    try:
        written = msgspec.json.decode(stored, type=_Written)
        port = int(written.port or 0)
    except (msgspec.DecodeError, ValueError, UnicodeError):
        # Not chained: a parser may quote what it could not read.
        raise ConfigurationError(
            f"the secret {name} is not what RDS writes: store a JSON object with text for "
            "username and password, and if you like host, port and dbname"
        ) from None
    if not written.password:
        raise ConfigurationError(f"the secret {name} has no password: store one under 'password'")
    return Login(
        written.password, written.username or "", written.host or "", port, written.dbname or ""
    )


def _translate(error: BaseException, what: str, right: str) -> RxindexError:
    """Say what a failure of AWS means, and what to do about it.

    Args:
        error: as boto3 raised it.
        what: was asked for, in words.
        right: that is needed for it.
    """
    from botocore import exceptions as aws

    if isinstance(error, aws.ClientError):
        return _translate_answer(error, what, right)
    if isinstance(error, aws.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return ConfigurationError(
            f"{what} can't be read: AWS' certificate is not trusted; set AWS_CA_BUNDLE ({error})"
        )
    if isinstance(
        error,
        aws.HTTPClientError | aws.ConnectionError | aws.MetadataRetrievalError,
    ):
        return TransientError(
            f"{what} can't be read, AWS does not answer: {error}. A function in private subnets "
            "needs an interface endpoint for the service, and its security group to let 443 through"
        )
    if isinstance(error, aws.NoCredentialsError | aws.PartialCredentialsError):
        return ConfigurationError(
            f"{what} can't be read without AWS credentials: give the function a role with {right}"
        )
    return ConfigurationError(f"{what} can't be read, the AWS configuration is wrong: {error}")


def _translate_answer(error: Any, what: str, right: str) -> RxindexError:
    answer: dict[str, Any] = error.response
    code = str(answer.get("Error", {}).get("Code", ""))
    said = str(answer.get("Error", {}).get("Message", ""))
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _BUSY or status == 429 or status >= 500:
        return TransientError(f"{what} can't be read for the moment ({code}: {said}); try again")
    if code in _MISSING:
        return ConfigurationError(
            f"{what} does not exist in this account and region ({code}): check its name or ARN"
        )
    if code in _DENIED or status in (401, 403):
        return ConfigurationError(
            f"{what} may not be read ({code}): the role needs {right} on it, and kms:Decrypt on "
            "its key if that is one of your own; the endpoint's policy must allow it too"
        )
    return ConfigurationError(f"{what} can't be read ({code}: {said})")
