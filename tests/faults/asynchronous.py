"""EventBridge and Lambda's asynchronous invocations, on the fake's clock."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from medic.events import wake_up
from tests.faults.wire import Killed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from medic.services import Services
    from tests.faults.world import WiredWorld

WAITS = (60.0, 120.0)
"""Seconds before the first and the second retry: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html"""
WATCHER_INTERVAL = 300.0
"""Seconds."""
_MOST_ROUNDS = 12
_ENDINGS = ("SUCCEED", "FAILED", "CANCELLED")

Event = dict[str, Any]


@dataclass(order=True, slots=True)
class Delivery:
    """An event to deliver to the function."""

    due: datetime
    number: int
    event: Event = field(compare=False)
    tries: int = field(default=0, compare=False)


@dataclass(slots=True)
class Remediator:
    """The deployed function: it handles Amplify's events, and Lambda retries it when it fails.

    Attributes:
        retries: if False, a failed event is never delivered again.
        dead_letters: events that failed three times.
        lost: events that failed while `retries` was False.
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
        """Deliver the next event, or wait for a job to end. Returns False if there is neither."""
        self._receive_events()
        if not self._pending:
            if not self._jobs_run():
                return False
            self.world.amplify.control.advance(15)
            return True
        self.invoke(heapq.heappop(self._pending))
        return True

    def run_watcher_until_idle(self) -> None:
        """Run the watcher each time that something is due, until nothing is.

        Raises:
            AssertionError: something stays due.
        """
        for _ in range(_MOST_ROUNDS):
            due = self.world.due()
            if due is None:
                return
            wait = (due - self.world.now()).total_seconds()
            self.world.amplify.control.advance(max(wait, 0.0) + WATCHER_INTERVAL)
            self.run_watcher()
        msg = f"something is still due after {_MOST_ROUNDS} runs of the watcher: {self.world.incidents()}"
        raise AssertionError(msg)

    def run_watcher(self) -> None:
        """Run the watcher once: wake the bot for every branch on which something is due."""
        for app in self.world.visited:
            self.world.amplify.control.request(app, "main")
        watcher = self.world.services(session=self.world.setup_session)
        for due in list(watcher.table.due()):
            self.send(wake_up(due.scope, due.request_id))
        self.work()

    def invoke(self, delivery: Delivery) -> None:
        """Deliver one event at its due time, or as soon as possible after it."""
        wait = (delivery.due - self.world.now()).total_seconds()
        while wait > 0:
            self.world.amplify.control.advance(min(wait, 15))
            self._receive_events()
            if self._pending and self._pending[0] < delivery:
                heapq.heappush(self._pending, delivery)
                return
            wait = (delivery.due - self.world.now()).total_seconds()
        failure = self.run(delivery.event)
        if failure is not None:
            self._failed(delivery)

    def run(self, event: Event) -> BaseException | None:
        """Run the function on one event. Returns the exception that ended the run, or None."""
        if self._warm is None:
            self._warm = self.world.services()
        try:
            self.world.deliver(event, self._warm)
        except Killed as death:
            self._warm = None
            self.world.wire.revive()
            self.failures.append(death)
            return death
        except Exception as failure:  # noqa: BLE001 - Lambda retries after any exception
            self.failures.append(failure)
            return failure
        return None

    def restart(self) -> None:
        """Deploy the function again, so that it reads new settings."""
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

    def _receive_events(self) -> None:
        """Queue the new Amplify events that the rule matches."""
        for event in self.world.amplify.events[self._taken :]:
            if event["detail"]["jobStatus"] in _ENDINGS:
                self.send(event)
        self._taken = len(self.world.amplify.events)

    def _jobs_run(self) -> bool:
        apps = self.world.amplify.fake.state.apps.values()
        return any(job.running for app in apps for branch in app.branches.values() for job in branch.jobs.values())
