"""Each invariant holds in a world in which nothing happened, and fails in invented ones."""

from __future__ import annotations

import json
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from medic.events import Scope
from medic.incidents.store import SCHEMA, attribute
from medic.settings import Limits
from tests.simulation import invariants
from tests.simulation.invariants import AT_REST, AT_THE_END, SAFETY
from tests.simulation.records import DeadLetter, EndedJob, Message, Write
from tests.simulation.releases import leave_record, open_records
from tests.simulation.steps import Step, carry_out, prepare
from tests.simulation.world import AUTO_FIX, START, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.invariants import Invariant

APP, ROLE, MINUTE = "d1", "arn:aws:iam::123456789012:role/app/default-compute", timedelta(minutes=1)
KEY = f"branch#aws#123456789012#eu-central-1#{APP}#main"
SET, START_JOB = "amplify:UpdateBranch", "amplify:StartJob"


def write(operation: str = SET, session: str = "amplify-medic-1", minutes: float = 0, **fields: Any) -> Write:
    """A change that breaks nothing by itself, apart from an empty table."""
    params = {"appId": APP, "branchName": "main", "computeRoleArn": ROLE}
    if operation == START_JOB:
        params = {"appId": APP, "branchName": "main", "jobId": "7", "jobType": "RETRY"}
    at = START + minutes * MINUTE
    good: dict[str, Any] = {
        "params": {**params, **fields.pop("params", {})},
        "at": at,
        "reserved": at,
        "recorded": False,
        "limits": Limits(),
        "place": (APP, "main"),
        "trigger": "failed",
        "failed_at": at,
        "role_before": None,
        "usable_before": False,
        "branch_tags": {AUTO_FIX: "fix"},
        "app_tags": {},
        "created_at": START,
        "preview": False,
        "muted": timedelta(),
        "storm": False,
        "mode": "fix",
        "paired": frozenset({ROLE}),
        "asked": {},
        "newest_job": 7,
    }
    return Write(operation=operation, session=session, **{**good, **fields})


def message(text: str, **fields: Any) -> Message:
    good: dict[str, Any] = {"kind": "open", "incident": "1", "app": "shop-0", "branch": "main", "at": START}
    rest: dict[str, Any] = {"failed_before": 0, "failed": 0, "asked": 0, "roles": frozenset()}
    rest["composed"] = fields.get("at", START)
    return Message(text=text, **{**good, **rest, **fields})


def writes(*made: Write) -> Callable[[World], None]:
    return lambda world: world.writes.extend(made)


def says(*told: Message) -> Callable[[World], None]:
    return lambda world: world.messages.extend(told)


def dies(*, from_a_person: bool, in_peace: int) -> Callable[[World], None]:
    return lambda world: world.dead.append(DeadLetter("{}", from_a_person, in_peace))


def stored(**attributes: Any) -> Callable[[World], None]:
    return lambda world: world.cloud.table.items.update({KEY: attributes})


def _newer_success(world: World) -> None:
    world.ended.append(EndedJob(APP, "main", "8", "SUCCEED", "", START + MINUTE))
    world.writes.append(write(minutes=5, failed_at=START))


def _rewritten(world: World) -> None:
    world.foreign.closed[KEY] = {"schema": {"N": "2"}, "version": {"N": "1"}}
    stored(schema={"N": "2"}, version={"N": "2"})(world)


def _dropped(world: World) -> None:
    world.foreign.unread[KEY] = [{"id": "1"}]
    stored(incidents={"S": "[]"})(world)


def _many_wait(world: World) -> None:
    for _ in range(601):
        world.cloud.queue.send({})


def _fails_unheard(world: World) -> None:
    prepare(world)
    carry_out(Step("bus", (3, 0, 0)), world)
    carry_out(Step("build", (0, 0, 1)), world)


def _another_job_failed(world: World) -> None:
    prepare(world)
    app = world.apps()[0]
    world.ended.append(EndedJob(app.app_id, "main", "7", "FAILED", "Unable to assume specified IAM Role", START))
    world.messages.append(message("Failing · job 7, not because of IAM"))


