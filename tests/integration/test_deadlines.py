"""The watcher finds lost or unfinished work, and every incident ends."""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from medic.aws.errors import RetryableError
from medic.evidence import Present
from medic.flows.locked_branch import RecordedError

if TYPE_CHECKING:
    from tests.integration.conftest import World

OPTED_IN = {"amplify-medic:auto-fix": "fix"}
REBUILDING = {**OPTED_IN, "amplify-medic:rebuild": "yes"}
MINUTE = 60
DAY = 24 * 60 * MINUTE


def lost_connection(world: World, tags: dict[str, str]) -> str:
    app = world.make_app(tags=tags)
    world.amplify.control.set_connection(app, "lost")
    return app


def incident(world: World) -> dict[str, object]:
    """The one incident in the table."""
    items = world.client("dynamodb").scan(TableName="incidents")["Items"]
    (found,) = [each for item in items if "incidents" in item for each in json.loads(item["incidents"]["S"])]
    return dict(found)


def test_nothing_is_due_once_everything_is_reported_and_done(world: World) -> None:
    world.deliver(world.build(lost_connection(world, {})))
    world.amplify.control.advance(10 * MINUTE)
    assert world.watch() == 0


def test_a_diagnosis_that_nobody_follows_up_expires_after_a_week(world: World) -> None:
    world.deliver(world.build(lost_connection(world, {})))
    world.amplify.control.advance(7 * DAY + MINUTE)
    assert world.watch() == 1
    assert incident(world)["state"] == "expired"
    assert world.watch() == 0
    assert len(world.alerts()) == 2
    assert "no approval or new build since" in world.alerts()[-1]


def test_a_proposal_that_nobody_approves_expires_after_a_day(world: World) -> None:
    world.deliver(world.build(lost_connection(world, {"amplify-medic:auto-fix": "ask"})))
    assert incident(world)["state"] == "awaiting_approval"
    world.amplify.control.advance(DAY + MINUTE)
    world.watch()
    assert incident(world)["state"] == "expired"


def test_a_role_that_amplify_rejects_although_it_is_old_enough_is_inconclusive(world: World) -> None:
    app = lost_connection(world, OPTED_IN)
    role = world.make_role("compute", age=16 * MINUTE)
    world.settings["compute_roles"] = {role: [app]}
    world.amplify.control.set_propagation(DAY)
    world.deliver(world.build(app))
    assert world.compute_role(app) is None
    assert incident(world)["state"] == "open"
    assert "inconclusive" in world.alerts()[0]


def test_a_role_that_propagates_slowly_is_attached_by_a_later_watcher_run(world: World) -> None:
    app = lost_connection(world, OPTED_IN)
    role = world.make_role("compute", age=0)
    world.settings["compute_roles"] = {role: [app]}
    world.amplify.control.set_propagation(5 * MINUTE)
    world.deliver(world.build(app))
    assert "fix postponed" in world.alerts()[-1]
    world.amplify.control.advance(4 * MINUTE)
    assert world.watch() == 1
    assert world.compute_role(app) == role
    assert "(read back)" in world.alerts()[-1]
    assert len(world.alerts()) == 2


def test_waiting_for_a_new_role_sends_no_further_alert(world: World) -> None:
    app = lost_connection(world, OPTED_IN)
    world.settings["compute_roles"] = {world.make_role("compute", age=0): [app]}
    world.amplify.control.set_propagation(12 * MINUTE)
    world.deliver(world.build(app))
    for _ in range(2):
        world.amplify.control.advance(3 * MINUTE)
        world.watch()
    assert len(world.alerts()) == 1


def test_the_bot_gives_up_on_a_role_that_is_unassumable_when_it_is_no_longer_new(world: World) -> None:
    app = lost_connection(world, OPTED_IN)
    world.settings["compute_roles"] = {world.make_role("compute", age=0): [app]}
    world.amplify.control.set_propagation(DAY)
    world.deliver(world.build(app))
    world.amplify.control.advance(16 * MINUTE)
    world.watch()
    assert world.compute_role(app) is None
    assert "AWS refused" in world.alerts()[-1]
    assert incident(world)["state"] == "open"


@pytest.mark.parametrize(("status", "state"), [("SUCCEED", "resolved"), ("FAILED", "not_helped")])
def test_a_rebuild_whose_event_was_lost_is_settled_by_the_job_status(world: World, status: str, state: str) -> None:
    app = world.make_app(tags=REBUILDING)
    world.amplify.control.set_connection(app, "lost")
    failed = world.build(app)
    world.amplify.control.set_connection(app, "ok" if status == "SUCCEED" else "lost")
    world.deliver(failed)
    assert incident(world)["state"] == "rebuilding"
    world.amplify.control.advance(3 * 60 * MINUTE + MINUTE)
    assert world.watch() == 1
    assert incident(world)["state"] == state
    assert len(world.alerts()) == 2


def test_a_rebuild_that_still_runs_is_given_more_time(world: World) -> None:
    app = lost_connection(world, REBUILDING)
    failed = world.build(app)
    world.amplify.control.set_build_time(DAY)
    world.deliver(failed)
    world.amplify.control.advance(3 * 60 * MINUTE + MINUTE)
    world.watch()
    assert incident(world)["state"] == "rebuilding"
    assert world.watch() == 0


