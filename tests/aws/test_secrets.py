"""Secrets, parameters and tokens by real boto3, and what its failures mean."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.services.aws import REGION, MotoServer
from tests.services.redis import free_port

from rxindex.aws.masking import masked
from rxindex.aws.secrets import Login, SecretStore
from rxindex.errors import ConfigurationError, TransientError

PASSWORD = "p@ss:w/rd?#%&+ 1"
#: As RDS writes it.
RDS = {
    "username": "reader",
    "password": PASSWORD,
    "engine": "mysql",
    "host": "cluster.internal",
    "port": 3307,
    "dbname": "fdb",
    "dbClusterIdentifier": "fdb-cluster",
}


@contextmanager
def answering(status: int, code: str) -> Iterator[str]:
    """An endpoint that refuses everything in one way; gives its address."""

    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            said = json.dumps({"__type": code, "message": "so it is"}).encode()
            self.send_response(status)
            self.send_header("content-type", "application/x-amz-json-1.1")
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Keep quiet."""

    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_secret_is_read_by_name_and_by_arn(aws: MotoServer) -> None:
    arn = aws.put_secret("db", RDS)
    expected = Login(PASSWORD, "reader", "cluster.internal", 3307, "fdb")
    assert SecretStore().login("db") == SecretStore().login(arn) == expected


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ({"password": "x"}, Login("x")),
        ({"password": "x", "username": None, "port": None}, Login("x")),
        ({"password": "x", "port": "3307"}, Login("x", port=3307)),
        (b'{"password": "as bytes"}', Login("as bytes")),
    ],
)
def test_secrets_made_by_hand_are_read_too(
    aws: MotoServer, stored: object, expected: Login
) -> None:
    aws.put_secret("db", stored)
    assert SecretStore().login("db") == expected


def test_a_secret_is_kept_until_it_is_asked_for_anew(aws: MotoServer) -> None:
    aws.put_secret("db", {"password": "old one"})
    store = SecretStore()
    assert store.login("db").password == "old one"
    aws.put_secret("db", {"password": "new one"})
    assert store.login("db").password == "old one"
    assert store.login("db", fresh=True).password == "new one"
    assert store.login("db").password == "new one"


@pytest.mark.parametrize(
    "stored",
    [
        "opens-everything",
        "",
        '"opens-everything"',
        '["opens-everything"]',
        '{"password": "opens-everything"',
        '{"password": ["opens-everything"]}',
        '{"password": 5, "username": "opens-everything"}',
        '{"password": "opens-everything", "port": "opens-everything"}',
        '{"password": "opens-everything", "username": "\\ud800"}',
        '{"username": "opens-everything"}',
        '{"password": "", "username": "opens-everything"}',
        b"\xff\xfe opens-everything",
    ],
)
def test_what_is_no_login_is_told_without_quoting_it(aws: MotoServer, stored: object) -> None:
    aws.put_secret("db", stored or " ")
    with pytest.raises(ConfigurationError, match=r"the secret db .*store") as caught:
        SecretStore().login("db")
    assert "everything" not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_login_shows_nothing_that_opens_anything() -> None:
    assert "password='***'" in repr(Login("opens-everything", "reader"))
    assert "everything" not in f"{Login('opens-everything')!s} {[Login('opens-everything')]}"


def test_what_was_fetched_never_comes_out_again(aws: MotoServer) -> None:
    aws.put_secret("db", {"password": 'o"pens\\every/thing'})
    SecretStore().login("db")
    for written in (
        'o"pens\\every/thing',
        "o%22pens%5Cevery%2Fthing",
        json.dumps({"x": 'o"pens\\every/thing'}),
        repr('o"pens\\every/thing'),
    ):
        assert "every" not in masked(f"before {written} after")


def test_a_missing_secret_is_named(aws: MotoServer) -> None:
    with pytest.raises(ConfigurationError, match="the secret other does not exist"):
        SecretStore().login("other")
    with pytest.raises(ConfigurationError, match="the parameter /rx/ca does not exist"):
        SecretStore().parameter("/rx/ca")


