"""The nightly sync: a function, its schedule, and a queue for what could not be carried out."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from rxindex_infra.database import Database
from rxindex_infra.functions import Function, redis_environment
from rxindex_infra.network import NetworkStack
from rxindex_infra.parameters import Parameters
from rxindex_infra.redis_rights import may_read_secret
from rxindex_infra.redis_server import RedisStack

__all__ = ["SyncStack"]


class SyncStack(cdk.Stack):
    """The sync function.

    Attributes:
        sync: the function and its role.
        dead_letters: events that failed each time, or could not be delivered.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        parameters: Parameters,
        *,
        network: NetworkStack,
        database: Database,
        redis: RedisStack,
        key: kms.IKey,
        **options: Any,
    ) -> None:
        super().__init__(scope, construct_id, **options)
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            data_key_reuse=cdk.Duration.hours(1),
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
        )
        self.sync = Function(
            self,
            "Sync",
            parameters,
            key=key,
            redis=redis,
            handler="rxindex.aws.sync_handler.lambda_handler",
            environment=redis_environment(parameters, redis)
            | _database_environment(parameters, database),
            vpc=network.vpc,
            subnets=network.function_subnets,
            security_group=network.sync,
            memory_size=parameters.sync_memory,
            timeout=cdk.Duration.seconds(900),
            reserved_concurrent_executions=parameters.sync_at_once,
            # A run that is longer than 900 seconds invokes its own function to go on, at most
            # RXINDEX_MOST_CONTINUATIONS times and never without progress. Lambda's own detection
            # of loops would end it after about sixteen.
            recursive_loop=lambda_.RecursiveLoop.ALLOW,
            dead_letter_queue=self.dead_letters,
            # An invocation that raised is tried again after one and after two minutes.
            retry_attempts=2,
            max_event_age=cdk.Duration.hours(6),
        )
        self._allow_database(parameters, database)
        self._allow_own(key)
        self._schedule(parameters)
        cdk.CfnOutput(self, "FunctionName", value=self.sync.function.function_name)
        cdk.CfnOutput(self, "DeadLetterQueue", value=self.dead_letters.queue_url)

    def _allow_database(self, parameters: Parameters, database: Database) -> None:
        if parameters.database_auth == "iam":
            user = f"dbuser:{database.resource_id}/{parameters.database_user}"
            self.sync.allow(
                ["rds-db:connect"],
                [f"arn:{self.partition}:rds-db:{self.region}:{self.account}:{user}"],
            )
            return
        for statement in may_read_secret(self, database.secret_arn, database.secret_key_arn):
            self.sync.role.add_to_policy(statement)

    def _allow_own(self, key: kms.IKey) -> None:
        """Let the function invoke itself, and Lambda put what failed into the queue."""
        self.sync.allow(["lambda:InvokeFunction"], [self.sync.arn])
        self.sync.allow(
            ["kms:Decrypt", "kms:GenerateDataKey"],
            [key.key_arn],
            StringEquals={"kms:ViaService": f"sqs.{self.region}.amazonaws.com"},
        )

    def _schedule(self, parameters: Parameters) -> None:
        nightly = events.Rule(
            self,
            "Nightly",
            description=f"{parameters.prefix}: the sync",
            schedule=events.Schedule.expression(parameters.schedule),
            enabled=parameters.schedule_enabled,
        )
        nightly.add_target(
            targets.LambdaFunction(
                self.sync.function,
                # The id makes two deliveries of one event known as such.
                event=events.RuleTargetInput.from_object(
                    {"action": "sync", "id": events.EventField.event_id}
                ),
                dead_letter_queue=self.dead_letters,
                retry_attempts=8,
                max_event_age=cdk.Duration.hours(6),
            )
        )


def _database_environment(parameters: Parameters, database: Database) -> dict[str, str]:
    place = f"{database.host}:{parameters.database_port}/{parameters.database_name}"
    environment = {
        "RXINDEX_DATABASE_AUTH": parameters.database_auth,
        "RXINDEX_MOST_CONTINUATIONS": str(parameters.most_continuations),
        "RXINDEX_STOP_MARGIN": str(parameters.stop_margin),
    }
    if parameters.database_auth == "iam":
        environment["RXINDEX_SOURCE"] = f"mysql://{parameters.database_user}@{place}?tls=verify"
    else:
        environment["RXINDEX_SOURCE"] = f"mysql://{place}?tls=verify"
        environment["RXINDEX_DATABASE_SECRET"] = database.secret_arn
    if parameters.database_ca:
        environment["RXINDEX_SOURCE_CA"] = parameters.database_ca
    return environment
