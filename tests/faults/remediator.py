"""The deployed bot on the fake's clock: the rule, the queue with its event source mapping, and the watcher."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from medic import queue
from medic.aws.errors import RetryableError
from medic.events import MessageType, wake_up
from tests.fakes.queue import AWS, OPERATOR
from tests.faults.fault import Killed
from tests.integration.conftest import RecordingTelemetry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from medic.services import Services
    from tests.fakes.queue import Waiting
    from tests.faults.world import WiredWorld

WATCHER_INTERVAL = 60.0
"""Seconds."""
_SOON = timedelta(minutes=5)
"""What is due later than this waits for a deadline, and not for the end of an interrupted run."""
_LONGEST_STEP = 15.0
_MOST_ROUNDS = 12
_ENDINGS = ("SUCCEED", "FAILED", "CANCELLED")

Event = dict[str, Any]


@dataclass(slots=True)
class Remediator:
    """The deployed function with its queue. Amplify's events arrive there by themselves.

    Attributes:
        retries: if False, a message whose run failed is lost, unless it is a request.
        watches: if False, the watcher runs only if a test says so.
        lost: messages that failed while `retries` was False.
        failures: every exception that ended a run, in order.
    """

    world: WiredWorld
    retries: bool = True
    watches: bool = True
    lost: list[Event] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    _taken: int = 0
    _warm: Services | None = None
    _watched_at: datetime | None = None

    @property
    def dead_letters(self) -> list[Any]:
        """The messages that were received too often."""
        return self.world.queue.dead_letters

    def send(self, event: Mapping[str, Any]) -> Waiting:
        """Put one message into the queue. A request comes from an operator."""
        sender = OPERATOR if event["detail-type"] == MessageType.REQUEST else AWS
        return self.world.queue.send(event, sender)

    def work(self) -> None:
        """Deliver until nothing is pending, no job runs, and nothing that was interrupted is left."""
        while self.step():
            pass

    def work_for(self, seconds: float) -> None:
        """Deliver what comes in this time, and let the rest of it pass."""
        end = self.world.now() + timedelta(seconds=seconds)
        while self.world.now() < end and self.step():
            pass
        self.world.amplify.control.advance(max((end - self.world.now()).total_seconds(), 0.0))

    def step(self) -> bool:
        """Wait for the next message, and deliver it until Amplify shows what it tells.

        Returns:
            False if no message will come soon.
        """
        self._receive_events()
        while (message := self.world.queue.visible()) is None:
            wait = self._until_next()
            if wait is None:
                return False
            self.world.amplify.control.advance(min(wait, _LONGEST_STEP))
            wake_up_at = self._wake_up_at()
            if wake_up_at is not None and wake_up_at <= self.world.now():
                self._send_wake_ups()
            self._receive_events()
        before = len(self.failures)
        self.deliver(message)
        lags = any(isinstance(error, RetryableError) and error.code == "NotYet" for error in self.failures[before:])
        return self.step() if lags else True

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

    def start_postponed_rebuilds(self) -> None:
        """Run the watcher until no rebuild waits."""
        while any(incident["rebuild_at"] for incident in self.world.incidents()):
            self.world.amplify.control.advance(60)
            self.run_watcher()

    def run_watcher(self) -> None:
        """Run the watcher once: wake the bot for every branch on which something is due."""
        for app in self.world.visited:
            self.world.amplify.control.request(app, "main")
        self._send_wake_ups()
        self.work()

    def run(self, event: Mapping[str, Any]) -> BaseException | None:
        """Deliver one message now. Returns the exception that ended its run, or None."""
        before = len(self.failures)
        self.deliver(self.send(event))
        return self.failures[before] if len(self.failures) > before else None

    def deliver(self, message: Waiting) -> None:
        """Deliver one message now."""
        if self._warm is None:
            self._warm = self.world.services()
        services = self._warm
        try:
            self.world.queue.poll(lambda batch: queue.handle(batch, services, _middle), message)
        except Killed as death:
            self._warm = None
            self.world.wire.revive()
            self.failures.append(death)
        if isinstance(services.telemetry, RecordingTelemetry):
            self.failures += services.telemetry.failures
            services.telemetry.failures.clear()
        is_request = message.event.get("detail-type") == MessageType.REQUEST
        if not (self.retries or is_request) and message in self.world.queue.waiting:
            self.world.queue.waiting.remove(message)
            self.lost.append(message.event)

    def restart(self) -> None:
        """Deploy the function again, so that it reads new settings."""
        self._warm = None

    def _until_next(self) -> float | None:
        """Seconds until something happens: a message becomes visible, an interrupted run is due, a job may end."""
        now, times = self.world.now(), []
        if (visible := self.world.queue.next_at) is not None:
            times.append(visible)
        if (wake_up_at := self._wake_up_at()) is not None and wake_up_at <= now + _SOON:
            times.append(wake_up_at)
        if self._jobs_run():
            times.append(now + timedelta(seconds=_LONGEST_STEP))
        return max((min(times) - now).total_seconds(), 1.0) if times else None

    def _wake_up_at(self) -> datetime | None:
        """When the watcher finds the next due record. A record that stays due is found once in each interval."""
        # Without its table, the watcher finds nothing.
        due = self.world.due() if self.watches and "dynamodb" not in self.world.wire.down else None
        if due is None:
            return None
        found_at = due + timedelta(seconds=WATCHER_INTERVAL / 2)
        return max(found_at, self._watched_at + timedelta(seconds=WATCHER_INTERVAL)) if self._watched_at else found_at

    def _send_wake_ups(self) -> None:
        self._watched_at = self.world.now()
        watcher = self.world.services(session=self.world.setup_session)
        for due in list(watcher.table.due()):
            self.send(wake_up(due.scope, due.request_id))

    def _receive_events(self) -> None:
        """Queue the new Amplify events that the rule matches."""
        for event in self.world.amplify.events[self._taken :]:
            if event["detail"]["jobStatus"] in _ENDINGS:
                self.send(event)
        self._taken = len(self.world.amplify.events)

    def _jobs_run(self) -> bool:
        apps = self.world.amplify.fake.state.apps.values()
        return any(job.running for app in apps for branch in app.branches.values() for job in branch.jobs.values())


def _middle(low: float, high: float) -> float:
    return (low + high) / 2
