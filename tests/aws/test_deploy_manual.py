"""scripts/deploy-lambda-manual.sh with the real AWS CLI against moto's server.

Between the two is a small server of our own. It passes calls on and notes them, so that a dry run
can be seen to write nothing; it answers what moto lacks (a function's recursion configuration,
and giving a log group another key); and it refuses calls as AWS would.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import http.client
import json
import os
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs

import pytest
from tests.services.aws import ACCOUNT, REGION, MotoServer

# One deployment, looked at in the order of this file.
pytestmark = pytest.mark.xdist_group("deploy-manual")

SCRIPTS = Path(__file__).parents[2] / "scripts"
PREFIX = "rxindex-dev"
NAME = f"{PREFIX}-sync"
ROLE = f"{NAME}-{REGION}"
QUEUE = f"{NAME}-dead-letters"
FUNCTION_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{NAME}"
QUEUE_ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{QUEUE}"
TOPIC_ARN = f"arn:aws:sns:{REGION}:{ACCOUNT}:{PREFIX}-alarms"
SECRETS = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret"
KEYS = f"arn:aws:kms:{REGION}:{ACCOUNT}:key"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
OPTIONS: dict[str, str | None] = {
    "stage": "dev",
    "subnets": "subnet-0b0b0b0b,subnet-0a0a0a0a",
    "security_groups": "sg-0a0a0a0a",
    "database_url": "mysql://fdb.internal:3306/fdb?tls=verify",
    "database_secret": f"{SECRETS}:rds!fdb-AbCdEf",
    "redis_url": "rediss://redis.internal:6379/0",
    "redis_secret": "rxindex/redis",
    "redis_ca_parameter": "/rxindex/dev/redis-ca",
    "email": "oncall@example.com",
}
_RECURSION = re.compile(r"/2024-08-31/functions/([^/]+)/recursion-config")
_READS = ("Get", "List", "Describe", "GET ", "HEAD ")
_KEPT = {"content-type", "x-amzn-errortype", "x-amzn-requestid", "etag"}
Answer = tuple[int, dict[str, str], bytes]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        status, headers, content = self.server.owner.answer(
            self.command, self.path, dict(self.headers.items()), body
        )
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_any  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    owner: Front


class Front:
    """What the CLI talks to; see above.

    Attributes:
        calls: what was called: ``CreateRole``, ``PUT /2015-03-31/functions/x/code``, ...
        refusals: for a call's name, error code and message that it gets once.
    """

    def __init__(self, aws: MotoServer) -> None:
        self.aws = aws
        self.calls: list[str] = []
        self.refusals: dict[str, tuple[str, str]] = {}
        self._functions = aws.client("lambda")
        self._recursion: dict[str, str] = {}
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def writes(self) -> list[str]:
        """The calls that change something."""
        return [call for call in self.calls if not call.startswith(_READS)]

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Answer one call (the handler's business)."""
        target = headers.get("X-Amz-Target", "").rpartition(".")[2]
        form = parse_qs(body.decode("latin-1")).get("Action", [""])[0]
        call = target or form or f"{method} {path}"
        self.calls.append(call)
        if call in self.refusals:
            return _refusal(*self.refusals.pop(call))
        if found := _RECURSION.fullmatch(path):
            return self._answer_recursion(method, found[1], body)
        if call == "AssociateKmsKey":
            return 200, {"Content-Type": "application/x-amz-json-1.1"}, b""
        passed = {name: value for name, value in headers.items() if name != "Expect"}
        return self.pass_on(method, path, passed, body)

    def pass_on(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        """Ask moto's server."""
        connection = http.client.HTTPConnection("127.0.0.1", self.aws.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            given = connection.getresponse()
            kept = {name: text for name, text in given.getheaders() if name.lower() in _KEPT}
            return given.status, kept, given.read()
        finally:
            connection.close()

    def _answer_recursion(self, method: str, name: str, body: bytes) -> Answer:
        functions = self._functions.list_functions()["Functions"]
        if name not in [function["FunctionName"] for function in functions]:
            return _refusal("ResourceNotFoundException", f"Function not found: {name}", 404)
        if method == "PUT":
            self._recursion[name] = json.loads(body)["RecursiveLoop"]
        content = json.dumps({"RecursiveLoop": self._recursion.get(name, "Terminate")})
        return 200, {"Content-Type": "application/json"}, content.encode()


def _refusal(code: str, message: str, status: int = 400) -> Answer:
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code}
    return status, headers, json.dumps({"__type": code, "message": message}).encode()


Ended = subprocess.CompletedProcess[str]


def run_script(*words: str, environment: dict[str, str], **options: str | None) -> Ended:
    """Run the script, with nothing of this machine's environment but the PATH."""
    for name, value in options.items():
        if value is not None:
            words = (f"--{name.replace('_', '-')}", value, *words)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", str(SCRIPTS / "deploy-lambda-manual.sh"), *words],
        env={"PATH": path, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
    )


def write_zip(path: Path, code: str) -> Path:
    """Write a zip that looks like ``make lambda``'s."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("rxindex/aws/sync_handler.py", code)
        archive.writestr("rds-ca.pem", "an authority")
    return path


class Account:
    """An account and the script, run with the options above unless others are given."""

    def __init__(self, front: Front, folder: Path) -> None:
        self.front = front
        self.client = functools.cache(front.aws.client)
        self.zip = write_zip(folder / "rxindex-lambda-x86_64-py3.13.zip", "answer = 42")

    def deploy(self, *words: str, **others: str | None) -> Ended:
        """Run it; an option that is None is left out. The front's notes begin anew."""
        self.front.calls.clear()
        environment = {**self.front.aws.environment, "AWS_ENDPOINT_URL": self.front.url}
        given = {"zip": str(self.zip), **OPTIONS, **others}
        return run_script(*words, environment=environment, **given)

    def function(self) -> Any:
        return self.client("lambda").get_function(FunctionName=NAME)["Configuration"]

    def rights(self) -> list[Any]:
        policy = self.client("iam").get_role_policy(RoleName=ROLE, PolicyName="rxindex")
        statements: list[Any] = policy["PolicyDocument"]["Statement"]
        return statements

    def state(self) -> dict[str, Any]:
        """All that the script could have made or changed, with the times of its last change."""
        of = {service: self.client(service) for service in (*_LISTS, "sqs")}
        found = {
            f"{service} {call}": getattr(of[service], call)(**words)[key]
            for service, calls in _LISTS.items()
            for call, key, words in calls
        }
        for url in of["sqs"].list_queues().get("QueueUrls", []):
            kept = of["sqs"].get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
            found[url] = kept["Attributes"]
        for topic in found["sns list_topics"]:
            found[topic["TopicArn"]] = of["sns"].get_topic_attributes(**topic)["Attributes"]
        return found


_LISTS: dict[str, list[tuple[str, str, dict[str, str]]]] = {
    "cloudwatch": [("describe_alarms", "MetricAlarms", {})],
    "events": [("list_rules", "Rules", {})],
    "iam": [("list_roles", "Roles", {})],
    "lambda": [("list_functions", "Functions", {})],
    "logs": [("describe_log_groups", "logGroups", {})],
    "s3": [("list_buckets", "Buckets", {})],
    "sns": [
        ("list_topics", "Topics", {}),
        ("list_subscriptions", "Subscriptions", {}),
    ],
}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    folder = tmp_path_factory.mktemp("deploy")
    with MotoServer(folder) as aws, Front(aws) as front:
        yield Account(front, folder)


@pytest.fixture(scope="module")
def deployed(account: Account) -> Account:
    """Deployed with the options above; AWS does not know the new role at once."""
    account.front.refusals = {
        "POST /2015-03-31/functions": (
            "InvalidParameterValueException",
            "The role defined for the function cannot be assumed by Lambda.",
        )
    }
    ended = account.deploy()
    assert ended.returncode == 0, ended.stderr
    assert "waiting for AWS" in ended.stdout
    assert "21 created\n" in ended.stdout
    assert "AWS sent oncall@example.com a mail" in ended.stdout
    return account


def test_a_dry_run_tells_all_and_writes_nothing(account: Account) -> None:
    before = account.state()
    ended = account.deploy("--dry-run")
    assert ended.returncode == 0, ended.stderr
    assert "21 to create" in ended.stdout
    assert account.front.writes == []
    assert account.state() == before


def test_the_function_is_as_the_options_say(deployed: Account) -> None:
    function = deployed.function()
    digest = hashlib.sha256(deployed.zip.read_bytes()).digest()
    assert function["CodeSha256"] == base64.b64encode(digest).decode()
    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["x86_64"]
    assert function["Handler"] == "rxindex.aws.sync_handler.lambda_handler"
    assert (function["Timeout"], function["MemorySize"]) == (900, 1769)
    assert function["VpcConfig"]["SubnetIds"] == ["subnet-0a0a0a0a", "subnet-0b0b0b0b"]
    assert function["VpcConfig"]["SecurityGroupIds"] == ["sg-0a0a0a0a"]
    assert function["Role"] == f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
    assert function["Environment"]["Variables"] == {
        "RXINDEX_SOURCE": OPTIONS["database_url"],
        "RXINDEX_SOURCE_CA": "/var/task/rds-ca.pem",
        "RXINDEX_DATABASE_AUTH": "secret",
        "RXINDEX_DATABASE_SECRET": OPTIONS["database_secret"],
        "RXINDEX_REDIS": OPTIONS["redis_url"],
        "RXINDEX_REDIS_SECRET": "rxindex/redis",
        "RXINDEX_REDIS_CA_PARAMETER": "/rxindex/dev/redis-ca",
        "RXINDEX_CATALOGUE": "fdb",
        "RXINDEX_DATA_DIR": "/tmp/rxindex",
        "RXINDEX_EMBEDDER": "titan",
        "RXINDEX_TITAN_MODEL": "amazon.titan-embed-text-v2:0",
        "RXINDEX_DIMENSIONS": "1024",
        "RXINDEX_TITAN_REQUESTS_PER_MINUTE": "2000",
        "RXINDEX_METRICS_NAMESPACE": "DAW/DrugSync",
        "POWERTOOLS_SERVICE_NAME": "rxindex",
    }
    invocation = deployed.client("lambda").get_function_event_invoke_config(FunctionName=NAME)
    assert invocation["MaximumRetryAttempts"] == 2
    assert invocation["DestinationConfig"]["OnFailure"]["Destination"] == QUEUE_ARN
    status, _, content = deployed.front.answer(
        "GET", f"/2024-08-31/functions/{NAME}/recursion-config", {}, b""
    )
    assert (status, json.loads(content)) == (200, {"RecursiveLoop": "Allow"})


def test_the_role_has_the_least_rights(deployed: Account) -> None:
    trust = deployed.client("iam").get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
    assert trust["Statement"][0]["Principal"] == {"Service": "lambda.amazonaws.com"}
    *allowed, network, denied = deployed.rights()
    assert {",".join(one["Action"]): one["Resource"] for one in allowed} == {
        "logs:CreateLogStream,logs:PutLogEvents": [
            f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{NAME}:*"
        ],
        "bedrock:InvokeModel": [
            f"arn:aws:bedrock:{REGION}::foundation-model/amazon.titan-embed-text-v2:0"
        ],
        "secretsmanager:GetSecretValue": [
            f"{SECRETS}:rds!fdb-AbCdEf",
            f"{SECRETS}:rxindex/redis-??????",
        ],
        "ssm:GetParameter": [f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/rxindex/dev/redis-ca"],
        "lambda:InvokeFunction": [FUNCTION_ARN],
        "sqs:SendMessage": [QUEUE_ARN],
    }
    assert network["Resource"] == ["*"]
    assert all(action.startswith("ec2:") for action in network["Action"])
    # Only Lambda itself may use those, not the function's code.
    assert (denied["Effect"], denied["Action"]) == ("Deny", network["Action"])
    assert denied["Condition"] == {"ArnEquals": {"lambda:SourceFunctionArn": [FUNCTION_ARN]}}


def test_the_schedule_may_call_the_function_and_does_so_at_night(deployed: Account) -> None:
    events = deployed.client("events")
    rule = events.describe_rule(Name=f"{PREFIX}-nightly")
    assert (rule["ScheduleExpression"], rule["State"]) == ("cron(0 2 * * ? *)", "ENABLED")
    [target] = events.list_targets_by_rule(Rule=f"{PREFIX}-nightly")["Targets"]
    assert target["Arn"] == FUNCTION_ARN
    assert target["DeadLetterConfig"] == {"Arn": QUEUE_ARN}
    # EventBridge puts the event's id, with its quotes, for what stands in angle brackets.
    assert target["InputTransformer"]["InputPathsMap"] == {"id": "$.id"}
    event = target["InputTransformer"]["InputTemplate"].replace("<id>", '"7f3c"')
    assert json.loads(event) == {"action": "sync", "id": "7f3c"}
    [right] = json.loads(deployed.client("lambda").get_policy(FunctionName=NAME)["Policy"])[
        "Statement"
    ]
    assert right["Principal"] == {"Service": "events.amazonaws.com"}
    assert right["Condition"]["ArnLike"] == {"AWS:SourceArn": rule["Arn"]}


def test_alarms_logs_and_dead_letters(deployed: Account) -> None:
    found = deployed.client("cloudwatch").describe_alarms()["MetricAlarms"]
    alarms = {alarm["AlarmName"].removeprefix(f"{PREFIX}-"): alarm for alarm in found}
    rules = {
        key: (alarm.get("MetricName"), alarm["Threshold"], alarm["TreatMissingData"])
        for key, alarm in alarms.items()
    }
    assert rules == {
        "no-successful-run": ("SyncCompleted", 1, "breaching"),
        "drugs-failed": ("DrugsFailed", 100, "notBreaching"),
        "embedding-throttled": ("EmbeddingThrottles", 1000, "notBreaching"),
        "quarantine-large": ("QuarantineSize", 100, "notBreaching"),
        "quarantine-grows": (None, 10, "notBreaching"),
        "index-errors": ("IndexErrors", 1, "notBreaching"),
        "sync-errors": ("Errors", 1, "notBreaching"),
        "sync-throttled": ("Throttles", 1, "notBreaching"),
        "dead-letters": ("ApproximateNumberOfMessagesVisible", 1, "notBreaching"),
    }
    assert all(alarm["AlarmActions"] == [TOPIC_ARN] for alarm in found)
    silence = alarms["no-successful-run"]
    assert silence["Period"] * silence["EvaluationPeriods"] == 26 * 3600
    assert silence["DatapointsToAlarm"] == 26
    own = {"catalogue": "fdb", "service": "rxindex"}
    assert {one["Name"]: one["Value"] for one in silence["Dimensions"]} == own
    growth, size = alarms["quarantine-grows"]["Metrics"]
    assert (growth["Expression"], growth["ReturnData"]) == ("DIFF(size)", True)
    assert size["MetricStat"]["Metric"]["MetricName"] == "QuarantineSize"
    [subscription] = deployed.client("sns").list_subscriptions()["Subscriptions"]
    assert (subscription["TopicArn"], subscription["Endpoint"]) == (TOPIC_ARN, OPTIONS["email"])
    [group] = deployed.client("logs").describe_log_groups()["logGroups"]
    assert (group["logGroupName"], group["retentionInDays"]) == (f"/aws/lambda/{NAME}", 30)
    sqs = deployed.client("sqs")
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    kept = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (kept["MessageRetentionPeriod"], kept["SqsManagedSseEnabled"]) == ("1209600", "true")
    may, clear = json.loads(kept["Policy"])["Statement"]
    assert may["Principal"] == {"Service": "events.amazonaws.com"}
    assert (clear["Effect"], clear["Condition"]["Bool"]) == (
        "Deny",
        {"aws:SecureTransport": "false"},
    )


def test_a_second_run_changes_nothing_and_says_so(deployed: Account) -> None:
    before = deployed.state()
    ended = deployed.deploy()
    assert ended.returncode == 0, ended.stderr
    assert "nothing to do" in ended.stdout
    assert deployed.front.writes == []
    assert deployed.state() == before


def test_what_is_missing_or_was_changed_is_put_right_and_nothing_else(deployed: Account) -> None:
    deployed.client("events").remove_targets(Rule=f"{PREFIX}-nightly", Ids=["sync"])
    deployed.client("cloudwatch").delete_alarms(AlarmNames=[f"{PREFIX}-dead-letters"])
    ended = deployed.deploy(timeout="600")
    assert ended.returncode == 0, ended.stderr
    assert f"change    function {NAME}: timeout\n" in ended.stdout
    assert "2 created, 1 changed, 18 unchanged" in ended.stdout
    assert deployed.front.writes == [
        f"PUT /2015-03-31/functions/{NAME}/configuration",
        "PutTargets",
        "PutMetricAlarm",
    ]
    assert deployed.function()["Timeout"] == 600


def test_another_zip_by_way_of_s3_and_iam_instead_of_a_password(deployed: Account) -> None:
    deployed.client("s3").create_bucket(Bucket="artifacts")
    another = write_zip(deployed.zip.with_name("another.zip"), "answer = 43")
    ended = deployed.deploy(
        "--set=RXINDEX_BATCH_SIZE=1000",
        zip=str(another),
        bucket="artifacts",
        database_auth="iam",
        database_url="mysql://reader@fdb.internal:3306/fdb?tls=verify",
        database_secret=None,
        database_resource="cluster-ABC",
        secrets_kms_key=f"{KEYS}/secrets",
        kms_key=f"{KEYS}/ours",
        permissions_boundary=BOUNDARY,
        model_id="eu.amazon.titan-embed-text-v2:0",
        failed_drugs_threshold="7",
    )
    assert ended.returncode == 0, ended.stderr
    uploaded = hashlib.sha256(another.read_bytes()).hexdigest()
    assert deployed.front.writes == [
        "AssociateKmsKey",
        "SetTopicAttributes",
        "PutRolePermissionsBoundary",
        "PutRolePolicy",
        f"PUT /artifacts/rxindex-lambda/{PREFIX}/{uploaded}.zip",
        f"PUT /2015-03-31/functions/{NAME}/code",
        f"PUT /2015-03-31/functions/{NAME}/configuration",
        "PutMetricAlarm",
    ]
    function = deployed.function()
    assert base64.b64decode(function["CodeSha256"]).hex() == uploaded
    variables = function["Environment"]["Variables"]
    assert variables["RXINDEX_BATCH_SIZE"] == "1000"
    assert "RXINDEX_DATABASE_SECRET" not in variables
    resources = {",".join(one["Action"]): one["Resource"] for one in deployed.rights()}
    assert resources["rds-db:connect"] == [
        f"arn:aws:rds-db:{REGION}:{ACCOUNT}:dbuser:cluster-ABC/reader"
    ]
    assert resources["secretsmanager:GetSecretValue"] == [f"{SECRETS}:rxindex/redis-??????"]
    assert resources["kms:Decrypt"] == [f"{KEYS}/secrets"]
    assert resources["bedrock:InvokeModel"] == [
        "arn:aws:bedrock:*::foundation-model/amazon.titan-embed-text-v2:0",
        f"arn:aws:bedrock:{REGION}:{ACCOUNT}:inference-profile/eu.amazon.titan-embed-text-v2:0",
    ]


def test_destroy_leaves_nothing(deployed: Account) -> None:
    ended = deployed.deploy("--destroy", "--yes")
    assert ended.returncode == 0, ended.stderr
    assert "7 deleted" in ended.stdout
    left = deployed.state()
    del left["s3 list_buckets"]
    assert [kind for kind, things in left.items() if things] == []


@dataclass
class CannedCLI:
    """A CLI that answers from a shell's case statement and notes what it is asked.

    For what depends on answers only, and would take ten calls of the real one.
    """

    folder: Path

    def run(self, cases: str, *words: str) -> Ended:
        """Run the script with it; everything but the cases is as it should be."""
        program = self.folder / "aws"
        program.write_text(
            f'#!/bin/sh\necho "$*" >> {self.folder}/calls\ncase "$*" in\n{cases}\n'
            f"*get-caller-identity*) echo '{ACCOUNT} arn:aws:iam::{ACCOUNT}:user/someone' ;;\n"
            "--version) echo aws-cli/2.9.19 Python/3.11.2 ;;\n*) echo '[true]' ;;\nesac\n"
        )
        program.chmod(0o755)
        environment = {"PATH": f"{self.folder}:/usr/bin:/bin", "AWS_REGION": REGION}
        archive = write_zip(self.folder / "rxindex-lambda-x86_64-py3.13.zip", "")
        return run_script(*words, environment=environment, **{"zip": str(archive), **OPTIONS})

    @property
    def only_asked(self) -> bool:
        calls = (self.folder / "calls").read_text()
        return not re.search(r" (create|put|update|add|set|delete|remove)-", calls)


@pytest.fixture
def canned(tmp_path: Path) -> CannedCLI:
    return CannedCLI(tmp_path)


def test_destroy_wants_to_be_confirmed(canned: CannedCLI) -> None:
    ended = canned.run("", "--destroy")
    assert ended.returncode == 5
    assert f"function {NAME}" in ended.stdout
    assert "give --yes" in ended.stderr
    assert canned.only_asked


@pytest.mark.parametrize("words", [(), ("--destroy", "--yes")])
def test_what_others_made_is_left_alone(canned: CannedCLI, words: tuple[str, ...]) -> None:
    ended = canned.run("*get-function\\ *) echo '[false]' ;;", *words)
    assert ended.returncode == 2
    assert f"a function {NAME} that was not made by this script" in ended.stderr
    assert canned.only_asked


def test_a_missing_right_is_named_with_who_lacks_it(canned: CannedCLI) -> None:
    ended = canned.run(
        "*describe-rule*) echo 'An error occurred (AccessDeniedException) when calling the "
        "DescribeRule operation: not authorized' >&2; exit 254 ;;"
    )
    assert ended.returncode == 4
    assert "could not look at the rule" in ended.stderr
    assert f"arn:aws:iam::{ACCOUNT}:user/someone lacks this right" in ended.stderr
    assert canned.only_asked


def test_a_cli_that_is_too_old_is_named(canned: CannedCLI) -> None:
    ended = canned.run(
        "*recursion-config*) echo 'aws: error: argument operation: Invalid choice' >&2; exit 252 ;;"
    )
    assert ended.returncode == 3
    assert "aws-cli/2.9.19 is too old" in ended.stderr
    assert canned.only_asked


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("stage", None, "--stage is missing"),
        ("stage", "Prod", "--stage is wrong"),
        ("stage", "dev;touch odd", "--stage is wrong"),
        ("name", "$(touch odd)", "--name is wrong"),
        ("name", "x" * 33, "--name is wrong"),
        ("region", "eu central", "--region is wrong"),
        ("subnets", None, "--subnets is missing"),
        ("subnets", "vpc-0a0a0a0a", "--subnets is wrong"),
        ("security_groups", "sg-0a0a0a0a,", "--security-groups is wrong"),
        ("database_url", None, "--database-url is missing"),
        ("database_url", "mysql://reader:hunter2@fdb.internal/fdb", "--database-url is wrong"),
        ("database_url", "mysql://reader@fdb.internal/fdb", "the user belongs into the secret"),
        ("database_url", "mysql://fdb.internal/fdb?password=hunter2", "--database-url is wrong"),
        ("database_secret", None, "--database-secret is missing"),
        ("database_secret", '{"password": "hunter2"}', "--database-secret is wrong"),
        ("database_auth", "iam", "mysql://USER@HOST"),
        ("redis_url", "rediss://:hunter2@redis.internal:6379", "--redis-url is wrong"),
        ("redis_secret", None, "--redis-secret is missing"),
        ("set", "RXINDEX_TITAN_ENDPOINT=https://x:hunter2@y", "belongs into a secret"),
        ("set", "RXINDEX_CATALOGUE=fdb", "is set by this script"),
        ("set", "PATH=/tmp", "--set is wrong"),
        ("memory", "64", "from 128 to 10240"),
        ("timeout", "901", "from 60 to 900"),
        ("dimensions", "300", "256, 512 or 1024"),
        ("schedule", "at night", "--schedule is wrong"),
        ("email", "oncall", "--email is wrong"),
        ("log_days", "8", "--log-days is wrong"),
        ("architecture", "arm64", "is built for x86_64"),
        ("runtime", "python3.12", "is built for python3.13"),
        ("zip", "missing.zip", "there is no file missing.zip"),
        ("colour", "red", "there is no option --colour"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_called(
    tmp_path: Path, option: str, value: str | None, said: str
) -> None:
    archive = write_zip(tmp_path / "rxindex-lambda-x86_64-py3.13.zip", "")
    # There is no CLI on this PATH that could be called.
    ended = run_script(
        environment={"PATH": "/usr/bin:/bin"}, **{"zip": str(archive), **OPTIONS, option: value}
    )
    assert ended.returncode == 2, ended.stderr
    assert said in ended.stderr
    assert "hunter2" not in ended.stderr + ended.stdout
    assert list(tmp_path.iterdir()) == [archive]


def test_a_file_that_is_not_the_package_is_refused(tmp_path: Path) -> None:
    def said(path: Path) -> str:
        ended = run_script(environment={}, **{**OPTIONS, "zip": str(path)})
        assert ended.returncode == 2
        return ended.stderr

    text = tmp_path / "text.zip"
    text.write_text("rxindex/aws/sync_handler.py")
    assert "is not a zip file" in said(text)
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("other/handler.py", "")
    assert "does not hold rxindex's handler" in said(other)
    large = write_zip(tmp_path / "large.zip", "")
    with large.open("r+b") as sparse:
        sparse.truncate(50 * 1024 * 1024 + 1)
    assert "--bucket is missing" in said(large)
    stale = write_zip(tmp_path / "stale.zip", "")
    stale.with_suffix(".json").write_text('{"sha256": "of another build"}')
    assert "is not the file that" in said(stale)


def test_without_credentials_it_says_so(account: Account) -> None:
    nobody = {
        name: value
        for name, value in account.front.aws.environment.items()
        if name not in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    }
    ended = run_script(environment=nobody, **{"zip": str(account.zip), **OPTIONS})
    assert ended.returncode == 3
    assert "no usable AWS credentials: Unable to locate credentials" in ended.stderr


def test_the_help_names_every_option() -> None:
    ended = run_script("--help", environment={})
    assert ended.returncode == 0
    code = (SCRIPTS / "manual" / "options.sh").read_text()
    [listed] = re.findall(r"--set\) further.*?\n(.*?)\)\n", code, re.DOTALL)
    options = [*re.findall(r"--[a-z-]+", listed), "--set", "--dry-run", "--destroy", "--yes"]
    assert len(options) > 35
    assert [option for option in options if f"  {option} " not in ended.stdout] == []
    variables = re.findall(r"\$\{(RXINDEX_[A-Z_]+):-", code)
    assert [name for name in variables if f"[{name}]" not in ended.stdout] == []
