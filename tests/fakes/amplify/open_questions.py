"""Open questions: behaviour of Amplify that AWS does not document. A test can set each answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_type_hints

from tests.fakes.amplify.choices import check_choice


@dataclass(frozen=True, slots=True)
class OpenQuestions:
    """One answer to each open question. The defaults are the answers that public reports support best.

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

    def __post_init__(self) -> None:
        for question, answers in get_type_hints(type(self)).items():
            check_choice(question, getattr(self, question), answers)
