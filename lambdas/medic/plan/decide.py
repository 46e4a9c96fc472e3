"""The decision table: plans actions and a rebuild from the trigger, the label and the state of the roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.diagnosis.checks import LINE_CONFIRMED
from medic.diagnosis.facts import UNDEFINED_CREDENTIALS
from medic.diagnosis.model import CheckResult, Diagnosis, Rank
from medic.evidence import Present
from medic.labels import ActionKind, Label, Trigger
from medic.plan.guardrails import (
    ATTACH_GUARDRAILS,
    REPAIR_GUARDRAILS,
    Guardrail,
    Question,
    ask_all,
    needs_approval,
)
from medic.plan.model import SSR, Action, Disposition, GuardrailAnswer, Plan, Rebuild, RebuildTag
from medic.plan.optin import modes_that_change
from medic.records import replace
from medic.settings import Mode

if TYPE_CHECKING:
    from medic.plan.failure import ConfirmedFailure

_BUILD_LABELS = frozenset(
    {Label.SERVICE_ROLE_UNASSUMABLE, Label.COMPUTE_ROLE_UNASSUMABLE, Label.CREDENTIALS_MISSING_BUILD}
)
_SERVICE_ROLE_CAUSES = frozenset(
    {"service_role_missing", "service_role_not_set", "service_role_trust_wrong", "service_role_source_condition"}
)
_ATTACH_AFTER_BUILD_EFFECT = (
    "This role gives SSR code credentials, at runtime only. It never changes a build, so it does not repair this one; "
    "a later build that succeeds does so for another reason."
)
_ATTACH_AT_RUNTIME_EFFECT = (
    "This role gives SSR code credentials. The code gets AccessDenied until the role may do what it asks."
)
_REPAIR_EFFECT = "The new service role is used by the next build of every branch of this app."


def decide(question: Question) -> Plan:
    failure = question.failure
    actions = []
    if _attach_applies(failure):
        actions.append(_guarded(question, failure.branch.arn, failure.branch.compute_role_arn, ATTACH_GUARDRAILS))
    if _repair_applies(failure):
        repair = replace(question, change=ActionKind.REPAIR_SERVICE)
        actions.append(_guarded(repair, failure.app.arn, failure.app.service_role_arn, REPAIR_GUARDRAILS))
    planned = tuple(actions)
    return Plan(planned, effect_of(failure, planned), rebuild_after(failure, planned))


def _attach_applies(failure: ConfirmedFailure) -> bool:
    """True for an SSR app whose effective compute role is missing or known to be unusable, and one special case.

    The special case is a runtime failure with a usable role that the branch inherits and the branch's tag names.
    """
    if failure.app.platform != SSR:
        return False
    diagnosis = failure.diagnosis
    if failure.trigger is Trigger.FAILED:
        return diagnosis.label in _BUILD_LABELS and diagnosis.lacks_usable_role
    # If the log does not tell the branch, no branch is in the evidence, and nothing may change.
    if diagnosis.label is not Label.CREDENTIALS_MISSING_RUNTIME or not isinstance(failure.evidence.branch, Present):
        return False
    wanted = diagnosis.lacks_usable_role or _tag_names_the_inherited_role(failure)
    return wanted and not passes_undefined_credentials(diagnosis)


def passes_undefined_credentials(diagnosis: Diagnosis) -> bool:
    """True if the code passes undefined credentials of its own. These override any role, so a new one can't help."""
    return {finding.signature for finding in diagnosis.findings} == {UNDEFINED_CREDENTIALS}


def _tag_names_the_inherited_role(failure: ConfirmedFailure) -> bool:
    """True if the branch's tag names exactly the role that the branch inherits from the app.

    An inherited role sometimes does not reach the runtime. The tag is the owner's wish to set it on the branch itself.
    """
    inherited = failure.app.compute_role_arn if failure.branch.compute_role_arn is None else None
    choice = failure.compute_choice
    return choice.named_by_tag and inherited is not None and choice.arn == inherited


