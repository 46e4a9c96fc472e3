"""Cursors: how far each app's SSR log was read. Also decides which apps are watched, and which of them are due now.

CloudWatch Logs may ingest an event minutes after it happened. So each read overlaps the last one by some minutes and
leaves out the events whose ids it remembers. A flood of events shrinks the overlap, which keeps the memory bounded.
Everything here is pure: each method of a cursor returns a new one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from medic.evidence import TimeSpan
from medic.plan.model import SSR
from medic.plan.optin import AUTO_FIX, IGNORE
from medic.settings import Mode, WatchRuntime

if TYPE_CHECKING:
    from collections.abc import Iterable

    from medic.evidence import App, Branch, RuntimeLine, RuntimePage
    from medic.settings import Settings

OVERLAP = timedelta(minutes=10)
"""How late an event may be ingested and still be found."""
MAX_LOOKBACK = timedelta(hours=24)
"""How far back a log is read at most. The bot changes nothing because of older lines."""
MAX_REMEMBERED = 20_000
"""Event ids. At 8 bytes each they stay well below DynamoDB's item limit of 400 KB."""
POLL_INTERVAL = timedelta(minutes=5)
"""How often an app's log is read."""
BOOST_DURATION = timedelta(minutes=30)
"""How long after a deployment an app's log is read in every run."""
SILENCE_DURATION = timedelta(minutes=15)
"""How long an app that should not be watched is skipped before its tags are read again."""
REPORT_MISSING_AFTER = timedelta(hours=24)
"""How long a log group may be missing before it is reported. Without visitors, Amplify creates no log group."""
_EARLY_RUN = timedelta(seconds=30)
"""A scheduled run may start this much early and still count as the next one."""
_MILLISECOND = timedelta(milliseconds=1)
_MINUTE = 60
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far one app's log was read, and when to read it again."""

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
    boosted_until: datetime | None = None
    silent_until: datetime | None = None
    missing_since: datetime | None = None
    """When the log group was first found missing."""
    missing_reported: bool = False
    unknown: Mapping[str, object] = field(default_factory=dict)
    """Fields that a newer release wrote. They are written back as they are."""

    def due(self, now: datetime) -> bool:
        """True if the app's log is to be read in this run."""
        if self.silent_until is not None and now < self.silent_until:
            return False
        if self.looked_at is None or self.unfinished is not None or now < (self.boosted_until or now):
            return True
        return now - self.looked_at >= POLL_INTERVAL - _EARLY_RUN

    def next_reading(self, now: datetime) -> TimeSpan:
        """The rest of a span that was read in part; otherwise from OVERLAP before the last position until now."""
        if self.unfinished is not None:
            return self.unfinished
        start = now - OVERLAP if self.position is None else max(self.position - OVERLAP, now - MAX_LOOKBACK)
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

    def without_token(self) -> Cursor:
        """The cursor after its page token has expired. The next read starts at OVERLAP before the last position."""
        return replace(self, unfinished=None)

    def after_look(self, now: datetime) -> Cursor:
        return replace(self, looked_at=now)

    def silenced(self, now: datetime) -> Cursor:
        """The cursor of an app that should not be watched. What it logs until now is never reported, not even later."""
        return replace(
            self, position=now, read_from=now, unfinished=None, looked_at=now, silent_until=now + SILENCE_DURATION
        )

    def log_group_missing(self, now: datetime) -> Cursor:
        """The cursor of an app whose log group does not exist, or was deleted between two pages."""
        return replace(self, unfinished=None, missing_since=self.missing_since or now)

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


def due_cursors(apps: Iterable[App], cursors: Mapping[str, Cursor], now: datetime) -> tuple[Cursor, ...]:
    """The cursors of the apps that are due, least recently read first: each app gets a turn even if time runs out."""
    candidates = (cursors.get(app.id, Cursor(app.id)) for app in apps)
    return tuple(sorted((c for c in candidates if c.due(now)), key=lambda cursor: cursor.looked_at or _NEVER))


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
