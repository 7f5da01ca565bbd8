"""The search API: an HTTP API in front of the search function. It is never open to everybody."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import jsii
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_apigatewayv2 as api
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from rxindex_infra.functions import Function, redis_environment
from rxindex_infra.logs import log_group
from rxindex_infra.network import NetworkStack
from rxindex_infra.parameters import Parameters
from rxindex_infra.redis_server import RedisStack

__all__ = ["SearchApiStack"]

#: OPTIONS is not among them: where pages of other origins may call, API Gateway answers it itself.
_METHODS = [api.HttpMethod.GET, api.HttpMethod.HEAD, api.HttpMethod.POST]


#: Neither path nor query: what a prescriber searches for is nobody's business.
_ACCESS = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "sourceIp": "$context.identity.sourceIp",
    "caller": "$context.identity.userArn",
    "method": "$context.httpMethod",
    "route": "$context.routeKey",
    "status": "$context.status",
    "bytes": "$context.responseLength",
    "latency": "$context.responseLatency",
    "error": "$context.integrationErrorMessage",
}


class SearchApiStack(cdk.Stack):
    """The search function and its HTTP API.

    Attributes:
        search: the function and its role.
        api: callers sign their requests (``execute-api:Invoke``) or bring a JWT.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        parameters: Parameters,
        *,
        network: NetworkStack,
        redis: RedisStack,
        key: kms.IKey,
        **options: Any,
    ) -> None:
        super().__init__(scope, construct_id, **options)
        self.search = Function(
            self,
            "Search",
            parameters,
            key=key,
            redis=redis,
            handler="rxindex.aws.search_handler.lambda_handler",
            environment=redis_environment(parameters, redis),
            vpc=network.vpc,
            subnets=network.function_subnets,
            security_group=network.search,
            memory_size=parameters.search_memory,
            # An HTTP API waits for 30.
            timeout=cdk.Duration.seconds(29),
        )
        self.api = api.HttpApi(
            self,
            "Api",
            api_name=f"{parameters.prefix}-search",
            description=f"{parameters.prefix}: search for drugs",
            create_default_stage=False,
            default_authorizer=_authorizer(parameters),
            cors_preflight=_cors(parameters),
        )
        handler = integrations.HttpLambdaIntegration("Handler", self.search.function)
        for path in ("/", "/{proxy+}"):
            self.api.add_routes(path=path, methods=_METHODS, integration=handler)
        self._make_stage(parameters, key)
        cdk.CfnOutput(self, "Url", value=self.api.api_endpoint)

    def _make_stage(self, parameters: Parameters, key: kms.IKey) -> None:
        access = log_group(self, "Access", parameters, key)
        api.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            stage_name="$default",
            auto_deploy=True,
            detailed_metrics_enabled=True,
            throttle=api.ThrottleSettings(
                rate_limit=parameters.api_rate, burst_limit=parameters.api_burst
            ),
            access_log_settings=_AccessLog(access),
        )


@jsii.implements(api.IAccessLogSettings)
class _AccessLog:
    """One JSON object a request, into a log group."""

    def __init__(self, group: logs.LogGroup) -> None:
        self._group = group

    @property
    def destination(self) -> api.IAccessLogDestination:
        return api.LogGroupLogDestination(self._group)

    @property
    def format(self) -> apigateway.AccessLogFormat:
        return apigateway.AccessLogFormat.custom(json.dumps(_ACCESS))


def _authorizer(parameters: Parameters) -> api.IHttpRouteAuthorizer:
    if parameters.api_auth == "iam":
        return authorizers.HttpIamAuthorizer()
    return authorizers.HttpJwtAuthorizer(
        "Jwt", parameters.api_jwt_issuer, jwt_audience=list(parameters.api_jwt_audience)
    )


def _cors(parameters: Parameters) -> api.CorsPreflightOptions | None:
    if not parameters.api_cors_origins:
        return None
    return api.CorsPreflightOptions(
        allow_origins=list(parameters.api_cors_origins),
        allow_methods=[api.CorsHttpMethod.GET, api.CorsHttpMethod.HEAD, api.CorsHttpMethod.POST],
        allow_headers=["authorization", "content-type", "x-amz-date", "x-amz-security-token"],
        max_age=cdk.Duration.hours(1),
    )
