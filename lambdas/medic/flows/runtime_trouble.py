"""What the lines of an SSR log mean: whose they are, and everything that has to be known before anything is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from medic.arns import RoleArn
from medic.diagnosis.differential import diagnose
from medic.diagnosis.model import Identity, Label, Phase
from medic.diagnosis.roles import compute_role_verdict
from medic.diagnosis.runtime_branch import Sighting, sightings
from medic.events import ALL
from medic.evidence.gather import Deployment
from medic.evidence.model import Absent, Branch, BuildLog, Evidence, Item, Job, Present, RuntimeLine
from medic.flows.trouble import Trouble
from medic.plan.decide import SSR, Occasion
from medic.plan.model import RebuildWish
from medic.plan.optin import OptIn, RoleChoice, choose_compute_role, read_opt_in
from medic.settings import Mode
from medic.telemetry import Fact

if TYPE_CHECKING:
    from datetime import datetime

    from medic.events import Scope
    from medic.evidence.model import App, Role, RolePolicies
    from medic.services import Services
    from medic.settings import Settings

_NAMED = 5
_NO_JOB = Job("0", "unknown", "unknown", None, None, None, None, ())


@dataclass(frozen=True, slots=True)
class SsrApp:
    """An SSR app and its deployed branches, read anew."""

    app: App
    branches: tuple[Branch, ...]


def read_ssr_app(scope: Scope, services: Services) -> SsrApp | None:
    """The app and those of its branches that serve requests; None if there is no such SSR app."""
    app = services.amplify.app(scope.app_id)
    if not isinstance(app, Present) or app.value.platform != SSR:
        services.telemetry.record(Fact.JOB_NOT_CONFIRMED, scope=scope, why="no SSR app, or it could not be read")
        return None
    branches = services.amplify.branches(scope.app_id)
    return SsrApp(app.value, tuple(branch for branch in branches if branch.active_job_id))


def troubles(scope: Scope, ssr: SsrApp, lines: Sequence[RuntimeLine], services: Services) -> Iterator[Trouble]:
    """What the lines show, by branch and label, each with everything that has to be known about it."""
    seen = sightings(lines, ssr.app, ssr.branches, _LacksRole(scope, ssr.app, services))
    seen = (*_of_one_branch(seen), *_of_several(seen, services.runtime.settings))
    if not seen:
        services.telemetry.record(Fact.NOT_IAM, scope=scope)
    for sighting in seen:
        trouble = _trouble(scope, ssr.app, sighting, services, noticed_at=max(line.at for line in lines))
        if trouble.opt_in.ignored:
            services.telemetry.record(Fact.IGNORED, scope=trouble.scope)
        else:
            yield trouble


def _of_one_branch(seen: Sequence[Sighting]) -> Iterator[Sighting]:
    return (sighting for sighting in seen if not sighting.among)


def _of_several(seen: Sequence[Sighting], settings: Settings) -> Iterator[Sighting]:
    """What any of several branches may have written: asked of each that is opted in; if none is, said of the app."""
    doubtful = [(each, read_opt_in(settings, each.branch.tags)) for each in seen if each.among and each.branch]
    opted_in = [each for each, opt_in in doubtful if opt_in.mode is not Mode.REPORT]
    if opted_in:
        yield from opted_in
    elif any(not opt_in.ignored for _, opt_in in doubtful):
        yield replace(doubtful[0][0], branch=None, among=())


@dataclass(frozen=True)
class _LacksRole:
    """Whether a branch has no usable effective compute role. A role is read once, however many branches wear it."""

    scope: Scope
    app: App
    services: Services
    _read: dict[str, Item[Role]] = field(default_factory=dict)

    def __call__(self, branch: Branch) -> bool:
        arn = branch.compute_role_arn or self.app.compute_role_arn
        if arn is None:
            return True
        if arn not in self._read:
            self._read.update(self.services.gatherer.roles((arn,)))
        here, now = replace(self.scope, branch=branch.name), self.services.clock()
        evidence = _evidence_of(here, self.app, branch, now, self._read)
        verdict = compute_role_verdict(evidence, arn)
        return verdict is not None and verdict.usable is False


def _trouble(scope: Scope, app: App, sighting: Sighting, services: Services, *, noticed_at: datetime) -> Trouble:
    if sighting.branch is None:
        return _nobodys_trouble(scope, app, sighting, services, noticed_at)
    branch, settings = sighting.branch, services.runtime.settings
    here = replace(scope, branch=branch.name)
    opt_in = _as_far_as_it_is_sure(read_opt_in(settings, branch.tags), sighting)
    choice = choose_compute_role(settings, services.runtime.default_role_arn, app.id, branch.name, branch.tags)
    job_with_logs = services.amplify.job(app.id, branch.name, branch.active_job_id or "0")
    deployment = Deployment(here, Present(app), Present(branch), job_with_logs)
    log: Item[BuildLog] = Present(BuildLog("SSR runtime", sighting.reading.size))
    evidence = services.gatherer.evidence(deployment, log, read_at=services.clock(), candidate=choice.arn, repair=None)
    evidence = replace(evidence, policies=_policies_elsewhere(app, sighting, services))
    job = deployment.job
    return Trouble(
        scope=here,
        occasion=Occasion.RUNTIME,
        app=app,
        branch=branch,
        job=job.value if isinstance(job, Present) else replace(_NO_JOB, id=branch.active_job_id or "0"),
        evidence=evidence,
        diagnosis=diagnose(evidence, sighting.reading, Phase.RUNTIME),
        opt_in=opt_in,
        compute_choice=choice,
        service_choice=RoleChoice(None, "a service role has no part in the SSR runtime"),
        noticed_at=noticed_at,
        seen_at=sighting.seen_at,
        denied=sighting.denied,
    )


def _policies_elsewhere(app: App, sighting: Sighting, services: Services) -> Mapping[str, Item[RolePolicies]]:
    """What the service role may do, where the compute role was denied something: people mix the two up."""
    role = RoleArn.parse(app.service_role_arn or "")
    denied = sighting.label is Label.ACCESS_DENIED_IDENTITY
    if role is None or not denied or sighting.reading.findings[0].identity is not Identity.COMPUTE_ROLE:
        return {}
    return {role.text: services.policies(role.name)}


def _as_far_as_it_is_sure(opt_in: OptIn, sighting: Sighting) -> OptIn:
    """Where several branches lack a role, none gets one by itself."""
    if not sighting.among or opt_in.mode is Mode.REPORT:
        return opt_in
    named = ", ".join(sighting.among[:_NAMED])
    more = f" and {len(sighting.among) - _NAMED} more" if len(sighting.among) > _NAMED else ""
    note = f"any of the branches {named}{more} may have written the line: you are asked"
    return replace(opt_in, mode=Mode.ASK, note=note)


def _nobodys_trouble(scope: Scope, app: App, sighting: Sighting, services: Services, noticed_at: datetime) -> Trouble:
    """A failure of the app, of which nothing tells whose branch it is: said, and nothing proposed."""
    note = "neither the log stream nor the line tells which branch it is"
    branch = Branch(ALL, app.arn, "NONE", None, None, {}, (), None, None, None)
    evidence = replace(
        _evidence_of(scope, app, branch, services.clock(), {}),
        branch=Absent(note),
        job=Absent(note),
    )
    return Trouble(
        scope=scope,
        occasion=Occasion.RUNTIME,
        app=app,
        branch=branch,
        job=_NO_JOB,
        evidence=evidence,
        diagnosis=diagnose(evidence, sighting.reading, Phase.RUNTIME),
        opt_in=OptIn(Mode.REPORT, ignored=False, note=note, rebuild=RebuildWish.NO),
        compute_choice=RoleChoice(None, note),
        service_choice=RoleChoice(None, note),
        noticed_at=noticed_at,
        seen_at=sighting.seen_at,
    )


def _evidence_of(scope: Scope, app: App, branch: Branch, now: datetime, roles: Mapping[str, Item[Role]]) -> Evidence:
    return Evidence(
        partition=scope.partition,
        account=scope.account,
        region=scope.region,
        app_id=scope.app_id,
        branch_name=branch.name,
        read_at=now,
        app=Present(app),
        branch=Present(branch),
        job=Absent("it has no part in this"),
        log=Present(BuildLog("SSR runtime", 0)),
        roles=roles,
    )
