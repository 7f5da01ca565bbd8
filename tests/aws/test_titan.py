"""Titan through real boto3 over HTTP, against the tests' own endpoint."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import numpy as np
import pytest
from tests.aws.bedrock_endpoint import CREDENTIALS, BedrockEndpoint, Behaviour

from rxindex.embed.bedrock_error import retry_after
from rxindex.embed.titan import TitanEmbedder
from rxindex.errors import (
    ConfigurationError,
    EmbedAccessDenied,
    EmbedderUnavailable,
    EmbedRejected,
    Throttled,
    VectorSizeError,
)

TEXTS = [f"drug number {number} oral tablet" for number in range(40)]
Make = Callable[..., TitanEmbedder]


@pytest.fixture
def bedrock() -> Iterator[BedrockEndpoint]:
    with BedrockEndpoint() as endpoint:
        yield endpoint


@pytest.fixture
def make(bedrock: BedrockEndpoint, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Make embedders of the endpoint, closed when the test ends."""
    for variable, value in CREDENTIALS.items():
        monkeypatch.setenv(variable, value)
    made: list[TitanEmbedder] = []

    def embedder(**options: Any) -> TitanEmbedder:
        made.append(TitanEmbedder(**{"endpoint_url": bedrock.url, **options}))
        return made[-1]

    yield embedder
    for one in made:
        one.close()


def test_the_request_is_the_one_that_titan_v2_documents(
    bedrock: BedrockEndpoint, make: Make
) -> None:
    make(dimensions=256, normalize=False).embed(["warfarin"])
    assert bedrock.counts.models == {"amazon.titan-embed-text-v2:0"}
    assert bedrock.counts.bodies == [
        {
            "inputText": "warfarin",
            "dimensions": 256,
            "normalize": False,
            "embeddingTypes": ["float"],
        }
    ]


@pytest.mark.parametrize("dimensions", [256, 512, 1024])
def test_vectors_have_unit_length_even_if_the_service_is_not_asked_to_normalise(
    make: Make, dimensions: int
) -> None:
    raw = make(dimensions=dimensions, normalize=False).embed(TEXTS[:3]).vectors
    assert np.linalg.norm(raw, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert np.allclose(raw, make(dimensions=dimensions).embed(TEXTS[:3]).vectors, atol=1e-5)


def test_calls_go_out_together(bedrock: BedrockEndpoint, make: Make) -> None:
    bedrock.behaviour.latency = 0.05
    assert make(max_concurrency=8).embed(TEXTS).failures == {}
    assert 3 <= bedrock.counts.most_at_once <= 8
    assert bedrock.counts.calls == len(TEXTS)


def test_throttling_slows_down_and_is_no_failure(bedrock: BedrockEndpoint, make: Make) -> None:
    bedrock.behaviour.throttle_first = 7
    embedder = make(max_concurrency=8)
    result = embedder.embed(TEXTS)
    assert result.failures == {}
    assert result.calls == len(TEXTS)
    # Botocore tried nothing again by itself.
    assert bedrock.counts.calls == embedder.counters.calls == len(TEXTS) + 7
    assert embedder.counters.throttles == bedrock.counts.throttled == 7


def test_retry_after_is_honoured(bedrock: BedrockEndpoint, make: Make) -> None:
    bedrock.behaviour.throttle_first = 1
    bedrock.behaviour.retry_after = 1
    assert make(max_concurrency=1).embed(TEXTS[:3]).failures == {}
    arrivals = bedrock.counts.arrivals
    assert arrivals[1] - arrivals[0] >= 1


def test_a_quota_is_nearly_used_up_without_a_storm_of_refusals(make: Make) -> None:
    with BedrockEndpoint(Behaviour(latency=0.02, quota_per_minute=3000, burst=10)) as limited:
        embedder = make(endpoint_url=limited.url, max_concurrency=16)
        texts = [f"drug number {number}" for number in range(300)]
        started = time.monotonic()
        assert embedder.embed(texts).failures == {}
        seconds = time.monotonic() - started
    # 300 calls at 50 a second take 6 seconds; the bounds leave room for a slow machine.
    assert 5 <= seconds < 15
    assert limited.counts.throttled < 80


def test_a_budget_keeps_under_the_quota(make: Make) -> None:
    with BedrockEndpoint(Behaviour(quota_per_minute=6000, burst=30)) as limited:
        embedder = make(endpoint_url=limited.url, requests_per_minute=5800)
        assert embedder.embed(TEXTS * 5).failures == {}
    assert limited.counts.throttled == 0


def test_throttled_for_too_long_fails_as_throttled(bedrock: BedrockEndpoint, make: Make) -> None:
    bedrock.behaviour.throttle_first = 10_000
    result = make(retry_seconds=0.3).embed(TEXTS)
    assert sorted(result.failures) == list(range(len(TEXTS)))
    assert all(isinstance(error, Throttled) for error in result.failures.values())
    assert "quota" in str(result.failures[0])
    assert result.calls == 0


@pytest.mark.parametrize("rule", ["fail_first", "drop_first"])
def test_failures_on_the_way_are_tried_again(
    bedrock: BedrockEndpoint, make: Make, rule: str
) -> None:
    setattr(bedrock.behaviour, rule, 6)
    embedder = make()
    assert embedder.embed(TEXTS).failures == {}
    assert embedder.counters.unavailable == bedrock.counts.failed == 6


def test_a_share_of_failures_is_lived_with(bedrock: BedrockEndpoint, make: Make) -> None:
    bedrock.behaviour.failure_rate = 0.2
    assert make().embed(TEXTS).failures == {}
    assert bedrock.counts.failed > 0


def test_a_service_that_is_down_is_unavailable(make: Make) -> None:
    with BedrockEndpoint() as gone:
        url = gone.url
    with pytest.raises(EmbedderUnavailable, match="does not answer"):
        make(endpoint_url=url, retry_seconds=0.3).embed(TEXTS)


def test_a_call_that_hangs_is_given_up(bedrock: BedrockEndpoint, make: Make) -> None:
    bedrock.behaviour.latency = 3
    with pytest.raises(EmbedderUnavailable, match=r"[Tt]imeout"):
        make(read_timeout=0.2, retry_seconds=0).embed(TEXTS[:2])


def test_an_answer_that_is_no_embedding_is_unavailable(
    bedrock: BedrockEndpoint, make: Make
) -> None:
    bedrock.behaviour.garbage = True
    with pytest.raises(EmbedderUnavailable, match="no embedding"):
        make(retry_seconds=0.2).embed(TEXTS[:2])


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("AccessDeniedException", r"bedrock:InvokeModel.*this model"),
        ("UnrecognizedClientException", r"credentials.*AWS_PROFILE"),
        ("ExpiredTokenException", r"credentials.*AWS_PROFILE"),
    ],
)
def test_a_refusal_of_rights_or_credentials_stops_at_once(
    bedrock: BedrockEndpoint, make: Make, code: str, says: str
) -> None:
    bedrock.behaviour.deny = code
    with pytest.raises(EmbedAccessDenied, match=says) as caught:
        make(max_concurrency=4).embed(TEXTS)
    assert "amazon.titan-embed-text-v2:0" in str(caught.value)
    assert CREDENTIALS["AWS_SECRET_ACCESS_KEY"] not in str(caught.value)
    assert bedrock.counts.calls <= 4


