"""A burst of failures on the emulator: all settled, nothing left in a queue, and one alert that tells of it all."""

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
    from contextlib import AbstractContextManager

    from demo.stage import Stage

APPS = 20
AT_A_TIME = 12
PATIENCE = 300.0
"""Seconds without any progress: retries and the watcher have had their turn by then."""
RETRY_SECONDS = 30.0
"""Half of AWS's minute: a retry has to outlive the lease of the run before it."""
_QUEUES = ("UndeliveredEventsQueueUrl", "FailedRunsQueueUrl", "WatcherFailedRunsQueueUrl")
_STORM = "IAM failures and counting"
"""What the title of a storm's alert says."""


def burst(events: int) -> list[Measured]:
    """Break so many branches at once; wait until every one has its incident, told of by itself or by the storm."""
    with tempfile.TemporaryDirectory() as folder, _stage(Path(folder)) as stage:
        begun = time.monotonic()
        settled = _play(stage, events)
        taken = time.monotonic() - begun
        kept = sum(_messages(stage, name) for name in _QUEUES)
        storms, others = _alerts(stage)
    return [
        Measured(
            what=f"A burst of {events} failures on the emulator: settled",
            budget=f"{events}, none in a queue",
            seen=f"{settled}, {kept} in queues",
            met=settled == events and kept == 0,
            note=f"in {taken:.0f} s by the clock, {AT_A_TIME} at a time: the emulator starts a process for each",
        ),
        Measured(
            what="Storm alerts in that burst",
            budget="1",
            seen=str(storms),
            met=storms == 1,
            note=f"besides {others} alerts on single incidents from before the storm was noticed",
        ),
    ]


def _stage(folder: Path) -> AbstractContextManager[Stage]:
    return open_stage(folder, Narrator(StringIO()), retry_seconds=RETRY_SECONDS)


def _play(stage: Stage, events: int) -> int:
    """Break branch after branch, so many at a time, until all are settled or nothing moves any more; how many are."""
    apps = [stage.make_app(f"burst-{number}", {}) for number in range(APPS)]
    for app_id in apps:
        stage.cloud.control("set_connection", app_id, "lost")
    amplify = stage.cloud.client("amplify")
    sent = settled = 0
    moved = time.monotonic()
    while settled < events and time.monotonic() - moved < PATIENCE:
        while sent < min(events, settled + AT_A_TIME):
            app_id, branch = apps[sent % APPS], f"b{sent // APPS}"
            amplify.create_branch(appId=app_id, branchName=branch, stage="PRODUCTION")
            amplify.start_job(appId=app_id, branchName=branch, jobType="RELEASE")
            sent += 1
        time.sleep(1)
        seen = sum(map(_settled, _records(stage)))
        if seen != settled:
            settled, moved = seen, time.monotonic()
    return settled


def _records(stage: Stage) -> Iterator[dict[str, Any]]:
    pages = stage.cloud.client("dynamodb").get_paginator("scan").paginate(TableName=stage.outputs["IncidentsTableName"])
    for page in pages:
        yield from (item for item in page["Items"] if item["pk"]["S"].startswith(f"{BRANCH}#"))


def _settled(item: dict[str, Any]) -> bool:
    """A branch's record, with an incident that nobody has yet to be told of."""
    branch = item["pk"]["S"].rpartition("#")[2]
    incidents = json.loads(item.get("incidents", {}).get("S", "[]"))
    return branch != "*" and bool(incidents) and all(not incident.get("alert_due") for incident in incidents)


def _messages(stage: Stage, output: str) -> int:
    wanted = ["ApproximateNumberOfMessages"]
    sqs = stage.cloud.client("sqs")
    answer = sqs.get_queue_attributes(QueueUrl=stage.outputs[output], AttributeNames=wanted)
    return int(answer["Attributes"][wanted[0]])


def _alerts(stage: Stage) -> tuple[int, int]:
    """How many Slack alerts tell of the storm, and how many do not."""
    said = [json.dumps(post.body, ensure_ascii=False) for post in stage.slack.posts]
    storms = sum(_STORM in one for one in said)
    return storms, len(said) - storms
