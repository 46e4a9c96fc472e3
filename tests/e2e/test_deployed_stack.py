"""The deployed stack under repetition, malformed input and faults."""

from __future__ import annotations

import json
from itertools import cycle
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from demo.stage import Stage

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


def invoke(stage: Stage, event: object) -> dict[str, Any]:
    """Invoke the function with one event and wait for the result."""
    answer = stage.cloud.client("lambda").invoke(
        FunctionName=stage.outputs["RemediatorFunctionName"], Payload=json.dumps(event).encode()
    )
    return {"error": answer.get("FunctionError"), "payload": answer["Payload"].read().decode()}


def test_an_event_delivered_many_times_causes_one_update_and_one_alert(stage: Stage) -> None:
    app_id = stage.make_app("often", OPTED_IN)
    stage.cloud.control("set_connection", app_id, "lost")
    job_id = stage.build(app_id)
    stage.next_alert(app_id, containing="(read back)")
    for _ in range(5):
        assert invoke(stage, failed_event(app_id, job_id))["error"] is None
    (write,) = stage.writes(app_id)
    assert write["body"] == {"computeRoleArn": stage.outputs["DefaultComputeRoleArn"]}
    assert len(stage.alerts(app_id)) == 1


def test_malformed_events_are_dropped_with_one_log_line_and_one_metric(stage: Stage) -> None:
    for reason, event in {
        "source is 'aws.codebuild'": failed_event("d0malformed1", "1", source="aws.codebuild"),
        "account is '999999999999'": failed_event("d0malformed1", "1", account="999999999999"),
        "detail is missing": failed_event("d0malformed1", "1", detail=None),
        "not one of FAILED": failed_event(
            "d0malformed1", "1", detail={**failed_event("d0m", "1")["detail"], "jobStatus": "?"}
        ),
    }.items():
        assert invoke(stage, event)["error"] is None
        words = "detail is NoneType" if reason == "detail is missing" else reason
        stage.log_line("EventMalformed", words)
    assert stage.log_line("EventMalformed", "_aws", "AmplifyMedic")


def test_a_throttled_call_is_retried(stage: Stage) -> None:
    app_id = stage.make_app("throttled", {})
    stage.cloud.control("set_connection", app_id, "lost")
    stage.cloud.control("fail_call", "GetApp", "throttle", 1)
    stage.build(app_id)
    stage.next_alert(app_id, containing="its trust was checked and is right")


def test_an_event_that_fails_on_every_run_reaches_the_dead_letter_queue(stage: Stage) -> None:
    app_id = stage.make_app("exhausted", {})
    stage.cloud.control("set_connection", app_id, "lost")
    for call in range(1, 10):  # three runs of three attempts each
        stage.cloud.control("fail_call", "GetJob", "throttle", call, app_id)
    job_id = stage.build(app_id)
    sqs, url = stage.cloud.client("sqs"), stage.outputs["FailedRunsQueueUrl"]

    def failed_run() -> dict[str, Any] | None:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            record: dict[str, Any] = json.loads(message["Body"])
            if record["requestPayload"]["detail"]["appId"] == app_id:
                return record
        return None

    record = stage.wait_for("the failed run in its queue", failed_run)
    assert record["requestPayload"]["detail"]["jobId"] == job_id
    assert stage.alerts(app_id) == []


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
