"""What runs on Redis' instance, run here: real scripts, real Redis, an AWS that answers."""

from __future__ import annotations

import re
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.exceptions import AuthenticationError, NoPermissionError

from rxindex_infra.redis_files import FILES, packed_files
from tests.instance import Instance, json_of
from tests.synthesis import INFRA

_DOCUMENTED = INFRA.parent / "docs/configuration.md"


#: The beginning of a command that notes its call.
_NOTED = '#!/bin/sh\necho "$(basename "$0") $*" >> "$CLOUD/machine"\n'


def ask(client: redis.Redis, *words: str) -> Any:
    """A command as it is; redis-py leaves this without types."""
    return client.execute_command(*words)  # type: ignore[no-untyped-call]


def ready(instance: Instance) -> None:
    """Run what boot.sh runs, up to a Redis that is up."""
    instance.run("certificate.sh")
    instance.run("configure.sh")
    instance.run("password.sh")
    instance.start()


def test_scripts_have_no_fault_that_shellcheck_knows() -> None:
    scripts = [*FILES.glob("*.sh"), INFRA / "setup", INFRA / "cdk", INFRA / "check"]
    done = subprocess.run(["shellcheck", *map(str, scripts)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_user_may_do_what_the_documentation_says_and_nothing_else() -> None:
    documented = re.search(r"ACL SETUSER rxindex on >SECRET (.*)", _DOCUMENTED.read_text())
    assert documented
    lines = (FILES / "rules.acl").read_text().splitlines()
    assert " ".join(line for line in lines if not line.startswith("#")) == documented[1]


def test_redis_starts_with_the_configuration(instance: Instance) -> None:
    ready(instance)
    operator = (instance.folder / "config/operator.password").read_text().strip()
    settings = instance.client(operator, "operator")
    assert "name=search," in instance.run("ask.sh", "INFO", "modules")
    with pytest.raises(NoPermissionError):
        settings.get("rx:x")
    client = instance.client("the-first-password")
    wanted = {
        "maxmemory-policy": "noeviction",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "hash-max-listpack-value": "8192",
        "save": "",
    }
    assert {name: client.config_get(name)[name] for name in wanted} == wanted
    total = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    assert total
    memory = int(total.group(1))
    assert client.config_get("maxmemory") == {"maxmemory": str(memory * 5 // 100 * 1024)}


def test_tls_is_the_only_way_in_from_outside(instance: Instance) -> None:
    instance.run("configure.sh")
    lines = instance.configuration.read_text().splitlines()
    tls = dict(line.split(" ", 1) for line in lines if line.startswith(("tls-", "port ")))
    data = instance.settings["DATA"]
    assert tls == {
        "port": "0",
        "tls-port": "6379",
        "tls-cert-file": f"{data}/tls/redis.crt",
        "tls-key-file": f"{data}/tls/redis.key",
        "tls-ca-cert-file": f"{data}/tls/ca.crt",
        "tls-auth-clients": "no",
        "tls-protocols": '"TLSv1.2 TLSv1.3"',
    }


def test_the_user_can_search_and_write_drugs_and_nobody_else_can_do_anything(
    instance: Instance,
) -> None:
    ready(instance)
    client = instance.client("the-first-password")
    ask(client, "FT.CREATE", "rx:i", "PREFIX", "1", "rx:d:", "SCHEMA", "n", "TEXT")
    client.hset("rx:d:1", mapping={"n": "aspirin"})
    assert ask(client, "FT.SEARCH", "rx:i", "aspirin")[0] == 1
    for words in (
        ["SET", "other", "1"],
        ["FLUSHALL"],
        ["CONFIG", "SET", "dir", "/"],
        ["KEYS", "*"],
    ):
        with pytest.raises(NoPermissionError):
            ask(client, *words)
    with pytest.raises(redis.AuthenticationError):
        instance.client(None).get("rx:d:1")
    with pytest.raises(AuthenticationError):
        instance.client("wrong").get("rx:d:1")


def test_no_password_touches_the_disk_or_a_command_line(instance: Instance) -> None:
    instance.password("AWSPREVIOUS", "the-password-before")
    ready(instance)
    instance.password("AWSPENDING", "the-password-after")
    instance.run("password.sh")
    instance.stop()
    for place in ("config", "data", "logs", "etc"):
        for path in (instance.folder / place).rglob("*"):
            if path.is_file():
                assert b"the-" not in path.read_bytes(), path
    assert "the-" not in str(instance.calls())
    for name in ("users.acl", "operator.password"):
        assert (instance.folder / "config" / name).stat().st_mode & 0o077 == 0


def test_a_change_of_the_password_interrupts_nobody(instance: Instance) -> None:
    ready(instance)
    before = instance.client("the-first-password")
    assert before.get("rx:x") is None
    connection = before.connection_pool.get_connection()
    before.connection_pool.release(connection)

    instance.password("AWSPENDING", "the-second-password")
    instance.run("password.sh")
    for password in ("the-first-password", "the-second-password"):
        assert instance.client(password).get("rx:x") is None

    (instance.cloud / "AWSPENDING").unlink()
    instance.password("AWSCURRENT", "the-second-password")
    instance.password("AWSPREVIOUS", "the-first-password")
    instance.run("password.sh")
    assert instance.client("the-second-password").get("rx:x") is None
    # The connection from before is still the same one, and logged in.
    assert before.get("rx:x") is None
    assert before.connection_pool.get_connection() is connection

    instance.password("AWSCURRENT", "the-third-password")
    instance.password("AWSPREVIOUS", "the-second-password")
    instance.run("password.sh")
    with pytest.raises(AuthenticationError):
        instance.client("the-first-password").get("rx:x")
    instance.stop()
    instance.start()
    for password in ("the-third-password", "the-second-password"):
        assert instance.client(password).get("rx:x") is None


def test_nothing_is_written_when_nothing_changed(instance: Instance) -> None:
    ready(instance)
    users = instance.folder / "config/users.acl"
    before = users.stat()
    assert instance.run("password.sh") == ""
    assert users.stat().st_ino == before.st_ino


@pytest.mark.parametrize(
    ("refusal", "says"),
    [
        ("AWSPREVIOUS:InternalServiceError", "InternalServiceError"),
        ("AWSPENDING:AccessDeniedException", "AccessDenied"),
        ("AWSCURRENT:ResourceNotFoundException", "AWSCURRENT"),
    ],
)
def test_a_password_in_use_is_not_taken_away_because_aws_fails(
    instance: Instance, refusal: str, says: str
) -> None:
    instance.password("AWSPREVIOUS", "the-password-before")
    instance.run("password.sh")
    before = (instance.folder / "config/users.acl").read_text()
    (instance.cloud / "refuses").write_text(refusal)
    assert says in instance.run("password.sh", fails=True)
    assert (instance.folder / "config/users.acl").read_text() == before


@pytest.mark.parametrize("secret", ["{}", "no JSON", '{"password": ""}', '{"password": 5}'])
def test_a_secret_without_a_password_is_refused_and_not_quoted(
    instance: Instance, secret: str
) -> None:
    (instance.cloud / "AWSCURRENT").write_text(secret)
    said = instance.run("password.sh", fails=True)
    assert "no password of at least 16 characters" in said
    assert secret not in said
    assert not (instance.folder / "config/users.acl").exists()


def test_the_certificate_is_one_that_strict_clients_take(instance: Instance) -> None:
    instance.run("certificate.sh")
    tls = instance.folder / "data/tls"
    name = instance.settings["NAME"]
    authority = (instance.cloud / "parameter").read_text()
    assert authority == (tls / "ca.crt").read_text().rstrip("\n")
    client = ssl.create_default_context(cadata=authority)
    # Python 3.13, which the functions run in, is strict by default.
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tls / "redis.crt", tls / "redis.key")
    shake(client, server, name)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(client, server, "another.internal")


def shake(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> None:
    """Let the two come to terms, without a network."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    asks = client.wrap_bio(back, there, server_hostname=name)
    answers = server.wrap_bio(there, back, server_side=True)
    for _ in range(4):
        for side in (asks, answers):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert asks.version() in ("TLSv1.2", "TLSv1.3")


def test_the_authority_outlives_the_instance_and_its_key_stays_its_own(instance: Instance) -> None:
    instance.run("certificate.sh")
    tls = instance.folder / "data/tls"
    before = {path.name: path.read_bytes() for path in tls.iterdir()}
    assert set(before) == {"ca.key", "ca.crt", "redis.key", "redis.crt"}
    instance.run("certificate.sh")
    assert {path.name: path.read_bytes() for path in tls.iterdir()} == before
    published = [call for call in instance.calls() if call[:2] == ["ssm", "put-parameter"]]
    assert len(published) == 1
    assert b"PRIVATE" not in (instance.cloud / "parameter").read_bytes()
    assert (tls / "ca.key").stat().st_mode & 0o077 == 0


def test_a_certificate_for_another_name_or_key_is_made_anew(instance: Instance) -> None:
    instance.run("certificate.sh")
    tls = instance.folder / "data/tls"
    authority = (tls / "ca.crt").read_bytes()
    seen = {(tls / "redis.crt").read_bytes()}
    instance.settings["NAME"] = "redis.other.internal"
    instance.write_settings()
    instance.run("certificate.sh")
    seen.add((tls / "redis.crt").read_bytes())
    (tls / "redis.key").write_bytes((tls / "ca.key").read_bytes())
    instance.run("certificate.sh")
    seen.add((tls / "redis.crt").read_bytes())
    assert len(seen) == 3
    assert (tls / "ca.crt").read_bytes() == authority


_STEPS = ["install", "volume", "certificate", "configure", "password", "start", "name"]

_METADATA = """#!/bin/sh
case "$*" in
    *api/token*) echo token ;;
    *instance-id*) echo i-0456 ;;
    *local-ipv4*) echo 10.0.0.9 ;;
    *) exit 22 ;;
