"""Some of the single faults again, on the deployed stack with real timeouts and Lambda's own retries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from demo.stage import Stage

FIX_AND_REBUILD = {"amplify-medic:auto-fix": "fix", "amplify-medic:rebuild": "yes"}
FAULTS = [
    # operation, fault, and the number of the call that fails; the test itself makes the first StartJob
    # A write that fails with a server error is continued by the watcher three minutes later: tests/faults plays that.
    pytest.param("UpdateBranch", "throttle", 1, id="a write is throttled"),
    pytest.param("UpdateBranch", "timeout_after_effect", 1, id="the answer of a write is lost"),
    pytest.param("StartJob", "timeout_after_effect", 2, id="the answer of a rebuild is lost"),
]


@pytest.mark.parametrize(("operation", "fault", "nth"), FAULTS)
def test_a_branch_is_changed_and_rebuilt_once_though_one_call_fails(
    stage: Stage, operation: str, fault: str, nth: int
) -> None:
    app_id = stage.make_app(f"struck-{operation.lower()}-{fault.replace('_', '-')}", FIX_AND_REBUILD)
    stage.cloud.control("set_connection", app_id, "lost")
    stage.cloud.control("fail_call", operation, fault, nth)
    stage.build(app_id)
    stage.next_alert(app_id, containing="job 1 is retried next")
    assert stage.branch(app_id)["computeRoleArn"] == stage.outputs["DefaultComputeRoleArn"]
    effective = [write for write in stage.writes(app_id) if list(write["body"]) == ["computeRoleArn"]]
    assert len(effective) == len(stage.writes(app_id)) <= 2

    def job_types() -> list[str] | None:
        jobs = stage.cloud.client("amplify").list_jobs(appId=app_id, branchName="main")["jobSummaries"]
        types = sorted(job["jobType"] for job in jobs)
        return types if "RETRY" in types else None

    assert stage.wait_for("the rebuild, which follows the alert", job_types) == ["RELEASE", "RETRY"]
