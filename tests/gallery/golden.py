"""Each kind of alert as every channel gets it, kept as a file: a change of a word shows in review."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from medic.alerts.event_bus import detail_of, detail_types
from medic.alerts.slack import render_slack
from medic.alerts.sns import envelope, render_text, subject

if TYPE_CHECKING:
    from medic.alerts.model import Alert

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "data" / "alerts"


def golden_path(alert: Alert) -> Path:
    """The file that keeps a kind of alert."""
    return GOLDEN / f"{alert.kind.value}.json"


def rendered(alert: Alert) -> str:
    """The alert on every channel, as JSON."""
    channels = {
        "slack": render_slack(alert, buttons=True),
        "subject": subject(alert),
        "email": render_text(alert).splitlines(),
        "amazon_q": json.loads(envelope(alert)),
        "events": list(detail_types(alert)),
        "detail": json.loads(detail_of(alert)) if detail_types(alert) else None,
    }
    return json.dumps(channels, indent=1, ensure_ascii=False) + "\n"
