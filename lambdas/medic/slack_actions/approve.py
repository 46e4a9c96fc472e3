"""Handle a click in Slack: check it, write a request, wake the remediator and answer in Slack.

Only the remediator decides what an approval may do; it checks every guardrail again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from medic.alerts.slack import escape, rich_text, text_element
from medic.alerts.slack_buttons import BUTTONS
from medic.aws.clients import Clients
from medic.aws.errors import AwsError, translated
from medic.events import wake_up
from medic.incidents.model import Request, RequestKind, approval_id
from medic.incidents.requests import APPROVAL_VALID_FOR, AlreadyAskedError, RequestsTable
from medic.slack_actions.click import Click, ClickError, read_body, read_click, verify
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from boto3.session import Session

    from medic.events import Scope
    from medic.settings import Runtime
    from medic.telemetry import Telemetry

SlackMessage = dict[str, object]

_ANSWER_TIMEOUT = 2
"""Seconds. Slack waits three seconds for the whole request."""


class Requests(Protocol):
    """Where requests are written."""

    def submit(self, request: Request) -> None:
        """Write a new request.

        Raises:
            AlreadyAskedError: there is a request with this id already.
        """
        ...


@dataclass(frozen=True)
class SlackApprovalHandler:
    """Handles clicks on the buttons of an alert."""

    runtime: Runtime
    signing_secret: Callable[[], str]
    requests: Requests
    wake: Callable[[Scope, str], None]
    """Sends the remediator a wake-up for a scope and a request id."""
    answer: Callable[[str, SlackMessage], None]
    """Posts a message to the response URL that came with the click."""
    telemetry: Telemetry
    clock: Callable[[], datetime]

    def handle(self, event: object) -> dict[str, object]:
        """Answer one HTTP request from Slack.

        Args:
            event: the function URL's event.

        Returns:
            The response: status 200 if the click was accepted, or the status of the refusal.

        Raises:
            AwsError: the secret or the table could not be reached. Slack shows an error, and the user can click again.
        """
        click: Click | None = None
        try:
            raw, headers = read_body(event)
            verify(raw, headers, self.signing_secret, self.clock())
            click = read_click(raw)
            self._authorise(click)
            self._process(click)
        except ClickError as refusal:
            self.telemetry.record(
                TelemetryEvent.APPROVAL_REFUSED, rule=refusal.rule, why=refusal, who=click.who if click else "?"
            )
            if click is not None:
                self._reply(click, _refusal_message(str(refusal)))
            return _response(refusal.status, refusal.rule)
        return _response(200, "taken")

    def _authorise(self, click: Click) -> None:
        """Check that this person may approve this incident in this stack now."""
        slack, scope, runtime = self.runtime.settings.slack, click.approval.scope, self.runtime
        ours = (runtime.partition, runtime.account, runtime.region)
        if click.app_id != slack.app_id:
            raise ClickError(403, "other_app", "the click comes from a Slack app other than the one in the settings")
        if click.who not in slack.approvers:
            raise ClickError(403, "not_listed", f"{click.who} is not among the approvers in the settings")
        if (scope.partition, scope.account, scope.region) != ours:
            where = f"{scope.account} / {scope.region}"
            raise ClickError(403, "elsewhere", f"this incident belongs to {where}, which another stack handles")
        if self.clock().timestamp() >= click.approval.expires_at:
            raise ClickError(410, "expired", "this proposal has expired; the next failure will be diagnosed again")

    def _process(self, click: Click) -> None:
        approval, scope, now = click.approval, click.approval.scope, self.clock()
        if not click.approves:
            self.telemetry.record(
                TelemetryEvent.APPROVAL_DISMISSED, scope=scope, incident=approval.incident_id, who=click.who
            )
            self._reply(click, _dismissed_message(click, now))
            return
        request = Request(
            id=approval_id(approval.incident_id, approval.plan_hash),
            kind=RequestKind.APPROVE,
            scope=scope,
            who=f"slack:{click.who}",
            asked_at=now,
            expires_at=now + APPROVAL_VALID_FOR,
            incident_id=approval.incident_id,
            plan_hash=approval.plan_hash,
        )
        try:
            self.requests.submit(request)
        except AlreadyAskedError as error:
            raise ClickError(409, "used", f"{error.existing.who} has already approved this plan") from None
        self.telemetry.record(TelemetryEvent.APPROVAL_TAKEN, scope=scope, incident=approval.incident_id, who=click.who)
        self._wake(scope, request.id)
        self._reply(click, _approved_message(click, now))

    def _wake(self, scope: Scope, request_id: str) -> None:
        try:
            self.wake(scope, request_id)
        except AwsError as error:
            # The request is stored, so the watcher finds it within minutes.
            self.telemetry.record(TelemetryEvent.WAKE_UP_FAILED, scope=scope, request=request_id, why=error)

    def _reply(self, click: Click, message: SlackMessage) -> None:
        """Show the result in Slack. The stored request counts even if this fails."""
        if click.answer_to is None:
            return
        try:
            self.answer(click.answer_to, message)
        except OSError as error:
            self.telemetry.record(TelemetryEvent.ANSWER_FAILED, who=click.who, why=type(error).__name__)


def _response(status: int, word: str) -> dict[str, object]:
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store"},
        "body": json.dumps({"ok": status == 200, "answer": word}),  # noqa: PLR2004 - HTTP OK
    }


def _approved_message(click: Click, now: datetime) -> SlackMessage:
    """The alert without its buttons; a line says who approved and what happens next."""
    return _without_buttons(
        click, "✅ Approved by ", f" on {_time(now)}. Every guardrail is asked again before anything is changed."
    )


def _dismissed_message(click: Click, now: datetime) -> SlackMessage:
    """The alert without its buttons; a line says who dismissed it and how to approve anyway."""
    rest = f" on {_time(now)}. Nothing was changed. To approve all the same: {click.approval.command}"
    return _without_buttons(click, "🚫 Dismissed by ", rest)


def _refusal_message(why: str) -> SlackMessage:
    """A message that only the person who clicked sees. The alert keeps its buttons."""
    return {"response_type": "ephemeral", "replace_original": False, "text": escape(f"Not approved: {why}.")}


def _without_buttons(click: Click, before: str, after: str) -> SlackMessage:
    line = rich_text(text_element(before), {"type": "user", "user_id": click.user}, text_element(after))
    return {
        "replace_original": True,
        "text": escape(f"{before}<@{click.user}>{after}").replace(f"&lt;@{click.user}&gt;", f"<@{click.user}>"),
        "blocks": _replaced(click.blocks, line),
    }


def _replaced(blocks: Sequence[Mapping[str, object]], line: Mapping[str, object]) -> list[Mapping[str, object]]:
    """Replace the buttons with the line. A message without a block of buttons becomes the line alone."""
    replaced = [line if block.get("block_id") == BUTTONS else block for block in blocks]
    return replaced if line in replaced else [line]


def _time(now: datetime) -> str:
    return f"{now:%d %B %Y %H:%M} UTC"


def build_approval_handler(runtime: Runtime, session: Session, telemetry: Telemetry) -> SlackApprovalHandler:
    """A handler connected to AWS and Slack."""
    clients = Clients(session)

    def signing_secret() -> str:
        with translated("secretsmanager:GetSecretValue"):
            return clients.secrets.get_secret_value(SecretId=runtime.settings.slack.signing_secret or "")[
                "SecretString"
            ].strip()

    def wake(scope: Scope, request_id: str) -> None:
        with translated("lambda:InvokeFunction"):
            message = json.dumps(wake_up(scope, request_id)).encode()
            clients.functions.invoke(FunctionName=runtime.remediator_function, InvocationType="Event", Payload=message)

    return SlackApprovalHandler(
        runtime=runtime,
        signing_secret=signing_secret,
        requests=RequestsTable(clients.dynamodb, runtime.table, _now),
        wake=wake,
        answer=_post_answer,
        telemetry=telemetry,
        clock=_now,
    )


def _post_answer(url: str, message: SlackMessage) -> None:
    """Post a message to a response URL.

    Raises:
        OSError: Slack could not be reached.
    """
    from slack_sdk.webhook import WebhookClient  # noqa: PLC0415 - it is slow to import, and most refusals don't need it

    WebhookClient(url, timeout=_ANSWER_TIMEOUT).send_dict(message)


def _now() -> datetime:
    return datetime.now(UTC)
