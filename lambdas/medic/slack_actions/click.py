"""A click on a button, from the raw bytes of a function URL's event to who clicked what. Nothing is believed unsigned.

Sources: https://docs.slack.dev/authentication/verifying-requests-from-slack and
https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from medic.alerts.slack_buttons import APPROVE, DISMISS, ButtonError, read_button_value

if TYPE_CHECKING:
    from datetime import datetime

    from medic.alerts.model import Approval

_MOST_BYTES = 256 * 1024
"""Slack sends the message along with the click, percent-encoded: 12,000 characters may take nine bytes each."""
_FRESH_SECONDS = 300
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")
_ID = re.compile(r"[A-Z0-9]{2,21}")
_ANSWERS_GO_TO = "hooks.slack.com"


class ClickError(Exception):
    """A request that approves nothing.

    Attributes:
        status: the HTTP status it is answered with.
        rule: one word for why, for logs and metrics.
    """

    def __init__(self, status: int, rule: str, why: str) -> None:
        self.status = status
        self.rule = rule
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class Click:
    """Somebody clicked on Approve or Dismiss."""

    app_id: str
    """Of the Slack app that the message is of."""
    team: str
    user: str
    approves: bool
    approval: Approval
    answer_to: str | None
    """Where the message can be replaced, at Slack; None if the payload names no such place."""
    blocks: tuple[Mapping[str, object], ...]
    """The message's, as Slack shows them now."""

    @property
    def who(self) -> str:
        """The approver as the settings name one."""
        return f"{self.team}/{self.user}"


def read_body(event: object) -> tuple[bytes, Mapping[str, str]]:
    """The body's bytes and the headers, their names in small letters.

    Raises:
        ClickError: it is no request of a size that Slack sends.
    """
    if not isinstance(event, Mapping):
        raise ClickError(400, "malformed", "the event is no HTTP request")
    body, headers = event.get("body"), event.get("headers")
    if not isinstance(body, str) or not isinstance(headers, Mapping):
        raise ClickError(400, "malformed", "the request has no body, or no headers")
    if len(body) > 2 * _MOST_BYTES:
        raise ClickError(413, "too_large", "the body is longer than a click's")
    raw = _decoded(body, encoded=event.get("isBase64Encoded") is True)
    if len(raw) > _MOST_BYTES:
        raise ClickError(413, "too_large", "the body is longer than a click's")
    return raw, {str(name).lower(): str(value) for name, value in headers.items()}


def verify(raw: bytes, headers: Mapping[str, str], signing_secret: Callable[[], str], now: datetime) -> None:
    """Make sure that Slack sent these bytes, within the last five minutes.

    Args:
        raw: the body, as it was sent.
        headers: their names in small letters.
        signing_secret: reads the secret; asked only for what could be Slack's.
        now: UTC.

    Raises:
        ClickError: it did not, or too long ago.
    """
    from slack_sdk.signature import Clock, SignatureVerifier  # noqa: PLC0415 - the handler's import stays quick

    class At(Clock):
        def now(self) -> float:
            return now.timestamp()

    timestamp, signature = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
    if not _TIMESTAMP.fullmatch(timestamp) or not _SIGNATURE.fullmatch(signature):
        raise ClickError(401, "unsigned", "the request bears no signature of Slack's form")
    if abs(now.timestamp() - int(timestamp)) > _FRESH_SECONDS:
        raise ClickError(401, "stale", "the request was signed more than five minutes ago, or ahead of time")
    try:
        signed = SignatureVerifier(signing_secret(), At()).is_valid(raw, timestamp, signature)
    except UnicodeDecodeError:
        signed = False  # Slack sends percent-encoded ASCII
    if not signed:
        raise ClickError(401, "forged", "the signature is not one of this Slack app's over this body")


def read_click(raw: bytes) -> Click:
    """What verified bytes say.

    Raises:
        ClickError: they are no click on one of our buttons.
    """
    payload = _payload(raw)
    if payload.get("type") != "block_actions":
        raise ClickError(400, "malformed", "this is not a click on a button")
    actions = payload.get("actions")
    if not isinstance(actions, list) or len(actions) != 1:
        raise ClickError(400, "malformed", "there is not exactly one action")
    action = _mapping(actions[0])
    action_id, value = action.get("action_id"), action.get("value")
    if action_id not in (APPROVE, DISMISS) or not isinstance(value, str):
        raise ClickError(400, "malformed", "the action is none of ours")
    try:
        approval = read_button_value(value)
    except ButtonError as error:
        raise ClickError(400, "malformed", str(error)) from None
    user = _mapping(payload.get("user"))
    blocks = _mapping(payload.get("message")).get("blocks")
    return Click(
        app_id=_identifier(payload.get("api_app_id")),
        team=_identifier(user.get("team_id") or _mapping(payload.get("team")).get("id")),
        user=_identifier(user.get("id")),
        approves=action_id == APPROVE,
        approval=approval,
        answer_to=_answer_to(payload.get("response_url")),
        blocks=tuple(map(_mapping, blocks)) if isinstance(blocks, list) else (),
    )


def _decoded(body: str, *, encoded: bool) -> bytes:
    if not encoded:
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise ClickError(400, "malformed", "the body is no base64") from None


def _payload(raw: bytes) -> Mapping[str, object]:
    try:
        fields = parse_qsl(raw.decode("ascii"), strict_parsing=True, max_num_fields=4)
        (payload,) = [value for name, value in fields if name == "payload"]
        return _mapping(json.loads(payload))
    except (ValueError, RecursionError):
        raise ClickError(400, "malformed", "the body holds no payload of Slack's") from None


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _identifier(value: object) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise ClickError(400, "malformed", "an id of Slack's is missing: app, team or user")
    return value


def _answer_to(url: object) -> str | None:
    """The address, if it is one of Slack's own: we send nothing anywhere else."""
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
        own = parts.scheme == "https" and parts.hostname == _ANSWERS_GO_TO and parts.port is None
    except ValueError:
        return None
    return url if own and parts.username is None else None
