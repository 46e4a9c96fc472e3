"""AWS errors are classified by how the caller may react."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

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
    ],
)
def test_every_aws_error_is_translated_to_its_class(error: Exception, kind: type[AwsError]) -> None:
    assert type(raised(error)) is kind


def test_a_throttle_is_not_ambiguous() -> None:
    assert not isinstance(raised(answer("ThrottlingException", status=429)), AmbiguousError)


def test_the_message_names_the_operation_and_the_code() -> None:
    assert str(raised(answer("BadRequestException", "no"))) == (
        "amplify:UpdateBranch failed with BadRequestException: no"
    )
