"""Rebuild after a change: announced in the alert on the change, then started; if Amplify is busy, started later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from medic.actions.outcome import ChangeResult, RebuildOutcome
from medic.actions.rebuild import Jobs, find_rebuild, start_rebuild, why_no_rebuild_now
from medic.actions.set_role import role_state
from medic.alerts.compose import compose_not_rebuilt
from medic.aws.errors import AmbiguousError, AwsError, RetryableError
from medic.evidence import Absent, Present, Unreadable
from medic.flows.locked_branch import LockedBranch, hold_branch
from medic.flows.recorded import action_of, failure_of
from medic.flows.storm import is_storm
from medic.incidents.table import TransactionParts
from medic.labels import ActionKind
from medic.plan.decide import rebuild_after
from medic.plan.failure import ConfirmedFailure
from medic.plan.guardrails import REBUILD_GUARDRAILS, Question, first_refusal, no_storm, not_muted
from medic.plan.model import Action, Disposition, GuardrailAnswer
from medic.plan.optin import OptIn, modes_that_change, read_opt_in
from medic.plan.session import ActorScope
from medic.records import replace

if TYPE_CHECKING:
    from medic.alerts.failure_report import FailureReport
    from medic.events import Scope
    from medic.incidents.model import Incident
    from medic.services import Services

_SHORTEST_WAIT, _LONGEST_WAIT = timedelta(minutes=1), timedelta(minutes=5)
"""Between two attempts to start a rebuild."""
_LOOK_FOR = timedelta(minutes=10)
"""How long after a StartJob without an answer its job is looked for."""
_PASSING = frozenset({no_storm.__name__, not_muted.__name__})
"""Guardrails whose refusal only postpones a rebuild."""


def announce_rebuild(report: FailureReport, jobs: Callable[[], Jobs], locked: LockedBranch) -> FailureReport:
    """Say in the report whether the job is retried next, and mark the rebuild as due if so."""
    incident, failure = report.incident, report.failure
    applied = [outcome.action for outcome in report.outcomes if outcome.result is ChangeResult.APPLIED]
    if not applied or incident.rebuild_intended_at is not None:
        return report
    why_not = _unwanted(failure, applied)
    if why_not is None:
        try:
            why_not = why_no_rebuild_now(jobs(), failure.job)
        except RetryableError:
            why_not = None  # the jobs are listed again before the rebuild starts
    if why_not is None:
        incident = replace(incident, rebuild_at=locked.now)
    rebuild = RebuildOutcome(None, why_not or f"job {failure.job.id} is retried next")
    outcomes = tuple(replace(outcome, rebuild=rebuild) for outcome in report.outcomes)
    return replace(report, incident=incident, outcomes=outcomes)


def rebuild(
    failure: ConfirmedFailure, incident: Incident, locked: LockedBranch, refusal: Callable[[], GuardrailAnswer | None]
) -> RebuildOutcome:
    """Start the rebuild that is due, or postpone it if Amplify is busy. Send an alert only if there will be none.

    An earlier run may have left it due, so `refusal` asks the guardrails as of now. Once StartJob was sent, none is
    asked: what is left is to look for its job.

    Raises:
        RetryableError: it is not known yet whether the rebuild started. It stays due.
    """
    refused = None if incident.rebuild_intended_at is not None else refusal()
    if refused is None:
        return _start_or_find(failure, incident, locked)
    if refused.rule in _PASSING:
        return _postpone(incident, locked, refused.detail)
    why = f"not rebuilt, by the rule {refused.rule}: {refused.detail}"
    return _give_up(incident, locked, RebuildOutcome(None, why))


def _start_or_find(failure: ConfirmedFailure, incident: Incident, locked: LockedBranch) -> RebuildOutcome:
    scope, job = locked.scope, failure.job
    try:
        if incident.rebuild_intended_at is not None:
            outcome = find_rebuild(locked.jobs(job), job, incident.rebuild_intended_at)
            if outcome.job_id is None and locked.now - incident.rebuild_intended_at < _LOOK_FOR:
                return _postpone(incident, locked, outcome.detail)
        elif (not_now := why_no_rebuild_now(locked.jobs(job), job) or _opted_out(incident, locked)) is not None:
            outcome = RebuildOutcome(None, not_now)
        else:
            # Assume the role before the intent: an error after it would look like a StartJob without an answer.
            actor = locked.actor_for(ActorScope(incident.id, scope))()
            outcome = None
    except RetryableError as error:
        return _postpone(incident, locked, error)
    except AwsError as error:
        outcome = RebuildOutcome(None, f"not rebuilt: {error}")
    if outcome is None:
        now = locked.now
        intended = replace(incident, rebuild_intended_at=now, updated_at=now)
        locked.save(intended)
        try:
            outcome = start_rebuild(actor, scope, job, incident.id)
        except AmbiguousError:
            return _start_or_find(failure, intended, locked)  # StartJob may have worked, so only its job is looked for
        except RetryableError as error:
            return _postpone(incident, locked, error)  # AWS did nothing, so StartJob may be sent again
    if outcome.job_id is None:
        return _give_up(incident, locked, outcome)
    current = locked.record.find(incident.id) or incident
    started = current.record_rebuild_started(outcome.job_id, locked.now)
    locked.save(started, TransactionParts(release=True))
    return outcome


def continue_rebuild(scope: Scope, incident: Incident, services: Services) -> None:
    """Start a rebuild that was postponed or interrupted, unless a guardrail refuses it now.

    Raises:
        RetryableError: AWS throttled or could not be reached. The rebuild stays due.
        BusyError: another invocation works on this branch.
    """
    failure = failure_of(incident, scope, services)
    with hold_branch(scope, services) as locked:
        current = locked.record.find(incident.id)
        if current is None or current.rebuild_at is None:
            return
        if not isinstance(failure, ConfirmedFailure):
            # Once StartJob was sent, its job can't be looked for without the branch.
            _give_up(current, locked, RebuildOutcome(None, failure.reason, known=current.rebuild_intended_at is None))
            return
        rebuild(failure, current, locked, lambda: _refusal(failure, current, locked))


def _opted_out(incident: Incident, locked: LockedBranch) -> str | None:
    """Why the branch's tags don't allow the rebuild now. They may have changed since the role was set.

    Raises:
        RetryableError: the branch could not be read.
    """
    services, scope = locked.services, locked.scope
    match services.amplify.branch(scope.app_id, scope.branch):
        case Present(branch):
            opt_in = read_opt_in(services.runtime.settings, branch.tags)
            return None if _allows(opt_in, incident) else f"not rebuilt: {opt_in.note}"
        case Absent(reason) | Unreadable(reason):
            return f"not rebuilt: the branch could not be read: {reason}"


def _allows(opt_in: OptIn, incident: Incident) -> bool:
    return opt_in.mode in modes_that_change(approved=bool(incident.approved_by))


def _refusal(failure: ConfirmedFailure, incident: Incident, locked: LockedBranch) -> GuardrailAnswer | None:
    """The guardrail that refuses a postponed rebuild, or None."""
    services, opt_in = locked.services, failure.opt_in
    if not _allows(opt_in, incident):
        return GuardrailAnswer("opted_in", allows=False, detail=opt_in.note)
    unwanted = _unwanted(failure, [action_of(change) for change in incident.applied])
    if unwanted is not None:
        return GuardrailAnswer("wanted", allows=False, detail=unwanted)
    for change in incident.applied:
        holder = failure.branch if change.kind is ActionKind.ATTACH_COMPUTE else failure.app
        role = role_state(holder).role_arn
        if role != change.role_arn:
            return GuardrailAnswer("role_kept", allows=False, detail=f"{role or 'no role'} is set now")
    region = services.region.read(failure.scope)
    question = Question(
        failure=failure,
        settings=services.runtime.settings,
        asked_at=locked.now,
        jobs=partial(locked.jobs, failure.job),
        policies=services.iam.policies,
        allowed_until=incident.fresh_until,
        storm=is_storm(region, services),
        muted=region.muted(failure.scope, locked.now),
    )
    return first_refusal(REBUILD_GUARDRAILS, question)


def _unwanted(failure: ConfirmedFailure, actions: list[Action]) -> str | None:
    done = tuple(replace(action, disposition=Disposition.DO) for action in actions)
    wanted = rebuild_after(failure, done)
    return None if wanted.wanted else f"not rebuilt: {wanted.reason}"


def _postpone(incident: Incident, locked: LockedBranch, why: object) -> RebuildOutcome:
    """Try again after a wait that grows with the time since the change."""
    now = locked.now
    waited = now - (incident.changed_at or now)
    locked.save(replace(incident, rebuild_at=now + min(max(waited, _SHORTEST_WAIT), _LONGEST_WAIT)))
    return RebuildOutcome(None, f"not rebuilt yet, it is tried again: {why}")


def _give_up(incident: Incident, locked: LockedBranch, outcome: RebuildOutcome) -> RebuildOutcome:
    """Record and report that there is no rebuild. The alert on the change announced one."""
    ended = replace(locked.record.find(incident.id) or incident, rebuild_at=None)
    alert = compose_not_rebuilt(locked.scope, ended, outcome.detail, known=outcome.known)
    locked.notify(alert, ended, f"not-rebuilt:{ended.job_id}", release=True)
    return outcome
