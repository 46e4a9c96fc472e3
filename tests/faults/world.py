"""The fault suite's world: the integration tests' world, with the bot on the wire and its writes recorded."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from moto.dynamodb.models import dynamodb_backends

from medic.events import RequestKind, RequestMessage, Scope, request_message
from medic.incidents.table import DUE_INDEX
from tests.fakes.amplify.moto_adapter import amplify_on_moto
from tests.fakes.quick_session import QuickSession
from tests.fakes.slack import FakeSlack
from tests.fakes.sns_inbox import QueueInbox, SnsInbox
from tests.fakes.trail import fake_trail
from tests.faults.wire import Call, Json, Sent, Wire
from tests.integration.conftest import PLAIN_TRUST, REGION, SECRET, TABLE, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.services import Services
    from tests.fakes.amplify.open_questions import OpenQuestions

SET_ROLE = {"amplify:UpdateBranch": "computeRoleArn", "amplify:UpdateApp": "iamServiceRoleArn"}
"""The operations that set a role, and the one field that each may send."""
START_JOB = "amplify:StartJob"
SECONDS_PER_CALL = 0.02
"""Seconds."""


@cache
def the_wire() -> Wire:
    """One wire for the whole run, because clients are slow to create."""
    return Wire(REGION)


@cache
def the_setup_session() -> QuickSession:
    """The session for everything except the bot."""
    return QuickSession("hands", REGION)


@cache
def the_slack() -> FakeSlack:
    """One Slack for the whole run. It ends with the process."""
    return FakeSlack().__enter__()


@dataclass(frozen=True, slots=True)
class Write:
    """A role that the bot set or a job that it started, and the state when the request arrived."""

    operation: str
    params: Json
    at: datetime
    role_before: str | None
    usable_before: bool
    branch_tags: Json
    app_tags: Json
    stage: str
    incidents: list[Json]
    """The table's incidents of the app's branches and of the region's storms."""
    used: list[Json]
    """The app's requests that were already used."""

    @property
    def target(self) -> tuple[str, str]:
        """App and branch. For an app's role, the branch is empty."""
        return str(self.params["appId"]), str(self.params.get("branchName", ""))

    @property
    def role(self) -> str:
        """The role in the request."""
        return str(self.params[SET_ROLE[self.operation]])

    @property
    def kind(self) -> str:
        """The kind of change that an incident records for it."""
        return "attach_compute" if self.operation == "amplify:UpdateBranch" else "repair_service"

    @property
    def storm(self) -> bool:
        """True if an open storm had been reported."""
        return any(i["label"] == "storm" and i["state"] == "open" and not i["alert_due"] for i in self.incidents)

    @property
    def undone_change(self) -> tuple[Json, Json] | None:
        """The incident and its change that this write undoes."""
        found = (
            (incident, change)
            for incident in self.incidents
            for change in incident["changes"]
            if change["kind"] == self.kind and change["undo_intended_at"] and change["state"] == "applied"
        )
        return next(found, None)

    @property
    def intent(self) -> tuple[Json, Json] | None:
        """The incident and its change that announced this write."""
        found = (
            (incident, change)
            for incident in self.incidents
            for change in incident["changes"]
            if (change["kind"], change["role_arn"], change["state"]) == (self.kind, self.role, "intended")
        )
        return next(found, None)


@dataclass(frozen=True, slots=True)
class Message:
    """An alert as a subscriber of the topic got it."""

    kind: str
    incident: str
    text: str


