"""What the functions say about themselves: one structured log line and one metric a fact, few dimensions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from aws_lambda_powertools.metrics import MetricUnit, single_metric

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from aws_lambda_powertools import Logger, Metrics


class TelemetryEvent(StrEnum):
    """Everything that is counted."""

    EVENT_MALFORMED = "EventMalformed"
    EVENT_NOT_WATCHED = "EventNotWatched"
    JOB_NOT_CONFIRMED = "JobNotConfirmed"
    NOT_IAM = "NotIam"
    LOG_UNAVAILABLE = "LogUnavailable"
    DIAGNOSED = "Diagnosed"
    ALREADY_HANDLED = "AlreadyHandled"
    FAILURE_REPEATED = "FailureRepeated"
    IGNORED = "Ignored"
    APPLIED = "Applied"
    NOT_APPLIED = "NotApplied"
    REFUSED = "Refused"
    RESOLVED = "Resolved"
    NOT_HELPED = "NotHelped"
    EXPIRED = "Expired"
    OUTCOME_UNKNOWN = "OutcomeUnknown"
    BRANCH_WOKEN = "BranchWoken"
    APP_BOOSTED = "AppBoosted"
    RUNTIME_LOOKED = "RuntimeLooked"
    RUNTIME_FOUND = "RuntimeFound"
    RUNTIME_UNREAD = "RuntimeUnread"
    ALERT_SENT = "AlertSent"
    ALERT_FAILED = "AlertFailed"
    ALERT_ABANDONED = "AlertAbandoned"
    MUTED = "Muted"
    STORM = "Storm"
    STORM_OVER = "StormOver"
    REQUEST_USED = "RequestUsed"
    REQUEST_REFUSED = "RequestRefused"
    UNDONE = "Undone"
    NOT_UNDONE = "NotUndone"
    APPROVAL_TAKEN = "ApprovalTaken"
    APPROVAL_REFUSED = "ApprovalRefused"
    APPROVAL_DISMISSED = "ApprovalDismissed"
    ANSWER_FAILED = "AnswerFailed"
    WAKE_UP_FAILED = "WakeUpFailed"
    RETRYABLE = "RetryableFault"


EVENT_TO_ALERT = "EventToAlert"
"""The metric of how long people waited, in milliseconds."""

DIMENSIONS: Mapping[TelemetryEvent, tuple[str, ...]] = {
    TelemetryEvent.DIAGNOSED: ("label", "cause"),
    TelemetryEvent.APPLIED: ("action",),
    TelemetryEvent.REFUSED: ("rule",),
    TelemetryEvent.APPROVAL_REFUSED: ("rule",),
}
"""The details by which a fact is also counted apart. Each is one of a list in our own code, so that what CloudWatch
charges for is bounded: never an app, a branch, a job, or anything that a log or a tag says."""

_LISTED = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_UNLISTED = "other"


@dataclass(frozen=True)
class Telemetry:
    """Powertools' Logger and Metrics, behind two verbs."""

    logger: Logger
    metrics: Metrics

    def record(self, event: TelemetryEvent, **details: object) -> None:
        """Count a fact and log it with its details; details are redacted by whoever made them.

        A fact listed in `DIMENSIONS` is counted once more by each of those details that is given.
        """
        self.metrics.add_metric(name=event, unit=MetricUnit.Count, value=1)
        for dimension in DIMENSIONS.get(event, ()):
            if dimension in details:
                self._count_apart(event, dimension, str(details[dimension]))
        self.logger.info(event, extra={name: str(value)[:500] for name, value in details.items()})

    def alerted(self, waited: timedelta) -> None:
        """Measure how long it took from an event, by EventBridge's time, until every channel had its alert."""
        self.metrics.add_metric(
            name=EVENT_TO_ALERT, unit=MetricUnit.Milliseconds, value=max(0, round(waited.total_seconds() * 1000))
        )

    def flush(self) -> None:
        """Write the metrics out, as one embedded-metric log line."""
        self.metrics.flush_metrics()

    def _count_apart(self, event: TelemetryEvent, dimension: str, value: str) -> None:
        listed = value if _LISTED.fullmatch(value) else _UNLISTED
        mine = {"service": self.metrics.service or ""}
        with single_metric(
            event, MetricUnit.Count, 1, namespace=self.metrics.namespace, default_dimensions=mine
        ) as one:
            one.add_dimension(dimension, listed)
