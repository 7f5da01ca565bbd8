"""Redis on EC2: one instance that replaces itself, with a volume that stays.

The instance is an auto scaling group of one rather than an instance with a recovery alarm: the
alarm only helps where the same instance can be moved to other hardware, while the group also
replaces one that was retired, terminated by mistake or spoilt, and lets an update of the image or
of the scripts be carried out by CloudFormation: old one away, new one up, volume attached, signal
given, or rolled back. The volume, the authority of the certificate on it and the name in the
private zone outlive the instance.
"""

from __future__ import annotations

from typing import Any, cast

import aws_cdk as cdk
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_dlm as dlm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from rxindex_infra.logs import log_group
from rxindex_infra.nag import acknowledge
from rxindex_infra.network import NetworkStack
from rxindex_infra.parameters import Parameters
from rxindex_infra.redis_files import user_data
from rxindex_infra.redis_rights import instance_role, snapshot_role

__all__ = ["RedisStack"]

#: The user that the functions log in as.
_USER = "rxindex"

_IMAGE = "/aws/service/canonical/ubuntu/server/24.04/stable/current/{arch}/hvm/ebs-gp3/ami-id"


class RedisStack(cdk.Stack):
    """The server, its data, its name, its secret and its snapshots.

    Attributes:
        secret: user and password of the functions.
        host: name in the private zone, for which the certificate is.
        authority: name of the Parameter Store parameter with the certificate's authority. The
            instance makes it: its content is known only there.
        group: the auto scaling group of one.
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
        self.parameters = parameters
        self.network = network
        self.authority = f"/{parameters.prefix}/redis-authority"
        self.secret = secretsmanager.Secret(
            self,
            "Secret",
            description=f"{parameters.prefix}: Redis' user and password",
            encryption_key=key,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=self.to_json_string({"username": _USER}),
                generate_string_key="password",
                exclude_punctuation=True,
                password_length=40,
            ),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        acknowledge(
            self.secret,
            "It is changed by the function of the stack named rotation, which is deployed after "
            "the server that has to take the new password.",
            "AwsSolutions-SMG4",
        )
        self.zone = route53.PrivateHostedZone(
            self,
            "Zone",
            zone_name=f"{parameters.prefix}.internal",
            vpc=network.vpc,
        )
        self.host = f"redis.{parameters.prefix}.internal"
        self.volume = self._make_volume()
        self.logs = log_group(self, "Logs", parameters, key)
        self.role = instance_role(self, key)
        self.group = self._make_group()
        self._make_snapshots()
        cdk.CfnOutput(self, "SecretArn", value=self.secret.secret_arn)
        cdk.CfnOutput(self, "Host", value=self.host)
        cdk.CfnOutput(self, "VolumeId", value=self.volume.volume_id)

    def _make_volume(self) -> ec2.Volume:
        volume = ec2.Volume(
            self,
            "Data",
            availability_zone=self.network.redis_subnet.availability_zone,
            size=cdk.Size.gibibytes(self.parameters.redis_volume_size),
            volume_type=ec2.EbsDeviceVolumeType.GP3,
            encrypted=True,
            removal_policy=(
                cdk.RemovalPolicy.SNAPSHOT if self.parameters.protect else cdk.RemovalPolicy.DESTROY
            ),
        )
        # In an account and region that are known, zones are too.
        if not cdk.Token.is_unresolved(self.network.redis_subnet.availability_zone):
            acknowledge(
                volume,
                "A volume has to be in the zone of the subnet that its instance is in.",
                "CloudFormation-Validate::W3010",
            )
        cdk.Tags.of(volume).add("Name", f"{self.parameters.prefix}-redis-data")
        cdk.Tags.of(volume).add("rxindex:snapshots", self.parameters.prefix)
        return volume

    def _make_group(self) -> autoscaling.AutoScalingGroup:
        kind = ec2.InstanceType(self.parameters.redis_instance_type)
        arm = kind.architecture == ec2.InstanceArchitecture.ARM_64
        text = ec2.UserData.custom("#!/bin/bash")
        template = ec2.LaunchTemplate(
            self,
            "Template",
            instance_type=kind,
            # As it is on the day of a launch, so that a deployment alone replaces nothing.
            machine_image=ec2.MachineImage.resolve_ssm_parameter_at_launch(
                _IMAGE.format(arch="arm64" if arm else "amd64")
            ),
            role=self.role,
            security_group=self.network.redis,
            require_imdsv2=True,
            http_put_response_hop_limit=1,
            detailed_monitoring=True,
            user_data=text,
            block_devices=[
                ec2.BlockDevice(
                    device_name="/dev/sda1",
                    volume=ec2.BlockDeviceVolume.ebs(
                        20,
                        encrypted=True,
                        volume_type=ec2.EbsDeviceVolumeType.GP3,
                        delete_on_termination=True,
                    ),
                )
            ],
        )
        if self.parameters.redis_ami:
            launch = cast(ec2.CfnLaunchTemplate, template.node.default_child)
            launch.add_property_override("LaunchTemplateData.ImageId", self.parameters.redis_ami)
        ready = cdk.Duration.minutes(15)
        group = autoscaling.AutoScalingGroup(
            self,
            "Group",
            vpc=self.network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnets=[self.network.redis_subnet]),
            launch_template=template,
            min_capacity=1,
            max_capacity=1,
            signals=autoscaling.Signals.wait_for_count(1, timeout=ready),
            update_policy=autoscaling.UpdatePolicy.rolling_update(
                max_batch_size=1,
                # The new one needs the volume, so the old one goes first.
                min_instances_in_service=0,
                pause_time=ready,
                wait_on_resource_signals=True,
            ),
        )
        cdk.Tags.of(group).add("Name", f"{self.parameters.prefix}-redis")
        # Which instance may have the volume: see redis_rights.
        cdk.Tags.of(group).add("rxindex:redis", self.parameters.prefix)
        # The instance has to be able to do all that before it is started.
        group.node.add_dependency(self.role, self.secret, self.volume, self.zone)
        made = cast(autoscaling.CfnAutoScalingGroup, group.node.default_child)
        text.add_commands(user_data(self._settings(self.get_logical_id(made))))
        acknowledge(
            group,
            "A replacement of the one instance is seen at once: the alarm on RedisUp, which is "
            "raised by missing data, goes to the topic.",
            "AwsSolutions-AS3",
        )
        return group

    def _settings(self, group: str) -> dict[str, str]:
        parameters = self.parameters
        return {
            "REGION": self.region,
            "URL_SUFFIX": self.url_suffix,
            "STACK": self.stack_name,
            "GROUP": group,
            "VOLUME": self.volume.volume_id,
            "ZONE": self.zone.hosted_zone_id,
            "NAME": self.host,
            "SECRET": self.secret.secret_arn,
            "CA_PARAMETER": self.authority,
            "NAMESPACE": parameters.metrics_namespace,
            "LOG_GROUP": self.logs.log_group_name,
            "MEMORY_PERCENT": str(parameters.redis_memory_percent),
            "REDIS_VERSION": parameters.redis_version,
            "ATTACH_SECONDS": "600",
            "OWNER": "redis",
            "DATA": "/var/lib/redis",
            "CONFIG": "/etc/redis",
            "RUN": "/run/redis",
            "LOGS": "/var/log/redis",
            "MODULES": "/usr/lib/redis/modules",
            "DEVICES": "/dev/disk/by-id",
            "FSTAB": "/etc/fstab",
        }

    def _make_snapshots(self) -> None:
        dlm.CfnLifecyclePolicy(
            self,
            "Snapshots",
            description=f"{self.parameters.prefix} daily snapshots of the Redis volume",
            state="ENABLED",
            execution_role_arn=snapshot_role(self).role_arn,
            policy_details=dlm.CfnLifecyclePolicy.PolicyDetailsProperty(
                resource_types=["VOLUME"],
                target_tags=[
                    cdk.CfnTag(key="rxindex:snapshots", value=self.parameters.prefix),
                ],
                schedules=[
                    dlm.CfnLifecyclePolicy.ScheduleProperty(
                        name="daily",
                        copy_tags=True,
                        # After the nightly run.
                        create_rule=dlm.CfnLifecyclePolicy.CreateRuleProperty(
                            interval=24, interval_unit="HOURS", times=["04:30"]
                        ),
                        retain_rule=dlm.CfnLifecyclePolicy.RetainRuleProperty(
                            count=self.parameters.redis_snapshots
                        ),
                    )
                ],
            ),
        )
