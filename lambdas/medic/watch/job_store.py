"""Stores what the last look at an app's jobs saw, as items `cursor#…#jobs` of the incidents table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct, field

from medic.codec import EARLIEST, CodecError, from_text, to_text
from medic.incidents.store import RETENTION, SCHEMA, Value, check_schema, text
from medic.watch.cursor_store import WatchStore


class KnownBranch(Struct, frozen=True):
    """What the last look at a branch saw."""

    state: str
    """The fields that may change with a job, joined."""
    asked_at: datetime
    """When its jobs were listed last."""
    told: tuple[str, ...] = ()
    """The failed jobs of the last day that were told of, as `id@start`."""
    unknown: Mapping[str, object] = field(default_factory=dict)
    """Fields that a newer release wrote. They are written back as they are."""


class KnownJobs(Struct, frozen=True):
    """What the last look at an app saw."""

    since: datetime
    """The first look. Jobs that ended before it are not told."""
    branches: Mapping[str, KnownBranch] = field(default_factory=dict)
    unknown: Mapping[str, object] = field(default_factory=dict)


class KnownJobsTable(WatchStore):
    """Reads and writes what is known of apps' jobs."""

    def read(self, app_id: str) -> KnownJobs | None:
        """What is known of an app; None if this is the first look. After damage, every failure of a day is told again.

        Raises:
            NewerSchemaError: a newer release wrote the item.
        """
        item = next(self._items([self._key(app_id, "jobs")]), None)
        if item is None:
            return None
        check_schema(item)
        try:
            return from_text(KnownJobs, text(item, "jobs"))
        except CodecError as error:
            self._on_unreadable(text(item, "pk"), str(error))
            return KnownJobs(EARLIEST)

    def write(self, app_id: str, known: KnownJobs, now: datetime) -> None:
        """Replace what is known of an app."""
        sets: dict[str, Value] = {"schema": SCHEMA, "jobs": to_text(known), "expires_at": now + RETENTION}
        self._update(self._key(app_id, "jobs"), sets=sets)
