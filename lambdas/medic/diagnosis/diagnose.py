"""Ranks the possible causes of a failure by what the checks prove, rule out, or cannot see.

Amplify's messages mislead: it prints "Unable to assume specified IAM Role" for a lost repository connection at least as
often as for a bad role. So that message proves nothing. A cause is called proven only if AWS's state, read now, agrees
with a line that no visitor can cause; tests/unit/diagnosis/test_never_proven.py lists those causes.
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
from medic.diagnosis.checks import CHECKS_OF
from medic.diagnosis.facts import RANK_ORDER, Case
from medic.diagnosis.model import Cause, Diagnosis
from medic.diagnosis.roles import compute_role_verdict, service_role_verdict
from medic.evidence import Evidence, value_of
from medic.labels import Label, Phase

if TYPE_CHECKING:
    from medic.logscan.model import LogReading

_FindCauses: TypeAlias = Callable[[Case], Iterator[Cause]]

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
    """Diagnoses the failure that the log's first finding shows, from the state of app, branch, job and roles."""
    app, branch = value_of(evidence.app), value_of(evidence.branch)
    service = service_role_verdict(evidence, app.service_role_arn if app else None)
    compute_arn = (branch.compute_role_arn if branch else None) or (app.compute_role_arn if app else None)
    compute = compute_role_verdict(evidence, compute_arn)
    same = evidence.candidate_role_arn == compute_arn
    case = Case(evidence, reading, phase, service, compute)
    checks = tuple(check for make in CHECKS_OF.get(case.label, ()) for check in make(case))
    case.checks = {check.id: check for check in checks}
    causes_of = _CAUSES_OF.get(case.label)
    causes = causes_of(case) if causes_of else ()
    return Diagnosis(
        label=case.label,
        phase=phase,
        findings=reading.findings,
        checks=checks,
        # Causes of one rank keep the order in which their function yields them.
        causes=tuple(sorted(causes, key=lambda cause: RANK_ORDER.index(cause.rank))),
        service=service,
        compute=compute,
        candidate=compute if same else compute_role_verdict(evidence, evidence.candidate_role_arn),
        repair=service_role_verdict(evidence, evidence.repair_role_arn),
    )
