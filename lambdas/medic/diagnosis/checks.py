"""The checks: each looks at one piece of evidence and says pass, fail or unknown, and what was seen."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from medic.diagnosis.model import Assumable, Check, CheckResult
from medic.evidence.model import Absent, App, Item, Present, Unreadable

if TYPE_CHECKING:
    from medic.diagnosis.model import LogReading, RoleVerdict
    from medic.evidence.model import Evidence

YOUNG = timedelta(minutes=5)
"""A role made so shortly before a job may not have been known everywhere when the job asked for it."""

_TRUST = {
    Assumable.ALLOWED: (CheckResult.PASS, "its trust policy lets Amplify assume it"),
    Assumable.CONTESTED: (
        CheckResult.UNKNOWN,
        "its trust policy lets Amplify in under source conditions, which Amplify was seen to refuse on compute roles",
    ),
    Assumable.CONDITIONAL: (CheckResult.UNKNOWN, "its trust policy depends on what can't be known from outside"),
    Assumable.DENIED: (CheckResult.FAIL, "its trust policy does not let Amplify assume it"),
    Assumable.MISSING: (CheckResult.UNKNOWN, "there is no role whose trust could be looked at"),
    Assumable.UNREADABLE: (CheckResult.UNKNOWN, "the role could not be read"),
}


def all_checks(
    evidence: Evidence, reading: LogReading, service: RoleVerdict | None, compute: RoleVerdict | None
) -> tuple[Check, ...]:
    """Every check that applies, in the order in which a person would make them."""
    return (
        *_role_checks("service_role", "service role", evidence, service, evidence.app),
        *_service_role_age(evidence, service),
        repository_reached(evidence, reading),
        *_role_checks("compute_role", "compute role", evidence, compute, _readable(evidence)),
        Check(
            "repository_connection",
            CheckResult.UNKNOWN,
            "no AWS API shows whether Amplify can still reach the repository: look in the Amplify console",
        ),
        Check(
            "resource_control_policies",
            CheckResult.UNKNOWN,
            "an organization's resource control policies can't be read from here; service control policies do not bind "
            "a service principal",
        ),
    )


def _role_checks(
    prefix: str, words: str, evidence: Evidence, verdict: RoleVerdict | None, source: Item[App] | Unreadable | None
) -> list[Check]:
    """Set? in this account? there? assumable?"""
    if isinstance(source, Absent | Unreadable):
        because = source.why if isinstance(source, Absent) else source.because
        return [Check(f"{prefix}_set", CheckResult.UNKNOWN, f"the {words} could not be looked up: {because}")]
    if verdict is None:
        return [Check(f"{prefix}_set", CheckResult.FAIL, f"no {words} is set")]
    checks = [Check(f"{prefix}_set", CheckResult.PASS, f"the {words} is {verdict.arn}")]
    here = f":{evidence.account}:" in verdict.arn
    where = "belongs to the app's account" if here else f"belongs to another account than the app's {evidence.account}"
    checks.append(Check(f"{prefix}_account", CheckResult.PASS if here else CheckResult.FAIL, f"the {words} {where}"))
    checks.append(_exists(prefix, words, verdict))
    if verdict.assumable not in (Assumable.MISSING, Assumable.UNREADABLE):
        result, said = _TRUST[verdict.assumable]
        detail = " ".join((f"the {words}: {said}.", *verdict.explanation))
        checks.append(Check(f"{prefix}_trust", result, detail))
    return checks


def _exists(prefix: str, words: str, verdict: RoleVerdict) -> Check:
    said = " ".join(verdict.explanation)
    match verdict.assumable:
        case Assumable.MISSING:
            return Check(f"{prefix}_exists", CheckResult.FAIL, f"the {words} does not exist: {said}")
        case Assumable.UNREADABLE:
            return Check(f"{prefix}_exists", CheckResult.UNKNOWN, f"the {words} could not be read: {said}")
        case _:
            return Check(f"{prefix}_exists", CheckResult.PASS, f"IAM has the {words}")


def made_at(evidence: Evidence, role_arn: str | None) -> datetime | None:
    """When a role was created, if it was read."""
    item = evidence.roles.get(role_arn or "")
    return item.value.created_at if isinstance(item, Present) else None


def was_young(evidence: Evidence, role_arn: str | None) -> bool:
    """True if the role was made less than five minutes before the job started (or after)."""
    created, started = made_at(evidence, role_arn), _job_started(evidence)
    return created is not None and started is not None and started - created < YOUNG


def _service_role_age(evidence: Evidence, service: RoleVerdict | None) -> list[Check]:
    created, started = made_at(evidence, service.arn if service else None), _job_started(evidence)
    if created is None or started is None:
        return []
    seconds = int((started - created).total_seconds())
    when = f"{seconds} s before the job started" if seconds >= 0 else f"{-seconds} s after the job started"
    if started - created < YOUNG:
        said = f"the service role was made {when}: IAM may not have told every service yet"
        return [Check("service_role_age", CheckResult.FAIL, said)]
    said = f"the service role was made {_ago(started - created)} before the job: IAM knows it everywhere"
    return [Check("service_role_age", CheckResult.PASS, said)]


def repository_reached(evidence: Evidence, reading: LogReading) -> Check:
    """Did this build get as far as cloning the repository?"""
    if isinstance(evidence.app, Present) and evidence.app.value.repository is None:
        return Check("repository_cloned", CheckResult.UNKNOWN, "the app has no repository: it is deployed by hand")
    if not isinstance(evidence.log, Present):
        return Check("repository_cloned", CheckResult.UNKNOWN, "the build's log could not be read")
    if reading.cloned:
        return Check("repository_cloned", CheckResult.PASS, "the build cloned the repository before it failed")
    return Check(
        "repository_cloned", CheckResult.FAIL, f"the build died before it cloned the repository{_lived(evidence)}"
    )


def _lived(evidence: Evidence) -> str:
    step = evidence.job.value.failed_step if isinstance(evidence.job, Present) else None
    if step is None or step.started_at is None or step.ended_at is None:
        return ""
    return f", {int((step.ended_at - step.started_at).total_seconds())} s into {step.name}"


def _job_started(evidence: Evidence) -> datetime | None:
    return evidence.job.value.started_at if isinstance(evidence.job, Present) else None


def _readable(evidence: Evidence) -> Item[App] | Unreadable:
    """The compute role stands on branch or app: both must have been read to say that there is none."""
    if isinstance(evidence.branch, Present):
        return evidence.app
    because = evidence.branch.why if isinstance(evidence.branch, Absent) else evidence.branch.because
    return Unreadable(because)


def _ago(span: timedelta) -> str:
    if span < timedelta(hours=2):
        return f"{int(span.total_seconds() // 60)} minutes"
    if span < timedelta(days=2):
        return f"{int(span.total_seconds() // 3600)} hours"
    return f"{span.days} days"
