"""The search API: never open, throttled, logged."""

from __future__ import annotations

import json

from tests.source_tree import has_handler
from tests.synthesis import Synthesised, text
from tests.test_sync import environment, function, rights


def test_the_function_answers_in_the_time_that_an_http_api_waits(dev: Synthesised) -> None:
    made = function(dev, "search")
    assert made["Handler"] == "rxindex.aws.search_handler.lambda_handler"
    assert has_handler(made["Handler"])
    assert made["Timeout"] == 29
    assert made["Runtime"] == "python3.13"
    assert "RecursiveLoop" not in made


def test_it_knows_nothing_of_the_database(dev: Synthesised) -> None:
    assert not {name for name in environment(dev, "search") if "SOURCE" in name}
    assert not {name for name in environment(dev, "search") if "DATABASE" in name}
    actions = {action for action, _ in rights(dev, "search", "SearchRole")}
    interfaces = {one for one in actions if one.startswith("ec2:")}
    assert actions - interfaces == {
        "bedrock:InvokeModel",
        "secretsmanager:GetSecretValue",
        "kms:Decrypt",
        "ssm:GetParameter",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    }
    secrets = [
        resource
        for action, resource in rights(dev, "search", "SearchRole")
        if action == "secretsmanager:GetSecretValue"
    ]
    assert secrets == ["{rxindex-dev-redis:ExportsOutputRefSecretA720EF052D953DED}"]


def test_every_route_asks_who_calls(everything: dict[str, Synthesised]) -> None:
    for name, stacks in everything.items():
        routes = stacks.resources("AWS::ApiGatewayV2::Route", "search")
        wanted = "JWT" if name == "other" else "AWS_IAM"
        assert {one["Properties"]["RouteKey"] for one in routes.values()} == {
            f"{method} {path}" for method in ("GET", "HEAD", "POST") for path in ("/", "/{proxy+}")
        }
        for route in routes.values():
            assert route["Properties"]["AuthorizationType"] == wanted
            assert ("AuthorizerId" in route["Properties"]) == (wanted == "JWT")


def test_a_jwt_has_to_come_from_the_issuer_for_the_audience(other: Synthesised) -> None:
    authorizer = other.only("AWS::ApiGatewayV2::Authorizer", "search")["Properties"]
    assert authorizer["AuthorizerType"] == "JWT"
    assert authorizer["JwtConfiguration"] == {
        "Audience": ["rxindex"],
        "Issuer": "https://login.example.com",
    }


def test_pages_of_other_origins_may_call_only_where_that_was_said(
    dev: Synthesised, other: Synthesised
) -> None:
    assert "CorsConfiguration" not in dev.only("AWS::ApiGatewayV2::Api", "search")["Properties"]
    cors = other.only("AWS::ApiGatewayV2::Api", "search")["Properties"]["CorsConfiguration"]
    assert cors["AllowOrigins"] == ["https://app.example.com"]
    assert cors["AllowMethods"] == ["GET", "HEAD", "POST"]


def test_requests_are_limited_and_logged_without_what_was_searched_for(dev: Synthesised) -> None:
    stage = dev.only("AWS::ApiGatewayV2::Stage", "search")["Properties"]
    assert stage["StageName"] == "$default"
    assert stage["DefaultRouteSettings"] == {
        "DetailedMetricsEnabled": True,
        "ThrottlingBurstLimit": 100,
        "ThrottlingRateLimit": 50,
    }
    assert "Access" in text(stage["AccessLogSettings"]["DestinationArn"])
    logged = json.loads(stage["AccessLogSettings"]["Format"]).values()
    assert "$context.requestId" in logged
    assert not [one for one in logged if "path" in one or "query" in one]


def test_the_stack_has_no_more_and_no_fewer_resources_than_these(
    dev: Synthesised, other: Synthesised
) -> None:
    wanted = {
        "AWS::Logs::LogGroup": 2,
        "AWS::IAM::Role": 1,
        "AWS::IAM::Policy": 1,
        "AWS::Lambda::Function": 1,
        "AWS::ApiGatewayV2::Api": 1,
        "AWS::ApiGatewayV2::Integration": 1,
        "AWS::Lambda::Permission": 6,
        "AWS::ApiGatewayV2::Route": 6,
        "AWS::ApiGatewayV2::Stage": 1,
    }
    assert dev.counts("search") == wanted
    assert other.counts("search") == wanted | {"AWS::ApiGatewayV2::Authorizer": 1}
