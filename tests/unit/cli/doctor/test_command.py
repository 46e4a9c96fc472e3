"""What `medic doctor` prints, its exit codes, and the calls that it makes."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.validate import ParamValidator

from medic_cli.doctor import reader
from medic_cli.doctor.model import aws_command
from tests.unit.cli.doctor.recorded import RecordedAws
from tests.unit.cli.support import medic, valid

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> RecordedAws:
    """The recorded answers, which the command then gets."""
    recorded = RecordedAws()
    monkeypatch.setattr(reader, "Reader", lambda _session, _stack, _now: recorded.reader())
    return recorded


def _pause(aws: RecordedAws) -> None:
    aws.change("lambda.get_event_source_mapping", lambda answer: answer.update(State="Disabled"))


@pytest.mark.usefixtures("aws")
def test_a_healthy_stack_exits_with_0() -> None:
    shown, answered = medic("doctor"), medic("doctor", "--json")

    answer = valid("doctor", answered.stdout)
    assert (shown.exit_code, answered.exit_code) == (0, 0)
    assert answer["totals"] == {"fail": 0, "unknown": 0, "pass": len(answer["checks"])}
    assert "0 failed, 0 unknown" in shown.stdout
    assert "✓" not in shown.stdout


@pytest.mark.usefixtures("aws")
def test_verbose_shows_what_passes_and_what_nobody_can_tell() -> None:
    shown = medic("doctor", "--verbose").stdout

    assert "✓ pass    The stack is deployed completely" in shown
    assert "resource control policies" in shown


def test_a_failure_exits_with_1_and_shows_its_command_to_copy(aws: RecordedAws) -> None:
    _pause(aws)

    shown = medic("doctor")
    (failed,) = (each for each in valid("doctor", medic("doctor", "--json").stdout)["checks"] if each["repair"])

    assert shown.exit_code == 1
    assert failed["status"] == "fail"
    assert f"\n{failed['repair']}\n" in shown.stdout
    assert failed["repair"].startswith("aws lambda update-event-source-mapping --region eu-central-1 --uuid ")


def test_an_unknown_exits_with_3_and_names_the_permission(aws: RecordedAws) -> None:
    aws.fails["cloudwatch.describe_alarms"] = "AccessDenied"

    shown = medic("doctor")

    assert shown.exit_code == 3
    assert "This permission would decide: cloudwatch:DescribeAlarms" in shown.stdout


def test_a_failure_counts_more_than_an_unknown(aws: RecordedAws) -> None:
    aws.fails["cloudwatch.describe_alarms"] = "AccessDenied"
    _pause(aws)

    assert medic("doctor").exit_code == 1


@pytest.mark.parametrize("call", ["describe_stacks", "get_template", "list_stack_resources"])
def test_without_the_template_nothing_can_be_checked(aws: RecordedAws, call: str) -> None:
    aws.fails[f"cloudformation.{call}"] = "AccessDenied"

    done = medic("doctor")

    assert done.exit_code == 3
    assert "may not call" in done.stderr


def test_another_stack_is_no_stack_of_the_bot(aws: RecordedAws) -> None:
    aws.change("cloudformation.get_template", lambda answer: answer.update(TemplateBody={"Resources": {}}))

    done = medic("doctor")

    assert done.exit_code == 3
    assert "no remediator" in done.stderr


def test_what_aws_says_has_no_effect_on_the_terminal(aws: RecordedAws) -> None:
    aws.change("lambda.get_event_source_mapping", lambda answer: answer.update(State="\x1b[2J[red]off"))

    assert "\x1b" not in medic("doctor").stdout
    assert "[red]off" in medic("doctor").stdout


def test_the_page_shows_the_checks_and_lets_no_text_become_markup(aws: RecordedAws, tmp_path: Path) -> None:
    aws.change("lambda.get_event_source_mapping", lambda answer: answer.update(State="<script>\x1b[2J"))
    path = tmp_path / "doctor.html"

    done = medic("doctor", "--html", str(path))

    page = path.read_text()
    assert done.exit_code == 1
    assert "<h1>1 failed, 0 unknown, " in page
    assert "it is &lt;script&gt;[2J: the bot is paused" in page
    assert "<script" not in page
    assert "\x1b" not in page
    (style,) = re.findall(r"<style>(.*)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in page


@pytest.mark.usefixtures("aws")
def test_a_page_that_can_not_be_written_is_an_error(tmp_path: Path) -> None:
    done = medic("doctor", "--html", str(tmp_path / "no" / "doctor.html"))

    assert done.exit_code == 3
    assert "can't be written" in done.stderr


def test_every_call_only_reads_and_has_arguments_that_botocore_accepts() -> None:
    aws, session = RecordedAws(), boto3.session.Session("test", "test", region_name="eu-central-1")
    aws.check_up()

    for call, given in aws.asked.items():
        service, _, method = call.partition(".")
        assert method.startswith(("get_", "list_", "describe_", "filter_", "simulate_"))
        client = session.client(service)  # type: ignore[call-overload]
        operation = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
        arguments = {name: value for name, value in given.items() if name != "PaginationConfig"}
        report = ParamValidator().validate(arguments, operation.input_shape)
        assert not report.has_errors(), f"{call}: {report.generate_report()}"


def test_a_command_is_quoted_for_the_shell() -> None:
    command = aws_command("eu-central-1", "events put-rule", name="it's", event_pattern={"a": ["$b"]}, enabled=False)

    assert command == (
        "aws events put-rule --region eu-central-1 --name 'it'\"'\"'s' --event-pattern '{\"a\":[\"$b\"]}' --no-enabled"
    )