def _repair_applies(failure: ConfirmedFailure) -> bool:
    """True for a build whose service role is proven unusable, if the app's tag names a usable one."""
    diagnosis = failure.diagnosis
    proven = any(c.rank is Rank.PROVEN and c.id in _SERVICE_ROLE_CAUSES for c in diagnosis.causes)
    usable = diagnosis.repair is not None and diagnosis.repair.usable is True
    return failure.trigger is Trigger.FAILED and diagnosis.label in _BUILD_LABELS and proven and usable


def _guarded(q: Question, target: str, previous: str | None, guardrails: tuple[Guardrail, ...]) -> Action:
    """The action with the disposition that opt-in and guardrails allow."""
    opt_in = q.failure.opt_in
    opted_in = GuardrailAnswer("opted_in", opt_in.mode is not Mode.REPORT, opt_in.note)
    # Without opt-in, skip the guardrails: the last one reads the role's policies from AWS.
    answers = (opted_in, *ask_all(guardrails, q)) if opted_in.allows else (opted_in,)
    refusal = next((answer for answer in answers if not answer.allows), None)
    rule, reason = "", opt_in.note
    if opt_in.mode is Mode.REPORT:
        disposition = Disposition.ADVISE
    elif refusal is not None:
        disposition, rule, reason = Disposition.REFUSE, refusal.rule, refusal.detail
    elif why_ask := needs_approval(q):
        disposition, reason = Disposition.ASK_FIRST, f"{why_ask}: you are asked"
    else:
        may_change = opt_in.mode in modes_that_change(approved=q.approved)
        disposition = Disposition.DO if may_change else Disposition.ASK_FIRST
    return Action(q.change, disposition, target, q.choice.arn, previous, reason, rule, answers)


def effect_of(failure: ConfirmedFailure, actions: tuple[Action, ...]) -> str:
    """What the actions will do, and what they will not do, as sentences for the alert."""
    sentences = []
    for action in actions:
        if action.kind is ActionKind.REPAIR_SERVICE:
            sentences.append(_REPAIR_EFFECT)
        elif failure.trigger is Trigger.FAILED:
            sentences.append(_ATTACH_AFTER_BUILD_EFFECT)
        else:
            sentences.append(_ATTACH_AT_RUNTIME_EFFECT)
    if actions and failure.denied:
        sentences.append(f"The log already names {', '.join(failure.denied)}.")
    return " ".join(sentences)


def rebuild_after(failure: ConfirmedFailure, actions: tuple[Action, ...]) -> Rebuild:
    """Whether to retry the failed job after these actions.

    The tag's value `yes` always rebuilds. `auto` rebuilds after a repair, and after a first attach because of a
    runtime finding. Nothing is rebuilt if the tag says `no`, or if there is no commit that Amplify could build again.
    """
    acting = [action for action in actions if action.disposition.may_change]
    tag = failure.opt_in.rebuild
    wanted = False
    if not acting:
        reason = "nothing is changed, so nothing is rebuilt"
    elif tag is RebuildTag.NO:
        reason = "the branch's tag amplify-medic:rebuild says no"
    elif failure.evidence.deployed_by_hand:
        reason = "a manual deployment can't be retried: redeploy it yourself"
    elif tag is RebuildTag.YES:
        wanted, reason = True, "the branch's tag amplify-medic:rebuild says yes"
    elif any(action.kind is ActionKind.REPAIR_SERVICE for action in acting):
        wanted, reason = True, "the service role was repaired, so the build can be tried again"
    elif failure.trigger is Trigger.RUNTIME and acting[0].previous_arn is None:
        wanted, reason = True, "a first compute role may take effect with a deployment only"
    else:
        reason = "a compute role does not change a build, so rebuilding is left to you"
    return Rebuild(wanted, reason)


def contradicted(diagnosis: Diagnosis) -> bool:
    """True if a log line reports missing credentials, but AWS shows a usable role on the branch."""
    return any(check.id == LINE_CONFIRMED and check.result is CheckResult.FAIL for check in diagnosis.checks)
