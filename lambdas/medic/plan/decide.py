"""The decision table: plans actions and a rebuild from the trigger, the label and the state of the roles."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from medic.diagnosis.checks import LINE_CONFIRMED
from medic.diagnosis.facts import UNDEFINED_CREDENTIALS
from medic.diagnosis.model import CheckResult, Rank
from medic.evidence import Present
from medic.labels import ActionKind, Label, Trigger
from medic.plan.guardrails import ATTACH_GUARDRAILS, REPAIR_GUARDRAILS, Guardrail, Question, ask_all
from medic.plan.model import SSR, Action, Disposition, GuardrailAnswer, Plan, Rebuild, RebuildTag
from medic.settings import Mode

if TYPE_CHECKING:
    from datetime import datetime

    from medic.diagnosis.model import Diagnosis, RoleVerdict
    from medic.plan.optin import RoleChoice

_BUILD_LABELS = frozenset(
    {Label.SERVICE_ROLE_UNASSUMABLE, Label.COMPUTE_ROLE_UNASSUMABLE, Label.CREDENTIALS_MISSING_BUILD}
)
_SERVICE_ROLE_CAUSES = frozenset(
    {"service_role_missing", "service_role_not_set", "service_role_trust_wrong", "service_role_source_condition"}
)
_ATTACH_AFTER_BUILD_EFFECT = (
    "A compute role serves the SSR runtime only: there, requests find credentials. It never changes a build, so it "
    "does not repair this one; a later build that succeeds does so for another reason."
)
_ATTACH_AT_RUNTIME_EFFECT = (
    "Credentials now load at SSR runtime; the next error will be AccessDenied until this role may do what the app asks."
)
_REPAIR_EFFECT = "The new service role is used by the next build of every branch of this app."


@dataclass(frozen=True, slots=True)
class RepairQuestion:
    """The additional facts for a repair of the service role."""

    choice: RoleChoice
    verdict: RoleVerdict | None
    """On the chosen role; None if no role is chosen or it was not evaluated."""
    cooling_until: datetime | None = None
    """The end of the app's cool-down, UTC. A repair needs it because it changes every branch of the app."""


def decide(trigger: Trigger, question: Question, repair: RepairQuestion) -> Plan:
    """The plan for one diagnosis.

    Args:
        trigger: a failed deployment or a runtime finding.
        question: the facts about app, branch and compute role.
        repair: the facts about the service role that the app's tag chooses.
    """
    actions = []
    if _attach_applies(trigger, question):
        actions.append(_attach(question))
    if trigger is Trigger.FAILED and _repair_applies(question.diagnosis, repair):
        actions.append(_repair(question, repair))
    planned = tuple(actions)
    return Plan(planned, effect_of(trigger, planned), rebuild_after(trigger, question, planned))


def _attach_applies(trigger: Trigger, q: Question) -> bool:
    """True for an SSR app whose effective compute role is missing or known to be unusable, and one special case.

    The special case is a runtime failure with a usable role that the branch inherits and the branch's tag names.
    """
    if q.app.platform != SSR:
        return False
    current = q.diagnosis.compute
    no_usable_role = current is None or current.usable is False
    if trigger is Trigger.FAILED:
        return q.diagnosis.label in _BUILD_LABELS and no_usable_role
    # If the log does not tell the branch, no branch is in the evidence, and nothing may change.
    if q.diagnosis.label is not Label.CREDENTIALS_MISSING_RUNTIME or not isinstance(q.evidence.branch, Present):
        return False
    return not _passes_undefined_credentials(q.diagnosis) and (no_usable_role or _tag_names_the_inherited_role(q))


def _passes_undefined_credentials(diagnosis: Diagnosis) -> bool:
    """True if the code passes undefined credentials of its own. These override any role, so a new one can't help."""
    return {finding.signature for finding in diagnosis.findings} == {UNDEFINED_CREDENTIALS}


