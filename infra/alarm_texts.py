"""What each alarm means and what to do about it, in the words that reach a person at three in the morning."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AlarmText:
    """One alarm's words."""

    section: str
    """The anchor of its section in docs/runbook.md."""
    means: str
    do: str

    @property
    def description(self) -> str:
        """The alarm's description: at most 1,024 characters, which is what CloudWatch takes."""
        return f"{self.means} What to do: {self.do} Runbook: docs/runbook.md#{self.section}"


UNDELIVERED_EVENTS = AlarmText(
    section="undelivered-events",
    means="EventBridge could not hand an Amplify event to the remediator for an hour; it is kept for 14 days.",
    do="see whether the function exists and whether Lambda throttles it, then replay the queue.",
)
FAILED_RUNS = AlarmText(
    section="failed-runs",
    means="A run failed three times on the same event; the event is kept for 14 days.",
    do="read the error in the message and in the function's log, mend it, then replay the queue.",
)
REMEDIATOR_FAILING = AlarmText(
    section="the-remediator-fails",
    means="The remediator raised in two of the last three five-minute spans: failures go undiagnosed for now.",
    do="read its log group /amplify-medic/remediator; a denied call names the right that is missing.",
)
WATCHER_FAILING = AlarmText(
    section="the-watcher-fails",
    means="The watcher raised in two of the last three five-minute spans: nothing overdue is taken up for now.",
    do="read its log group /amplify-medic/watcher.",
)
SLACK_FAILING = AlarmText(
    section="the-slack-function-fails",
    means="The function behind Slack's buttons raised in two of the last three five-minute spans.",
    do="read its log group /amplify-medic/slack_interactivity; meanwhile approve with medic approve.",
)
SILENT_WATCHER = AlarmText(
    section="the-watcher-is-silent",
    means="The watcher has not run for a quarter of an hour: what got lost stays lost.",
    do="see whether somebody disabled its schedule, and enable it again.",
)
THROTTLED = AlarmText(
    section="throttled",
    means="Lambda throttled the function: the account has no concurrency left in this region.",
    do="find what uses it up, or ask for a higher quota. Events are tried again for an hour, then kept.",
)
SLOW = AlarmText(
    section="near-the-time-out",
    means="A run took more than 80 % of the function's time-out.",
    do="see in the log what it waited for: a huge build log, a slow Slack, or a role that is still propagating.",
)
ALERT_FAILED = AlarmText(
    section="a-channel-fails",
    means="A channel did not take an alert: somebody may not have been told.",
    do="find out why in the log line AlertFailed (a revoked webhook, a deleted channel); it is sent again meanwhile.",
)
STORM = AlarmText(
    section="a-storm",
    means="Many incidents opened at once: the bot changes nothing until it is over.",
    do="look for what the apps that the storm alert lists have in common, such as a role or a policy that was changed.",
)
NOT_HELPED = AlarmText(
    section="a-fix-did-not-help",
    means="The bot changed a role and the deployment or runtime still fails the same way.",
    do="read the incident's alert, undo the change if it is unwanted, and mend the cause it names next.",
)

ALARM_TEXTS = (
    *(UNDELIVERED_EVENTS, FAILED_RUNS, REMEDIATOR_FAILING, WATCHER_FAILING, SLACK_FAILING),
    *(SILENT_WATCHER, THROTTLED, SLOW, ALERT_FAILED, STORM, NOT_HELPED),
)
"""All of them."""
