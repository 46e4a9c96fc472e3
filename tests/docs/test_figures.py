"""The figures that the pages give are those of the code."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from infra.function import TIMEOUT
from medic.incidents.model import DEADLINES, QUIET_PERIOD, IncidentState
from medic.incidents.requests import APPROVAL_VALID_FOR, SLACK_MUTE
from medic.incidents.store import RETENTION
from medic.incidents.table import LEASE
from medic.queue import MAX_RECEIVES
from medic.telemetry import LONGEST_RETRY
from medic.watch.cursor import BOOST_DURATION, LATE_INTERVAL, LATEST, OVERLAP

ROOT = Path(__file__).parents[2]
TIME_OUT = timedelta(seconds=TIMEOUT.to_seconds())
WEEK, DAY, HOUR, MINUTE, SECOND = (timedelta(**{unit: 1}) for unit in ("weeks", "days", "hours", "minutes", "seconds"))


@pytest.mark.parametrize(
    ("page", "said", "value", "means"),
    [
        ("README.md", "waits 24 hours for an approval", DEADLINES[IncidentState.AWAITING_APPROVAL], DAY),
        ("docs/architecture.md", "after 30 tries", MAX_RECEIVES, 30),
        ("docs/architecture.md", "The lock lasts 120 seconds", LEASE, 120 * SECOND),
        ("docs/architecture.md", "the function's time-out is 90", TIME_OUT, 90 * SECOND),
        ("docs/architecture.md", "starts ten minutes before the end", OVERLAP, 10 * MINUTE),
        (
            "docs/architecture.md",
            "Every 15 minutes the last six hours",
            (LATE_INTERVAL, LATEST),
            (15 * MINUTE, 6 * HOUR),
        ),
        ("docs/architecture.md", "every minute, for half an hour", BOOST_DURATION, 30 * MINUTE),
        ("docs/protocol.md", "A lease (120 s) outlives its run (90 s)", (LEASE, TIME_OUT), (120 * SECOND, 90 * SECOND)),
        ("docs/protocol.md", "the watcher after three hours", DEADLINES[IncidentState.REBUILDING], 3 * HOUR),
        ("docs/runbook.md", "failed 30 times", MAX_RECEIVES, 30),
        ("docs/runbook.md", "its time-out (90 s", TIME_OUT, 90 * SECOND),
        ("docs/runbook.md", "has failed for half an hour", LONGEST_RETRY, 30 * MINUTE),
        ("docs/runbook.md", "No approval in 24 hours", DEADLINES[IncidentState.AWAITING_APPROVAL], DAY),
        ("docs/runbook.md", "no news in seven days", DEADLINES[IncidentState.OPEN], WEEK),
        ("docs/runbook.md", "for an hour without the error", QUIET_PERIOD, HOUR),
        ("docs/settings.md", "after one hour with traffic", QUIET_PERIOD, HOUR),
        ("docs/slack.md", "once, for 24 hours", APPROVAL_VALID_FOR, DAY),
        ("docs/slack.md", "Mute 2 h", SLACK_MUTE, 2 * HOUR),
        ("docs/threat-model.md", "90 days after the last write", RETENTION, 90 * DAY),
    ],
)
def test_a_figure_is_that_of_the_code(page: str, said: str, value: object, means: object) -> None:
    assert said in " ".join((ROOT / page).read_text(encoding="utf-8").split())
    assert value == means
