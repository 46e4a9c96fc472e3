"""Set or restore a role: the compute role of a branch or the service role of an app.

The protocol is always the same: read the current state, stop if it changed since the diagnosis, write one field, read
it back. Nothing is written without a read right before it. The caller records the intent before and the result after.
If a write gets no answer, the read-back decides; it is never sent again. RetryableError means that the state could not
be read, or that nobody knows whether the write succeeded.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from medic.actions.outcome import ChangeResult, RoleChangeOutcome, UndoOutcome, UndoResult
from medic.aws.errors import AmbiguousError, AwsError, AwsRejectedError, RetryableError, UnassumableRoleError
from medic.evidence import App, Branch, Present
from medic.labels import ActionKind

if TYPE_CHECKING:
    from medic.aws.amplify import AmplifyActor, AmplifyReader
    from medic.events import Scope
    from medic.incidents.model import Change
    from medic.plan.model import Action

Pause = Callable[[float], None]
"""Waits for so many seconds."""

_THROTTLE_PAUSES = (1.0, 3.0)
_PROPAGATION_PAUSES = (5.0, 10.0, 15.0, 15.0)
_YOUNG = timedelta(minutes=15)
"""Amplify may be unable to assume a role younger than this, because IAM is eventually consistent."""
_OUR_TAGS = "amplify-medic:"
_FOUND = "set by an earlier attempt, and read back"


class RoleState(Struct, frozen=True):
    """The current role, and everything else that must not have changed since the diagnosis."""

    role_arn: str | None
    guards: tuple[object, ...] | None
    """Tags, stage and so on, compared as a whole. None in an expected state: only the role is compared."""


class RoleTarget(Protocol):
    """A branch or an app whose role is set."""

    def current(self) -> RoleState:
        """Read the current state from AWS. Raises RetryableError if it could not be read."""

    def prepare(self) -> None:
        """Create the session that may write, so that nothing slow lies between a read and a write."""

    def set(self, role_arn: str) -> None:
        """Write the one field. Raises AwsError if that failed or got no answer."""


class RoleWriter(Struct, frozen=True):
    clock: Callable[[], datetime]
    pause: Pause
    propagation: float
    """How many seconds to wait at most, in all, until Amplify can assume a young role."""

    def carry_out(
        self, action: Action, target: RoleTarget, expected: RoleState, *, created_at: datetime | None, resumed: bool
    ) -> RoleChangeOutcome:
        """Set the action's role, unless the target's state is no longer the expected one.

        Args:
            action: what to set; its role is known.
            target: where to set it.
            expected: the target's state when the action was planned.
            created_at: when the role was created. It tells slow propagation from a wrong trust policy.
            resumed: an earlier invocation recorded this intent, so its write may have succeeded.
        """
        result, detail, _ = self._write(target, expected, action.role_arn, created_at, may_be_set=resumed)
        if result is None:
            operation = "UpdateBranch" if action.kind is ActionKind.ATTACH_COMPUTE else "UpdateApp"
            raise RetryableError(f"amplify:{operation}", "NotVisible", "the new role is not visible yet")
        return RoleChangeOutcome(action, result, detail, self.clock())

    def find(self, action: Action, target: RoleTarget) -> RoleChangeOutcome:
        """Say whether an earlier invocation set the role. Nothing is sent.

        What was read before this invocation had the lease does not say it: the write may be newer.
        """
        if target.current().role_arn == action.role_arn:
            return RoleChangeOutcome(action, ChangeResult.APPLIED, _FOUND, self.clock())
        return RoleChangeOutcome(action, ChangeResult.MOVED, "it is not set, and no longer allowed now", self.clock())

    def undo(self, change: Change, target: RoleTarget) -> UndoOutcome:
        """Set the previous role, if the bot's role is still the current one.

        Idempotent: it only replaces the bot's role, so an interrupted attempt is simply repeated.
        """
        expected = RoleState(change.role_arn, None)
        result, detail, role = self._write(target, expected, change.previous_arn, None, may_be_set=True)
        match result:
            case ChangeResult.APPLIED if change.previous_arn is None:
                return UndoOutcome(change, UndoResult.DETACHED, "no role is set any more, as before the change")
            case ChangeResult.APPLIED:
                return UndoOutcome(change, UndoResult.RESTORED, f"{role} is set again, and read back")
            case None:
                return UndoOutcome(change, UndoResult.IGNORED, f"AWS took the request, and {role} is still set")
            case ChangeResult.MOVED:
                detail = f"{role or 'no role'} is set now, which is not what the bot set ({change.role_arn})"
                return UndoOutcome(change, UndoResult.REFUSED, detail)
            case _:
                return UndoOutcome(change, UndoResult.REFUSED, detail)

    def _write(
        self,
        target: RoleTarget,
        expected: RoleState,
        wanted: str | None,
        created_at: datetime | None,
        *,
        may_be_set: bool,
    ) -> tuple[ChangeResult | None, str, str | None]:
        """Read, compare, write, read back. Returns the result, its detail, and the role that was read last.

        The result is None if AWS accepted the request and the read-back still shows the old role.
        """
        if may_be_set and target.current().role_arn == wanted:
            return ChangeResult.APPLIED, _FOUND, wanted
        no_answer = None
        try:
            target.prepare()
            try:
                moved = self._send(target, expected, wanted or "", created_at)
            except AmbiguousError as error:
                moved, no_answer = None, error
        except RetryableError:
            raise
        except AwsError as error:
            return *self._why_rejected(error, created_at), expected.role_arn
        current = target.current().role_arn if moved is None else moved.role_arn
        if current == wanted and (moved is None or may_be_set):
            return ChangeResult.APPLIED, "set, and read back" if moved is None else _FOUND, wanted
        if moved is not None:
            return ChangeResult.MOVED, _what_moved(expected, moved), current
        if current != expected.role_arn:
            return ChangeResult.THIRD_ROLE, f"a third role is set now, {current}: somebody else is at work", current
        if no_answer is not None:
            raise no_answer
        return None, "", current

    def _send(
        self, target: RoleTarget, expected: RoleState, role_arn: str, created_at: datetime | None
    ) -> RoleState | None:
        """Send the write, again after a throttle, and again while Amplify can't assume a young role.

        Each time the state is read first, because somebody may have changed it during the wait. If it is not the
        expected one any more, it is returned, and no further write is sent.

        Raises:
            AwsError: the error of the last attempt. A write without an answer is not repeated.
        """
        throttled, propagating, waited = iter(_THROTTLE_PAUSES), iter(_PROPAGATION_PAUSES), 0.0
        while True:
            current = target.current()
            if current.role_arn != expected.role_arn or expected.guards not in (None, current.guards):
                return current
            try:
                target.set(role_arn)
            except AmbiguousError:
                raise
            except RetryableError:
                seconds = next(throttled, None)
                if seconds is None:
                    raise
            except AwsRejectedError as error:
                seconds = next(propagating, None)
                if seconds is None or waited + seconds > self.propagation or not self._propagating(error, created_at):
                    raise
                waited += seconds
            else:
                return None
            self.pause(seconds)

    def _propagating(self, error: AwsError | None, created_at: datetime | None) -> bool:
        young = created_at is not None and self.clock() - created_at < _YOUNG
        return young and isinstance(error, UnassumableRoleError)

    def _why_rejected(self, error: AwsError | None, created_at: datetime | None) -> tuple[ChangeResult, str]:
        if self._propagating(error, created_at):
            return ChangeResult.DEFERRED, (
                "Amplify can't assume the role yet: it was created minutes ago, and IAM is still propagating it"
            )
        if isinstance(error, UnassumableRoleError):
            return ChangeResult.REFUSED, (
                "inconclusive: Amplify says that it can't assume the role, though IAM has it, its trust policy allows"
                " it and it was not made just now. Conditions on its trust are the first thing to look at"
            )
        return ChangeResult.REFUSED, f"AWS refused it: {error}"


def _what_moved(expected: RoleState, current: RoleState) -> str:
    if expected.role_arn == current.role_arn:
        return "the tags or the stage changed since the diagnosis"
    before, now = expected.role_arn or "none", current.role_arn or "none"
    return f"the role changed from {before} to {now} since the diagnosis"


def role_state(resource: App | Branch) -> RoleState:
    """A branch's compute role or an app's service role.

    Guards: our tags, and for a branch its stage and the branches of a pull request preview.
    """
    tags = tuple(sorted((key, value) for key, value in resource.tags.items() if key.startswith(_OUR_TAGS)))
    if isinstance(resource, App):
        return RoleState(resource.service_role_arn, (tags,))
    guards = (tags, resource.stage, resource.source_branch, resource.destination_branch)
    return RoleState(resource.compute_role_arn, guards)


class AmplifyTarget(Struct, frozen=True):
    """The compute role of a branch, or the service role of its app.

    A branch is written by UpdateBranch with `computeRoleArn` alone, an app by UpdateApp with `iamServiceRoleArn` alone.
    """

    kind: ActionKind
    scope: Scope
    reader: AmplifyReader
    actor: Callable[[], AmplifyActor]

    def current(self) -> RoleState:
        attach, app_id = self.kind is ActionKind.ATTACH_COMPUTE, self.scope.app_id
        item = self.reader.branch(app_id, self.scope.branch) if attach else self.reader.app(app_id)
        if isinstance(item, Present):
            return role_state(item.value)
        operation = "amplify:GetBranch" if attach else "amplify:GetApp"
        raise RetryableError(operation, type(item).__name__, "it could be read a moment ago and can't be read now")

    def prepare(self) -> None:
        self.actor()

    def set(self, role_arn: str) -> None:
        if self.kind is ActionKind.ATTACH_COMPUTE:
            self.actor().set_compute_role(self.scope.app_id, self.scope.branch, role_arn)
        else:
            self.actor().set_service_role(self.scope.app_id, role_arn)
