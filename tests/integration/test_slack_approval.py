"""From the button in Slack to the branch: a click becomes a request, and the thread shows the result."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from medic.alerts.model import Button
from medic.alerts.slack import SlackPost
from medic.alerts.slack_buttons import ACTION_IDS, button_value
from medic.aws.clients import Clients
from medic.events import Scope, wake_up
from medic.records import replace
from medic.slack_actions.approve import SlackApprovalHandler
from slack_interactivity import handler
from tests.fakes.queue import SLACK as SLACK_SENDER
from tests.integration.conftest import REGION
from tests.unit.slack_actions.clicks import APP, APPROVAL, SIGNING_SECRET, TEAM, USER, body, payload, request, signed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

    from medic.services import Services
    from tests.integration.conftest import World

SLACK = {
    "bot_token_secret": "bot",
    "channel": "C0DEFAULT",
    "signing_secret": "signing",
    "app_id": APP,
    "approvers": [f"{TEAM}/{USER}"],
}


def _signing_secret(**asked: str) -> dict[str, str]:
    assert asked == {"SecretId": "signing"}
    return {"SecretString": SIGNING_SECRET}


@dataclass
class Channel:
    """A Slack channel, a person who clicks there, and the function behind the button."""

    world: World
    app: str
    sent: list[Mapping[str, object]] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)

    def services(self) -> Services:
        services = self.world.services()
        slack = SlackPost(services.secret, services.runtime.settings.slack, api_url=f"{self.world.slack.url}/api/")
        vars(services)["channels"] = (*services.channels[:-1], slack)
        return services

    def fail(self) -> None:
        self.world.deliver(self.world.build(self.app), self.services())

    def button(self, wanted: Button) -> dict[str, Any]:
        """The button of the newest message that has it."""
        blocks = [block for post in self.world.slack.posts for block in post.body["blocks"]]
        buttons = [each for block in blocks if block["type"] == "actions" for each in block["elements"]]
        found: dict[str, Any] = [each for each in buttons if each["action_id"] == ACTION_IDS[wanted]][-1]
        return found

    def headline(self) -> str:
        """The first line of the incident's message, as it is now."""
        (shown,) = self.world.slack.shown().values()
        return str(shown["blocks"][0]["text"]["text"])

    def click(self, event: object = None, button: Button = Button.APPROVE) -> int:
        action = {key: self.button(button)[key] for key in ("action_id", "value")}
        services = self.services()
        runtime = services.runtime
        approval_handler = SlackApprovalHandler(
            runtime=runtime,
            gateways=services,
            telemetry=services.telemetry,
            answer=lambda _, message: self.answers.append(message),
        )
        session: Any = SimpleNamespace(client=lambda _, **__: SimpleNamespace(get_secret_value=_signing_secret))
        vars(services).update(clients=Clients(session), send=lambda _, message: self.sent.append(message))
        raw = body(payload(actions=[action]))
        event = request(raw, signed(raw, at=self.world.now().timestamp())) if event is None else event
        return int(str(approval_handler.handle(event)["statusCode"]))

    def deliver(self) -> None:
        """Deliver the messages that the Slack function sent."""
        while self.sent:
            self.world.deliver(dict(self.sent.pop(0)), self.services(), SLACK_SENDER)

    def role(self) -> str | None:
        return self.world.compute_role(self.app)


@pytest.fixture
def channel(world: World) -> Channel:
    world.client("secretsmanager").create_secret(Name="bot", SecretString="xoxb-invented")
    world.settings["slack"] = SLACK
    app = world.make_app(tags={"amplify-medic:auto-fix": "ask"})
    world.amplify.control.set_connection(app, "lost")
    return Channel(world, app)


def test_a_click_applies_the_proposed_change_and_the_thread_says_so(channel: Channel) -> None:
    channel.fail()
    assert channel.role() is None
    assert channel.click() == 200
    channel.deliver()
    assert channel.role() == channel.world.default_role_arn
    later = channel.world.slack.posts[1:]
    assert later != []
    assert all(post.body.get("thread_ts") or post.path == "/api/chat.update" for post in later)
    assert f"approved by slack:{TEAM}/{USER}" in json.dumps([post.body for post in later])
    assert "Approved by" in channel.answers[0]["text"]


