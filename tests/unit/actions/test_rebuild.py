"""The rebuild of one recorded job: why it is not started, and which job is it if the answer was lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from medic.actions.rebuild import Jobs, find_rebuild, why_no_rebuild_now
from medic.evidence import Absent, Job, Partial, Present, Unreadable
from medic.records import replace
from tests.unit.actions.role_target import NOW

FAILED = Job("7", "FAILED", "WEB_HOOK", "abc", "Add checkout", NOW - timedelta(minutes=5), NOW, ())
RETRY = replace(FAILED, id="8", status="RUNNING", type="RETRY", started_at=NOW + timedelta(seconds=1), ended_at=None)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, "8"),
        ({"status": "FAILED"}, "8"),
        ({"started_at": None}, "8"),
        ({"id": "10"}, "10"),
        ({"id": "7"}, "7"),
        ({"commit_id": "def"}, None),
        ({"type": "WEB_HOOK"}, None),
        ({"started_at": NOW - timedelta(seconds=2)}, None),
        ({"id": "6"}, None),
    ],
    ids=["retry", "ended", "queued", "later", "same id", "other commit", "push", "before the intent", "older"],
)
def test_a_rebuild_whose_answer_was_lost_is_the_retry_of_the_same_commit(
    changes: dict[str, Any], found: str | None
) -> None:
    jobs: Jobs = Present((replace(RETRY, **changes), FAILED))
    assert find_rebuild(jobs, FAILED, NOW).job_id == found


@pytest.mark.parametrize("jobs", [Unreadable("denied"), Absent("gone"), Partial((FAILED,), "too many pages")])
def test_a_rebuild_is_not_said_to_be_missing_if_the_jobs_can_not_be_read(jobs: Jobs) -> None:
    outcome = find_rebuild(jobs, FAILED, NOW)
    assert (outcome.job_id, outcome.known) == (None, False)
    assert "could" in outcome.detail
    assert find_rebuild(Present((FAILED,)), FAILED, NOW).known


@pytest.mark.parametrize(
    ("jobs", "why"),
    [
        (Present((FAILED,)), None),
        (Present((RETRY, FAILED)), "superseded by job 8, which runs now"),
        (Present((replace(FAILED, id="10"), FAILED)), "superseded by job 10"),
        (Present((replace(RETRY, status="QUEUED"), FAILED)), "superseded by job 8, which runs now"),
        (Present(()), "not rebuilt: ListJobs does not list job 7"),
        (Present((replace(FAILED, id="6"),)), "not rebuilt: ListJobs does not list job 7"),
        (Unreadable("denied"), "not rebuilt: the branch's jobs could not be read: denied"),
    ],
    ids=["newest", "running", "newer", "unknown status", "none listed", "not listed", "unreadable"],
)
def test_a_job_is_only_retried_while_it_is_the_newest(jobs: Jobs, why: str | None) -> None:
    assert why_no_rebuild_now(jobs, FAILED) == why
