"""Handle a click in Slack: check it, send the request to the remediator's queue and answer in Slack.

Only the remediator decides what a request may do; it checks every guardrail again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from medic.alerts.model import Button
from medic.alerts.slack import escape, rich_text, text_element
from medic.alerts.slack_buttons import BUTTONS
from medic.aws.secrets import SIGNING_SECRET
from medic.events import RequestKind, RequestMessage, request_message
from medic.incidents.model import approval_id
from medic.incidents.requests import SLACK_MUTE
from medic.records import replace
from medic.slack_actions.click import Click, ClickError, read_body, read_click, verify
from medic.telemetry import Telemetry, TelemetryEvent

if TYPE_CHECKING:
    from medic.gateways import Gateways
    from medic.settings import Runtime

SlackMessage = dict[str, object]

_ANSWER_TIMEOUT = 2
"""Seconds. Slack waits three seconds for the whole request."""


def post_answer(url: str, message: SlackMessage) -> None:
    """Post a message to a response URL. OSError if Slack could not be reached."""
    from slack_sdk.webhook import WebhookClient  # noqa: PLC0415 - it is slow to import, and most refusals don't need it

    WebhookClient(url, timeout=_ANSWER_TIMEOUT).send_dict(message)


class SlackApprovalHandler:
    def __init__(
        self,
        runtime: Runtime,
        gateways: Gateways,
        telemetry: Telemetry,
        answer: Callable[[str, SlackMessage], None] = post_answer,
    ) -> None:
        self.runtime = runtime
        self.gateways = gateways
        self.telemetry = telemetry
        self._answer = answer

    def handle(self, event: object) -> dict[str, object]:
        """Answer one HTTP request from Slack: with status 200 if the click was accepted, or the status of the refusal.

        After SecretError or AwsError, Slack shows an error, and the user can click again.
        """
        click: Click | None = None
        try:
            raw, headers = read_body(event)
            verify(raw, headers, self._signing_secret, self.gateways.clock())
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

    def _signing_secret(self) -> str:
        """Read it for each click and keep it nowhere: a secret that was replaced no longer counts."""
        name = self.runtime.settings.slack.signing_secret or ""
        return self.gateways.secret(name, SIGNING_SECRET)

    def _authorise(self, click: Click) -> None:
        """Check that this person may ask this of this stack now."""
        slack, scope, runtime = self.runtime.settings.slack, click.target.scope, self.runtime
        ours = (runtime.partition, runtime.account, runtime.region)
        if click.app_id != slack.app_id:
            raise ClickError(403, "other_app", "the click comes from a Slack app other than the one in the settings")
        if click.who not in slack.approvers:
            raise ClickError(403, "not_listed", f"{click.who} is not among the approvers in the settings")
        if (scope.partition, scope.account, scope.region) != ours:
            where = f"{scope.account} / {scope.region}"
            raise ClickError(403, "elsewhere", f"this incident belongs to {where}, which another stack handles")
        # Only a quick answer: the remediator checks the time that its record holds.
        expires = click.button in (Button.APPROVE, Button.DISMISS)
        if expires and self.gateways.clock().timestamp() >= click.target.expires_at:
            raise ClickError(410, "expired", "this proposal has expired; the next failure will be diagnosed again")

    def _process(self, click: Click) -> None:
        target, now = click.target, self.gateways.clock()
        about = {"scope": target.scope, "incident": target.incident_id, "who": click.who}
        if click.button is Button.DISMISS:
            self.telemetry.record(TelemetryEvent.APPROVAL_DISMISSED, **about)
        else:
            asked = _request(click, now)
            self.gateways.send(self.runtime.queue_url, request_message(asked))
            self.telemetry.record(TelemetryEvent.APPROVAL_TAKEN, **about, kind=asked.kind)
        self._reply(click, _taken_message(click, now))

    def _reply(self, click: Click, message: SlackMessage) -> None:
        """Show the result in Slack. The request counts even if this fails."""
        if click.answer_to is None:
            return
        try:
            self._answer(click.answer_to, message)
        except OSError as error:
            self.telemetry.record(TelemetryEvent.ANSWER_FAILED, who=click.who, why=type(error).__name__)


def _response(status: int, word: str) -> dict[str, object]:
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store"},
        "body": json.dumps({"ok": status == 200, "answer": word}),  # noqa: PLR2004 - HTTP OK
    }


def _request(click: Click, now: datetime) -> RequestMessage:
    scope, incident_id, plan_hash = click.target.scope, click.target.incident_id, click.target.plan_hash
    match click.button:
        case Button.UNDO:
            asked = RequestMessage(scope, RequestKind.UNDO, click.id, incident_id=incident_id)
        case Button.MUTE:
            asked = RequestMessage(scope, RequestKind.MUTE, click.id, until=now + SLACK_MUTE)
        case _:
            id_ = approval_id(incident_id, plan_hash)
            asked = RequestMessage(scope, RequestKind.APPROVE, id_, incident_id=incident_id, plan_hash=plan_hash)
    return replace(asked, slack_user=click.who)


def _taken_message(click: Click, now: datetime) -> SlackMessage:
    """The alert without its buttons; a line says who clicked and what happens next."""
    at = f" on {_time(now)}."
    before, after = {
        Button.APPROVE: ("✅ Approved by ", f"{at} Every guardrail is checked again before anything is changed."),
        Button.DISMISS: (
            "🚫 Dismissed by ",
            f"{at} Nothing was changed. To approve all the same: {click.target.command}",
        ),
        Button.UNDO: ("↩️ Undo asked for by ", f"{at} The result follows here."),
        Button.MUTE: ("🔕 Muted by ", f" until {_time(now + SLACK_MUTE)}. The bot makes no changes there until then."),
    }[click.button]
    return _without_buttons(click, before, after)


def _refusal_message(why: str) -> SlackMessage:
    """A message that only the person who clicked sees. The alert keeps its buttons."""
    return {"response_type": "ephemeral", "replace_original": False, "text": escape(f"Not done: {why}.")}


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
