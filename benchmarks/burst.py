"""A burst of failures on the emulator: all must be settled, no dead-letter queue used, and one storm alert sent."""

from __future__ import annotations

import json
import tempfile
import time
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measurement import Measured
from demo.narrator import Narrator
from demo.stage import open_stage
from medic.incidents.table import BRANCH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from demo.stage import Stage

APPS = 20
AT_A_TIME = 12
STALLED_SECONDS = 300.0
"""Give up after so long without progress. Retries and the watcher have run by then."""
_QUEUES = ("QueueUrl", "DeadLettersUrl")
_STORM = "apps fail at once"
"""Part of the title of a storm alert."""


def burst(events: int) -> list[Measured]:
    """Break `events` branches. Wait until each has an incident that its own alert or the storm alert reported."""
    with tempfile.TemporaryDirectory() as folder, open_stage(Path(folder), Narrator(StringIO())) as stage:
        start = time.monotonic()
        settled = _play(stage, events)
        seconds = time.monotonic() - start
        queued = sum(_messages(stage, name) for name in _QUEUES)
        storms, others = _alerts(stage)
    return [
        Measured(
            what=f"A burst of {events} failures on the emulator: settled",
            budget=f"{events}, none in a queue",
            seen=f"{settled}, {queued} in queues",
            met=settled == events and queued == 0,
            note=f"in {seconds:.0f} s by the clock, {AT_A_TIME} at a time: the emulator starts a process for each",
        ),
        Measured(
            what="Storm alerts in that burst",
            budget="1",
            seen=str(storms),
            met=storms == 1,
            note=f"besides {others} alerts on single incidents from before the storm was detected",
        ),
    ]


def _play(stage: Stage, events: int) -> int:
    """Break the branches, AT_A_TIME at once, until all are settled or nothing progresses; returns how many settled."""
    apps = [stage.make_app(f"burst-{number}", {}) for number in range(APPS)]
    for app_id in apps:
        stage.cloud.control("set_connection", app_id, "lost")
    amplify = stage.cloud.client("amplify")
    sent = settled = 0
    last_progress = time.monotonic()
    while settled < events and time.monotonic() - last_progress < STALLED_SECONDS:
        while sent < min(events, settled + AT_A_TIME):
            app_id, branch = apps[sent % APPS], f"b{sent // APPS}"
            amplify.create_branch(appId=app_id, branchName=branch, stage="PRODUCTION")
            amplify.start_job(appId=app_id, branchName=branch, jobType="RELEASE")
            sent += 1
        time.sleep(1)
        count = sum(map(_settled, _records(stage)))
        if count != settled:
            settled, last_progress = count, time.monotonic()
    return settled


def _records(stage: Stage) -> Iterator[dict[str, Any]]:
    pages = stage.cloud.client("dynamodb").get_paginator("scan").paginate(TableName=stage.outputs["IncidentsTableName"])
    for page in pages:
        yield from (item for item in page["Items"] if item["pk"]["S"].startswith(f"{BRANCH}#"))


def _settled(item: dict[str, Any]) -> bool:
    """Whether this is a branch's record (`*` is an app's) with incidents and no alert that is due."""
    branch = item["pk"]["S"].rpartition("#")[2]
    incidents = json.loads(item.get("incidents", {}).get("S", "[]"))
    return branch != "*" and bool(incidents) and all(not incident.get("alert_due") for incident in incidents)


def _messages(stage: Stage, output: str) -> int:
    wanted = ["ApproximateNumberOfMessages"]
    sqs = stage.cloud.client("sqs")
    answer = sqs.get_queue_attributes(QueueUrl=stage.outputs[output], AttributeNames=wanted)
    return int(answer["Attributes"][wanted[0]])


def _alerts(stage: Stage) -> tuple[int, int]:
    """How many Slack alerts are about the storm, and how many are not."""
    texts = [json.dumps(post.body, ensure_ascii=False) for post in stage.slack.posts]
    storms = sum(_STORM in text for text in texts)
    return storms, len(texts) - storms
