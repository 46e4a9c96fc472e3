"""`medic diagnose --event FILE [--log FILE]`: no AWS call, whatever credentials the environment has."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.cli.support import EVENT, medic, valid
from tests.unit.diagnosis.support import LOGS

if TYPE_CHECKING:
    from pathlib import Path

UNASSUMABLE = (
    "2026-02-20T12:27:54.525Z [INFO]: # Build environment configured with Standard build compute type: 8GiB Memory\n"
    "2026-02-20T12:27:55.525Z [ERROR]: !!! Unable to assume specified IAM Role. Please ensure the selected IAM Role "
    "has sufficient permissions and the Trust Relationship is configured correctly.\n"
)
DENIED = (
    "2026-02-20T12:30:00.000Z [WARNING]: User: arn:aws:sts::111122223333:assumed-role/shop-service/BuildSession is not "
    "authorized to perform: ssm:GetParameter on resource: arn:aws:ssm:us-east-1:111122223333:parameter/a because no "
    "identity-based policy allows the ssm:GetParameter action\n"
)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("an offline diagnosis opened a socket")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def log(tmp_path: Path) -> Any:
    def write(text: str) -> str:
        file = tmp_path / "build.log"
        file.write_text(text, encoding="utf-8")
        return str(file)

    return write


def answer(*arguments: str) -> Any:
    return valid("diagnose", medic("diagnose", "--event", str(EVENT), "--json", *arguments).stdout)


def test_the_report_goes_from_headline_to_fix(log: Any) -> None:
    result = medic("diagnose", "--event", str(EVENT), "--log", log(UNASSUMABLE), "--dialect", "cli")
    assert result.exit_code == 1
    places = [
        result.stdout.index(part)
        for part in (
            "d1a2b3c4d5e6f7 / main: build failed, “Unable to assume specified IAM Role”",
            "Role: the service role (build time).",
            "Causes, most likely first",
            "Checks",
            "? unknown",
            "From the log, line 2",
            "No cause is proven or likely",
            "Fix: ",
            "aws amplify ",
        )
    ]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("dialect", "shown", "hidden"),
    [
        ("console", "IAM > Roles", "aws iam"),
        ("cli", "aws iam", "new iam."),
        ("cdk", "iam.", "aws_iam"),
        ("terraform", "aws_amplify_app", "new iam."),
    ],
)
def test_fixes_are_shown_in_the_requested_dialect(log: Any, dialect: str, shown: str, hidden: str) -> None:
    by_logging_role = DENIED.replace("shop-service", "AmplifySSRLoggingRole-1b2c")
    output = medic("diagnose", "--event", str(EVENT), "--log", log(by_logging_role), "--dialect", dialect).stdout
    fixes = output[output.index("Fix: ") :]
    assert shown in fixes
    assert hidden not in fixes


def test_nothing_is_proven_without_asking_aws(log: Any) -> None:
    given = answer("--log", log(UNASSUMABLE))
    assert given["label"] == "service_role_unassumable"
    assert given["offline"] is True
    assert given["role"] == "service"
    assert {cause["rank"] for cause in given["causes"]} <= {"likely", "possible", "ruled_out"}
    assert given["bot"] is None
    assert given["fixes"]


def test_what_the_log_alone_shows_is_likely(log: Any) -> None:
    given = answer("--log", log(DENIED))
    assert given["label"] == "access_denied_identity"
    assert given["findings"][0]["action"] == "ssm:GetParameter"
    assert given["causes"][0]["rank"] == "likely"
    assert "ssm:GetParameter" in given["fixes"][0]["console"]
    assert given["fixes"][0]["cli"] is None


def test_a_failure_other_than_iam_exits_with_0(log: Any) -> None:
    result = medic("diagnose", "--event", str(EVENT), "--log", log("npm ERR! missing script: build\n"))
    assert result.exit_code == 0
    assert "no IAM failure in the log" in result.stdout


def test_an_event_without_a_log_gives_no_diagnosis() -> None:
    result = medic("diagnose", "--event", str(EVENT))
    assert result.exit_code == 3
    assert "give its log with --log FILE" in result.stdout
    assert answer()["label"] is None


def test_an_event_of_success_shows_no_failure(tmp_path: Path) -> None:
    event = json.loads(EVENT.read_text())
    event["detail"]["jobStatus"] = "SUCCEED"
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event))
    assert "shows no failure" in medic("diagnose", "--event", str(file)).stdout


def test_a_runtime_log_is_about_the_compute_role(log: Any) -> None:
    text = "CredentialsProviderError: Could not load credentials from any providers\n"
    assert answer("--log", log(text), "--phase", "runtime")["role"] == "compute"


def test_a_log_may_come_from_standard_input() -> None:
    result = medic("diagnose", "--event", str(EVENT), "--log", "-", "--json", given=UNASSUMABLE)
    assert valid("diagnose", result.stdout)["label"] == "service_role_unassumable"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "Give APP and BRANCH, or --event FILE."),
        (["d1a2b3c4d5e6f7"], 2, "Give APP and BRANCH"),
        (["not an app", "main"], 2, "is not an Amplify app id"),
        (["d1a2b3c4d5e6f7", "x" * 256], 2, "1 to 255 characters"),
        (["--event", str(EVENT), "--job", "4"], 2, "leave --job out"),
        (["d1a2b3c4d5e6f7", "main", "--event", str(EVENT)], 2, "leave APP out"),
        (["--event", "/no/such/file"], 3, "can't be read: No such file or directory"),
        (["--event", str(EVENT), "--log", "/no/such/file"], 3, "can't be read: No such file or directory"),
        (["--event", str(EVENT), "--dialect", "pulumi"], 2, "is not one of"),
    ],
)
def test_wrong_usage_exits_with_2_and_a_missing_file_with_3(arguments: list[str], code: int, message: str) -> None:
    result = medic("diagnose", *arguments)
    assert result.exit_code == code
    assert message in result.stderr


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("{", 3, "is not JSON"),
        ("[]", 2, "contains no event: it is list"),
        ("{}", 2, "source is missing"),
        ('{"source": "aws.s3"}', 2, "source is 'aws.s3'"),
        (" " * (1 << 20) + "{}", 3, "is longer than"),
    ],
)
def test_a_file_that_is_not_an_event_is_rejected(tmp_path: Path, text: str, code: int, message: str) -> None:
    file = tmp_path / "event.json"
    file.write_text(text)
    result = medic("diagnose", "--event", str(file))
    assert result.exit_code == code
    assert message in result.stderr


def test_secrets_and_escape_sequences_of_a_log_are_not_printed(log: Any) -> None:
    key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    text = UNASSUMABLE.replace("correctly.", f"correctly. aws_secret_access_key={key} \x1b]0;owned\x07\u202e")
    result = medic("diagnose", "--event", str(EVENT), "--log", log(text))
    assert key not in result.stdout
    assert "\x1b" not in result.stdout
    assert "\u202e" not in result.stdout
    assert key not in json.dumps(answer("--log", log(text)))


def test_a_denial_that_did_not_end_the_build_is_shown_and_not_diagnosed() -> None:
    log = str(LOGS / "full" / "log-01.txt")

    result, as_json = medic("diagnose", "--event", str(EVENT), "--log", log), answer("--log", log)

    assert result.exit_code == 0
    assert "no IAM failure ended the build" in result.stdout
    assert "Also seen in the log, line 137 (access_denied_identity" in result.stdout
    assert "Causes" not in result.stdout
    assert (as_json["label"], as_json["causes"], as_json["fixes"]) == ("not_iam", [], [])
    assert {each["ended_build"] for each in as_json["findings"]} == {False}


@pytest.mark.parametrize("log", sorted((LOGS / "full").iterdir()), ids=lambda log: log.stem)
def test_whole_logs_of_builds_that_iam_did_not_end_exit_with_0(log: Path) -> None:
    assert medic("classify", str(log)).exit_code == 0
    assert medic("diagnose", "--event", str(EVENT), "--log", str(log)).exit_code == 0


def test_the_steps_of_a_fix_without_a_text_are_in_the_answer(log: Any) -> None:
    denied = DENIED.replace("ssm:GetParameter", "lambda:GetLayerVersion").replace("because no identity-based", "#")
    first = answer("--log", log(denied.partition(" #")[0]))["fixes"][0]

    assert first["title"].startswith("Compare the layer's ARN")
    assert first["steps"] == [
        "If all is right: its owner shares it with aws lambda add-layer-version-permission.",
    ]
