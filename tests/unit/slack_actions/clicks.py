"""Signed requests as Slack sends them to a function URL, and parts that a test can falsify."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from medic.alerts.model import Button, ButtonTarget
from medic.alerts.slack_buttons import ACTION_IDS, BUTTONS, button_value
from medic.events import Scope

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
APP = "A0123456789"
TEAM, USER = "T0123456789", "U0123456789"
ANSWER_TO = f"https://hooks.slack.com/actions/{TEAM}/1/invented"
APPROVAL = ButtonTarget(
    incident_id="0a1b2c3d4e5f",
    plan_hash="ab" * 32,
    scope=Scope("aws", "111122223333", "eu-central-1", "d1a2b3c4d5e6f7", "feature/søk#1"),
    expires_at=int(NOW.timestamp()) + 3600,
)
BLOCKS = [
    {"type": "header", "block_id": "x", "text": {"type": "plain_text", "text": "🟠 shop / main"}},
    {"type": "actions", "block_id": BUTTONS, "elements": []},
    {"type": "divider", "block_id": "y"},
]


def payload(**changes: Any) -> dict[str, Any]:
    action = {
        "type": "button",
        "action_id": ACTION_IDS[Button.APPROVE],
        "block_id": BUTTONS,
        "value": button_value(APPROVAL),
    }
    fields: dict[str, Any] = {
        "type": "block_actions",
        "api_app_id": APP,
        "team": {"id": TEAM, "domain": "acme"},
        "user": {"id": USER, "username": "ada", "team_id": TEAM},
        "actions": [action],
        "response_url": ANSWER_TO,
        "message": {"ts": "1700000000.000001", "text": "…", "blocks": BLOCKS},
        **changes,
    }
    return fields


def body(of: dict[str, Any] | None = None) -> bytes:
    return urlencode({"payload": json.dumps(payload() if of is None else of)}).encode()


def signed(raw: bytes, *, at: float | None = None, secret: str = SIGNING_SECRET) -> dict[str, str]:
    timestamp = str(int(NOW.timestamp() if at is None else at))
    digest = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + raw, hashlib.sha256).hexdigest()
    return {"x-slack-request-timestamp": timestamp, "x-slack-signature": f"v0={digest}"}


def request(raw: bytes | None = None, headers: dict[str, str] | None = None, *, encoded: bool = True) -> dict[str, Any]:
    """A function URL's event. Form bodies arrive in base64."""
    raw = body() if raw is None else raw
    text = base64.b64encode(raw).decode() if encoded else raw.decode()
    return {
        "version": "2.0",
        "requestContext": {"http": {"method": "POST", "path": "/"}},
        "headers": {
            "content-type": "application/x-www-form-urlencoded",
            **(signed(raw) if headers is None else headers),
        },
        "body": text,
        "isBase64Encoded": encoded,
    }
