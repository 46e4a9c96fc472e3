"""AWS errors are classified by how the caller may react."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from medic.aws.errors import (
    AbsentError,
    AmbiguousError,
    AwsError,
    AwsRejectedError,
    DeniedError,
    RetryableError,
    ThrottledError,
    UnassumableRoleError,
    translated,
)


def raised(error: Exception) -> AwsError:
    with pytest.raises(AwsError) as caught, translated("amplify:UpdateBranch"):
        raise error
    return caught.value


def answer(code: str, message: str = "", status: int = 400) -> ClientError:
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "UpdateBranch")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (answer("ThrottlingException", status=429), ThrottledError),
        (answer("TooManyRequestsException"), ThrottledError),
        (answer("SomethingNew", status=429), ThrottledError),
        (answer("InternalFailureException", status=500), AmbiguousError),
        (answer("SomethingNew", status=503), AmbiguousError),
        (answer("DependentServiceFailureException", status=503), AmbiguousError),
        (answer("AccessDeniedException", status=403), DeniedError),
        (answer("UnauthorizedException", status=401), DeniedError),
        (answer("NotFoundException", status=404), AbsentError),
        (answer("NoSuchEntity", status=404), AbsentError),
        (answer("BadRequestException"), AwsRejectedError),
        (
            answer("BadRequestException", "The compute role provided cannot be assumed by Amplify."),
            UnassumableRoleError,
        ),
        (
            answer("DependentServiceFailureException", "The role cannot be assumed by Amplify", 503),
            UnassumableRoleError,
        ),
        (ReadTimeoutError(endpoint_url="https://x"), AmbiguousError),
        (ConnectTimeoutError(endpoint_url="https://x"), RetryableError),
        (EndpointConnectionError(endpoint_url="https://x"), RetryableError),
        (ResponseParserError("Unable to parse response, invalid XML received: <html>"), AmbiguousError),
        (KeyError("app"), AmbiguousError),
        (ValueError("invalid literal for int() with base 10: 'seven'"), AmbiguousError),
        (OverflowError("date value out of range"), AmbiguousError),
    ],
)
def test_every_aws_error_is_translated_to_its_class(error: Exception, kind: type[AwsError]) -> None:
    assert type(raised(error)) is kind


def cancelled(*codes: str) -> ClientError:
    """A transaction that DynamoDB cancelled, with one reason for each of its writes."""
    response = {
        "Error": {"Code": "TransactionCanceledException", "Message": "Transaction cancelled"},
        "ResponseMetadata": {"HTTPStatusCode": 400},
        "CancellationReasons": [{"Code": code} for code in codes],
    }
    return ClientError(response, "TransactWriteItems")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("codes", "kind"),
    [
        (("None", "TransactionConflict"), RetryableError),
        (("ThrottlingError", "None"), ThrottledError),
        (("ProvisionedThroughputExceeded",), ThrottledError),
        (("ThrottlingError", "TransactionConflict"), ThrottledError),
        (("None", "ConditionalCheckFailed"), AwsRejectedError),
        (("TransactionConflict", "ConditionalCheckFailed"), AwsRejectedError),
        (("ConditionalCheckFailed", "ThrottlingError"), AwsRejectedError),
        (("TransactionConflict", "ValidationError"), AwsRejectedError),
        (("TransactionConflict", "SomethingNew"), AwsRejectedError),
        (("None",), AwsRejectedError),
        ((), AwsRejectedError),
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, tuple) else "",
)
def test_a_cancelled_transaction_is_retryable_only_if_every_reason_is(
    codes: tuple[str, ...], kind: type[AwsError]
) -> None:
    assert type(raised(cancelled(*codes))) is kind


def test_a_write_that_meets_a_transaction_is_retryable() -> None:
    assert type(raised(answer("TransactionConflictException"))) is RetryableError


def test_a_throttle_is_not_ambiguous() -> None:
    assert not isinstance(raised(answer("ThrottlingException", status=429)), AmbiguousError)


def test_the_message_names_the_operation_and_the_code() -> None:
    assert str(raised(answer("BadRequestException", "no"))) == (
        "amplify:UpdateBranch failed with BadRequestException: no"
    )
