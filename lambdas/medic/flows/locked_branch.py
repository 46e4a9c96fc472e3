"""A branch under its lease, and what flows do with it: save incidents, send alerts, log.

An alert goes to every channel. Who accepted it is recorded, and it is stored for channels that did not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from medic.alerts.compose import compose_replacement
from medic.alerts.delivery import Channel, Delivery, deliver
from medic.alerts.model import Alert, redacted
from medic.alerts.wording import place
from medic.aws.errors import RetryableError
from medic.codec import CodecError, from_text, to_text
from medic.evidence import value_of
from medic.incidents.model import Incident, UndeliveredAlert
from medic.incidents.store import NewerSchemaError
from medic.incidents.table import Lease, TransactionParts, undelivered_key
from medic.records import replace
from medic.settings import LogLines
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from medic.aws.amplify import AmplifyActor
    from medic.events import Scope
    from medic.evidence import Job, Read
    from medic.incidents.record import BranchRecord
    from medic.plan.session import ActorScope
    from medic.services import Services

_MAX_RETRIED = 5
"""How many undelivered alerts of an incident are retried in one run."""
_ABANDON_AFTER = timedelta(days=7)
"""How long after an incident's last update its undelivered alerts are abandoned."""
_LISTED_WITHIN = timedelta(minutes=10)
"""How long after a job's end ListJobs may lag behind GetJob."""


class RecordedError(Exception):
    """A run failed after it had saved how to continue. From then on the table's `due` index is the only clock.

    So whoever delivers messages must not deliver this one again. `cause` says what failed. It is never another
    RecordedError, because an expected one causes no alert.
    """

    def __init__(self, cause: Exception) -> None:
        self.cause: Exception = cause.cause if isinstance(cause, RecordedError) else cause
        super().__init__(str(cause))


@contextmanager
def hold_branch(scope: Scope, services: Services) -> Iterator[LockedBranch]:
    """Lock the branch, and first retry alerts that a channel has not accepted.

    Raises:
        RecordedError: the `with` block failed after it had saved an incident that is in progress.
    """
    with services.table.hold(scope) as lease:
        locked = LockedBranch(lease, services)
        failed_channels: set[str] = set()
        for incident in locked.record.incidents:
            if incident.undelivered:
                _retry_alerts(incident, locked, failed_channels)
        before = locked.record.incidents
        try:
            yield locked
        except Exception as error:
            recorded = any(incident.in_progress for incident in locked.record.incidents if incident not in before)
            if recorded:
                raise RecordedError(error) from error
            raise


class LockedBranch:
    """A branch, or a whole app or region, under its lease."""

    def __init__(self, lease: Lease, services: Services) -> None:
        self.lease = lease
        self.services = services
        self.scope = lease.record.scope
        self._actors: list[tuple[ActorScope, Callable[[], AmplifyActor]]] = []

    @property
    def record(self) -> BranchRecord:
        return self.lease.record

    @property
    def now(self) -> datetime:
        return self.services.clock()

    def actor_for(self, wanted: ActorScope) -> Callable[[], AmplifyActor]:
        """As `Services.actor_for`, but a session that an earlier step has assumed under this lease is used again."""
        for assumed, actor in self._actors:
            if assumed.covers(wanted):
                return actor
        actor = self.services.actor_for(wanted)
        self._actors.append((wanted, actor))
        return actor

    def jobs(self, ended: Job) -> Read[tuple[Job, ...]]:
        """The latest jobs, newest first.

        Raises:
            RetryableError: ListJobs does not show yet that this job has ended, so a newer one may be missing too.
        """
        jobs = self.services.amplify.jobs(self.scope.app_id, self.scope.branch)
        lately = ended.ended_at is not None and self.now - ended.ended_at < _LISTED_WITHIN
        listed = value_of(jobs)
        if lately and listed is not None and not any(_shows_end(each, ended) for each in listed):
            raise RetryableError("amplify:ListJobs", "NotYet", f"it does not show the end of job {ended.id} yet")
        return jobs

    def save(self, incident: Incident, parts: TransactionParts | None = None) -> None:
        """Save an incident, and in the same transaction what `parts` names. `Lease.save` says what is raised."""
        self.lease.save(self.record.with_incident(incident), parts)

    def log(self, event: TelemetryEvent, incident: Incident, **details: object) -> None:
        self.services.telemetry.record(event, scope=self.scope, incident=incident.id, **details)

    def notify(self, alert: Alert, incident: Incident, alert_key: str, *, release: bool = False) -> bool:
        """Deliver an alert, and save the incident with its receipts.

        A channel that does not accept the alert stops nothing: the alert is stored for it and retried when due. A later
        call with the same key skips the channels that have it. `release` ends the lease with the same write, because
        neither a change in AWS nor another alert follows. Returns whether every channel accepted it.
        """
        services = self.services
        settings = services.runtime.settings
        alert = replace(alert, place=place(self.scope, services.alias_of(self.scope.account)))
        alert = redacted(alert, emails=settings.redact_emails, quotes=settings.log_lines is not LogLines.NONE)
        delivery = self.deliver(alert, incident, alert_key, services.channels)
        threaded = replace(incident, threads=delivery.threads)
        alerted = threaded.record_alert(alert_key, delivery.receipts, self.now, delivered=not delivery.failures)
        stored = UndeliveredAlert(incident.id, alert_key, to_text(alert), delivery.lacking)
        undelivered = (stored,) if delivery.failures else ()
        self.save(alerted, TransactionParts(undelivered=undelivered, release=release))
        return not delivery.failures

    def deliver(self, alert: Alert, incident: Incident, alert_key: str, channels: Collection[Channel]) -> Delivery:
        """Deliver an alert to those of the channels that have no receipt for it, and count the results."""
        record = partial(self.services.telemetry.record, incident=incident.id, kind=alert.kind)
        delivery = deliver(alert, channels, incident.alerted, alert_key, incident.threads)
        for receipt in delivery.receipts:
            record(TelemetryEvent.ALERT_SENT, receipt=receipt)
        for failure in delivery.failures:
            record(TelemetryEvent.ALERT_FAILED, why=failure)
        return delivery


