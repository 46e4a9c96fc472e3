"""Once an incident is recorded, its due time continues it, and its message may be deleted. Before that, it may not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from medic.aws.errors import AmbiguousError, RetryableError
from medic.flows.locked_branch import RecordedError
from medic.incidents.table import BusyError
from tests.integration.test_deadlines import OPTED_IN, lost_connection
from tests.integration.test_requests import scope

if TYPE_CHECKING:
    from tests.integration.conftest import World


def test_a_failure_after_the_intent_is_recorded_and_the_watcher_continues_it(world: World) -> None:
    app = lost_connection(world, OPTED_IN)
    event = world.build(app)
    world.amplify.control.fail_call("UpdateBranch", "server_error")
    with pytest.raises(RecordedError) as failed:
        world.deliver(event)
    assert isinstance(failed.value.cause, AmbiguousError)
    world.amplify.control.advance(10 * 60)
    assert world.watch() == 1
    assert world.compute_role(app) == world.default_role_arn
    assert len(world.alerts()) == 1


def test_a_failure_before_anything_is_recorded_needs_its_message(world: World) -> None:
    event = world.build(lost_connection(world, OPTED_IN))
    for nth in (1, 2, 3):
        world.amplify.control.fail_call("GetJob", "throttle", nth)
    with pytest.raises(RetryableError):
        world.deliver(event)
    assert world.watch() == 0


def test_a_busy_branch_needs_its_message(world: World) -> None:
    app = lost_connection(world, OPTED_IN)
    event = world.build(app)
    with world.services().table.hold(scope(world, app)), pytest.raises(BusyError):
        world.deliver(event)


def test_an_alert_that_is_kept_for_a_channel_needs_no_message(world: World) -> None:
    world.slack.fail(times=10)
    world.deliver(world.build(lost_connection(world, {})))
    world.slack.recover()
    world.amplify.control.advance(10 * 60)
    assert world.watch() == 1
    assert len(world.alerts()) == 1
