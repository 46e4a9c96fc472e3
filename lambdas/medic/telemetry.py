"""Structured logs and CloudWatch metrics of the functions: one log line and one metric for each event."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from aws_lambda_powertools.metrics import MetricUnit, single_metric

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from aws_lambda_powertools import Logger, Metrics


class TelemetryEvent(StrEnum):
    """Every event that is logged and counted. The value is the metric's name."""

    EVENT_MALFORMED = "EventMalformed"
    EVENT_NOT_WATCHED = "EventNotWatched"
    JOB_NOT_CONFIRMED = "JobNotConfirmed"
    NOT_IAM = "NotIam"
    UNDIAGNOSED = "Undiagnosed"
    BUILDS_FAILING = "BuildsFailing"
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
    EVENT_MISSED = "EventMissed"
    JOBS_UNREAD = "JobsUnread"
    ALERT_SENT = "AlertSent"
    ALERT_FAILED = "AlertFailed"
    ALERT_ABANDONED = "AlertAbandoned"
    RECORD_UNREADABLE = "RecordUnreadable"
    RECORD_OUTDATED = "RecordOutdated"
    MUTED = "Muted"
    STORM = "Storm"
    STORM_OVER = "StormOver"
    REQUEST_USED = "RequestUsed"
    REQUEST_REFUSED = "RequestRefused"
    REQUEST_UNTRUSTED = "RequestUntrusted"
    UNDONE = "Undone"
    NOT_UNDONE = "NotUndone"
    APPROVAL_TAKEN = "ApprovalTaken"
    APPROVAL_REFUSED = "ApprovalRefused"
    APPROVAL_DISMISSED = "ApprovalDismissed"
    ANSWER_FAILED = "AnswerFailed"
    MESSAGE_RETRIED = "MessageRetried"
    MESSAGE_FAULT = "MessageFault"
    LEFT_TO_WATCHER = "LeftToWatcher"
    WAKE_UP_DROPPED = "WakeUpDropped"
    WAIT_NOT_SET = "WaitNotSet"
    WATCHER_RAN = "WatcherRan"


RETRIED_AGE = "RetriedMessageAge"
"""Name of the metric for the age of a message that is retried, in seconds.

CloudWatch's own ApproximateAgeOfOldestMessage leaves out messages that were received more than three times.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""
EVENT_TO_ALERT = "EventToAlert"
"""Name of the metric for the time from an event to its alert, in milliseconds."""

DIMENSIONS: Mapping[TelemetryEvent, tuple[str, ...]] = {
    TelemetryEvent.DIAGNOSED: ("label", "cause"),
    TelemetryEvent.APPLIED: ("action",),
    TelemetryEvent.UNDIAGNOSED: ("reason",),
    TelemetryEvent.REFUSED: ("rule",),
    TelemetryEvent.APPROVAL_REFUSED: ("rule",),
}
"""The details by which an event is also counted on its own.

CloudWatch charges for each combination of metric and dimension value. So the values come from fixed lists in the code,
never from an app, a branch, a job, a log or a tag.
"""

_DIMENSION_VALUE = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_OTHER = "other"


class Telemetry:
    def __init__(self, logger: Logger, metrics: Metrics) -> None:
        self.logger = logger
        self.metrics = metrics
        self._skipped: set[tuple[str, str]] = set()

    def record(self, event: TelemetryEvent, **details: object) -> None:
        """Log an event with its details and count it, also by each of its details in `DIMENSIONS`.

        Details are cut to 500 characters, but not redacted: the caller must pass no secrets.
        """
        self.metrics.add_metric(name=event, unit=MetricUnit.Count, value=1)
        for dimension in DIMENSIONS.get(event, ()):
            if dimension in details:
                value = str(details[dimension])
                service = {"service": self.metrics.service or ""}
                with single_metric(
                    event, MetricUnit.Count, 1, namespace=self.metrics.namespace, default_dimensions=service
                ) as metric:
                    metric.add_dimension(dimension, value if _DIMENSION_VALUE.fullmatch(value) else _OTHER)
        self.logger.info(event, extra={name: str(value)[:500] for name, value in details.items()})

    def fault(self, error: BaseException, **details: object) -> None:
        """Log an unexpected exception with its traceback, and count it."""
        self.metrics.add_metric(name=TelemetryEvent.MESSAGE_FAULT, unit=MetricUnit.Count, value=1)
        extra = {name: str(value)[:500] for name, value in details.items()}
        self.logger.error(TelemetryEvent.MESSAGE_FAULT, exc_info=error, extra=extra)

    def retried(self, age: timedelta, **details: object) -> None:
        """Record that a message is retried, and its age."""
        self.record(TelemetryEvent.MESSAGE_RETRIED, age=age, **details)
        self.metrics.add_metric(name=RETRIED_AGE, unit=MetricUnit.Seconds, value=max(0, round(age.total_seconds())))

    def unreadable(self, key: str, why: str, /, *, outdated: bool = False) -> None:
        """Record that an item of the incidents table, or a part of it, was skipped, once in a run."""
        if (key, why) not in self._skipped:
            self._skipped.add((key, why))
            event = TelemetryEvent.RECORD_OUTDATED if outdated else TelemetryEvent.RECORD_UNREADABLE
            self.record(event, key=key, why=why)

    def alerted(self, waited: timedelta) -> None:
        """Record the time from an event, by EventBridge's clock, until every channel had its alert."""
        self.metrics.add_metric(
            name=EVENT_TO_ALERT, unit=MetricUnit.Milliseconds, value=max(0, round(waited.total_seconds() * 1000))
        )

    def flush(self) -> None:
        """End a run: write its metrics as one log line in embedded metric format, from which CloudWatch reads them."""
        self._skipped.clear()
        self.metrics.flush_metrics()