def _read_back_too_late(world: World) -> None:
    world.writes.append(write())
    world.read_back[write().session, SET] = START + MINUTE
    world.messages.append(message("Changed · compute role set (build failed)"))


def _not_undone(world: World) -> None:
    world.writes.append(write())
    world.messages.append(message("Undone · the change was undone", roles=frozenset({"default-compute"})))


def _rebuilt(world: World) -> None:
    world.writes.append(write(START_JOB))
    world.messages.append(message("Changed · the job is not rebuilt"))


_OPEN = {"id": "1", "state": "open", "label": "x", "deadline": "soon", "changes": []}


def _stays_open(world: World) -> None:
    world.always_watched.add(APP)
    stored(incidents={"S": json.dumps([_OPEN])})(world)


def _overdue(world: World) -> None:
    world.always_watched.add(APP)
    stored(due={"S": "due"}, due_at={"N": str(START.timestamp() - 3601)})(world)


TAKEN: dict[str, Any] = {"branch_tags": {AUTO_FIX: "ask"}, "asked": {"approve": 1}}
CASES: list[tuple[Invariant, Callable[[World], None]]] = [
    (invariants.one_write_an_incident, writes(write(), write(minutes=1, recorded=True))),
    (invariants.one_write_an_incident, writes(write(), write(minutes=1, role_before=ROLE))),
    (invariants.only_the_role_is_sent, writes(write(params={"stage": "BETA"}))),
    (invariants.opted_in_at_the_write, writes(write(branch_tags={}))),
    (invariants.opted_in_at_the_write, writes(write(branch_tags={AUTO_FIX: "ask"}))),
    (invariants.opted_in_at_the_write, writes(write(mode="ask"))),
    (invariants.opted_in_at_the_write, writes(write(mode="report", asked={"fix": 1}))),
    (invariants.opted_in_at_the_write, writes(write(preview=True))),
    (invariants.each_request_is_used_once, writes(write(**TAKEN), write(session="amplify-medic-2", **TAKEN))),
    (
        invariants.each_request_is_used_once,
        writes(
            write(),
            write(params={"computeRoleArn": ""}, role_before=ROLE, asked={"undo": 1}),
            write(session="amplify-medic-2", minutes=90),
        ),
    ),
    (invariants.only_paired_roles, writes(write(paired=frozenset()))),
    (
        invariants.only_paired_roles,
        writes(write(branch_tags={AUTO_FIX: "fix", "amplify-medic:compute-role": "other"})),
    ),
    (
        invariants.only_paired_roles,
        writes(write("amplify:UpdateApp", params={"iamServiceRoleArn": ROLE}, app_tags={})),
    ),
    (invariants.only_fresh_failures, writes(write(minutes=32, failed_at=START))),
    (invariants.only_fresh_failures, writes(write(minutes=32, trigger="runtime", failed_at=START))),
    (invariants.only_fresh_failures, _newer_success),
    (invariants.no_change_in_a_storm, writes(write(storm=True))),
    (invariants.no_change_in_a_storm, writes(write(START_JOB, storm=True))),
    (invariants.no_change_that_nobody_hears_of, writes(write(muted=2 * MINUTE))),
    (invariants.usable_roles_stay, writes(write(usable_before=True))),
    (invariants.the_previous_role_is_kept, writes(write())),
    (invariants.caps_hold, writes(write(), write(session="amplify-medic-2", minutes=59))),
    (
        invariants.caps_hold,
        writes(*(write(session=f"amplify-medic-{n}", place=(APP, f"b{n}")) for n in range(4))),
    ),
    (
        invariants.caps_hold,
        writes(*(write(session=f"amplify-medic-{n}", place=(f"d{n}", "main")) for n in range(6))),
    ),
    (invariants.branches_cool_down, writes(write(minutes=50), write(session="amplify-medic-2", minutes=109))),
    (invariants.one_rebuild, writes(write(START_JOB), write(START_JOB))),
    (invariants.one_rebuild, writes(write(START_JOB, params={"jobType": "RELEASE"}))),
    (invariants.one_rebuild, writes(write(START_JOB, newest_job=8))),
    (invariants.one_rebuild, writes(write(START_JOB, branch_tags={}))),
    (invariants.told_once, says(message("x"), message("x"))),
    (invariants.what_others_wrote_is_kept, _rewritten),
    (invariants.what_others_wrote_is_kept, _dropped),
    (invariants.nothing_unexpected, lambda world: world.faults.append(KeyError("x"))),
    (invariants.bounded, _many_wait),
    (invariants.bounded, stored(incidents={"S": "x" * 100_001})),
    (invariants.claims_hold, says(message("Recovered · build 7 succeeded"))),
    (invariants.claims_hold, says(message("Failing · build 7 failed in the same way after the change"))),
    (invariants.claims_hold, _another_job_failed),
    (invariants.claims_hold, says(message("Changed · compute role set (build failed)"))),
    (invariants.claims_hold, _read_back_too_late),
    (invariants.claims_hold, _not_undone),
    (invariants.claims_hold, _rebuilt),
    (invariants.no_dead_letters, dies(from_a_person=True, in_peace=0)),
    (invariants.no_dead_letters, dies(from_a_person=False, in_peace=4)),
    (invariants.each_failure_is_told, _fails_unheard),
    (invariants.nothing_is_overdue, _overdue),
    (invariants.all_is_closed, _stays_open),
]


