"""Whose turn it is: apps are spread over an interval, and a run also takes the turns that earlier runs missed.

One item of the table, `cursor#…#*`, holds how far the runs came. So a run reads the cursors of the apps that are due,
and of no others. Everything here but `RoundsTable` is pure.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct, field

from medic.arns import APP_ID
from medic.events import ALL
from medic.incidents.store import RETENTION, SCHEMA, Value, check_schema, texts, time
from medic.records import replace
from medic.watch.cursor_store import WatchStore

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from medic.evidence import App

LOG_MINUTES = 5
"""How often an app's log is read, if there are not too many apps."""
JOB_MINUTES = 60
"""How often an app's jobs are looked at."""
APPS_A_RUN = 60
"""With more apps due in a minute, each is read less often. Two calls a second then leave time for what else is due."""
_MAX_AHEAD = timedelta(hours=1)
"""No time of the item is further in the future. A later one is damaged, and counts as none."""
_BOOSTED = "boosted#"
"""The first part of the name of the attribute that holds until when an app is read in every run."""


def log_minutes(apps: int) -> int:
    """In how many minutes each of so many apps has one turn."""
    return max(LOG_MINUTES, math.ceil(apps / APPS_A_RUN))


def minutes_since(done: datetime | None, now: datetime, most: int) -> range:
    """The minutes whose turns were not taken yet, at most the last `most`. All of these if it is not known."""
    last = _minute(now)
    return range(last - most + 1 if done is None else max(_minute(done) + 1, last - most + 1), last + 1)


def in_turn(apps: Iterable[App], minutes: Iterable[int], every: int) -> tuple[App, ...]:
    """The apps that have their turn in one of these minutes. An app keeps its turn when other apps come and go."""
    turns = {minute % every for minute in minutes}
    return tuple(app for app in apps if zlib.crc32(app.id.encode()) % every in turns)


def _minute(time: datetime) -> int:
    return int(time.timestamp()) // 60


class Rounds(Struct, frozen=True):
    """How far the watcher's runs came, in this account and region."""

    logs_until: datetime | None = None
    """The turns to read a log were taken up to this minute."""
    jobs_until: datetime | None = None
    """The turns to look at an app's jobs were taken up to this minute."""
    behind: frozenset[str] = frozenset()
    """The apps whose log the last run could not read to its end. The next run goes on."""
    boosted: Mapping[str, datetime] = field(default_factory=dict)
    """Until when an app's log is read in every run."""

    def due(self, apps: Sequence[App], now: datetime) -> tuple[App, ...]:
        """Those of the apps whose log is to be read now."""
        every = log_minutes(len(apps))
        turns = in_turn(apps, minutes_since(self.logs_until, now, every), every)
        due = {app.id for app in turns} | self.behind | {app for app, until in self.boosted.items() if now < until}
        return tuple(app for app in apps if app.id in due)

    def after_run(self, now: datetime, jobs_until: datetime | None, behind: Collection[str]) -> Rounds:
        boosted = {app: until for app, until in self.boosted.items() if now < until}
        return replace(self, logs_until=now, jobs_until=jobs_until, behind=frozenset(behind), boosted=boosted)


class RoundsTable(WatchStore):
    """Reads and writes how far the runs came."""

    def read(self, now: datetime) -> Rounds:
        """How far the runs came. What is missing or damaged is as before the first run: every app is due.

        Raises:
            NewerSchemaError: a newer release wrote the item.
        """
        item = next(self._items([self._key(ALL)]), {})
        check_schema(item)
        boosted = {name.removeprefix(_BOOSTED): _near(item, name, now) for name in item if name.startswith(_BOOSTED)}
        return Rounds(
            _near(item, "logs_until", now),
            _near(item, "jobs_until", now),
            frozenset(filter(APP_ID.fullmatch, texts(item, "behind"))),
            {app: until or now for app, until in boosted.items()},
        )

    def write(self, before: Rounds, after: Rounds, now: datetime) -> None:
        """Replace what a run changed. A boost that came during the run stays."""
        sets: dict[str, Value] = {"schema": SCHEMA, "expires_at": now + RETENTION}
        times = {"logs_until": after.logs_until, "jobs_until": after.jobs_until}
        sets |= {name: value for name, value in times.items() if value is not None}
        removes = [_BOOSTED + app for app in sorted(before.boosted.keys() - after.boosted.keys())]
        if after.behind:
            sets["behind"] = after.behind
        elif before.behind:
            removes.append("behind")
        self._update(self._key(ALL), sets=sets, removes=removes)

    def boost(self, app_id: str, until: datetime) -> None:
        """Have an app's log read in every run until then."""
        sets: dict[str, Value] = {_BOOSTED + app_id: until, "expires_at": until + RETENTION, "schema": SCHEMA}
        self._update(self._key(ALL), sets=sets)


def _near(item: Mapping[str, AttributeValueTypeDef], name: str, now: datetime) -> datetime | None:
    """A time of the item. None if there is none, or if it is too far in the future."""
    found = time(item, name)
    return None if found is None or found > now + _MAX_AHEAD else found
