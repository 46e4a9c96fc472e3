"""Every path without a fault: its changes, and that the invariants of the fault tests hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from medic.incidents.table import BusyError
from tests.faults.builds import attach, attach_and_rebuild
from tests.faults.fault import Fault
from tests.faults.invariants import check_closed, check_reported, check_safety
from tests.faults.paths import PATHS, Path, calls_of, recorded
from tests.faults.wire import Call, Json
from tests.faults.world import SET_ROLE, Write

if TYPE_CHECKING:
    from collections.abc import Mapping

ATTACHED, REBUILT, REPAIRED = "UpdateBranch default-compute", "StartJob RETRY", "UpdateApp good-service"
CHANGES: Mapping[str, list[str]] = {
    "attach": ["UpdateBranch paired"],
    "attach_and_rebuild": [ATTACHED, REBUILT],
    "rebuild_succeeded": [ATTACHED, REBUILT],
    "rebuild_failed_alike": [ATTACHED, REBUILT],
    "rebuild_failed_otherwise": [ATTACHED, REBUILT],
    "rebuild_cancelled": [ATTACHED, REBUILT],
    "repair": [REPAIRED, REBUILT],
    "attach_and_repair": [ATTACHED, REPAIRED, REBUILT],
    "capped": [ATTACHED],
    "approved": [ATTACHED, REBUILT],
    "approved_but_capped": [ATTACHED, ATTACHED],
    "fix_asked_for": [ATTACHED],
    "undo_detaches": [ATTACHED, "UpdateBranch none"],
    "undo_restores": [ATTACHED, REPAIRED, REBUILT, "UpdateApp service", "UpdateBranch old"],
    "undone_then_fails": [ATTACHED, "UpdateBranch none"],
    "app_cools_down": [REPAIRED, REBUILT],
    "runtime_attach": [ATTACHED, REBUILT],
    "runtime_still_failing": [ATTACHED],
    "tried_before": [ATTACHED, REBUILT],
    "deferred": ["UpdateBranch young"],
    "resume_before_write": [ATTACHED, REBUILT],
    "resume_after_write": [ATTACHED, REBUILT],
    "resume_after_rebuild": [ATTACHED, REBUILT],
}
"""The changes of each path. A path that is not listed changes nothing."""


def described(write: Write) -> str:
    """The operation and the role or job type."""
    operation = write.operation.partition(":")[2]
    role = write.role.rpartition("/")[2] or "none" if write.operation in SET_ROLE else write.params["jobType"]
    return f"{operation} {role}"


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_a_path_makes_the_expected_changes_and_reports_them_on_every_channel(path: Path) -> None:
    with path.stage() as (world, remediator):
        remediator.work()
        remediator.run_watcher_until_idle()
        assert list(map(described, world.writes)) == CHANGES.get(str(path), [])
        check_safety(world)
        check_reported(world)
        check_closed(world)
        assert remediator.failures == []


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_a_path_makes_the_calls_listed_in_the_file(path: Path) -> None:
    assert recorded(path).calls == calls_of(path), "if this is intended, run `python -m tests.faults`"


@pytest.mark.parametrize("operation", ["amplify:UpdateBranch", "amplify:StartJob"])
def test_the_client_does_not_retry_a_write_whose_answer_is_lost(operation: str) -> None:
    with Path(attach_and_rebuild).stage() as (world, remediator):
        world.wire.listen(Call(operation, 1), Fault.ANSWER_LOST)
        remediator.work()
        assert list(map(described, world.writes)) == [ATTACHED, REBUILT]
        check_safety(world)


def test_a_rebuild_that_may_have_been_requested_is_not_requested_again() -> None:
    with Path(attach_and_rebuild).stage() as (world, remediator):
        pass_on = world.wire.before

        def die_before_it_is_sent(call: Call, params: Json) -> None:
            if call.operation == "amplify:StartJob":
                world.wire.before = pass_on
                world.wire.die()
            pass_on(call, params)

        world.wire.before = die_before_it_is_sent
        remediator.work()
        remediator.start_postponed_rebuilds()
        assert list(map(described, world.writes)) == [ATTACHED]
        assert [message.kind for message in world.messages] == ["applied", "applied"]
        assert "the job is not rebuilt" in world.messages[1].text


def test_two_concurrent_deliveries_make_one_change() -> None:
    with Path(attach).stage() as (world, remediator):
        pass_on, event = world.wire.before, world.amplify.events[-1]

        def meanwhile(call: Call, params: Json) -> None:
            if call.operation == "amplify:UpdateBranch" and world.wire.before is meanwhile:
                world.wire.before = pass_on
                assert isinstance(remediator.run(dict(event)), BusyError)
            pass_on(call, params)

        world.wire.before = meanwhile
        remediator.work()
        assert list(map(described, world.writes)) == CHANGES["attach"]
