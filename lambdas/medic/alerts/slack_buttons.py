"""The value of an approval button: written as JSON into the alert, and read back strictly when somebody clicks."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from medic.alerts.model import Approval
from medic.arns import APP_ID

if TYPE_CHECKING:
    from collections.abc import Mapping

BUTTONS = "amplify_medic_approval"
"""The id of the block with the buttons. A click replaces this block."""
APPROVE = "amplify_medic_approve"
DISMISS = "amplify_medic_dismiss"

_VERSION = 1
_MAX_BRANCH = 255
_PATTERNS = {
    "incident": re.compile(r"[0-9a-f]{12}"),
    "plan": re.compile(r"[0-9a-f]{64}"),
    "partition": re.compile(r"aws[a-z-]{0,20}"),
    "account": re.compile(r"[0-9]{12}"),
    "region": re.compile(r"[a-z0-9-]{1,32}"),
    "app": APP_ID,
    "branch": re.compile(rf"(?s:.{{1,{_MAX_BRANCH}}})"),
}


class ButtonError(ValueError):
    """The button's value is not one that `button_value` writes."""


def button_value(approval: Approval) -> str:
    fields = {
        "v": _VERSION,
        "incident": approval.incident_id,
        "plan": approval.plan_hash,
        "partition": approval.partition,
        "account": approval.account,
        "region": approval.region,
        "app": approval.app_id,
        "branch": approval.branch,
        "until": approval.expires_at,
    }
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False)


def read_button_value(value: str) -> Approval:
    """The approval in a button's value.

    Raises:
        ButtonError: a field is missing, unknown, malformed or of another version.
    """
    try:
        fields = json.loads(value)
    except ValueError as error:
        raise ButtonError("the button's value is not JSON") from error
    if not isinstance(fields, dict) or fields.keys() != {"v", "until", *_PATTERNS}:
        raise ButtonError("the button's value does not have the fields of an approval")
    until = fields["until"]
    if fields["v"] != _VERSION or not isinstance(until, int) or isinstance(until, bool):
        raise ButtonError("the button's value has another version or no expiry time")
    texts = _texts(fields)
    return Approval(
        incident_id=texts["incident"],
        plan_hash=texts["plan"],
        partition=texts["partition"],
        account=texts["account"],
        region=texts["region"],
        app_id=texts["app"],
        branch=texts["branch"],
        expires_at=until,
    )


def _texts(fields: Mapping[str, object]) -> dict[str, str]:
    texts = {}
    for name, pattern in _PATTERNS.items():
        text = fields[name]
        if not isinstance(text, str) or not pattern.fullmatch(text):
            raise ButtonError(f"the button's {name} is invalid")
        texts[name] = text
    return texts
