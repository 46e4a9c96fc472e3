"""The whole watcher: scheduled runs and deployment events. It handles nothing else."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from medic.aws.errors import RetryableError
from medic.evidence import JobRef
from medic.gateways import Gateways
from medic.incidents.model import Incident
from medic.labels import Label, RoleKind
from medic.records import replace
from medic.settings import Runtime, Settings
from medic.watch.watcher import Watcher
from tests.integration.conftest import REGION
from tests.integration.test_requests import scope

if TYPE_CHECKING:
    from tests.integration.conftest import World


class Queue:
    """A fake of the calls that send messages."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.batches = 0
        self.refuses = False

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> None:  # noqa: N803 - boto3's names
        assert QueueUrl == "queue"
        self.messages.append(json.loads(MessageBody))

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        assert QueueUrl == "queue"
        assert len({entry["Id"] for entry in Entries}) == len(Entries) <= 10
        self.batches += 1
        if self.refuses:
            return {"Failed": [{"Id": "0", "Code": "InternalError", "SenderFault": False}]}
        self.messages += [json.loads(entry["MessageBody"]) for entry in Entries]
        return {}


def watcher(world: World, queue: Queue, **settings: Any) -> Watcher:
    services = world.services()
    gateways = Gateways(
        services.session, world.now, table_name="incidents", on_unreadable=services.telemetry.unreadable
    )
    gateways.clients.__dict__["sqs"] = queue
    runtime = Runtime(Settings.parse(settings), world.amplify.account_id, REGION, "aws", "incidents", queue_url="queue")
    return Watcher(runtime, gateways, services.telemetry)


@pytest.fixture
def app(world: World) -> str:
    """An app that logs an error after a successful deployment."""
    app_id = world.make_app()
    world.build(app_id)
    world.amplify.control.request(app_id, "main")
    world.amplify.control.advance(60)
    return app_id


def test_the_schedule_wakes_the_remediator_for_log_lines_and_for_due_incidents(world: World, app: str) -> None:
    queue = Queue()
    watcher(world, queue).run({"source": "aws.events"}, 30)
    assert [message["detail-type"] for message in queue.messages] == ["Runtime Wake Up"]
    world.deliver(queue.messages[0])
    world.amplify.control.advance(3700)
    watcher(world, queue).run({"source": "aws.events"}, 30)

    assert queue.messages[1]["detail-type"] == "Wake Up"
    assert queue.messages[1]["detail"] == {"appId": app, "branchName": "main"}


@pytest.mark.parametrize(("status", "runs"), [("SUCCEED", {5}), ("FAILED", {1, 2})])
def test_an_app_is_watched_more_often_after_a_successful_deployment(
    world: World, app: str, status: str, runs: set[int]
) -> None:
    queue = Queue()
    both = watcher(world, queue)
    event = {**world.amplify.events[-1], "detail": {**world.amplify.events[-1]["detail"], "jobStatus": status}}
    both.run(event, 30)
    assert queue.messages == []
    for _ in range(5):
        both.run({}, 30)
        world.amplify.control.request(app, "main")
        world.amplify.control.advance(60)

    assert len(queue.messages) in runs


@pytest.mark.usefixtures("app")
def test_a_malformed_event_is_dropped_and_changes_nothing(world: World) -> None:
    queue = Queue()
    watcher(world, queue).run({**world.amplify.events[-1], "account": "999999999999"}, 30)

    assert queue.messages == []
    assert world.client("dynamodb").scan(TableName="incidents")["Items"] == []


@pytest.mark.usefixtures("app")
def test_no_log_is_read_if_none_is_watched(world: World) -> None:
    queue = Queue()
    world.amplify.control.forget_calls()
    watcher(world, queue, watch_runtime="none").run({}, 30)

    assert queue.messages == []
    assert [call["operation"] for call in world.amplify.control.recorded_calls()] == ["ListApps", "ListBranches"]
    assert not [item for item in world.client("dynamodb").scan(TableName="incidents")["Items"] if "state" in item]


def test_a_muted_app_is_not_watched(world: World, app: str) -> None:
    queue = Queue()
    world.services().region.mute(scope(world, app, "*"), world.now() + timedelta(hours=1))
    watcher(world, queue).run({}, 30)
    assert queue.messages == []


def due_branches(world: World, number: int) -> list[str]:
    """Branches on which something is due: alerts that no channel has accepted."""
    table = world.services().table
    names = [f"branch-{n:02}" for n in range(number)]
    for name in names:
        with table.hold(scope(world, "d1a2b3c4d5e6f7", name)) as lease:
            incident = Incident.open(
                lease.record.scope,
                (RoleKind.SERVICE, Label.SERVICE_ROLE_UNASSUMABLE),
                JobRef("1", None),
                app_name="shop",
                now=world.now(),
            )
            lease.save(lease.record.with_incident(replace(incident, alert_due="report:1")))
    world.amplify.control.advance(600)
    return names


def test_due_branches_are_woken_ten_in_a_call(world: World) -> None:
    names, queue = due_branches(world, 23), Queue()
    watcher(world, queue).run({}, 30)
    assert sorted(message["detail"]["branchName"] for message in queue.messages) == names
    assert queue.batches == 3


def test_a_wake_up_that_sqs_did_not_take_is_sent_by_the_next_run(world: World) -> None:
    names, queue = due_branches(world, 2), Queue()
    queue.refuses = True
    with pytest.raises(RetryableError, match="InternalError"):
        watcher(world, queue).run({}, 30)
    queue.refuses = False
    watcher(world, queue).run({}, 30)
    assert len(queue.messages) == len(names)


def test_a_finished_run_of_the_schedule_is_counted_for_the_alarm_on_a_silent_watcher(
    world: World, app: str, caplog: pytest.LogCaptureFixture
) -> None:
    queue = Queue()
    due_branches(world, 1)
    world.build(app)

    def finished() -> int:
        return caplog.messages.count("WatcherRan")

    watcher(world, queue).run(world.amplify.events[-1], 30)
    assert finished() == 0, "a deployment is no sign that the schedule runs"
    queue.refuses = True
    with pytest.raises(RetryableError):
        watcher(world, queue).run({}, 30)
    assert finished() == 0
    queue.refuses = False
    watcher(world, queue).run({}, 30)
    assert finished() == 1