@dataclass
class WiredWorld(World):
    """A world that records every call of the bot.

    Attributes:
        wire: the bot's calls.
        setup_session: the session for everything except the bot.
        writes: the bot's changes, in order. Requests without effect are not included.
        messages: the alerts that the topic published.
        muted: True if no alert may be sent.
        visited: apps that get a visitor before each watcher run.
    """

    wire: Wire = field(default_factory=the_wire)
    setup_session: QuickSession = field(default_factory=the_setup_session)
    writes: list[Write] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    muted: bool = False
    visited: list[str] = field(default_factory=list)
    _arriving: list[Write] = field(default_factory=list)

    def client(self, service: str) -> Any:
        """A client that is not on the wire."""
        return self.setup_session.client(service)

    def services(self, **changes: Any) -> Services:
        """The bot, on the wire."""
        services = super().services(**{"session": self.wire.session, **changes})
        del vars(services.clients)["sqs"]
        return services

    def witness(self) -> None:
        """Advance the clock with each call, and record the bot's writes."""
        self.wire.before, self.wire.after = self.call_arrives, self.call_took_effect

    def call_arrives(self, call: Call, params: Json) -> None:
        """Before a call is answered."""
        self.amplify.control.advance(SECONDS_PER_CALL)
        if call.operation in SET_ROLE or call.operation == START_JOB:
            self._arriving.append(self._witness(call, params))

    def call_took_effect(self, sent: Sent) -> None:
        """After a call took effect, even if the bot does not get the answer."""
        if sent.call.operation in SET_ROLE or sent.call.operation == START_JOB:
            self.writes.append(self._arriving[-1])
        if sent.call.operation == "sns:Publish":
            attributes = {name: value["StringValue"] for name, value in sent.params["MessageAttributes"].items()}
            self.messages.append(Message(attributes["kind"], attributes["incident"], sent.params["Message"]))

    def incidents(self) -> list[Json]:
        """Every incident in the table, with the scope it is recorded under."""
        table = dynamodb_backends[self.amplify.account_id][REGION].tables[TABLE]
        return [
            {**incident, "pk": item.attrs["pk"].value}
            for item in table.all_items()
            if "incidents" in item.attrs
            for incident in json.loads(item.attrs["incidents"].value)
        ]

    def requests(self) -> list[Json]:
        """Every request in the table: its key and its attributes as text."""
        table = dynamodb_backends[self.amplify.account_id][REGION].tables[TABLE]
        items = [{name: str(value.value) for name, value in item.attrs.items()} for item in table.all_items()]
        return [item for item in items if item["pk"].startswith("request#")]

    def asks(self, kind: RequestKind, app_id: str, branch: str = "main", **fields: Any) -> Json:
        """The message of a person's request."""
        scope = Scope("aws", self.amplify.account_id, REGION, app_id, branch)
        return dict(request_message(RequestMessage(scope, kind, uuid4().hex, **fields)))

    def approves(self, app_id: str, branch: str = "main") -> Json:
        """The message that approves the latest proposal for a branch."""
        *_, proposed = (i for i in self.incidents() if i["pk"].endswith(f"#{app_id}#{branch}"))
        return self.asks(
            RequestKind.APPROVE, app_id, branch, incident_id=proposed["id"], plan_hash=proposed["plan_hash"]
        )

    def slack_names(self, incident_id: str) -> bool:
        """True if a post names the incident, or if Slack is not a channel."""
        silent = self.settings.get("slack") == {}
        return silent or any(incident_id in alert for alert in self.alerts())

    def branches(self) -> Iterator[tuple[str, str]]:
        """Every app and branch."""
        for app in self.amplify.fake.state.apps.values():
            for name in app.branches:
                yield app.app_id, name

    def roles(self) -> dict[str, str | None]:
        """The role of each app and of each branch."""
        state = self.amplify.fake.state
        of_apps = {app.app_id: app.settings.get("iamServiceRoleArn") for app in state.apps.values()}
        of_branches = {
            f"{app_id}/{name}": state.branch(app_id, name)[1].settings.get("computeRoleArn")
            for app_id, name in self.branches()
        }
        return {**of_apps, **of_branches}

    def _witness(self, call: Call, params: Json) -> Write:
        app = self.amplify.fake.state.app(params["appId"])
        name = params.get("branchName")
        branch = app.branches[name] if name else next(iter(app.branches.values()))
        holder = branch.settings if name else app.settings
        field_name = SET_ROLE.get(call.operation, "computeRoleArn")
        return Write(
            operation=call.operation,
            params=params,
            at=self.now(),
            role_before=holder.get(field_name),
            usable_before=self._usable(holder.get(field_name)),
            branch_tags=dict(branch.tags),
            app_tags=dict(app.tags),
            stage=str(branch.settings.get("stage", "NONE")),
            incidents=[i for i in self.incidents() if f"#{app.app_id}#" in i["pk"] or i["label"] == "storm"],
            used=[r for r in self.requests() if f"#{app.app_id}#" in r["pk"] and "used_at" in r],
        )

    def _usable(self, role_arn: str | None) -> bool:
        context = {"aws:SourceAccount": self.amplify.account_id}
        return role_arn is not None and self.amplify.fake.state.usable_role(role_arn, context) is not None


@contextmanager
def wired_world(questions: OpenQuestions | None = None) -> Iterator[WiredWorld]:
    """Open a world without faults. `questions` are the answers to the open questions about Amplify."""
    with (
        amplify_on_moto(questions, region=REGION) as amplify,
        the_wire().plain_http(the_slack()),
        fake_trail() as trail,
    ):
        make = the_setup_session().client
        topic = make("sns").create_topic(Name="alerts")["TopicArn"]
        make("secretsmanager").create_secret(Name=SECRET, SecretString=the_slack().webhook_url)
        make("dynamodb").create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "due", "AttributeType": "S"},
                {"AttributeName": "due_at", "AttributeType": "N"},
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": DUE_INDEX,
                    "KeySchema": [
                        {"AttributeName": "due", "KeyType": "HASH"},
                        {"AttributeName": "due_at", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        roles = [
            make("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(PLAIN_TRUST))["Role"]["Arn"]
            for name in ("default-compute", "actor")
        ]
        nobody = SnsInbox(QueueInbox(make("sqs"), ""))
        the_wire().reset()
        the_slack().posts.clear()
        the_slack().refused.clear()
        world = WiredWorld(amplify, the_slack(), topic, nobody, *roles)
        world.trail = trail
        world.wire.queue = world.queue
        world.witness()
        amplify.control.set_propagation(10)
        amplify.control.advance(_to_the_next_hour_but_one(world.now()))
        yield world


def _to_the_next_hour_but_one(now: datetime) -> float:
    """Seconds. Caps and storms are counted per hour and per ten minutes, so each world starts in a new hour."""
    return 7200 - now.timestamp() % 3600
