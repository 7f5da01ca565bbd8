"""What may be chosen when deploying: read from CDK's context, checked, and typed.

A parameter is given as ``-c name=value`` on CDK's command line, or as ``"name": value`` in the
context of ``cdk.json``; there, what belongs to one stage goes into ``"stages": {"prod": {...}}``.
Each has the same name everywhere: `Parameters.redis_instance_type` is ``redisInstanceType``.
"""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from rxindex_infra.checking import Wrong, check

__all__ = ["STAGE_DEFAULTS", "Parameters", "Wrong", "context_name", "read_parameters"]

#: What a stage changes of the defaults: dev is cheap and can be thrown away, prod is neither.
STAGE_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "dev": {},
    "prod": {
        "availability_zones": 2,
        "database_max_capacity": 16.0,
        "database_readers": 1,
        "database_backup_days": 35,
        "redis_instance_type": "m7g.large",
        "redis_volume_size": 50,
        "redis_snapshots": 14,
        "log_retention_days": 365,
        "protect": True,
    },
}


def _of(default: Any, says: str) -> Any:
    """A parameter: its default and its meaning; the table in README.md has the same words."""
    if isinstance(default, (dict, tuple)):
        return field(default_factory=lambda: default, metadata={"says": says})
    return field(default=default, metadata={"says": says})


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Every parameter of a deployment. Sizes are those of stage dev unless `STAGE_DEFAULTS` says.

    Raises:
        Wrong: a value is wrong, or does not go with another.
    """

    stage: Literal["dev", "prod"] = _of("dev", "which deployment this is: dev or prod")
    name: str = _of("rxindex", "begins the name of every stack and function")
    account: str = _of("", "AWS account; left out: that of the credentials")
    region: str = _of("", "AWS region; left out: that of the credentials' profile")

    vpc_id: str = _of("", "existing VPC to use; left out: one is made")
    vpc_cidr: str = _of("10.42.0.0/16", "addresses of the VPC that is made")
    availability_zones: int = _of(1, "zones that have a network interface of each endpoint: 1 or 2")
    subnet_ids: tuple[str, ...] = _of(
        (), "existing VPC: subnets of the functions and endpoints; left out: all its private ones"
    )
    redis_subnet_id: str = _of(
        "", "existing VPC: subnet of Redis, with a way out to the internet; left out: the first"
    )
    existing_endpoints: tuple[str, ...] = _of(
        (), "existing VPC: endpoints that it has, by service, such as bedrock-runtime or s3"
    )

    database_cluster_identifier: str = _of("", "existing Aurora cluster; left out: one is made")
    database_endpoint: str = _of("", "existing cluster: its reader or cluster endpoint")
    database_port: int = _of(3306, "port of the database")
    database_security_group_id: str = _of("", "existing cluster: its security group")
    database_secret_arn: str = _of("", "secret with the database's user and password")
    database_secret_key_arn: str = _of("", "KMS key of that secret, if it has one of its own")
    database_resource_id: str = _of(
        "", "existing cluster: its resource id (cluster-...), for databaseAuth=iam"
    )
    database_name: str = _of("fdb", "schema with the catalogue")
    database_auth: Literal["secret", "iam"] = _of("secret", "how to log in: secret or iam")
    database_user: str = _of("", "user for databaseAuth=iam")
    database_ca: str = _of(
        "/var/task/rds-ca.pem", "authority of the database's certificate, a file in the zip"
    )
    database_min_capacity: float = _of(0.5, "Aurora made here: least capacity units")
    database_max_capacity: float = _of(4.0, "Aurora made here: most capacity units")
    database_readers: int = _of(0, "Aurora made here: instances beside the writer")
    database_backup_days: int = _of(7, "Aurora made here: days that backups are kept")

    redis_instance_type: str = _of("t4g.small", "EC2 instance type of Redis")
    redis_volume_size: int = _of(20, "GiB of the volume with Redis' data")
    redis_version: str = _of("8", "version of Redis, or the beginning of one: 8, 8.4, 8.4.3")
    redis_ami: str = _of("", "image of Redis' instance; left out: Ubuntu 24.04")
    redis_memory_percent: int = _of(65, "share of the instance's memory that Redis may use")
    redis_snapshots: int = _of(3, "daily snapshots of the volume that are kept")
    redis_rotation_days: int = _of(30, "days after which Redis' password is changed")

    lambda_zip: str = _of(
        "../dist/rxindex-lambda-{arch}-py3.13.zip", "the package; {arch} becomes the architecture"
    )
    architecture: Literal["arm64", "x86_64"] = _of("arm64", "of the functions: arm64 or x86_64")
    sync_memory: int = _of(1769, "MB of the sync function; 1769 is one whole processor")
    search_memory: int = _of(1769, "MB of the search function")
    reserved_concurrency: int = _of(
        -1, "sync functions at once; left out: bulkConcurrency and two; 0: not reserved"
    )
    schedule: str = _of("cron(0 2 * * ? *)", "when the sync runs, in UTC")
    schedule_enabled: bool = _of(True, "whether the schedule is on")
    most_continuations: int = _of(40, "times that one run may invoke itself to go on")
    stop_margin: int = _of(30, "seconds before the time limit at which a run stops")
    catalogue: str = _of("fdb", "name of the catalogue in Redis")
    titan_model: str = _of("amazon.titan-embed-text-v2:0", "Bedrock model of the embeddings")
    dimensions: Literal["256", "512", "1024"] = _of("1024", "vector length: 256, 512 or 1024")
    titan_requests_per_minute: int = _of(2000, "your quota for the model")
    metrics_namespace: str = _of("DAW/DrugSync", "CloudWatch namespace of all metrics")
    settings: Mapping[str, str] = _of(
        {}, "further settings of docs/configuration.md, as an object in cdk.json"
    )

    bulk_parts: int = _of(100, "parts that a bulk load is cut into")
    bulk_concurrency: int = _of(10, "parts of a bulk load that are worked on at once")
    bulk_tolerated_failures: int = _of(5, "percent of the parts that may fail")

    api_auth: Literal["iam", "jwt"] = _of("iam", "who may search: iam (signed requests) or jwt")
    api_jwt_issuer: str = _of("", "apiAuth=jwt: address of the issuer")
    api_jwt_audience: tuple[str, ...] = _of((), "apiAuth=jwt: accepted audiences")
    api_cors_origins: tuple[str, ...] = _of((), "origins of web pages that may call the API")
    api_rate: int = _of(50, "requests a second that the API takes")
    api_burst: int = _of(100, "requests at once that the API takes")

    alarm_email: str = _of("", "address that alarms are sent to")
    failed_drugs_threshold: int = _of(100, "failed drugs of a run that raise an alarm")
    throttles_threshold: int = _of(1000, "throttled embedding calls in an hour, likewise")
    quarantine_threshold: int = _of(100, "drugs in quarantine, likewise")
    quarantine_growth: int = _of(10, "drugs more in quarantine than the day before, likewise")
    log_retention_days: int = _of(30, "days that logs are kept")
    protect: bool = _of(False, "keep data and refuse deletion, of stacks and of the database")

    def __post_init__(self) -> None:
        check(self)

    @property
    def prefix(self) -> str:
        """What names of this deployment begin with: ``rxindex-dev``."""
        return f"{self.name}-{self.stage}"

    @property
    def package(self) -> Path:
        """The zip with the functions."""
        return Path(self.lambda_zip.replace("{arch}", self.architecture))

    @property
    def makes_database(self) -> bool:
        """Whether a cluster is made here, rather than an existing one used."""
        return not self.database_cluster_identifier

    @property
    def sync_at_once(self) -> int | None:
        """Sync functions that may run at once; None where nothing is reserved."""
        if self.reserved_concurrency >= 0:
            return self.reserved_concurrency or None
        # Beside the workers of a bulk load: the nightly run, and one that is asked for by hand.
        return self.bulk_concurrency + 2


def context_name(name: str) -> str:
    """The name in the context: ``redis_instance_type`` is ``redisInstanceType``."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def read_parameters(context: Mapping[str, Any]) -> Parameters:
    """Read the parameters from CDK's context.

    Args:
        context: all of it; what CDK keeps there for itself is passed over.

    Raises:
        Wrong: says which parameter, what is wrong, and what would be right.
    """
    known = {context_name(one.name): one for one in fields(Parameters)}
    given = {name: value for name, value in context.items() if not re.search("[@:]", name)}
    stages = given.pop("stages", {})
    stage = str(given.get("stage", "dev"))
    if stage not in STAGE_DEFAULTS:
        raise Wrong(f"stage is {stage!r}; write dev or prod")
    if not isinstance(stages, Mapping) or not all(
        isinstance(one, Mapping) for one in stages.values()
    ):
        raise Wrong('stages has to look like {"dev": {...}, "prod": {...}}')
    given = dict(stages.get(stage, {})) | given
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise Wrong(f"{name} is no parameter (infra/README.md lists them){hint}")
    values = dict(STAGE_DEFAULTS[stage]) | {
        known[name].name: _convert(name, known[name], value) for name, value in given.items()
    }
    return Parameters(**values)