def test_no_credentials_stop_at_once(
    bedrock: BedrockEndpoint, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(EmbedAccessDenied, match="no AWS credentials"):
        make().embed(TEXTS)
    assert bedrock.counts.calls == 0


def test_an_unknown_model_is_a_configuration_error(bedrock: BedrockEndpoint, make: Make) -> None:
    bedrock.behaviour.unknown_model = True
    with pytest.raises(ConfigurationError, match=r"nosuch.*titan_model"):
        make(model="amazon.nosuch-v1").embed(TEXTS)


def test_a_text_that_is_too_long_fails_alone(bedrock: BedrockEndpoint, make: Make) -> None:
    result = make().embed([TEXTS[0], "a " * 9_000, "a" * 50_001, TEXTS[1]])
    assert sorted(result.failures) == [1, 2]
    assert all(isinstance(error, EmbedRejected) for error in result.failures.values())
    assert "Too many input tokens" in str(result.failures[1])
    assert "50,001 characters" in str(result.failures[2])
    assert result.vectors.any(axis=1).tolist() == [True, False, False, True]
    # The service can't count characters that it never saw.
    assert bedrock.counts.calls == 3


def test_a_vector_of_the_wrong_size_fails_alone(bedrock: BedrockEndpoint, make: Make) -> None:
    bedrock.behaviour.wrong_size_for = "insulin"
    result = make(dimensions=256).embed(["warfarin", "insulin", "aspirin"])
    assert list(result.failures) == [1]
    assert isinstance(result.failures[1], VectorSizeError)
    assert "(255,)" in str(result.failures[1])
    assert result.vectors.any(axis=1).tolist() == [True, False, True]


def test_a_rejected_text_fails_alone(bedrock: BedrockEndpoint, make: Make) -> None:
    bedrock.behaviour.reject = "insulin"
    result = make().embed(["warfarin", "insulin"])
    assert isinstance(result.failures[1], EmbedRejected)
    assert bedrock.counts.calls == 2


def test_closing_twice_is_fine_and_nothing_is_embedded_after(make: Make) -> None:
    embedder = make()
    embedder.close()
    embedder.close()
    with pytest.raises(EmbedderUnavailable, match="closed"):
        embedder.embed(TEXTS)


def test_retry_after_may_be_seconds_or_a_date() -> None:
    assert retry_after({"retry-after": "7"}) == 7
    assert retry_after({"retry-after": "-7"}) == 0
    later = datetime.now(UTC) + timedelta(seconds=90)
    waits = retry_after({"retry-after": format_datetime(later, usegmt=True)})
    assert waits == pytest.approx(90, abs=5)
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({"retry-after": "inf"}) is None
    assert retry_after({}) is None


@pytest.mark.parametrize(("quota", "size"), [(None, 256), (2_000, 167), (60, 5), (1, 1)])
def test_a_batch_takes_no_longer_than_a_run_may_take_to_stop(
    monkeypatch: pytest.MonkeyPatch, quota: float | None, size: int
) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    embedder = TitanEmbedder(requests_per_minute=quota)
    embedder.close()
    assert embedder.batch_size == size
