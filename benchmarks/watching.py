"""What a run of the watcher costs in calls and time, for few and for many apps. On fakes, so the figures are exact."""

from __future__ import annotations

import logging
import statistics
from dataclasses import dataclass

from benchmarks.measurement import Measured
from medic.aws.logs import CALLS_A_SECOND
from medic.watch.rounds import JOB_MINUTES, log_minutes
from tests.unit.watch.account import MINUTE, ORDINARY, Account

APPS = (1, 25, 500)
_MINUTES = 60
_MAX_SECONDS = 55


@dataclass(frozen=True, slots=True)
class Watched:
    """One run each minute, in an account with so many quiet apps."""

    apps: int
    log_calls: tuple[int, ...]
    """FilterLogEvents, by run."""
    cursors: tuple[int, ...]
    """Cursors read, by run; about as many are written."""
    seconds: tuple[float, ...]
    """How long the reading of the logs took, by run, if each call takes 0.1 s."""

    def measured(self) -> Measured:
        most = max(self.seconds)
        seen = (
            f"{statistics.fmean(self.log_calls):.1f} FilterLogEvents a run, at most {max(self.log_calls)};"
            f" {statistics.fmean(self.seconds):.1f} s, at most {most:.1f} s"
        )
        note = (
            f"each app every {log_minutes(self.apps)} minutes; {statistics.fmean(self.cursors):.1f} cursors read a run;"
            f" besides, {self.apps / JOB_MINUTES:.2g} ListBranches and one ListApps for 100 apps"
        )
        return Measured(
            f"The watcher, {self.apps} apps", f"≤ {CALLS_A_SECOND} calls a second", seen, most <= _MAX_SECONDS, note
        )


def watched(apps: int) -> Watched:
    """Run the watcher once a minute for an hour, after the runs that read each log for the first time."""
    account = Account()
    for number in range(apps):
        account.put(account.app(f"shop{number}"), 1, ORDINARY)
    account.look()
    while account.rounds.behind:
        account.after(MINUTE).look()
    calls, cursors, seconds = [], [], []
    for _ in range(_MINUTES):
        before = len(account.logs.calls)
        account.cursors.reads.clear()
        account.after(MINUTE).look()
        calls.append(len(account.logs.calls) - before)
        cursors.append(sum(map(len, account.cursors.reads)))
        seconds.append(account.spent)
    return Watched(apps, tuple(calls), tuple(cursors), tuple(seconds))


def watching() -> list[Measured]:
    """A line for each number of apps."""
    logging.disable(logging.CRITICAL)
    lines = [watched(apps).measured() for apps in APPS]
    logging.disable(logging.NOTSET)
    return lines
