"""The decision table, row by row, in every mode."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from medic.diagnosis.model import Assumable, RoleVerdict
from medic.labels import ActionKind, Label, Trigger
from medic.plan.decide import decide
from medic.plan.model import Disposition, Plan, RebuildTag
from medic.plan.optin import OptIn, RoleChoice
from medic.records import replace
from medic.settings import Mode
from tests.unit.plan.facts import (
    APP_ARN,
    NOW,
    OTHER_ROLE,
    ROLE,
    SERVICE_ROLE,
    app,
    branch,
    diagnosis,
    job,
    proven,
    question,
    verdict,
)

if TYPE_CHECKING:
    from medic.plan.guardrails import Question

Repair = tuple[RoleChoice, RoleVerdict | None]
"""The service role that the app's tag names, and the verdict on it."""
NO_REPAIR: Repair = (RoleChoice(None, "no tag"), None)
BUILD_LABELS = (Label.SERVICE_ROLE_UNASSUMABLE, Label.COMPUTE_ROLE_UNASSUMABLE, Label.CREDENTIALS_MISSING_BUILD)
DENIED_LABELS = tuple(label for label in Label if label not in (*BUILD_LABELS, Label.CREDENTIALS_MISSING_RUNTIME))


def with_current(label: Label, compute: RoleVerdict | None, *, inherited: bool = False) -> dict[str, Any]:
    arn = compute.arn if compute else None
    return {
        "diagnosis": diagnosis(label, compute=compute),
        "branch": branch(compute_role_arn=None if inherited else arn),
        "app": app(compute_role_arn=arn if inherited else None),
    }


def planned(trigger: Trigger, asked: Question, repair: Repair) -> Plan:
    choice, repair_verdict = repair
    the_diagnosis = replace(asked.failure.diagnosis, repair=repair_verdict)
    failure = replace(asked.failure, trigger=trigger, service_choice=choice, diagnosis=the_diagnosis)
    return decide(replace(asked, failure=failure))


def opted(mode: Mode, rebuild: RebuildTag = RebuildTag.AUTO) -> OptIn:
    return OptIn(mode, ignored=False, note=f"mode {mode}", rebuild=rebuild)


def attach_of(plan: Plan) -> Disposition | None:
    return next((a.disposition for a in plan.actions if a.kind is ActionKind.ATTACH_COMPUTE), None)


MODES = [(Mode.FIX, Disposition.DO), (Mode.ASK, Disposition.ASK_FIRST), (Mode.REPORT, Disposition.ADVISE)]
LACKING = [None, verdict(OTHER_ROLE, Assumable.MISSING), verdict(OTHER_ROLE, Assumable.DENIED)]
NOT_LACKING = [
    verdict(OTHER_ROLE),
    verdict(OTHER_ROLE, Assumable.CONTESTED),
    verdict(OTHER_ROLE, Assumable.CONDITIONAL),
    verdict(OTHER_ROLE, Assumable.UNREADABLE),
    verdict(OTHER_ROLE, Assumable.DENIED, propagated=False),
]


@pytest.mark.parametrize(("mode", "expected"), MODES)
@pytest.mark.parametrize("current", LACKING, ids=["none", "missing", "denied"])
@pytest.mark.parametrize("label", BUILD_LABELS)
def test_a_failed_ssr_build_without_usable_compute_role_gets_one(
    label: Label, current: RoleVerdict | None, mode: Mode, expected: Disposition
) -> None:
    plan = planned(Trigger.FAILED, question(opt_in=opted(mode), **with_current(label, current)), NO_REPAIR)
    assert attach_of(plan) is expected
    assert "runtime only" in plan.effect


@pytest.mark.parametrize("current", NOT_LACKING, ids=lambda v: f"{v.assumable}{'' if v.propagated else ' young'}")
@pytest.mark.parametrize("label", BUILD_LABELS)
def test_a_role_that_is_usable_or_not_known_to_be_unusable_is_left_alone(label: Label, current: RoleVerdict) -> None:
    for inherited in (False, True):
        asked = question(**with_current(label, current, inherited=inherited))
        assert planned(Trigger.FAILED, asked, NO_REPAIR).actions == ()


