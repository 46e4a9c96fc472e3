"""Structured logs and CloudWatch metrics of the functions: a log line for each event, and a metric for some."""

from __future__ import annotations

import math
import re
import time
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from aws_lambda_powertools.metrics import MetricUnit, single_metric

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools import Logger, Metrics


class TelemetryEvent(StrEnum):
    """Every event that is logged. Those in `COUNTED` are also counted, under the same name."""

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


COUNTED = frozenset({
    *(TelemetryEvent.DIAGNOSED, TelemetryEvent.NOT_IAM, TelemetryEvent.UNDIAGNOSED, TelemetryEvent.ALERT_SENT),
    *(TelemetryEvent.APPLIED, TelemetryEvent.REFUSED, TelemetryEvent.RESOLVED, TelemetryEvent.NOT_HELPED),
    *(TelemetryEvent.OUTCOME_UNKNOWN, TelemetryEvent.ALERT_FAILED, TelemetryEvent.MESSAGE_RETRIED),
    TelemetryEvent.WATCHER_RAN,
})  # fmt: skip
"""The events with a metric of their own: what an alarm or the dashboard shows.

CloudWatch charges for each metric, by the hours in which it is written. https://aws.amazon.com/cloudwatch/pricing/
"""
ATTENTION = "NeedsAttention"
"""Name of the metric that all functions share, for what a person must look at. The log line says what it is."""
ATTENTION_SERVICE = "amplify-medic"
NEEDS_ATTENTION = frozenset({
    *(TelemetryEvent.MESSAGE_FAULT, TelemetryEvent.REQUEST_UNTRUSTED, TelemetryEvent.RECORD_UNREADABLE),
    *(TelemetryEvent.STORM, TelemetryEvent.NOT_HELPED, TelemetryEvent.UNDIAGNOSED, TelemetryEvent.EVENT_MALFORMED),
})  # fmt: skip
LONGEST_RETRY = timedelta(minutes=30)
"""A message that is retried for longer needs attention.

CloudWatch's own ApproximateAgeOfOldestMessage leaves out messages that were received more than three times.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""
_AGAIN_AFTER_SECONDS = 3600.0
"""So long what can't be read needs no attention again. Otherwise its alarm would never end, and hide others."""
EVENT_TO_ALERT = "EventToAlert"
"""Name of the metric for the time from an event to its alert, in milliseconds."""

DIMENSIONS: Mapping[TelemetryEvent, tuple[str, ...]] = {
    TelemetryEvent.DIAGNOSED: ("label", "cause"),
    TelemetryEvent.REFUSED: ("rule",),
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
        self._told_at: dict[tuple[str, str], float] = {}

    def record(self, event: TelemetryEvent, **details: object) -> None:
        """Log an event with its details. Count it if it is in `COUNTED`, also by each of its details in `DIMENSIONS`.

        Details are cut to 500 characters, but not redacted: the caller must pass no secrets.
        """
        if event in COUNTED:
            self.metrics.add_metric(name=event, unit=MetricUnit.Count, value=1)
        if event in NEEDS_ATTENTION:
            self._need_attention()
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
        self._need_attention()
        extra = {name: str(value)[:500] for name, value in details.items()}
        self.logger.error(TelemetryEvent.MESSAGE_FAULT, exc_info=error, extra=extra)

    def retried(self, age: timedelta, **details: object) -> None:
        """Record that a message of this age is retried."""
        self.record(TelemetryEvent.MESSAGE_RETRIED, age=age, **details)
        if age > LONGEST_RETRY:
            self._need_attention()

    def _need_attention(self) -> None:
        with single_metric(
            ATTENTION,
            MetricUnit.Count,
            1,
            namespace=self.metrics.namespace,
            default_dimensions={"service": ATTENTION_SERVICE},
        ):
            pass

    def unreadable(self, key: str, why: str, /, *, outdated: bool = False) -> None:
        """Record that an item of the incidents table, or a part of it, was skipped, once an hour."""
        if self._is_news(key, why):
            event = TelemetryEvent.RECORD_OUTDATED if outdated else TelemetryEvent.RECORD_UNREADABLE
            self.record(event, key=key, why=why)

    def unread(self, event: TelemetryEvent, app: str, why: object, *, lasts: bool, **details: object) -> None:
        """Record that something of an app could not be read. Where that lasts, it needs attention, once an hour."""
        self.record(event, app=app, why=why, **details)
        if lasts and self._is_news(event, app):
            self._need_attention()

    def _is_news(self, what: str, detail: str) -> bool:
        """True once an hour for the same texts."""
        now = time.monotonic()
        if now - self._told_at.get((what, detail), -math.inf) < _AGAIN_AFTER_SECONDS:
            return False
        self._told_at[what, detail] = now
        return True

    def alerted(self, waited: timedelta) -> None:
        """Record the time from an event, by EventBridge's clock, until every channel had its alert."""
        self.metrics.add_metric(
            name=EVENT_TO_ALERT, unit=MetricUnit.Milliseconds, value=max(0, round(waited.total_seconds() * 1000))
        )

    def flush(self) -> None:
        """End a run: write its metrics as one log line in embedded metric format, from which CloudWatch reads them."""
        if self.metrics.metric_set:
            self.metrics.flush_metrics()
