"""All that a deployment has, on this machine: the functions, and what they talk to.

The functions are the real package under the real runtime client. Around them are moto's Secrets
Manager, SSM, SQS, EventBridge, CloudWatch and Step Functions, MariaDB in place of Aurora, a Redis
with its query engine, and a small Bedrock. As in a deployment, the database and Redis are spoken
to over TLS, by users with the rights that they need, whose passwords are nowhere but in secrets;
and the function's role may do what is listed in `ROLE`, and nothing else.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis
import trustme
from botocore.config import Config
from tests.services.aws import ACCOUNT, REGION, MotoServer
from tests.services.gate import Gate
from tests.services.held_bedrock import HeldBedrock
from tests.services.lambda_folder import PROJECT, lay_out_runtime, unzip
from tests.services.lambda_function import Function
from tests.services.lambda_runtime import Invocation
from tests.services.lambda_service import LambdaService
from tests.services.mariadb import MariaDB
from tests.services.redis import RedisServer
from tests.services.tls import TLSFront

from rxindex.index.catalogue import Catalogue
from rxindex.source.sample import DemoDataReport, write_demo_data

__all__ = ["RULE", "SEARCH", "SHORT", "SYNC", "Answer", "LocalAWS"]

#: The two functions of a deployment, and the first one with little time.
SYNC, SEARCH, SHORT = "rxindex-sync", "rxindex-search", "rxindex-short"
HANDLERS = {
    SYNC: "rxindex.aws.sync_handler.lambda_handler",
    SHORT: "rxindex.aws.sync_handler.lambda_handler",
    SEARCH: "rxindex.aws.search_handler.lambda_handler",
}
_CA_PARAMETER = "/rxindex/redis/ca"
#: The rule of EventBridge that calls the first function.
RULE = "rxindex-nightly"
_SCHEDULE = "cron(0 2 * * ? *)"

#: What the functions' role may do. moto looks at actions only, and not at what they are done to;
#: Bedrock's and Lambda's endpoints look at neither.
ROLE = {
    "Effect": "Allow",
    "Action": ["secretsmanager:GetSecretValue", "ssm:GetParameter"],
    "Resource": "*",
}
_ADMINISTRATOR = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@dataclass(frozen=True)
class Answer:
    """What a function answered.

    Attributes:
        payload: the answer, or the error in its place.
        error: empty, or ``Unhandled`` if the function failed.
        request: id of the invocation.
    """

    payload: Any
    error: str
    request: str

    @property
    def status(self) -> int:
        """The answer's ``statusCode``."""
        assert not self.error, self.payload
        return int(self.payload["statusCode"])

    @property
    def body(self) -> dict[str, Any]:
        """The answer's body, which must be that of success."""
        assert self.status == 200, self.payload
        body = self.payload["body"]
        read: dict[str, Any] = json.loads(body) if isinstance(body, str) else body
        return read


