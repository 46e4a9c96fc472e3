"""Cursors: how far each app's SSR log was read. Also decides which apps are watched.

CloudWatch Logs may ingest an event minutes after it happened. So each read overlaps the last one by some minutes and
leaves out the events whose ids it remembers. A flood of events shrinks the overlap, which keeps the memory bounded.
FilterLogEvents can't search by ingestion time. So older events are read again at times, and those count that were
ingested since the last time.
Everything here is pure: each method of a cursor returns a new one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from msgspec import Struct, field

from medic.evidence import App, Branch, RuntimeLine, RuntimePage, TimeSpan
from medic.plan.model import SSR
from medic.plan.optin import AUTO_FIX, IGNORE
from medic.records import replace
from medic.settings import Mode, Settings, WatchRuntime

OVERLAP = timedelta(minutes=10)
"""How late an event may be ingested and still be found at once."""
LATEST = timedelta(hours=6)
"""How late an event may be ingested and still be found at all."""
LATE_INTERVAL = timedelta(minutes=15)
"""How often events that were ingested late are looked for."""
_NOT_YET_SEARCHABLE = timedelta(minutes=1)
"""How long after its ingestion an event may stay unfound. In that time it may be found twice, which does no harm."""
MAX_LOOKBACK = timedelta(hours=24)
"""How far back a log is read at most. The bot changes nothing because of older lines."""
MAX_REMEMBERED = 20_000
"""Event ids. At 8 bytes each they stay well below DynamoDB's item limit of 400 KB."""
BOOST_DURATION = timedelta(minutes=30)
"""How long after a deployment an app's log is read in every run."""
SILENCE_DURATION = timedelta(minutes=15)
"""How long an app that should not be watched is skipped before its tags are read again."""
UNREAD_TOO_LONG = timedelta(hours=1)
"""A log whose end no run reached for longer needs attention, whatever the reason is."""
REPORT_MISSING_AFTER = timedelta(hours=24)
"""How long a log group may be missing before it is reported. Without visitors, Amplify creates no log group."""
_MILLISECOND = timedelta(milliseconds=1)
_MINUTE = 60
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Cursor(Struct, frozen=True):
    """How far one app's log was read."""

    app_id: str
    version: int = 0
    position: datetime | None = None
    """Every matching event up to this time was read, if it was ingested by then."""
    unfinished: TimeSpan | None = None
    remembered: Mapping[int, frozenset[bytes]] = field(default_factory=dict)
    """8-byte hashes of the ids of the events read, by the event's minute since the epoch."""
    read_from: datetime | None = None
    """The next read starts no earlier: ids of earlier events may be forgotten, or the app was silenced until then."""
    looked_at: datetime | None = None
    silent_until: datetime | None = None
    late: TimeSpan | None = None
    """Set while older events are read again, to find those that were ingested late."""
    late_begun_at: datetime | None = None
    """When that was begun last."""
    late_since: datetime | None = None
    """When it was begun the time before. What was ingested earlier is known."""
    missing_since: datetime | None = None
    """When the log group was first found missing."""
    missing_reported: bool = False
    unknown: Mapping[str, object] = field(default_factory=dict)
    """Fields that a newer release wrote. They are written back as they are."""

    def silent(self, now: datetime) -> bool:
        return self.silent_until is not None and now < self.silent_until

    def overdue(self, now: datetime) -> bool:
        """True if the log was not read to its end for longer than UNREAD_TOO_LONG."""
        read_to = self.unfinished.end if self.unfinished is not None else self.position
        return read_to is not None and now - read_to > UNREAD_TOO_LONG

    def next_reading(self, now: datetime) -> TimeSpan:
        """The rest of a span that was read in part; otherwise from OVERLAP before the last position until now.

        All of the last MAX_LOOKBACK is read if there was no log group at the last look.
        """
        if self.unfinished is not None:
            return self.unfinished
        start = now - MAX_LOOKBACK
        if self.missing_since is None:  # otherwise the log group is new, and so is all that it holds
            start = now - OVERLAP if self.position is None else max(self.position - OVERLAP, start)
        return TimeSpan(max(start, self.read_from or start), now)

    def after_page(self, page: RuntimePage, span: TimeSpan) -> tuple[Cursor, tuple[RuntimeLine, ...]]:
        """The cursor after a page, and the page's events that were not read before."""
        fresh = tuple(line for line in page.lines if not self._knows(line))
        reached = max((line.at for line in page.lines), default=span.start) if page.token else span.end
        position = max(self.position or span.start, reached)
        remembered, read_from = _remember(self, position, fresh)
        after = replace(
            self,
            position=position,
            unfinished=replace(span, token=page.token) if page.token else None,
            remembered=remembered,
            read_from=read_from,
            missing_since=None,
            missing_reported=False,
        )
        return after, fresh

    def looking_for_late_events(self, read_from: datetime, now: datetime) -> Cursor:
        """The cursor whose `late` is the span to read again, if it is time for that.

        Args:
            read_from: where the reading of this look began. What is older is read again.
            now: the current time.
        """
        if self.late is not None:
            return self
        if self.late_begun_at is None:
            return replace(self, late_begun_at=now)
        span = TimeSpan(max(now - LATEST, self.read_from or now - LATEST), read_from - _MILLISECOND)
        if now - self.late_begun_at < LATE_INTERVAL or span.start >= span.end:
            return self
        return replace(self, late=span, late_begun_at=now, late_since=self.late_begun_at)

    def after_late_page(self, page: RuntimePage, span: TimeSpan) -> tuple[Cursor, tuple[RuntimeLine, ...]]:
        """The cursor after a page of `late`, and those of its events that no earlier look could find."""
        since = (self.late_since or span.end) - _NOT_YET_SEARCHABLE
        fresh = tuple(line for line in page.lines if line.late > OVERLAP and line.at + line.late > since)
        return replace(self, late=replace(span, token=page.token) if page.token else None), fresh

    def restart_late(self) -> Cursor:
        """The cursor after the page token of `late` has expired. The next look begins again."""
        return replace(self, late=None, late_begun_at=self.late_since)

    def without_token(self) -> Cursor:
        """The cursor after its page token has expired. The next read starts at OVERLAP before the last position."""
        return replace(self, unfinished=None)

    def after_look(self, now: datetime) -> Cursor:
        return replace(self, looked_at=now)

    def silenced(self, now: datetime) -> Cursor:
        """The cursor of an app that should not be watched. What it logs until now is never reported, not even later."""
        return replace(
            self,
            position=now,
            read_from=now,
            unfinished=None,
            late=None,
            looked_at=now,
            silent_until=now + SILENCE_DURATION,
        )

    def log_group_missing(self, now: datetime) -> Cursor:
        """The cursor of an app whose log group does not exist, or was deleted between two pages."""
        return replace(self, unfinished=None, late=None, missing_since=self.missing_since or now)

    def should_report_missing(self, now: datetime) -> bool:
        """True if the log group has been missing for REPORT_MISSING_AFTER and this was not reported yet."""
        since = self.missing_since
        return since is not None and not self.missing_reported and now - since >= REPORT_MISSING_AFTER

    def reported_missing(self) -> Cursor:
        return replace(self, missing_reported=True)

    def restart_missing(self, now: datetime) -> Cursor:
        """The cursor of an app without a deployment, which needs no log group yet: start REPORT_MISSING_AFTER again."""
        return replace(self, missing_since=now)

    def _knows(self, line: RuntimeLine) -> bool:
        return _id_hash(line) in self.remembered.get(_minute(line.at), ())


