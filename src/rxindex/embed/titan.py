"""Amazon Titan text embeddings on Amazon Bedrock.

Needs the right ``bedrock:InvokeModel`` on the model, and the model's access granted to the
account. Credentials come from the ordinary AWS chain (environment, profile, container or instance
role); there is no argument for a key.

The limits of a text, the request and the response are those of the Bedrock user guide, "Amazon
Titan Text Embeddings"; the errors are those of the Bedrock Runtime API, "InvokeModel".
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rxindex.embed.base import Embedded, Vectors
from rxindex.embed.pool import AdaptivePool, PoolCounters
from rxindex.embed.shared_pace import Turns
from rxindex.errors import (
    ConfigurationError,
    EmbedderUnavailable,
    EmbedRejected,
    MissingExtra,
    RxindexError,
    Throttled,
    VectorSizeError,
)

if TYPE_CHECKING:
    import boto3

__all__ = ["TitanEmbedder"]

#: Vector lengths that Titan Text Embeddings V2 offers.
_DIMENSIONS = (1024, 512, 256)
#: Most characters of a text; the 8,192 tokens are counted by the service alone.
_MOST_CHARACTERS = 50_000
#: Seconds, about, that a batch of texts takes at the pace of the quota.
_MOST_SECONDS = 5
#: Seconds. An embedding takes a fraction of one; a call that takes longer is lost.
_CONNECT_TIMEOUT, _READ_TIMEOUT = 5, 20


class TitanEmbedder:
    """Embeds with Amazon Titan Text Embeddings V2, one text a call, many calls at once.

    Calls are made through an `AdaptivePool`: refusals for too many calls slow it down and are
    tried again, as are failures on the service's side; botocore's own retries are off, since two
    layers of retries would multiply.

    Vectors are scaled to unit length here whatever the service returns, so ``normalize=False``
    changes what is asked of the service, not the length of what comes back.

    Args:
        model: Bedrock model id, or the id or ARN of an inference profile.
        dimensions: length of the vectors: 1024, 512 or 256.
        normalize: whether the service is asked to normalise.
        region: AWS region; None for the one of the AWS configuration.
        endpoint_url: another address for Bedrock Runtime, a VPC endpoint for instance.
        profile: name of a profile in the AWS configuration; None for the default chain.
        max_concurrency: most calls under way at once.
        requests_per_minute: your quota for the model; calls are paced to stay under it. None to
            find the pace by the service's refusals.
        session: a boto3 session to use; then ``profile`` is not looked at.
        retry_seconds: how long one text is tried again before it fails.
        read_timeout: seconds to wait for an answer before the call counts as lost.
        price: of a million tokens in US dollars, for estimates (the default is that of Amazon's
            price list for Titan Text Embeddings V2 on demand).
        turns: where processes that share ``requests_per_minute`` take their turns; None if this
            one has it all to itself.

    Raises:
        ConfigurationError: a value is not one that Titan takes, or there is no region or profile.
        MissingExtra: boto3 is not installed.
    """

    def __init__(
        self,
        model: str = "amazon.titan-embed-text-v2:0",
        dimensions: int = 1024,
        normalize: bool = True,
        region: str | None = None,
        endpoint_url: str | None = None,
        profile: str | None = None,
        max_concurrency: int = 32,
        requests_per_minute: float | None = None,
        session: boto3.Session | None = None,
        retry_seconds: float = 120.0,
        read_timeout: float = _READ_TIMEOUT,
        price: float = 0.02,
        turns: Turns | None = None,
    ) -> None:
        if dimensions not in _DIMENSIONS:
            raise ConfigurationError(
                f"Titan has vectors of 256, 512 or 1024 dimensions, not {dimensions}: "
                "set dimensions to one of these"
            )
        if not model.strip():
            raise ConfigurationError("the Bedrock model id is blank")
        self.dimensions = dimensions
        self.price = price
        self.model_id = f"{model}/{dimensions}/{'normalized' if normalize else 'raw'}"
        self._model = model
        self._normalize = normalize
        self._pool = AdaptivePool(
            max_concurrency, requests_per_minute, retry_seconds, name="rxindex-titan", turns=turns
        )
        # Enough for every place of the pool to stay busy while the last ones of a call end, and
        # no more than the quota lets through in the time that a run may take to stop.
        self.batch_size = max(64, 8 * max_concurrency)
        if requests_per_minute is not None:
            soon = math.ceil(requests_per_minute / 60 * _MOST_SECONDS)
            self.batch_size = min(self.batch_size, max(1, soon))
        try:
            self._client = _client(
                session, profile, region, endpoint_url, max_concurrency, read_timeout
            )
        except BaseException:
            self._pool.close()
            raise

    @property
    def counters(self) -> PoolCounters:
        """Calls, refusals, and the pace that the service allows now."""
        return self._pool.counters

    def embed(self, texts: Sequence[str]) -> Embedded:
        """Embed each text with a call of its own.

        A text that is blank or longer than 50,000 characters fails without a call; one that the
        service refuses, or answers with a vector of the wrong length, fails alone.

        Raises:
            EmbedAccessDenied: no credentials, or not the right to use the model.
            ConfigurationError: there is no such model in the region.
            EmbedderUnavailable: no text was answered at all, retries included.
        """
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        failures: dict[int, RxindexError] = {}
        asked: list[int] = []
        for position, text in enumerate(texts):
            if (reason := _refuse(text)) is not None:
                failures[position] = reason
            else:
                asked.append(position)
        results = self._pool.run(self._invoke, [texts[position] for position in asked])
        unanswered = 0
        for position, result in zip(asked, results, strict=True):
            if isinstance(result, RxindexError):
                failures[position] = result
                unanswered += isinstance(result, EmbedderUnavailable)
            else:
                vectors[position] = result
        if asked and unanswered == len(asked):
            first = failures[asked[0]]
            # Throttled means that it does answer: the texts failed, the service did not.
            if not isinstance(first, Throttled):
                raise first
        return Embedded(vectors=vectors, failures=failures, calls=len(asked) - unanswered)

    def close(self) -> None:
        """Stop the threads and let go of the connections."""
        self._pool.close()
        self._client.close()

    def _invoke(self, text: str) -> Vectors:
        from rxindex.embed.bedrock_error import translate

        body = {
            "inputText": text,
            "dimensions": self.dimensions,
            "normalize": self._normalize,
            "embeddingTypes": ["float"],
        }
        try:
            response = self._client.invoke_model(
                modelId=self._model,
                body=json.dumps(body),
                contentType="application/json",
                accept="application/json",
            )
            answer = response["body"].read()
        except Exception as error:
            raise translate(error, self._model) from error
        return self._vector(answer)

    def _vector(self, answer: bytes) -> Vectors:
        try:
            vector = np.asarray(json.loads(answer)["embedding"], dtype=np.float32)
        except (ValueError, KeyError, TypeError) as error:
            raise EmbedderUnavailable(
                f"{self._model} answered with something that has no embedding in it: "
                "check the endpoint and any proxy before it"
            ) from error
        if vector.shape != (self.dimensions,):
            raise VectorSizeError(
                f"{self._model} gave a vector of shape {vector.shape} where {self.dimensions} "
                "dimensions were asked for: check that the model is Titan Text Embeddings V2"
            )
        length = float(np.linalg.norm(vector))
        if not np.isfinite(length) or length == 0.0:
            raise EmbedRejected(f"{self._model} gave a vector without a direction for this text")
        scaled: Vectors = vector / np.float32(length)
        return scaled


def _refuse(text: str) -> EmbedRejected | None:
    """Say why a text can't be embedded, where that is known without a call."""
    if not text or text.isspace():
        return EmbedRejected("the text is blank: there is nothing to embed")
    if len(text) > _MOST_CHARACTERS:
        return EmbedRejected(
            f"the text has {len(text):,} characters; Titan takes {_MOST_CHARACTERS:,}: shorten it"
        )
    return None


def _client(
    session: boto3.Session | None,
    profile: str | None,
    region: str | None,
    endpoint_url: str | None,
    max_concurrency: int,
    read_timeout: float,
) -> Any:
    """Make the Bedrock Runtime client, which several threads may use."""
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, NoRegionError
    except ModuleNotFoundError as error:
        raise MissingExtra("the titan embedder needs boto3: pip install 'rxindex[aws]'") from error
    config = Config(
        # The first try counts: one means no retry.
        retries={"total_max_attempts": 1, "mode": "standard"},
        max_pool_connections=max_concurrency,
        connect_timeout=_CONNECT_TIMEOUT,
        read_timeout=read_timeout,
        tcp_keepalive=True,
    )
    try:
        used = session or boto3.Session(profile_name=profile)
        return used.client(
            "bedrock-runtime", region_name=region, endpoint_url=endpoint_url, config=config
        )
    except NoRegionError as error:
        raise ConfigurationError(
            "no AWS region for Bedrock: set titan_region, or AWS_DEFAULT_REGION"
        ) from error
    except (BotoCoreError, ValueError) as error:  # ValueError: an endpoint that is not a URL
        raise ConfigurationError(f"the AWS configuration does not work: {error}") from error
