"""Synthesising the stacks without account, credentials or network, and looking at them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk.assertions import Template

from rxindex_infra.application import Deployment
from rxindex_infra.parameters import read_parameters

__all__ = ["ACCOUNT", "INFRA", "REGION", "VARIANTS", "Synthesised", "build", "synthesise", "text"]

INFRA = Path(__file__).parents[1]
ACCOUNT, REGION = "111122223333", "eu-central-1"

#: What CDK's command line found when it looked things up; it keeps this in cdk.context.json.
_LOOKED_UP: dict[str, Any] = {
    f"availability-zones:account={ACCOUNT}:region={REGION}": [f"{REGION}a", f"{REGION}b"],
    f"vpc-provider:account={ACCOUNT}:filter.vpc-id=vpc-0123456789abcdef0:region={REGION}"
    ":returnAsymmetricSubnets=true": {
        "vpcId": "vpc-0123456789abcdef0",
        "vpcCidrBlock": "10.0.0.0/16",
        "ownerAccountId": ACCOUNT,
        "availabilityZones": [],
        "subnetGroups": [
            {
                "name": name,
                "type": kind,
                "subnets": [
                    {
                        "subnetId": f"subnet-0{number}00000000000000{zone}",
                        "cidr": f"10.0.{number}{zone}.0/24",
                        "availabilityZone": f"{REGION}{'ab'[zone]}",
                        "routeTableId": f"rtb-0{number}00000000000000{zone}",
                    }
                    for zone in (0, 1)
                ],
            }
            for number, (name, kind) in enumerate(
                (("front", "Public"), ("apps", "Private"), ("data", "Isolated")), 1
            )
        ],
    },
}

#: Parameters of each variant.
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "dev": {"stage": "dev", "alarmEmail": "oncall@example.com"},
    "prod": {"stage": "prod"},
    "existing": {
        "stage": "prod",
        "name": "meds",
        "account": ACCOUNT,
        "region": REGION,
        "vpcId": "vpc-0123456789abcdef0",
        "redisSubnetId": "subnet-02000000000000001",
        "existingEndpoints": "s3,secretsmanager",
        "databaseClusterIdentifier": "fdb-cluster",
        "databaseEndpoint": "fdb-cluster.cluster-ro-abc.eu-central-1.rds.amazonaws.com",
        "databaseSecurityGroupId": "sg-0123456789abcdef0",
        "databaseSecretArn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:fdb/reader-AbCdEf",
        "databaseSecretKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0123-4567",
    },
    "other": {
        "stage": "dev",
        "account": ACCOUNT,
        "region": REGION,
        "databaseAuth": "iam",
        "databaseUser": "rxindex",
        "architecture": "x86_64",
        "redisAmi": "ami-0123456789abcdef0",
        "redisInstanceType": "m7i.large",
        "reservedConcurrency": 0,
        "scheduleEnabled": False,
        "apiAuth": "jwt",
        "apiJwtIssuer": "https://login.example.com",
        "apiJwtAudience": ["rxindex"],
        "apiCorsOrigins": "https://app.example.com",
        "settings": {"most_deletes": "0.1"},
    },
}


@dataclass(frozen=True)
class Synthesised:
    """The stacks of one variant.

    Attributes:
        deployment: they.
        folder: with what CDK wrote.
        templates: by part: network, sync, ...
        templates_json: the same, as JSON.
    """

    deployment: Deployment
    folder: Path
    templates: Mapping[str, Template]
    templates_json: Mapping[str, Mapping[str, Any]]

    def resources(self, kind: str, part: str | None = None) -> dict[str, dict[str, Any]]:
        """Resources of a kind: of one part, by logical id, or of all, by part and logical id."""
        return {
            (name if part else f"{of}/{name}"): resource
            for of, name, resource in self.everything()
            if resource["Type"] == kind and part in (None, of)
        }

    def only(self, kind: str, part: str) -> dict[str, Any]:
        """The one resource of a kind in a part."""
        (found,) = self.resources(kind, part).values()
        return found

    def everything(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Part, logical id and resource of each."""
        for part, template in self.templates_json.items():
            for name, resource in template["Resources"].items():
                yield part, name, resource

    def counts(self, part: str) -> dict[str, int]:
        """How many resources of each kind a part has."""
        found: dict[str, int] = {}
        for of, _, resource in self.everything():
            if of == part:
                found[resource["Type"]] = found.get(resource["Type"], 0) + 1
        return found

    def statements(self, part: str, role: str) -> list[dict[str, Any]]:
        """What a role may do: statements of its own and of policies that are attached to it."""
        found: list[dict[str, Any]] = []
        for of, name, resource in self.everything():
            properties = resource.get("Properties", {})
            if of != part:
                continue
            if resource["Type"] == "AWS::IAM::Role" and name.startswith(role):
                for policy in properties.get("Policies", []):
                    found += policy["PolicyDocument"]["Statement"]
            if resource["Type"] == "AWS::IAM::Policy" and any(
                one["Ref"].startswith(role) for one in properties["Roles"]
            ):
                found += properties["PolicyDocument"]["Statement"]
        return found


def build(name: str, package: Path, folder: Path) -> tuple[cdk.App, Deployment]:
    """Make the stacks of one variant.

    Args:
        name: of it, in `VARIANTS`.
        package: zip with the functions.
        folder: for CDK's output.
    """
    context = json.loads((INFRA / "cdk.json").read_text())["context"]
    context |= dict(VARIANTS[name]) | {"lambdaZip": str(package)}
    parameters = read_parameters(context)
    app = cdk.App(context=context | _LOOKED_UP, outdir=str(folder))
    return app, Deployment(app, parameters)


def synthesise(name: str, package: Path, folder: Path) -> Synthesised:
    """Make the stacks of one variant and synthesise them; arguments as for `build`."""
    app, deployment = build(name, package, folder)
    app.synth()
    prefix = deployment.parameters.prefix
    written = {
        stack.stack_name.removeprefix(f"{prefix}-"): json.loads(
            (folder / f"{stack.stack_name}.template.json").read_text()
        )
        for stack in deployment.stacks
    }
    return Synthesised(
        deployment,
        folder,
        {part: Template.from_json(template) for part, template in written.items()},
        written,
    )


def text(value: Any) -> str:
    """A value of a template as readable text: references as ``{Name}``."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and len(value) == 1:
        (function, given), *_ = value.items()
        if function == "Fn::Join":
            return str(given[0]).join(text(one) for one in given[1])
        if function in ("Ref", "Fn::ImportValue"):
            return "{" + text(given) + "}"
        if function == "Fn::GetAtt":
            return "{" + ".".join(given) + "}"
    return json.dumps(value, sort_keys=True)