@pytest.mark.parametrize("trigger", Trigger)
@pytest.mark.parametrize("label", DENIED_LABELS)
def test_no_other_label_ever_changes_a_role(label: Label, trigger: Trigger) -> None:
    assert planned(trigger, question(diagnosis=diagnosis(label)), NO_REPAIR).actions == ()


def test_a_runtime_label_of_a_failed_build_changes_nothing() -> None:
    asked = question(diagnosis=diagnosis(Label.CREDENTIALS_MISSING_RUNTIME))
    assert planned(Trigger.FAILED, asked, NO_REPAIR).actions == ()


@pytest.mark.parametrize("platform", ["WEB", "WEB_DYNAMIC"])
@pytest.mark.parametrize("label", BUILD_LABELS)
def test_an_app_without_ssr_functions_is_only_advised(label: Label, platform: str) -> None:
    asked = question(app=app(platform=platform), diagnosis=diagnosis(label))
    assert planned(Trigger.FAILED, asked, NO_REPAIR).actions == ()


@pytest.mark.parametrize(("mode", "expected"), MODES)
@pytest.mark.parametrize("current", LACKING, ids=["none", "missing", "denied"])
def test_a_runtime_without_credentials_gets_a_role(
    current: RoleVerdict | None, mode: Mode, expected: Disposition
) -> None:
    asked = question(opt_in=opted(mode), **with_current(Label.CREDENTIALS_MISSING_RUNTIME, current))
    assert attach_of(planned(Trigger.RUNTIME, asked, NO_REPAIR)) is expected


def test_an_inherited_usable_role_is_set_on_the_branch_only_if_the_tag_names_that_very_role() -> None:
    facts = with_current(Label.CREDENTIALS_MISSING_RUNTIME, verdict(ROLE), inherited=True)
    named = RoleChoice(ROLE, "named by tag", named_by_tag=True)
    other = RoleChoice(OTHER_ROLE, "named by tag", named_by_tag=True)
    unnamed = RoleChoice(ROLE, "the only one paired")
    assert attach_of(planned(Trigger.RUNTIME, question(compute_choice=named, **facts), NO_REPAIR)) is Disposition.DO
    assert attach_of(planned(Trigger.RUNTIME, question(compute_choice=other, **facts), NO_REPAIR)) is None
    assert attach_of(planned(Trigger.RUNTIME, question(compute_choice=unnamed, **facts), NO_REPAIR)) is None


def test_a_refusal_names_the_guardrail_and_keeps_every_answer() -> None:
    (action,) = planned(Trigger.FAILED, question(branch=branch(stage="PULL_REQUEST")), NO_REPAIR).actions
    assert action.disposition is Disposition.REFUSE
    assert action.explanation.startswith("not_a_preview: ")
    assert action.rule == "not_a_preview"
    assert [answer.rule for answer in action.answers] == ["opted_in", "not_a_preview"]


def test_a_refusal_has_the_same_gist_whatever_the_guardrail_says() -> None:
    (older,) = planned(Trigger.FAILED, question(job=job(ended_at=NOW - timedelta(minutes=40))), NO_REPAIR).actions
    (newer,) = planned(Trigger.FAILED, question(job=job(ended_at=NOW - timedelta(minutes=50))), NO_REPAIR).actions
    (storm,) = planned(Trigger.FAILED, question(storm=True), NO_REPAIR).actions
    assert older.reason != newer.reason
    assert older.gist == newer.gist
    assert older.gist != storm.gist


def test_a_branch_that_is_not_opted_in_gets_advice_and_no_other_guardrail_is_evaluated() -> None:
    (action,) = planned(Trigger.FAILED, question(opt_in=opted(Mode.REPORT), storm=True), NO_REPAIR).actions
    assert action.disposition is Disposition.ADVISE
    assert [answer.rule for answer in action.answers] == ["opted_in"]


# --- repair of the service role

PAIRED_SERVICE: Repair = (RoleChoice(ROLE, "named by the app's tag", named_by_tag=True), verdict())


def failed_with(*cause_ids: str) -> dict[str, Any]:
    return {"diagnosis": diagnosis(causes=tuple(proven(cause_id) for cause_id in cause_ids))}


