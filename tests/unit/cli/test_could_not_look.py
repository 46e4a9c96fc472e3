"""Every command that calls AWS: with missing, expired and denied credentials, and with an unknown region or profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import botocore.httpsession
import pytest

from tests.fakes.aws_endpoint import Call, FakeEndpoint, Reply, error
from tests.unit.cli.support import medic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APP = "d1a2b3c4d5e6f7"
COMMANDS = {
    "diagnose": ["diagnose", APP, "main"],
    "compare": ["compare", f"{APP}/main", f"{APP}/staging"],
    "snapshot": ["snapshot", APP, "--out", "-"],
    "opt-in": ["opt-in", APP, "main", "--yes"],
    "opt-out": ["opt-out", APP, "main", "--yes"],
    "fix": ["fix", APP, "main", "--yes"],
    "undo": ["undo", APP, "main", "--yes"],
    "approve": ["approve", "0123456789ab", "--yes"],
    "mute": ["mute", APP, "--for", "2h", "--yes"],
    "history": ["history"],
    "test-alert": ["test-alert"],
    "replay-dlq": ["replay-dlq", "--yes"],
    "show": ["show", "0123456789ab"],
    "pause": ["pause", "--yes"],
    "resume": ["resume"],
    "doctor": ["doctor"],
    "scan": ["scan"],
    "uninstall": ["uninstall", "--check"],
}
every_command = pytest.mark.parametrize("command", COMMANDS)


@pytest.fixture(autouse=True)
def _signed_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEndpoint]:
    """A fake of every AWS service at one address."""
    with FakeEndpoint(lambda call: error(call, "ExpiredTokenException", "expired", 403)) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint.url)
        yield endpoint


def error_of(command: str, *more: str) -> str:
    """The error of a command that could not look. It prints nothing else."""
    result = medic(*COMMANDS[command], *more)
    assert result.exit_code == 3
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.stderr
    return result.stderr


@every_command
def test_without_credentials(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "No AWS credentials were found" in error_of(command)


@every_command
def test_with_expired_credentials(command: str, aws: FakeEndpoint) -> None:
    assert "The AWS credentials have expired" in error_of(command)
    assert aws.calls


@every_command
def test_without_a_permission(command: str, aws: FakeEndpoint) -> None:
    def deny(call: Call) -> Reply:
        code = "AccessDenied" if call.form else "AccessDeniedException"
        action = {"amplify": "amplify:GetApp", "cloudformation": "cloudformation:DescribeStacks"}[call.service]
        message = f"User: arn:aws:iam::111122223333:user/ada is not authorized to perform: {action} on resource: *"
        return error(call, code, message, 403)

    aws.answer = deny
    sentence = error_of(command)
    assert "amplify:GetApp" in sentence or "cloudformation:DescribeStacks" in sentence
    assert "Allow that action and repeat." in sentence


@every_command
@pytest.mark.parametrize(
    "reply",
    [Reply("<html><body>Sign in to the guest network</body></html>", 200, "text/html"), Reply("{}", 200)],
    ids=["login page", "nothing"],
)
def test_with_an_answer_that_is_not_from_aws(command: str, reply: Reply, aws: FakeEndpoint) -> None:
    aws.answer = lambda _: reply
    assert "not one that AWS documents: look whether a proxy wants a sign-in" in error_of(command)


@every_command
def test_without_a_region(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    assert "No AWS region is set" in error_of(command)


@every_command
def test_with_an_unknown_region(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(_self: object, request: object) -> None:
        raise botocore.exceptions.EndpointConnectionError(endpoint_url=str(getattr(request, "url", "")))

    monkeypatch.setattr(botocore.httpsession.URLLib3Session, "send", nowhere)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)
    sentence = error_of(command, "--region", "eu-nowhere-1")
    assert "eu-nowhere-1" in sentence
    assert "check the network, AWS_ENDPOINT_URL and the region's name" in sentence


@every_command
def test_with_an_unknown_profile(command: str) -> None:
    assert "(staging) could not be found" in error_of(command, "--profile", "staging")


@pytest.mark.parametrize("command", ["fix", "undo", "approve", "mute", "history", "test-alert", "replay-dlq"])
def test_without_permission_to_assume_the_operator_role(command: str, aws: FakeEndpoint) -> None:
    role = "arn:aws:iam::111122223333:role/Operator"
    stacks = (
        "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>AmplifyMedic</StackName>"
        "<StackStatus>CREATE_COMPLETE</StackStatus><CreationTime>2026-01-01T00:00:00Z</CreationTime><Outputs><member>"
        f"<OutputKey>OperatorRoleArn</OutputKey><OutputValue>{role}</OutputValue></member></Outputs></member></Stacks>"
        "</DescribeStacksResult></DescribeStacksResponse>"
    )
    identity = (
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/ada</Arn>"
        "<UserId>A</UserId><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
    )

    def answer(call: Call) -> Reply:
        match call.form.get("Action"):
            case "DescribeStacks":
                return Reply(stacks, content_type="text/xml")
            case "GetCallerIdentity":
                return Reply(identity, content_type="text/xml")
            case _:
                return error(call, "AccessDenied", "not authorized to perform: sts:AssumeRole", 403)

    aws.answer = answer
    sentence = error_of(command)
    assert "arn:aws:iam::111122223333:user/ada may not assume the operator role of AmplifyMedic" in sentence
    assert f"allow it sts:AssumeRole on {role}" in sentence
