"""A local cloud with the stack deployed, and the steps of the stories. The end-to-end tests use it too."""

from __future__ import annotations

import json
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from tests.emulator.cloud import REPOSITORY, LocalCloud
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
    """Something that the demo claims did not happen."""


@dataclass
class Stage:
    """A deployed stack, the fake Slack and the SNS subscriber that receive its alerts, and a commentary."""

    cloud: LocalCloud
    outputs: Mapping[str, str]
    slack: FakeSlack
    inbox: SnsInbox
    narrator: Narrator
    timeout: float = 60.0
    """Seconds to wait for anything."""
    emails: list[str] = field(default_factory=list)
    """The SNS messages received so far."""

    def expect(self, claim: str, holds: bool) -> None:  # noqa: FBT001 - reads as "expect that ..."
        """Print the claim as verified, or fail.

        Raises:
            DemoError: it does not hold.
        """
        if not holds:
            raise DemoError(f"this is not so: {claim}")
        self.narrator.checked(claim)

    def wait_for(self, what: str, probe: Callable[[], T | None]) -> T:
        """Poll `probe` until it returns something.

        Raises:
            DemoError: it returned only None until the time-out.
        """
        deadline = time.monotonic() + self.timeout
        while time.monotonic() < deadline:
            if (found := probe()) is not None:
                return found
            time.sleep(0.2)
        log = "\n".join(self.own_log()[-5:])
        raise DemoError(f"{what}: not found within {self.timeout:.0f} s. The end of the remediator's log:\n{log}")

    def make_role(self, name: str) -> str:
        """Create a role that Amplify may assume; returns its ARN."""
        unique = f"{name}-{uuid.uuid4().hex[:6]}"
        created = self.cloud.client("iam").create_role(RoleName=unique, AssumeRolePolicyDocument=AMPLIFY_TRUST)
        return str(created["Role"]["Arn"])

    def make_app(self, name: str, tags: Mapping[str, str], **fields: Any) -> str:  # noqa: ANN401 - CreateApp's
        """Create an SSR app with a branch `main`; returns its id."""
        amplify = self.cloud.client("amplify")
        repository = f"https://github.com/acme/{name}"
        created = amplify.create_app(name=name, platform="WEB_COMPUTE", repository=repository, **fields)
        app_id = str(created["app"]["appId"])
        amplify.create_branch(
            appId=app_id, branchName="main", stage="PRODUCTION", framework="Next.js - SSR", tags=dict(tags)
        )
        return app_id

    def build(self, app_id: str) -> str:
        """Start a build; returns the job's id."""
        started = self.cloud.client("amplify").start_job(appId=app_id, branchName="main", jobType="RELEASE")
        return str(started["jobSummary"]["jobId"])

    def run_watcher(self) -> None:
        """Run the watcher once. In AWS, its schedule does this every minute.

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
        found: dict[str, Any] = self.cloud.client("amplify").get_branch(appId=app_id, branchName="main")["branch"]
        return found

    def writes(self, app_id: str) -> list[dict[str, Any]]:
        """The UpdateBranch calls that Amplify received for one app."""
        calls = self.cloud.control("recorded_calls", "UpdateBranch")
        return [call for call in calls if app_id in json.dumps(call)]

    def next_alert(self, app_id: str, *, containing: str) -> str:
        """Wait for a Slack alert that contains both texts, print it, and return its text."""

        def find() -> Mapping[str, Any] | None:
            posts = (post.body for post in self.slack.posts)
            return next((post for post in posts if app_id in text_of(post) and containing in text_of(post)), None)

        post = self.wait_for(f"a Slack alert on {app_id} with the text “{containing}”", find)
        self.narrator.alert(post)
        return text_of(post)

    def alerts(self, about: str) -> list[str]:
        """The texts of all Slack alerts so far that contain `about`."""
        return [text for post in self.slack.posts if about in (text := text_of(post.body))]

    def email(self, about: str, *, containing: str) -> str:
        """Wait for an SNS message that contains both texts; returns it."""

        def find() -> str | None:
            self.emails += [str(notification["Message"]) for notification in self.inbox.take()]
            return next((email for email in self.emails if about in email and containing in email), None)

        return self.wait_for(f"an SNS message with the text “{containing}”", find)

    def log_line(self, *phrases: str) -> str:
        """Wait for a line of the remediator's own log that contains every phrase; returns it."""

        def find() -> str | None:
            return next((line for line in self.own_log() if all(phrase in line for phrase in phrases)), None)

        return self.wait_for(f"a log line with {phrases}", find)

    def own_log(self) -> list[str]:
        events = self.cloud.client("logs").filter_log_events(logGroupName=LOG_GROUP)["events"]
        return [str(event["message"]).strip() for event in events]


def text_of(post: Mapping[str, Any]) -> str:
    """All of a Slack message, as JSON."""
    return json.dumps(post, ensure_ascii=False)


def deploy(
    cloud: LocalCloud, settings: Mapping[str, object] | None = None, source: Path = REPOSITORY
) -> dict[str, str]:
    """Deploy the stack with the CDK CLI; returns its outputs. Its alerts go to the fake Slack."""
    given = {"slack": {"webhook_secret": SECRET}, "log_url_origins": [cloud.endpoint_url], **(settings or {})}
    return cloud.deploy({"amplify-medic": json.dumps(given)}, cloud.workdir / "outputs.json", source)[STACK]


@contextmanager
def open_stage(  # noqa: PLR0913
    workdir: Path,
    narrator: Narrator,
    *,
    enforce_iam: bool = False,
    settings: Mapping[str, object] | None = None,
    wait_factor: float = 0.02,
    source: Path = REPOSITORY,
) -> Iterator[Stage]:
    """Start a local cloud, deploy the stack with the CDK CLI, and subscribe to its topic. On exit, stop the cloud.

    Args:
        workdir: an empty folder.
        narrator: prints what happens.
        enforce_iam: whether the cloud authorises every call with IAM, as AWS does.
        settings: override the settings that the stage itself needs.
        wait_factor: what the waits between two tries of a message are multiplied with.
        source: the folder of the app that is deployed.
    """
    with FakeSlack() as slack, LocalCloud(workdir, auth=enforce_iam, wait_factor=wait_factor) as cloud:
        narrator.say("Deploying with the CDK CLI: bootstrap, synth, deploy …")
        cloud.client("secretsmanager").create_secret(Name=SECRET, SecretString=slack.webhook_url)
        cloud.bootstrap()
        outputs = deploy(cloud, settings, source)
        narrator.checked(f"the stack {STACK} is deployed; its alert topic is {outputs['AlertTopicArn']}")
        narrator.say(f"  This command opts a branch in:\n    {outputs['OptInCommand']}")
        inbox = SnsInbox.subscribe(cloud.client("sns"), cloud.client("sqs"), outputs["AlertTopicArn"])
        yield Stage(cloud, outputs, slack, inbox, narrator)
