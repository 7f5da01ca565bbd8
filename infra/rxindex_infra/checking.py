"""Which parameters are possible, and which go together."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rxindex_infra.parameters import Parameters

__all__ = ["OWN_SETTINGS", "Wrong", "check"]

#: Settings of rxindex that the stacks write themselves.
OWN_SETTINGS = frozenset(
    "source source_ca redis redis_ca redis_ca_parameter database_secret database_auth redis_secret "
    "metrics_namespace most_continuations stop_margin embedder titan_model dimensions "
    "titan_requests_per_minute catalogue data_dir".split()
)

#: Days that CloudWatch Logs can keep logs for.
_RETENTIONS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192,
               2557, 2922, 3288, 3653)  # fmt: skip

_ARN = r"arn:aws[a-z-]*:{service}:[a-z0-9-]+:\d{{12}}:{rest}"

#: Texts: the form that they must have, and an example of it.
_FORMS: dict[str, tuple[str, str]] = {
    "name": (r"[a-z][a-z0-9-]{0,19}", "up to 20 small letters, digits and hyphens"),
    "account": (r"\d{12}", "the twelve digits of an account"),
    "region": (r"[a-z]{2}(-[a-z]+)+-\d", "a region such as us-east-1"),
    "vpc_id": (r"vpc-[0-9a-f]{8,17}", "vpc-0123456789abcdef0"),
    "redis_subnet_id": (r"subnet-[0-9a-f]{8,17}", "subnet-0123456789abcdef0"),
    "database_cluster_identifier": (r"[A-Za-z][A-Za-z0-9-]{0,62}", "the cluster's identifier"),
    "database_endpoint": (r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", "a host name"),
    "database_security_group_id": (r"sg-[0-9a-f]{8,17}", "sg-0123456789abcdef0"),
    "database_secret_arn": (
        _ARN.format(service="secretsmanager", rest=r"secret:[\w/+=.@-]+-\w{6}"),
        "the secret's whole ARN, which ends with a hyphen and six characters",
    ),
    "database_secret_key_arn": (
        _ARN.format(service="kms", rest=r"key/[\w-]+"),
        "the ARN of a KMS key (not of an alias)",
    ),
    "database_resource_id": (r"cluster-[A-Z0-9]+", "cluster-ABCDEFGHIJKL0123456789"),
    "database_name": (r"\w{1,64}", "letters, digits and underscores"),
    "database_user": (r"\w{1,32}", "letters, digits and underscores"),
    "database_ca": (r"/[\w./-]+", "an absolute path: /var/task/rds-ca.pem"),
    "redis_instance_type": (r"[a-z0-9-]+\.[a-z0-9-]+", "an instance type such as m7g.large"),
    "redis_version": (r"8(\.\d+){0,2}", "8, 8.4 or 8.4.3: the query engine is part of Redis 8"),
    "redis_ami": (r"ami-[0-9a-f]{8,17}", "ami-0123456789abcdef0"),
    "schedule": (r"(cron|rate)\(.+\)", "cron(0 2 * * ? *) or rate(12 hours)"),
    "catalogue": (r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", "letters, digits, hyphens, underscores"),
    "titan_model": (
        r"[a-z0-9-]+\.[a-z0-9-]+(-v\d+)?(:\d+)?",
        "the id of a foundation model, not of an inference profile",
    ),
    "metrics_namespace": (r"(?!AWS/)[\w.#/-]{1,255}", "a namespace that does not begin with AWS/"),
    "api_jwt_issuer": (r"https://[^\s]+", "an address that begins with https://"),
    "alarm_email": (r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address"),
}

_RANGES: dict[str, tuple[float, float]] = {
    "availability_zones": (1, 2),
    "database_port": (1, 65_535),
    "database_min_capacity": (0, 256),
    "database_max_capacity": (1, 256),
    "database_readers": (0, 14),
    "database_backup_days": (1, 35),
    "redis_volume_size": (10, 16_384),
    "redis_memory_percent": (10, 80),
    "redis_snapshots": (1, 1_000),
    "redis_rotation_days": (1, 1_000),
    "sync_memory": (256, 10_240),
    "search_memory": (256, 10_240),
    "reserved_concurrency": (-1, 1_000),
    "most_continuations": (0, 1_000),
    "stop_margin": (10, 600),
    "titan_requests_per_minute": (1, 1_000_000),
    "bulk_parts": (1, 1_000),
    "bulk_concurrency": (1, 1_000),
    "bulk_tolerated_failures": (0, 100),
    "api_rate": (1, 10_000),
    "api_burst": (1, 5_000),
    "failed_drugs_threshold": (1, 10_000_000),
    "throttles_threshold": (1, 10_000_000),
    "quarantine_threshold": (1, 10_000_000),
    "quarantine_growth": (1, 10_000_000),
}

_LISTS: dict[str, tuple[str, str]] = {
    "subnet_ids": (r"subnet-[0-9a-f]{8,17}", "subnet-0123456789abcdef0"),
    "existing_endpoints": (r"[a-z0-9-]+", "a service such as bedrock-runtime"),
    "api_cors_origins": (r"https?://[^\s/*]+", "an origin such as https://app.example.com, no *"),
    "api_jwt_audience": (r"\S+", "an audience"),
}

#: May not be empty.
_NEEDED = frozenset("name database_name catalogue titan_model metrics_namespace schedule "
                    "redis_instance_type redis_version".split())  # fmt: skip


class Wrong(Exception):
    """A parameter that can't be: the message says which, why, and what would be right."""


