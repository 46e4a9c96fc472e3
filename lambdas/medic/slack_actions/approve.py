"""From a request of Slack's to a request record and a nudge: everything that may be checked before is checked here.

What an approval may do is decided by the remediator alone, which asks every guardrail again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from slack_sdk.models.blocks import RichTextBlock, RichTextElementParts, RichTextSectionElement

from medic.alerts.slack import escape
from medic.alerts.slack_buttons import BUTTONS
from medic.aws.clients import Clients
from medic.aws.errors import AwsError, translated
from medic.events import Scope, wake_up
from medic.incidents.model import Request, RequestKind, approval_id
from medic.incidents.requests import AlreadyAskedError, RequestsTable
from medic.slack_actions.click import Click, ClickError, read_body, read_click, verify
from medic.telemetry import TelemetryEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from boto3.session import Session

    from medic.settings import SlackRuntime
    from medic.telemetry import Telemetry

SlackMessage = dict[str, object]


def approved(click: Click, now: datetime) -> SlackMessage:
    """The message without its buttons, saying who approved and what happens now."""
    return _in_place_of_the_buttons(
        click, "✅ Approved by ", f" on {_at(now)}. Every guardrail is asked again before anything is changed."
    )


def dismissed(click: Click, now: datetime) -> SlackMessage:
    """The message without its buttons, saying who dismissed it and how to approve all the same."""
    rest = f" on {_at(now)}. Nothing was changed. To approve all the same: {click.approval.command}"
    return _in_place_of_the_buttons(click, "🚫 Dismissed by ", rest)


def told(why: str) -> SlackMessage:
    """A line that only the one who clicked sees; the message stays as it is."""
    return {"response_type": "ephemeral", "replace_original": False, "text": escape(f"Not approved: {why}.")}


def _in_place_of_the_buttons(click: Click, before: str, after: str) -> SlackMessage:
    parts = (
        RichTextElementParts.Text(text=before),
        RichTextElementParts.User(user_id=click.user),
        RichTextElementParts.Text(text=after),
    )
    line = RichTextBlock(elements=[RichTextSectionElement(elements=list(parts))]).to_dict()
    return {
        "replace_original": True,
        "text": escape(f"{before}<@{click.user}>{after}").replace(f"&lt;@{click.user}&gt;", f"<@{click.user}>"),
        "blocks": _replaced(click.blocks, line),
    }


def _replaced(blocks: Sequence[Mapping[str, object]], line: Mapping[str, object]) -> list[Mapping[str, object]]:
    """The blocks with the line where the buttons were; a message that came without blocks becomes the line alone."""
    replaced = [line if block.get("block_id") == BUTTONS else block for block in blocks]
    return replaced if line in replaced else [line]


def _at(now: datetime) -> str:
    return f"{now:%d %B %Y %H:%M} UTC"


VALID_FOR = timedelta(hours=24)


class Requests(Protocol):
    """Where requests are written."""

    def submit(self, request: Request) -> None:
        """Write it, once.

        Raises:
            AlreadyAskedError: there is one of this id already.
        """
        ...


@dataclass(frozen=True)
class SlackApprovalHandler:
    """What a click is handled with."""

    runtime: SlackRuntime
    signing_secret: Callable[[], str]
    requests: Requests
    wake: Callable[[Scope, str], None]
    """Nudges the remediator: where, and the request's id."""
    answer: Callable[[str, dict[str, object]], None]
    """Posts to the address that Slack gave for answers."""
    telemetry: Telemetry
    clock: Callable[[], datetime]


def handle(event: object, approval_handler: SlackApprovalHandler) -> dict[str, object]:
    """Answer one HTTP request of Slack's.

    Args:
        event: the function URL's event.
        approval_handler: what it is handled with.

    Returns:
        The response: 200 once a click was taken, and the status that names the refusal otherwise.

    Raises:
        AwsError: the secret or the table could not be reached; Slack shows that it failed, and another click may do.
    """
    click: Click | None = None
    try:
        raw, headers = read_body(event)
        verify(raw, headers, approval_handler.signing_secret, approval_handler.clock())
        click = read_click(raw)
        _authorise(click, approval_handler)
        _take(click, approval_handler)
    except ClickError as refusal:
        approval_handler.telemetry.record(
            TelemetryEvent.APPROVAL_REFUSED, rule=refusal.rule, why=refusal, who=click.who if click else "?"
        )
        if click is not None:
            _tell(click, told(str(refusal)), approval_handler)
        return _response(refusal.status, refusal.rule)
    return _response(200, "taken")


