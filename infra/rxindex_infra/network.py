"""The network: the VPC, who may talk to whom, and the ways to AWS that don't leave it.

The functions are in subnets without any way to the internet: all that they call (Bedrock, Secrets
Manager, Parameter Store, Lambda itself) has an endpoint in the VPC, and their logs and metrics
leave by Lambda's own way. Only Redis' subnet has a NAT gateway: the instance takes its packages
from packages.redis.io and Ubuntu's archive when it is first started and Ubuntu's security fixes
ever after, and it calls EC2, Route 53 and CloudFormation once at boot. A baked image would need
none of the first, but all of the others, for more than the gateway costs.
"""

from __future__ import annotations

from typing import Any, cast

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from rxindex_infra.logs import log_group
from rxindex_infra.parameters import Parameters, Wrong

__all__ = ["ENDPOINTS", "REDIS_PORT", "NetworkStack", "titan_arn"]

REDIS_PORT = 6379

#: Services that are reached by an interface in the VPC, and who reaches them there. There is none
#: for Step Functions and SQS, which nothing in the VPC calls, nor for ec2messages, which the SSM
#: agent has not used since its version 3.3.40.
ENDPOINTS: dict[str, str] = {
    "bedrock-runtime": "the functions: embeddings",
    "secretsmanager": "the functions and Redis: passwords",
    "ssm": "the functions and Redis: the certificate of Redis' authority; Session Manager",
    "ssmmessages": "Redis: Session Manager, the only way in",
    "lambda": "the sync function, which invokes itself to go on",
    "monitoring": "Redis: metrics",
    "logs": "Redis: logs",
}

#: What a VPC seems to be while CDK has not looked it up yet.
_NOT_LOOKED_UP = "vpc-12345"


def titan_arn(stack: cdk.Stack, parameters: Parameters) -> str:
    """The one model that may be called."""
    model = parameters.titan_model
    return f"arn:{stack.partition}:bedrock:{stack.region}::foundation-model/{model}"


