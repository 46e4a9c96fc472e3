"""Errors of AWS calls, sorted by what the caller may do about them: retry, read back first, or give up."""

from __future__ import annotations

from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from medic.evidence import Absent, Item, Present, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


T = TypeVar("T")

CONDITION_FAILED = "ConditionalCheckFailedException"
"""DynamoDB's error code if the condition of a write does not hold."""
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
"""Error codes of throttling: retry the same call later, and call less often."""
_CONFLICTS = frozenset({"TransactionConflict", "TransactionConflictException"})
"""Another transaction was writing the same item at the same time."""
_PASSING_REASONS = frozenset({*_CONFLICTS, "ProvisionedThroughputExceeded", "ThrottlingError"})
"""The reasons of a cancelled transaction that a retry may not meet again.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""
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
_ABSENCES = frozenset(
    {"NoSuchEntity", "NoSuchEntityException", "NotFoundException", "ResourceNotFoundException", "ParameterNotFound"}
)
UNKNOWN_ANSWER = "UnknownAnswer"
"""The code of an answer that lacks what AWS documents, such as the login page of a proxy."""
_UNREADABLE = (ResponseParserError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
"""What parsing such an answer raises."""
_UNASSUMABLE = "cannot be assumed by Amplify"
"""Only the message identifies this error: its code is usually BadRequestException, which has many other meanings."""


class AwsError(Exception):
    """An AWS call failed.

    Attributes:
        operation: `service:Operation`.
        code: AWS's error code, or the name of botocore's exception.
        message: AWS's message.
    """

    def __init__(self, operation: str, code: str, message: str) -> None:
        self.operation = operation
        self.code = code
        self.message = message
        super().__init__(f"{operation} failed with {code}: {message}")


class RetryableError(AwsError):
    """Throttled or not reached. Nothing was done, unless it is an AmbiguousError; the same call may succeed later."""


class ThrottledError(RetryableError):
    """AWS throttled the call. Nothing was done."""


class UnreadableError(RetryableError):
    """The caller's role lacks the permission for what must be read before anything else."""


class AmbiguousError(RetryableError):
    """The call was sent, but no response or a server error came back. It may have taken effect."""


class DeniedError(AwsError):
    """The caller's role lacks the permission."""


class AbsentError(AwsError):
    """AWS says that the resource does not exist."""


class AwsRejectedError(AwsError):
    """AWS rejected the request. Retrying it unchanged does not help, except for UnassumableRoleError."""


class UnassumableRoleError(AwsRejectedError):
    """Amplify could not assume the compute role: wrong trust policy, no such role, or a role created moments ago.

    The same request may succeed once IAM has propagated a new role.
    """


def value_if_any(item: Item[T], operation: str) -> T | None:
    """The value, or None if AWS says that there is none.

    Raises:
        UnreadableError: it could not be read.
    """
    match item:
        case Present(value):
            return value
        case Absent():
            return None
        case Unreadable(reason):
            raise UnreadableError(operation, "Unreadable", reason)


def read_item(operation: str, absent: str, read: Callable[[], T]) -> Item[T]:
    """What a call reads: Absent, with this reason, if AWS says that there is none; Unreadable if it may not be read.

    Raises:
        AwsError: the call failed.
    """
    try:
        with translated(operation):
            return Present(read())
    except AbsentError:
        return Absent(absent)
    except DeniedError as error:
        return Unreadable(str(error))


@contextmanager
def translated(operation: str) -> Iterator[None]:
    """Turn botocore's exceptions, and what reading an unknown answer raises, into AwsError and its subclasses.

    Raises:
        AwsError: the subclass tells the caller whether it may retry.
    """
    try:
        yield
    except ClientError as error:
        raise _from_response(operation, error) from error
    except (ReadTimeoutError, ConnectionClosedError) as error:
        raise AmbiguousError(operation, type(error).__name__, str(error)) from error
    except BotoCoreError as error:
        raise RetryableError(operation, type(error).__name__, str(error)) from error
    except _UNREADABLE as error:
        what = f"the answer is not one that AWS documents ({type(error).__name__}: {str(error)[:100]})"
        raise AmbiguousError(operation, UNKNOWN_ANSWER, what) from error


def _from_response(operation: str, error: ClientError) -> AwsError:
    code = _passing_reason(error) or error.response.get("Error", {}).get("Code", "Unknown")
    message = error.response.get("Error", {}).get("Message", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    kind: type[AwsError] = AwsRejectedError
    if _UNASSUMABLE in message:
        kind = UnassumableRoleError
    elif code in _CONFLICTS:
        kind = RetryableError
    elif code in _THROTTLES | _PASSING_REASONS or status == HTTPStatus.TOO_MANY_REQUESTS:
        kind = ThrottledError
    elif code in _FAULTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        kind = AmbiguousError
    elif code in _DENIALS:
        kind = DeniedError
    elif code in _ABSENCES:
        kind = AbsentError
    return kind(operation, code, message)


def _passing_reason(error: ClientError) -> str | None:
    """The first reason of a cancelled transaction, if every reason is passing.

    Any other reason decides, such as a failed condition: a retry would meet it again.
    """
    codes = [reason.get("Code", "None") for reason in error.response.get("CancellationReasons", ())]
    reasons = [code for code in codes if code != "None"]
    return reasons[0] if reasons and _PASSING_REASONS.issuperset(reasons) else None