def _authorise(click: Click, approval_handler: SlackApprovalHandler) -> None:
    """Whether this person may approve this, here and now."""
    slack, approval, runtime = approval_handler.runtime.slack, click.approval, approval_handler.runtime
    if click.app_id != slack.app_id:
        raise ClickError(403, "other_app", "the click is of another Slack app than the settings name")
    if click.who not in slack.approvers:
        raise ClickError(403, "not_listed", f"{click.who} is not among the approvers in the settings")
    if (approval.partition, approval.account, approval.region) != (runtime.partition, runtime.account, runtime.region):
        where = f"{approval.account} / {approval.region}"
        raise ClickError(403, "elsewhere", f"this incident is of {where}, which another stack looks after")
    if approval_handler.clock().timestamp() >= approval.expires_at:
        raise ClickError(410, "expired", "what is proposed here has expired; the next failure is diagnosed anew")


def _take(click: Click, approval_handler: SlackApprovalHandler) -> None:
    approval, now = click.approval, approval_handler.clock()
    scope = Scope(approval.partition, approval.account, approval.region, approval.app_id, approval.branch)
    if not click.approves:
        approval_handler.telemetry.record(
            TelemetryEvent.APPROVAL_DISMISSED, scope=scope, incident=approval.incident_id, who=click.who
        )
        _tell(click, dismissed(click, now), approval_handler)
        return
    request = Request(
        id=approval_id(approval.incident_id, approval.plan_hash),
        kind=RequestKind.APPROVE,
        scope=scope,
        who=f"slack:{click.who}",
        asked_at=now,
        expires_at=now + VALID_FOR,
        incident_id=approval.incident_id,
        plan_hash=approval.plan_hash,
    )
    try:
        approval_handler.requests.submit(request)
    except AlreadyAskedError as error:
        raise ClickError(409, "used", f"{error.existing.who} has approved exactly this already") from None
    approval_handler.telemetry.record(
        TelemetryEvent.APPROVAL_TAKEN, scope=scope, incident=approval.incident_id, who=click.who
    )
    _wake(scope, request.id, approval_handler)
    _tell(click, approved(click, now), approval_handler)


def _wake(scope: Scope, request_id: str, approval_handler: SlackApprovalHandler) -> None:
    try:
        approval_handler.wake(scope, request_id)
    except AwsError as error:
        # The record stands, and the watcher finds it within minutes.
        approval_handler.telemetry.record(TelemetryEvent.WAKE_UP_FAILED, scope=scope, request=request_id, why=error)


def _tell(click: Click, message: dict[str, object], approval_handler: SlackApprovalHandler) -> None:
    """Show in Slack what became of the click; the record counts, whether or not this arrives."""
    if click.answer_to is None:
        return
    try:
        approval_handler.answer(click.answer_to, message)
    except OSError as error:
        approval_handler.telemetry.record(TelemetryEvent.ANSWER_FAILED, who=click.who, why=type(error).__name__)


def _response(status: int, word: str) -> dict[str, object]:
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store"},
        "body": json.dumps({"ok": status == 200, "answer": word}),  # noqa: PLR2004 - HTTP OK
    }


_SECONDS = 2
"""Slack waits three seconds for the whole request."""


def approval_handler(runtime: SlackRuntime, session: Session, telemetry: Telemetry) -> SlackApprovalHandler:
    """Everything wired to AWS and Slack."""
    reader = Clients(session)

    def signing_secret() -> str:
        with translated("secretsmanager:GetSecretValue"):
            return reader.secrets.get_secret_value(SecretId=runtime.slack.signing_secret or "")["SecretString"].strip()

    def wake(scope: Scope, request_id: str) -> None:
        with translated("lambda:InvokeFunction"):
            message = json.dumps(wake_up(scope, request_id)).encode()
            reader.functions.invoke(FunctionName=runtime.remediator_function, InvocationType="Event", Payload=message)

    return SlackApprovalHandler(
        runtime=runtime,
        signing_secret=signing_secret,
        requests=RequestsTable(reader.dynamodb, runtime.table, _now),
        wake=wake,
        answer=_answer,
        telemetry=telemetry,
        clock=_now,
    )


def _answer(url: str, message: dict[str, object]) -> None:
    """Post a message to the address that Slack gave with a click.

    Raises:
        OSError: Slack could not be reached.
    """
    from slack_sdk.webhook import WebhookClient  # noqa: PLC0415 - a refused click never gets here

    WebhookClient(url, timeout=_SECONDS).send_dict(message)


def _now() -> datetime:
    return datetime.now(UTC)
