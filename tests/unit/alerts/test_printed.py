"""All that the alerts on many failures print, in each state: texts to paste that are whole, and no contradiction."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medic.actions.outcome import ChangeResult
from medic.alerts.compose import compose_report
from medic.alerts.failure_report import kind_of
from medic.alerts.fixes import ATTACHING_FIXES, REPAIRING_FIXES, TRUST_FIXES
from medic.alerts.model import AlertKind
from medic.alerts.slack import render_brief, render_detail, render_for_webhook
from medic.alerts.sns import render_text
from medic.alerts.wording import source_of
from medic.diagnosis import checks
from medic.diagnosis.model import CheckResult
from medic.incidents.model import IncidentState
from medic.knowledge import FIXES
from medic.knowledge.entry import placeholders_in
from medic.labels import ActionKind
from medic.redaction import redact
from tests.unit.alerts.printed import commands, every_report, every_text, fix_of
from tests.unit.alerts.test_slack import assert_slack_accepts, shown_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.alerts.failure_report import FailureReport

_PROVIDERS = json.loads((Path(__file__).parents[2] / "data" / "terraform" / "arguments.json").read_text())
TERRAFORM = {kind: resource["arguments"] for kind, resource in _PROVIDERS["resources"].items()}
"""The arguments of each resource. The file names the page of the provider's documentation that lists them."""
_ASSIGNED = re.compile(r"\bread -rs (\w+)")
_RESOURCE = re.compile(r'^(?:resource|data) "(\w+)" "\w+" \{\n(.*?)^\}', re.DOTALL | re.MULTILINE)
_EXISTING = re.compile(r"^# (?:[\w ]+, )?in your existing (aws_\w+)[^\n:]*\n(.*)", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"^# in your existing (aws_\w+): (\w+) =", re.MULTILINE)


def reports() -> Iterator[FailureReport]:
    """One report for each cause, mode, result and state."""
    seen = set()
    for report in every_report():
        failure = report.failure
        results = tuple(outcome.result for outcome in report.outcomes)
        key = (failure.diagnosis.likeliest, failure.trigger, kind_of(report), failure.opt_in.mode, results)
        if key not in seen:
            seen.add(key)
            yield report


# --- texts to paste


def test_every_printed_command_is_whole() -> None:
    for text in {each.text for each in commands()}:
        checked = subprocess.run(["bash", "-n", "-c", text], capture_output=True, text=True, check=False)  # noqa: S603, S607
        assert (checked.returncode, checked.stderr) == (0, ""), text
        used = set(re.findall(r"\$\{?(\w+)", text))
        assert used <= set(_ASSIGNED.findall(text)), f"a name without a value: {text}"
        assert not re.search(r"<(?!/dev/tty)", text), f"a blank to fill in: {text}"
        assert not re.search(r"\bjq\b", text), text
        assert not re.search(r"--[\w-]+ '?https?://", text), f"AWS CLI 1 fetches an argument that is a URL: {text}"


def test_commands_that_powershell_reads_differently_are_followed_by_the_command_that_writes_them_for_it() -> None:
    for alert in map(compose_report, every_report()):
        for section in alert.sections:
            names = [snippet.name for snippet in section.snippets]
            texts = dict(zip(names, (snippet.text for snippet in section.snippets), strict=True))
            differs = bool(re.search(r"['\"\\<]", texts.get("AWS CLI", "")))
            assert ("PowerShell" in names) == differs
            if differs:
                assert names[names.index("AWS CLI") + 1] == "PowerShell"
                assert alert.scope is not None
                assert texts["PowerShell"].startswith(f"medic diagnose {alert.scope.app_id} {alert.branch} ")
                assert ("--since 1h" in texts["PowerShell"]) == (alert.links[0].name == "Runtime log")


def test_no_printed_text_has_a_blank_or_loses_a_part_to_the_redaction() -> None:
    for printed in every_text():
        assert not placeholders_in(printed.text)
        assert redact(printed.text) == printed.text
        assert "[redacted" not in printed.text.lower()


