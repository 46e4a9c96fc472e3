"""From a request of Slack's to a request record and a nudge: everything that may be checked before is checked here.

What an approval may do is decided by the remediator alone, which asks every guardrail again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from medic.approvals.answers import approved, dismissed, told
from medic.approvals.click import Click, ClickError, read_body, read_click, verify
from medic.aws.errors import AwsError
from medic.events import Scope
from medic.incidents.requests import AlreadyAskedError, Request, RequestKind, approval_id
from medic.telemetry import Fact

if TYPE_CHECKING:
    from medic.settings import SlackRuntime
    from medic.telemetry import Telemetry

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
class Desk:
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


def handle(event: object, desk: Desk) -> dict[str, object]:
    """Answer one HTTP request of Slack's.

    Args:
        event: the function URL's event.
        desk: what it is handled with.

    Returns:
        The response: 200 once a click was taken, and the status that names the refusal otherwise.

    Raises:
        AwsError: the secret or the table could not be reached; Slack shows that it failed, and another click may do.
    """
    click: Click | None = None
    try:
        raw, headers = read_body(event)
        verify(raw, headers, desk.signing_secret, desk.clock())
        click = read_click(raw)
        _authorise(click, desk)
        _take(click, desk)
    except ClickError as refusal:
        desk.telemetry.record(Fact.APPROVAL_REFUSED, rule=refusal.rule, why=refusal, who=click.who if click else "?")
        if click is not None:
            _tell(click, told(str(refusal)), desk)
        return _response(refusal.status, refusal.rule)
    return _response(200, "taken")


def _authorise(click: Click, desk: Desk) -> None:
    """Whether this person may approve this, here and now."""
    slack, approval, runtime = desk.runtime.slack, click.approval, desk.runtime
    if click.app_id != slack.app_id:
        raise ClickError(403, "other_app", "the click is of another Slack app than the settings name")
    if click.who not in slack.approvers:
        raise ClickError(403, "not_listed", f"{click.who} is not among the approvers in the settings")
    if (approval.partition, approval.account, approval.region) != (runtime.partition, runtime.account, runtime.region):
        where = f"{approval.account} / {approval.region}"
        raise ClickError(403, "elsewhere", f"this incident is of {where}, which another stack looks after")
    if desk.clock().timestamp() >= approval.expires_at:
        raise ClickError(410, "expired", "what is proposed here has expired; the next failure is diagnosed anew")


def _take(click: Click, desk: Desk) -> None:
    approval, now = click.approval, desk.clock()
    scope = Scope(approval.partition, approval.account, approval.region, approval.app_id, approval.branch)
    if not click.approves:
        desk.telemetry.record(Fact.APPROVAL_DISMISSED, scope=scope, incident=approval.incident_id, who=click.who)
        _tell(click, dismissed(click, now), desk)
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
        desk.requests.submit(request)
    except AlreadyAskedError as error:
        raise ClickError(409, "used", f"{error.existing.who} has approved exactly this already") from None
    desk.telemetry.record(Fact.APPROVAL_TAKEN, scope=scope, incident=approval.incident_id, who=click.who)
    _wake(scope, request.id, desk)
    _tell(click, approved(click, now), desk)


def _wake(scope: Scope, request_id: str, desk: Desk) -> None:
    try:
        desk.wake(scope, request_id)
    except AwsError as error:
        # The record stands, and the watcher finds it within minutes.
        desk.telemetry.record(Fact.WAKE_UP_FAILED, scope=scope, request=request_id, why=error)


def _tell(click: Click, message: dict[str, object], desk: Desk) -> None:
    """Show in Slack what became of the click; the record counts, whether or not this arrives."""
    if click.answer_to is None:
        return
    try:
        desk.answer(click.answer_to, message)
    except OSError as error:
        desk.telemetry.record(Fact.ANSWER_FAILED, who=click.who, why=type(error).__name__)


def _response(status: int, word: str) -> dict[str, object]:
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store"},
        "body": json.dumps({"ok": status == 200, "answer": word}),  # noqa: PLR2004 - HTTP OK
    }
