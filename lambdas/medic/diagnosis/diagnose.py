"""The differential: causes ranked by what the checks prove, rule out, or cannot see.

The message lies: "Unable to assume specified IAM Role" is printed for a lost repository connection at least as often as
for a bad role. So nothing is concluded from words alone, and what no API can show is never called proven.
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

_Ranking: TypeAlias = Callable[[Case], Iterator[Cause]]

_ORDER = tuple(Rank)
_CAUSES_OF: Mapping[Label, _Ranking] = {
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

OBSERVABLE = frozenset(
    {
        *("service_role_not_set", "service_role_missing", "service_role_trust_wrong", "service_role_source_condition"),
        *("service_role_other_account", "compute_role_not_set", "compute_role_missing", "compute_role_trust_wrong"),
        *("denied_by_boundary", "denied_by_scp", "denied_by_session_policy", "denied_by_resource_policy"),
        *("denied_by_other_policy", "permission_missing_identity", "pass_role_missing", "session_expired"),
    }
)
"""The causes that an API's answer, or AWS's own message, can show. No other is ever proven."""


def diagnose(evidence: Evidence, reading: LogReading, phase: Phase) -> Diagnosis:
    """What is wrong, as far as it is proven, and what else it may be, in order.

    Args:
        evidence: the app, branch, job and roles.
        reading: what the scanner found in the log.
        phase: where the log was printed.
    """
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
    )


def _ranked(facts: Facts, checks: tuple[Check, ...]) -> tuple[Cause, ...]:
    """The causes by rank; within a rank they keep the order in which they were thought of."""
    causes_of = _CAUSES_OF.get(facts.label)
    if causes_of is None:
        return ()
    case = Case(facts, {check.id: check for check in checks})
    return tuple(sorted(causes_of(case), key=lambda cause: _ORDER.index(cause.rank)))


def _service_role_arn(evidence: Evidence) -> str | None:
    return evidence.app.value.service_role_arn if isinstance(evidence.app, Present) else None


def _compute_role_arn(evidence: Evidence) -> str | None:
    """R: the branch's compute role, else the app's."""
    branch = evidence.branch.value.compute_role_arn if isinstance(evidence.branch, Present) else None
    app = evidence.app.value.compute_role_arn if isinstance(evidence.app, Present) else None
    return branch or app