def test_a_click_undoes_the_change_and_the_first_message_says_so(channel: Channel) -> None:
    channel.fail()
    channel.click()
    channel.deliver()
    assert channel.headline().startswith("🟡 Changed · shop / main")
    assert channel.click(button=Button.UNDO) == 200
    channel.deliver()
    assert channel.role() is None
    assert channel.headline().startswith("🔵 Undone · shop / main")
    assert channel.click(button=Button.UNDO) == 200
    channel.deliver()
    assert len(channel.world.calls("UpdateBranch")) == 2, "a second click undoes nothing more"


def test_a_click_mutes_the_branch_for_two_hours_and_the_first_message_says_so(channel: Channel) -> None:
    channel.fail()
    assert channel.click(button=Button.MUTE) == 200
    channel.deliver()
    assert channel.headline().startswith("🔕 Muted · shop / main: until ")
    posts = len(channel.world.slack.posts)
    channel.fail()
    assert len(channel.world.slack.posts) == posts
    channel.world.amplify.control.advance(2 * 3600 + 60)
    channel.fail()
    assert channel.headline().startswith("🟠 Approval needed · shop / main")


def test_a_second_click_approves_nothing_more(channel: Channel) -> None:
    channel.fail()
    channel.click()
    channel.deliver()
    assert channel.click() == 200
    channel.deliver()
    assert len(channel.world.calls("UpdateBranch")) == 1


def test_a_forged_wake_up_approves_nothing(channel: Channel) -> None:
    channel.fail()
    scope = Scope("aws", channel.world.amplify.account_id, REGION, channel.app, "main")
    for request_id in ("", "0" * 32):
        channel.world.deliver(wake_up(scope, request_id), channel.services())
    assert channel.role() is None
    assert channel.world.calls("UpdateBranch") == []


def test_the_guardrails_are_checked_again_after_the_click(channel: Channel) -> None:
    channel.fail()
    channel.click()
    arn = channel.world.client("amplify").get_branch(appId=channel.app, branchName="main")["branch"]["branchArn"]
    channel.world.client("amplify").tag_resource(resourceArn=arn, tags={"amplify-medic:auto-fix": "report"})
    channel.deliver()
    assert channel.role() is None


def test_a_proposal_can_not_be_approved_a_day_later(channel: Channel) -> None:
    channel.fail()
    channel.world.amplify.control.advance(timedelta(hours=25).total_seconds())
    assert channel.click() == 410
    assert channel.sent == []


# --- the deployed function's entry point


@pytest.fixture
def entry_point(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    world.client("secretsmanager").create_secret(Name="signing", SecretString=SIGNING_SECRET)
    variables = {
        "AMPLIFY_MEDIC_SETTINGS": json.dumps({"slack": SLACK}),
        "MEDIC_ACCOUNT": world.amplify.account_id,
        "MEDIC_PARTITION": "aws",
        "AWS_REGION": REGION,
        "INCIDENTS_TABLE": "incidents",
        "QUEUE_URL": "queue",
    }
    for name, value in {**variables, "POWERTOOLS_METRICS_NAMESPACE": "test", "POWERTOOLS_SERVICE_NAME": "test"}.items():
        monkeypatch.setenv(name, value)
    handler.approval_handler.cache_clear()
    yield handler
    handler.approval_handler.cache_clear()


def test_the_function_sends_one_message_and_answers(world: World, entry_point: ModuleType) -> None:
    url = world.client("sqs").create_queue(QueueName="medic")["QueueUrl"]
    entry_point.approval_handler().runtime = replace(entry_point.approval_handler().runtime, queue_url=url)
    soon = int(time.time()) + 3600
    scope = replace(APPROVAL.scope, account=world.amplify.account_id, region=REGION)
    approval = replace(APPROVAL, scope=scope, expires_at=soon)
    actions = [{"action_id": ACTION_IDS[Button.APPROVE], "value": button_value(approval)}]
    raw = body(payload(actions=actions, response_url=None))
    event, context = request(raw, signed(raw, at=time.time())), SimpleNamespace(aws_request_id="1")

    assert entry_point.handler(request(raw, headers={}), context)["statusCode"] == 401
    assert entry_point.handler(event, context)["statusCode"] == 200
    (message,) = world.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert json.loads(message["Body"])["detail"]["who"] == f"{TEAM}/{USER}"
    assert world.client("dynamodb").scan(TableName="incidents")["Items"] == []