def watched_apps(apps: Iterable[App], settings: Settings) -> tuple[App, ...]:
    """The apps with an SSR runtime, limited to the settings' `apps` if any are named."""
    if settings.watch_runtime is WatchRuntime.NONE:
        return ()
    return tuple(app for app in apps if app.platform == SSR and (not settings.apps or app.id in settings.apps))


def in_order(apps: Iterable[App], cursors: Mapping[str, Cursor], now: datetime) -> tuple[Cursor, ...]:
    """The apps' cursors, least recently read first: each app is read some time even if time runs out."""
    known = (cursors.get(app.id, Cursor(app.id)) for app in apps)
    return tuple(sorted((c for c in known if not c.silent(now)), key=lambda cursor: cursor.looked_at or _NEVER))


def should_watch(branches: Iterable[Branch], watch: WatchRuntime) -> bool:
    """Whether the tags on an app's branches let its log be watched.

    `all`: yes, unless every branch is tagged `ignore`. `tagged`: only if a branch is tagged `report`, `ask` or `fix`.
    """
    tags = [branch.tags.get(AUTO_FIX) for branch in branches]
    if watch is WatchRuntime.TAGGED:
        return any(tag in list(Mode) for tag in tags)
    return not tags or any(tag != IGNORE for tag in tags)


def _remember(
    cursor: Cursor, position: datetime, lines: tuple[RuntimeLine, ...]
) -> tuple[Mapping[int, frozenset[bytes]], datetime | None]:
    """The ids to remember after these events, and the new floor.

    Ids older than the next read may start are dropped. If there are still too many, the oldest minutes are dropped and
    the floor moves past them, so that their events are not read and counted again.
    """
    oldest = _minute(position - OVERLAP)
    kept = {minute: set(ids) for minute, ids in cursor.remembered.items() if minute >= oldest}
    for line in lines:
        if (minute := _minute(line.at)) >= oldest:
            kept.setdefault(minute, set()).add(_id_hash(line))
    read_from = cursor.read_from
    while sum(map(len, kept.values())) > MAX_REMEMBERED:
        forgotten = min(kept)
        del kept[forgotten]
        read_from = min(datetime.fromtimestamp((forgotten + 1) * _MINUTE, UTC), position + _MILLISECOND)
    return {minute: frozenset(ids) for minute, ids in kept.items()}, read_from


def _minute(time: datetime) -> int:
    return int(time.timestamp()) // _MINUTE


def _id_hash(line: RuntimeLine) -> bytes:
    return hashlib.blake2b(line.event_id.encode(), digest_size=8).digest()
