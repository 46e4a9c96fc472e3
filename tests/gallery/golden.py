"""Golden files: each kind of alert in the format of every channel, so that a review shows every changed word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from medic.alerts.event_bus import detail_of, detail_types_of
from medic.alerts.slack import render_brief, render_detail, render_for_webhook
from medic.alerts.sns import amazon_q_notification, render_text, subject

if TYPE_CHECKING:
    from medic.alerts.model import Alert

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "data" / "alerts"


def golden_path(name: str) -> Path:
    return GOLDEN / f"{name}.json"


def rendered(alert: Alert) -> str:
    """The alert in the format of every channel, as the JSON text of a golden file."""
    attachments = render_for_webhook(alert).get("attachments", [])
    channels = {
        "slack": render_brief(alert, buttons=True),
        "thread": render_detail(alert)["blocks"] if alert.has_detail else [],
        "webhook_attachment": [line for each in attachments for line in each["text"].splitlines()],
        "subject": subject(alert),
        "email": render_text(alert).splitlines(),
        "amazon_q": json.loads(amazon_q_notification(alert)),
        "events": list(detail_types_of(alert)),
        "detail": json.loads(detail_of(alert)) if detail_types_of(alert) else None,
    }
    return json.dumps(channels, indent=1, ensure_ascii=False) + "\n"