@pytest.mark.parametrize("cause", ["service_role_missing", "service_role_trust_wrong", "service_role_source_condition"])
def test_a_service_role_proven_unassumable_is_repaired_together_with_the_attach(cause: str) -> None:
    plan = planned(Trigger.FAILED, question(**failed_with(cause)), PAIRED_SERVICE)
    assert [(a.kind, a.disposition) for a in plan.actions] == [
        (ActionKind.ATTACH_COMPUTE, Disposition.DO),
        (ActionKind.REPAIR_SERVICE, Disposition.DO),
    ]
    assert plan.actions[1].target == APP_ARN
    assert plan.actions[1].previous_arn == SERVICE_ROLE


def test_an_app_proven_to_have_no_service_role_is_given_the_one_that_its_tag_names() -> None:
    facts = failed_with("service_role_not_set")
    plan = planned(Trigger.FAILED, question(app=app(service_role_arn=None), **facts), PAIRED_SERVICE)
    repair = plan.actions[-1]
    assert (repair.kind, repair.disposition) == (ActionKind.REPAIR_SERVICE, Disposition.DO)
    assert repair.previous_arn is None


@pytest.mark.parametrize(
    ("facts", "repair"),
    [
        ({}, PAIRED_SERVICE),
        (failed_with("repository_connection_lost"), PAIRED_SERVICE),
        (failed_with("service_role_missing"), NO_REPAIR),
        (failed_with("service_role_missing"), (PAIRED_SERVICE[0], None)),
        (
            failed_with("service_role_missing"),
            (PAIRED_SERVICE[0], verdict(assumable=Assumable.CONDITIONAL)),
        ),
    ],
    ids=["nothing proven", "another cause", "no tag", "not looked up", "not known to be usable"],
)
def test_without_proof_or_a_paired_usable_role_no_service_role_is_repaired(
    facts: dict[str, Any], repair: Repair
) -> None:
    plan = planned(Trigger.FAILED, question(**facts), repair)
    assert all(action.kind is not ActionKind.REPAIR_SERVICE for action in plan.actions)


# --- rebuilding


def rebuilds(trigger: Trigger, repair: Repair = NO_REPAIR, **facts: Any) -> bool:
    return planned(trigger, question(**facts), repair).rebuild.wanted


RUNTIME = with_current(Label.CREDENTIALS_MISSING_RUNTIME, None)


def test_auto_rebuilds_after_a_first_attach_at_runtime_and_after_a_repair_only() -> None:
    assert not rebuilds(Trigger.FAILED)
    assert rebuilds(Trigger.RUNTIME, **RUNTIME)
    assert rebuilds(Trigger.FAILED, PAIRED_SERVICE, **failed_with("service_role_missing"))
    replaced = with_current(Label.CREDENTIALS_MISSING_RUNTIME, verdict(OTHER_ROLE, Assumable.MISSING))
    assert not rebuilds(Trigger.RUNTIME, **replaced)


def test_yes_also_rebuilds_after_an_attach_on_a_failed_build() -> None:
    assert rebuilds(Trigger.FAILED, opt_in=opted(Mode.FIX, RebuildTag.YES))


def test_no_never_rebuilds() -> None:
    assert not rebuilds(Trigger.RUNTIME, opt_in=opted(Mode.FIX, RebuildTag.NO), **RUNTIME)


@pytest.mark.parametrize(
    "facts", [{"app": app(repository=None)}, {"job": job(type="MANUAL")}], ids=["no repo", "manual"]
)
def test_a_manual_deployment_is_never_rebuilt(facts: dict[str, Any]) -> None:
    assert not rebuilds(Trigger.FAILED, opt_in=opted(Mode.FIX, RebuildTag.YES), **facts)


def test_nothing_is_rebuilt_where_nothing_is_changed() -> None:
    yes = opted(Mode.FIX, RebuildTag.YES)
    assert not rebuilds(Trigger.FAILED, opt_in=yes, storm=True)
    assert not rebuilds(Trigger.FAILED, opt_in=opted(Mode.REPORT, RebuildTag.YES))


def test_a_plans_hash_changes_with_the_incident_and_with_every_value() -> None:
    plan = planned(Trigger.FAILED, question(), NO_REPAIR)
    (action,) = plan.actions
    other_role = replace(plan, actions=(replace(action, role_arn=OTHER_ROLE),))
    other_previous = replace(plan, actions=(replace(action, previous_arn=OTHER_ROLE),))
    hashes = {plan.hash_for("a"), plan.hash_for("b"), other_role.hash_for("a"), other_previous.hash_for("a")}
    assert len(hashes) == 4
