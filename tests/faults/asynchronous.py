"""Lambda's asynchronous invocations, and EventBridge before them, on the fake's clock."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from medic import pipeline
from medic.events import wake_up
from tests.faults.wire import Killed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from medic.services import Services
    from tests.faults.world import WiredWorld

WAITS = (60.0, 120.0)
"""Seconds before the second and the third try: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html"""
WATCHER_COMES_EVERY = 300.0
"""Seconds."""
_MOST_ROUNDS = 12
_ENDINGS = ("SUCCEED", "FAILED", "CANCELLED")

Event = dict[str, Any]


@dataclass(order=True, slots=True)
class Delivery:
    """An event that is to be handed to the function."""

    due: datetime
    number: int
    event: Event = field(compare=False)
    tries: int = field(default=0, compare=False)


@dataclass(slots=True)
class Remediator:
    """The deployed function: it takes what Amplify tells the event bus, and is tried again when it fails.

    Attributes:
        retries: False: nothing that failed is ever delivered again.
        dead_letters: what failed three times.
        lost: what failed while nothing was delivered again.
        failures: every exception that ended a run, in order.
    """

    world: WiredWorld
    retries: bool = True
    dead_letters: list[Event] = field(default_factory=list)
    lost: list[Event] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    _pending: list[Delivery] = field(default_factory=list)
    _taken: int = 0
    _numbered: int = 0
    _warm: Services | None = None

    def send(self, event: Mapping[str, Any], *, after: float = 0.0) -> None:
        """Put one event on the bus."""
        self._numbered += 1
        due = self.world.now() + timedelta(seconds=after)
        heapq.heappush(self._pending, Delivery(due, self._numbered, dict(event)))

    def work(self) -> None:
        """Deliver until nothing is pending and no job runs."""
        while self.step():
            pass

    def step(self) -> bool:
        """Deliver what is due next, or wait for a job to end; False if there is neither."""
        self._take_in()
        if not self._pending:
            if not self._jobs_run():
                return False
            self.world.amplify.control.advance(15)
            return True
        self.invoke(heapq.heappop(self._pending))
        return True

    def watched(self) -> None:
        """Let the watcher come, each time that something is due, until nothing is.

        Raises:
            AssertionError: something is due for ever.
        """
        for _ in range(_MOST_ROUNDS):
            due = self.world.due()
            if due is None:
                return
            wait = (due - self.world.now()).total_seconds()
            self.world.amplify.control.advance(max(wait, 0.0) + WATCHER_COMES_EVERY)
            self.visit()
        msg = f"something is still due after {_MOST_ROUNDS} visits of the watcher: {self.world.incidents()}"
        raise AssertionError(msg)

    def visit(self) -> None:
        """One visit of the watcher: wake the bot for every branch on which something is due."""
        for app in self.world.visited:
            self.world.amplify.control.request(app, "main")
        watcher = self.world.services(session=self.world.hands)
        for due in list(watcher.table.due()):
            self.send(wake_up(due.scope, due.request_id))
        self.work()

    def invoke(self, delivery: Delivery) -> None:
        """One try, when it is due or as soon as may be."""
        wait = (delivery.due - self.world.now()).total_seconds()
        while wait > 0:
            self.world.amplify.control.advance(min(wait, 15))
            self._take_in()
            if self._pending and self._pending[0] < delivery:
                heapq.heappush(self._pending, delivery)
                return
            wait = (delivery.due - self.world.now()).total_seconds()
        failure = self.run(delivery.event)
        if failure is not None:
            self._failed(delivery)

    def run(self, event: Event) -> BaseException | None:
        """Hand one event to the function; what ended the run, if it did not end well."""
        if self._warm is None:
            self._warm = self.world.services()
        try:
            pipeline.run(event, self._warm)
        except Killed as death:
            self._warm = None
            self.world.wire.revive()
            self.failures.append(death)
            return death
        except Exception as failure:  # noqa: BLE001 - whatever it is, Lambda tries again
            self.failures.append(failure)
            return failure
        return None

    def restart(self) -> None:
        """New settings: the function is deployed again."""
        self._warm = None

    def _failed(self, delivery: Delivery) -> None:
        if not self.retries:
            self.lost.append(delivery.event)
        elif delivery.tries == len(WAITS):
            self.dead_letters.append(delivery.event)
        else:
            self._numbered += 1
            due = self.world.now() + timedelta(seconds=WAITS[delivery.tries])
            again = Delivery(due, self._numbered, delivery.event, delivery.tries + 1)
            heapq.heappush(self._pending, again)

    def _take_in(self) -> None:
        """What the rule matches of that which Amplify sent since."""
        for event in self.world.amplify.events[self._taken :]:
            if event["detail"]["jobStatus"] in _ENDINGS:
                self.send(event)
        self._taken = len(self.world.amplify.events)

    def _jobs_run(self) -> bool:
        apps = self.world.amplify.fake.state.apps.values()
        return any(job.running for app in apps for branch in app.branches.values() for job in branch.jobs.values())
