"""A sample alert on every channel, to see that each of them works before one is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.alerts.delivery import deliver
from medic.alerts.model import Alert, AlertKind

if TYPE_CHECKING:
    from collections.abc import Collection

    from medic.alerts.delivery import Channel
    from medic.events import Scope


def send_sample(scope: Scope, channels: Collection[Channel]) -> list[dict[str, object]]:
    """Send a marked sample; for each channel its `name`, whether it is `ok`, and the `detail` of what went wrong."""
    sample = Alert(
        kind=AlertKind.DIAGNOSIS,
        incident_id="sample",
        title="This is a test of Amplify Medic's alerts: nothing happened",
        summary=(f"Sent from account {scope.account}, region {scope.region}, because somebody asked for it.",),
        facts=(),
    )
    answers: list[dict[str, object]] = []
    for channel in channels:
        delivery = deliver(sample, (channel,), (), "sample")
        answers.append(
            {"name": channel.name, "ok": not delivery.failures, "detail": "; ".join(delivery.failures) or "sent"}
        )
    return answers
