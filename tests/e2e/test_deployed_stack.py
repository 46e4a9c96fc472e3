"""The deployed stack under repetition, malformed input and faults."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.cli.support import medic, valid

if TYPE_CHECKING:
    from demo.stage import Stage
    from tests.e2e.queues import Queues

OPTED_IN = {"amplify-medic:auto-fix": "fix"}


def failed_event(app_id: str, job_id: str, **changes: Any) -> dict[str, Any]:
    """The event of a failed job, as EventBridge sends it to the function."""
    detail = {"appId": app_id, "branchName": "main", "jobId": job_id, "jobStatus": "FAILED"}
    return {
        "version": "0",
        "id": "3b0a98b1-2e98-5af5-f0c6-1510101e8362",
        "detail-type": "Amplify Deployment Status Change",
        "source": "aws.amplify",
        "account": "000000000000",
        "time": "2026-11-22T12:00:00Z",
        "region": "eu-central-1",
        "resources": [f"arn:aws:amplify:eu-central-1:000000000000:apps/{app_id}/branches/main/jobs/{int(job_id):010d}"],
        "detail": detail,
        **changes,
    }


def test_an_event_delivered_many_times_causes_one_update_and_one_alert(stage: Stage, queues: Queues) -> None:
    app_id = stage.make_app("often", OPTED_IN)
    stage.cloud.control("set_connection", app_id, "lost")
    job_id = stage.build(app_id)
    stage.next_alert(app_id, containing="(read back)")
    for _ in range(5):
        queues.send(failed_event(app_id, job_id))
    queues.wait_until_empty()
    (write,) = stage.writes(app_id)
    assert write["body"] == {"computeRoleArn": stage.outputs["DefaultComputeRoleArn"]}
    assert len(stage.alerts(app_id)) == 1


def test_malformed_events_are_dropped_with_one_log_line(stage: Stage, queues: Queues) -> None:
    for reason, event in {
        "source is 'aws.codebuild'": failed_event("d0malformed1", "1", source="aws.codebuild"),
        "account is '999999999999'": failed_event("d0malformed1", "1", account="999999999999"),
        "detail is missing": failed_event("d0malformed1", "1", detail=None),
        "not one of FAILED": failed_event(
            "d0malformed1", "1", detail={**failed_event("d0m", "1")["detail"], "jobStatus": "?"}
        ),
    }.items():
        queues.send(event)
        words = "detail is NoneType" if reason == "detail is missing" else reason
        stage.log_line("EventMalformed", words)


def test_a_failure_is_diagnosed_although_aws_throttles_for_several_runs(stage: Stage, queues: Queues) -> None:
    app_id = stage.make_app("throttled", {})
    stage.cloud.control("set_connection", app_id, "lost")
    throttle(stage, app_id, runs=4)
    stage.build(app_id)
    stage.next_alert(app_id, containing="lost its connection to the repository")
    retries = [line for line in stage.own_log() if "MessageRetried" in line and app_id in line]
    assert len(retries) == 4
    assert queues.dead_letters() == []


def throttle(stage: Stage, app_id: str, *, runs: int) -> None:
    """Let every read of the app's jobs fail in the next runs. A run tries a call three times."""
    for call in range(1, 3 * runs + 1):
        stage.cloud.control("fail_call", "GetJob", "throttle", call, app_id)


@pytest.mark.usefixtures("_operator")
def test_a_message_that_fails_every_time_becomes_a_dead_letter_and_can_be_replayed(
    stage: Stage, queues: Queues
) -> None:
    app_id = stage.make_app("exhausted", {})
    stage.cloud.control("set_connection", app_id, "lost")
    throttle(stage, app_id, runs=3)
    with queues.changed(receives=3):
        job_id = stage.build(app_id)
        (dead,) = stage.wait_for("the dead letter", lambda: queues.dead_letters() or None)
    assert (dead["detail"]["appId"], dead["detail"]["jobId"]) == (app_id, job_id)
    assert stage.alerts(app_id) == []

    assert valid("replay-dlq", medic("replay-dlq", "--yes", "--json").stdout) == {
        "schema": 1,
        "waiting": 1,
        "replayed": True,
    }
    stage.next_alert(app_id, containing="lost its connection to the repository")
    assert queues.dead_letters() == []


def test_ten_thousand_lines_in_an_ssr_log_cause_one_incident_and_one_alert(stage: Stage) -> None:
    stage.cloud.control("set_clock_right")
    app_id = stage.make_app("burst", {})
    stage.build(app_id)
    for wording in ("node_error", "nuxt", "astro", "sveltekit", "remix"):
        stage.cloud.control("request", app_id, "main", wording)
    _repeat_log_lines(stage, f"/aws/amplify/{app_id}", 10_000)
    for _ in range(3):
        stage.run_watcher()
    alert = stage.next_alert(app_id, containing="SSR code had no AWS credentials")
    assert "No compute role is set on branch or app" in alert
    assert len(stage.alerts(app_id)) == 1
    assert stage.writes(app_id) == []


def _repeat_log_lines(stage: Stage, group: str, count: int) -> None:
    """Repeat the lines of a log group until `count` lines are written, as if visitors kept retrying."""
    logs = stage.cloud.client("logs")
    events = logs.filter_log_events(logGroupName=group)["events"]
    now = max(event["timestamp"] for event in events)
    again = [{"timestamp": now, "message": event["message"]} for event, _ in zip(cycle(events), range(count))]
    for at in range(0, count, 1000):
        logs.put_log_events(
            logGroupName=group, logStreamName=events[0]["logStreamName"], logEvents=again[at : at + 1000]
        )
