"""The cluster that is made, and the one that is there."""

from __future__ import annotations

from aws_cdk.assertions import Match

from tests.synthesis import Synthesised, text


def test_the_cluster_is_serverless_encrypted_and_keeps_backups(
    dev: Synthesised, prod: Synthesised
) -> None:
    for stacks, most, days, protected in ((dev, 4, 7, False), (prod, 16, 35, True)):
        stacks.templates["database"].has_resource(
            "AWS::RDS::DBCluster",
            {
                "DeletionPolicy": "Snapshot" if protected else "Delete",
                "Properties": {
                    "Engine": "aurora-mysql",
                    "EngineVersion": Match.string_like_regexp(r"^8\.0\.mysql_aurora\.3\."),
                    "ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": most},
                    "StorageEncrypted": True,
                    "EnableIAMDatabaseAuthentication": True,
                    "BackupRetentionPeriod": days,
                    "CopyTagsToSnapshot": True,
                    "DeletionProtection": protected,
                    "DatabaseName": "fdb",
                    "Port": 3306,
                    "EnableCloudwatchLogsExports": ["error", "slowquery"],
                },
            },
        )
        instances = stacks.resources("AWS::RDS::DBInstance")
        assert len(instances) == (2 if protected else 1)
        for instance in instances.values():
            assert instance["Properties"]["DBInstanceClass"] == "db.serverless"
            assert not instance["Properties"].get("PubliclyAccessible")


def test_the_cluster_insists_on_tls_and_its_binlog_can_be_followed(dev: Synthesised) -> None:
    group = dev.only("AWS::RDS::DBClusterParameterGroup", "database")["Properties"]
    assert group["Family"] == "aurora-mysql8.0"
    assert group["Parameters"] == {
        "require_secure_transport": "ON",
        "tls_version": "TLSv1.2,TLSv1.3",
        "binlog_format": "ROW",
        "binlog_row_image": "FULL",
    }


def test_rds_keeps_and_changes_the_password_itself(dev: Synthesised) -> None:
    cluster = dev.only("AWS::RDS::DBCluster", "database")["Properties"]
    assert cluster["ManageMasterUserPassword"] is True
    assert "Key" in text(cluster["MasterUserSecret"]["KmsKeyId"])
    assert "MasterUserPassword" not in cluster


def test_the_cluster_is_in_subnets_without_a_way_out(dev: Synthesised) -> None:
    group = dev.only("AWS::RDS::DBSubnetGroup", "database")["Properties"]
    assert all("VpcdatabaseSubnet" in text(one) for one in group["SubnetIds"])
    cluster = dev.only("AWS::RDS::DBCluster", "database")["Properties"]
    (security,) = cluster["VpcSecurityGroupIds"]
    assert "Database" in text(security)


def test_with_an_existing_cluster_none_is_made(existing: Synthesised) -> None:
    assert "database" not in existing.templates
    assert existing.deployment.database_stack is None
    assert not existing.resources("AWS::RDS::DBCluster")


def test_a_stack_has_no_more_and_no_fewer_resources_than_these(
    dev: Synthesised, prod: Synthesised
) -> None:
    for stacks, instances in ((dev, 1), (prod, 2)):
        assert stacks.counts("database") == {
            "AWS::RDS::DBClusterParameterGroup": 1,
            "AWS::RDS::DBSubnetGroup": 1,
            "AWS::RDS::DBCluster": 1,
            "AWS::RDS::DBInstance": instances,
        }
