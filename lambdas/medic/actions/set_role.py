"""Set or restore a role: the compute role of a branch or the service role of an app.

The protocol is always the same: read the current state, stop if it changed since the diagnosis, write one field, read
it back. The caller records the intent before and the result after. If a write gets no answer, the read-back decides;
it is never sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol, TypeVar

from medic.actions.outcome import ChangeResult, RoleChangeOutcome, UndoOutcome, UndoResult
from medic.aws.errors import AmbiguousError, AwsRejectedError, DeniedError, RetryableError, UnassumableRoleError
from medic.evidence import App, Branch, Item, Present
from medic.labels import ActionKind

if TYPE_CHECKING:
    from medic.aws.amplify import AmplifyActor, AmplifyReader
    from medic.events import Scope
    from medic.incidents.model import Change
    from medic.plan.model import Action

T = TypeVar("T")
Pause = Callable[[float], None]
"""Waits for so many seconds."""

_THROTTLE_PAUSES = (1.0, 3.0)
_PROPAGATION_PAUSES = (5.0, 10.0, 15.0, 15.0)
_YOUNG = timedelta(minutes=15)
"""Amplify may be unable to assume a role younger than this, because IAM is eventually consistent."""
_OUR_TAGS = "amplify-medic:"


def retry_when_throttled(call: Callable[[], T], pause: Pause) -> T:
    """Repeat a write after a throttle, which changed nothing. A write without an answer is not repeated.

    Raises:
        AwsError: the error of the last attempt.
    """
    for seconds in _THROTTLE_PAUSES:
        try:
            return call()
        except AmbiguousError:
            raise
        except RetryableError:
            pause(seconds)
    return call()


@dataclass(frozen=True, slots=True)
class RoleState:
    """The current role, and everything else that must not have changed since the diagnosis."""

    role_arn: str | None
    guards: tuple[object, ...]
    """Tags, stage and so on, compared as a whole."""


class RoleTarget(Protocol):
    """A branch or an app whose role is set."""

    def current(self) -> RoleState:
        """Read the current state from AWS.

        Raises:
            RetryableError: it could not be read.
        """
        ...

    def set(self, role_arn: str) -> None:
        """Write the one field.

        Raises:
            AwsError: the write failed or got no answer.
        """
        ...


@dataclass(frozen=True)
class RoleSetter:
    """Carries out one action.

    Args:
        clock: returns the time now, UTC.
        pause: waits for so many seconds.
        propagation: how many seconds to wait at most, in all, until Amplify can assume a young role.
    """

    clock: Callable[[], datetime]
    pause: Pause
    propagation: float

    def carry_out(
        self, action: Action, target: RoleTarget, expected: RoleState, *, created_at: datetime | None, resumed: bool
    ) -> RoleChangeOutcome:
        """Set the action's role, unless something changed since it was planned.

        Args:
            action: what to set; its role is known.
            target: where to set it.
            expected: the state of the target when the action was planned.
            created_at: when the role was created. It tells slow propagation from a wrong trust policy.
            resumed: an earlier invocation recorded this intent and did not finish, so its write may have succeeded.

        Raises:
            RetryableError: the state could not be read, or it is unknown whether the write succeeded.
        """
        role_arn = action.role_arn or ""
        current = target.current()
        if resumed and current.role_arn == role_arn:
            return self._outcome(action, ChangeResult.APPLIED, "set by an earlier attempt, and read back")
        if current != expected:
            return self._outcome(action, ChangeResult.MOVED, _what_moved(expected, current))
        try:
            self._send(target, role_arn, created_at)
        except AmbiguousError as error:
            return self._read_back(action, target, no_answer=error)
        except (AwsRejectedError, DeniedError) as error:
            return self._refused(action, error, created_at)
        return self._read_back(action, target, no_answer=None)

    def _send(self, target: RoleTarget, role_arn: str, created_at: datetime | None) -> None:
        """Send the write, and retry with a backoff while Amplify can't assume a young role."""
        waited = 0.0
        for seconds in _PROPAGATION_PAUSES:
            try:
                return retry_when_throttled(lambda: target.set(role_arn), self.pause)
            except AwsRejectedError as error:
                if not self._propagating(error, created_at) or waited + seconds > self.propagation:
                    raise
            self.pause(seconds)
            waited += seconds
        return retry_when_throttled(lambda: target.set(role_arn), self.pause)

    def _propagating(self, error: AwsRejectedError | DeniedError, created_at: datetime | None) -> bool:
        young = created_at is not None and self.clock() - created_at < _YOUNG
        return young and isinstance(error, UnassumableRoleError)

    def _refused(
        self, action: Action, error: AwsRejectedError | DeniedError, created_at: datetime | None
    ) -> RoleChangeOutcome:
        if self._propagating(error, created_at):
            detail = (
                "Amplify can't assume the role yet: it was made minutes ago, and IAM takes a while to tell everybody"
            )
            return self._outcome(action, ChangeResult.DEFERRED, detail)
        if isinstance(error, UnassumableRoleError):
            detail = (
                "inconclusive: Amplify says that it can't assume the role, though IAM has it, its trust policy allows"
                " it and it was not made just now. Conditions on its trust are the first thing to look at"
            )
            return self._outcome(action, ChangeResult.REFUSED, detail)
        return self._outcome(action, ChangeResult.REFUSED, f"AWS refused it: {error}")

    def _read_back(self, action: Action, target: RoleTarget, no_answer: AmbiguousError | None) -> RoleChangeOutcome:
        current = target.current().role_arn
        if current == action.role_arn:
            return self._outcome(action, ChangeResult.APPLIED, "set, and read back")
        if current == action.previous_arn:
            if no_answer is not None:
                raise no_answer
            raise RetryableError(_operation(action), "NotVisible", "the new role is not visible yet")
        return self._outcome(
            action, ChangeResult.THIRD_ROLE, f"a third role is set now, {current}: somebody else is at work"
        )

    def _outcome(self, action: Action, result: ChangeResult, detail: str) -> RoleChangeOutcome:
        return RoleChangeOutcome(action, result, detail, self.clock())


