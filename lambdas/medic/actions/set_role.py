"""Setting a role: a branch's compute role or an app's service role, by one protocol.

Fresh look, abort if anything moved → one write of one field → read back. The intent was recorded before; what happened
is recorded after. An answer that never came is settled by the read-back, never by sending again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeVar

from medic.actions.outcome import ChangeResult, RoleChangeOutcome
from medic.aws.errors import AmbiguousError, AwsRejectedError, DeniedError, RetryableError, UnassumableRoleError
from medic.evidence import App, Branch, Item, Present
from medic.labels import ActionKind

if TYPE_CHECKING:
    from medic.aws.amplify import AmplifyActor, AmplifyReader
    from medic.events import Scope
    from medic.incidents.model import Change
    from medic.plan.model import Action


Pause = Callable[[float], None]

_THROTTLE_PAUSES = (1.0, 3.0)


def through_throttling(call: Callable[[], T], pause: Pause) -> T:
    """Make a writing call again after a throttle, which did nothing; an ambiguous answer is never tried again.

    Raises:
        AwsError: what the last attempt raised.
    """
    for seconds in _THROTTLE_PAUSES:
        try:
            return call()
        except AmbiguousError:
            raise
        except RetryableError:
            pause(seconds)
    return call()


_YOUNG = timedelta(minutes=15)
_PROPAGATION_PAUSES = (5.0, 10.0, 15.0, 15.0)


class RoleTarget(Protocol):
    """Something whose role is set: a branch or an app."""

    def current(self) -> RoleState:
        """How it stands now, read afresh.

        Raises:
            RetryableError: it could not be read.
        """
        ...

    def set(self, role_arn: str) -> None:
        """Send the one field.

        Raises:
            AwsError: as AWS answered.
        """
        ...


@dataclass(frozen=True, slots=True)
class RoleState:
    """The role that is set, and everything else that must not have moved since the diagnosis."""

    role_arn: str | None
    guards: tuple[object, ...]
    """Tags, stage and the like: compared as a whole."""


@dataclass(frozen=True)
class RoleSetter:
    """Carries one action out.

    Args:
        clock: gives now, UTC.
        pause: waits for so many seconds.
        propagation: the most seconds to wait for a young role, in all.
    """

    clock: Callable[[], datetime]
    pause: Pause
    propagation: float

    def carry_out(
        self, action: Action, target: RoleTarget, seen: RoleState, *, made_at: datetime | None, resumed: bool
    ) -> RoleChangeOutcome:
        """Set the action's role, unless something moved since it was planned.

        Args:
            action: what to set; its role is known.
            target: where to set it.
            seen: how the holder stood when the action was planned.
            made_at: when the role was created, to tell propagation from a wrong trust.
            resumed: an earlier invocation recorded this very intent and did not finish: its write may have landed.

        Raises:
            RetryableError: the state could not be read, or a write is not known to have landed.
        """
        role_arn = action.role_arn or ""
        now = target.current()
        if resumed and now.role_arn == role_arn:
            return self._outcome(action, ChangeResult.APPLIED, "set by an earlier attempt, and read back")
        if now != seen:
            return self._outcome(action, ChangeResult.MOVED, _what_moved(seen, now))
        try:
            self._send(target, role_arn, made_at)
        except AmbiguousError as error:
            return self._read_back(action, target, doubt=error)
        except (AwsRejectedError, DeniedError) as error:
            return self._refused(action, error, made_at)
        return self._read_back(action, target, doubt=None)

    def _send(self, target: RoleTarget, role_arn: str, made_at: datetime | None) -> None:
        """Send, and wait in between where Amplify can't assume a role that was made moments ago."""
        waited = 0.0
        for seconds in _PROPAGATION_PAUSES:
            try:
                return through_throttling(lambda: target.set(role_arn), self.pause)
            except AwsRejectedError as error:
                if not self._propagating(error, made_at) or waited + seconds > self.propagation:
                    raise
            self.pause(seconds)
            waited += seconds
        return through_throttling(lambda: target.set(role_arn), self.pause)

    def _propagating(self, error: AwsRejectedError | DeniedError, made_at: datetime | None) -> bool:
        young = made_at is not None and self.clock() - made_at < _YOUNG
        return young and isinstance(error, UnassumableRoleError)

    def _refused(
        self, action: Action, error: AwsRejectedError | DeniedError, made_at: datetime | None
    ) -> RoleChangeOutcome:
        if self._propagating(error, made_at):
            said = "Amplify can't assume the role yet: it was made minutes ago, and IAM takes a while to tell everybody"
            return self._outcome(action, ChangeResult.DEFERRED, said)
        if isinstance(error, UnassumableRoleError):
            said = (
                "inconclusive: Amplify says that it can't assume the role, though IAM has it, its trust policy allows"
                " it and it was not made just now. Conditions on its trust are the first thing to look at"
            )
            return self._outcome(action, ChangeResult.REFUSED, said)
        return self._outcome(action, ChangeResult.REFUSED, f"AWS refused it: {error}")

    def _read_back(self, action: Action, target: RoleTarget, doubt: AmbiguousError | None) -> RoleChangeOutcome:
        now = target.current().role_arn
        if now == action.role_arn:
            return self._outcome(action, ChangeResult.APPLIED, "set, and read back")
        if now == action.previous_arn:
            if doubt is not None:
                raise doubt
            raise RetryableError(_operation(action), "NotVisible", "the new role does not show yet")
        return self._outcome(
            action, ChangeResult.THIRD_ROLE, f"a third role is set now, {now}: somebody else is at work"
        )

    def _outcome(self, action: Action, result: ChangeResult, detail: str) -> RoleChangeOutcome:
        return RoleChangeOutcome(action, result, detail, self.clock())