def _shows_end(listed: Job, ended: Job) -> bool:
    """True if a listed job is a newer one, this one as it ended, or this one started again."""
    if int(listed.id) != int(ended.id):
        return int(listed.id) > int(ended.id)
    return not listed.running or listed.started_at != ended.started_at


def _read_alert(stored: UndeliveredAlert, incident: Incident, scope: Scope) -> Alert:
    """The stored alert. One that an older release stored in its own form is replaced by what the incident says.

    Raises CodecError if it is damaged, or of a newer release.
    """
    try:
        return from_text(Alert, stored.alert)
    except CodecError:
        if not stored.outdated:
            raise
        return compose_replacement(scope, incident)


def _retry_alerts(incident: Incident, locked: LockedBranch, failed_channels: set[str]) -> None:
    """Retry the undelivered alerts of an incident.

    A channel that fails once is not tried again in this run, because it may be slow to fail.
    """
    services, now = locked.services, locked.now
    retried: list[UndeliveredAlert] = []
    receipts: list[str] = []
    too_old = now - incident.updated_at > _ABANDON_AFTER
    for alert_key in incident.undelivered[:_MAX_RETRIED]:
        stored = alert = None
        try:
            stored = services.table.undelivered_alert(incident.id, alert_key)
            alert = None if stored is None else _read_alert(stored, incident, locked.scope)
        except (CodecError, NewerSchemaError) as error:
            services.on_unreadable(undelivered_key(incident.id, alert_key), str(error))
            if not too_old:  # a release that knows this alert can still send it
                continue
        if stored is None or alert is None or too_old:
            services.telemetry.record(TelemetryEvent.ALERT_ABANDONED, incident=incident.id, alert_key=alert_key)
            retried.append(UndeliveredAlert(incident.id, alert_key, "", ()))
            continue
        # A lacking channel that the settings no longer name is dropped.
        lacking = [channel for channel in services.channels if channel.name in stored.lacking]
        skipped = [channel.name for channel in lacking if channel.name in failed_channels]
        tried = [channel for channel in lacking if channel.name not in failed_channels]
        delivery = locked.deliver(alert, incident, alert_key, tried)
        incident = replace(incident, threads=delivery.threads)
        failed_channels.update(delivery.lacking)
        retried.append(replace(stored, lacking=(*delivery.lacking, *skipped)))
        receipts += delivery.receipts
    finished = tuple(each.alert_key for each in retried if not each.lacking)
    incident = incident.record_retry(finished, tuple(receipts), now)
    locked.save(incident, TransactionParts(undelivered=tuple(retried)))