class LocalAWS:
    """Everything, from enter to exit.

    Args:
        folder: for logs and data; the unix sockets go elsewhere.
        package: the zip with the functions.
        packages: rows of the demo catalogue.
        bedrock: the model, not entered yet.
        tell: told of each step in a sentence.

    Attributes:
        package, task: the zip, and where it is unzipped.
        secrets: every password that was ever in use here.
        demo: what the catalogue is.
    """

    def __init__(
        self,
        folder: Path,
        package: Path,
        packages: int,
        bedrock: HeldBedrock,
        tell: Callable[[str], None] = lambda said: None,
    ) -> None:
        self.folder = folder
        self.bedrock = bedrock
        self.secrets: list[str] = []
        self.package = package
        self._packages = packages
        self._tell = tell
        self._clients: dict[str, Any] = {}
        self._stack = ExitStack()
        self._authority = trustme.CA()
        self._database_password, self._redis_password = self._new_secret(), self._new_secret()
        # So that tests can speak to Redis as it is, whatever the functions' user may do.
        self._redis_admin = _password()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _start(self, stack: ExitStack) -> None:
        self._tell(f"unzipping {self.package.name}")
        self.task, self.runtime = unzip(self.package), self.folder / "runtime"
        lay_out_runtime(self.runtime)
        self._authority.cert_pem.write_to_path(str(self.folder / "rds-ca.pem"))
        stack.enter_context(self.bedrock)
        self.service = stack.enter_context(LambdaService(self.folder))
        self._tell("starting AWS (moto), MariaDB and Redis")
        self.database = self._mariadb()
        with ThreadPoolExecutor(1) as pool:
            # Reading the whole directory for it takes longer than all else.
            written = pool.submit(self._fill_database, stack)
            self._start_aws(stack)
            self._start_redis(stack)
            self._store()
            self.demo = written.result()

    def _start_aws(self, stack: ExitStack) -> None:
        with _environment(MOTO_PORT=str(self.service.port)):
            # Where the state machines of moto's Step Functions find Lambda.
            self.moto = stack.enter_context(MotoServer(self.folder))
        self.moto.ask("config", json.dumps({"stepfunctions": {"execute_state_machine": True}}))
        self._administrator = self.moto.user("administrator", _ADMINISTRATOR)
        self._role = self.moto.user("rxindex-role", ROLE)
        stack.enter_context(self.moto.rights_checked())

    def _start_redis(self, stack: ExitStack) -> None:
        self.redis = stack.enter_context(self._redis())
        self.gate = stack.enter_context(Gate(self.redis.port))
        self.front = stack.enter_context(TLSFront(self._authority, self.gate.port))

    def _fill_database(self, stack: ExitStack) -> DemoDataReport:
        stack.enter_context(self.database)
        url = self.database.create_database("fdb")
        self.database.execute(
            "CREATE USER 'rxindex'@'127.0.0.1' IDENTIFIED BY %s", (self._database_password,)
        )
        self.database.execute("GRANT SELECT ON fdb.* TO 'rxindex'@'127.0.0.1'")
        self._tell(f"writing the demo catalogue, {self._packages:,} packages")
        return write_demo_data(url, self._packages)

    # -- the database --------------------------------------------------------------------------

    def _mariadb(self) -> MariaDB:
        certificate = self._authority.issue_cert("127.0.0.1")
        key, chain = self.folder / "database.key", self.folder / "database.pem"
        certificate.private_key_pem.write_to_path(str(key))
        certificate.cert_chain_pems[0].write_to_path(str(chain))
        # Without TLS only the socket is left, which is the tests' own.
        return MariaDB(
            options=[f"--ssl-cert={chain}", f"--ssl-key={key}", "--require-secure-transport=ON"]
        )

    def rotate_database_password(self) -> None:
        """Give the functions' user another password, as Secrets Manager's rotation does."""
        password = self._new_secret()
        self.database.execute("ALTER USER 'rxindex'@'127.0.0.1' IDENTIFIED BY %s", (password,))
        self.aws("secretsmanager").put_secret_value(
            SecretId=self._database_secret, SecretString=self._login("rxindex", password)
        )

    # -- Redis ---------------------------------------------------------------------------------

    def _redis(self) -> RedisServer:
        folder = self.folder / "redis"
        folder.mkdir()
        self._users = folder / "users.acl"
        self._write_users(self._redis_password)
        # What is written outlives the process, as it does on the instance.
        return RedisServer(
            folder, *("--appendonly", "yes", "--appendfsync", "no", "--aclfile", str(self._users))
        )

    def _write_users(self, password: str) -> None:
        """Write the file of users: the functions' with the rights in docs/configuration.md."""
        page = (PROJECT / "docs" / "configuration.md").read_text()
        line = next(one for one in page.splitlines() if one.startswith("ACL SETUSER rxindex "))
        rules = line.removeprefix("ACL SETUSER ").replace(">SECRET", f">{password}")
        everything = f"user default on >{self._redis_admin} ~* &* +@all"
        self._users.write_text(f"{everything}\nuser {rules}\n")

    def redis_client(self) -> redis.Redis:
        """A connection of the test's own, that may do anything."""
        return self.redis.client(password=self._redis_admin)

    def catalogue(self, name: str) -> Catalogue:
        """A catalogue as it is in Redis."""
        return Catalogue(self.redis_client(), name)

    def rotate_redis_password(self) -> None:
        """Give the functions' user another password, and end the connections of the old one."""
        password = self._new_secret()
        self._write_users(password)
        client = self.redis_client()
        client.acl_load()
        self.aws("secretsmanager").put_secret_value(
            SecretId=self._redis_secret, SecretString=_redis_login(password)
        )
        client.execute_command("CLIENT", "KILL", "USER", "rxindex")  # type: ignore[no-untyped-call]
        client.close()

    # -- AWS -----------------------------------------------------------------------------------

    def _new_secret(self) -> str:
        self.secrets.append(_password())
        return self.secrets[-1]

    def _login(self, user: str, password: str) -> str:
        """Write a secret as RDS does."""
        return json.dumps(
            {
                "engine": "mysql",
                "host": "127.0.0.1",
                "port": self.database.port,
                "dbname": "fdb",
                "username": user,
                "password": password,
            }
        )

    def _store(self) -> None:
        """Make secrets, the parameter, the dead-letter queue and the schedule."""
        manager = self.aws("secretsmanager")
        # Where the database is stands in the functions' settings, which win.
        login = json.dumps({"username": "rxindex", "password": self._database_password})
        self._database_secret = manager.create_secret(Name="rxindex/database", SecretString=login)[
            "ARN"
        ]
        self._redis_secret = manager.create_secret(
            Name="rxindex/redis", SecretString=_redis_login(self._redis_password)
        )["ARN"]
        self.aws("ssm").put_parameter(
            Name=_CA_PARAMETER, Type="String", Value=self._authority.cert_pem.bytes().decode()
        )
        self._queue = self.aws("sqs").create_queue(QueueName="rxindex-dead")["QueueUrl"]
        events = self.aws("events")
        events.put_rule(Name=RULE, ScheduleExpression=_SCHEDULE)
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{SYNC}"
        transformer = {
            "InputPathsMap": {"id": "$.id"},
            "InputTemplate": '{"action":"sync","id":<id>}',
        }
        events.put_targets(
            Rule=RULE, Targets=[{"Id": "sync", "Arn": arn, "InputTransformer": transformer}]
        )

    def aws(self, service: str) -> Any:
        """A boto3 client of one of moto's services, that may do anything."""
        if service not in self._clients:
            # Kept: to make one takes a tenth of a second.
            self._clients[service] = self.moto.client(service, self._administrator)
        return self._clients[service]

    def dead_letters(self) -> list[Mapping[str, Any]]:
        """Take what is in the dead-letter queue: each message with its attributes."""
        queue = self.aws("sqs")
        found: list[Mapping[str, Any]] = []
        while messages := queue.receive_message(
            QueueUrl=self._queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            for one in messages:
                queue.delete_message(QueueUrl=self._queue, ReceiptHandle=one["ReceiptHandle"])
            found += messages
        return found

    def _bury(self, payload: bytes, attributes: Mapping[str, str]) -> None:
        self.aws("sqs").send_message(
            QueueUrl=self._queue,
            MessageBody=payload.decode(),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value or "-"}
                for name, value in attributes.items()
            },
        )

    # -- the functions -------------------------------------------------------------------------

    def variables(self) -> dict[str, str]:
        """Give the environment of the functions, as a deployment sets it."""
        here = f"127.0.0.1:{self.database.port}"
        return {
            **self._role,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": self.moto.url,
            "AWS_ENDPOINT_URL_LAMBDA": self.service.url,
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": self.bedrock.url,
            "RXINDEX_SOURCE": f"mysql://{here}/fdb?tls=verify",
            "RXINDEX_SOURCE_CA": str(self.folder / "rds-ca.pem"),
            "RXINDEX_DATABASE_SECRET": self._database_secret,
            "RXINDEX_REDIS": f"rediss://127.0.0.1:{self.front.port}/0",
            "RXINDEX_REDIS_SECRET": self._redis_secret,
            "RXINDEX_REDIS_CA_PARAMETER": _CA_PARAMETER,
            "RXINDEX_EMBEDDER": "titan",
            "RXINDEX_DIMENSIONS": "256",
        }

    def deploy(self, name: str, handler: str = "", **how: Any) -> None:
        """Deploy a function, or deploy it anew.

        Args:
            name: of the function; `SYNC` and `SEARCH` know their handlers.
            handler: of another one.
            how: fields of `Function`; ``variables`` are added to those that all have.
        """
        more = how.pop("variables", {})
        self.service.add(
            Function(
                name,
                handler or HANDLERS[name],
                self.task,
                self.runtime,
                self.variables() | more,
                dead=self._bury,
                **{"recursion": "Allow", **how},
            )
        )

    def call(self, name: str, event: Any) -> Answer:
        """Call a function and wait for its answer."""
        answer = self._lambda().invoke(FunctionName=name, Payload=json.dumps(event).encode())
        return Answer(
            json.loads(answer["Payload"].read()),
            answer.get("FunctionError", ""),
            answer["ResponseMetadata"]["RequestId"],
        )

    def send(self, name: str, event: Any) -> str:
        """Send a function an event, without waiting for what comes of it; give the request's id."""
        answer = self._lambda().invoke(
            FunctionName=name, InvocationType="Event", Payload=json.dumps(event).encode()
        )
        assert answer["StatusCode"] == 202
        return str(answer["ResponseMetadata"]["RequestId"])

    def follow(self, name: str, event: Any, seconds: float = 120) -> list[Invocation]:
        """Send a function an event and wait for all that comes of it.

        Returns:
            The event's own invocations, further tries among them, and those that they asked for.
        """
        before = len(self.service.invocations(name))
        self.send(name, event)
        self.service.wait_idle(name, seconds)
        return self.service.invocations(name)[before:]

    def _lambda(self) -> Any:
        if "lambda" not in self._clients:
            config = Config(
                retries={"total_max_attempts": 1},
                proxies={},
                connect_timeout=5,
                # Longer than any function lives.
                read_timeout=1_000,
                max_pool_connections=50,
            )
            self._clients["lambda"] = self.moto.session(self._administrator).client(
                "lambda", endpoint_url=self.service.url, config=config
            )
        return self._clients["lambda"]

    def everything_told(self) -> str:
        """Give all that left the functions: their logs, their answers, and their environment."""
        names = self.service.names()
        answers = [one.answer.decode() for name in names for one in self.service.invocations(name)]
        lines = [line for name in names for line in self.service.log(name)]
        return "\n".join([*lines, *answers, json.dumps(self.variables())])

    def metrics(self, name: str) -> list[dict[str, Any]]:
        """Give the metrics in a function's log as CloudWatch finds them there.

        Returns:
            EMF objects, in the order of their time.
        """
        found = [one for one in self.records(name) if "_aws" in one]
        return sorted(found, key=lambda one: int(one["_aws"]["Timestamp"]))

    def records(self, name: str) -> list[dict[str, Any]]:
        """Give the lines of a function's log that are JSON objects."""
        return [json.loads(line) for line in self.service.log(name) if line.startswith("{")]


def _redis_login(password: str) -> str:
    return json.dumps({"username": "rxindex", "password": password})


def _password() -> str:
    """Make a password of the kind that Secrets Manager makes for RDS: no / @ " or blank."""
    return "".join(("Pw", secrets.token_urlsafe(24), "!%:#?&+"))


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Set variables for processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
