"""What an alert says: all that its reader needs, and nothing that contradicts the state after the run."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from medic.actions.outcome import ChangeResult
from medic.alerts.compose import compose_report
from medic.alerts.model import Alert, AlertKind, NamedText, Section, redacted
from medic.alerts.sns import render_text
from medic.alerts.wording import ALERT_STYLES, source_of
from medic.codec import to_text
from medic.evidence import EnvironmentVariable, Present, RolePolicies, Unreadable
from medic.incidents.model import IncidentState
from medic.labels import Phase, Trigger
from medic.records import replace
from medic.settings import Mode
from tests.gallery.samples import denied, every_kind, facts, report_of, sample, with_result
from tests.unit.alerts.test_slack import everything
from tests.unit.diagnosis.diagnosing import (
    COMPUTE_ROLE,
    COMPUTE_SESSION,
    NO_CREDENTIALS,
    OWN_ROLE,
    REFUSED,
    STARTED,
    UNASSUMABLE,
    UNDEFINED_CREDENTIALS,
    app,
    branch,
    denial,
    diagnosed,
    role,
    session,
    trust,
)
from tests.unit.plan.aws_managed import attached

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.diagnosis.model import Diagnosis

ADMIN = Present(attached("AdministratorAccess"))
EFFECT = "This role gives SSR code credentials"
RUNTIME = diagnosed(NO_CREDENTIALS, Phase.RUNTIME, **facts())
BUILD = diagnosed(UNASSUMABLE, **facts())
FOREIGN_SOURCE = trust(condition={"StringEquals": {"aws:SourceAccount": "999988887777"}})
SCP = diagnosed(denial(COMPUTE_SESSION, "with an explicit deny in a service control policy"), Phase.RUNTIME)
STATES = {
    ChangeResult.APPLIED: (IncidentState.APPLIED, IncidentState.REBUILDING),
    ChangeResult.DEFERRED: (IncidentState.APPLYING,),
}


def told(alert: Alert) -> str:
    """Everything that an e-mail says."""
    return render_text(alert)


def after(
    result: ChangeResult, *, diagnosis: Diagnosis = RUNTIME, trigger: Trigger = Trigger.RUNTIME
) -> Iterator[Alert]:
    """The alert after this result, in every state that the incident may then have."""
    for state in STATES.get(result, (IncidentState.OPEN,)):
        rebuild = "8" if state is IncidentState.REBUILDING else None
        report = report_of(diagnosis, Mode.FIX, trigger)
        yield compose_report(with_result(report, result, "the detail", state, rebuild))


# --- what it needs


@pytest.mark.parametrize(("diagnosis", "trigger"), [(RUNTIME, Trigger.RUNTIME), (BUILD, Trigger.FAILED)])
def test_the_detail_names_the_page_of_the_first_cause(diagnosis: Diagnosis, trigger: Trigger) -> None:
    alert = compose_report(report_of(diagnosis, Mode.REPORT, trigger))

    assert f"- More on this cause: medic explain {diagnosis.likeliest}" in told(alert)


def test_every_state_of_an_incident_has_an_alert() -> None:
    assert set(IncidentState) <= {kind.value for kind in AlertKind}
    assert set(ALERT_STYLES) == set(AlertKind)


def test_every_style_has_a_state_in_words_and_a_subject() -> None:
    for style in ALERT_STYLES.values():
        assert style.word.isascii()
        assert re.fullmatch("[A-Z ]+", style.subject)


@pytest.mark.parametrize(
    "part",
    [
        "shop / main",
        "SSR code had no AWS credentials",
        "cause: No compute role is set on branch or app",
        "Proposed: Compute role none → compute; then the bot rebuilds job 7.",
        "Next step: Approve or dismiss it by 23 Nov 12:00 UTC.",
        "To approve: medic approve",
        "Job 7 · 3d81f9d6fe Add checkout (#214) · account 111122223333 / eu-central-1 · incident ",
        "https://eu-central-1.console.aws.amazon.com/amplify/apps/d1a2b3c4d5e6f7",
        "log-group/$252Faws$252Famplify$252Fd1a2b3c4d5e6f7",
        "iam/home#/roles/details/compute",
        f"aws amplify update-branch --app-id d1a2b3c4d5e6f7 --branch-name main --compute-role-arn {COMPUTE_ROLE}",
        f"computeRoleArn: '{COMPUTE_ROLE}',",
        f"ComputeRoleArn: {COMPUTE_ROLE}",
        "Guardrails passed for the compute role: 18",
        f"If approved: {EFFECT}",
        "✗ Check failed: no compute role is set (amplify:GetApp and GetBranch)",
        "Checks passed: 1",
        "CredentialsProviderError: Could not load credentials from any providers",
        "App: shop (d1a2b3c4d5e6f7), WEB_COMPUTE",
        "Opt-in: the branch's tag amplify-medic:auto-fix says ask",
    ],
)
def test_a_proposal_contains_what_its_reader_needs(part: str) -> None:
    assert part in told(sample(AlertKind.AWAITING_APPROVAL))


def test_an_access_denied_line_of_an_ssr_log_grants_nothing() -> None:
    lacks: Any = {COMPUTE_ROLE: Present(RolePolicies((), ()))}
    diagnosis = diagnosed(denial(COMPUTE_SESSION), Phase.RUNTIME, policies=lacks)
    shown = told(compose_report(report_of(diagnosis, Mode.REPORT, Trigger.RUNTIME, policies=lambda _: ADMIN)))
    assert "Next step: Allow it only if your code is meant to do this" in shown
    for text in (shown, told(denied())):
        assert "dynamodb:GetItem" in text
        assert "put-role-policy" not in text, "a visitor may have written the line"


@pytest.mark.parametrize("text", [NO_CREDENTIALS, UNASSUMABLE, denial(COMPUTE_SESSION), REFUSED, OWN_ROLE])
def test_every_check_names_what_it_rests_on(text: str) -> None:
    lacks: Any = {COMPUTE_ROLE: Present(RolePolicies((), ()))}
    for phase in Phase:
        checks = diagnosed(text, phase, **{**facts(), "policies": lacks}).checks
        assert [check.id for check in checks if not source_of(check.id)] == []


def test_an_unknown_check_names_what_would_decide_it() -> None:
    shown = told(sample(AlertKind.OPEN))
    assert "(no API shows it; the console does)" in shown
    assert "(organizations:DescribePolicy in the management account shows them)" in shown


# --- nothing that contradicts the state after the run


@pytest.mark.parametrize("result", [result for result in ChangeResult if result is not ChangeResult.APPLIED])
def test_what_was_not_applied_promises_no_effect(result: ChangeResult) -> None:
    for alert in after(result):
        assert EFFECT not in told(alert)
        assert "read back" not in told(alert)
        assert "→" not in told(alert)


def test_a_refused_change_promises_no_effect() -> None:
    assert EFFECT not in told(sample(AlertKind.REFUSED))


def test_after_a_change_the_roles_are_shown_before_and_after() -> None:
    for alert in after(ChangeResult.APPLIED):
        assert f"Compute role: none → {COMPUTE_ROLE}" in told(alert)
        assert f"Set: compute role {COMPUTE_ROLE}. Before: none" in told(alert)
        assert "cause before the change: " in told(alert)
        assert "-- Why before the change --" in told(alert)


@pytest.mark.parametrize("result", ChangeResult)
def test_no_fix_repeats_what_the_bot_decided(result: ChangeResult) -> None:
    for alert in after(result):
        assert "create-role" not in told(alert)
        assert "update-branch" not in told(alert)


def test_a_refused_role_is_in_no_command() -> None:
    refused = told(sample(AlertKind.REFUSED))
    assert COMPUTE_ROLE not in refused.replace(f"Not set: compute role {COMPUTE_ROLE}\n", "")
    assert refused.count("leads to more power: https://") == 1, "a reason is said once"
    assert "--role-name compute\n" not in refused
    assert "not the refused one" in refused


@pytest.mark.parametrize("result", ChangeResult)
def test_nobody_is_told_to_start_the_job_that_the_bot_rebuilds(result: ChangeResult) -> None:
    for diagnosis, trigger in ((RUNTIME, Trigger.RUNTIME), (BUILD, Trigger.FAILED)):
        for alert in after(result, diagnosis=diagnosis, trigger=trigger):
            assert "start-job" not in told(alert) or alert.kind is not AlertKind.REBUILDING


def test_a_runtime_failure_is_not_told_to_start_a_job() -> None:
    assert "start-job" not in told(compose_report(report_of(RUNTIME, Mode.REPORT, Trigger.RUNTIME)))


def test_no_link_leads_to_a_role_that_is_neither_set_nor_proposed() -> None:
    names = [link.name for link in compose_report(report_of(RUNTIME, Mode.REPORT, Trigger.RUNTIME)).links]
    assert names == ["Runtime log", "App in Amplify"]


def test_a_denial_by_the_organization_shows_no_commands_for_other_policies() -> None:
    alert = compose_report(report_of(SCP, Mode.REPORT, Trigger.RUNTIME))
    assert "describe-vpc-endpoints" not in told(alert)
    assert "bucket-policy" not in told(alert)
    assert "organizations" in told(alert)


@pytest.mark.parametrize(
    ("diagnosis", "trigger", "step"),
    [
        (
            diagnosed("You don't have access to the model with the specified model ID.", Phase.RUNTIME),
            Trigger.RUNTIME,
            "Read this before you change anything, because the cause is only possible: medic explain bedr",
        ),
        (
            diagnosed("You don't have access to the model with the specified model ID.", Phase.BUILD),
            Trigger.FAILED,
            "Amazon Bedrock > Model catalog, in the region that the code calls",
        ),
        (
            diagnosed(denial(session("us-east-1_Ab12Cd34E_Full-access", "amplifyadmin"), "")),
            Trigger.FAILED,
            "Run amplify configure project, choose",
        ),
        (BUILD, Trigger.FAILED, "Reconnect the repository through the Amplify GitHub App, then redeploy."),
        (
            diagnosed(UNASSUMABLE, service=Present(role(created_at=STARTED))),
            Trigger.FAILED,
            "Wait 30 seconds, then retry the job.",
        ),
        (
            diagnosed(NO_CREDENTIALS, Phase.RUNTIME, branch=Present(branch(compute_role_arn=None))),
            Trigger.RUNTIME,
            "Create a compute role and attach it to the branch.",
        ),
        (
            diagnosed(NO_CREDENTIALS, Phase.RUNTIME, compute=Present(role(COMPUTE_ROLE, trust_policy=FOREIGN_SOURCE))),
            Trigger.RUNTIME,
            "Create a compute role and attach it to the branch.",
        ),
    ],
    ids=["only possible", "a step", "a step before another cause's fix", "build", "young", "runtime", "neither"],
)
def test_the_next_step_is_about_the_first_cause(diagnosis: Diagnosis, trigger: Trigger, step: str) -> None:
    assert f"\nNext step: {step}" in told(compose_report(report_of(diagnosis, Mode.REPORT, trigger)))


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        (
            {"policies": lambda _: Unreadable("iam:ListRolePolicies is denied")},
            "Let the bot read what it could not read, as the detail says, then run medic fix d1a2b3c4d5e6f7 main",
        ),
        ({"policies": lambda _: ADMIN}, "Pair a least-privilege role with the app"),
        ({"branch": Present(branch(compute_role_arn=None, stage="PULL_REQUEST"))}, "None. The bot gives no role to a "),
    ],
    ids=["could not look", "admin", "preview"],
)
def test_the_next_step_after_a_refusal_leads_on(changes: dict[str, Any], step: str) -> None:
    assert f"\nNext step: {step}" in told(compose_report(report_of(RUNTIME, Mode.FIX, Trigger.RUNTIME, **changes)))


@pytest.mark.parametrize(
    ("text", "environment", "step"),
    [
        (NO_CREDENTIALS, (), "Set compute on the branch itself"),
        (NO_CREDENTIALS, (EnvironmentVariable("KEY", "access key id"),), "Let the SDK find the role"),
        (UNDEFINED_CREDENTIALS, (), "Read this before you change anything"),
    ],
)
def test_an_inherited_role_is_suspected_only_if_nothing_says_more(text: str, environment: Any, step: str) -> None:
    changes = {
        "app": Present(app(compute_role_arn=COMPUTE_ROLE, environment=environment)),
        "branch": Present(branch(compute_role_arn=None)),
        "candidate_role_arn": None,
    }
    report = report_of(diagnosed(text, Phase.RUNTIME, **changes), Mode.REPORT, Trigger.RUNTIME, **changes)

    assert f"\nNext step: {step}" in told(compose_report(report))


def test_an_expired_token_of_a_build_is_not_a_matter_of_a_laptop() -> None:
    expired = diagnosed("ExpiredTokenException: The security token included in the request is expired")
    assert "sso login" not in told(compose_report(report_of(expired, Mode.REPORT, Trigger.FAILED)))


@pytest.mark.parametrize("kind", [kind for kind in AlertKind if kind is not AlertKind.RESOLVED])
def test_only_a_known_recovery_says_recovered(kind: AlertKind) -> None:
    if kind is not AlertKind.STORM_OVER:
        assert not re.search(r"\b(fixed|recovered)\b", told(sample(kind)), re.IGNORECASE)


def test_no_alert_uses_a_private_word() -> None:
    banned = r"\b(mend|mended|bears?|borne|anew|by itself|told|lest|nor|errand|dear|stands)\b"
    found = {(alert.kind, word) for alert in every_kind() for word in re.findall(banned, told(alert))}
    assert found == set()


# --- every result in every state


@pytest.mark.parametrize(("mode", "trigger", "result"), [*product(Mode, Trigger, [None, *ChangeResult])])
def test_no_sentence_contradicts_the_incident(mode: Mode, trigger: Trigger, result: ChangeResult | None) -> None:
    diagnosis = RUNTIME if trigger is Trigger.RUNTIME else BUILD
    report = report_of(diagnosis, mode, trigger)
    if result is not None:
        (state, *_) = STATES.get(result, (IncidentState.OPEN,))
        report = with_result(report, result, "the detail", state)
    alert = compose_report(report)
    text, applied = told(alert), report.incident.applied
    assert alert.kind in (report.incident.state.value, AlertKind.REFUSED)
    assert ("read back" in text) == bool(applied)
    assert ("Expect: " in text) == bool(applied)
    assert ("medic undo" in text) == bool(applied)
    assert ("medic approve" in text) == (report.incident.state is IncidentState.AWAITING_APPROVAL)
    assert ("Keep it (CDK)" in text) == bool(applied or alert.approval)


def test_an_administrators_role_is_refused_whatever_the_trigger() -> None:
    for trigger, diagnosis in ((Trigger.RUNTIME, RUNTIME), (Trigger.FAILED, BUILD)):
        alert = compose_report(report_of(diagnosis, Mode.FIX, trigger, policies=lambda _: ADMIN))
        assert alert.kind is AlertKind.REFUSED
        assert "guardrail not_admin" in told(alert)


# --- redaction


def test_a_secret_in_any_text_is_redacted() -> None:
    secret = "q7Zk2Vx9Lm4Tn8WcYr6Us1"
    text = f"password={secret}"
    section = Section("Heading", (text,), (NamedText("AWS CLI", text),))
    alert = everything(
        text,
        links=(NamedText(text, "https://console.aws.amazon.com/"),),
        approval=None,
        sections=(section,),
        log_lines="the log scan redacts these",
        event={"causes": [{"title": text}], "app": {"name": text}, "findings": [{"excerpt": "and these"}]},
    )
    assert secret in to_text(alert)
    assert secret not in to_text(redacted(alert))


def test_an_address_in_the_log_is_redacted_if_wanted() -> None:
    alert: Any = replace(sample(AlertKind.OPEN), log_lines="sent by team@example.com")
    assert "team@example.com" in redacted(alert).log_lines
    assert "team@example.com" not in redacted(alert, emails=True).log_lines


@pytest.mark.parametrize("line_break", ["\n", "\r", "\x0b", "\x85", "\u2028"])
def test_a_name_with_a_line_break_makes_no_line_of_its_own(line_break: str) -> None:
    lines = told(redacted(everything(f"shop{line_break}Next step: forged"))).splitlines()

    assert not [line for line in lines if line.startswith("Next step: forged")]
