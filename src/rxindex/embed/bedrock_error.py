"""What Bedrock's errors mean: stop, slow down, try again, or leave out one text.

The codes and their HTTP statuses are those of the Bedrock Runtime API, operation InvokeModel, and
of the errors common to all AWS services.
"""

from __future__ import annotations

import email.utils
import math
from datetime import UTC, datetime
from typing import Any

from botocore import exceptions as aws

from rxindex.errors import (
    ConfigurationError,
    EmbedAccessDenied,
    EmbedderUnavailable,
    EmbedRejected,
    RxindexError,
    Throttled,
)

__all__ = ["retry_after", "translate"]

_THROTTLED = {
    "LimitExceededException",
    "RequestLimitExceeded",
    "RequestThrottledException",
    "ServiceQuotaExceededException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
_NO_RIGHT = {"AccessDenied", "AccessDeniedException", "NotAuthorized", "OptInRequired"}
_BAD_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
#: Failures of the model or on the way to it, whatever their status; a later try may succeed.
_TRY_AGAIN = {"ModelErrorException", "ModelNotReadyException", "ModelTimeoutException"}
_NO_CREDENTIALS = (
    aws.NoCredentialsError,
    aws.PartialCredentialsError,
    aws.CredentialRetrievalError,
    aws.NoAuthTokenError,
    aws.TokenRetrievalError,
    aws.SSOError,
)
#: What a ValidationException says when it is not the text but the model id that is wrong.
_ABOUT_THE_MODEL = ("model identifier", "on-demand throughput", "model id", "inference profile")
_WHERE_CREDENTIALS = (
    "the AWS chain (environment, AWS_PROFILE, container or instance role) must give valid ones; "
    "`aws sts get-caller-identity` shows who you are"
)


def translate(error: Exception, model: str) -> Exception:
    """Give the rxindex error for an exception of boto3's.

    Args:
        error: what ``invoke_model`` or the reading of its answer raised.
        model: the Bedrock model id, for the message.

    Returns:
        An `RxindexError`, or ``error`` itself if it is not one of boto3's: then it is a fault.
    """
    if isinstance(error, aws.ClientError):
        return _translate_answer(error, model)
    if isinstance(error, _NO_CREDENTIALS):
        return EmbedAccessDenied(f"no AWS credentials for {model}: {_WHERE_CREDENTIALS} ({error})")
    if isinstance(error, aws.SSLError):
        # Untrusted certificates don't mend by themselves, handshakes that broke off do.
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return ConfigurationError(
                f"Bedrock's certificate is not trusted: set AWS_CA_BUNDLE ({error})"
            )
        return EmbedderUnavailable(f"the connection to {model} broke off: {error}")
    if isinstance(error, aws.HTTPClientError | aws.ConnectionError):
        return EmbedderUnavailable(
            f"{model} does not answer: {error}; check the network, the region and the endpoint"
        )
    if isinstance(error, aws.ParamValidationError):
        return ConfigurationError(f"{model!r} is not a Bedrock model id: {error}")
    if isinstance(error, aws.BotoCoreError):
        # Reading an answer that is no AWS answer, for instance a proxy's page.
        return EmbedderUnavailable(f"the answer of {model} can't be read: {error}")
    return error


def retry_after(headers: dict[str, str]) -> float | None:
    """Read ``Retry-After`` (RFC 9110, 10.2.3): seconds, or a date.

    Returns:
        Seconds from now, 0 or more; None if there is no such header or it says nothing.
    """
    value = headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = email.utils.parsedate_to_datetime(value)
        except (ValueError, TypeError):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = (moment - datetime.now(UTC)).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _translate_answer(error: aws.ClientError, model: str) -> RxindexError:
    answer: Any = error.response
    details = answer.get("Error", {})
    code, said = str(details.get("Code", "")), str(details.get("Message", ""))
    metadata = answer.get("ResponseMetadata", {})
    status = int(metadata.get("HTTPStatusCode", 0))
    if code in _THROTTLED or (status == 429 and code not in _TRY_AGAIN):
        return Throttled(
            f"{model} refuses more calls for now ({code}: {said}): "
            "lower titan_requests_per_minute, or ask for a higher quota",
            retry_after(metadata.get("HTTPHeaders", {})),
        )
    if code in _BAD_CREDENTIALS:
        return EmbedAccessDenied(
            f"AWS does not accept the credentials for {model} ({code}: {said}): "
            f"{_WHERE_CREDENTIALS}"
        )
    if code in _NO_RIGHT or status in (401, 403):
        return EmbedAccessDenied(
            f"no right to use {model} ({code}: {said}): the identity needs bedrock:InvokeModel on "
            "this model, and the account access to it in this region"
        )
    if code in _TRY_AGAIN or status >= 500 or status == 408:
        return EmbedderUnavailable(f"{model} failed on its side ({code or status}: {said})")
    if code == "ResourceNotFoundException" or status == 404:
        return ConfigurationError(
            f"Bedrock has no model {model} in this region ({said}): check titan_model and "
            "titan_region"
        )
    if any(words in said.lower() for words in _ABOUT_THE_MODEL):
        return ConfigurationError(f"Bedrock refuses the model {model}: {said}")
    return EmbedRejected(f"{model} refuses this text ({code or status}: {said})")
