"""Reads the SSR logs of the apps that are due, in parallel and within the rate limit and the run's time.

It changes nothing but the apps' cursors. For each app with a finding it wakes the remediator once, with the time span
to read. The remediator reads the lines and the roles itself, so a wake-up is only a hint.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from msgspec import Struct

from medic.aws.errors import AwsError, RetryableError
from medic.aws.logs import RuntimeLogs, StaleTokenError
from medic.aws.rate import OutOfTimeError
from medic.evidence import Absent, App, Present, RuntimeLine, TimeSpan, Unreadable
from medic.logscan.runtime import read_runtime_log, runtime_filter
from medic.settings import Settings, WatchRuntime
from medic.telemetry import Telemetry, TelemetryEvent
from medic.watch.cursor import Cursor, in_order, should_watch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from medic.aws.amplify import AmplifyReader
    from medic.watch.cursor_store import Cursors

_MAX_PAGES = 20
"""Pages of one app in one run. They cover some hundred thousand log lines, and leave time for the other apps."""
_MAX_WORKERS = 4
_LINES_PER_SCAN = 200
"""Lines that are scanned at a time, so that scanning stops soon after the first finding."""


class LookResult(Struct):
    """The result of reading one app's log in one run."""

    app_id: str
    candidates: int = 0
    """Events that matched the filter pattern. An event is counted in one result, or very rarely in two."""
    wake_span: TimeSpan | None = None
    """From the first finding to the newest matching event: what the remediator is asked to read. None if not woken."""
    error: str = ""
    """Why the log was not read to the end of the span; empty if it was, or if only the page limit was reached."""
    lasts: bool = False
    """True if that is not going to pass by itself."""
    pages: int = 0
    behind: bool = False
    """True if the next run is to go on."""

    def add(self, lines: tuple[RuntimeLine, ...]) -> None:
        """Count one page. Findings after the first change nothing, so they are not looked for."""
        self.pages += 1
        self.candidates += len(lines)
        span = self.wake_span
        first = span.start if span and lines and span.start <= lines[0].at else _first_finding(lines)
        if first is not None:
            times = (first, *(line.at for line in lines), *((span.start, span.end) if span else ()))
            self.wake_span = TimeSpan(first if span is None else min(first, span.start), max(times))


def _first_finding(lines: tuple[RuntimeLine, ...]) -> datetime | None:
    for at in range(0, len(lines), _LINES_PER_SCAN):
        if first := read_runtime_log(lines[at : at + _LINES_PER_SCAN]).first:
            return first.at
    return None


