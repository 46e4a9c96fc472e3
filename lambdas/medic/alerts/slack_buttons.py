"""The buttons of an alert. Their value is JSON, which is read back strictly when somebody clicks."""

from __future__ import annotations

import json
import re

from msgspec.structs import astuple

from medic.alerts.model import Button, ButtonTarget
from medic.arns import APP_ID
from medic.events import Scope

BUTTONS = "amplify_medic_buttons"
"""The id of the block with the buttons."""
ACTION_IDS = {button: f"amplify_medic_{button}" for button in Button}
LABELS = {Button.APPROVE: "Approve", Button.DISMISS: "Dismiss", Button.UNDO: "Undo", Button.MUTE: "Mute 2 h"}

_VERSION = 2
_PATTERNS = {
    "incident": re.compile(r"[0-9a-f]{12}"),
    "plan": re.compile(r"(?:[0-9a-f]{64})?"),
    "partition": re.compile(r"aws[a-z-]{0,20}"),
    "account": re.compile(r"[0-9]{12}"),
    "region": re.compile(r"[a-z0-9-]{1,32}"),
    "app": APP_ID,
    "branch": re.compile(r"(?s:.{1,255})"),
}
"""The texts of the value, in the order of the fields of a button's target and its scope."""


class ButtonError(ValueError):
    """The button's value is not one that `button_value` writes."""


def button_value(target: ButtonTarget) -> str:
    texts = (target.incident_id, target.plan_hash, *astuple(target.scope))
    fields = {"v": _VERSION, **dict(zip(_PATTERNS, texts, strict=True)), "until": target.expires_at}
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False)


def read_button_value(value: str) -> ButtonTarget:
    """What a button is about, from its value.

    Raises:
        ButtonError: a field is missing, unknown, malformed or of another version.
    """
    try:
        fields = json.loads(value)
    except ValueError as error:
        raise ButtonError("the button's value is not JSON") from error
    if not isinstance(fields, dict) or fields.keys() != {"v", "until", *_PATTERNS}:
        raise ButtonError("the button's value does not have the fields of a button")
    until = fields["until"]
    if fields["v"] != _VERSION or not isinstance(until, int) or isinstance(until, bool):
        raise ButtonError("the button's value has another version or no expiry time")
    for name, pattern in _PATTERNS.items():
        if not isinstance(fields[name], str) or not pattern.fullmatch(fields[name]):
            raise ButtonError(f"the button's {name} is invalid")
    incident_id, plan_hash, *scope = (fields[name] for name in _PATTERNS)
    return ButtonTarget(incident_id, plan_hash, Scope(*scope), until)