def test_a_secret_on_its_way_out_says_so(aws: MotoServer) -> None:
    aws.put_secret("db", RDS)
    aws.client("secretsmanager").delete_secret(SecretId="db", RecoveryWindowInDays=7)
    with pytest.raises(ConfigurationError, match=r"the secret db .*delet"):
        SecretStore().login("db")


def test_a_denial_names_the_right_that_is_needed(aws: MotoServer) -> None:
    arn = aws.put_secret("db", RDS)
    aws.client("ssm").put_parameter(Name="/rx/ca", Value="x", Type="String")
    nobody = SecretStore(aws.session(aws.user("nobody")))
    rights = ("secretsmanager:GetSecretValue", "ssm:GetParameter")
    reader = aws.user("reader", {"Effect": "Allow", "Action": rights, "Resource": "*"})
    with aws.rights_checked():
        with pytest.raises(ConfigurationError, match=f"{arn} may not be read.*needs {rights[0]}"):
            nobody.login(arn)
        with pytest.raises(ConfigurationError, match=f"/rx/ca may not be read.*needs {rights[1]}"):
            nobody.parameter("/rx/ca")
        allowed = SecretStore(aws.session(reader))
        assert allowed.login(arn).username == "reader"
        assert allowed.parameter("/rx/ca") == "x"


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "ThrottlingException", TransientError),
        (429, "TooManyRequestsException", TransientError),
        (503, "", TransientError),
        (400, "AccessDeniedException", ConfigurationError),
        (400, "ExpiredTokenException", ConfigurationError),
        (400, "DecryptionFailure", ConfigurationError),
        (400, "ValidationException", ConfigurationError),
    ],
)
def test_refusals_are_told_from_trouble_that_passes(
    aws: MotoServer,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    code: str,
    expected: type[Exception],
) -> None:
    with answering(status, code) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        with pytest.raises(expected, match="the secret db"):
            SecretStore().login("db")


def test_a_service_that_is_out_of_reach_is_asked_again_later(
    aws: MotoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    began = time.monotonic()
    with pytest.raises(TransientError, match="endpoint"):
        SecretStore().login("db")
    assert time.monotonic() - began < 15


@pytest.mark.parametrize("missing", ["credentials", "region"])
def test_an_aws_configuration_that_is_not_there_is_a_setting_gone_wrong(
    aws: MotoServer, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    names = {
        "credentials": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        "region": ("AWS_DEFAULT_REGION", "AWS_REGION"),
    }
    for name in names[missing]:
        monkeypatch.delenv(name)
    with pytest.raises(ConfigurationError, match=missing):
        SecretStore().login("db")
    with pytest.raises(ConfigurationError, match=missing):
        SecretStore().token("db.internal", 3306, "reader")


def test_an_encrypted_parameter_is_read_in_clear(aws: MotoServer) -> None:
    ssm = aws.client("ssm")
    ssm.put_parameter(Name="/rx/ca", Value="first", Type="SecureString")
    store = SecretStore()
    assert store.parameter("/rx/ca") == "first"
    ssm.put_parameter(Name="/rx/ca", Value="second", Type="SecureString", Overwrite=True)
    assert store.parameter("/rx/ca") == "first"
    assert store.parameter("/rx/ca", fresh=True) == "second"


def test_a_token_is_for_one_user_of_one_database_and_made_without_a_call(
    aws: MotoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    token = SecretStore().token("db.internal", 3307, "reader")
    asked = urlsplit(f"https://{token}")
    query = parse_qs(asked.query)
    assert asked.netloc == "db.internal:3307"
    assert (query["Action"], query["DBUser"]) == (["connect"], ["reader"])
    assert query["X-Amz-Expires"] == ["900"]
    assert f"/{REGION}/rds-db/" in query["X-Amz-Credential"][0]
    assert token not in masked(f"logging in with {token}")
