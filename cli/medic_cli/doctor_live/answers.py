"""The types of the file with the answers, and of `medic doctor --live --json`.

`python -m tests.schemas` generates docs/schemas from them. The questions have the names of the fake's switches.
"""

from typing import Annotated, Literal, TypedDict

from medic.alerts.json_types import Keywords, Text, Time

Seconds = Annotated[float | None, Keywords(minimum=0)]
YesNo = Literal["no", "yes"] | None


class AmplifyAnswersJson(TypedDict):
    """One answer to each question; null if the run could not tell."""

    compute_source_conditions: Literal["refused", "account_only", "accepted"] | None
    """Whether UpdateBranch accepts a compute role whose trust requires aws:SourceAccount, or aws:SourceArn too."""
    empty_compute_role: Literal["detaches", "refused", "ignored"] | None
    """What UpdateBranch does with an empty computeRoleArn."""
    retry_job_id: Literal["new", "same"] | None
    """The id of the job that StartJob RETRY starts."""
    retry_of_succeeded: Literal["accepted", "refused"] | None
    """Whether a job that succeeded can be retried."""
    app_tags_on_branches: Literal["own", "inherited"] | None
    """Whether a new branch shows the tags of its app."""
    log_stream_names: Literal["branch", "opaque"] | None
    """Whether the streams of the SSR log begin with the branch."""
    first_attach: Literal["immediate", "needs_redeploy"] | None
    """Whether a running branch uses its first compute role at once, or after a deployment."""
    log_body: Literal["plain", "gzip", "gzip_encoded"] | None
    """How a build log is stored."""
    log_url: Literal["present", "absent"] | None
    """Whether the BUILD step names the URL of its log."""
    status_reason: Literal["present", "absent"] | None
    """Whether the failed step says why."""
    unset_members: Literal["omitted", "present"] | None
    """Whether a branch shows members that were never set."""
    active_job_id: Literal["padded", "plain"] | None
    """Whether activeJobId is zero-padded."""
    branch_arn: Literal["raw", "encoded"] | None
    """Whether branchArn holds a slash in the branch's name as %2F."""
    total_number_of_jobs: Literal["running", "all"] | None
    """What totalNumberOfJobs of a branch counts."""
    ssr_logs_without_permission: Literal["written", "missing"] | None
    """Whether SSR code with a compute role that lacks logs:* still gets its log."""
    status_lags: YesNo
    """Whether GetJob still showed a job as running after the event of its end."""
    log_lags: YesNo
    """Whether the log was not there yet when GetJob first showed the end. Null if GetJob itself lagged."""
    event_lost: YesNo
    """Whether the event of a job's end did not come."""


class LagsJson(TypedDict):
    """The longest waits of the run."""

    event_to_status: Seconds
    """From the event of a job's end to the first GetJob that showed it."""
    status_to_log: Seconds
    """From that GetJob to the first answer with the log."""


class MedicVersionsJson(TypedDict):
    medic: Text
    botocore: Text


class AnswersFile(TypedDict):
    schema: Literal[1]
    measured_at: Time
    region: Text
    versions: MedicVersionsJson
    answers: AmplifyAnswersJson
    lags: LagsJson
    texts: dict[str, str]
    """What AWS said literally: the reason of the failed step, a stream's name. Ids are replaced."""
    unanswered: dict[str, str]
    """Why a question has no answer."""


class PromiseJson(TypedDict):
    promise: Text
    outcome: Literal["pass", "fail", "unknown"]
    evidence: Text


class LiveAnswer(TypedDict):
    schema: Literal[1]
    promises: list[PromiseJson]
    measured: AnswersFile
    not_undone: dict[str, str]
    """What is still there, and why. The journal names it too."""
