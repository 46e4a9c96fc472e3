"""The stage: a local cloud with the stack deployed, and the hands that play a story on it."""

from __future__ import annotations

import json
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from tests.emulator.cloud import LocalCloud
from tests.fakes.slack import FakeSlack
from tests.fakes.sns_inbox import SnsInbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from demo.narrator import Narrator

T = TypeVar("T")

STACK = "AmplifyMedic"
SECRET = "amplify-medic/slack-webhook"  # noqa: S105 - a secret's name
LOG_GROUP = "/amplify-medic/remediator"
AMPLIFY_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "amplify.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


class DemoError(Exception):
    """Something the demo claims did not happen."""


@dataclass
class Stage:
    """A deployed stack, its surroundings, and how long to wait for things."""

    cloud: LocalCloud
    outputs: Mapping[str, str]
    slack: FakeSlack
    inbox: SnsInbox
    narrator: Narrator
    patience: float = 60.0
    emails: list[str] = field(default_factory=list)

    def expect(self, claim: str, holds: bool) -> None:  # noqa: FBT001 - reads as "expect that ..."
        """Say what was seen, or fail.

        Raises:
            DemoError: it is not so.
        """
        if not holds:
            raise DemoError(claim)
        self.narrator.checked(claim)

    def wait_for(self, what: str, probe: Callable[[], T | None]) -> T:
        """The first thing that `probe` gives.

        Raises:
            DemoError: it gave nothing in time.
        """
        give_up = time.monotonic() + self.patience
        while time.monotonic() < give_up:
            if (seen := probe()) is not None:
                return seen
            time.sleep(0.2)
        said = "\n".join(self.own_log()[-5:])
        raise DemoError(f"{what}: not seen within {self.patience:.0f} s. The remediator's log ends:\n{said}")

    def make_role(self, name: str) -> str:
        """A role that Amplify may assume, made this very moment."""
        unique = f"{name}-{uuid.uuid4().hex[:6]}"
        made = self.cloud.client("iam").create_role(RoleName=unique, AssumeRolePolicyDocument=AMPLIFY_TRUST)
        return str(made["Role"]["Arn"])

    def make_app(self, name: str, tags: Mapping[str, str], **fields: Any) -> str:  # noqa: ANN401 - CreateApp's
        """An SSR app with a branch `main`; returns its id."""
        amplify = self.cloud.client("amplify")
        repository = f"https://github.com/acme/{name}"
        made = amplify.create_app(name=name, platform="WEB_COMPUTE", repository=repository, **fields)
        app_id = str(made["app"]["appId"])
        amplify.create_branch(
            appId=app_id, branchName="main", stage="PRODUCTION", framework="Next.js - SSR", tags=dict(tags)
        )
        return app_id

    def build(self, app_id: str) -> str:
        """Start a build; returns the job's id."""
        started = self.cloud.client("amplify").start_job(appId=app_id, branchName="main", jobType="RELEASE")
        return str(started["jobSummary"]["jobId"])

    def run_watcher(self) -> None:
        """What the clock does every minute.

        Raises:
            DemoError: the run failed.
        """
        functions = self.cloud.client("lambda")
        names = [function["FunctionName"] for function in functions.list_functions()["Functions"]]
        (watcher,) = [name for name in names if "WatcherFunction" in name]
        answer = functions.invoke(FunctionName=watcher, Payload=b"{}")
        if "FunctionError" in answer:
            raise DemoError(f"the watcher failed: {answer['Payload'].read().decode()}")

    def branch(self, app_id: str) -> dict[str, Any]:
        """GetBranch."""
        found: dict[str, Any] = self.cloud.client("amplify").get_branch(appId=app_id, branchName="main")["branch"]
        return found

    def writes(self, app_id: str) -> list[dict[str, Any]]:
        """The UpdateBranch calls that Amplify received for one app."""
        calls = self.cloud.control("recorded_calls", "UpdateBranch")
        return [call for call in calls if app_id in json.dumps(call)]

    def next_alert(self, incident_of: str, *, containing: str) -> str:
        """Wait for the Slack alert on one app that says something; show it; return all it says."""

        def find() -> Mapping[str, Any] | None:
            posts = (post.body for post in self.slack.posts)
            return next((post for post in posts if incident_of in said(post) and containing in said(post)), None)

        post = self.wait_for(f"a Slack alert on {incident_of} that says “{containing}”", find)
        self.narrator.alert(post)
        return said(post)

    def alerts(self, about: str) -> list[str]:
        """What the Slack alerts about one thing said so far."""
        return [said(post.body) for post in self.slack.posts if about in said(post.body)]

    def email(self, about: str, *, containing: str) -> str:
        """Wait for what a subscriber of the topic got about one thing."""

        def find() -> str | None:
            self.emails += [str(notification["Message"]) for notification in self.inbox.take()]
            return next((email for email in self.emails if about in email and containing in email), None)

        return self.wait_for(f"an SNS message that says “{containing}”", find)

    def log_line(self, *phrases: str) -> str:
        """Wait for a line of the remediator's own log that holds every phrase."""

        def find() -> str | None:
            return next((line for line in self.own_log() if all(phrase in line for phrase in phrases)), None)

        return self.wait_for(f"a log line with {phrases}", find)

    def own_log(self) -> list[str]:
        """The lines of the remediator's own log."""
        events = self.cloud.client("logs").filter_log_events(logGroupName=LOG_GROUP)["events"]
        return [str(event["message"]).strip() for event in events]


def said(post: Mapping[str, Any]) -> str:
    """All the words of a Slack message."""
    return json.dumps(post, ensure_ascii=False)


@contextmanager
def open_stage(
    workdir: Path,
    narrator: Narrator,
    *,
    enforce_iam: bool = False,
    settings: Mapping[str, object] | None = None,
    retry_seconds: float = 0.2,
) -> Iterator[Stage]:
    """Start a local cloud, deploy the stack with the CDK CLI, subscribe to its topic; end it all afterwards.

    Args:
        workdir: an empty folder.
        narrator: tells what happens.
        enforce_iam: whether the cloud asks IAM about every call, as AWS does.
        settings: laid over what the stage needs by itself.
        retry_seconds: the wait before Lambda's first asynchronous retry, a minute on AWS; the second is double.
    """
    with FakeSlack() as slack, LocalCloud(workdir, auth=enforce_iam, retry_seconds=retry_seconds) as cloud:
        narrator.say("Deploying with the CDK CLI: bootstrap, synth, deploy …")
        cloud.client("secretsmanager").create_secret(Name=SECRET, SecretString=slack.webhook_url)
        cloud.bootstrap()
        given = {"slack": {"webhook_secret": SECRET}, "log_url_origins": [cloud.endpoint_url], **(settings or {})}
        outputs = cloud.deploy({"amplify-medic": json.dumps(given)}, workdir / "outputs.json")[STACK]
        narrator.checked(f"the stack {STACK} is deployed; its topic is {outputs['AlertTopicArn']}")
        narrator.say(f"  Opting a branch in is one command:\n    {outputs['OptInCommand']}")
        inbox = SnsInbox.subscribe(cloud.client("sns"), cloud.client("sqs"), outputs["AlertTopicArn"])
        yield Stage(cloud, outputs, slack, inbox, narrator)
