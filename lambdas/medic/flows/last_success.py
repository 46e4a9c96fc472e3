"""Keep what a branch looked like when a deployment succeeded, so that a later failure can say what changed since."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from medic.aws.amplify import JobWithLogs
from medic.aws.gather import Deployment
from medic.diagnosis.changes import is_newer, with_changes, working_state
from medic.evidence import Absent, Item, Present, Trail, Unreadable, value_of
from medic.incidents.attributes import NewerSchemaError
from medic.plan.optin import read_opt_in
from medic.records import replace
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from datetime import datetime

    from medic.diagnosis.changes import Comparison, WorkingState
    from medic.diagnosis.model import Diagnosis
    from medic.events import Scope
    from medic.evidence import Branch, Job
    from medic.plan.failure import ConfirmedFailure
    from medic.services import Services

_FRESH = timedelta(minutes=15)
"""How long after a success the account is taken for what the deployment was built with."""
_NO_LOG = Absent("a success needs no log")
_WITHHELD = "the setting `cloudtrail` is false"


def is_fresh(ended_at: datetime | None, services: Services) -> bool:
    """True if a deployment ended so lately that its state may be kept."""
    return ended_at is not None and services.clock() - ended_at < _FRESH


def keep_success(scope: Scope, branch: Branch, job: Job, services: Services) -> None:
    """Read and keep the state of a branch whose job succeeded just now, unless that of a newer job is kept.

    A state that can't be read whole now is not kept: it would show differences that there are not.

    Raises:
        RetryableError: AWS throttled or could not be reached, or a newer release wrote the record.
    """
    ignored = branch.is_preview or read_opt_in(services.runtime.settings, branch.tags).ignored
    if ignored or not is_fresh(job.ended_at, services):
        return
    match services.last_success.read(scope):
        case Present(kept) if not is_newer(int(job.id), kept, branch.created_at):
            return
        case _:
            app = services.amplify.app(scope.app_id)
    match app:
        case Absent(reason) | Unreadable(reason):
            services.telemetry.record(TelemetryEvent.JOB_NOT_CONFIRMED, scope=scope, job=job.id, why=reason)
            return
        case Present():
            deployment = Deployment(scope, app, Present(branch), Present(JobWithLogs(job, {})))
    evidence = services.gatherer.evidence(deployment, _NO_LOG, read_at=services.clock(), candidate=None, repair=None)
    found = [arn for arn, role in evidence.roles.items() if value_of(role)]
    state = working_state(replace(evidence, policies=services.gatherer.policies(found)))
    if state is not None:
        services.last_success.write(scope, state)


def say_what_changed(failure: ConfirmedFailure, services: Services) -> Diagnosis:
    """The diagnosis with the check that says what changed since the last success, if one is kept.

    Raises:
        AwsError: the table could not be read. That CloudTrail can't be read is said in the check.
    """
    scope = failure.scope

    def look_up(comparison: Comparison) -> Trail:
        if not services.runtime.settings.cloudtrail:
            return Trail(gap=_WITHHELD)
        return services.trail.read(scope, comparison.lookups, comparison.before.read_at)

    try:
        kept: Item[WorkingState] = services.last_success.read(scope)
    except NewerSchemaError as error:
        kept = Unreadable(error.message)
    return with_changes(failure.diagnosis, failure.evidence, kept, look_up)
