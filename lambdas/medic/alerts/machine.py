"""The same alert for machines: what the event bus gets, by the schemas in docs/schemas/events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from medic.evidence.model import Present

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medic.diagnosis.model import Diagnosis, Finding
    from medic.events import Scope
    from medic.evidence.model import Evidence
    from medic.incidents.model import Incident
    from medic.plan.model import Action, Plan
    from medic.remediation.outcome import Outcome

Json = dict[str, object]


def incident_json(scope: Scope, incident: Incident) -> Json:
    """Where something happened, and how it stands."""
    return {
        "incident": incident.id,
        "state": incident.state,
        "label": incident.label,
        "role_kind": incident.role_kind,
        "count": incident.count,
        "opened_at": incident.opened_at.isoformat(),
        "partition": scope.partition,
        "account": scope.account,
        "region": scope.region,
        "app_id": scope.app_id,
        "app_name": incident.app_name,
        "branch": scope.branch,
        "job": incident.job_id,
        "changes": [
            {
                "kind": change.kind,
                "target": change.target,
                "role": change.role_arn,
                "previous": change.previous_arn,
                "state": change.state,
            }
            for change in incident.changes
        ],
    }


def diagnosis_json(evidence: Evidence, diagnosis: Diagnosis) -> Json:
    """What is wrong, as far as it is proven; the log's lines are redacted where they were cut out."""
    return {
        "platform": evidence.app.value.platform if isinstance(evidence.app, Present) else None,
        "framework": evidence.branch.value.framework if isinstance(evidence.branch, Present) else None,
        "commit": evidence.job.value.commit_id if isinstance(evidence.job, Present) else None,
        "phase": diagnosis.phase,
        "service_role": diagnosis.service.arn if diagnosis.service else None,
        "compute_role": diagnosis.compute.arn if diagnosis.compute else None,
        "findings": [_finding(finding) for finding in diagnosis.findings],
        "causes": [
            {"id": cause.id, "title": cause.title, "rank": cause.rank, "because": cause.because}
            for cause in diagnosis.causes
        ],
        "checks": [{"id": check.id, "result": check.result, "detail": check.detail} for check in diagnosis.checks],
    }


def plan_json(plan: Plan, outcomes: Sequence[Outcome]) -> Json:
    """What was planned, how far it might go, every guardrail's answer, and what became of it."""
    became = {outcome.action.kind: outcome for outcome in outcomes}
    return {
        "actions": [_action(action, became.get(action.kind)) for action in plan.actions],
        "effect": plan.effect,
    }


def written(*parts: Json) -> str:
    """The parts together, as JSON text."""
    whole: Json = {}
    for part in parts:
        whole |= part
    return json.dumps(whole, ensure_ascii=False)


def _finding(finding: Finding) -> Json:
    """As `medic classify --json` says it."""
    denial = finding.denial
    return {
        "signature": finding.signature,
        "label": finding.label,
        "confidence": finding.confidence,
        "lines": [finding.first_line, finding.last_line],
        "principal": denial.principal if denial else None,
        "action": denial.action if denial else None,
        "resource": denial.resource if denial else None,
        "denied_by": denial.policy_type if denial else None,
        "excerpt": finding.excerpt,
    }


def _action(action: Action, became: Outcome | None) -> Json:
    return {
        "kind": action.kind,
        "disposition": action.disposition,
        "target": action.target,
        "role": action.role_arn,
        "previous": action.previous_arn,
        "reason": action.reason,
        "rules": [{"rule": a.rule, "allows": a.allows, "detail": a.detail} for a in action.answers],
        "result": became.result if became else None,
        "detail": became.detail if became else None,
        "rebuild": became.rebuild.job_id if became and became.rebuild else None,
    }
