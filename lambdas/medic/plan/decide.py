"""The decision table: from trigger, label and the state of the roles to a plan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from medic.diagnosis.checks import LINE_CONFIRMED
from medic.diagnosis.facts import UNDEFINED_CREDENTIALS
from medic.diagnosis.model import CheckResult, Rank
from medic.evidence import Present
from medic.labels import ActionKind, Label, Trigger
from medic.plan.guardrails import ATTACH_GUARDRAILS, REPAIR_GUARDRAILS, Guardrail, Question, ask_all
from medic.plan.model import Action, Disposition, GuardrailAnswer, Plan, Rebuild, RebuildTag
from medic.settings import Mode

if TYPE_CHECKING:
    from datetime import datetime

    from medic.diagnosis.model import Diagnosis, RoleVerdict
    from medic.plan.optin import RoleChoice

SSR = "WEB_COMPUTE"
_BUILD_LABELS = frozenset(
    {Label.SERVICE_ROLE_UNASSUMABLE, Label.COMPUTE_ROLE_UNASSUMABLE, Label.CREDENTIALS_MISSING_BUILD}
)
_SERVICE_ROLE_CAUSES = frozenset(
    {"service_role_missing", "service_role_not_set", "service_role_trust_wrong", "service_role_source_condition"}
)

RUNTIME_ONLY = (
    "A compute role serves the SSR runtime only: there, requests find credentials. It never changes a build, so it "
    "does not repair this one; a later build that succeeds does so for another reason."
)
CREDENTIALS_LOAD = (
    "Credentials now load at SSR runtime; the next error will be AccessDenied until this role may do what the app asks."
)
REPAIRS_BUILDS = "The new service role is used by the next build of every branch of this app."


@dataclass(frozen=True, slots=True)
class RepairQuestion:
    """What is known for a service-role repair: the choice, its verdict, and the guardrails that hold for it."""

    choice: RoleChoice
    verdict: RoleVerdict | None
    cooling_until: datetime | None = None
    """The end of the app's cool-down: a repair changes every branch of it."""


def decide(trigger: Trigger, question: Question, repair: RepairQuestion) -> Plan:
    """The plan for one diagnosis.

    Args:
        trigger: a failed deployment or a runtime finding.
        question: the facts the guardrails are asked about.
        repair: the service role that the app's tag chooses, if any.
    """
    actions = []
    if _attach_applies(trigger, question):
        actions.append(_attach(question))
    if trigger is Trigger.FAILED and _repair_applies(question.diagnosis, repair):
        actions.append(_repair(question, repair))
    acted = tuple(actions)
    return Plan(acted, effect_of(trigger, acted), rebuild_after(trigger, question, acted))


def _attach_applies(trigger: Trigger, q: Question) -> bool:
    """True where the table says Attach: an SSR app whose effective compute role is absent or unusable."""
    if q.app.platform != SSR:
        return False
    current = q.diagnosis.compute
    lacking = current is None or current.usable is False
    if trigger is Trigger.FAILED:
        return q.diagnosis.label in _BUILD_LABELS and lacking
    if q.diagnosis.label is not Label.CREDENTIALS_MISSING_RUNTIME or not isinstance(q.evidence.branch, Present):
        return False
    return not passes_undefined_credentials(q.diagnosis) and (lacking or _tag_names_the_inherited_role(q))


def contradicted(diagnosis: Diagnosis) -> bool:
    """True if AWS's state speaks against what a line says: no credentials, and yet a usable role on the branch."""
    return any(check.id == LINE_CONFIRMED and check.result is CheckResult.FAIL for check in diagnosis.checks)


def passes_undefined_credentials(diagnosis: Diagnosis) -> bool:
    """True if the code passes credentials of its own, without values in them: those override any role."""
    return {finding.signature for finding in diagnosis.findings} == {UNDEFINED_CREDENTIALS}


def _tag_names_the_inherited_role(q: Question) -> bool:
    """An app-level role was seen not to reach the runtime; the owner says by tag to set that very ARN on the branch."""
    inherited = q.app.compute_role_arn if q.branch.compute_role_arn is None else None
    return q.choice.named_by_tag and inherited is not None and q.choice.arn == inherited


