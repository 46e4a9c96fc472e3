"""Calls that a test makes fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tests.fakes.amplify.choices import check_choice
from tests.fakes.amplify.errors import (
    DependentServiceFailureException,
    InternalFailureException,
    NoAnswerError,
    ThrottlingException,
)

Fault = Literal["throttle", "server_error", "dependency_error", "timeout_before_effect", "timeout_after_effect"]


@dataclass(slots=True)
class _Planned:
    operation: str
    countdown: int
    fault: Fault
    app_id: str
    """The only app whose calls count; empty for every app."""


class Faults:
    """The planned faults that have not happened yet."""

    def __init__(self) -> None:
        self._planned: list[_Planned] = []

    def plan(self, operation: str, fault: Fault, *, nth: int = 1, app_id: str = "") -> None:
        """Make the nth call of the operation fail, counted from now; only calls about `app_id` count if it is given."""
        check_choice("fault", fault, Fault)
        self._planned.append(_Planned(operation, nth, fault, app_id))

    def take(self, operation: str, app_id: str = "") -> Fault | None:
        """Count a call of the operation. Returns the fault planned for it, if any."""
        hit: Fault | None = None
        for planned in [p for p in self._planned if p.operation == operation and p.app_id in ("", app_id)]:
            planned.countdown -= 1
            if planned.countdown == 0:
                hit = planned.fault
                self._planned.remove(planned)
        return hit


def fail_before_effect(fault: Fault | None, operation: str) -> None:
    """Raise the fault if it prevents the call from taking effect."""
    match fault:
        case "throttle":
            raise ThrottlingException("Rate exceeded")
        case "server_error":
            raise InternalFailureException("Internal failure")
        case "dependency_error":
            raise DependentServiceFailureException("A dependent service failed")
        case "timeout_before_effect":
            raise NoAnswerError(operation, took_effect=False)


def fail_after_effect(fault: Fault | None, operation: str) -> None:
    """Raise the fault if it loses the answer after the call took effect."""
    if fault == "timeout_after_effect":
        raise NoAnswerError(operation, took_effect=True)