def _operation(action: Action) -> str:
    return "amplify:UpdateBranch" if action.kind is ActionKind.ATTACH_COMPUTE else "amplify:UpdateApp"


def _what_moved(expected: RoleState, current: RoleState) -> str:
    if expected.role_arn == current.role_arn:
        return "the tags or the stage changed since the diagnosis"
    before, now = expected.role_arn or "none", current.role_arn or "none"
    return f"the role changed from {before} to {now} since the diagnosis"


@dataclass(frozen=True)
class RoleRestorer:
    """Undoes one change.

    Args:
        clock: returns the time now, UTC.
        pause: waits for so many seconds.
    """

    clock: Callable[[], datetime]
    pause: Pause

    def carry_out(self, change: Change, target: RoleTarget) -> UndoOutcome:
        """Set the previous role, if the bot's role is still the current one.

        Idempotent: it only replaces the bot's role, so an interrupted attempt is simply repeated.

        Raises:
            RetryableError: the state could not be read, or it is unknown whether the write succeeded.
        """
        current = target.current().role_arn
        if current == change.previous_arn:
            return self._undone(change)
        if current != change.role_arn:
            detail = f"{current or 'no role'} is set now, which is not what the bot set ({change.role_arn})"
            return self._outcome(change, UndoResult.REFUSED, detail)
        try:
            retry_when_throttled(lambda: target.set(change.previous_arn or ""), self.pause)
        except AmbiguousError as error:
            return self._read_back(change, target, no_answer=error)
        except (AwsRejectedError, DeniedError) as error:
            return self._outcome(change, UndoResult.REFUSED, f"AWS refused it: {error}")
        return self._read_back(change, target, no_answer=None)

    def _read_back(self, change: Change, target: RoleTarget, no_answer: AmbiguousError | None) -> UndoOutcome:
        current = target.current().role_arn
        if current == change.previous_arn:
            return self._undone(change)
        if current == change.role_arn:
            if no_answer is not None:
                raise no_answer
            return self._outcome(change, UndoResult.IGNORED, f"AWS took the request, and {current} is still set")
        return self._outcome(
            change, UndoResult.REFUSED, f"a third role is set now, {current}: somebody else is at work"
        )

    def _undone(self, change: Change) -> UndoOutcome:
        if change.previous_arn is None:
            return self._outcome(change, UndoResult.DETACHED, "no role is set any more, as before the change")
        return self._outcome(change, UndoResult.RESTORED, f"{change.previous_arn} is set again, and read back")

    def _outcome(self, change: Change, result: UndoResult, detail: str) -> UndoOutcome:
        return UndoOutcome(change, result, detail, self.clock())


def branch_role_state(branch: Branch) -> RoleState:
    """A branch's compute role. Guards: our tags, the stage, and the branches of a pull request preview."""
    guards = (_our_tags(branch.tags), branch.stage, branch.source_branch, branch.destination_branch)
    return RoleState(branch.compute_role_arn, guards)


def app_role_state(app: App) -> RoleState:
    """An app's service role. Guards: our tags."""
    return RoleState(app.service_role_arn, (_our_tags(app.tags),))


@dataclass(frozen=True)
class BranchRoleTarget:
    """A branch and its compute role: GetBranch, and UpdateBranch with `computeRoleArn` alone."""

    scope: Scope
    reader: AmplifyReader
    actor: Callable[[], AmplifyActor]

    def current(self) -> RoleState:
        return branch_role_state(_read(self.reader.branch(self.scope.app_id, self.scope.branch), "amplify:GetBranch"))

    def set(self, role_arn: str) -> None:
        self.actor().set_compute_role(self.scope.app_id, self.scope.branch, role_arn)


@dataclass(frozen=True)
class AppRoleTarget:
    """An app and its service role: GetApp, and UpdateApp with `iamServiceRoleArn` alone."""

    scope: Scope
    reader: AmplifyReader
    actor: Callable[[], AmplifyActor]

    def current(self) -> RoleState:
        return app_role_state(_read(self.reader.app(self.scope.app_id), "amplify:GetApp"))

    def set(self, role_arn: str) -> None:
        self.actor().set_service_role(self.scope.app_id, role_arn)


def _our_tags(tags: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((key, value) for key, value in tags.items() if key.startswith(_OUR_TAGS)))


def _read(item: Item[T], operation: str) -> T:
    if isinstance(item, Present):
        return item.value
    raise RetryableError(operation, type(item).__name__, "it could be read a moment ago and can't be read now")
