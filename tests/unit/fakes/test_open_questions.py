"""Every answer to every open question about Amplify, each on a fake that is otherwise unchanged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, get_args, get_type_hints

import pytest
import urllib3
from botocore.exceptions import ClientError
from moto.logs.models import logs_backends

from tests.fakes.amplify.open_questions import ANSWERS_VARIABLE, REPORTED, OpenQuestions, as_measured, guesses
from tests.unit.fakes.conftest import trust_policy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from types_boto3_amplify import AmplifyClient

    from tests.fakes.amplify.moto_adapter import AmplifyOnMoto
    from tests.unit.fakes.conftest import MakeRole

ACCOUNT = {"aws:SourceAccount": "123456789012"}
REFUSED = "BadRequestException"
SOURCE = {"aws:SourceArn": "arn:aws:amplify:eu-central-1:123456789012:apps/*"}


class Stage:
    """An app with a deployed branch. Each method shows how the fake answers one question."""

    def __init__(self, amplify: AmplifyOnMoto, client: AmplifyClient, make_role: MakeRole) -> None:
        self.amplify, self.client, self.make_role = amplify, client, make_role
        self.repository = "https://github.com/acme/shop"
        app = client.create_app(name="shop", platform="WEB_COMPUTE", repository=self.repository, tags={"team": "web"})
        self.app_id = app["app"]["appId"]
        client.create_branch(appId=self.app_id, branchName="main")
        client.start_job(appId=self.app_id, branchName="main", jobType="RELEASE")

    def attach(self, arn: str) -> str:
        try:
            self.client.update_branch(appId=self.app_id, branchName="main", computeRoleArn=arn)
        except ClientError as error:
            return error.response["Error"]["Code"]
        return "attached" if self.branch().get("computeRoleArn") else "detached"

    def branch(self) -> dict[str, object]:
        return dict(self.client.get_branch(appId=self.app_id, branchName="main")["branch"])

    def step(self, job_id: str = "1") -> dict[str, object]:
        return dict(self.client.get_job(appId=self.app_id, branchName="main", jobId=job_id)["job"]["steps"][0])

    def status(self) -> object:
        return self.amplify.control.request(self.app_id, "main")["status"]

    def conditions(self) -> object:
        seen = {}
        for name, condition in {"account": ACCOUNT, "both": {**ACCOUNT, **SOURCE}}.items():
            trust = trust_policy(conditions={"StringLike": condition})
            seen[name] = self.attach(self.make_role(name, trust))
        return seen

    def empty_role(self) -> object:
        self.attach(self.make_role())
        return self.attach("")

    def retry(self) -> object:
        self.amplify.control.script_builds(self.app_id, "main", "npm_failure")
        self.client.start_job(appId=self.app_id, branchName="main", jobType="RELEASE")
        asked = {"appId": self.app_id, "branchName": "main", "jobId": "2"}
        return self.client.start_job(jobType="RETRY", **asked)["jobSummary"]["jobId"]

    def retry_of_succeeded(self) -> object:
        try:
            self.client.start_job(appId=self.app_id, branchName="main", jobType="RETRY", jobId="1")
        except self.client.exceptions.BadRequestException:
            return "refused"
        return "accepted"

    def branch_tags(self) -> object:
        arn = str(self.branch()["branchArn"])
        listed = self.client.list_tags_for_resource(resourceArn=arn)["tags"]
        assert self.branch().get("tags", {}) == listed
        return listed

    def stream_names_branch(self) -> object:
        return "main" in str(self.amplify.control.request(self.app_id, "main")["stream"])

    def role_on_web(self) -> object:
        self.client.update_app(appId=self.app_id, platform="WEB")
        return self.attach(self.make_role())

    def app_role(self) -> object:
        self.client.update_app(appId=self.app_id, computeRoleArn=self.make_role())
        return self.status()

    def first_attach(self) -> object:
        self.attach(self.make_role())
        before = self.status()
        self.client.start_job(appId=self.app_id, branchName="main", jobType="RELEASE")
        return before, self.status()

    def failed_step(self) -> object:
        self.amplify.control.script_builds(self.app_id, "main", "npm_failure")
        self.client.start_job(appId=self.app_id, branchName="main", jobType="RELEASE")
        return "statusReason" in self.step("2")

    def first_log_bytes(self) -> object:
        self.client.start_job(appId=self.app_id, branchName="main", jobType="RELEASE")
        body, encoding = list(self.amplify.fake.state.ports.log_store._bodies.values())[-1]  # type: ignore[attr-defined]
        return body[:2] == b"\x1f\x8b", encoding

    def new_branch_arn(self) -> object:
        app_id, name = self.app_id, "feature/login"
        arn = self.client.create_branch(appId=app_id, branchName=name, tags={"of": "branch"})["branch"]["branchArn"]
        self.client.tag_resource(resourceArn=arn, tags={"more": "tags"})
        tags = self.client.get_branch(appId=app_id, branchName=name)["branch"]["tags"]
        assert tags == {"of": "branch", "more": "tags"}
        return arn.partition("/branches/")[2]

    def statuses_over_time(self) -> object:
        self.client.start_job(appId=self.app_id, branchName="main", jobType="RELEASE")
        before = self._shown_status()
        self.amplify.control.advance(120)
        return before, self._shown_status()

    def _shown_status(self) -> str:
        job = self.client.get_job(appId=self.app_id, branchName="main", jobId="2")["job"]
        listed, *_ = self.client.list_jobs(appId=self.app_id, branchName="main")["jobSummaries"]
        (status,) = {job["summary"]["status"], listed["status"], job["steps"][0]["status"]}
        assert ("endTime" in job["summary"], "logUrl" in job["steps"][0]) == (status != "RUNNING",) * 2
        return status

    def log_over_time(self) -> object:
        self.client.start_job(appId=self.app_id, branchName="main", jobType="RELEASE")
        url = str(self.step("2")["logUrl"])
        before = urllib3.request("GET", url)
        assert before.status == 200 or b"<Code>NoSuchKey</Code>" in before.data
        self.amplify.control.advance(120)
        return before.status, urllib3.request("GET", url).status

    def log_lines_with_a_role(self) -> object:
        self.status()
        self.attach(self.make_role())
        assert self.status() == 200
        backend = logs_backends[self.amplify.account_id][self.amplify.region]
        streams = backend.groups[f"/aws/amplify/{self.app_id}"].streams.values()
        return sum(len(stream.events) for stream in streams)

    def events_of_a_job(self) -> object:
        self.amplify.events.clear()
        self.client.start_job(appId=self.app_id, branchName="main", jobType="RELEASE")
        return [event["detail"]["jobStatus"] for event in self.amplify.events]


CASES: list[tuple[str, str, Callable[[Stage], object], object]] = [
    ("compute_source_conditions", "refused", Stage.conditions, {"account": REFUSED, "both": REFUSED}),
    ("compute_source_conditions", "account_only", Stage.conditions, {"account": "attached", "both": REFUSED}),
    ("compute_source_conditions", "accepted", Stage.conditions, {"account": "attached", "both": "attached"}),
    ("empty_compute_role", "detaches", Stage.empty_role, "detached"),
    ("empty_compute_role", "refused", Stage.empty_role, REFUSED),
    ("empty_compute_role", "ignored", Stage.empty_role, "attached"),
    ("retry_job_id", "new", Stage.retry, "3"),
    ("retry_job_id", "same", Stage.retry, "2"),
    ("retry_of_succeeded", "accepted", Stage.retry_of_succeeded, "accepted"),
    ("retry_of_succeeded", "refused", Stage.retry_of_succeeded, "refused"),
    ("app_tags_on_branches", "own", Stage.branch_tags, {}),
    ("app_tags_on_branches", "inherited", Stage.branch_tags, {"team": "web"}),
    ("log_stream_names", "branch", Stage.stream_names_branch, True),
    ("log_stream_names", "opaque", Stage.stream_names_branch, False),
    ("compute_role_on_web", "accepted", Stage.role_on_web, "attached"),
    ("compute_role_on_web", "refused", Stage.role_on_web, REFUSED),
    ("app_role_at_runtime", "effective", Stage.app_role, 200),
    ("app_role_at_runtime", "ignored", Stage.app_role, 500),
    ("first_attach", "immediate", Stage.first_attach, (200, 200)),
    ("first_attach", "needs_redeploy", Stage.first_attach, (500, 200)),
    ("log_body", "plain", Stage.first_log_bytes, (False, None)),
    ("log_body", "gzip", Stage.first_log_bytes, (True, None)),
    ("log_body", "gzip_encoded", Stage.first_log_bytes, (True, "gzip")),
    ("log_url", "present", lambda stage: "logUrl" in stage.step(), True),
    ("log_url", "absent", lambda stage: "logUrl" in stage.step(), False),
    ("status_reason", "present", Stage.failed_step, True),
    ("status_reason", "absent", Stage.failed_step, False),
    ("unset_members", "omitted", lambda stage: "environmentVariables" in stage.branch(), False),
    ("unset_members", "present", lambda stage: "environmentVariables" in stage.branch(), True),
    ("active_job_id", "padded", lambda stage: stage.branch()["activeJobId"], "0000000001"),
    ("active_job_id", "plain", lambda stage: stage.branch()["activeJobId"], "1"),
    ("branch_arn", "raw", Stage.new_branch_arn, "feature/login"),
    ("branch_arn", "encoded", Stage.new_branch_arn, "feature%2Flogin"),
    ("status_lags", "no", Stage.statuses_over_time, ("SUCCEED", "SUCCEED")),
    ("status_lags", "yes", Stage.statuses_over_time, ("RUNNING", "SUCCEED")),
    ("log_lags", "no", Stage.log_over_time, (200, 200)),
    ("log_lags", "yes", Stage.log_over_time, (404, 200)),
    ("event_lost", "no", Stage.events_of_a_job, ["STARTED", "SUCCEED"]),
    ("event_lost", "yes", Stage.events_of_a_job, []),
    ("total_number_of_jobs", "running", lambda stage: stage.branch()["totalNumberOfJobs"], "0"),
    ("total_number_of_jobs", "all", lambda stage: stage.branch()["totalNumberOfJobs"], "1"),
    ("ssr_logs_without_permission", "written", Stage.log_lines_with_a_role, 2),
    ("ssr_logs_without_permission", "missing", Stage.log_lines_with_a_role, 1),
]  # fmt: skip


@pytest.mark.parametrize(("question", "answer", "look", "seen"), CASES, ids=[f"{case[0]}={case[1]}" for case in CASES])
def test_each_answer_to_an_open_question_changes_the_fakes_behaviour(
    *,
    amplify: AmplifyOnMoto,
    client: AmplifyClient,
    make_role: MakeRole,
    question: str,
    answer: str,
    look: Callable[[Stage], object],
    seen: object,
) -> None:
    stage = Stage(amplify, client, make_role)

    amplify.control.set_questions(**{question: answer})

    assert look(stage) == seen


def test_every_answer_to_every_question_is_tested() -> None:
    hints = get_type_hints(OpenQuestions)
    tested = {(question, answer) for question, answer, _, _ in CASES}

    assert {(question, answer) for question, hint in hints.items() for answer in get_args(hint)} == tested


def answers_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **answers: str | None) -> None:
    path = tmp_path / "answers.json"
    path.write_text(json.dumps({"answers": answers}), encoding="utf-8")
    monkeypatch.setenv(ANSWERS_VARIABLE, str(path))


def test_the_fake_answers_as_a_file_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers_file(tmp_path, monkeypatch, retry_job_id="same", branch_arn=None)

    assert as_measured() == OpenQuestions(retry_job_id="same")
    assert as_measured(retry_job_id="new") == OpenQuestions()
    assert "retry_job_id" not in guesses()
    assert "branch_arn" in guesses()
    assert not guesses() & REPORTED


@pytest.mark.parametrize("answers", [{"retry_job_id": "both"}, {"unknown": "yes"}], ids=["answer", "question"])
def test_a_file_with_an_unknown_answer_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: dict[str, str]
) -> None:
    answers_file(tmp_path, monkeypatch, **answers)
    with pytest.raises((ValueError, TypeError)):
        as_measured()


def test_a_branch_with_unset_members_fits_the_service_model(
    amplify: AmplifyOnMoto, client: AmplifyClient, make_role: MakeRole
) -> None:
    amplify.control.set_questions(unset_members="present")
    stage = Stage(amplify, client, make_role)

    required = client.meta.service_model.shape_for("Branch").required_members
    assert set(required) <= set(stage.branch())
