"""A small world under moto: Amplify, IAM, DynamoDB, SNS, Secrets Manager, a Slack endpoint and the bot."""

from __future__ import annotations

import json
import signal
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from aws_lambda_powertools import Logger, Metrics
from moto.dynamodb.models import dynamodb_backends
from moto.iam.models import iam_backends

from medic import queue
from medic.events import RequestMessage, Scope, request_message, wake_up
from medic.incidents.requests import request_of
from medic.services import Services
from medic.settings import Runtime, Settings
from medic.telemetry import Telemetry, TelemetryEvent
from tests.fakes.amplify.moto_adapter import AmplifyOnMoto, amplify_on_moto
from tests.fakes.aws_managed import load_aws_managed
from tests.fakes.queue import AWS, OPERATOR, URL, FakeQueue
from tests.fakes.quick_session import QuickSession
from tests.fakes.slack import FakeSlack
from tests.fakes.sns_inbox import SnsInbox
from tests.fakes.sqs_batch import OPERATOR_ROLE_ID, SLACK_ROLE_ID
from tests.fakes.trail import FakeTrail, fake_trail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.events import RequestKind
    from medic.incidents.model import Request

REGION = "eu-central-1"
PLAIN_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "amplify.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
TABLE = "incidents"
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
SECRET = "slack-webhook"


class RecordingTelemetry(Telemetry):
    """Also keeps the exceptions that ended runs of a flow."""

    def __init__(self) -> None:
        super().__init__(Logger(service="test"), Metrics(namespace="test", service="test"))
        self.failures: list[Exception] = []

    def record(self, event: TelemetryEvent, **details: object) -> None:
        failed = (TelemetryEvent.MESSAGE_RETRIED, TelemetryEvent.LEFT_TO_WATCHER, TelemetryEvent.WAKE_UP_DROPPED)
        if event in failed and isinstance(why := details["why"], Exception):
            self.failures.append(why)
        super().record(event, **details)


