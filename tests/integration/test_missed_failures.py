"""EventBridge may lose an event. The watcher finds the failed job, and the bot reports it.

A job that the bot has heard of is not sent again. On the fake, a failed job changes no field of its branch, so the job
is found when the branch is asked anyway.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from medic.aws.errors import RetryableError
from medic.events import missed_failure
from medic.evidence import Job
from medic.flows.locked_branch import RecordedError
from medic.incidents.table import IncidentsTable, branch_key
from medic.records import replace
from medic.watch.missed import GRACE, after_jobs
from medic.watch.rounds import JOB_MINUTES, in_turn
from tests.integration.conftest import REGION, TABLE
from tests.integration.test_requests import TAG, incident, scope
from tests.integration.test_watcher import Queue, watcher

if TYPE_CHECKING:
    from medic.flows.locked_branch import LockedBranch
    from medic.incidents.model import Incident
    from tests.integration.conftest import World

HOUR = 60


@pytest.fixture
def queue() -> Queue:
    return Queue()


def watch(world: World, queue: Queue, minutes: int, **settings: Any) -> list[dict[str, Any]]:
    """Run the watcher in each minute in which it looks at an app. Returns the messages on missed failures."""
    sent = len(queue.messages)
    apps = list(world.services().amplify.apps())
    for _ in range(minutes):
        world.amplify.control.advance(60)
        if in_turn(apps, [int(world.now().timestamp()) // 60], JOB_MINUTES):
            watcher(world, queue, watch_runtime="none", **settings).run({}, 30)
    return [message for message in queue.messages[sent:] if message["detail-type"] == "Missed Failure"]


def interrupted_join(incident: Incident, locked: LockedBranch) -> None:
    locked.save(replace(incident, alert_due="begins"))
    raise ZeroDivisionError


def failing(world: World, **app: Any) -> str:
    app_id = world.make_app(**app)
    world.amplify.control.set_connection(app_id, "lost")
    return app_id


def test_a_lost_event_is_found_within_seven_hours_and_told_once(world: World, queue: Queue) -> None:
    app = failing(world)
    assert watch(world, queue, HOUR) == []
    world.build(app)
    (message,) = watch(world, queue, 7 * HOUR)
    world.deliver(message)

    assert incident(world, app).job_id == "1"
    assert len(world.alerts()) == 1
    assert watch(world, queue, 7 * HOUR) == []


@pytest.mark.parametrize(
    ("tags", "outcome", "alerts"),
    [({}, "ok", 1), ({TAG: "fix"}, "ok", 1), ({TAG: "ignore"}, "ok", 0), ({}, "npm_failure", 0)],
    ids=["advised", "fixed", "ignored", "not IAM's"],
)
def test_a_failure_whose_event_was_handled_is_not_sent_again(
    world: World, queue: Queue, tags: dict[str, str], outcome: str, alerts: int
) -> None:
    app = world.make_app(tags=tags)
    world.amplify.control.set_connection(app, "ok" if outcome == "npm_failure" else "lost")
    watch(world, queue, HOUR)
    world.deliver(world.build(app, outcome=outcome))

    assert watch(world, queue, 7 * HOUR) == []
    assert len(world.alerts()) == alerts


def test_of_two_failures_the_one_without_an_event_is_found(world: World, queue: Queue) -> None:
    app = failing(world)
    watch(world, queue, HOUR)
    world.build(app)
    world.amplify.control.set_connection(app, "ok")
    world.deliver(world.build(app, outcome="npm_failure"))
    (message,) = watch(world, queue, 7 * HOUR)

    assert message["detail"]["jobId"] == "1"


def test_a_failure_that_could_not_be_diagnosed_is_sent_once_more(world: World, queue: Queue) -> None:
    app = failing(world)
    watch(world, queue, HOUR)
    world.amplify.control.deny("GetJob")
    world.deliver(world.build(app))
    world.amplify.control.deny("GetJob", denied=False)
    (message,) = watch(world, queue, 7 * HOUR)
    world.deliver(message)

    assert len(world.alerts()) == 2, "the second one has the diagnosis"
    assert watch(world, queue, 7 * HOUR) == []


def test_a_missed_failure_is_not_fresh_when_its_interrupted_run_is_resumed(world: World) -> None:
    app = failing(world, tags={TAG: "fix"})
    world.build(app)
    world.amplify.control.advance(60)
    missed = missed_failure(scope(world, app), "1", world.now())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("medic.flows.respond.is_storm", lambda *_: True)
        patch.setattr("medic.flows.respond.join_storm", interrupted_join)
        with pytest.raises(RecordedError):
            world.deliver(missed)
    world.amplify.control.advance(2 * 60)
    world.watch()

    assert world.calls("UpdateBranch") == []
    assert "✗ Guardrail fresh: no event came for this job" in world.alerts()[0]


def test_a_failure_counts_as_handled_only_once_it_is_recorded(world: World, queue: Queue) -> None:
    app = failing(world)
    watch(world, queue, HOUR)
    event = world.build(app)
    services = world.services()

    def unwritable(*_: Any, **__: Any) -> None:
        raise RetryableError("dynamodb:TransactWriteItems", "Throttled", "slow down")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(IncidentsTable, "write", unwritable)
        with pytest.raises(RetryableError):
            world.deliver(event, services)

    assert len(watch(world, queue, 7 * HOUR)) == 1


def test_what_is_remembered_of_a_branchs_failures_is_bounded(world: World) -> None:
    app = world.make_app()
    for _ in range(30):
        world.deliver(world.build(app, outcome="npm_failure"))

    heard = world.services().table.read(scope(world, app)).heard
    assert sorted(int(job.partition("@")[0]) for job in heard) == list(range(11, 31))


def test_a_damaged_note_of_a_failure_is_replaced(world: World, queue: Queue) -> None:
    app = failing(world)
    watch(world, queue, HOUR)
    key, damage = {"pk": {"S": branch_key(scope(world, app))}}, {"heard_1": {"N": "7"}, "heard_x": {"S": "?"}}
    world.client("dynamodb").put_item(TableName=TABLE, Item={**key, **damage})
    world.deliver(world.build(app))

    assert watch(world, queue, 7 * HOUR) == []
    assert len(world.alerts()) == 1


def test_a_branch_whose_record_can_not_be_read_is_asked_again(world: World, queue: Queue) -> None:
    app = failing(world)
    watch(world, queue, HOUR)
    world.build(app)
    key = {"pk": {"S": branch_key(scope(world, app))}}
    world.client("dynamodb").put_item(TableName=TABLE, Item={**key, "schema": {"N": "2"}})
    assert watch(world, queue, 7 * HOUR) == []
    world.client("dynamodb").delete_item(TableName=TABLE, Key=key)

    assert len(watch(world, queue, HOUR)) == 1


def test_a_missed_failure_is_never_fresh(world: World, queue: Queue) -> None:
    app = failing(world, tags={TAG: "fix"})
    watch(world, queue, HOUR)
    world.build(app)
    (message,) = watch(world, queue, 7 * HOUR)
    world.deliver(message)

    assert world.compute_role(app) is None
    assert "found late" in world.alerts()[0]


def test_the_first_look_only_notes_what_is_there(world: World, queue: Queue) -> None:
    app = failing(world)
    world.build(app)

    assert watch(world, queue, 8 * HOUR) == []


def test_a_branch_that_shows_no_change_is_asked_every_six_hours(world: World, queue: Queue) -> None:
    world.build(failing(world))
    watch(world, queue, HOUR)
    world.amplify.control.forget_calls()
    watch(world, queue, 12 * HOUR)

    assert len(world.amplify.control.recorded_calls("ListBranches")) == 12
    assert len(world.amplify.control.recorded_calls("ListJobs")) == 2


def test_an_app_that_can_not_be_listed_stops_no_other(world: World, queue: Queue) -> None:
    failing(world)
    app = failing(world, name="other")
    watch(world, queue, HOUR)
    world.build(app)
    world.amplify.control.fail_call("ListBranches", "throttle", 1)

    assert len(watch(world, queue, 8 * HOUR)) == 1


def test_only_listed_apps_are_looked_at(world: World, queue: Queue) -> None:
    app = failing(world)
    watch(world, queue, HOUR, apps=["d00000000000000"])
    world.build(app)

    assert watch(world, queue, 2 * HOUR, apps=["d00000000000000"]) == []


def test_a_damaged_note_of_an_apps_jobs_hides_no_failure(world: World, queue: Queue) -> None:
    app = failing(world)
    watch(world, queue, HOUR)
    world.build(app)
    note = {"pk": {"S": f"cursor#aws#{world.amplify.account_id}#{REGION}#{app}#jobs"}}
    world.client("dynamodb").put_item(TableName=TABLE, Item={**note, "jobs": {"S": "{"}})

    assert len(watch(world, queue, 7 * HOUR)) == 1


def test_a_note_of_a_newer_release_is_left_alone(world: World, queue: Queue) -> None:
    app = failing(world)
    watch(world, queue, HOUR)
    note = {"pk": {"S": f"cursor#aws#{world.amplify.account_id}#{REGION}#{app}#jobs"}}
    newer = {**note, "jobs": {"S": "?"}, "schema": {"N": "2"}}
    world.client("dynamodb").put_item(TableName=TABLE, Item=newer)
    watch(world, queue, HOUR)

    assert world.client("dynamodb").get_item(TableName=TABLE, Key=note)["Item"] == newer


def test_a_note_keeps_what_a_newer_release_wrote_into_it(world: World, queue: Queue) -> None:
    app = failing(world)
    watch(world, queue, HOUR)
    dynamodb = world.client("dynamodb")
    note = {"pk": {"S": f"cursor#aws#{world.amplify.account_id}#{REGION}#{app}#jobs"}}
    stored = json.loads(dynamodb.get_item(TableName=TABLE, Key=note)["Item"]["jobs"]["S"])
    stored["asked_by"] = stored["branches"]["main"]["colour"] = "newer"
    dynamodb.put_item(TableName=TABLE, Item={**note, "jobs": {"S": json.dumps(stored)}})
    world.build(app)
    watch(world, queue, 7 * HOUR)

    kept = json.loads(dynamodb.get_item(TableName=TABLE, Key=note)["Item"]["jobs"]["S"])
    assert (kept["asked_by"], kept["branches"]["main"]["colour"]) == ("newer", "newer")
    assert kept["branches"]["main"]["told"]


@pytest.mark.parametrize("times", [{"ended_at": None}, {"ended_at": None, "started_at": None}], ids=["end", "both"])
def test_a_failed_job_whose_times_are_not_known_is_told_all_the_same(world: World, times: dict[str, Any]) -> None:
    now = world.now()
    job = replace(Job("7", "FAILED", "RELEASE", None, None, now - timedelta(hours=1), now, ()), **times)
    branch = next(world.services().amplify.branches(failing(world)))
    known, missed = after_jobs(branch, None, [job], now - timedelta(days=7), now)

    assert missed == (job,)
    assert after_jobs(branch, known, [job], now - timedelta(days=7), now + timedelta(hours=6))[1] == ()


@pytest.mark.parametrize(("minutes", "told"), [(14, 0), (16, 1), (24 * 60 + 1, 0)])
def test_a_job_is_told_after_its_event_had_time_to_come_and_within_a_day(world: World, minutes: int, told: int) -> None:
    now = world.now()
    ended = now - timedelta(minutes=minutes)
    job = Job("7", "FAILED", "RELEASE", None, None, ended - timedelta(minutes=2), ended, ())
    app = failing(world)
    branch = next(world.services().amplify.branches(app))
    known, missed = after_jobs(branch, None, [job], now - timedelta(days=7), now)

    assert len(missed) == told
    assert (known.state == "") is (timedelta(minutes=minutes) < GRACE), "a young job is asked again"
