"""What AWS answered when it did not answer well: retryable, ambiguous, denied, refused."""

from __future__ import annotations

from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError, ReadTimeoutError

if TYPE_CHECKING:
    from collections.abc import Iterator

_THROTTLES = frozenset(
    {
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
"""Codes that say: the same call, later and less often."""
_FAULTS = frozenset(
    {
        "DependentServiceFailureException",
        "InternalError",
        "InternalFailure",
        "InternalFailureException",
        "InternalServerError",
        "ServiceFailure",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    }
)
_DENIALS = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedException", "UnauthorizedOperation"}
)
_ABSENCES = frozenset({"NoSuchEntity", "NoSuchEntityException", "NotFoundException", "ResourceNotFoundException"})
_UNASSUMABLE = "cannot be assumed by Amplify"
"""The message tells this refusal apart; its code (BadRequestException) covers much else, and may be another one."""


class AwsError(Exception):
    """A call that did not succeed.

    Attributes:
        operation: `service:Operation`.
        code: the error code AWS gave, or the exception's name.
        message: AWS's message.
    """

    def __init__(self, operation: str, code: str, message: str) -> None:
        self.operation = operation
        self.code = code
        self.message = message
        super().__init__(f"{operation} failed with {code}: {message}")


class RetryableError(AwsError):
    """Throttled, a server fault, or not reached: the same call may succeed later. Nothing was done."""


class ThrottledError(RetryableError):
    """AWS wants fewer calls a second. Nothing was done."""


class AmbiguousError(RetryableError):
    """The call went out and no answer came back: it may have taken effect."""


class DeniedError(AwsError):
    """The function's role may not do this."""


class AbsentError(AwsError):
    """There is no such thing."""


class AwsRejectedError(AwsError):
    """AWS understood the request and refuses it."""


class UnassumableRoleError(AwsRejectedError):
    """Amplify tried to assume the compute role and could not: wrong trust, no such role, or one made moments ago."""


@contextmanager
def translated(operation: str) -> Iterator[None]:
    """Turn botocore's exceptions into ours.

    Raises:
        AwsError: the subclass that says what may be done about it.
    """
    try:
        yield
    except ClientError as error:
        raise _from_answer(operation, error) from error
    except (ReadTimeoutError, ConnectionClosedError) as error:
        raise AmbiguousError(operation, type(error).__name__, str(error)) from error
    except BotoCoreError as error:
        raise RetryableError(operation, type(error).__name__, str(error)) from error


def _from_answer(operation: str, error: ClientError) -> AwsError:
    code = error.response.get("Error", {}).get("Code", "Unknown")
    message = error.response.get("Error", {}).get("Message", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if _UNASSUMABLE in message:
        return UnassumableRoleError(operation, code, message)
    if code in _THROTTLES or status == HTTPStatus.TOO_MANY_REQUESTS:
        return ThrottledError(operation, code, message)
    if code in _FAULTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return AmbiguousError(operation, code, message)
    if code in _DENIALS:
        return DeniedError(operation, code, message)
    if code in _ABSENCES:
        return AbsentError(operation, code, message)
    return AwsRejectedError(operation, code, message)