def _tag_names_the_inherited_role(q: Question) -> bool:
    """True if the branch's tag names exactly the role that the branch inherits from the app.

    An inherited role sometimes does not reach the runtime. The tag is the owner's wish to set it on the branch itself.
    """
    inherited = q.app.compute_role_arn if q.branch.compute_role_arn is None else None
    return q.choice.named_by_tag and inherited is not None and q.choice.arn == inherited


def _repair_applies(diagnosis: Diagnosis, repair: RepairQuestion) -> bool:
    proven = any(c.rank is Rank.PROVEN and c.id in _SERVICE_ROLE_CAUSES for c in diagnosis.causes)
    usable = repair.verdict is not None and repair.verdict.usable is True
    return diagnosis.label in _BUILD_LABELS and proven and repair.choice.arn is not None and usable


def _attach(q: Question) -> Action:
    return _guarded(q, ActionKind.ATTACH_COMPUTE, q.branch.arn, q.branch.compute_role_arn, ATTACH_GUARDRAILS)


def _repair(q: Question, repair: RepairQuestion) -> Action:
    # The guardrails look at the chosen role and its verdict, so give them those of the service role.
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
    """The action with the disposition that opt-in and guardrails allow."""
    opted_in = GuardrailAnswer("opted_in", q.opt_in.mode is not Mode.REPORT, q.opt_in.note)
    # Without opt-in, skip the guardrails: the last one reads the role's policies from AWS.
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
    """What the actions will do, and what they will not do, as sentences for the alert."""
    sentences = []
    for action in actions:
        if action.kind is ActionKind.REPAIR_SERVICE:
            sentences.append(_REPAIR_EFFECT)
        elif trigger is Trigger.FAILED:
            sentences.append(_ATTACH_AFTER_BUILD_EFFECT)
        else:
            sentences.append(_ATTACH_AT_RUNTIME_EFFECT)
    return " ".join(sentences)


def rebuild_after(trigger: Trigger, q: Question, actions: tuple[Action, ...]) -> Rebuild:
    """Whether to retry the failed job after these actions."""
    acting = [action for action in actions if action.disposition.may_change]
    if not acting:
        return Rebuild(wanted=False, reason="nothing is changed, so nothing is rebuilt")
    return _rebuild_ruled_out(q) or _rebuild_useful(trigger, q, acting)


def _rebuild_ruled_out(q: Question) -> Rebuild | None:
    """A rebuild is ruled out if the tag says no, or if there is no commit that Amplify could build again."""
    job = q.evidence.job
    if q.opt_in.rebuild is RebuildTag.NO:
        return Rebuild(wanted=False, reason="the branch's tag amplify-medic:rebuild says no")
    if not q.app.repository or (isinstance(job, Present) and job.value.type == "MANUAL"):
        return Rebuild(wanted=False, reason="a manual deployment can't be retried: redeploy it yourself")
    return None


def _rebuild_useful(trigger: Trigger, q: Question, acting: list[Action]) -> Rebuild:
    """`yes` always rebuilds. `auto` rebuilds after a repair, and after a first attach because of a runtime finding."""
    if q.opt_in.rebuild is RebuildTag.YES:
        return Rebuild(wanted=True, reason="the branch's tag amplify-medic:rebuild says yes")
    if any(action.kind is ActionKind.REPAIR_SERVICE for action in acting):
        return Rebuild(wanted=True, reason="the service role was repaired, so the build can be tried again")
    if trigger is Trigger.RUNTIME and acting[0].previous_arn is None:
        return Rebuild(wanted=True, reason="a first compute role may take effect with a deployment only")
    return Rebuild(wanted=False, reason="a compute role does not change a build, so rebuilding is left to you")


def contradicted(diagnosis: Diagnosis) -> bool:
    """True if a log line reports missing credentials, but AWS shows a usable role on the branch."""
    return any(check.id == LINE_CONFIRMED and check.result is CheckResult.FAIL for check in diagnosis.checks)
