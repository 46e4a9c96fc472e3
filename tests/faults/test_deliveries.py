"""Deliveries that are duplicate, late, reordered or concurrent, while owners change settings."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from medic.events import RequestKind
from tests.faults.invariants import check_closed_by_builds, check_safety
from tests.faults.remediator import Remediator
from tests.faults.test_single_faults import succeed_everywhere
from tests.faults.world import wired_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.remediator import Event
    from tests.faults.wire import Call, Json

AUTO_FIX = "amplify-medic:auto-fix"
_ENDINGS = ("SUCCEED", "FAILED", "CANCELLED")
_BEFORE_THE_WRITE = ("sts:AssumeRole", "amplify:UpdateBranch")
"""After the last read only IAM can stop the write, and IAM checks only tags."""

moments = st.integers(min_value=1, max_value=24)
events = st.integers(min_value=0, max_value=50)
minutes = st.sampled_from([1, 3, 20, 70])
tags = st.sampled_from(["fix", "fix", "ask", "report", "ignore", None])
stages = st.sampled_from(["PRODUCTION", "PULL_REQUEST"])
roles = st.sampled_from(["own", ""])


class Deliveries(RuleBasedStateMachine):
    """One app and branch, its owner, its builds, and a bus that delivers in any order."""

    def __init__(self) -> None:
        super().__init__()
        self._open = ExitStack()
        self.world = self._open.enter_context(wired_world())
        self.remediator = Remediator(self.world, retries=False)
        self._before_condition = self.world.wire.before
        self.world.wire.before = self._apply_tag_condition

    @initialize(wish=st.sampled_from(["auto", "yes", "no"]))
    def an_app_fails(self, wish: str) -> None:
        tagged = {AUTO_FIX: "fix", "amplify-medic:rebuild": wish}
        self.app = self.world.make_app(tags=tagged)
        self.own = self.world.make_role("own")
        self.branch = self.world.amplify.fake.state.branch(self.app, "main")[1]
        self.asked: list[Event] = []
        self.build(works=False)

    @rule(works=st.booleans())
    def build(self, works: bool) -> None:  # noqa: FBT001 - a drawn value
        self.world.amplify.control.set_connection(self.app, "ok" if works else "lost")
        self.world.build(self.app)
        self.world.amplify.control.advance(60)

    @rule(number=events)
    def deliver(self, number: int) -> None:
        self.remediator.run(self._event(number))

    @rule(number=events, other=events, moment=moments)
    def deliver_two_at_once(self, number: int, other: int, moment: int) -> None:
        self._meanwhile(moment, lambda: self.remediator.run(self._event(other)))
        self.deliver(number)

    @rule(number=events, moment=moments)
    def the_process_dies(self, number: int, moment: int) -> None:
        self._meanwhile(moment, self.world.wire.die)
        self.deliver(number)

    @rule(number=events, moment=moments, mode=tags)
    def opted_midway(self, number: int, moment: int, mode: str | None) -> None:
        self._meanwhile(moment, lambda: self.opt(mode))
        self.deliver(number)

    @rule(number=events, moment=moments, role=roles)
    def role_set_midway(self, number: int, moment: int, role: str) -> None:
        self._meanwhile(moment, lambda: self.owner_sets(role), unless=_BEFORE_THE_WRITE)
        self.deliver(number)

    @rule(number=events, moment=moments, stage=stages)
    def stage_changed_midway(self, number: int, moment: int, stage: str) -> None:
        self._meanwhile(moment, lambda: self.becomes(stage), unless=_BEFORE_THE_WRITE)
        self.deliver(number)

    @rule(mode=tags)
    def opt(self, mode: str | None) -> None:
        self.branch.tags = {name: value for name, value in self.branch.tags.items() if name != AUTO_FIX}
        if mode is not None:
            self.branch.tags[AUTO_FIX] = mode

    @rule(role=roles)
    def owner_sets(self, role: str) -> None:
        self.branch.settings.pop("computeRoleArn", None)
        if role == "own":
            self.branch.settings["computeRoleArn"] = self.own

    @rule(stage=stages)
    def becomes(self, stage: str) -> None:
        self.branch.settings["stage"] = stage

    @precondition(lambda self: any(incident["plan_hash"] for incident in self.world.incidents()))
    @rule()
    def somebody_approves(self) -> None:
        self.asked.append(self.world.approves(self.app))

    @rule(kind=st.sampled_from([RequestKind.FIX, RequestKind.UNDO]))
    def somebody_asks(self, kind: RequestKind) -> None:
        self.asked.append(self.world.asks(kind, self.app))

    @rule(hours=st.sampled_from([0, 1]))
    def somebody_mutes(self, hours: int) -> None:
        until = self.world.now() + timedelta(hours=hours) if hours else None
        self.asked.append(self.world.asks(RequestKind.MUTE, self.app, until=until))

    @rule(many=minutes)
    def wait(self, many: int) -> None:
        self.world.amplify.control.advance(60 * many)

    @precondition(lambda self: self.world.due() is not None)
    @rule()
    def watcher_comes(self) -> None:
        self.remediator.run_watcher()

    @invariant()
    def safe(self) -> None:
        check_safety(self.world)

    def teardown(self) -> None:
        """Deliver everything and let a build succeed: no incident stays open."""
        with self._open:
            self.world.amplify.control.advance(180)
            self.remediator.retries = True
            self.remediator.work()
            succeed_everywhere(self.world, self.remediator)
            self.safe()
            check_closed_by_builds(self.world)
            assert self.remediator.dead_letters == []

    def _event(self, number: int) -> Event:
        ended = [event for event in self.world.amplify.events if event["detail"]["jobStatus"] in _ENDINGS]
        messages = (*ended, *self.asked, *self.asked)
        return dict(messages[number % len(messages)])

    def _meanwhile(self, moment: int, happens: Callable[[], object], unless: tuple[str, ...] = ()) -> None:
        """Call `happens` before the next run's call number `moment`, unless that call is one of `unless`."""
        left = moment

        def strike(call: Call, params: Json) -> None:
            nonlocal left
            left -= threading.current_thread() is threading.main_thread()
            if left == 0 and call.kind not in unless:
                left = -1
                happens()
            self._apply_tag_condition(call, params)

        self.world.wire.before = strike

    def _apply_tag_condition(self, call: Call, params: Json) -> None:
        """Apply the actor role's policy: deny UpdateBranch unless the tag is fix or ask."""
        if call.kind == "amplify:UpdateBranch":
            self.world.amplify.control.deny("UpdateBranch", self.branch.tags.get(AUTO_FIX) not in ("fix", "ask"))
        self._before_condition(call, params)


# A failure prints its steps. Shrinking it would take minutes.
TestDeliveries = Deliveries.TestCase
TestDeliveries.settings = settings(max_examples=30, stateful_step_count=12, phases=[Phase.generate])
