"""Nobody makes a request in another's name: who asked is what SQS says, and for Slack what the signature proved."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from medic import queue
from medic.events import RequestKind, RequestMessage, request_message, wake_up
from medic.incidents.model import approval_id
from medic.incidents.requests import request_of
from medic.records import replace
from tests.fakes.queue import AWS, OPERATOR, SLACK
from tests.fakes.sqs_batch import sqs_batch
from tests.integration.test_requests import failing, incident, scope
from tests.unit.slack_actions.clicks import APP, TEAM, USER

if TYPE_CHECKING:
    from tests.integration.conftest import World

AUDITOR = "T0AUDITOR/U0CISO"


@pytest.fixture
def app(world: World) -> str:
    """An app whose incident waits for an approval."""
    world.settings["slack"] = {
        "bot_token_secret": "bot",
        "channel": "C0DEFAULT",
        "signing_secret": "signing",
        "app_id": APP,
        "approvers": [f"{TEAM}/{USER}"],
    }
    return failing(world, "ask")


def approval(world: World, app: str, slack_user: str = "") -> dict[str, Any]:
    proposed = incident(world, app)
    asked = RequestMessage(scope(world, app), RequestKind.APPROVE, "0" * 32, proposed.id, proposed.plan_hash)
    return dict(request_message(replace(asked, slack_user=slack_user)))


@pytest.mark.parametrize(
    ("sender", "user", "who"),
    [(OPERATOR, "", "session:medic-ada"), (OPERATOR, AUDITOR, "session:medic-ada"), (SLACK, f"{TEAM}/{USER}", None)],
    ids=["an operator", "an operator who names somebody else", "an approver in Slack"],
)
def test_history_names_who_sent_the_approval(world: World, app: str, sender: str, user: str, who: str | None) -> None:
    world.deliver(approval(world, app, user), sender=sender)
    assert world.compute_role(app) == world.default_role_arn
    assert incident(world, app).approved_by == (who or f"slack:{user}")


@pytest.mark.parametrize(
    ("sender", "user"),
    [
        (AWS, ""),
        (AWS, f"{TEAM}/{USER}"),
        ("AROASOMEBODYELSE00000:medic-ada", ""),
        (OPERATOR.partition(":")[0], ""),
        (f"{OPERATOR.partition(':')[0]}X:medic-ada", ""),
        (SLACK, ""),
        (SLACK, AUDITOR),
    ],
    ids=["events", "events with a user", "another role", "no session", "a longer id", "no user", "no approver"],
)
def test_a_request_of_anybody_else_is_dropped_and_counted(
    world: World, app: str, sender: str, user: str, caplog: pytest.LogCaptureFixture
) -> None:
    world.deliver(approval(world, app, user), sender=sender)
    assert world.compute_role(app) is None
    assert "RequestUntrusted" in caplog.messages
    assert not [message for message in world.queue.waiting if message.event["detail-type"] == "Request"]


@pytest.mark.parametrize(("hours", "taken"), [(2, True), (3, False), (None, False)])
def test_slack_mutes_for_two_hours_at_most_and_lifts_no_mute(
    world: World, app: str, hours: int | None, *, taken: bool
) -> None:
    until = world.now() + timedelta(hours=hours) if hours is not None else None
    asked = world.ask(RequestKind.MUTE, app, sender=SLACK, slack_user=f"{TEAM}/{USER}", until=until)
    assert (asked is not None) is taken


def test_slack_may_not_ask_for_a_fix(world: World, app: str) -> None:
    assert world.ask(RequestKind.FIX, app, sender=SLACK, slack_user=f"{TEAM}/{USER}") is None


def test_an_invocation_that_looks_like_a_batch_is_no_request(
    world: World, app: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Operators may invoke the function, for the test alert."""
    forged = sqs_batch(approval(world, app, f"{TEAM}/{USER}"), world.now(), sender=SLACK, number=99)
    assert queue.handle(forged, world.services()) == {"batchItemFailures": []}
    assert world.compute_role(app) is None
    assert "RequestUntrusted" in caplog.messages


def test_a_record_that_came_through_no_queue_is_not_used(world: World, app: str) -> None:
    """The table's policy keeps others from writing it. This holds even without."""
    proposed, where = incident(world, app), scope(world, app)
    asked = RequestMessage(where, RequestKind.APPROVE, "", proposed.id, proposed.plan_hash)
    world.services().requests.submit(request_of(asked, f"slack:{AUDITOR}", world.now()))
    world.deliver(wake_up(where, approval_id(proposed.id, proposed.plan_hash)))
    assert world.compute_role(app) is None


def test_an_approval_is_stored_under_the_id_of_its_plan(world: World, app: str) -> None:
    """Whatever id the message has: a second one must meet the first."""
    message = approval(world, app)
    world.deliver(message, sender=OPERATOR)
    proposed = incident(world, app)
    stored = world.services().requests.read(scope(world, app), approval_id(proposed.id, proposed.plan_hash))
    assert stored is not None
    assert stored.who == "session:medic-ada"
    again = {**message, "detail": {**message["detail"], "id": "f" * 32}}
    world.deliver(again, sender=OPERATOR.replace("ada", "eve"))
    assert world.services().requests.read(scope(world, app), "f" * 32) is None
    assert len(world.calls("UpdateBranch")) == 1


def test_times_are_those_of_the_queue(world: World, app: str) -> None:
    sent_at = world.now() - timedelta(seconds=600)
    request = world.ask(RequestKind.FIX, app, age=600)
    assert request is not None
    assert request.asked_at == sent_at.replace(microsecond=0)