def check(parameters: Parameters) -> None:
    """Make sure that every parameter is possible and goes with the others.

    Raises:
        Wrong: one is not.
    """
    _check_forms(parameters)
    for name, (low, high) in _RANGES.items():
        value = getattr(parameters, name)
        if not low <= value <= high:
            raise Wrong(f"{_shown(name)} is {value:g}; it goes from {low:g} to {high:g}")
    if parameters.log_retention_days not in _RETENTIONS:
        choices = ", ".join(map(str, _RETENTIONS))
        raise Wrong(f"logRetentionDays is {parameters.log_retention_days}; choose one of {choices}")
    for rule in (_check_network, _check_database, _check_functions, _check_api):
        rule(parameters)


def _check_forms(parameters: Parameters) -> None:
    for name, (form, example) in _FORMS.items():
        value = getattr(parameters, name)
        if (value or name in _NEEDED) and not re.fullmatch(form, value):
            raise Wrong(f"{_shown(name)} is {value!r}; write {example}")
    for name, (form, example) in _LISTS.items():
        for value in getattr(parameters, name):
            if not re.fullmatch(form, value):
                raise Wrong(f"{_shown(name)} has {value!r}; write {example}")


def _check_network(parameters: Parameters) -> None:
    try:
        network = ipaddress.IPv4Network(parameters.vpc_cidr)
    except ValueError as error:
        raise Wrong(f"vpcCidr is {parameters.vpc_cidr!r}: {error}; write 10.42.0.0/16") from None
    if not 16 <= network.prefixlen <= 23:
        raise Wrong(f"vpcCidr is {network}; a VPC with seven subnets needs /16 to /23")
    if parameters.vpc_id and not (parameters.account and parameters.region):
        raise Wrong(
            "vpcId can only be looked up in a known account and region: configure credentials "
            "(AWS_PROFILE), or give account and region"
        )
    for name in ("subnet_ids", "redis_subnet_id", "existing_endpoints"):
        if getattr(parameters, name) and not parameters.vpc_id:
            raise Wrong(f"{_shown(name)} goes with vpcId; the VPC that is made has its own")


def _check_database(parameters: Parameters) -> None:
    existing = ("database_endpoint", "database_security_group_id", "database_resource_id")
    if parameters.database_auth == "iam" and not parameters.database_user:
        raise Wrong("databaseAuth=iam needs databaseUser, which the database knows as an IAM user")
    if parameters.database_secret_key_arn and not parameters.database_secret_arn:
        raise Wrong("databaseSecretKeyArn goes with databaseSecretArn")
    if parameters.database_min_capacity > parameters.database_max_capacity:
        raise Wrong("databaseMinCapacity is more than databaseMaxCapacity")
    if parameters.makes_database:
        for name in existing:
            if getattr(parameters, name):
                raise Wrong(f"{_shown(name)} goes with databaseClusterIdentifier")
        return
    if not parameters.vpc_id:
        raise Wrong("databaseClusterIdentifier needs vpcId: the VPC that the cluster is in")
    needed = ["database_endpoint", "database_security_group_id"]
    needed += [
        "database_resource_id" if parameters.database_auth == "iam" else "database_secret_arn"
    ]
    missing = [_shown(name) for name in needed if not getattr(parameters, name)]
    if missing:
        raise Wrong(f"databaseClusterIdentifier needs {' and '.join(missing)} too")


def _check_functions(parameters: Parameters) -> None:
    for name in parameters.settings:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise Wrong(f"settings has {name!r}; write names as in docs/configuration.md")
        if name in OWN_SETTINGS:
            raise Wrong(f"settings has {name!r}, which the stacks write themselves")
    reserved = parameters.sync_at_once
    if reserved is not None and reserved < parameters.bulk_concurrency:
        raise Wrong(
            f"reservedConcurrency is {reserved}, fewer than the {parameters.bulk_concurrency} "
            "that a bulk load works with (bulkConcurrency)"
        )


def _check_api(parameters: Parameters) -> None:
    for name in ("api_jwt_issuer", "api_jwt_audience"):
        given = bool(getattr(parameters, name))
        if given != (parameters.api_auth == "jwt"):
            verb = "goes with apiAuth=jwt" if given else "is needed for apiAuth=jwt"
            raise Wrong(f"{_shown(name)} {verb}")


def _shown(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
