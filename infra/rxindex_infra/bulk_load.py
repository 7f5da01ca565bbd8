"""The bulk load: a state machine that gives each part of the catalogue to a sync function.

For a first load, or after a change of the model. The nightly run could do it too, in a chain of
invocations; this does it with several at once. Lambda ends an invocation after 900 seconds, so a
part that was not completed is given out again, up to a limit.
"""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from rxindex_infra.logs import log_group
from rxindex_infra.nag import acknowledge, as_cdk_nag_shows
from rxindex_infra.parameters import Parameters
from rxindex_infra.sync import SyncStack

__all__ = ["MOST_TURNS", "BulkLoadStack"]

#: Times that one part, or the end, is given out: 900 seconds each.
MOST_TURNS = 40


_LOG_DELIVERY = [
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
]
_TRACING = [
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
]


class BulkLoadStack(cdk.Stack):
    """The state machine.

    Attributes:
        machine: start it with an empty input.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        parameters: Parameters,
        *,
        sync: SyncStack,
        key: kms.IKey,
        **options: Any,
    ) -> None:
        super().__init__(scope, construct_id, **options)
        self.function: lambda_.IFunction = sync.sync.function
        history = log_group(
            self, "Logs", parameters, key, name=f"/aws/vendedlogs/states/{parameters.prefix}-load"
        )
        self.name = f"{parameters.prefix}-load"
        self.machine = sfn.StateMachine(
            self,
            "Load",
            state_machine_name=self.name,
            definition_body=sfn.DefinitionBody.from_chainable(self._definition(parameters)),
            state_machine_type=sfn.StateMachineType.STANDARD,
            role=self._role(sync.sync.arn),
            timeout=cdk.Duration.days(2),
            tracing_enabled=True,
            logs=sfn.LogOptions(
                destination=history, level=sfn.LogLevel.ALL, include_execution_data=False
            ),
        )
        # CDK's own policy for distributed maps allows more than the one written below.
        self.machine.node.try_remove_child("DistributedMapPolicy")
        cdk.CfnOutput(self, "StateMachineArn", value=self.machine.state_machine_arn)

    def _definition(self, parameters: Parameters) -> sfn.IChainable:
        begin = self._invoke(
            "Begin",
            {
                "action": "begin_load",
                "parts": parameters.bulk_parts,
                "workers": parameters.bulk_concurrency,
            },
            "$.begun",
        )
        parts = sfn.DistributedMap(
            self,
            "Parts",
            items_path="$.begun.body.partitions",
            item_selector={
                "load.$": "$.begun.body.load",
                "partition.$": "$$.Map.Item.Value",
                "turn": 1,
            },
            max_concurrency=parameters.bulk_concurrency,
            tolerated_failure_percentage=parameters.bulk_tolerated_failures,
            # An express workflow lives for five minutes, a part for fifteen and more.
            map_execution_type=sfn.StateMachineType.STANDARD,
            result_path=sfn.JsonPath.DISCARD,
        )
        parts.item_processor(
            self._repeated(
                "Part",
                {
                    "action": "load",
                    "load": sfn.JsonPath.object_at("$.load"),
                    "partition": sfn.JsonPath.object_at("$.partition"),
                    "continue": False,
                },
                # A tiny output: all of them together have to fit into one state.
                done=sfn.Pass(self, "PartDone", result=sfn.Result.from_object({"completed": True})),
                incomplete=None,
            )
        )
        # What a part or two left undone the end does, as an ordinary sync.
        end = self._repeated(
            "End",
            {
                "action": "end_load",
                "load": sfn.JsonPath.object_at("$.begun.body.load"),
                "continue": False,
            },
            done=sfn.Succeed(self, "Done"),
            incomplete=sfn.Fail(
                self,
                "Held",
                error="HeldBack",
                cause_path="States.JsonToString($.answer.body)",
                comment="deletes or a new generation wait for a person to decide",
            ),
        )
        first_turn = sfn.Pass(
            self, "FirstTurn", result=sfn.Result.from_number(1), result_path="$.turn"
        )
        parts.next(first_turn).next(end)
        return begin.next(
            sfn.Choice(self, "Begun?")
            .when(_answered("$.begun"), parts)
            .otherwise(self._refused("BeginRefused", "$.begun"))
        )

    def _repeated(
        self,
        name: str,
        event: dict[str, Any],
        *,
        done: sfn.IChainable,
        incomplete: sfn.IChainable | None,
    ) -> sfn.Chain:
        """Invoke the function until it says ``completed``, or not more than `MOST_TURNS` times.

        Args:
            name: begins the names of the states.
            event: for the function.
            done: what follows when it is completed.
            incomplete: what follows when it is not, though it had the time; None: another turn.
        """
        invoke = self._invoke(name, event, "$.answer")
        again = sfn.Pass(
            self,
            f"{name}Again",
            parameters={"turn.$": "States.MathAdd($.turn, 1)"},
            result_path="$.next",
        )
        turn = sfn.Pass(self, f"{name}Turn", input_path="$.next.turn", result_path="$.turn")
        choice = (
            sfn.Choice(self, f"{name}Completed?")
            .when(
                sfn.Condition.not_(_answered("$.answer")),
                self._refused(f"{name}Refused", "$.answer"),
            )
            .when(sfn.Condition.boolean_equals("$.answer.body.completed", True), done)
        )
        if incomplete is not None:
            # Neither out of time, nor with drugs left that Bedrock had no room for.
            held = sfn.Condition.and_(
                sfn.Condition.string_equals("$.answer.body.stopped", ""),
                sfn.Condition.number_equals("$.answer.body.deferred", 0),
            )
            choice.when(held, incomplete)
        choice.when(
            sfn.Condition.number_greater_than_equals("$.turn", MOST_TURNS),
            sfn.Fail(
                self,
                f"{name}NotCompleted",
                error="NotCompleted",
                cause=f"not completed in {MOST_TURNS} turns; what was written is kept",
            ),
        )
        choice.otherwise(again.next(turn).next(invoke))
        return invoke.next(choice)

    def _invoke(self, name: str, event: dict[str, Any], into: str) -> tasks.LambdaInvoke:
        invoke = tasks.LambdaInvoke(
            self,
            name,
            lambda_function=self.function,
            payload=sfn.TaskInput.from_object(event),
            result_selector={
                "statusCode.$": "$.Payload.statusCode",
                "body.$": "$.Payload.body",
            },
            result_path=into,
            task_timeout=sfn.Timeout.duration(cdk.Duration.minutes(16)),
            # Written here rather than by CDK, which leaves TooManyRequestsException out.
            retry_on_service_exceptions=False,
        )
        invoke.add_retry(
            errors=[
                "Lambda.ClientExecutionTimeoutException",
                "Lambda.ServiceException",
                "Lambda.AWSLambdaException",
                "Lambda.SdkClientException",
                "Lambda.TooManyRequestsException",
            ],
            interval=cdk.Duration.seconds(2),
            backoff_rate=2,
            max_attempts=8,
            max_delay=cdk.Duration.minutes(2),
            jitter_strategy=sfn.JitterType.FULL,
        )
        # Redis or the database was away; a part may be loaded twice.
        invoke.add_retry(
            errors=[sfn.Errors.TASKS_FAILED, sfn.Errors.TIMEOUT],
            interval=cdk.Duration.seconds(30),
            backoff_rate=2,
            max_attempts=2,
        )
        return invoke

    def _refused(self, name: str, answer: str) -> sfn.Fail:
        """The function answered 400 or 409: another run holds the lease, for instance."""
        return sfn.Fail(
            self, name, error="Refused", cause_path=f"States.JsonToString({answer}.body)"
        )

    def _role(self, function: str) -> iam.IRole:
        """The role of the machine; CDK adds nothing to it."""
        states = f"arn:{self.partition}:states:{self.region}:{self.account}"
        children = f"{states}:execution:{self.name}/*"

        def allow(resource: str, *actions: str) -> iam.PolicyStatement:
            return iam.PolicyStatement(actions=list(actions), resources=[resource])

        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("states.amazonaws.com"),
            description="the bulk load",
            inline_policies={
                "rights": iam.PolicyDocument(
                    statements=[
                        allow(function, "lambda:InvokeFunction"),
                        # A distributed map runs the parts as executions of the machine itself.
                        allow(f"{states}:stateMachine:{self.name}", "states:StartExecution"),
                        allow(children, "states:DescribeExecution", "states:StopExecution"),
                        allow("*", *_LOG_DELIVERY, *_TRACING),
                    ]
                )
            },
        )
        acknowledge(
            role,
            "The delivery of logs and tracing have no resource that a policy could name.",
            "AwsSolutions-IAM5[Resource::*]",
        )
        acknowledge(
            role,
            "The parts of a map are executions whose names Step Functions makes.",
            f"AwsSolutions-IAM5[Resource::{as_cdk_nag_shows(self, children)}]",
        )
        return role.without_policy_updates()


def _answered(answer: str) -> sfn.Condition:
    return sfn.Condition.number_equals(f"{answer}.statusCode", 200)