def test_an_undelivered_alert_is_sent_by_a_later_watcher_run(world: World) -> None:
    world.slack.fail(times=10)
    event = world.build(lost_connection(world, {}))
    world.deliver(event)
    world.slack._failures.clear()
    world.amplify.control.advance(4 * MINUTE)
    assert world.watch() == 1
    assert len(world.alerts()) == 1
    assert len(world.emails()) == 1
    assert world.watch() == 0


def test_a_hand_made_wake_up_does_nothing(world: World) -> None:
    app = lost_connection(world, OPTED_IN)
    world.build(app)
    message = {
        "source": "amplify-medic",
        "detail-type": "Wake Up",
        "account": world.amplify.account_id,
        "region": "eu-central-1",
        "detail": {"appId": app, "branchName": "main", "roleArn": "arn:aws:iam::1:role/x"},
    }
    world.deliver(message)
    assert world.calls("UpdateBranch") == []
    assert world.alerts() == []


# --- what fails each time


def interrupted(world: World, tags: dict[str, str]) -> str:
    """An app on whose branch a run set the role and ended before its alert."""
    app = lost_connection(world, tags)
    event = world.build(app)
    for read_back in (3, 4, 5):
        world.amplify.control.fail_call("GetBranch", "throttle", read_back)
    with pytest.raises(RecordedError):
        world.deliver(event)
    assert world.compute_role(app) == world.default_role_arn
    assert world.alerts() == []
    return app


def watch_for(world: World, minutes: int) -> list[int]:
    """Run the watcher each minute. Returns the minutes in which it woke the bot."""
    woken = []
    for minute in range(1, minutes + 1):
        world.amplify.control.advance(MINUTE)
        due = world.due()
        if due is not None and due <= world.now():
            woken.append(minute)
            with suppress(RecordedError):
                world.watch()
    return woken


def test_an_incident_that_fails_each_time_backs_off_and_is_closed_with_an_alert(world: World) -> None:
    interrupted(world, OPTED_IN)
    services = world.services()
    throttled = RetryableError("amplify:GetJob", "ThrottlingException", "Rate exceeded")
    vars(services.gatherer)["deployment"] = Mock(side_effect=throttled)
    vars(world)["services"] = lambda: services
    woken = watch_for(world, 26 * 60)
    waits = [later - earlier for earlier, later in pairwise(woken)]
    assert waits == sorted(waits)
    assert max(waits) == 60
    assert len(woken) < 40
    assert incident(world)["state"] == "outcome_unknown"
    (alert,) = world.alerts()
    assert "none → default-compute" in alert or world.default_role_arn in alert


@pytest.mark.parametrize(
    "change", ["ignore", "no tag", "the job can't be read", "the settings name other apps", "only reports"]
)
def test_a_change_is_told_whatever_happens_after_it(world: World, change: str) -> None:
    app = interrupted(world, OPTED_IN)
    tags = world.amplify.fake.state.branch(app, "main")[1].tags
    match change:
        case "ignore":
            tags["amplify-medic:auto-fix"] = "ignore"
        case "no tag":
            tags.clear()
        case "the job can't be read":
            world.amplify.control.deny("GetJob")
        case "the settings name other apps":
            world.settings["apps"] = ["d1other"]
        case "only reports":
            world.settings["mode"] = "report"
    assert len(watch_for(world, 10)) == 1
    (alert,) = world.alerts()
    assert "none → default-compute" in alert or world.default_role_arn in alert
    assert incident(world)["state"] in {"applied", "outcome_unknown"}
    assert watch_for(world, 10) == []


def test_one_incident_that_fails_stops_no_other_one(world: World) -> None:
    app = lost_connection(world, {})
    world.deliver(world.build(app))
    world.amplify.control.advance(MINUTE)
    world.amplify.control.set_connection(app, "ok")
    world.deliver(
        world.build(app, outcome="lines", lines=["ERROR CredentialsProviderError: Could not load credentials"])
    )
    services = world.services()
    vars(services.amplify)["jobs"] = Mock(side_effect=[ValueError("a bug"), Present(())])
    vars(world)["services"] = lambda: services
    world.amplify.control.advance(7 * DAY + MINUTE)
    with pytest.raises(RecordedError):
        world.watch()
    items = world.client("dynamodb").scan(TableName="incidents")["Items"]
    states = [each["state"] for item in items if "incidents" in item for each in json.loads(item["incidents"]["S"])]
    assert sorted(states) == ["expired", "open"]


# --- lost events


@pytest.mark.parametrize("tags", [{}, OPTED_IN, {"amplify-medic:auto-fix": "ask"}], ids=["report", "fix", "ask"])
def test_a_success_whose_event_was_lost_closes_the_incident_at_its_deadline(world: World, tags: dict[str, str]) -> None:
    app = lost_connection(world, tags)
    world.deliver(world.build(app))
    world.amplify.control.set_connection(app, "ok")
    world.amplify.control.advance(MINUTE)
    world.build(app)
    world.amplify.control.advance(7 * DAY + MINUTE)
    world.watch()
    assert incident(world)["state"] == "resolved"
    assert "Recovered" in world.alerts()[-1]


def test_an_earlier_success_closes_nothing(world: World) -> None:
    app = world.make_app()
    world.build(app)
    world.amplify.control.set_connection(app, "lost")
    world.amplify.control.advance(MINUTE)
    world.deliver(world.build(app))
    world.amplify.control.advance(7 * DAY + MINUTE)
    world.watch()
    assert incident(world)["state"] == "expired"
