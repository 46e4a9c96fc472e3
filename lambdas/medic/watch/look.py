"""One run of the watcher over the SSR logs: several apps at a time, as far as rate and time allow, the rest next time.

A look changes nothing but the app's cursor. What it finds is folded into one nudge an app: "look at this log between
these times". The remediator reads the lines itself, and the state of the roles, before it believes anything.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from medic.aws.errors import AwsError
from medic.aws.logs import StaleTokenError
from medic.aws.rate import OutOfTimeError
from medic.evidence import Absent, Present, TimeSpan, Unreadable
from medic.logscan.runtime import read_runtime_log, runtime_filter
from medic.settings import WatchRuntime
from medic.telemetry import TelemetryEvent
from medic.watch.cursor import due, wants_looks, watched

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from medic.aws.amplify import AmplifyReader
    from medic.aws.logs import RuntimeLogs
    from medic.evidence import RuntimeLine
    from medic.settings import Settings
    from medic.telemetry import Telemetry
    from medic.watch.cursor import Cursor
    from medic.watch.cursor_store import Cursors

MOST_PAGES = 20
"""Pages of one app in one run: some hundred thousand lines are searched, and the other apps have their turn."""
_AT_ONCE = 4
_READ_AT_ONCE = 200
"""Lines; in a flood the first of them show what it is."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What became of one look at one app."""

    app_id: str
    candidates: int
    """Events read that passed the filter, each counted once over all looks."""
    nudge: TimeSpan | None = None
    """What the remediator was told to look at."""
    trouble: str = ""
    """Why the look did not get to its end."""


@dataclass(slots=True)
class _Seen:
    """What one look read."""

    candidates: int = 0
    first: RuntimeLine | None = None
    """The first event that shows a finding: that there are more changes nothing."""
    until: datetime | None = None
    pages: int = 0
    trouble: str = ""

    def add(self, lines: tuple[RuntimeLine, ...]) -> None:
        self.pages += 1
        self.candidates += len(lines)
        for at in range(0, len(lines), _READ_AT_ONCE):
            self.first = self.first or read_runtime_log(lines[at : at + _READ_AT_ONCE]).first
        self.until = max((line.at for line in lines), default=self.until)

    @property
    def nudge(self) -> TimeSpan | None:
        """From the first finding to the last candidate."""
        if self.first is None or self.until is None:
            return None
        return TimeSpan(self.first.at, max(self.first.at, self.until))


@dataclass(frozen=True)
class RuntimeWatch:
    """Looks at apps' SSR logs.

    Attributes:
        wake: tells the remediator to look at an app's log between two times.
        muted: whether somebody wants to hear nothing of an app.
    """

    settings: Settings
    amplify: AmplifyReader
    logs: RuntimeLogs
    cursors: Cursors
    wake: Callable[[str, TimeSpan], None]
    muted: Callable[[str], bool]
    telemetry: Telemetry
    clock: Callable[[], datetime]
    at_once: int = field(default=_AT_ONCE)

    def look(self) -> tuple[Looked, ...]:
        """Look at every app that is due.

        Raises:
            AwsError: the apps or the cursors could not be read; the next run comes in a minute.
        """
        apps = watched(self.amplify.apps(), self.settings)
        if not apps:
            return ()
        cursors = due(apps, self.cursors.read([app.id for app in apps]), self.clock())
        with ThreadPoolExecutor(max_workers=self.at_once) as pool:
            looked = tuple(pool.map(self._look_safely, cursors))
        self._record(looked)
        return looked

    def _look_safely(self, cursor: Cursor) -> Looked:
        """One app's trouble is no other's."""
        try:
            return self._look(cursor)
        except AwsError as error:
            return Looked(cursor.app_id, 0, trouble=str(error))

    def _look(self, before: Cursor) -> Looked:
        now, app_id = self.clock(), before.app_id
        tagged_only = self.settings.watch_runtime is WatchRuntime.TAGGED
        if self.muted(app_id) or (tagged_only and not self._wanted(app_id)):
            self.cursors.save(before.silenced(now))
            return Looked(app_id, 0)
        cursor, seen = self._read(before, now)
        if cursor is before:
            return Looked(app_id, 0, trouble=seen.trouble)
        nudge = seen.nudge
        if nudge is not None and self.settings.watch_runtime is WatchRuntime.ALL and not self._wanted(app_id):
            cursor, nudge = cursor.silenced(now), None
        if nudge is None and cursor.missing_too_long(now):
            cursor, nudge = self._missing(cursor, now)
        if nudge is not None:
            self.wake(app_id, nudge)
        counts = self.cursors.save(cursor.looked(now))
        return Looked(app_id, seen.candidates if counts else 0, nudge, seen.trouble)

    def _read(self, cursor: Cursor, now: datetime) -> tuple[Cursor, _Seen]:
        """Page after page, until the span is read or something ends the look; what was read is in the cursor."""
        seen = _Seen()
        reading = cursor.next_reading(now)
        while seen.pages < MOST_PAGES:
            try:
                page = self.logs.page(cursor.app_id, reading.span, runtime_filter(), reading.token)
            except StaleTokenError:
                cursor = cursor.started_over()
                reading = cursor.next_reading(now)
                continue
            except (AwsError, OutOfTimeError) as error:
                seen.trouble = str(error)
                break
            match page:
                case Present(value):
                    cursor, fresh = cursor.taking(value, reading.span)
                    seen.add(fresh)
                case Absent():
                    return cursor.missing(now), seen
                case Unreadable(reason):
                    seen.trouble = reason
                    return cursor.started_over(), seen
            if cursor.half_read is None:
                break
            reading = cursor.half_read
        return cursor, seen

    def _wanted(self, app_id: str) -> bool:
        return wants_looks(self.amplify.branches(app_id), self.settings.watch_runtime)

    def _missing(self, cursor: Cursor, now: datetime) -> tuple[Cursor, TimeSpan | None]:
        """A missing log group is worth a word once, and only where something is deployed that would write it."""
        deployed = any(branch.active_job_id for branch in self.amplify.branches(cursor.app_id))
        return (cursor.reported_missing(), TimeSpan(now, now)) if deployed else (cursor.missing_again(now), None)

    def _record(self, looked: tuple[Looked, ...]) -> None:
        for each in looked:
            if each.nudge is not None:
                nudge = each.nudge
                self.telemetry.record(
                    TelemetryEvent.RUNTIME_FOUND,
                    app=each.app_id,
                    candidates=each.candidates,
                    since=nudge.start,
                    until=nudge.end,
                )
            if each.trouble:
                self.telemetry.record(TelemetryEvent.RUNTIME_UNREAD, app=each.app_id, why=each.trouble)
        if looked:
            candidates = sum(each.candidates for each in looked)
            self.telemetry.record(TelemetryEvent.RUNTIME_LOOKED, apps=len(looked), candidates=candidates)
