"""What AWS' services send the functions of a `LocalAWS`."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.services.aws import ACCOUNT, REGION
from tests.services.local_aws import RULE, SYNC, LocalAWS

__all__ = ["eventbridge_event", "http_request", "scheduled_event"]


def scheduled_event(local: LocalAWS, identity: str) -> dict[str, Any]:
    """Give what EventBridge sends the target of the nightly rule, as the target wants it."""
    (target,) = local.aws("events").list_targets_by_rule(Rule=RULE)["Targets"]
    assert target["Arn"].endswith(f":{SYNC}")
    whole = eventbridge_event(local, identity)
    transformer = target["InputTransformer"]
    text: str = transformer["InputTemplate"]
    for name, path in transformer["InputPathsMap"].items():
        text = text.replace(f"<{name}>", json.dumps(whole[path.removeprefix("$.")]))
    event: dict[str, Any] = json.loads(text)
    return event


def eventbridge_event(local: LocalAWS, identity: str) -> dict[str, Any]:
    """Give a scheduled event of EventBridge as it is, for a target that does not transform it.

    The form is that of "Scheduled event" in EventBridge's user guide.
    """
    rule = local.aws("events").describe_rule(Name=RULE)
    assert rule["State"] == "ENABLED"
    return {
        "version": "0",
        "id": identity,
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "region": REGION,
        "resources": [rule["Arn"]],
        "detail": {},
    }


def http_request(path: str, query: str = "") -> dict[str, Any]:
    """Give what an HTTP API of API Gateway sends its function (payload format version 2.0)."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "api.example.com", "accept": "application/json"},
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "api",
            "domainName": "api.example.com",
            "http": {
                "method": "GET",
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "test",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "$default",
            "stage": "$default",
            "time": "24/Nov/2026:02:00:00 +0000",
            "timeEpoch": 1795485600000,
        },
        "isBase64Encoded": False,
    }