class RuntimeWatch(Struct, frozen=True):
    """Reads apps' SSR logs.

    Attributes:
        wake: wakes the remediator to read an app's log in a time span.
        muted: whether an app is muted.
        at_once: how many apps are read in parallel.
    """

    settings: Settings
    amplify: AmplifyReader
    logs: RuntimeLogs
    cursors: Cursors
    wake: Callable[[str, TimeSpan], None]
    muted: Callable[[str], bool]
    telemetry: Telemetry
    clock: Callable[[], datetime]
    at_once: int = _MAX_WORKERS

    def look(self, apps: Sequence[App]) -> tuple[LookResult, ...]:
        """Read the log of each of these apps. If one app fails, the others are read all the same.

        Raises:
            AwsError: the cursors could not be read. The next run, a minute later, tries again.
        """
        if not apps:
            return ()
        cursors = in_order(apps, self.cursors.read([app.id for app in apps], self.clock()), self.clock())
        with ThreadPoolExecutor(max_workers=self.at_once) as pool:
            results = tuple(pool.map(self._look_safely, cursors))
        self._record(results)
        return results

    def _look_safely(self, cursor: Cursor) -> LookResult:
        try:
            return self._look(cursor)
        except AwsError as error:
            return LookResult(cursor.app_id, error=str(error), lasts=not isinstance(error, RetryableError), behind=True)
        except Exception as error:  # noqa: BLE001 - one app stops no other
            self.telemetry.fault(error, app=cursor.app_id)
            return LookResult(cursor.app_id, error=repr(error), behind=True)

    def _look(self, before: Cursor) -> LookResult:
        now, app_id = self.clock(), before.app_id
        tagged_only = self.settings.watch_runtime is WatchRuntime.TAGGED
        if self.muted(app_id) or (tagged_only and not self._should_watch(app_id)):
            self.cursors.save(before.silenced(now))
            return LookResult(app_id)
        result = LookResult(app_id)
        cursor = self._read(before, now, result)
        result.behind = cursor is before or cursor.unfinished is not None
        if result.behind and before.overdue(now):
            result.error, result.lasts = result.error or "no run reached its end for an hour", True
        if cursor is before:  # nothing was read, so there is nothing to save
            return result
        # With watch_runtime `all`, tags are read only after a finding. This saves a ListBranches call per quiet app.
        if result.wake_span is not None and not tagged_only and not self._should_watch(app_id):
            cursor, result.wake_span, result.behind = cursor.silenced(now), None, False
        if result.wake_span is None and cursor.should_report_missing(now):
            cursor, result.wake_span = self._missing(cursor, now)
        # Wake before saving: if the run stops in between, the next run reads the span again, and no finding is lost.
        if result.wake_span is not None:
            self.wake(app_id, result.wake_span)
        if not self.cursors.save(cursor.after_look(now)):
            result.candidates = 0
        return result

    def _read(self, cursor: Cursor, now: datetime, result: LookResult) -> Cursor:
        """Read pages until the span is read or a limit or error ends it. The cursor holds how far that went."""
        reading = cursor.next_reading(now)
        while result.pages < _MAX_PAGES:
            try:
                page = self.logs.page(cursor.app_id, reading, runtime_filter(), reading.token)
            except StaleTokenError:
                cursor = cursor.without_token()
                reading = cursor.next_reading(now)
                continue
            except (AwsError, OutOfTimeError) as error:
                result.error, result.lasts = str(error), not isinstance(error, RetryableError | OutOfTimeError)
                return cursor
            match page:
                case Present(value):
                    cursor, fresh = cursor.after_page(value, reading)
                    result.add(fresh)
                case Absent():
                    return cursor.log_group_missing(now)
                case Unreadable(reason):
                    result.error, result.lasts = reason, True
                    return cursor.without_token()
            if cursor.unfinished is None:
                return self._read_late(cursor.looking_for_late_events(reading.start, now), result)
            reading = cursor.unfinished
        return cursor

    def _read_late(self, cursor: Cursor, result: LookResult) -> Cursor:
        """Read older events again, for those that were ingested late, with the pages that are left."""
        while (late := cursor.late) is not None and result.pages < _MAX_PAGES:
            try:
                page = self.logs.page(cursor.app_id, late, runtime_filter(), late.token)
            except StaleTokenError:
                return cursor.restart_late()
            except (AwsError, OutOfTimeError) as error:
                result.error = str(error)
                return cursor
            match page:
                case Present(value):
                    cursor, fresh = cursor.after_late_page(value, late)
                    result.add(fresh)
                case Absent() | Unreadable():
                    return cursor.restart_late()  # gone since the page before
        return cursor

    def _should_watch(self, app_id: str) -> bool:
        return should_watch(self.amplify.branches(app_id), self.settings.watch_runtime)

    def _missing(self, cursor: Cursor, now: datetime) -> tuple[Cursor, TimeSpan | None]:
        """Report a missing log group once, and only if a branch is deployed. Otherwise nothing writes to it."""
        deployed = any(branch.active_job_id for branch in self.amplify.branches(cursor.app_id))
        return (cursor.reported_missing(), TimeSpan(now, now)) if deployed else (cursor.restart_missing(now), None)

    def _record(self, results: tuple[LookResult, ...]) -> None:
        for result in results:
            if result.wake_span is not None:
                self.telemetry.record(
                    TelemetryEvent.RUNTIME_FOUND,
                    app=result.app_id,
                    candidates=result.candidates,
                    since=result.wake_span.start,
                    until=result.wake_span.end,
                )
            if result.error:
                self.telemetry.unread(TelemetryEvent.RUNTIME_UNREAD, result.app_id, result.error, lasts=result.lasts)
        if results:
            candidates = sum(result.candidates for result in results)
            self.telemetry.record(TelemetryEvent.RUNTIME_LOOKED, apps=len(results), candidates=candidates)
