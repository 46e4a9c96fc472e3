"""Ranks the possible causes of a failure by what the checks prove, rule out, or cannot see.

Amplify's messages mislead: it prints "Unable to assume specified IAM Role" for a lost repository connection at least as
often as for a bad role. So that message proves nothing. Only what an API's answer or AWS's own denial message shows is
called proven; tests/unit/diagnosis/test_never_proven.py lists those causes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

from medic.diagnosis.causes_credentials import (
    credentials_missing_at_build,
    credentials_missing_at_runtime,
    expired_or_invalid,
)
from medic.diagnosis.causes_denied import access_denied
from medic.diagnosis.causes_unassumable import compute_role_unassumable, service_role_unassumable
from medic.diagnosis.checks import checks_for
from medic.diagnosis.facts import Case, Facts
from medic.diagnosis.model import Cause, Diagnosis, Rank
from medic.diagnosis.roles import compute_role_verdict, service_role_verdict
from medic.evidence import Evidence, Present
from medic.labels import Label, Phase

if TYPE_CHECKING:
    from medic.diagnosis.model import Check
    from medic.logscan.model import LogReading

_FindCauses: TypeAlias = Callable[[Case], Iterator[Cause]]

_RANK_ORDER = tuple(Rank)
_CAUSES_OF: Mapping[Label, _FindCauses] = {
    Label.SERVICE_ROLE_UNASSUMABLE: service_role_unassumable,
    Label.COMPUTE_ROLE_UNASSUMABLE: compute_role_unassumable,
    Label.CREDENTIALS_MISSING_BUILD: credentials_missing_at_build,
    Label.CREDENTIALS_MISSING_RUNTIME: credentials_missing_at_runtime,
    Label.EXPIRED_OR_INVALID_TOKEN: expired_or_invalid,
    Label.ACCESS_DENIED_IDENTITY: access_denied,
    Label.ACCESS_DENIED_BOUNDARY: access_denied,
    Label.ACCESS_DENIED_SCP: access_denied,
    Label.PASS_ROLE_DENIED: access_denied,
    Label.ACCESS_DENIED_OTHER: access_denied,
}


def diagnose(evidence: Evidence, reading: LogReading, phase: Phase) -> Diagnosis:
    """Diagnoses one failure from the log's findings and the state of app, branch, job and roles."""
    service = service_role_verdict(evidence, _service_role_arn(evidence))
    compute = compute_role_verdict(evidence, _compute_role_arn(evidence))
    facts = Facts(evidence, reading, phase, service, compute)
    checks = checks_for(facts)
    return Diagnosis(
        label=reading.label,
        phase=phase,
        findings=reading.findings,
        checks=checks,
        causes=_ranked(facts, checks),
        service=service,
        compute=compute,
        candidate=compute_role_verdict(evidence, evidence.candidate_role_arn),
        repair=service_role_verdict(evidence, evidence.repair_role_arn),
    )


def _ranked(facts: Facts, checks: tuple[Check, ...]) -> tuple[Cause, ...]:
    """The causes by rank. Causes of one rank keep the order in which their function yields them."""
    causes_of = _CAUSES_OF.get(facts.label)
    if causes_of is None:
        return ()
    case = Case(facts, {check.id: check for check in checks})
    return tuple(sorted(causes_of(case), key=lambda cause: _RANK_ORDER.index(cause.rank)))


def _service_role_arn(evidence: Evidence) -> str | None:
    return evidence.app.value.service_role_arn if isinstance(evidence.app, Present) else None


def _compute_role_arn(evidence: Evidence) -> str | None:
    """R of the decision table: the branch's compute role, else the app's."""
    branch = evidence.branch.value.compute_role_arn if isinstance(evidence.branch, Present) else None
    app = evidence.app.value.compute_role_arn if isinstance(evidence.app, Present) else None
    return branch or app