@dataclass
class World:
    """Everything that a test sets up and checks."""

    amplify: AmplifyOnMoto
    slack: FakeSlack
    topic_arn: str
    inbox: SnsInbox
    default_role_arn: str
    actor_role_arn: str
    settings: dict[str, Any] = field(default_factory=dict)
    waited: list[float] = field(default_factory=list)
    trail: FakeTrail = field(default_factory=FakeTrail)

    def __post_init__(self) -> None:
        self.queue = FakeQueue(self.now)

    def client(self, service: str) -> Any:
        """A client for the test's own calls."""
        return setup_session().client(service)

    def now(self) -> datetime:
        """The fake's clock. Only a test or a pause advances it."""
        return self.amplify.time.now()

    def make_role(self, name: str, trust: object = PLAIN_TRUST, *, age: float = 3600) -> str:
        """Create a role with this trust policy and this age in seconds."""
        iam = self.client("iam")
        made = iam.create_role(RoleName=name, Path="/app/", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
        stored = iam_backends[self.amplify.account_id]["aws"].roles[made["RoleId"]]
        stored.create_date = self.now() - timedelta(seconds=age)
        return str(made["Arn"])

    def attach_aws_managed(self, role: str, policy: str) -> None:
        """Attach an AWS-managed policy, as moto packs it."""
        arn = load_aws_managed(policy, self.amplify.account_id)
        self.client("iam").attach_role_policy(RoleName=role, PolicyArn=arn)

    def make_app(self, *, tags: dict[str, str] | None = None, branch: str = "main", **app: Any) -> str:
        """Create an SSR app with one branch. Returns the app's id."""
        amplify = self.client("amplify")
        fields = {"platform": "WEB_COMPUTE", "repository": "https://github.com/acme/shop", **app}
        app_id = str(amplify.create_app(name=fields.pop("name", "shop"), **fields)["app"]["appId"])
        amplify.create_branch(appId=app_id, branchName=branch, stage="PRODUCTION", tags=tags or {})
        return app_id

    def build(self, app_id: str, branch: str = "main", **script: Any) -> dict[str, Any]:
        """Run a build to its end. Returns the last event that it sent."""
        if script:
            self.amplify.control.script_builds(app_id, branch, script)
        self.client("amplify").start_job(appId=app_id, branchName=branch, jobType="RELEASE")
        return dict(self.amplify.events[-1])

    def services(self, **changes: Any) -> Services:
        """The bot, wired to this world."""
        runtime = Runtime(
            settings=self.parsed_settings(),
            account=self.amplify.account_id,
            region=REGION,
            partition="aws",
            table=TABLE,
            queue_url=URL,
            topic_arn=self.topic_arn,
            actor_role_arn=self.actor_role_arn,
            default_role_arn=self.default_role_arn,
            operator_role_id=OPERATOR_ROLE_ID,
            slack_role_id=SLACK_ROLE_ID,
        )
        wiring = {"session": bot(), "clock": self.now, "pause": self._pause, **changes}
        services = Services(runtime=runtime, telemetry=RecordingTelemetry(), **wiring)
        vars(services.clients)["sqs"] = self.queue
        return services

    def deliver(
        self, event: dict[str, Any], services: Services | None = None, sender: str = AWS, *, age: float = 0
    ) -> None:
        """Deliver one message of this age in seconds, once. Raises what ended the run, if it failed."""
        services = services or self.services()
        message, telemetry = self.queue.send(event, sender), services.telemetry
        message.sent_at -= timedelta(seconds=age)
        self.queue.poll(lambda batch: queue.handle(batch, services), message)
        if isinstance(telemetry, RecordingTelemetry) and telemetry.failures:
            raise telemetry.failures.pop()

    def ask(
        self,
        kind: RequestKind,
        app_id: str,
        branch: str = "main",
        *,
        sender: str = OPERATOR,
        age: float = 0,
        **fields: Any,
    ) -> Request | None:
        """Deliver a request of a person. Returns it as the table holds it then."""
        scope, services = Scope("aws", self.amplify.account_id, REGION, app_id, branch), self.services()
        asked = RequestMessage(scope, kind, fields.pop("id", uuid4().hex), **fields)
        self.deliver(request_message(asked), services, sender, age=age)
        return services.requests.read(scope, request_of(asked, "", self.now()).id)

    def parsed_settings(self) -> Settings:
        """The stack's settings, and the test's own."""
        origins = [self.amplify.log_origin]
        return parsed(json.dumps({"log_url_origins": origins, "slack": {"webhook_secret": SECRET}, **self.settings}))

    def watch(self) -> int:
        """Run the watcher and deliver each wake-up to the bot. Returns their number."""
        services = self.services()
        due = list(services.table.due())
        for wake in due:
            self.deliver(wake_up(wake.scope, wake.request_id), services)
        return len(due)

    def due(self) -> datetime | None:
        """The next time at which the watcher has to wake the bot."""
        table = dynamodb_backends[self.amplify.account_id][REGION].tables[TABLE]
        times = [float(item.attrs["due_at"].value) for item in table.all_items() if "due" in item.attrs]
        return datetime.fromtimestamp(min(times), UTC) if times else None

    def compute_role(self, app_id: str, branch: str = "main") -> str | None:
        """The branch's current compute role, from GetBranch."""
        found = self.client("amplify").get_branch(appId=app_id, branchName=branch)["branch"]
        arn: str | None = found.get("computeRoleArn")
        return arn

    def calls(self, operation: str) -> list[Any]:
        """Amplify's calls of one operation, in order."""
        return self.amplify.control.recorded_calls(operation)

    def emails(self) -> list[str]:
        """The texts that the topic's subscribers got."""
        return [str(notification["Message"]) for notification in self.inbox.take()]

    def alerts(self) -> list[str]:
        """The full text of each message that Slack got, in order."""
        return [json.dumps(post.body, ensure_ascii=False) for post in self.slack.posts]

    def _pause(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.amplify.control.advance(seconds)


@cache
def parsed(settings: str) -> Settings:
    """Settings from JSON, parsed once, because a function parses them when it starts and not at each event."""
    return Settings.parse(json.loads(settings))


@cache
def setup_session() -> QuickSession:
    """The session for everything except the bot."""
    return QuickSession("hands", REGION)


@cache
def bot() -> QuickSession:
    """The bot's session, shared by all worlds like in a warm function."""
    return QuickSession("bot", REGION)


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with FakeSlack() as endpoint:
        yield endpoint


@pytest.fixture
def world(slack: FakeSlack, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world without faults."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with open_world(slack) as made:
        yield made


@contextmanager
def open_world(slack: FakeSlack) -> Iterator[World]:
    """Open a world without faults. `ENVIRONMENT` must be set."""
    with amplify_on_moto(region=REGION) as amplify, fake_trail() as trail:
        iam, sns = setup_session().client("iam"), setup_session().client("sns")
        make_table()
        topic = sns.create_topic(Name="alerts")["TopicArn"]
        inbox = SnsInbox.subscribe(sns, setup_session().client("sqs"), topic)
        setup_session().client("secretsmanager").create_secret(Name=SECRET, SecretString=slack.webhook_url)
        roles = {
            name: iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(PLAIN_TRUST))["Role"]["Arn"]
            for name in ("default-compute", "actor")
        }
        made = World(amplify, slack, topic, inbox, roles["default-compute"], roles["actor"], trail=trail)
        amplify.control.set_propagation(10)
        amplify.control.advance(3600)
        made.parsed_settings()
        yield made


def make_table() -> None:
    """Create the incidents table as the stack does."""
    setup_session().client("dynamodb").create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "due", "AttributeType": "S"},
            {"AttributeName": "due_at", "AttributeType": "N"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "due",
                "KeySchema": [
                    {"AttributeName": "due", "KeyType": "HASH"},
                    {"AttributeName": "due_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )


@pytest.fixture
def sigint_raises() -> Iterator[None]:
    """Ctrl-C as at a terminal. A shell starts background jobs with SIGINT ignored, and children inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
