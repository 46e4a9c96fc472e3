"""Putting back what stood there before a change: once asked for, only over the bot's own role, read back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from medic.aws.errors import AmbiguousError, DeniedError, RefusedError, RetryableError
from medic.remediation.patience import Pause, through_throttling

if TYPE_CHECKING:
    from datetime import datetime

    from medic.incidents.change import Change
    from medic.remediation.roles import RoleHolder


class Undoing(StrEnum):
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
        return self in (Undoing.DETACHED, Undoing.RESTORED)


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of one undoing."""

    change: Change
    result: Undoing
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

    def carry_out(self, change: Change, holder: RoleHolder) -> Undone:
        """Set what stood there before, if the bot's role is what stands there now.

        Doing it twice does the same: it is only done over the bot's role, so an attempt that broke off is repeated.

        Raises:
            RetryableError: the state could not be read, or a write is not known to have landed.
        """
        now = holder.current().role_arn
        if now == change.previous_arn:
            return self._undone(change)
        if now != change.role_arn:
            said = f"{now or 'no role'} is set now, which is not what the bot set ({change.role_arn})"
            return self._ended(change, Undoing.REFUSED, said)
        try:
            through_throttling(lambda: holder.set(change.previous_arn or ""), self.pause)
        except AmbiguousError as doubt:
            return self._read_back(change, holder, doubt)
        except (RefusedError, DeniedError) as error:
            return self._ended(change, Undoing.REFUSED, f"AWS refused it: {error}")
        return self._read_back(change, holder, None)

    def _read_back(self, change: Change, holder: RoleHolder, doubt: RetryableError | None) -> Undone:
        now = holder.current().role_arn
        if now == change.previous_arn:
            return self._undone(change)
        if now == change.role_arn:
            if doubt is not None:
                raise doubt
            return self._ended(change, Undoing.IGNORED, f"AWS took the request, and {now} is still set")
        return self._ended(change, Undoing.REFUSED, f"a third role is set now, {now}: somebody else is at work")

    def _undone(self, change: Change) -> Undone:
        if change.previous_arn is None:
            return self._ended(change, Undoing.DETACHED, "no role is set any more, as before the change")
        return self._ended(change, Undoing.RESTORED, f"{change.previous_arn} is set again, and read back")

    def _ended(self, change: Change, result: Undoing, detail: str) -> Undone:
        return Undone(change, result, detail, self.clock())