class NetworkStack(cdk.Stack):
    """The VPC, the security groups and the endpoints.

    Attributes:
        vpc: made here, or an existing one.
        function_subnets: of the functions and of the endpoints.
        redis_subnet: of Redis; has a way out.
        sync, search, rotation, redis, database, endpoints: security groups.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        parameters: Parameters,
        key: kms.IKey,
        **options: Any,
    ) -> None:
        super().__init__(scope, construct_id, **options)
        self.parameters = parameters
        if parameters.vpc_id:
            self.vpc: ec2.IVpc = ec2.Vpc.from_lookup(self, "Vpc", vpc_id=parameters.vpc_id)
            self.function_subnets, self.redis_subnet = self._choose_subnets()
        else:
            made = self._make_vpc(key)
            self.vpc = made
            self.function_subnets = made.select_subnets(subnet_group_name="functions").subnets
            self.redis_subnet = made.select_subnets(subnet_group_name="redis").subnets[0]
        self._make_groups()
        self._make_rules()
        self._make_endpoints()

    def _make_vpc(self, key: kms.IKey) -> ec2.Vpc:
        def subnets(name: str, kind: ec2.SubnetType, mask: int) -> ec2.SubnetConfiguration:
            return ec2.SubnetConfiguration(name=name, subnet_type=kind, cidr_mask=mask)

        # A /23 has room for two of each.
        mask = min(28, int(self.parameters.vpc_cidr.rpartition("/")[2]) + 4)
        vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(self.parameters.vpc_cidr),
            max_azs=2,
            nat_gateways=1,
            subnet_configuration=[
                subnets("nat", ec2.SubnetType.PUBLIC, 28),
                subnets("redis", ec2.SubnetType.PRIVATE_WITH_EGRESS, 28),
                subnets("functions", ec2.SubnetType.PRIVATE_ISOLATED, mask),
                subnets("database", ec2.SubnetType.PRIVATE_ISOLATED, 28),
            ],
        )
        for subnet in vpc.public_subnets:
            cast(ec2.CfnSubnet, subnet.node.default_child).map_public_ip_on_launch = False
        flows = log_group(self, "Flows", self.parameters, key)
        vpc.add_flow_log(
            "FlowLog",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(flows),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )
        return vpc

    def _choose_subnets(self) -> tuple[list[ec2.ISubnet], ec2.ISubnet]:
        """Choose the functions' subnets and Redis' in an existing VPC.

        Raises:
            Wrong: it has no such subnet.
        """
        private, isolated = self.vpc.private_subnets, self.vpc.isolated_subnets
        everything = {one.subnet_id: one for one in [*private, *isolated, *self.vpc.public_subnets]}
        wanted = self.parameters.subnet_ids
        functions = [everything[one] for one in wanted if one in everything]
        redis = everything.get(self.parameters.redis_subnet_id)
        if self.vpc.vpc_id != _NOT_LOOKED_UP:
            asked = [*wanted, *filter(None, [self.parameters.redis_subnet_id])]
            missing = [one for one in asked if one not in everything]
            if missing:
                raise Wrong(f"{self.vpc.vpc_id} has no subnet {', '.join(missing)}")
            if not wanted and not (isolated or private):
                raise Wrong(f"{self.vpc.vpc_id} has no private subnet; give subnetIds")
            if redis is None and not private:
                raise Wrong(
                    f"{self.vpc.vpc_id} has no private subnet with a NAT gateway, which Redis' "
                    "instance needs to take its packages; give redisSubnetId"
                )
        return functions or isolated or private, redis or private[0]

    def _make_groups(self) -> None:
        def group(name: str, of: str) -> ec2.SecurityGroup:
            return ec2.SecurityGroup(
                self,
                name,
                vpc=self.vpc,
                description=f"{self.parameters.prefix}: {of}",
                allow_all_outbound=False,
            )

        self.sync = group("Sync", "the sync function")
        self.search = group("Search", "the search function")
        self.rotation = group("Rotation", "the function that changes the password of Redis")
        self.redis = group("Redis", "Redis")
        self.endpoints = group("Endpoints", "ways to AWS services")
        existing = self.parameters.database_security_group_id
        self.database: ec2.ISecurityGroup = (
            # Its own rules are not ours to know; one is added to them.
            ec2.SecurityGroup.from_security_group_id(self, "Database", existing)
            if existing
            else group("Database", "the database")
        )

    def _make_rules(self) -> None:
        """Who may talk to whom; there is no other rule but that of `_let_out`."""
        database, redis = ec2.Port.tcp(self.parameters.database_port), ec2.Port.tcp(REDIS_PORT)
        self.sync.connections.allow_to(self.database, database, "the catalogue")
        for one in (self.sync, self.search, self.rotation):
            one.connections.allow_to(self.redis, redis, "Redis")
        for one in (self.sync, self.search, self.rotation, self.redis):
            one.connections.allow_to(self.endpoints, ec2.Port.tcp(443), "AWS services")
        # Packages: packages.redis.io and AWS by HTTPS, Ubuntu's signed archive by HTTP. Where they
        # are changes from day to day, so this goes by port; nothing can come in that way.
        for port in (80, 443):
            self.redis.add_egress_rule(
                ec2.Peer.any_ipv4(), ec2.Port.tcp(port), "packages and AWS services"
            )

    def _make_endpoints(self) -> None:
        zones = self.parameters.availability_zones
        for service in ENDPOINTS:
            if service in self.parameters.existing_endpoints:
                continue
            endpoint = self.vpc.add_interface_endpoint(
                "".join(word.capitalize() for word in service.split("-")),
                service=ec2.InterfaceVpcEndpointAwsService(service),
                private_dns_enabled=True,
                open=False,
                security_groups=[self.endpoints],
                subnets=ec2.SubnetSelection(subnets=self._one_a_zone()[:zones]),
            )
            if service == "bedrock-runtime":
                endpoint.add_to_policy(
                    iam.PolicyStatement(
                        principals=[iam.AnyPrincipal()],
                        actions=["bedrock:InvokeModel"],
                        resources=[titan_arn(self, self.parameters)],
                        conditions={"StringEquals": {"aws:PrincipalAccount": self.account}},
                    )
                )
        if "s3" not in self.parameters.existing_endpoints:
            # Free. Redis' instance takes the CloudWatch agent and the SSM agent from S3.
            self.vpc.add_gateway_endpoint(
                "S3",
                service=ec2.GatewayVpcEndpointAwsService.S3,
                subnets=[ec2.SubnetSelection(subnets=[*self.function_subnets, self.redis_subnet])],
            )

    def _one_a_zone(self) -> list[ec2.ISubnet]:
        """An endpoint may have one interface in each zone."""
        first: dict[str, ec2.ISubnet] = {}
        for subnet in self.function_subnets:
            first.setdefault(subnet.availability_zone, subnet)
        return list(first.values())
