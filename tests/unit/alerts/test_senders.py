"""Slack, SNS and the event bus: what arrives there, in which thread, and what becomes of it where they fail."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from moto import mock_aws

from medic.alerts.compose import compose_test
from medic.alerts.delivery import DeliveryError, deliver, try_out
from medic.alerts.event_bus import EventBus, detail_of, detail_types
from medic.alerts.model import Alert, AlertKind, Approval
from medic.alerts.slack import SlackPost
from medic.alerts.sns import SnsTopic
from medic.settings import Settings
from tests.fakes.slack import FakeSlack
from tests.fakes.sns_inbox import SnsInbox
from tests.gallery.samples import every_kind, sample

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION = "eu-central-1"
SCHEMAS = Path(__file__).parents[3] / "docs" / "schemas" / "events"
APPROVALS = {"signing_secret": "signing", "app_id": "A0123456789", "approvers": ["T0123456789/U0123456789"]}
BOT = {"bot_token_secret": "bot", "channel": "C0DEFAULT"}


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSlack]:
    monkeypatch.setattr("slack_sdk.http_retry.builtin_handlers.time", SimpleNamespace(sleep=lambda _: None))
    monkeypatch.setattr("slack_sdk.http_retry.handler.time", SimpleNamespace(sleep=lambda _: None))
    with FakeSlack() as endpoint:
        yield endpoint


@dataclass
class Secrets:
    """Secrets Manager, as far as sending needs it."""

    values: dict[str, str]
    read: list[str] = field(default_factory=list)

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803 - AWS's name
        self.read.append(SecretId)
        return {"SecretString": f"{self.values[SecretId]}\n"}


def post(slack: FakeSlack, settings: dict[str, Any]) -> SlackPost:
    secrets: Any = Secrets({"hook": slack.webhook_url, "other": f"{slack.webhook_url}-other", "bot": "xoxb-invented"})
    return SlackPost(lambda: secrets, Settings.parse({"slack": settings}).slack, api_url=f"{slack.url}/api/")


# --- Slack, by webhook


def test_a_webhook_gets_the_message_and_has_no_threads(slack: FakeSlack) -> None:
    assert post(slack, {"webhook_secret": "hook"}).send(sample(AlertKind.DIAGNOSIS), None) is None
    (message,) = slack.posts
    assert "shop / main" in message.body["text"]
    assert message.body["unfurl_links"] is False


def test_a_webhook_prints_the_command_in_the_place_of_buttons(slack: FakeSlack) -> None:
    post(slack, {"webhook_secret": "hook"}).send(sample(AlertKind.PROPOSED), None)
    shown = json.dumps(slack.posts[0].body)
    assert '"actions"' not in shown
    assert "medic approve" in shown


@pytest.mark.parametrize("status", [500, 503])
def test_a_servers_fault_is_tried_once_more(slack: FakeSlack, status: int) -> None:
    channel = post(slack, {"webhook_secret": "hook"})
    slack.fail(status)
    channel.send(sample(AlertKind.DIAGNOSIS), None)
    assert len(slack.posts) == 1
    slack.fail(status, times=2)
    with pytest.raises(DeliveryError, match=str(status)):
        channel.send(sample(AlertKind.DIAGNOSIS), None)


def test_a_short_wait_is_waited_out_and_a_long_one_is_left_to_the_next_run(slack: FakeSlack) -> None:
    channel = post(slack, {"webhook_secret": "hook"})
    slack.fail(429, retry_after=1)
    channel.send(sample(AlertKind.DIAGNOSIS), None)
    slack.fail(429, retry_after=60)
    with pytest.raises(DeliveryError, match="429"):
        channel.send(sample(AlertKind.DIAGNOSIS), None)
    assert len(slack.posts) == 1


def test_blocks_that_slack_does_not_take_are_left_out(slack: FakeSlack) -> None:
    slack.refuse("invalid_blocks")
    post(slack, {"webhook_secret": "hook"}).send(sample(AlertKind.DIAGNOSIS), None)
    (message,) = slack.posts
    assert message.body.keys() == {"text", "mrkdwn"}


@pytest.mark.parametrize("url", ["not a url", "http://127.0.0.1:1/services/secret-path"])
def test_an_error_never_repeats_the_webhooks_url(slack: FakeSlack, url: str) -> None:
    channel = post(slack, {"webhook_secret": "hook"})
    secrets: Any = Secrets({"hook": url})
    with pytest.raises(DeliveryError) as error:
        replace(channel, secrets=lambda: secrets).send(sample(AlertKind.DIAGNOSIS), None)
    assert "secret-path" not in str(error.value)
    assert url not in str(error.value)


# --- Slack, by bot


def test_the_first_alert_opens_a_thread_and_the_later_ones_go_into_it(slack: FakeSlack) -> None:
    channel = post(slack, BOT)
    thread = channel.send(sample(AlertKind.DIAGNOSIS), None)
    assert channel.send(sample(AlertKind.RESOLVED), thread) == thread
    first, second = slack.posts
    assert first.path == "/api/chat.postMessage"
    assert first.headers["authorization"] == "Bearer xoxb-invented"
    assert first.body["channel"] == "C0DEFAULT"
    assert "thread_ts" not in first.body
    assert thread == f"C0DEFAULT/{second.body['thread_ts']}"
    assert second.body["reply_broadcast"] is False


def test_what_asks_something_of_somebody_is_shown_in_the_channel_too(slack: FakeSlack) -> None:
    post(slack, BOT).send(sample(AlertKind.NOT_HELPED), "C0DEFAULT/1.2")
    assert slack.posts[0].body["reply_broadcast"] is True


def test_a_thread_stays_where_it_began_though_the_tag_changed(slack: FakeSlack) -> None:
    channel = post(slack, {**BOT, "channels": {"web": {"channel": "C0WEB"}}})
    channel.send(replace(sample(AlertKind.RESOLVED), channel="web"), "C0DEFAULT/1.2")
    assert slack.posts[0].body["channel"] == "C0DEFAULT"


def test_a_thread_that_somebody_deleted_is_begun_anew(slack: FakeSlack) -> None:
    slack.refuse("thread_not_found")
    thread = post(slack, BOT).send(sample(AlertKind.RESOLVED), "C0OLD/1.2")
    assert slack.posts[0].body["channel"] == "C0DEFAULT"
    assert "thread_ts" not in slack.posts[0].body
    assert thread is not None
    assert thread.startswith("C0DEFAULT/")


def test_the_word_with_which_slack_refuses_is_named(slack: FakeSlack) -> None:
    slack.refuse("not_in_channel")
    with pytest.raises(DeliveryError, match="not_in_channel"):
        post(slack, BOT).send(sample(AlertKind.DIAGNOSIS), None)


def test_the_bot_falls_back_to_text_inside_the_thread(slack: FakeSlack) -> None:
    slack.refuse("msg_blocks_too_long")
    assert post(slack, BOT).send(sample(AlertKind.RESOLVED), "C0DEFAULT/1.2") == "C0DEFAULT/1.2"
    assert "blocks" not in slack.posts[0].body
    assert slack.posts[0].body["thread_ts"] == "1.2"


def test_buttons_are_there_only_if_somebody_listens(slack: FakeSlack) -> None:
    post(slack, BOT).send(sample(AlertKind.PROPOSED), None)
    post(slack, {**BOT, **APPROVALS}).send(sample(AlertKind.PROPOSED), None)
    without, with_them = (json.dumps(message.body) for message in slack.posts)
    assert '"type": "actions"' not in without
    assert "medic approve" in without
    assert '"type": "actions"' in with_them


def test_a_branch_too_long_for_a_button_gets_the_command(slack: FakeSlack) -> None:
    alert = sample(AlertKind.PROPOSED)
    assert isinstance(alert.approval, Approval)
    post(slack, {**BOT, **APPROVALS}).send(replace(alert, approval=replace(alert.approval, branch="b" * 10_000)), None)
    shown = json.dumps(slack.posts[0].body)
    assert '"type": "actions"' not in shown
    assert "medic approve" in shown


# --- routing


def test_a_named_channel_is_posted_to_and_an_unknown_name_is_said_in_the_default_one(slack: FakeSlack) -> None:
    channel = post(slack, {"webhook_secret": "hook", "channels": {"web": "other"}})
    channel.send(replace(sample(AlertKind.DIAGNOSIS), channel="web"), None)
    channel.send(replace(sample(AlertKind.DIAGNOSIS), channel="<!channel>"), None)
    named, default = slack.posts
    assert named.path.endswith("-other")
    assert "amplify-medic:channel" not in json.dumps(named.body)
    assert not default.path.endswith("-other")
    assert "no channel “<!channel>”" in json.dumps(default.body, ensure_ascii=False)


def test_every_channel_is_tried_out_and_each_is_reported(slack: FakeSlack) -> None:
    channel = post(slack, {**BOT, "channels": {"web": {"channel": "C0WEB"}, "ops": "other"}})
    slack.refuse("channel_not_found")
    trials = list(try_out(compose_test("111122223333", REGION), [channel]))
    assert [(trial.name, trial.ok) for trial in trials] == [
        ("slack", False),
        ("slack/web", True),
        ("slack/ops", True),
    ]
    assert "channel_not_found" in trials[0].detail
    assert all("Test: nothing is wrong" in json.dumps(message.body) for message in slack.posts)


# --- delivery


@dataclass
class Recorder:
    """A channel that takes what it gets, or does not."""

    name: str
    fails: bool = False
    got: list[str | None] = field(default_factory=list)
    routes: tuple[str | None, ...] = (None,)

    def send(self, _alert: Alert, thread: str | None) -> str | None:
        if self.fails:
            raise DeliveryError("out of order")
        self.got.append(thread)
        return f"{self.name}-thread"


def test_one_channel_failing_never_stops_another_and_lacks_it_alone() -> None:
    one, broken, other = Recorder("one"), Recorder("broken", fails=True), Recorder("other")
    delivery = deliver(sample(AlertKind.DIAGNOSIS), [one, broken, other], ("report:7/one",), "report:7")
    assert (one.got, other.got) == ([], [None])
    assert delivery.receipts == ("report:7/other",)
    assert delivery.lacking == ("broken",)
    assert delivery.failures == ("broken: out of order",)


def test_threads_are_kept_from_the_first_alert_on() -> None:
    channel = Recorder("one")
    first = deliver(sample(AlertKind.DIAGNOSIS), [channel], (), "report:7")
    later = deliver(sample(AlertKind.RESOLVED), [channel], first.receipts, "resolved:8", {"one": "kept"})
    assert first.threads == {"one": "one-thread"}
    assert (later.threads, channel.got) == ({"one": "kept"}, [None, "kept"])


# --- SNS and the event bus


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        yield


@pytest.mark.usefixtures("aws")
def test_an_email_is_text_and_amazon_q_gets_its_envelope() -> None:
    sns, sqs = boto3.client("sns", region_name=REGION), boto3.client("sqs", region_name=REGION)
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    inbox = SnsInbox.subscribe(sns, sqs, topic)
    alert = sample(AlertKind.PROPOSED)
    SnsTopic(lambda: sns, topic).send(alert, None)
    SnsTopic(lambda: sns, topic, amazon_q=True).send(alert, None)
    text, other = (str(notification["Message"]) for notification in inbox.take())
    assert "To approve:\n    medic approve" in text
    by_protocol = json.loads(other)
    envelope = json.loads(by_protocol["default"]) if "default" in by_protocol else by_protocol
    assert (envelope["version"], envelope["source"]) == ("1.0", "custom")
    assert envelope["metadata"]["threadId"] == alert.incident_id


@dataclass
class Bus:
    """EventBridge, as far as putting events needs it."""

    heard: list[Any] = field(default_factory=list)
    throttles: bool = False

    def put_events(self, Entries: list[Any]) -> dict[str, Any]:  # noqa: N803 - AWS's name
        self.heard += Entries
        refused = [{"ErrorCode": "ThrottlingException"}] if self.throttles else []
        return {"FailedEntryCount": len(refused), "Entries": [{"EventId": "1"}, *refused]}


def test_the_bus_gets_the_notifications_and_nothing_that_only_people_need() -> None:
    client: Any = Bus()
    for alert in every_kind():
        EventBus(lambda: client).send(alert, None)
    assert {entry["Source"] for entry in client.heard} == {"amplify-medic"}
    heard = [(entry["DetailType"], json.loads(entry["Detail"])["kind"]) for entry in client.heard]
    assert sorted(heard) == [
        ("Diagnosis Ready", "applied"),
        ("Diagnosis Ready", "deferred"),
        ("Diagnosis Ready", "diagnosis"),
        ("Diagnosis Ready", "proposed"),
        ("Diagnosis Ready", "refused"),
        ("Incident Resolved", "quiet"),
        ("Incident Resolved", "resolved"),
        ("Remediation Applied", "applied"),
        ("Remediation Refused", "refused"),
    ]


def test_an_entry_that_the_bus_did_not_take_is_owed() -> None:
    client: Any = Bus(throttles=True)
    with pytest.raises(DeliveryError, match="ThrottlingException"):
        EventBus(lambda: client).send(sample(AlertKind.APPLIED), None)


@pytest.mark.parametrize("kind", [alert.kind for alert in every_kind() if detail_types(alert)])
def test_each_detail_fits_the_schema_of_its_type(kind: AlertKind) -> None:
    alert = sample(kind)
    for name in detail_types(alert):
        schema = json.loads((SCHEMAS / f"{name.lower().replace(' ', '-')}.schema.json").read_text())
        Draft202012Validator.check_schema(schema)
        Draft202012Validator(schema).validate(json.loads(detail_of(alert)))


def test_a_detail_too_long_for_the_bus_still_names_the_incident() -> None:
    alert = sample(AlertKind.APPLIED)
    told = json.loads(alert.machine)
    long = replace(alert, machine=json.dumps({**told, "causes": told["causes"] * 2000}))
    detail = json.loads(detail_of(long))
    assert (detail["truncated"], detail["incident"]["id"], detail["branch"]["name"]) == (
        True,
        alert.incident_id,
        "main",
    )
    schema = json.loads((SCHEMAS / "diagnosis-ready.schema.json").read_text())
    Draft202012Validator(schema).validate(detail)


def test_a_diagnosis_has_the_same_form_on_the_bus_and_at_the_terminal() -> None:
    terminal = json.loads((SCHEMAS.parent / "diagnose.schema.json").read_text())
    event = json.loads((SCHEMAS / "diagnosis-ready.schema.json").read_text())["$defs"]
    shared = ("app", "phase", "findings", "roles", "checks", "causes")
    assert {name: event["whole"]["properties"][name] for name in shared} == {
        name: terminal["properties"][name] for name in shared
    }
    for name in ("finding", "verdict", "compute_verdict", "bot"):
        assert event[name] == terminal["$defs"][name]
