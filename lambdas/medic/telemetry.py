"""What the functions say about themselves: one structured log line and one metric a fact, few dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from aws_lambda_powertools.metrics import MetricUnit

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger, Metrics


class Fact(StrEnum):
    """Everything that is counted."""

    EVENT_MALFORMED = "EventMalformed"
    EVENT_NOT_WATCHED = "EventNotWatched"
    JOB_NOT_CONFIRMED = "JobNotConfirmed"
    NOT_IAM = "NotIam"
    LOG_UNAVAILABLE = "LogUnavailable"
    DIAGNOSED = "Diagnosed"
    ALREADY_HANDLED = "AlreadyHandled"
    SEEN_AGAIN = "SeenAgain"
    IGNORED = "Ignored"
    APPLIED = "Applied"
    NOT_APPLIED = "NotApplied"
    REFUSED = "Refused"
    RESOLVED = "Resolved"
    NOT_HELPED = "NotHelped"
    EXPIRED = "Expired"
    OUTCOME_UNKNOWN = "OutcomeUnknown"
    WOKEN = "Woken"
    ALERT_SENT = "AlertSent"
    ALERT_FAILED = "AlertFailed"
    APPROVAL_TAKEN = "ApprovalTaken"
    APPROVAL_REFUSED = "ApprovalRefused"
    APPROVAL_DISMISSED = "ApprovalDismissed"
    ANSWER_FAILED = "AnswerFailed"
    WAKE_UP_FAILED = "WakeUpFailed"
    RETRYABLE = "RetryableFault"


@dataclass(frozen=True)
class Telemetry:
    """Powertools' Logger and Metrics, behind one verb."""

    logger: Logger
    metrics: Metrics

    def record(self, fact: Fact, **details: object) -> None:
        """Count a fact and log it with its details; details are redacted by whoever made them."""
        self.metrics.add_metric(name=fact, unit=MetricUnit.Count, value=1)
        self.logger.info(fact, extra={name: str(value)[:500] for name, value in details.items()})

    def flush(self) -> None:
        """Write the metrics out, as one embedded-metric log line."""
        self.metrics.flush_metrics()
