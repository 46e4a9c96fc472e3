"""A diagnosis of the SSR runtime, from the app's log in CloudWatch: read only, by the Lambda's own rooms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from medic.diagnosis.differential import diagnose
from medic.diagnosis.model import LogReading, Phase
from medic.diagnosis.roles import compute_role_verdict
from medic.diagnosis.runtime_branch import Sighting, sightings
from medic.diagnosis.runtime_log import runtime_filter
from medic.events import Scope
from medic.evidence.gather import Deployment
from medic.evidence.model import Absent, App, Branch, BuildLog, Item, Present, Span
from medic_cli.diagnosing.report import Report
from medic_cli.evidence import evidence_of
from medic_cli.items import required, why

if TYPE_CHECKING:
    from medic.evidence.model import RuntimeLine
    from medic_cli.diagnosing.eyes import Eyes

_MOST_PAGES = 20
_NO_JOB = Absent("a job has no part in this")
_NOTHING = LogReading((), 0, 0, truncated=False, cloned=False, commands_executed=False)


@dataclass(frozen=True, slots=True)
class _Found:
    """The branch that was asked about, among the deployed ones of its app."""

    scope: Scope
    app: App
    branch: Branch
    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class RuntimeDiagnosis:
    """Reads an app's SSR log, and says what it shows of one branch."""

    eyes: Eyes

    def make(self, app_id: str, branch: str, since: datetime) -> Report:
        """The diagnosis.

        Raises:
            CouldNotLookError: there is no such app or branch, or it may not be read.
            AwsError: a call failed in another way.
        """
        found = self._found(app_id, branch)
        now = self.eyes.clock()
        lines = self.eyes.runtime_logs().lines(app_id, Span(since, now), runtime_filter(), _MOST_PAGES)
        chosen = "it serves the branch now" if found.branch.active_job_id else "the branch has no deployment"
        report = partial(Report, found.scope, found.branch.active_job_id, chosen, offline=False)
        bare = evidence_of(
            found.scope, now, app=Present(found.app), branch=Present(found.branch), job=_NO_JOB, log=_log(lines)
        )
        if not isinstance(lines, Present):
            note = f"The SSR log could not be read, so nothing can be said of the runtime: {why(lines)}."
            return report(evidence=bare, reading=None, diagnosis=None, bot=None, notes=(note,))
        seen = sightings(lines.value, found.app, found.branches, partial(self._lacks_a_role, found))
        ours = max((s for s in seen if s.branch == found.branch), key=lambda s: s.seen_at, default=None)
        notes = tuple(_notes(seen, ours, found.branch, since))
        if ours is None:
            return report(evidence=bare, reading=_NOTHING, diagnosis=None, bot=None, notes=notes)
        return self._diagnosed(found, ours, now, report, notes)

    def _diagnosed(
        self, found: _Found, ours: Sighting, now: datetime, report: partial[Report], notes: tuple[str, ...]
    ) -> Report:
        account = found.scope.account
        deployment = Deployment(found.scope, Present(found.app), Present(found.branch), _NO_JOB)
        bot = self.eyes.bot(account)
        choices = bot.choices(deployment)
        log = Present(BuildLog("SSR runtime", ours.reading.size))
        evidence = self.eyes.gatherer(account).evidence(
            deployment, log, read_at=now, candidate=choices.compute.arn, repair=None
        )
        diagnosis = diagnose(evidence, ours.reading, Phase.RUNTIME)
        view = bot.view(evidence, diagnosis, choices, now)
        return report(evidence=evidence, reading=ours.reading, diagnosis=diagnosis, bot=view, notes=notes)

    def _found(self, app_id: str, name: str) -> _Found:
        app = required(self.eyes.amplify.app(app_id), self.eyes.region)
        branches = tuple(self.eyes.amplify.branches(app_id))
        named = next((branch for branch in branches if branch.name == name), None)
        absent: Item[Branch] = Absent(f"app {app_id} has no branch {name}")
        branch = required(Present(named) if named else absent, self.eyes.region)
        _, partition, _, region, account, _ = app.arn.split(":", 5)
        scope = Scope(partition, account, region, app_id, name)
        # A branch that serves nothing writes no line; the one that was asked about is looked at all the same.
        serving = tuple(each for each in branches if each.active_job_id or each.name == name)
        return _Found(scope, app, branch, serving)

    def _lacks_a_role(self, found: _Found, branch: Branch) -> bool:
        arn = branch.compute_role_arn or found.app.compute_role_arn
        if arn is None:
            return True
        role = self.eyes.iam(found.scope.account).role(arn)
        scope = replace(found.scope, branch=branch.name)
        evidence = evidence_of(
            scope, self.eyes.clock(), app=Present(found.app), branch=Present(branch), roles={arn: role}
        )
        verdict = compute_role_verdict(evidence, arn)
        return verdict is not None and verdict.usable is False


def _log(lines: Item[tuple[RuntimeLine, ...]]) -> Item[BuildLog]:
    return Present(BuildLog("SSR runtime", 0)) if isinstance(lines, Present) else lines


def _notes(seen: Sequence[Sighting], ours: Sighting | None, branch: Branch, since: datetime) -> Iterator[str]:
    if ours is None:
        yield f"The SSR log shows no IAM failure of this branch since {since:%Y-%m-%d %H:%M} UTC."
    elif ours.among:
        yield f"Nothing tells which branch wrote the line: it may be any of {', '.join(ours.among)}."
    others = sorted({sighting.branch.name for sighting in seen if sighting.branch and sighting.branch != branch})
    if others:
        yield f"The log shows failures of other branches too: {', '.join(others)}."
    if any(sighting.branch is None for sighting in seen):
        yield "It also shows failures of which nothing tells whose branch it is."