@pytest.mark.parametrize(("invariant", "spoil"), CASES, ids=[f"{n}-{case[0].__name__}" for n, case in enumerate(CASES)])
def test_each_invariant_can_fail(invariant: Invariant, spoil: Callable[[World], None]) -> None:
    world = World(Random("invented"))  # noqa: S311 - one seed decides everything
    assert list(invariant(world)) == []
    spoil(world)
    assert list(invariant(world)) != []


def test_a_role_that_was_taken_off_before_it_was_recorded_may_be_set_once_more() -> None:
    world = World(Random("invented"))  # noqa: S311 - one seed decides everything
    writes(write(), write(minutes=1))(world)
    assert list(invariants.one_write_an_incident(world)) == []


def test_what_was_undone_on_a_branch_may_be_done_on_another_of_its_name() -> None:
    world = World(Random("invented"))  # noqa: S311 - one seed decides everything
    undo = write(params={"computeRoleArn": ""}, role_before=ROLE, asked={"undo": 1})
    writes(write(), undo, write(session="amplify-medic-2", minutes=90, created_at=START + MINUTE))(world)
    assert list(invariants.each_request_is_used_once(world)) == []


def test_an_alert_that_is_delivered_late_is_judged_by_what_was_so_when_it_was_composed() -> None:
    world = World(Random("invented"))  # noqa: S311 - one seed decides everything
    writes(write(START_JOB, minutes=5))(world)
    says(message("Changed · the job is not rebuilt", at=START + 9 * MINUTE, composed=START))(world)
    assert list(invariants.claims_hold(world)) == []


def test_a_role_that_the_bot_found_set_counts_as_its_change() -> None:
    world = World(Random("invented"))  # noqa: S311 - one seed decides everything
    prepare(world)
    says(
        message("Changed · compute role set (x)\nnone → default-compute.", roles=frozenset({"default-compute"})),
        message("Failing · build 7 failed in the same way after the change", at=START + 2 * MINUTE),
        message("Undone · the change was undone", at=START + 3 * MINUTE),
    )(world)
    app = world.apps()[0]
    world.ended.append(EndedJob(app.app_id, "main", "7", "FAILED", "", START + MINUTE))
    assert list(invariants.claims_hold(world)) == []


def test_every_invariant_is_tried() -> None:
    assert {invariant for invariant, _ in CASES} == {*SAFETY, *AT_REST, *AT_THE_END}


def test_a_record_that_only_a_newer_release_may_write_holds_messages_up_until_it_is_back() -> None:
    world = World(Random("invented"))  # noqa: S311 - one seed decides everything
    scope = Scope("aws", "123456789012", "eu-central-1", APP, "main")
    for number in range(100):
        if not world.foreign.closed:
            world.cloud.table.items.clear()
            leave_record(world, scope, KEY, number)
    assert world.cloud.table.items[KEY]["schema"] != attribute(SCHEMA)
    open_records(world)
    assert world.cloud.table.items[KEY]["schema"] == attribute(SCHEMA)
