"""Which apps are looked at, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from medic.plan.decide import SSR
from medic.plan.optin import AUTO_FIX, IGNORE
from medic.settings import Mode, WatchRuntime
from medic.watch.cursor import Cursor

if TYPE_CHECKING:
    from medic.evidence.model import App, Branch
    from medic.settings import Settings

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def watched(apps: Iterable[App], settings: Settings) -> tuple[App, ...]:
    """The apps whose runtime can fail at all, of those that the settings let the bot look at."""
    if settings.watch_runtime is WatchRuntime.NONE:
        return ()
    return tuple(app for app in apps if app.platform == SSR and (not settings.apps or app.id in settings.apps))


def due(apps: Iterable[App], cursors: Mapping[str, Cursor], now: datetime) -> tuple[Cursor, ...]:
    """Where to look now, the longest unlooked-at first: whatever time runs out, each app comes to its turn."""
    candidates = (cursors.get(app.id, Cursor(app.id)) for app in apps)
    return tuple(sorted((c for c in candidates if c.due(now)), key=lambda cursor: cursor.looked_at or _NEVER))


def wants_looks(branches: Iterable[Branch], watch: WatchRuntime) -> bool:
    """False for an app that nobody wants to hear of.

    That is one with `ignore` on every branch; or, if only tagged ones are watched, one without a branch that is tagged
    to be reported, asked about or fixed.
    """
    tags = [branch.tags.get(AUTO_FIX) for branch in branches]
    if watch is WatchRuntime.TAGGED:
        return any(tag in list(Mode) for tag in tags)
    return not tags or any(tag != IGNORE for tag in tags)
