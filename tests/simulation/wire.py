"""The simulator's wire: the bot's calls go straight to fakes in this process, and any call can fail in any way.

It has the faults of `tests/faults/wire.py` without botocore, HTTP and moto, which took 85 % of the time of a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ReadTimeoutError

from tests.faults.fault import FAILED, NO_EFFECT, THROTTLED, Fault, Killed

if TYPE_CHECKING:
    from tests.simulation.expressions import Json

_REPEATED = ("TransactWriteItems",)
"""A repeated request carries the token of the first one, and gets the same answer."""


@dataclass(frozen=True, slots=True)
class Strike:
    """What happens at one call of the next run: a fault of the call, or anything else right before it."""

    moment: int | str
    """The number of the call, from 1, or the operation whose next call it is."""
    fault: Fault | None = None
    happens: Callable[[], None] | None = None
    """Called right before the call, unless nothing may come between the call before and this one."""

    def is_due(self, operation: str, made: int) -> bool:
        """True at the chosen call, and after it if nothing could happen there."""
        return operation == self.moment if isinstance(self.moment, str) else made >= self.moment


class SimulatedWire:
    """Passes each call on, and lets it fail if it is the one that was chosen.

    Attributes:
        down: the services whose every call fails.
        before: called before each call, with its operation and parameters.
        after: called after each call that took effect.
        calls: how many calls were made.
        failed: how many of them failed on purpose.
        session: the name of the role session that makes the call; empty for the function's own role.
    """

    def __init__(self) -> None:
        self.down: frozenset[str] = frozenset()
        self.before: Callable[[str, Json], None] = _nothing
        self.after: Callable[[str, Json], None] = _nothing
        self.calls = 0
        self.failed = 0
        self.session = ""
        self._strike: Strike | None = None
        self._made = 0
        self._dead = False

    def listen(self, strike: Strike | None) -> None:
        """Count calls from now on, for this strike. One that waits for an operation may happen in a later run."""
        waits = self._strike is not None and isinstance(self._strike.moment, str)
        self._strike, self._made = strike or (self._strike if waits else None), 0

    def disarm(self) -> None:
        """Drop the strike that has not happened yet."""
        self._strike = None

    def revive(self) -> None:
        """Start a new process."""
        self._dead = False

    def call(self, operation: str, params: Json, act: Callable[[], Any], *, attempts: int) -> Any:
        """Make one call of an AWS service.

        Raises:
            ClientError: the service refuses, or it fails on purpose.
            ReadTimeoutError: the answer is lost.
            Killed: the process dies.
        """
        fault = self._begin(operation, params)
        service, _, name = operation.partition(":")
        match fault:
            case Fault.THROTTLE:
                raise _error(name, *THROTTLED[service])
            case Fault.SERVER_ERROR:
                raise _error(name, *FAILED[service])
            case Fault.TIMEOUT_BEFORE:
                raise ReadTimeoutError(endpoint_url=service)
        answer = act()
        self.after(operation, params)
        if fault is Fault.DEATH:
            self.die()
        if fault is Fault.TIMEOUT_AFTER or (fault is Fault.ANSWER_LOST and attempts == 1):
            raise ReadTimeoutError(endpoint_url=service)
        if fault is Fault.ANSWER_LOST and name not in _REPEATED:
            answer = act()
            self.after(operation, params)
        return answer

    def around(self, operation: str, act: Callable[[], Any], fail: Callable[[Fault], Any], lost: Exception) -> Any:
        """Make a plain HTTP request."""
        fault = self._begin(operation, {})
        if fault in NO_EFFECT:
            return fail(fault)
        answer = act()
        self.after(operation, {})
        if fault is Fault.DEATH:
            self.die()
        if fault is Fault.TIMEOUT_AFTER:
            raise lost
        return answer

    def die(self) -> None:
        """Kill the process that is calling.

        Raises:
            Killed: always.
        """
        self._dead = True
        raise Killed

    def _begin(self, operation: str, params: Json) -> Fault | None:
        if self._dead:
            raise Killed
        self.calls += 1
        fault = None
        self._made += 1
        strike = self._strike
        if strike is not None and strike.is_due(operation, self._made):
            if strike.happens is None:
                self._strike, fault = None, strike.fault
            elif operation not in ("amplify:UpdateBranch", "amplify:UpdateApp"):
                # Nothing comes between the last read and the write: there only IAM can stop it.
                self._strike = None
                caller = self.session
                strike.happens()
                self.session = caller  # what happened may have made calls of its own
        if operation.partition(":")[0] in self.down:
            fault = Fault.SERVER_ERROR
        self.before(operation, params)
        self.failed += fault is not None
        return fault


class SimulatedClient:
    """Looks like a boto3 client. Each method of `answers` is an operation."""

    def __init__(
        self, wire: SimulatedWire, service: str, answers: object, *, attempts: int = 3, session: str = ""
    ) -> None:
        self._wire, self._service, self._answers, self._attempts = wire, service, answers, attempts
        self._session = session

    def __getattr__(self, method: str) -> Callable[..., Any]:
        act = getattr(self._answers, method)
        operation = f"{self._service}:{method.title().replace('_', '')}"

        def call(**params: Any) -> Any:
            self._wire.session = self._session
            return self._wire.call(operation, params, partial(act, **params), attempts=self._attempts)

        setattr(self, method, call)
        return call

    def get_paginator(self, method: str) -> SimulatedPaginator:
        return SimulatedPaginator(getattr(self, method))


@dataclass(frozen=True, slots=True)
class SimulatedPaginator:
    call: Callable[..., Any]

    def paginate(self, *, PaginationConfig: Json | None = None, **params: Any) -> Iterator[Any]:  # noqa: N803, ARG002
        token: Json = {}
        while True:
            page = self.call(**params, **token)
            yield page
            if not page.get("nextToken"):
                return
            token = {"nextToken": page["nextToken"]}


def _error(name: str, code: str, status: int) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": "fails"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    if name == "TransactWriteItems" and status < 500:
        answer["Error"]["Code"] = "TransactionCanceledException"
        answer["CancellationReasons"] = [{"Code": "ThrottlingError", "Message": "fails"}]
    return ClientError(answer, name)


def _nothing(*_: object) -> None:
    """Do nothing."""
