"""For any text in an SSR log and any state of AWS: no proof, no command that grants, no change without the state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from medic.diagnosis.diagnose import diagnose
from medic.diagnosis.model import Rank
from medic.diagnosis.roles import compute_role_verdict
from medic.events import Scope
from medic.evidence import Branch, Evidence, Item, JobRef, Present, Role, RolePolicies, RuntimeLine
from medic.flows.respond import NextStep, next_step
from medic.incidents.model import Change, ChangeState, Incident, IncidentState
from medic.incidents.record import BranchRecord
from medic.knowledge.signatures import DENIAL_LITERALS, SIGNATURES
from medic.labels import ActionKind, Label, Phase, RoleKind, Trigger
from medic.logscan.runtime import RuntimeFailure, runtime_failures
from medic.plan.decide import decide
from medic.plan.failure import ConfirmedFailure
from medic.plan.guardrails import Question
from medic.plan.model import Disposition, Plan
from medic.plan.optin import PairedRoles, RoleChoice, read_opt_in
from medic.records import replace
from medic.settings import Settings
from tests.unit.diagnosis import diagnosing as facts
from tests.unit.diagnosis.diagnosing import ACCOUNT, APP_ID, COMPUTE_ROLE, NOW, SERVICE_ROLE
from tests.unit.diagnosis.support import samples
from tests.unit.plan.situation import CANDIDATE, in_state, role

SETTINGS = Settings.parse({"compute_roles": {CANDIDATE: [APP_ID]}})
NOTHING = Present(RolePolicies((), ()))
CHANGED = NOW - timedelta(hours=3)

# --- what a visitor may write

PHRASES = sorted(
    {word for signature in SIGNATURES for word in signature.words}
    | {*DENIAL_LITERALS, "[ERROR]: !!!", "2026-11-22T11:58:00.500Z", "User: ", " is not authorized to perform: "}
    | {f"https://main.{APP_ID}.amplifyapp.com", f"arn:aws:amplify:eu-central-1:{ACCOUNT}:apps/{APP_ID}/branches/main"}
    | {text for sample in samples().values() for text in sample["positives"]}
)
ACCOUNTS = st.sampled_from([ACCOUNT, "999988887777"])
CALLERS = st.builds(
    facts.session,
    st.sampled_from(["compute", "service", "payments", "Admin"]),
    st.sampled_from(["x", "AmplifyHostingCompute"]),
    ACCOUNTS,
)
ACTIONS = st.sampled_from(["s3:GetObject", "iam:PassRole", "iam:CreateAccessKey", "iam:*", "*", "sts:AssumeRole", "x"])
RESOURCES = st.sampled_from(
    [
        "*",
        "arn:aws:s3:::b/*",
        "arn:aws:s3:::b/k",
        COMPUTE_ROLE,
        CANDIDATE,
        f"arn:aws:iam::{ACCOUNT}:user/admin",
        "$(id)",
    ]
)
REASONS = st.sampled_from(
    [
        *("", "with an explicit deny", "with an explicit deny in a service control policy"),
        *(
            "because no identity-based policy allows the s3:GetObject action",
            "because no permissions boundary allows it",
        ),
        "because no role trust policy allows the sts:AssumeRole action",
    ]
)
DENIALS = st.builds(facts.denial, CALLERS, REASONS, ACTIONS, RESOURCES)
PIECES = st.one_of(
    st.sampled_from(PHRASES), DENIALS, st.text(max_size=60), st.sampled_from(["\n", " ", "\x1b[31m", "\0"])
)
MESSAGES = st.lists(PIECES, min_size=1, max_size=5).map("".join)
STREAMS = st.sampled_from(["main/2026/11/22/8f3a", "dev/2026/11/22/8f3a", "2026/11/22/8f3a", "other/2026/11/22/8f3a"])
LINES = st.lists(
    st.builds(
        lambda message, stream, ago: RuntimeLine("id", NOW - timedelta(minutes=ago), stream, message),
        MESSAGES,
        STREAMS,
        st.sampled_from([1, 45, 170, 190, 1500]),
    ),
    min_size=1,
    max_size=6,
)

# --- what AWS says


@dataclass(frozen=True)
class State:
    """The roles of an app with some branches, and the branches' opt-in."""

    branches: tuple[Branch, ...]
    roles: dict[str, Item[Role]]

    def evidence(self, branch: Branch) -> Evidence:
        policies: dict[str, Item[RolePolicies]] = dict.fromkeys((COMPUTE_ROLE, SERVICE_ROLE), NOTHING)
        app = Present(facts.app())
        changes: dict[str, Any] = {"roles": self.roles, "policies": policies, "candidate_role_arn": CANDIDATE}
        scope = Scope("aws", ACCOUNT, "eu-central-1", APP_ID, branch.name)
        return facts.evidence(app=app, branch=Present(branch), scope=scope, **changes)

    def lacks_role(self, branch: Branch) -> bool:
        verdict = compute_role_verdict(self.evidence(branch), branch.compute_role_arn)
        return verdict is None or verdict.usable is False

    def failure(self, logged: RuntimeFailure, branch: Branch) -> ConfirmedFailure:
        evidence = self.evidence(branch)
        return ConfirmedFailure(
            trigger=Trigger.RUNTIME,
            app=facts.app(),
            branch=branch,
            evidence=evidence,
            diagnosis=diagnose(evidence, logged.reading, Phase.RUNTIME),
            opt_in=read_opt_in(SETTINGS, branch.tags),
            compute_choice=PairedRoles(SETTINGS, "", APP_ID, branch.name).choose_compute(branch.tags),
            service_choice=RoleChoice(None, "none"),
            noticed_at=NOW,
            seen_at=logged.seen_at,
            denied=logged.denied,
        )