def _convert(name: str, wanted: Field[Any], value: Any) -> Any:
    """Turn a value of the context, where the command line has only text, into what is wanted.

    Raises:
        Wrong: it can't be.
    """
    kind = typing.get_type_hints(Parameters)[wanted.name]
    origin = typing.get_origin(kind)
    if origin is tuple:
        return _words(name, value)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise Wrong(f'{name} is {value!r}; write an object: {{"most_deletes": "0.1"}}')
        return {str(key): str(one) for key, one in value.items()}
    if origin is Literal:
        choices = typing.get_args(kind)
        if str(value) not in choices:
            raise Wrong(f"{name} is {value!r}; write {' or '.join(choices)}")
        return str(value)
    if kind is bool:
        words: dict[str, bool] = {"true": True, "false": False}
        if str(value).lower() not in words:
            raise Wrong(f"{name} is {value!r}; write true or false")
        return words[str(value).lower()]
    if kind in (int, float):
        return _number(name, kind, value)
    if not isinstance(value, str):
        raise Wrong(f"{name} is {value!r}; write text")
    return value.strip()


def _number(name: str, kind: Any, value: Any) -> int | float:
    try:
        if isinstance(value, bool):
            raise ValueError
        number: int | float = kind(value)
        if number != float(value):
            raise ValueError
    except (TypeError, ValueError):
        what = "a whole number" if kind is int else "a number"
        raise Wrong(f"{name} is {value!r}; write {what}") from None
    return number


def _words(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [word for word in re.split(r"[,\s]+", value) if word]
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise Wrong(f"{name} is {value!r}; write words with commas between them, or a list")
    return tuple(value)
