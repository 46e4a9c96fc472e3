"""Whatever can't be read, a failed deployment is told, waits in the queue, or is a dead letter: never nothing."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import urllib3
from botocore.exceptions import ClientError
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from tests.fakes.amplify.open_questions import OpenQuestions, as_measured
from tests.faults.arrange import build, failing, with_broken_service_role
from tests.faults.invariants import check_reported, check_safety
from tests.faults.remediator import Remediator
from tests.faults.wire import LOG
from tests.faults.world import wired_world

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.faults.wire import Call, Json
    from tests.faults.world import WiredWorld


class Unread(StrEnum):
    """Why a call tells nothing."""

    DENIED = "AccessDeniedException"
    THROTTLED = "ThrottlingException"
    FAILING = "InternalServerError"


AMPLIFY = tuple(f"amplify:{name}" for name in ("GetApp", "GetBranch", "GetJob", "ListJobs"))
IAM = tuple(
    f"iam:{name}"
    for name in ("GetRole", "GetRolePolicy", "ListRolePolicies", "ListAttachedRolePolicies", "GetPolicyVersion")
)
TABLE = tuple(f"dynamodb:{name}" for name in ("GetItem", "UpdateItem", "TransactWriteItems"))
FOR_EVER = 10_000
Plan = dict[str, tuple[Unread, int]]
"""Operation → how it fails, and how many times."""

plans = st.dictionaries(
    st.sampled_from((*AMPLIFY, *IAM, *TABLE, LOG)),
    st.tuples(st.sampled_from(Unread), st.sampled_from((1, 4, FOR_EVER))),
    max_size=6,
)
lags = st.builds(as_measured, status_lags=st.sampled_from(("no", "yes")), log_lags=st.sampled_from(("no", "yes")))


@given(plan=plans, questions=lags, opted_in=st.booleans(), cut=st.booleans())
@example(plan={"amplify:GetJob": (Unread.DENIED, FOR_EVER)}, questions=as_measured(), opted_in=True, cut=False)
@example(plan={LOG: (Unread.DENIED, FOR_EVER)}, questions=as_measured(), opted_in=True, cut=False)
@example(plan={}, questions=as_measured(status_lags="yes", log_lags="yes"), opted_in=True, cut=True)
@settings(max_examples=25, phases=[Phase.explicit, Phase.generate])
def test_a_failure_is_never_lost(plan: Plan, questions: OpenQuestions, *, opted_in: bool, cut: bool) -> None:
    with wired_world(questions) as world:
        remediator = Remediator(world)
        world.amplify.control.set_questions(log_body="gzip" if cut else "plain")
        build(world, with_broken_service_role(world) if opted_in else failing(world))
        if cut:
            cut_logs(world)
        read_on = world.wire.before
        world.wire.before = Unreadable(world, plan)
        remediator.work()
        check_safety(world)
        recorded = world.due() is not None
        assert world.messages or world.queue.waiting or remediator.dead_letters or recorded, "lost"

        world.wire.before = read_on
        world.queue.redrive()
        remediator.work()
        remediator.run_watcher_until_idle()
        assert world.messages
        check_safety(world)
        check_reported(world)


class Unreadable:
    """Stands before each call of the bot, and lets those of a plan fail."""

    def __init__(self, world: WiredWorld, plan: Mapping[str, tuple[Unread, int]]) -> None:
        self._world, self._pass_on, self._plan = world, world.wire.before, plan
        self._left = {operation: times for operation, (_, times) in plan.items()}

    def __call__(self, call: Call, params: Json) -> None:
        self._pass_on(call, params)
        if not self._left.get(call.kind):
            return
        self._left[call.kind] -= 1
        why = self._plan[call.kind][0]
        if call.kind != LOG:
            raise ClientError({"Error": {"Code": why, "Message": "not now"}}, call.kind.partition(":")[2])
        if why is not Unread.DENIED:
            raise urllib3.exceptions.TimeoutError("timed out")
        self._world.amplify.control.expire_logs()


def cut_logs(world: WiredWorld) -> None:
    """Store only the first half of each log."""
    bodies = world.amplify.fake.state.ports.log_store._bodies  # type: ignore[attr-defined]
    for key, (body, encoding) in bodies.items():
        bodies[key] = body[: len(body) // 2], encoding