def _branch(name: str, role_arn: str | None, mode: str) -> Branch:
    tags = {"amplify-medic:auto-fix": mode}
    return facts.branch(name=name, arn=f"{facts.APP_ARN}/branches/{name}", compute_role_arn=role_arn, tags=tags)


def _state(main: Branch, dev: Branch, current: str, *, alone: bool) -> State:
    roles = {
        COMPUTE_ROLE: in_state(COMPUTE_ROLE, current),
        CANDIDATE: role(CANDIDATE),
        SERVICE_ROLE: role(SERVICE_ROLE),
    }
    return State((main,) if alone else (main, dev), roles)


ROLES = st.sampled_from([None, COMPUTE_ROLE])
MODES = st.sampled_from(["fix", "fix", "ask", "report"])
STATES = st.builds(
    _state,
    st.builds(partial(_branch, "main"), ROLES, MODES),
    st.builds(partial(_branch, "dev"), ROLES, MODES),
    st.sampled_from(["good", "gone", "refusing", "contested", "conditional", "unreadable", "young"]),
    alone=st.booleans(),
)


def failures(lines: list[RuntimeLine], state: State) -> list[tuple[RuntimeFailure, ConfirmedFailure]]:
    """The failures whose branch is known."""
    found = runtime_failures(lines, state.branches, state.lacks_role)
    return [(logged, state.failure(logged, logged.branch)) for logged in found if logged.branch is not None]


def plan_of(failure: ConfirmedFailure) -> Plan:
    return decide(Question(failure, SETTINGS, NOW, jobs=lambda: Present(()), policies=lambda _: NOTHING))


many = settings(max_examples=120)


@many
@given(LINES, STATES)
def test_no_text_is_proof_or_makes_a_command_that_grants(lines: list[RuntimeLine], state: State) -> None:
    for _, failure in failures(lines, state):
        causes, roles = failure.diagnosis.causes, (failure.diagnosis.compute, failure.diagnosis.service)
        assert [cause.id for cause in causes if cause.rank is Rank.PROVEN] == []
        # The trust of the app's own roles was read from AWS. No text has a part in what would correct it.
        by_state = [verdict.proposal for verdict in roles if verdict is not None]
        commands = [cause.proposal for cause in causes if cause.proposal is not None and cause.proposal.as_command]
        assert [command for command in commands if command not in by_state] == []


@many
@given(LINES, STATES)
def test_no_text_changes_a_branch_that_the_state_does_not_point_to(lines: list[RuntimeLine], state: State) -> None:
    for logged, failure in failures(lines, state):
        lacking = state.lacks_role(failure.branch)
        named = {line.stream.partition("/")[0] for line in lines}
        assert failure.branch.name in named or len(state.branches) == 1 or (lacking and logged.among != ("dev",))
        for action in plan_of(failure).actions:
            if action.disposition in (Disposition.DO, Disposition.ASK_FIRST):
                assert lacking
                assert action.kind is ActionKind.ATTACH_COMPUTE
                assert (action.target, action.role_arn) == (failure.branch.arn, CANDIDATE)
                assert failure.branch.tags["amplify-medic:auto-fix"] != "report"


@many
@given(LINES, STATES)
def test_no_text_counts_for_a_storm_unless_a_role_is_broken(lines: list[RuntimeLine], state: State) -> None:
    for _, failure in failures(lines, state):
        if failure.shown_by_state:
            assert failure.branch.compute_role_arn is not None
            assert state.lacks_role(failure.branch)


@many
@given(LINES, STATES)
def test_no_text_is_taken_for_a_failure_that_only_a_build_has(lines: list[RuntimeLine], state: State) -> None:
    labels = {failure.diagnosis.label for _, failure in failures(lines, state)}
    assert (
        labels & {Label.CREDENTIALS_MISSING_BUILD, Label.SERVICE_ROLE_UNASSUMABLE, Label.COMPUTE_ROLE_UNASSUMABLE}
        == set()
    )


def changed(branch: Branch) -> BranchRecord:
    """A branch that got its role from the bot three hours ago. The incident is open."""
    scope = Scope("aws", ACCOUNT, "eu-central-1", APP_ID, branch.name)
    kind = (RoleKind.COMPUTE, Label.CREDENTIALS_MISSING_RUNTIME)
    opened = Incident.open(scope, kind, JobRef("6", CHANGED), app_name="shop", now=CHANGED)
    change = Change(
        ActionKind.ATTACH_COMPUTE, branch.arn, COMPUTE_ROLE, None, ChangeState.APPLIED, CHANGED, applied_at=CHANGED
    )
    incident = replace(opened.moved(IncidentState.APPLIED, CHANGED), trigger=Trigger.RUNTIME, changes=(change,))
    return BranchRecord(scope, incidents=(incident,))


@many
@given(LINES, STATES)
def test_no_text_closes_an_incident_unless_the_state_agrees(lines: list[RuntimeLine], state: State) -> None:
    for _, failure in failures(lines, state):
        step = next_step(failure, changed(failure.branch), NOW, requested=False)
        assert step is not NextStep.STILL_FAILING
        assert step is not NextStep.UNDONE_BY_HAND or state.lacks_role(failure.branch)
        if failure.seen_at is not None and failure.seen_at < CHANGED:
            assert step is NextStep.KNOWN
