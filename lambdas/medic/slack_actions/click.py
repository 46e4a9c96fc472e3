"""Read a click on a button from a function URL's event. Nothing is read before the signature is verified.

ClickError says what is wrong with a request: it is malformed or too large, or its signature missing, wrong or stale.
Sources: https://docs.slack.dev/authentication/verifying-requests-from-slack and
https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct

from medic.alerts.model import Button, ButtonTarget
from medic.alerts.slack_buttons import ACTION_IDS, ButtonError, read_button_value

_MAX_BYTES = 256 * 1024
"""The payload holds the whole message, percent-encoded: 12,000 characters of up to nine bytes each."""
_MAX_AGE_SECONDS = 300
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")
_ID = re.compile(r"[A-Z0-9]{2,21}")
_RESPONSE_HOST = "hooks.slack.com"


class ClickError(Exception):
    """The request is refused with an HTTP status. The person who clicked sees why; logs and metrics show the rule."""

    def __init__(self, status: int, rule: str, why: str) -> None:
        self.status, self.rule = status, rule
        super().__init__(why)


class Click(Struct, frozen=True):
    id: str
    """32 hex digits, which differ for each click. Only Slack can repeat them."""
    app_id: str
    """The id of the Slack app that posted the message."""
    team: str
    user: str
    button: Button
    target: ButtonTarget
    answer_to: str | None
    """The response URL at Slack. None if the payload has no valid one."""
    blocks: tuple[Mapping[str, object], ...]
    """The message's current blocks."""

    @property
    def who(self) -> str:
        """`TEAM/USER`, as the settings name approvers."""
        return f"{self.team}/{self.user}"


def read_body(event: object) -> tuple[bytes, Mapping[str, str]]:
    if not isinstance(event, Mapping):
        raise ClickError(400, "malformed", "the event is not an HTTP request")
    body, headers = event.get("body"), event.get("headers")
    if not isinstance(body, str) or not isinstance(headers, Mapping):
        raise ClickError(400, "malformed", "the request has no body, or no headers")
    if len(body) > 2 * _MAX_BYTES:
        raise ClickError(413, "too_large", f"the body is larger than {_MAX_BYTES} bytes")
    try:
        encoded = event.get("isBase64Encoded") is True
        raw = base64.b64decode(body, validate=True) if encoded else body.encode("utf-8", "surrogatepass")
    except ValueError:
        raise ClickError(400, "malformed", "the body is not valid base64") from None
    if len(raw) > _MAX_BYTES:
        raise ClickError(413, "too_large", f"the body is larger than {_MAX_BYTES} bytes")
    return raw, {str(name).lower(): str(value) for name, value in headers.items()}


def verify(raw: bytes, headers: Mapping[str, str], signing_secret: Callable[[], str], now: datetime) -> None:
    """Check that Slack signed these bytes within the last five minutes.

    The secret is read only if form and time of the signature are valid. Names of headers are in lower case.
    """
    from slack_sdk.signature import Clock, SignatureVerifier  # noqa: PLC0415 - a short cold start

    class FixedClock(Clock):
        def now(self) -> float:
            return now.timestamp()

    timestamp, signature = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
    if not _TIMESTAMP.fullmatch(timestamp) or not _SIGNATURE.fullmatch(signature):
        raise ClickError(401, "unsigned", "the request has no Slack signature")
    if abs(now.timestamp() - int(timestamp)) > _MAX_AGE_SECONDS:
        raise ClickError(401, "stale", "the request was signed more than five minutes ago, or in the future")
    try:
        signed = SignatureVerifier(signing_secret(), FixedClock()).is_valid(raw, timestamp, signature)
    except UnicodeDecodeError:
        signed = False  # Slack sends only percent-encoded ASCII
    if not signed:
        raise ClickError(401, "forged", "the signature does not match the body and the signing secret")


def read_click(raw: bytes) -> Click:
    """Read a verified body: a click on one of our buttons."""
    payload = _payload(raw)
    if payload.get("type") != "block_actions":
        raise ClickError(400, "malformed", "this is not a click on a button")
    actions = payload.get("actions")
    if not isinstance(actions, list) or len(actions) != 1:
        raise ClickError(400, "malformed", "the payload does not have exactly one action")
    action = _mapping(actions[0])
    action_id, value = action.get("action_id"), action.get("value")
    button = next((each for each, known in ACTION_IDS.items() if known == action_id), None)
    if button is None or not isinstance(value, str):
        raise ClickError(400, "malformed", "the action is not one of our buttons")
    try:
        target = read_button_value(value)
    except ButtonError as error:
        raise ClickError(400, "malformed", str(error)) from None
    if button in (Button.APPROVE, Button.DISMISS) and not target.plan_hash:
        raise ClickError(400, "malformed", "the button names no plan")
    user = _mapping(payload.get("user"))
    blocks = _mapping(payload.get("message")).get("blocks")
    return Click(
        id=hashlib.sha256(raw).hexdigest()[:32],
        app_id=_identifier(payload.get("api_app_id")),
        team=_identifier(user.get("team_id") or _mapping(payload.get("team")).get("id")),
        user=_identifier(user.get("id")),
        button=button,
        target=target,
        answer_to=_answer_to(payload.get("response_url")),
        blocks=tuple(map(_mapping, blocks)) if isinstance(blocks, list) else (),
    )


def _payload(raw: bytes) -> Mapping[str, object]:
    try:
        fields = parse_qsl(raw.decode("ascii"), strict_parsing=True, max_num_fields=4)
        (payload,) = [value for name, value in fields if name == "payload"]
        return _mapping(json.loads(payload))
    except (ValueError, RecursionError):
        raise ClickError(400, "malformed", "the body does not hold a Slack payload") from None


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _identifier(value: object) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise ClickError(400, "malformed", "the app, team or user id is missing or invalid")
    return value


def _answer_to(url: object) -> str | None:
    """The URL if it is Slack's own, because nothing may be sent to any other host."""
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
        valid = parts.scheme == "https" and parts.hostname == _RESPONSE_HOST and parts.port is None
    except ValueError:
        return None
    return url if valid and parts.username is None else None
