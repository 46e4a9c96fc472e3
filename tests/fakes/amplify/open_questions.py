"""Open questions: behaviour of Amplify that AWS does not document. A test can set each answer.

`pytest --amplify-answers FILE` replaces the defaults by what `medic doctor --live` measured.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_type_hints

from tests.fakes.amplify.choices import check_choice

ANSWERS_VARIABLE = "AMPLIFY_ANSWERS"
"""The environment variable with the path of a file of measured answers. The emulator's process inherits it."""
REPORTED = frozenset(
    {
        *("retry_of_succeeded", "log_stream_names", "app_role_at_runtime", "log_body", "log_url", "unset_members"),
        *("active_job_id", "event_lost"),
    }
)
"""Questions whose default AWS documents or a public transcript shows. All other defaults are guesses."""


@dataclass(frozen=True, slots=True)
class OpenQuestions:
    """One answer to each open question.

    The defaults are the answers that public reports support best;
    those outside of `REPORTED` are guesses.

    Attributes:
        compute_source_conditions: Which of aws:SourceAccount and aws:SourceArn Amplify sends when it tries a compute
            role at attach: none (`refused`), the account alone, or both (`accepted`).
        empty_compute_role: What UpdateBranch and UpdateApp do with `computeRoleArn: ""`.
        retry_job_id: Whether StartJob RETRY creates a new job or runs the old one again under its id.
        retry_of_succeeded: Whether a job that succeeded can be retried.
        app_tags_on_branches: Whether a branch shows the tags of its app in addition to its own.
        log_stream_names: Whether stream names in the SSR runtime's log group contain the branch.
        compute_role_on_web: Whether an app of platform WEB accepts a compute role.
        app_role_at_runtime: Whether a role set on the app reaches the SSR runtime of its branches.
        first_attach: Whether a branch deployed without a compute role uses one immediately, or after a deployment.
        log_body: How a build log is stored: as text, as a gzip file, or as text with Content-Encoding gzip.
        log_url: Whether steps contain the URL of their log.
        status_reason: Whether a failed step contains the reason.
        unset_members: Whether members that were never set are omitted, although the service model requires them.
            Public transcripts of create-app, create-branch and start-deployment omit them.
        active_job_id: Whether a branch's activeJobId is zero-padded to ten digits, as one public transcript shows.
        branch_arn: Whether the ARN of a branch contains its name as it is, or percent-encoded.
        status_lags: Whether GetJob and ListJobs show a job as RUNNING for two more minutes after its last event.
        log_lags: Whether the URL of a build log answers NoSuchKey for two minutes after the last event.
        event_lost: Whether EventBridge loses the events, which it delivers on a best-effort basis.
        total_number_of_jobs: Whether a branch's totalNumberOfJobs counts the running jobs or all of them.
        ssr_logs_without_permission: Whether SSR code is logged although its compute role lacks logs:PutLogEvents.
    """

    compute_source_conditions: Literal["refused", "account_only", "accepted"] = "refused"
    empty_compute_role: Literal["detaches", "refused", "ignored"] = "detaches"
    retry_job_id: Literal["new", "same"] = "new"
    retry_of_succeeded: Literal["accepted", "refused"] = "accepted"
    app_tags_on_branches: Literal["own", "inherited"] = "own"
    log_stream_names: Literal["branch", "opaque"] = "branch"
    compute_role_on_web: Literal["accepted", "refused"] = "accepted"
    app_role_at_runtime: Literal["effective", "ignored"] = "effective"
    first_attach: Literal["immediate", "needs_redeploy"] = "immediate"
    log_body: Literal["plain", "gzip", "gzip_encoded"] = "plain"
    log_url: Literal["present", "absent"] = "present"
    status_reason: Literal["present", "absent"] = "absent"
    unset_members: Literal["omitted", "present"] = "omitted"
    active_job_id: Literal["padded", "plain"] = "padded"
    branch_arn: Literal["raw", "encoded"] = "raw"
    status_lags: Literal["no", "yes"] = "no"
    log_lags: Literal["no", "yes"] = "no"
    event_lost: Literal["no", "yes"] = "no"
    total_number_of_jobs: Literal["running", "all"] = "running"
    ssr_logs_without_permission: Literal["written", "missing"] = "written"

    def __post_init__(self) -> None:
        for question, answers in _possible_answers().items():
            check_choice(question, getattr(self, question), answers)


@cache
def _possible_answers() -> dict[str, Any]:
    """The answers that each question may have."""
    return get_type_hints(OpenQuestions)


def as_measured(**changes: str) -> OpenQuestions:
    """The answers that this run was given, with a test's own changes. What was not measured has its default."""
    path = os.environ.get(ANSWERS_VARIABLE)
    return replace(OpenQuestions(**_read(path)) if path else OpenQuestions(), **changes)  # type: ignore[arg-type]


def guesses() -> frozenset[str]:
    """The questions that neither a report nor this run's measurement answers."""
    path = os.environ.get(ANSWERS_VARIABLE)
    return frozenset(each.name for each in fields(OpenQuestions)) - REPORTED - (_read(path) if path else {}).keys()


@cache
def _read(path: str) -> dict[str, Any]:
    """The answers in a file. A question without an answer is left out; an unknown one raises TypeError."""
    answers: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))["answers"]
    return {question: answer for question, answer in answers.items() if answer is not None}
