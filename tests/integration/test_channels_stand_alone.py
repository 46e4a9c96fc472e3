"""Whatever one channel raises, the others get the alert, the incident is recorded, and the channel gets it later."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from medic.alerts.slack import SlackPost
from medic.events import Scope
from medic.flows.deadlines import handle_overdue
from medic.records import replace
from tests.integration.conftest import REGION

if TYPE_CHECKING:
    from medic.services import Services
    from tests.integration.conftest import World

HIDDEN = "secret-path"
"""In every value that an error must not repeat."""
BOT = {"bot_token_secret": "bot", "channel": "C0DEFAULT"}
ALL = {"slack", "sns", "eventbridge"}


@dataclass
class Client:
    """A client whose calls raise an error or give an answer. Without an outcome, it records what it accepts."""

    outcome: Any = None
    accepted: list[Any] = field(default_factory=list)

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        return self._call

    def _call(self, **params: Any) -> Any:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        if self.outcome is not None:
            return self.outcome
        self.accepted.append(params)
        return {"FailedEntryCount": 0}


def refused(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")


BUG = RuntimeError(f"https://hooks.slack.com/{HIDDEN}")
UNREACHABLE = (
    EndpointConnectionError(endpoint_url="https://aws.invalid"),
    ReadTimeoutError(endpoint_url="https://aws.invalid"),
)
SECRETS: tuple[Any, ...] = (
    refused("AccessDeniedException", "not authorized to perform: secretsmanager:GetSecretValue"),
    refused("AccessDeniedException", "Access to KMS is not allowed"),
    refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret."),
    refused("InvalidRequestException", "the secret is scheduled for deletion"),
    *UNREACHABLE,
    {"SecretBinary": HIDDEN.encode()},
    {"SecretString": " \n"},
    {"SecretString": f'{{"webhook": "https://hooks.slack.com/{HIDDEN}"'},
    {"SecretString": f'{{"url": "https://hooks.slack.com/{HIDDEN}", "team": "x"}}'},
    {"SecretString": f"hooks.slack.com/{HIDDEN}"},
    {},
    BUG,
)
TOPIC = (
    refused("KMSAccessDeniedException", "not allowed to use the key"),
    refused("AuthorizationErrorException", "not authorized to perform: SNS:Publish"),
    refused("NotFoundException", "Topic does not exist"),
    refused("Throttled", "Rate exceeded"),
    *UNREACHABLE,
    BUG,
)
BUS: tuple[Any, ...] = (
    {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]},
    {"FailedEntryCount": 1, "Entries": [{}]},
    refused("AccessDeniedException", "not authorized to perform: events:PutEvents"),
    *UNREACHABLE,
    {},
    BUG,
)
NETWORK = (
    socket.gaierror("Name or service not known"),
    TimeoutError("timed out"),
    ConnectionResetError(),
    BUG,
)
PAGES = ((500, "<html>"), (403, "invalid_token"), (404, f"not found: /{HIDDEN}"), (200, "<html>"))
API_PAGES = (
    (503, "<html>"),
    (200, '{"ok": false, "error": "token_revoked"}'),
    (200, '{"ok": true}'),
    (200, "null"),
    (200, "not JSON"),
)


Break = Callable[["World", "Services", pytest.MonkeyPatch], None]


def by_client(service: str, outcome: Any) -> Break:
    return lambda _, services, __: vars(services.clients).update({service: Client(outcome)})


def by_answer(status: int, page: str) -> Break:
    def answer(world: World, _: Services, __: pytest.MonkeyPatch) -> None:
        for _attempt in range(3):
            world.slack.answer(status, page)

    return answer


def by_network(error: Exception) -> Break:
    def unreachable(*_: object, **__: object) -> None:
        raise error

    return lambda _, __, patch: patch.setattr("socket.create_connection", unreachable)


FAILURES = [
    *(("slack", kind, by_client("secrets", outcome)) for kind in ("webhook", "bot") for outcome in SECRETS),
    *(("slack", "webhook", by_answer(*page)) for page in PAGES),
    *(("slack", "bot", by_answer(*page)) for page in API_PAGES),
    *(("slack", kind, by_network(error)) for kind in ("webhook", "bot") for error in NETWORK),
    *(("sns", "webhook", by_client("sns", outcome)) for outcome in TOPIC),
    *(("eventbridge", "webhook", by_client("events", outcome)) for outcome in BUS),
]


def services_of(world: World) -> Services:
    """The bot with a recording event bus, and with the fake's Web API."""
    services = world.services()
    *others, slack = services.channels
    assert isinstance(slack, SlackPost)
    vars(services)["channels"] = (*others, replace(slack, api_url=f"{world.slack.url}/api/"))
    vars(services.clients)["events"] = Client()
    return services


def received(world: World, services: Services) -> dict[str, int]:
    """How many alerts each channel got since the last call."""
    bus: Any = services.clients.events
    posts = len(world.slack.shown())
    world.slack.posts.clear()
    return {"slack": posts, "sns": len(world.emails()), "eventbridge": len(bus.accepted)}


@pytest.mark.parametrize(("channel", "slack_by", "break_it"), FAILURES)
def test_one_channel_fails_alone(
    world: World, channel: str, slack_by: str, break_it: Break, caplog: pytest.LogCaptureFixture
) -> None:
    world.client("secretsmanager").create_secret(Name="bot", SecretString="xoxb-invented")
    if slack_by == "bot":
        world.settings["slack"] = BOT
    app = world.make_app()
    world.amplify.control.set_connection(app, "lost")
    event, broken = world.build(app), services_of(world)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("slack_sdk.http_retry.handler.time.sleep", lambda _: None)
        break_it(world, broken, patch)
        world.deliver(event, broken)

    assert received(world, broken) == {name: int(name != channel) for name in ALL}
    scope = Scope("aws", world.amplify.account_id, REGION, app, "main")
    (incident,) = broken.table.read(scope).incidents
    assert {receipt.rpartition("/")[2] for receipt in incident.alerted} == ALL - {channel}
    (alert_key,) = incident.undelivered
    stored = broken.table.undelivered_alert(incident.id, alert_key)
    assert stored is not None
    assert stored.lacking == (channel,)
    assert HIDDEN not in caplog.text

    world.slack.recover()
    world.amplify.control.advance(200)
    healed = services_of(world)
    handle_overdue(scope, healed)
    assert received(world, healed) == {name: int(name == channel) for name in ALL}