def _operation(action: Action) -> str:
    return "amplify:UpdateBranch" if action.kind is ActionKind.ATTACH_COMPUTE else "amplify:UpdateApp"


def _what_moved(seen: RoleState, now: RoleState) -> str:
    if seen.role_arn != now.role_arn:
        return f"the role changed from {seen.role_arn or 'none'} to {now.role_arn or 'none'} since the diagnosis"
    return "the tags or the stage changed since the diagnosis"


T = TypeVar("T")
_OURS = "amplify-medic:"


def branch_role_state(branch: Branch) -> RoleState:
    """A branch's compute role, guarded by our tags, the stage and the preview's branches."""
    guards = (_our_tags(branch.tags), branch.stage, branch.source_branch, branch.destination_branch)
    return RoleState(branch.compute_role_arn, guards)


def app_role_state(app: App) -> RoleState:
    """An app's service role, guarded by our tags."""
    return RoleState(app.service_role_arn, (_our_tags(app.tags),))


@dataclass(frozen=True)
class BranchRoleTarget:
    """A branch, whose compute role is set by UpdateBranch."""

    scope: Scope
    reader: AmplifyReader
    actor: Callable[[], AmplifyActor]

    def current(self) -> RoleState:
        """GetBranch, afresh."""
        return branch_role_state(_read(self.reader.branch(self.scope.app_id, self.scope.branch), "amplify:GetBranch"))

    def set(self, role_arn: str) -> None:
        """UpdateBranch with `computeRoleArn` alone."""
        self.actor().set_compute_role(self.scope.app_id, self.scope.branch, role_arn)


@dataclass(frozen=True)
class AppRoleTarget:
    """An app, whose service role is set by UpdateApp."""

    scope: Scope
    reader: AmplifyReader
    actor: Callable[[], AmplifyActor]

    def current(self) -> RoleState:
        """GetApp, afresh."""
        return app_role_state(_read(self.reader.app(self.scope.app_id), "amplify:GetApp"))

    def set(self, role_arn: str) -> None:
        """UpdateApp with `iamServiceRoleArn` alone."""
        self.actor().set_service_role(self.scope.app_id, role_arn)


def _our_tags(tags: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((key, value) for key, value in tags.items() if key.startswith(_OURS)))


def _read(item: Item[T], operation: str) -> T:
    if isinstance(item, Present):
        return item.value
    raise RetryableError(operation, type(item).__name__, "it could be read a moment ago and can't be read now")


class UndoResult(StrEnum):
    """How an undoing ended."""

    DETACHED = "detached"
    """No role is set now, as before the change."""
    RESTORED = "restored"
    """The role of before is set again."""
    REFUSED = "refused"
    """AWS refuses it, or another role is set by now: nothing was changed."""
    IGNORED = "ignored"
    """AWS took the request and changed nothing. Whether an empty role detaches is not documented."""

    @property
    def done(self) -> bool:
        """True if what stood there before stands there again."""
        return self in (UndoResult.DETACHED, UndoResult.RESTORED)


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of one undoing."""

    change: Change
    result: UndoResult
    detail: str
    at: datetime


@dataclass(frozen=True)
class RoleRestorer:
    """Puts one previous role back.

    Args:
        clock: gives now, UTC.
        pause: waits for so many seconds.
    """

    clock: Callable[[], datetime]
    pause: Pause

    def carry_out(self, change: Change, target: RoleTarget) -> Undone:
        """Set what stood there before, if the bot's role is what stands there now.

        Doing it twice does the same: it is only done over the bot's role, so an attempt that broke off is repeated.

        Raises:
            RetryableError: the state could not be read, or a write is not known to have landed.
        """
        now = target.current().role_arn
        if now == change.previous_arn:
            return self._undone(change)
        if now != change.role_arn:
            said = f"{now or 'no role'} is set now, which is not what the bot set ({change.role_arn})"
            return self._ended(change, UndoResult.REFUSED, said)
        try:
            through_throttling(lambda: target.set(change.previous_arn or ""), self.pause)
        except AmbiguousError as doubt:
            return self._read_back(change, target, doubt)
        except (AwsRejectedError, DeniedError) as error:
            return self._ended(change, UndoResult.REFUSED, f"AWS refused it: {error}")
        return self._read_back(change, target, None)

    def _read_back(self, change: Change, target: RoleTarget, doubt: RetryableError | None) -> Undone:
        now = target.current().role_arn
        if now == change.previous_arn:
            return self._undone(change)
        if now == change.role_arn:
            if doubt is not None:
                raise doubt
            return self._ended(change, UndoResult.IGNORED, f"AWS took the request, and {now} is still set")
        return self._ended(change, UndoResult.REFUSED, f"a third role is set now, {now}: somebody else is at work")

    def _undone(self, change: Change) -> Undone:
        if change.previous_arn is None:
            return self._ended(change, UndoResult.DETACHED, "no role is set any more, as before the change")
        return self._ended(change, UndoResult.RESTORED, f"{change.previous_arn} is set again, and read back")

    def _ended(self, change: Change, result: UndoResult, detail: str) -> Undone:
        return Undone(change, result, detail, self.clock())
