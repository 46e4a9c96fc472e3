"""A channel that is out gets its alerts later and loses none. The other channels get theirs at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.conftest import TABLE
from tests.integration.test_requests import incident

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from tests.integration.conftest import World

MANY = 1000


@pytest.fixture
def app(world: World) -> str:
    made = world.make_app()
    world.amplify.control.set_connection(made, "lost")
    return made


def test_a_channel_that_is_out_gets_its_alert_later_and_once(world: World, app: str) -> None:
    world.slack.fail(times=MANY)
    event = world.build(app)
    world.deliver(event)
    assert len(world.emails()) == 1
    world.slack.recover()
    world.deliver(event)
    world.deliver(event)
    assert len(world.slack.posts) == 1
    assert world.emails() == []


def test_the_watcher_sends_alerts_that_are_still_undelivered(world: World, app: str) -> None:
    world.slack.fail(times=MANY)
    world.deliver(world.build(app))
    world.amplify.control.advance(200)
    world.watch()
    assert world.watch() == 0
    world.slack.recover()
    world.amplify.control.advance(3600)
    assert world.watch() == 1
    assert len(world.slack.posts) == 1
    world.amplify.control.advance(3600)
    assert world.watch() == 0


def test_a_later_alert_does_not_replace_an_undelivered_one(world: World, app: str) -> None:
    world.slack.fail(times=MANY)
    world.deliver(world.build(app))
    world.amplify.control.set_connection(app, "ok")
    recovery = world.build(app)
    world.slack.recover()
    world.deliver(recovery)
    first, second = world.alerts()
    assert "Unable to assume" in first
    assert "Recovered" in second


def test_a_dead_channel_is_tried_with_one_alert_per_run(world: World, app: str) -> None:
    world.slack.fail(times=MANY)
    world.deliver(world.build(app))
    world.amplify.control.set_connection(app, "ok")
    world.deliver(world.build(app))
    tries_of_one_alert = _tries(world)
    world.amplify.control.advance(3600)
    world.watch()
    assert _tries(world) <= tries_of_one_alert
    world.slack.recover()
    world.amplify.control.advance(3600)
    world.watch()
    assert len(world.slack.posts) == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("alert", "[]"),
        ("alert", '{"kind": "of another release"}'),
        ("alert", "not JSON"),
        ("lacking", "slack"),
        ("schema", "2"),
    ],
)
def test_a_stored_alert_that_can_not_be_read_does_not_block_its_branch(
    world: World, app: str, name: str, text: str
) -> None:
    table, stored = _stored_alert(world, app)
    table.put_item(TableName=TABLE, Item={**stored, name: {"N" if name == "schema" else "S": text}})
    world.amplify.control.set_connection(app, "ok")
    world.deliver(world.build(app))
    (alert,) = world.alerts()
    assert "Recovered" in alert


def test_a_stored_alert_of_a_newer_release_is_sent_once_that_release_is_back(world: World, app: str) -> None:
    table, stored = _stored_alert(world, app)
    table.put_item(TableName=TABLE, Item={**stored, "alert": {"S": '{"kind": "of another release"}'}})
    for _ in range(2):
        world.amplify.control.advance(3600)
        world.watch()
    assert world.alerts() == []
    table.put_item(TableName=TABLE, Item=stored)
    world.amplify.control.advance(3600)
    world.watch()
    assert len(world.alerts()) == 1


def test_a_stored_alert_of_an_older_release_is_told_in_other_words(world: World, app: str) -> None:
    table, stored = _stored_alert(world, app)
    del stored["schema"]
    table.put_item(TableName=TABLE, Item={**stored, "alert": {"S": '{"kind": "diagnosis", "title": "x"}'}})
    world.amplify.control.advance(3600)
    world.watch()
    (alert,) = world.alerts()
    assert incident(world, app).id in alert
    assert "older version" in alert
    world.amplify.control.advance(3600)
    assert world.watch() == 0


def test_a_stored_alert_that_can_not_be_read_is_abandoned_after_a_week(world: World, app: str) -> None:
    table, stored = _stored_alert(world, app)
    table.put_item(TableName=TABLE, Item={**stored, "alert": {"S": "not JSON"}})
    world.amplify.control.advance(8 * 24 * 3600)
    world.watch()
    assert [item for item in table.scan(TableName=TABLE)["Items"] if "alert" in item] == []


def _stored_alert(world: World, app: str) -> tuple[DynamoDBClient, dict[str, Any]]:
    """The table, and the item of an alert that Slack refused. Slack is back."""
    world.slack.fail(times=MANY)
    world.deliver(world.build(app))
    world.slack.recover()
    table = world.client("dynamodb")
    (stored,) = (item for item in table.scan(TableName=TABLE)["Items"] if "alert" in item)
    return table, stored


def _tries(world: World) -> int:
    """Requests that Slack refused since the last call."""
    tries = len(world.slack.refused)
    world.slack.refused.clear()
    return tries
