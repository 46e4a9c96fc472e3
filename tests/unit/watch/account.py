"""An account with apps and SSR logs, and a watcher that reads them run by run."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics

from medic.aws.errors import RetryableError
from medic.aws.logs import CALLS_A_SECOND, RuntimeLogs, log_group
from medic.aws.rate import RateLimiter
from medic.plan.optin import AUTO_FIX
from medic.records import replace
from medic.settings import Settings
from medic.telemetry import Telemetry
from medic.watch.cursor import Cursor, watched_apps
from medic.watch.look import LookResult, RuntimeWatch
from medic.watch.rounds import LOG_MINUTES, Rounds
from tests.fakes.log_groups import LogGroups
from tests.unit.diagnosis import diagnosing
from tests.unit.diagnosis.diagnosing import NOW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medic.evidence import App, Branch, TimeSpan

ERROR = "⨯ Error [CredentialsProviderError]: Could not load credentials from any providers\n    at async x (1.js:1:1)"
ORDINARY = "GET / 200 in 41ms"
HARMLESS = "[auth] CredentialsSignin: the visitor's password is wrong"
MINUTE = timedelta(minutes=1)
POLL_INTERVAL = timedelta(minutes=LOG_MINUTES)


class Apps:
    """The part of Amplify that the watcher calls."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[App, list[Branch]]] = {}
        self.asked: list[str] = []
        self.broken = False

    def apps(self) -> tuple[App, ...]:
        self.asked.append("ListApps")
        return tuple(each for each, _ in self.found.values())

    def branches(self, app_id: str) -> tuple[Branch, ...]:
        self.asked.append("ListBranches")
        if self.broken:
            raise RetryableError("amplify:ListBranches", "InternalFailure", "no")
        return tuple(self.found[app_id][1])


class CursorTable:
    """The stored cursors, with the table's condition on a write."""

    def __init__(self) -> None:
        self.cursors: dict[str, Cursor] = {}
        self.reads: list[tuple[str, ...]] = []

    def read(self, app_ids: Sequence[str], _: datetime) -> dict[str, Cursor]:
        self.reads.append(tuple(app_ids))
        return {app_id: self.cursors[app_id] for app_id in app_ids if app_id in self.cursors}

    def save(self, cursor: Cursor) -> bool:
        stored = self.cursors.get(cursor.app_id, Cursor(cursor.app_id))
        if stored.version != cursor.version:
            return False
        self.cursors[cursor.app_id] = replace(cursor, version=cursor.version + 1)
        return True


@dataclass
class Account:
    """Apps, their logs, and a watcher whose clock advances only while it waits or CloudWatch answers."""

    now: datetime = NOW
    apps: Apps = field(default_factory=Apps)
    cursors: CursorTable = field(default_factory=CursorTable)
    rounds: Rounds = field(default_factory=Rounds)
    settings: dict[str, Any] = field(default_factory=dict)
    seconds: float = 50.0
    at_once: int = 4
    spent: float = 0.0
    wake_up_messages: list[tuple[str, TimeSpan]] = field(default_factory=list)
    muted: set[str] = field(default_factory=set)
    telemetry: Telemetry = field(
        default_factory=lambda: Telemetry(Logger(service="test"), Metrics(namespace="test", service="test"))
    )

    def __post_init__(self) -> None:
        self.logs = LogGroups(lambda: self.now)

    def app(self, name: str, *, tag: str | None = None, job: str | None = "1", **fields: Any) -> str:
        tags = {AUTO_FIX: tag} if tag else {}
        self.apps.found[f"d1{name}"] = (
            diagnosing.app(id=f"d1{name}", **fields),
            [diagnosing.branch(tags=tags, active_job_id=job)],
        )
        return f"d1{name}"

    def put(self, app: str, count: int, text: str, *, over: timedelta = POLL_INTERVAL, late: float = 0.0) -> None:
        """Write events spread evenly over the period up to now."""
        step = over / max(count, 1)
        self.logs.put(log_group(app), [(self.now - step * n - step / 2, text) for n in range(count)], late=late)

    def look(self) -> tuple[LookResult, ...]:
        """One run of the watcher."""
        settings = Settings.parse(self.settings)
        self.spent = 0.0
        client: Any = self.logs
        self.logs.before_call = lambda _: self._pass(0.1)
        rate = RateLimiter(CALLS_A_SECOND, deadline=self.seconds, clock=lambda: self.spent, pause=self._pass)
        amplify: Any = self.apps
        cursors: Any = self.cursors
        watch = RuntimeWatch(
            settings=settings,
            amplify=amplify,
            logs=RuntimeLogs(lambda: client, rate),
            cursors=cursors,
            wake=lambda app, span: self.wake_up_messages.append((app, span)),
            muted=lambda app: app in self.muted,
            telemetry=self.telemetry,
            clock=lambda: self.now,
            at_once=self.at_once,
        )
        due = self.rounds.due(watched_apps(self.apps.apps(), settings), self.now)
        results = watch.look(due)
        self.rounds = self.rounds.after_run(self.now, None, [each.app_id for each in results if each.behind])
        return results

    def after(self, time: timedelta) -> Account:
        self.now += time
        return self

    def _pass(self, seconds: float) -> None:
        self.spent += seconds