def _repair_applies(diagnosis: Diagnosis, repair: RepairQuestion) -> bool:
    proven = any(c.rank is Rank.PROVEN and c.id in _SERVICE_ROLE_CAUSES for c in diagnosis.causes)
    usable = repair.verdict is not None and repair.verdict.usable is True
    return diagnosis.label in _BUILD_LABELS and proven and repair.choice.arn is not None and usable


def _attach(q: Question) -> Action:
    return _guarded(q, ActionKind.ATTACH_COMPUTE, q.branch.arn, q.branch.compute_role_arn, ATTACH_GUARDRAILS)


def _repair(q: Question, repair: RepairQuestion) -> Action:
    about_service = replace(
        q,
        choice=repair.choice,
        diagnosis=replace(q.diagnosis, candidate=repair.verdict),
        cooling_until=max(filter(None, (q.cooling_until, repair.cooling_until)), default=None),
    )
    return _guarded(about_service, ActionKind.REPAIR_SERVICE, q.app.arn, q.app.service_role_arn, REPAIR_GUARDRAILS)


def _guarded(
    q: Question, kind: ActionKind, target: str, previous: str | None, guardrails: tuple[Guardrail, ...]
) -> Action:
    """The action, as far as the opt-in and the guardrails let it go."""
    opted_in = GuardrailAnswer("opted_in", q.opt_in.mode is not Mode.REPORT, q.opt_in.note)
    answers = (opted_in, *ask_all(guardrails, q)) if opted_in.allows else (opted_in,)
    refusal = next((answer for answer in answers if not answer.allows), None)
    disposition, reason = _disposition(q, refusal), q.opt_in.note
    if disposition is Disposition.REFUSE and refusal is not None:
        reason = f"{refusal.rule}: {refusal.detail}"
    return Action(kind, disposition, target, q.choice.arn, previous, reason, answers)


def _disposition(q: Question, refusal: GuardrailAnswer | None) -> Disposition:
    if q.opt_in.mode is Mode.REPORT:
        return Disposition.ADVISE
    if refusal is not None:
        return Disposition.REFUSE
    return Disposition.DO if q.approved or q.opt_in.mode is Mode.FIX else Disposition.ASK_FIRST


def effect_of(trigger: Trigger, actions: tuple[Action, ...]) -> str:
    """What to expect of these actions, and what they do not do."""
    sentences = []
    for action in actions:
        if action.kind is ActionKind.REPAIR_SERVICE:
            sentences.append(REPAIRS_BUILDS)
        elif trigger is Trigger.FAILED:
            sentences.append(RUNTIME_ONLY)
        else:
            sentences.append(CREDENTIALS_LOAD)
    return " ".join(sentences)


def rebuild_after(trigger: Trigger, q: Question, actions: tuple[Action, ...]) -> Rebuild:
    """Whether the failed job is to be retried after these actions."""
    acting = [action for action in actions if action.disposition in (Disposition.DO, Disposition.ASK_FIRST)]
    if not acting:
        return Rebuild(wanted=False, reason="nothing is changed, so nothing is rebuilt")
    return _rebuild_impossible(q) or _rebuild_useful(trigger, q, acting)


def _rebuild_impossible(q: Question) -> Rebuild | None:
    """Only a job that built a commit of a connected repository can be retried, and only where the tag lets it."""
    job = q.evidence.job
    if q.opt_in.rebuild is RebuildTag.NO:
        return Rebuild(wanted=False, reason="the branch's tag amplify-medic:rebuild says no")
    if not q.app.repository or (isinstance(job, Present) and job.value.type == "MANUAL"):
        return Rebuild(wanted=False, reason="a manual deployment can't be retried: redeploy it yourself")
    return None


def _rebuild_useful(trigger: Trigger, q: Question, acting: list[Action]) -> Rebuild:
    """`auto` rebuilds where that can help: after a repair, or after a first attach that a runtime finding asked for."""
    if q.opt_in.rebuild is RebuildTag.YES:
        return Rebuild(wanted=True, reason="the branch's tag amplify-medic:rebuild says yes")
    if any(action.kind is ActionKind.REPAIR_SERVICE for action in acting):
        return Rebuild(wanted=True, reason="the service role was repaired, so the build can be tried again")
    if trigger is Trigger.RUNTIME and acting[0].previous_arn is None:
        return Rebuild(wanted=True, reason="a first compute role may take effect with a deployment only")
    return Rebuild(wanted=False, reason="a compute role does not change a build, so rebuilding is left to you")
