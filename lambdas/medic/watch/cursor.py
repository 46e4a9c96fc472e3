"""How far an app's SSR log was read. Transitions are pure: each takes a cursor and gives the next one.

Events may be ingested late, so each reading begins some minutes before the end of the last one and leaves out what it
remembers. What is remembered is bounded: under a flood of candidates the overlap shrinks, and nothing is counted twice.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from medic.evidence import TimeSpan
from medic.plan.decide import SSR
from medic.plan.optin import AUTO_FIX, IGNORE
from medic.settings import Mode, WatchRuntime

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from medic.evidence import App, Branch, RuntimeLine, RuntimePage
    from medic.settings import Settings

OVERLAP = timedelta(minutes=10)
"""How much later than it happened an event may be ingested and is still found."""
LONGEST_GAP = timedelta(hours=24)
"""How far back a log is read that was not looked at for long. Older lines would change nothing any more."""
MOST_REMEMBERED = 20_000
"""Event ids, at 8 bytes each: the item stays well below DynamoDB's 400 KB."""
EVERY = timedelta(minutes=5)
"""How often an app is looked at."""
BOOST = timedelta(minutes=30)
"""How long after a deployment an app is looked at in every run."""
SILENCE = timedelta(minutes=15)
"""How long an app that wants no looks is left alone before its tags are read again."""
MISSING_FOR = timedelta(hours=24)
"""How long a log group may be missing before somebody is told: until there is a visitor, there is none to expect."""
_JITTER = timedelta(seconds=30)
_MILLISECOND = timedelta(milliseconds=1)
_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Reading:
    """A span that is to be read, and the token that leads on if some of it was."""

    span: TimeSpan
    token: str = ""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far one app's log was read, and when to look again."""

    app_id: str
    version: int = 0
    position: datetime | None = None
    """Every candidate up to this time that had been ingested was read."""
    half_read: Reading | None = None
    remembered: Mapping[int, frozenset[bytes]] = field(default_factory=dict)
    """Short hashes of the ids of events read, by the minute (of the epoch) that they happened in."""
    floor: datetime | None = None
    """From here on everything read is remembered; nothing before is read again."""
    looked_at: datetime | None = None
    boosted_until: datetime | None = None
    silent_until: datetime | None = None
    missing_since: datetime | None = None
    """Since when the log group is known to be missing."""
    missing_reported: bool = False

    def due(self, now: datetime) -> bool:
        """True if the app is to be looked at in this run."""
        if self.silent_until is not None and now < self.silent_until:
            return False
        if self.looked_at is None or self.half_read is not None or now < (self.boosted_until or now):
            return True
        return now - self.looked_at >= EVERY - _JITTER

    def next_reading(self, now: datetime) -> Reading:
        """What to read: on where it stopped halfway, or from a little before the end of the last reading until now."""
        if self.half_read is not None:
            return self.half_read
        start = now - OVERLAP if self.position is None else max(self.position - OVERLAP, now - LONGEST_GAP)
        return Reading(TimeSpan(max(start, self.floor or start), now))

    def taking(self, page: RuntimePage, span: TimeSpan) -> tuple[Cursor, tuple[RuntimeLine, ...]]:
        """The cursor after a page, and the events on it that were not read before."""
        fresh = tuple(line for line in page.lines if not self._knows(line))
        reached = max((line.at for line in page.lines), default=span.start) if page.token else span.end
        position = max(self.position or span.start, reached)
        remembered, floor = _remembering(self, position, fresh)
        taken = replace(
            self,
            position=position,
            half_read=Reading(span, page.token) if page.token else None,
            remembered=remembered,
            floor=floor,
            missing_since=None,
            missing_reported=False,
        )
        return taken, fresh

    def started_over(self) -> Cursor:
        """The cursor without the token, which is no longer good: what was read is remembered, and read on from."""
        return replace(self, half_read=None)

    def looked(self, now: datetime) -> Cursor:
        """The cursor after a look."""
        return replace(self, looked_at=now)

    def silenced(self, now: datetime) -> Cursor:
        """The cursor of an app that wants no looks: what is logged meanwhile is nobody's business later."""
        return replace(self, position=now, floor=now, half_read=None, looked_at=now, silent_until=now + SILENCE)

    def missing(self, now: datetime) -> Cursor:
        """The cursor of an app whose log group is not there, or was deleted halfway."""
        return replace(self, half_read=None, missing_since=self.missing_since or now)

    def missing_too_long(self, now: datetime) -> bool:
        """True if somebody is to be told that the log group is missing."""
        since = self.missing_since
        return since is not None and not self.missing_reported and now - since >= MISSING_FOR

    def reported_missing(self) -> Cursor:
        """The cursor once somebody is told that the log group is missing."""
        return replace(self, missing_reported=True)

    def missing_again(self, now: datetime) -> Cursor:
        """The cursor where there is no reason yet to expect a log group: asked again after the same time."""
        return replace(self, missing_since=now)

    def _knows(self, line: RuntimeLine) -> bool:
        return _hashed(line) in self.remembered.get(_minute(line.at), ())


def _remembering(
    cursor: Cursor, position: datetime, lines: tuple[RuntimeLine, ...]
) -> tuple[Mapping[int, frozenset[bytes]], datetime | None]:
    """What is remembered with these events: as far back as the next reading may begin, and as much as there is room."""
    oldest = _minute(position - OVERLAP)
    kept = {minute: set(ids) for minute, ids in cursor.remembered.items() if minute >= oldest}
    for line in lines:
        if (minute := _minute(line.at)) >= oldest:
            kept.setdefault(minute, set()).add(_hashed(line))
    floor = cursor.floor
    while sum(map(len, kept.values())) > MOST_REMEMBERED:
        forgotten = min(kept)
        del kept[forgotten]
        floor = min(datetime.fromtimestamp((forgotten + 1) * _MINUTE, UTC), position + _MILLISECOND)
    return {minute: frozenset(ids) for minute, ids in kept.items()}, floor


def _minute(time: datetime) -> int:
    return int(time.timestamp()) // _MINUTE


def _hashed(line: RuntimeLine) -> bytes:
    return hashlib.blake2b(line.event_id.encode(), digest_size=8).digest()


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