esac
"""


@pytest.mark.parametrize("fails", [None, "certificate"])
def test_cloudformation_hears_how_the_first_boot_went(
    instance: Instance, fails: str | None
) -> None:
    instance.command("curl", _METADATA)
    for name in _STEPS:
        step = instance.scripts / f"{name}.sh"
        step.write_text(f'#!/bin/sh\necho {name} >> "$CLOUD/machine"\nexit {int(name == fails)}\n')
    instance.run("boot.sh", fails=fails is not None)
    done = _STEPS if fails is None else _STEPS[: _STEPS.index(fails) + 1]
    assert instance.machine() == done
    (call,) = instance.calls()
    assert call == [
        "cloudformation", "signal-resource", "--stack-name", "rxindex-dev-redis",
        "--logical-resource-id", "Group", "--unique-id", "i-0456",
        "--status", "FAILURE" if fails else "SUCCESS",
    ]  # fmt: skip
    noted = (instance.folder / "etc/instance.env").read_text()
    assert noted == "INSTANCE=i-0456\nADDRESS=10.0.0.9\n"


def test_what_an_image_has_already_is_not_installed_again(instance: Instance) -> None:
    (instance.folder / "modules/redisearch.so").touch()
    instance.command("redis-server", "#!/bin/sh\necho 'Redis server v=8.4.3 sha=0:1 malloc=libc'\n")
    for name in ("apt-get", "curl", "gpg", "systemctl", "unzip"):
        instance.command(name)
    instance.command("dpkg", f"{_NOTED}echo arm64\n")
    instance.run("install.sh")
    agent = "https://amazoncloudwatch-agent-eu-central-1.s3.eu-central-1.amazonaws.com"
    called = instance.machine()
    assert not [line for line in called if line.startswith(("apt-get", "gpg", "systemctl"))]
    (fetched,) = (line for line in called if line.startswith("curl"))
    assert fetched.endswith(f"{agent}/ubuntu/arm64/latest/amazon-cloudwatch-agent.deb")


@pytest.mark.parametrize("used", [False, True])
def test_a_file_system_is_made_on_a_blank_volume_only(instance: Instance, used: bool) -> None:
    for name in ("mkfs.xfs", "mount", "xfs_growfs"):
        instance.command(name)
    instance.command("mountpoint", "#!/bin/sh\nexit 1\n")
    instance.command("blkid", f"#!/bin/sh\necho xfs\nexit {0 if used else 2}\n")
    instance.run("volume.sh")
    data = instance.settings["DATA"]
    made = ["mkfs.xfs -q " + str(instance.device)] if not used else []
    assert instance.machine() == [*made, f"mount {data}", f"xfs_growfs {data}"]
    assert instance.calls()[0][:6] == [
        "ec2", "attach-volume", "--volume-id", "vol-0123456789abcdef0", "--instance-id", "i-0123",
    ]  # fmt: skip
    line = f"{instance.device} {data} xfs noatime,nofail,x-systemd.device-timeout=300 0 2\n"
    assert (instance.folder / "etc/fstab").read_text() == line
    instance.run("volume.sh")
    assert (instance.folder / "etc/fstab").read_text() == line
    assert len(instance.calls()) == 1


def test_a_volume_that_cannot_be_told_is_left_alone(instance: Instance) -> None:
    for name in ("mkfs.xfs", "mount", "xfs_growfs"):
        instance.command(name)
    instance.command("blkid", "#!/bin/sh\nexit 8\n")
    assert "nothing was done to it" in instance.run("volume.sh", fails=True)
    assert instance.machine() == []


def test_a_volume_that_stays_taken_is_an_error(instance: Instance) -> None:
    (instance.cloud / "refuses").write_text("attach-volume:VolumeInUse")
    instance.settings["ATTACH_SECONDS"] = "0"
    instance.write_settings()
    assert "could not be attached" in instance.run("volume.sh", fails=True)


def test_the_name_is_made_to_mean_the_instance(instance: Instance) -> None:
    instance.run("name.sh")
    (call,) = instance.calls()
    assert call[:4] == ["route53", "change-resource-record-sets", "--hosted-zone-id", "Z0123"]
    assert json_of(call, "--change-batch") == {
        "Changes": [
            {
                "Action": "UPSERT",
                "ResourceRecordSet": {
                    "Name": "redis.rxindex-dev.internal",
                    "Type": "A",
                    "TTL": 10,
                    "ResourceRecords": [{"Value": "10.0.0.7"}],
                },
            }
        ]
    }


@pytest.mark.parametrize("status", ["UPDATE_COMPLETE", "DELETE_IN_PROGRESS"])
def test_what_the_instance_made_goes_when_the_stack_does(instance: Instance, status: str) -> None:
    (instance.cloud / "stack").write_text(status)
    instance.run("leave.sh")
    calls = [call[1] for call in instance.calls()]
    gone = ["change-resource-record-sets", "delete-parameter"]
    assert calls == ["describe-stacks"] + (gone if status == "DELETE_IN_PROGRESS" else [])


def test_metrics_say_whether_redis_is_up_and_how_full(instance: Instance) -> None:
    ready(instance)
    instance.run("metrics.sh")
    instance.stop()
    instance.run("metrics.sh")
    sent = [call for call in instance.calls() if call[0] == "cloudwatch"]
    up, down = (json_of(call, "--metric-data") for call in sent)
    values = {one["MetricName"]: one["Value"] for one in up}
    assert set(values) == {"RedisUp", "RedisMemory", "RedisClients", "RedisWriteErrors"}
    assert values["RedisUp"] == 1
    assert 0 < values["RedisMemory"] < 100
    assert values["RedisWriteErrors"] == 0
    server = [{"Name": "Server", "Value": "redis.rxindex-dev.internal"}]
    assert all(one["Dimensions"] == server for one in up)
    assert down == [{"MetricName": "RedisUp", "Value": 0, "Unit": "Count", "Dimensions": server}]


def test_every_file_of_the_instance_is_used() -> None:
    scripts = {path.name: path.read_text() for path in FILES.iterdir()}
    for name in scripts:
        if name == "boot.sh":
            continue
        # rxindex-password.service is written as rxindex-$task.service
        stem = re.sub(r"^rxindex-(password|certificate|metrics)\.", "rxindex-$task.", name)
        used = [other for other, text in scripts.items() if other != name and stem in text]
        assert used, f"nothing uses {name}"


def test_the_same_files_are_packed_to_the_same_bytes() -> None:
    assert packed_files() == packed_files()
