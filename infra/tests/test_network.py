"""Who can reach whom, and how AWS is reached."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rxindex_infra.network import ENDPOINTS
from tests.synthesis import Synthesised, text

#: From, to, port. There is no other.
_EDGES = {
    ("Sync", "Database", 3306),
    ("Sync", "Redis", 6379),
    ("Search", "Redis", 6379),
    ("Rotation", "Redis", 6379),
    ("Sync", "Endpoints", 443),
    ("Search", "Endpoints", 443),
    ("Rotation", "Endpoints", 443),
    ("Redis", "Endpoints", 443),
}


def name_of(group: object) -> str:
    """``{Sync1A2B3C4D.GroupId}`` is Sync; a group that was there before is Database."""
    shown = text(group)
    return "Database" if shown.startswith("sg-") else shown.strip("{").split(".")[0][:-8]


def edges(stacks: Synthesised, direction: str) -> Iterator[tuple[str, str, int]]:
    """From, to and port of each rule of its own between security groups."""
    other = "SourceSecurityGroupId" if direction == "Ingress" else "DestinationSecurityGroupId"
    for rule in stacks.resources(f"AWS::EC2::SecurityGroup{direction}").values():
        found = rule["Properties"]
        assert found["IpProtocol"] == "tcp"
        assert found["FromPort"] == found["ToPort"]
        here, there = name_of(found["GroupId"]), name_of(found[other])
        pair = (there, here) if direction == "Ingress" else (here, there)
        yield (*pair, found["FromPort"])


@pytest.mark.parametrize("direction", ["Ingress", "Egress"])
def test_the_parts_reach_each_other_and_nothing_else(
    everything: dict[str, Synthesised], direction: str
) -> None:
    for stacks in everything.values():
        found = list(edges(stacks, direction))
        assert sorted(found) == sorted(_EDGES)


def test_nothing_is_open_to_addresses_but_redis_way_out(
    everything: dict[str, Synthesised],
) -> None:
    for stacks in everything.values():
        outs = {}
        for name, group in stacks.resources("AWS::EC2::SecurityGroup", "network").items():
            assert "SecurityGroupIngress" not in group["Properties"], name
            outs[name[:-8]] = {
                (rule["CidrIp"], rule["FromPort"], rule["ToPort"])
                for rule in group["Properties"].get("SecurityGroupEgress", [])
            }
        nothing = ("255.255.255.255/32", 252, 86)  # CDK's way to write none
        redis = outs.pop("Redis")
        assert redis == {("0.0.0.0/0", port, port) for port in (80, 443)}
        assert all(rules <= {nothing} for rules in outs.values())
        for kind in ("Ingress", "Egress"):
            for rule in stacks.resources(f"AWS::EC2::SecurityGroup{kind}").values():
                assert not {"CidrIp", "CidrIpv6"} & set(rule["Properties"])


def test_only_redis_subnets_have_a_way_out(dev: Synthesised) -> None:
    ways = {
        text(route["Properties"]["RouteTableId"]): next(
            key for key in route["Properties"] if key.endswith("GatewayId")
        )
        for route in dev.resources("AWS::EC2::Route").values()
    }
    out = {
        name.strip("{").removeprefix("Vpc").split("Subnet")[0]: way for name, way in ways.items()
    }
    assert out == {"nat": "GatewayId", "redis": "NatGatewayId"}
    assert len(dev.resources("AWS::EC2::NatGateway")) == 1
    for subnet in dev.resources("AWS::EC2::Subnet").values():
        assert subnet["Properties"]["MapPublicIpOnLaunch"] is False


def test_every_service_has_an_endpoint(dev: Synthesised, prod: Synthesised) -> None:
    for stacks, zones in ((dev, 1), (prod, 2)):
        found = stacks.resources("AWS::EC2::VPCEndpoint")
        services = {
            text(one["Properties"]["ServiceName"]).rpartition(".")[2]: one["Properties"]
            for one in found.values()
        }
        assert services.pop("s3")["VpcEndpointType"] == "Gateway"
        assert set(services) == set(ENDPOINTS)
        for properties in services.values():
            assert properties["VpcEndpointType"] == "Interface"
            assert properties["PrivateDnsEnabled"] is True
            assert [name_of(one) for one in properties["SecurityGroupIds"]] == ["Endpoints"]
            assert len(properties["SubnetIds"]) == zones


def test_the_way_to_bedrock_leads_to_one_model(dev: Synthesised) -> None:
    (policy,) = (
        one["Properties"]["PolicyDocument"]
        for one in dev.resources("AWS::EC2::VPCEndpoint").values()
        if "PolicyDocument" in one["Properties"]
    )
    (statement,) = policy["Statement"]
    assert statement["Action"] == "bedrock:InvokeModel"
    assert text(statement["Resource"]) == (
        "arn:{AWS::Partition}:bedrock:{AWS::Region}::foundation-model/amazon.titan-embed-text-v2:0"
    )
    account = statement["Condition"]["StringEquals"]["aws:PrincipalAccount"]
    assert text(account) == "{AWS::AccountId}"


def test_refused_traffic_is_logged(dev: Synthesised) -> None:
    flow = dev.only("AWS::EC2::FlowLog", "network")["Properties"]
    assert flow["TrafficType"] == "REJECT"
    assert flow["LogDestinationType"] == "cloud-watch-logs"


def test_the_stack_has_no_more_and_no_fewer_resources_than_these(
    dev: Synthesised, existing: Synthesised
) -> None:
    rules = {
        "AWS::EC2::SecurityGroupEgress": len(_EDGES),
        "AWS::EC2::SecurityGroupIngress": len(_EDGES),
    }
    assert dev.counts("network") == rules | {
        "AWS::EC2::VPC": 1,
        "AWS::EC2::Subnet": 8,
        "AWS::EC2::RouteTable": 8,
        "AWS::EC2::SubnetRouteTableAssociation": 8,
        "AWS::EC2::Route": 4,
        "AWS::EC2::EIP": 1,
        "AWS::EC2::NatGateway": 1,
        "AWS::EC2::InternetGateway": 1,
        "AWS::EC2::VPCGatewayAttachment": 1,
        "AWS::IAM::Role": 1,
        "AWS::IAM::Policy": 1,
        "AWS::EC2::FlowLog": 1,
        "AWS::EC2::VPCEndpoint": 8,
        "AWS::Logs::LogGroup": 1,
        "AWS::EC2::SecurityGroup": 6,
    }
    assert existing.counts("network") == rules | {
        "AWS::EC2::SecurityGroup": 5,
        "AWS::EC2::VPCEndpoint": 6,
    }
    assert dev.counts("encryption") == existing.counts("encryption") == {"AWS::KMS::Key": 1}


def test_an_existing_vpc_is_used_as_it_is(existing: Synthesised) -> None:
    services = {
        text(one["Properties"]["ServiceName"]).rpartition(".")[2]
        for one in existing.resources("AWS::EC2::VPCEndpoint").values()
    }
    assert services == set(ENDPOINTS) - {"secretsmanager"}
    function = existing.only("AWS::Lambda::Function", "sync")["Properties"]
    assert function["VpcConfig"]["SubnetIds"] == [
        "subnet-03000000000000000",
        "subnet-03000000000000001",
    ]
    group = existing.only("AWS::AutoScaling::AutoScalingGroup", "redis")["Properties"]
    assert group["VPCZoneIdentifier"] == ["subnet-02000000000000001"]


def test_the_existing_database_lets_the_sync_function_in(existing: Synthesised) -> None:
    (rule,) = (
        one["Properties"]
        for one in existing.resources("AWS::EC2::SecurityGroupIngress").values()
        if one["Properties"]["GroupId"] == "sg-0123456789abcdef0"
    )
    assert rule["FromPort"] == rule["ToPort"] == 3306
