"""Every failed AWS call is explained in one sentence that says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from medic.aws.amplify import AmplifyReader
from medic.aws.errors import DeniedError, translated
from medic_cli.aws import explained, region_of, session
from medic_cli.errors import COULD_NOT_LOOK, CouldNotLookError

if TYPE_CHECKING:
    from pathlib import Path

ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=1)
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def _no_aws_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL",
                 "AWS_REGION", "AWS_DEFAULT_REGION"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def message_of(error: Exception) -> str:
    with pytest.raises(CouldNotLookError) as caught, explained(), translated("amplify:GetApp"):
        raise error
    assert caught.value.exit_code == COULD_NOT_LOOK
    return caught.value.message


def answer(code: str, message: str, operation: str = "GetApp") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def test_missing_credentials_are_explained() -> None:
    client = session(None, "eu-central-1").client("amplify", config=ONCE)
    with pytest.raises(CouldNotLookError, match="No AWS credentials were found"), explained():
        client.get_app(appId="d1a2b3c4d5e6f7")


def test_a_gateway_s_error_is_explained_by_its_cause() -> None:
    """A gateway reports missing credentials as a retryable error, but a retry does not help."""
    client = session(None, "eu-central-1").client("amplify", config=ONCE)
    with pytest.raises(CouldNotLookError, match="No AWS credentials were found"), explained():
        AmplifyReader(client).app("d1a2b3c4d5e6f7")


def test_partial_credentials_count_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    with pytest.raises(CouldNotLookError, match="or only a part of them"), explained():
        session(None, "eu-central-1").client("amplify")


def test_a_missing_profile_is_named() -> None:
    with pytest.raises(CouldNotLookError, match=r"\(staging\) could not be found: choose one that"):
        session("staging", None)


def test_a_missing_region_is_explained() -> None:
    with pytest.raises(CouldNotLookError, match="No AWS region is set: give --region"):
        region_of(session(None, None))
    with pytest.raises(CouldNotLookError, match="No AWS region is set: give --region"), explained():
        session(None, None).client("amplify")
    assert region_of(session(None, "eu-central-1")) == "eu-central-1"


def test_an_invalid_region_is_named() -> None:
    with pytest.raises(CouldNotLookError, match=r"Europe, please.*Give --region a name"), explained():
        session(None, "Europe, please").client("amplify")


def test_an_unreachable_endpoint_is_named() -> None:
    client = Session("testing", "testing", region_name="eu-central-1").client(
        "amplify", endpoint_url=NOWHERE, config=ONCE
    )
    with (
        pytest.raises(
            CouldNotLookError, match=rf"{NOWHERE} could not be reached .*check the network, .* and the region's name"
        ),
        explained(),
    ):
        client.list_apps()


@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException", "RequestExpired"])
def test_expired_credentials_are_explained(code: str) -> None:
    sentence = message_of(answer(code, "The security token included in the request is expired"))
    assert "have expired" in sentence
    assert "aws sso login" in sentence


@pytest.mark.parametrize("code", ["UnrecognizedClientException", "InvalidClientTokenId", "SignatureDoesNotMatch"])
def test_credentials_that_aws_does_not_know_are_not_called_a_missing_permission(code: str) -> None:
    sentence = message_of(answer(code, "The security token included in the request is invalid"))
    assert "does not accept these credentials" in sentence
    assert "may not call" not in sentence


def test_a_missing_permission_is_named_as_aws_names_it() -> None:
    """The operation is not always the action: DeletePolicyVersion is, TagResource on a bucket is not."""
    message = "User: arn:aws:iam::111122223333:user/ada is not authorized to perform: amplify:GetApp on resource: x"
    sentence = message_of(answer("AccessDeniedException", message))
    assert sentence.startswith("These credentials may not call amplify:GetApp: ")
    assert sentence.endswith("Allow that action and repeat.")


def test_a_missing_permission_without_a_name_is_named_by_the_operation() -> None:
    assert message_of(DeniedError("iam:GetRole", "AccessDenied", "no")).startswith(
        "These credentials may not call iam:GetRole"
    )


def test_a_disabled_region_is_explained() -> None:
    assert "choose another --region" in message_of(answer("OptInRequired", "You are not subscribed to this service"))


def test_a_throttled_call_can_be_retried() -> None:
    assert "Try again in a minute" in message_of(answer("ThrottlingException", "Rate exceeded"))


def test_secrets_in_a_message_are_not_repeated() -> None:
    sentence = message_of(
        answer("BadRequestException", "aws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY")
    )
    assert "wJalrXUtnFEMI" not in sentence


def test_any_other_exception_of_botocore_is_explained() -> None:
    assert message_of(BotoCoreError()) == "The call to AWS failed: An unspecified error occurred"


def test_a_bug_of_our_own_is_not_caught() -> None:
    with pytest.raises(KeyError), explained():
        raise KeyError("appId")


def test_an_escape_sequence_in_a_message_reaches_no_terminal() -> None:
    assert "\x1b" not in message_of(answer("BadRequestException", "\x1b]0;owned\x07 no"))