def test_every_terraform_argument_is_one_that_its_resource_has() -> None:
    texts = {each.text for each in every_text() if "Terraform" in each.dialect} | {
        fix.terraform for fix in FIXES.values()
    }
    found = {pair for text in texts for pair in arguments(text)}
    assert len(found) >= 10
    assert {(kind, name) for kind, name in found if name not in TERRAFORM[kind]} == set()
    assert "compute_role_arn" not in TERRAFORM["aws_amplify_branch"]


def arguments(text: str) -> Iterator[tuple[str, str]]:
    """The arguments and blocks at the first level of each resource in a Terraform text."""
    for kind, body in _RESOURCE.findall(text):
        yield from ((kind, name) for name in re.findall(r"^  (\w+)\s*[={]", body, re.MULTILINE))
    for kind, body in _EXISTING.findall(text):
        yield from ((kind, name) for name in re.findall(r"^(\w+)\s*[={]", body, re.MULTILINE))
    yield from _COMMENT.findall(text)


# --- checks


def test_every_check_names_the_call_or_the_text_that_it_rests_on() -> None:
    literal = set(re.findall(r'Check\(\s*"(\w+)"', Path(checks.__file__).read_text()))
    met = {check.id for report in every_report() for check in report.failure.diagnosis.checks}
    assert len(met) >= 15
    assert {check for check in literal | met if not source_of(check)} == set()


def test_every_unknown_is_printed_with_what_would_decide_it() -> None:
    for report in reports():
        told = render_text(compose_report(report))
        for check in report.failure.diagnosis.checks:
            if check.result is CheckResult.UNKNOWN:
                assert f"- ? Unknown: {redact(check.detail)}{source_of(check.id)}" in told


# --- sentences and the incident's record


def test_no_sentence_contradicts_the_record() -> None:
    for report in reports():
        alert = compose_report(report)
        told, state = render_text(alert), report.incident.state
        applied = bool(report.incident.applied)
        assert alert.kind in {state.value, AlertKind.REFUSED, AlertKind.NOT_CONFIRMED}
        assert ("read back" in told) == applied
        assert ("Expect: " in told) == applied
        assert ("medic undo" in told) == applied
        assert ("medic approve" in told) == (state is IncidentState.AWAITING_APPROVAL)
        assert ("Keep it (CDK)" in told) == bool(applied or alert.approval)
        assert "start-job" not in told or state is not IncidentState.REBUILDING
        assert not (re.search(r"^(Proven|Likely) cause", told, re.MULTILINE) and "none is proven or likely" in told)
        own_words = told.replace(alert.log_lines, "")
        assert not re.search(r"\b(fixed|recovered|repaired)\b", own_words, re.IGNORECASE), "the outcome is not known"
        assert_no_fix_of_what_the_bot_does(report, {fix_of(section.heading) for section in alert.sections})


def assert_no_fix_of_what_the_bot_does(report: FailureReport, shown: set[str]) -> None:
    for outcome in report.outcomes:
        attaches = outcome.action.kind is ActionKind.ATTACH_COMPUTE
        assert not shown & (ATTACHING_FIXES if attaches else REPAIRING_FIXES)
        if outcome.result in {ChangeResult.APPLIED, ChangeResult.DEFERRED}:
            assert TRUST_FIXES[outcome.action.kind] not in shown, "that role is replaced"


def test_every_report_fits_one_phone_screen_and_slacks_limits() -> None:
    for report in reports():
        alert = compose_report(report)
        messages: list[Any] = [render_brief(alert, buttons=True), render_detail(alert), render_for_webhook(alert)]
        text = shown_text(messages[0]).strip()
        assert len(messages[0]["blocks"]) <= 6
        assert len(text.splitlines()) + 1 <= 10
        assert len(text) <= 900
        assert [line.name for line in alert.brief].count("Next step") == 1
        for message in messages:
            assert_slack_accepts(message)
