"""The database with the catalogue: an existing Aurora cluster, or one that is made here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from rxindex_infra.nag import acknowledge
from rxindex_infra.network import NetworkStack
from rxindex_infra.parameters import Parameters

__all__ = ["Database", "DatabaseStack", "existing_database"]


@dataclass(frozen=True)
class Database:
    """Where the database is, and how to log in.

    Attributes:
        host: its endpoint.
        secret_arn: secret with user and password; empty with IAM authentication and a cluster that
            has none.
        secret_key_arn: KMS key of the secret; empty if it has none of its own.
        resource_id: names the cluster in IAM (``cluster-...``).
    """

    host: str
    secret_arn: str
    secret_key_arn: str
    resource_id: str


def existing_database(parameters: Parameters) -> Database:
    """The cluster that the parameters name."""
    return Database(
        parameters.database_endpoint,
        parameters.database_secret_arn,
        parameters.database_secret_key_arn,
        parameters.database_resource_id,
    )


class DatabaseStack(cdk.Stack):
    """Aurora Serverless v2, compatible with MySQL 8.

    RDS itself keeps the administrator's password in Secrets Manager and changes it every seven
    days, without a function of ours. ``databaseSecretArn`` names another secret to read with, that
    of a user who may only SELECT; with ``databaseAuth=iam`` there is no password at all.

    Attributes:
        database: how to reach it.
        cluster: the cluster.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        parameters: Parameters,
        network: NetworkStack,
        key: kms.IKey,
        **options: Any,
    ) -> None:
        super().__init__(scope, construct_id, **options)
        self.cluster = self._make_cluster(parameters, network, key)
        secret = cast(secretsmanager.ISecret, self.cluster.secret)
        self.database = Database(
            self.cluster.cluster_endpoint.hostname,
            parameters.database_secret_arn or secret.secret_arn,
            parameters.database_secret_key_arn or key.key_arn,
            self.cluster.cluster_resource_identifier,
        )
        acknowledge(
            self.cluster,
            "The port is what tells security groups and people that it is MySQL; nothing but the "
            "sync function's security group can reach it.",
            "AwsSolutions-RDS11",
        )
        acknowledge(
            self.cluster,
            "Restoring to any second of the backup window is enough for data that is loaded from "
            "elsewhere; backtracking keeps the binlog, which following needs, from being used.",
            "AwsSolutions-RDS14",
        )
        if not parameters.protect:
            acknowledge(
                self.cluster,
                "A stage that is not protected is meant to be thrown away.",
                "AwsSolutions-RDS10",
            )
        cdk.CfnOutput(self, "Endpoint", value=self.database.host)
        cdk.CfnOutput(self, "AdministratorSecret", value=secret.secret_arn)
        cdk.CfnOutput(self, "ResourceId", value=self.database.resource_id)

    def _make_cluster(
        self, parameters: Parameters, network: NetworkStack, key: kms.IKey
    ) -> rds.DatabaseCluster:
        engine = rds.DatabaseClusterEngine.aurora_mysql(
            version=rds.AuroraMysqlEngineVersion.VER_3_10_4
        )
        settings = rds.ParameterGroup(
            self,
            "Settings",
            engine=engine,
            description=f"{parameters.prefix}: TLS only, a binlog that can be followed",
            parameters={
                "require_secure_transport": "ON",
                "tls_version": "TLSv1.2,TLSv1.3",
                "binlog_format": "ROW",
                "binlog_row_image": "FULL",
            },
        )
        protect = parameters.protect
        return rds.DatabaseCluster(
            self,
            "Cluster",
            engine=engine,
            writer=rds.ClusterInstance.serverless_v2("Writer"),
            readers=[
                rds.ClusterInstance.serverless_v2(f"Reader{number}", scale_with_writer=number == 1)
                for number in range(1, parameters.database_readers + 1)
            ],
            serverless_v2_min_capacity=parameters.database_min_capacity,
            serverless_v2_max_capacity=parameters.database_max_capacity,
            vpc=network.vpc,
            vpc_subnets=_subnets(parameters, network),
            security_groups=[network.database],
            port=parameters.database_port,
            default_database_name=parameters.database_name,
            manage_master_user_password=True,
            credentials=rds.Credentials.from_username("administrator", encryption_key=key),
            iam_authentication=True,
            storage_encrypted=True,
            storage_encryption_key=key,
            parameter_group=settings,
            backup=rds.BackupProps(
                retention=cdk.Duration.days(parameters.database_backup_days),
                # Away from the sync at 02:00.
                preferred_window="05:00-05:30",
            ),
            preferred_maintenance_window="sun:06:00-sun:06:30",
            copy_tags_to_snapshot=True,
            cloudwatch_logs_exports=["error", "slowquery"],
            deletion_protection=protect,
            removal_policy=cdk.RemovalPolicy.SNAPSHOT if protect else cdk.RemovalPolicy.DESTROY,
        )


def _subnets(parameters: Parameters, network: NetworkStack) -> ec2.SubnetSelection:
    if parameters.vpc_id:
        return ec2.SubnetSelection(subnets=network.function_subnets)
    return ec2.SubnetSelection(subnet_group_name="database")
