"""The scratch app: every call of the live doctor to AWS. It can name nothing but one app and what belongs to it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from medic.aws.clients import READING, WRITING
from medic.aws.errors import AbsentError, AwsError, AwsRejectedError, RetryableError, translated
from medic.plan.model import SSR
from medic_cli.doctor_live.names import (
    ACCOUNT,
    APP_TAG,
    APP_TAG_VALUE,
    BRANCH_ENTRIES,
    BRANCH_TAG,
    BRANCH_TAG_VALUE,
    BRANCHES,
    QUEUE,
    ROLE_ENTRIES,
    RULE,
    SOURCE,
    Scratch,
)
from medic_cli.errors import NotDoneError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from boto3.session import Session

    from medic_cli.doctor_live.journal import Journal

_ATTEMPTS, _BETWEEN_ATTEMPTS = 5, 15.0
"""Of a deletion. Amplify refuses some while a job of the branch runs. Seconds."""


class ScratchApp:
    """One app, its doctor branches, roles, queue and rule.

    Args:
        session: the caller's credentials.
        scratch: the app.
        journal: what was or may have been made.
        clock: the current time, UTC.
        pause: waits for a number of seconds.
    """

    def __init__(
        self,
        session: Session,
        scratch: Scratch,
        journal: Journal,
        clock: Callable[[], datetime],
        pause: Callable[[float], None],
    ) -> None:
        self._session = session
        self.scratch = scratch
        self.journal = journal
        self.clock = clock
        self.pause = pause

    # --- reading

    def check(self) -> None:
        """Check that this is a scratch app that the doctor can use, and that nothing in it would be overwritten.

        Raises:
            NotDoneError: it is not.
            AwsError: it could not be read.
        """
        app = self.app()
        if app.get("tags", {}).get(APP_TAG) != APP_TAG_VALUE:
            raise NotDoneError(
                f"{self.scratch.app_id} is not a scratch app: it does not carry the tag {APP_TAG}={APP_TAG_VALUE}. Make"
                " one as docs/doctor-app/README.md says. Never tag an app that somebody uses."
            )
        if app.get("platform") != SSR or not app.get("repository"):
            raise NotDoneError(
                f"{self.scratch.app_id} has no SSR runtime, or no repository: connect docs/doctor-app to it, and set"
                f" its platform to {SSR}."
            )
        taken = [name for name in self.branches() if name in BRANCHES]
        if taken:
            raise NotDoneError(f"The app already has a branch {taken[0]}: delete it in the console first.")

    def app(self) -> Mapping[str, Any]:
        with translated("amplify:GetApp"):
            return self._amplify.get_app(appId=self.scratch.app_id)["app"]  # type: ignore[no-any-return]

    def branches(self) -> Mapping[str, Mapping[str, Any]]:
        """The branches by name, as ListBranches shows them: GetBranch is denied by tag where there is none."""
        found: dict[str, Mapping[str, Any]] = {}
        with translated("amplify:ListBranches"):
            for page in self._amplify.get_paginator("list_branches").paginate(appId=self.scratch.app_id):
                found |= {branch["branchName"]: branch for branch in page["branches"]}
        return found

    def branch(self, name: str) -> Mapping[str, Any]:
        """One branch that exists.

        Raises:
            AbsentError: it is gone.
        """
        found = self.branches().get(name)
        if found is None:
            raise AbsentError("amplify:ListBranches", "NotFoundException", f"the branch {name} is gone")
        return found

    def job_ids(self, branch: str) -> Sequence[str]:
        with translated("amplify:ListJobs"):
            answer = self._amplify.list_jobs(appId=self.scratch.app_id, branchName=branch, maxResults=50)
        return [job["jobId"] for job in answer["jobSummaries"]]

    def job(self, branch: str, job_id: str) -> Mapping[str, Any]:
        with translated("amplify:GetJob"):
            answer = self._amplify.get_job(appId=self.scratch.app_id, branchName=branch, jobId=job_id)
        return answer["job"]  # type: ignore[no-any-return]

    def log_streams(self, since: datetime) -> Sequence[str]:
        """The streams of the app's SSR log that got lines since then."""
        client = self._session.client("logs", config=READING)
        found: set[str] = set()
        try:
            with translated("logs:FilterLogEvents"):
                for page in client.get_paginator("filter_log_events").paginate(
                    logGroupName=self.scratch.log_group, startTime=int(since.timestamp() * 1000)
                ):
                    found |= {event["logStreamName"] for event in page["events"]}
        except AbsentError:
            return ()  # Amplify makes the group when it writes the first line
        return sorted(found)

    # --- making

    def make_branch(self, name: str, tags: Mapping[str, str] | None = None) -> None:
        tags = {BRANCH_TAG: BRANCH_TAG_VALUE, **(tags or {})}
        with self._making(f"branch {name}", "amplify:CreateBranch"):
            self._writing_amplify.create_branch(
                appId=self.scratch.app_id, branchName=name, enableAutoBuild=False, tags=tags
            )

    def make_role(self, trust: str) -> str:
        """Make a compute role without any permission. Returns its ARN."""
        with self._making(f"role {trust}", "iam:CreateRole"):
            made = self._iam.create_role(
                RoleName=self.scratch.role(trust),
                AssumeRolePolicyDocument=json.dumps(self._trust(trust)),
                Description="Made by medic doctor --live, which deletes it",
                Tags=[{"Key": APP_TAG, "Value": self.scratch.app_id}],
            )
        return str(made["Role"]["Arn"])

    def listen(self) -> str:
        """Make a queue that gets the app's deployment events. Returns its URL."""
        queue, rule = self.scratch.queue_arn, self.scratch.rule_arn
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue,
            "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
        }
        access = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        with self._making(QUEUE, "sqs:CreateQueue"):
            url = self._sqs.create_queue(QueueName=self.scratch.name, Attributes={"Policy": access})["QueueUrl"]
        pattern = {"source": ["aws.amplify"], "detail": {"appId": [self.scratch.app_id]}}
        with self._making(RULE, "events:PutRule"):
            self._events.put_rule(Name=self.scratch.name, EventPattern=json.dumps(pattern))
        with translated("events:PutTargets"):
            answer = self._events.put_targets(Rule=self.scratch.name, Targets=[{"Id": QUEUE, "Arn": queue}])
        for failed in answer["FailedEntries"]:
            raise AwsRejectedError("events:PutTargets", failed["ErrorCode"], failed["ErrorMessage"])
        return str(url)

    def heard(self, url: str) -> Sequence[Mapping[str, str]]:
        """The details of the events that came since the last call."""
        found = []
        with translated("sqs:ReceiveMessage"):
            while messages := self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
                for message in messages:
                    found.append(json.loads(message["Body"])["detail"])
                    self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def start_job(self, branch: str, retried: str | None = None) -> str:
        """Start a build of the branch's newest commit, or a retry of a job. Returns its id."""
        asked = {"jobType": "RETRY", "jobId": retried} if retried else {"jobType": "RELEASE"}
        with translated("amplify:StartJob"):
            answer = self._writing_amplify.start_job(appId=self.scratch.app_id, branchName=branch, **asked)
        return str(answer["jobSummary"]["jobId"])

    def set_role(self, branch: str, role_arn: str) -> None:
        """Set or, with "", try to detach a branch's compute role. Deleting the branch undoes it."""
        with translated("amplify:UpdateBranch"):
            self._writing_amplify.update_branch(appId=self.scratch.app_id, branchName=branch, computeRoleArn=role_arn)

    # --- undoing

    def undo_all(self) -> Mapping[str, AwsError]:
        """Undo what the journal names, the newest first. Returns what could not be undone, and why."""
        failed: dict[str, AwsError] = {}
        for thing in reversed(self.journal.entries):
            try:
                self._undo(thing)
            except AwsError as error:
                failed[thing] = error
            else:
                self.journal.undone(thing)
        return failed

    def _undo(self, thing: str) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._delete(thing)
            except AbsentError:
                return None
            except (RetryableError, AwsRejectedError):
                if attempt == _ATTEMPTS:
                    raise
                self.pause(_BETWEEN_ATTEMPTS)
        return None

    def _delete(self, thing: str) -> None:
        if branch := BRANCH_ENTRIES.get(thing):
            self._delete_branch(branch)
        elif trust := ROLE_ENTRIES.get(thing):
            self._delete_role(self.scratch.role(trust))
        elif thing == QUEUE:
            self._delete_queue()
        else:
            with translated("events:RemoveTargets"):
                self._events.remove_targets(Rule=self.scratch.name, Ids=[QUEUE])
            with translated("events:DeleteRule"):
                self._events.delete_rule(Name=self.scratch.name)

    def _delete_branch(self, name: str) -> None:
        """Delete a branch of the doctor, with its jobs, tags and role. Somebody else's branch of that name stays."""
        found = self.branches().get(name)
        if found is not None and found.get("tags", {}).get(BRANCH_TAG) == BRANCH_TAG_VALUE:
            with translated("amplify:DeleteBranch"):
                self._writing_amplify.delete_branch(appId=self.scratch.app_id, branchName=name)

    def _delete_role(self, name: str) -> None:
        with translated("iam:GetRole"):
            tags = self._iam.get_role(RoleName=name)["Role"].get("Tags", [])
        if {"Key": APP_TAG, "Value": self.scratch.app_id} in tags:
            with translated("iam:DeleteRole"):
                self._iam.delete_role(RoleName=name)

    def _delete_queue(self) -> None:
        try:
            with translated("sqs:GetQueueUrl"):
                url = self._sqs.get_queue_url(QueueName=self.scratch.name)["QueueUrl"]
            with translated("sqs:DeleteQueue"):
                self._sqs.delete_queue(QueueUrl=url)
        except AwsRejectedError as error:
            if "NonExistentQueue" not in error.code and "QueueDoesNotExist" not in error.code:
                raise

    # --- clients

    @contextmanager
    def _making(self, thing: str, operation: str) -> Iterator[None]:
        self.journal.will_make(thing)
        with translated(operation):
            yield

    def _trust(self, trust: str) -> Mapping[str, object]:
        conditions: dict[str, object] = {}
        if trust in (ACCOUNT, SOURCE):
            conditions["StringEquals"] = {"aws:SourceAccount": self.scratch.account}
        if trust == SOURCE:
            conditions["ArnLike"] = {"aws:SourceArn": f"{self.scratch.app_arn}/*"}
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "amplify.amazonaws.com"},
            "Action": "sts:AssumeRole",
            **({"Condition": conditions} if conditions else {}),
        }
        return {"Version": "2012-10-17", "Statement": [statement]}

    @cached_property
    def _amplify(self) -> Any:  # noqa: ANN401 - a client with the types of its model
        return self._session.client("amplify", config=READING)

    @cached_property
    def _writing_amplify(self) -> Any:  # noqa: ANN401
        return self._session.client("amplify", config=WRITING)

    @cached_property
    def _iam(self) -> Any:  # noqa: ANN401
        return self._session.client("iam", config=WRITING)

    @cached_property
    def _events(self) -> Any:  # noqa: ANN401
        return self._session.client("events", config=WRITING)

    @cached_property
    def _sqs(self) -> Any:  # noqa: ANN401
        return self._session.client("sqs", config=WRITING)
