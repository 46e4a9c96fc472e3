"""Setting a role: a branch's compute role or an app's service role, by one protocol.

Fresh look, abort if anything moved → one write of one field → read back. The intent was recorded before; what happened
is recorded after. An answer that never came is settled by the read-back, never by sending again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from medic.aws.errors import AmbiguousError, DeniedError, RefusedError, RetryableError, UnassumableRoleError
from medic.plan.model import ActionKind
from medic.remediation.outcome import Outcome, Result
from medic.remediation.patience import Pause, through_throttling

if TYPE_CHECKING:
    from medic.plan.model import Action

_YOUNG = timedelta(minutes=15)
_PROPAGATION_PAUSES = (5.0, 10.0, 15.0, 15.0)


class RoleHolder(Protocol):
    """Something whose role is set: a branch or an app."""

    def current(self) -> Standing:
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
class Standing:
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
        self, action: Action, holder: RoleHolder, seen: Standing, *, made_at: datetime | None, resumed: bool
    ) -> Outcome:
        """Set the action's role, unless something moved since it was planned.

        Args:
            action: what to set; its role is known.
            holder: where to set it.
            seen: how the holder stood when the action was planned.
            made_at: when the role was created, to tell propagation from a wrong trust.
            resumed: an earlier invocation recorded this very intent and did not finish: its write may have landed.

        Raises:
            RetryableError: the state could not be read, or a write is not known to have landed.
        """
        role_arn = action.role_arn or ""
        now = holder.current()
        if resumed and now.role_arn == role_arn:
            return self._outcome(action, Result.APPLIED, "set by an earlier attempt, and read back")
        if now != seen:
            return self._outcome(action, Result.MOVED, _what_moved(seen, now))
        try:
            self._send(holder, role_arn, made_at)
        except AmbiguousError as error:
            return self._read_back(action, holder, doubt=error)
        except (RefusedError, DeniedError) as error:
            return self._refused(action, error, made_at)
        return self._read_back(action, holder, doubt=None)

    def _send(self, holder: RoleHolder, role_arn: str, made_at: datetime | None) -> None:
        """Send, and wait in between where Amplify can't assume a role that was made moments ago."""
        waited = 0.0
        for seconds in _PROPAGATION_PAUSES:
            try:
                return through_throttling(lambda: holder.set(role_arn), self.pause)
            except RefusedError as error:
                if not self._propagating(error, made_at) or waited + seconds > self.propagation:
                    raise
            self.pause(seconds)
            waited += seconds
        return through_throttling(lambda: holder.set(role_arn), self.pause)

    def _propagating(self, error: RefusedError | DeniedError, made_at: datetime | None) -> bool:
        young = made_at is not None and self.clock() - made_at < _YOUNG
        return young and isinstance(error, UnassumableRoleError)

    def _refused(self, action: Action, error: RefusedError | DeniedError, made_at: datetime | None) -> Outcome:
        if self._propagating(error, made_at):
            said = "Amplify can't assume the role yet: it was made minutes ago, and IAM takes a while to tell everybody"
            return self._outcome(action, Result.DEFERRED, said)
        if isinstance(error, UnassumableRoleError):
            said = (
                "inconclusive: Amplify says that it can't assume the role, though IAM has it, its trust policy allows"
                " it and it was not made just now. Conditions on its trust are the first thing to look at"
            )
            return self._outcome(action, Result.REFUSED, said)
        return self._outcome(action, Result.REFUSED, f"AWS refused it: {error}")

    def _read_back(self, action: Action, holder: RoleHolder, doubt: AmbiguousError | None) -> Outcome:
        now = holder.current().role_arn
        if now == action.role_arn:
            return self._outcome(action, Result.APPLIED, "set, and read back")
        if now == action.previous_arn:
            if doubt is not None:
                raise doubt
            raise RetryableError(_operation(action), "NotVisible", "the new role does not show yet")
        return self._outcome(action, Result.THIRD_ROLE, f"a third role is set now, {now}: somebody else is at work")

    def _outcome(self, action: Action, result: Result, detail: str) -> Outcome:
        return Outcome(action, result, detail, self.clock())


def _operation(action: Action) -> str:
    return "amplify:UpdateBranch" if action.kind is ActionKind.ATTACH_COMPUTE else "amplify:UpdateApp"


def _what_moved(seen: Standing, now: Standing) -> str:
    if seen.role_arn != now.role_arn:
        return f"the role changed from {seen.role_arn or 'none'} to {now.role_arn or 'none'} since the diagnosis"
    return "the tags or the stage changed since the diagnosis"
