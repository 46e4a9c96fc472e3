"""Services that are down, workers that die and events that come at once: each job is told, and once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from medic.events import RequestKind
from tests.conftest import EVERY_FAULT
from tests.faults import builds, requests
from tests.faults.arrange import ASK, FIX, build, failing, with_broken_service_role
from tests.faults.fault import Fault
from tests.faults.invariants import check_reported, check_safety
from tests.faults.paths import Path, calls_of
from tests.faults.remediator import Remediator
from tests.faults.wire import SLACK, Call
from tests.faults.world import wired_world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.paths import Arrange
    from tests.faults.wire import Json
    from tests.faults.world import WiredWorld

HOUR = 3600.0
KILLED: tuple[Arrange, ...] = (
    builds.diagnosis,
    builds.attach_and_rebuild,
    builds.rebuild_succeeded,
    builds.repair,
    builds.runtime_attach,
    requests.approved,
    requests.undo_detaches,
)
"""The paths on which a worker is killed after each call."""


@pytest.fixture
def world() -> Iterator[WiredWorld]:
    with wired_world() as opened:
        opened.settings["limits"] = {"fresh_minutes": 600}
        yield opened


def told(world: WiredWorld) -> Counter[tuple[str, str]]:
    """How often the topic published each kind of alert of each incident."""
    return Counter((str(message.kind), message.incident) for message in world.messages)


def check_told_once(world: WiredWorld, remediator: Remediator) -> None:
    """Check that everything was told once on every channel, and that nothing is left in the queue."""
    assert set(told(world).values()) == {1}
    assert len(world.slack.posts) == len(world.messages)
    assert (world.queue.waiting, remediator.dead_letters) == ([], [])
    check_safety(world)
    check_reported(world)


@pytest.mark.parametrize("service", ["dynamodb", "amplify", "slack", "iam", "s3", "sqs"])
def test_after_an_hour_of_outage_everything_is_told_once(world: WiredWorld, service: str) -> None:
    remediator = Remediator(world)
    recovering, proposing = failing(world, name="recovering"), failing(world, tags=ASK, name="proposing")
    for app in (recovering, proposing):
        build(world, app)
    remediator.work()
    before = len(world.messages)

    world.wire.down = frozenset({service})
    world.amplify.control.set_connection(recovering, "ok")
    build(world, recovering)
    build(world, failing(world, name="reporting"))
    build(world, failing(world, tags=FIX, name="fixing"))
    build(world, world.make_app(name="other"), outcome="npm_failure")
    remediator.send(world.approves(proposing))
    remediator.work_for(HOUR)
    world.wire.down = frozenset()
    remediator.work_for(2 * HOUR)

    kinds = Counter(str(message.kind) for message in world.messages[before:])
    assert kinds == {"resolved": 1, "open": 1, "applied": 2}
    check_told_once(world, remediator)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize with every call of the diagnosis, or of all these paths if every fault is asked for."""
    if "killed_at" in metafunc.fixturenames:
        paths = [Path(arrange) for arrange in (KILLED if metafunc.config.getoption(EVERY_FAULT) else KILLED[:1])]
        cases = [pytest.param(path, call, id=f"{path}-{call}") for path in paths for call in calls_of(path)]
        metafunc.parametrize(("path", "killed_at"), cases)


def test_a_worker_that_is_killed_after_a_call_leaves_nothing_untold(path: Path, killed_at: Call) -> None:
    with path.stage() as (world, remediator):
        world.wire.listen(killed_at, Fault.DEATH)
        remediator.work()
        remediator.run_watcher_until_idle()
        assert (world.queue.waiting, remediator.dead_letters) == ([], [])
        check_safety(world)
        check_reported(world)


def test_a_worker_that_is_killed_one_call_later_each_time_gets_there(world: WiredWorld) -> None:
    remediator = Remediator(world, watches=False)
    app = failing(world, tags=FIX)
    build(world, app)
    runs = 0

    def kill(nth: int) -> None:
        world.wire.listen()
        pass_on = world.wire.before

        def strike(call: Call, params: Json) -> None:
            if len(world.wire.seen) > nth:
                world.wire.before = pass_on
                world.wire.die()
            pass_on(call, params)

        world.wire.before = strike

    while world.queue.waiting or runs == 0:
        runs += 1
        kill(runs)
        remediator.step()
        world.wire.before = world.call_arrives
    assert 10 < runs < 30
    assert remediator.dead_letters == []
    assert [str(message.kind) for message in world.messages][-1] == "applied"
    assert [write.operation for write in world.writes] == ["amplify:UpdateBranch"]
    check_safety(world)


def test_of_fifteen_branches_that_fail_at_once_none_is_lost(world: WiredWorld) -> None:
    """Each of them wants to repair the app's service role, whose lease only one run has."""
    remediator = Remediator(world)
    app = with_broken_service_role(world)
    branches = ["main", *(f"branch-{n}" for n in range(14))]
    for branch in branches[1:]:
        world.client("amplify").create_branch(appId=app, branchName=branch, stage="BETA", tags=FIX)
    for branch in branches:
        world.build(app, branch)
    pass_on = world.wire.before

    def meanwhile(call: Call, params: Json) -> None:
        if call.operation == "amplify:UpdateApp" and world.wire.before is meanwhile:
            world.wire.before = pass_on
            for message in [each for each in world.queue.waiting if each.receives == 0]:
                remediator.deliver(message)
        pass_on(call, params)

    world.wire.before = meanwhile
    remediator.work()

    assert {incident["pk"].rpartition("#")[2] for incident in world.incidents() if incident["label"] != "storm"} == set(
        branches
    )
    assert [write.operation for write in world.writes].count("amplify:UpdateApp") == 1
    assert (world.queue.waiting, remediator.dead_letters) == ([], [])
    remediator.run_watcher_until_idle()
    check_safety(world)
    check_reported(world)


def test_events_that_come_twice_are_told_once(world: WiredWorld) -> None:
    remediator = Remediator(world)
    for number in range(3):
        build(world, failing(world, tags=FIX if number else None, name=f"shop-{number}"))
    for event in world.amplify.events:
        if event["detail"]["jobStatus"] == "FAILED":
            remediator.send(event)
    remediator.work()
    check_told_once(world, remediator)


def test_a_message_that_became_a_dead_letter_is_handled_after_a_redrive(world: WiredWorld) -> None:
    remediator = Remediator(world)
    world.wire.down = frozenset({"dynamodb"})
    build(world, failing(world))
    began = world.now()
    remediator.work()
    assert len(remediator.dead_letters) == 1
    assert timedelta(hours=4.5) < world.now() - began < timedelta(hours=6)
    assert world.queue.waiting == []

    world.wire.down = frozenset()
    world.queue.redrive()
    remediator.work()
    check_told_once(world, remediator)


def test_a_failure_is_told_at_the_last_attempt_if_amplify_never_answers(world: WiredWorld) -> None:
    remediator = Remediator(world)
    world.wire.down = frozenset({"amplify"})
    build(world, failing(world))
    remediator.work()
    assert [message.kind for message in world.messages] == ["undiagnosed"]
    assert (world.queue.waiting, remediator.dead_letters) == ([], [])


def test_an_answer_is_given_while_slack_is_down(world: WiredWorld) -> None:
    remediator = Remediator(world)
    app = failing(world, tags=FIX)
    build(world, app)
    remediator.work()
    world.wire.down = frozenset({SLACK.partition(":")[0]})
    remediator.run(world.asks(RequestKind.UNDO, app))
    (request,) = world.requests()
    assert request["answer"].startswith("attach_compute detached")
    assert world.queue.waiting == []
