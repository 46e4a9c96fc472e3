"""Real runs of the bot on one branch, each in a thread that stops before every call that the model knows.

Only one thread runs at a time, so a replay is deterministic.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from medic import queue
from medic.events import RequestKind, RequestMessage, Scope, request_message, wake_up
from medic.incidents.table import branch_key
from tests.fakes.queue import AWS, OPERATOR
from tests.fakes.quick_session import QuickSession
from tests.integration.conftest import REGION, TABLE, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from medic.alerts.model import Alert
    from medic.incidents.record import BranchRecord
    from medic.services import Services

_STEP_TIMEOUT = 30.0
"""Seconds of real time. A run that takes longer hangs."""
_LONG_BUILD = 3000.0
"""Seconds. A rebuild does not end during a replay."""
_ALWAYS = {"TransactWriteItems", "UpdateBranch", "StartJob", "Alert"}
_UNDER_LEASE = {"GetBranch", "ListJobs"}


class Killed(BaseException):
    """The process of a run died. Nothing in the bot may catch this."""


class Run:
    """One invocation of the bot, in a thread of its own.

    Attributes:
        waits_for: the call that it makes next. None once it has ended.
    """

    def __init__(self, work: Callable[[], object]) -> None:
        self.waits_for: str | None = "start"
        self.leased = False
        self._work = work
        self._go, self._arrived = threading.Semaphore(0), threading.Semaphore(0)
        self._dead = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._main, daemon=True)
        self._thread.start()

    def step(self) -> None:
        """Make the call that it waits for, and go on to the next one."""
        self._go.release()
        if not self._arrived.acquire(timeout=_STEP_TIMEOUT):
            msg = f"the run hangs after {self.waits_for}"
            raise AssertionError(msg)
        if self._error is not None:
            raise self._error

    def kill(self) -> None:
        """Let the process die before the call that it waits for."""
        self._dead = True
        self.step()

    def arrive(self, call: str) -> None:
        """Stop before a call.

        Raises:
            Killed: the process died.
        """
        if not self._dead:
            self.waits_for = call
            self._arrived.release()
            self._go.acquire()
        if self._dead:
            raise Killed

    def _main(self) -> None:
        self._go.acquire()
        try:
            if not self._dead:
                self._work()
        except Killed:
            pass
        except BaseException as error:  # noqa: BLE001 - `step` raises it in the test's thread
            self._error = error
        self.waits_for = None
        self._arrived.release()


@dataclass
class Stage:
    """A world with one failed job on one branch, and the bot's runs on it."""

    world: World
    app: str
    event: dict[str, Any]
    persons_role: str
    runs: dict[int, Run] = field(default_factory=dict)
    alerts: list[str] = field(default_factory=list)
    """The kinds of the alerts that were sent."""
    _current: Run | None = None

    @property
    def scope(self) -> Scope:
        return Scope("aws", self.world.amplify.account_id, REGION, self.app, "main")

    @property
    def record(self) -> BranchRecord:
        return self.world.services().table.read(self.scope)

    def end_lease(self) -> None:
        """Let the lease of a dead run end. The clock stays, because a waiting run has read it already."""
        self.world.client("dynamodb").update_item(
            TableName=TABLE,
            Key={"pk": {"S": branch_key(self.scope)}},
            UpdateExpression="SET lease_until = :past",
            ExpressionAttributeValues={":past": {"N": "0"}},
        )

    def opt_out(self) -> None:
        """Let the owner take the branch's opt-in back."""
        self.world.amplify.fake.state.branch(self.app, "main")[1].tags["amplify-medic:auto-fix"] = "report"

    def begin(self, slot: int, kind: str) -> None:
        """Start a run for a message of this kind. It stops before its first step."""
        sender = OPERATOR if kind == "undo" else AWS
        message = self.world.queue.send(self._message(kind), sender)
        services = self._services()
        batch = self.world.queue
        self.runs[slot] = Run(lambda: batch.poll(lambda records: queue.handle(records, services), message))

    def step(self, slot: int) -> None:
        self._current = self.runs[slot]
        try:
            self._current.step()
        finally:
            self._current = None

    def kill(self, slot: int) -> None:
        self._current = self.runs[slot]
        try:
            self._current.kill()
        finally:
            self._current = None

    def arrive(self, operation: str, params: dict[str, Any]) -> None:
        """Called before each call of the bot."""
        run = self._current
        if run is None:
            return
        call = operation
        if operation == "UpdateItem":
            expression = params["UpdateExpression"]
            if "lease_until" not in expression:
                return
            call = "lease" if "lease_token" in expression else "release"
        elif operation not in _ALWAYS and not (run.leased and operation in _UNDER_LEASE):
            return
        run.arrive(call)
        run.leased = run.leased or call == "lease"

    def _services(self) -> Services:
        services = self.world.services(session=_session())
        vars(services)["channels"] = (_Alerts(self),)
        return services

    def _message(self, kind: str) -> Any:
        match kind:
            case "undo":
                return request_message(RequestMessage(self.scope, RequestKind.UNDO, "f" * 32))
            case "wake":
                return wake_up(self.scope)
            case _:
                return self.event


@dataclass(frozen=True)
class _Alerts:
    """The only channel."""

    stage: Stage
    name: str = "stage"
    routes: tuple[str | None, ...] = ()

    def send(self, alert: Alert, thread: str | None) -> str | None:
        self.stage.arrive("Alert", {})
        self.stage.alerts.append(alert.kind)
        return thread


_ON_STAGE: list[Stage] = []


@cache
def _session() -> QuickSession:
    session = QuickSession("staged", REGION)
    session.events.register_first("before-call", _before_call)
    session.events.register_first("before-parameter-build", _note)
    return session


def _note(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    context["asked"] = dict(params)


def _before_call(model: Any, context: dict[str, Any], **_: Any) -> None:
    for stage in _ON_STAGE:
        stage.arrive(model.name, context["asked"])


@contextmanager
def staged(world: World, persons_role: str) -> Iterator[Stage]:
    """Let a build fail on an opted-in branch of a new app. Its role is to be attached, and its job rebuilt."""
    control = world.amplify.control
    control.advance(3600)  # caps and storms are counted by the hour
    app = world.make_app(tags={"amplify-medic:auto-fix": "fix", "amplify-medic:rebuild": "yes"})
    control.set_connection(app, "lost")
    control.set_build_time(0)
    event = world.build(app)
    control.advance(60)
    control.set_build_time(_LONG_BUILD)
    stage = Stage(world, app, event, persons_role)
    _ON_STAGE.append(stage)
    try:
        yield stage
    finally:
        for slot, run in stage.runs.items():
            if run.waits_for is not None:
                stage.kill(slot)
        _ON_STAGE.remove(stage)
