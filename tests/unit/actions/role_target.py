"""A fake branch or app whose role is set: a script says what each read shows and how each write is answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from medic.actions.set_role import RoleState
from medic.aws.errors import AmbiguousError, AwsError, RetryableError, UnassumableRoleError
from medic.labels import ActionKind
from medic.plan.model import Action, Disposition

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
OLD, NEW, THIRD = (f"arn:aws:iam::111122223333:role/{name}" for name in ("old", "new", "third"))
GUARDS = ("tags", "PRODUCTION")
AMBIGUOUS = AmbiguousError("amplify:UpdateBranch", "Timeout", "no answer")
THROTTLED = RetryableError("amplify:UpdateBranch", "Throttling", "slow down")
UNASSUMABLE = UnassumableRoleError("amplify:UpdateBranch", "BadRequestException", "cannot be assumed by Amplify")


@dataclass
class FakeTarget:
    """A branch. `sets` holds every role that a request asked for, even if the request failed.

    Attributes:
        answers: the results of the next requests. None means that the request succeeds.
        interferes: called after each request, as someone else who changes the branch.
        meanwhile: called while the session is created, as someone else who changes the branch.
        takes_effect: whether a request without an answer succeeds.
    """

    role: str | None = None
    guards: tuple[object, ...] = GUARDS
    answers: list[AwsError | None] = field(default_factory=list)
    interferes: Callable[[FakeTarget], None] = lambda _: None
    meanwhile: Callable[[FakeTarget], None] = lambda _: None
    takes_effect: bool = True
    sets: list[str] = field(default_factory=list)
    looks: int = 0

    def current(self) -> RoleState:
        self.looks += 1
        return RoleState(self.role, self.guards)

    def prepare(self) -> None:
        self.meanwhile(self)

    def set(self, role_arn: str) -> None:
        self.sets.append(role_arn)
        answer = self.answers.pop(0) if self.answers else None
        if answer is None or (isinstance(answer, AmbiguousError) and self.takes_effect):
            self.role = role_arn or None
        self.interferes(self)
        if answer is not None:
            raise answer


@dataclass
class Clock:
    """A clock that only `pause` advances."""

    now: datetime = NOW
    pauses: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        return self.now

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += timedelta(seconds=seconds)


def attach(previous: str | None = None) -> Action:
    """An action that sets the new role."""
    return Action(ActionKind.ATTACH_COMPUTE, Disposition.DO, "the branch", NEW, previous, "everything says yes")
