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


class Faults:
    """The planned faults that have not happened yet."""

    def __init__(self) -> None:
        self._planned: list[_Planned] = []

    def plan(self, operation: str, fault: Fault, *, nth: int = 1) -> None:
        """Make the nth call of the operation fail, counted from now."""
        check_choice("fault", fault, Fault)
        self._planned.append(_Planned(operation, nth, fault))

    def take(self, operation: str) -> Fault | None:
        """Count a call of the operation. Returns the fault planned for it, if any."""
        hit: Fault | None = None
        for planned in [planned for planned in self._planned if planned.operation == operation]:
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
