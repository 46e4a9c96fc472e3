"""JSON of incidents, diagnoses and plans, for the event bus and for the CLI's `--json` output. Every text is redacted.

The schemas are docs/schemas/diagnose.schema.json and docs/schemas/events.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

from medic.evidence import Present
from medic.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medic.actions.outcome import RoleChangeOutcome
    from medic.diagnosis.model import Cause, Check, Diagnosis, RoleVerdict
    from medic.events import Scope
    from medic.evidence import Evidence, Job
    from medic.incidents.model import Change, Incident
    from medic.logscan.model import Finding
    from medic.plan.model import Action, Plan

Json: TypeAlias = dict[str, Any]


def incident_json(scope: Scope, incident: Incident) -> Json:
    """The incident, its app, branch and job, with None for every field that only a diagnosis knows."""
    return {
        "partition": scope.partition,
        "account": scope.account,
        "region": scope.region,
        "incident": {
            "id": incident.id,
            "state": incident.state.value,
            "count": incident.count,
            "opened_at": incident.opened_at.isoformat(),
            "approved_by": incident.approved_by or None,
            "changes": [_change(change) for change in incident.changes],
        },
        "app": {"id": scope.app_id, "name": redact(incident.app_name), "platform": None},
        "branch": {"name": scope.branch, "stage": None, "framework": None},
        "job": {"id": incident.job_id, "status": None, "commit": None, "message": None},
        "label": incident.label,
        "role": incident.role_kind.value,
    }


def diagnosis_json(evidence: Evidence, diagnosis: Diagnosis) -> Json:
    """The diagnosis. `merged_json` replaces the app, branch and job of `incident_json` with those given here."""
    return {
        "app": app_json(evidence),
        "branch": branch_json(evidence),
        **({"job": _job(evidence.job.value)} if isinstance(evidence.job, Present) else {}),
        "phase": diagnosis.phase.value,
        "findings": [finding_json(finding) for finding in diagnosis.findings],
        "roles": roles_json(evidence, diagnosis),
        "checks": [check_json(check) for check in diagnosis.checks],
        "causes": [cause_json(cause) for cause in diagnosis.causes],
    }


def bot_json(opt_in: str, plan: Plan | None) -> Json:
    """The branch's opt-in and the bot's plan. The plan is None if the settings of the stack could not be read."""
    return {
        "opt_in": redact(opt_in),
        "settings_read": plan is not None,
        "actions": [_action(action) for action in plan.actions] if plan else [],
        "effect": plan.effect if plan else None,
        "rebuild": {"wanted": plan.rebuild.wanted, "reason": plan.rebuild.reason} if plan else None,
    }


def outcomes_json(outcomes: Sequence[RoleChangeOutcome]) -> list[Json]:
    """The result of each attempted role change."""
    return [
        {
            "kind": outcome.action.kind.value,
            "result": outcome.result.value,
            "detail": redact(outcome.detail),
            "rebuild": outcome.rebuild.job_id if outcome.rebuild else None,
        }
        for outcome in outcomes
    ]


def app_json(evidence: Evidence) -> Json:
    app = evidence.app.value if isinstance(evidence.app, Present) else None
    return {
        "id": evidence.app_id,
        "name": redact(app.name) if app else None,
        "platform": app.platform if app else None,
    }


def branch_json(evidence: Evidence) -> Json:
    branch = evidence.branch.value if isinstance(evidence.branch, Present) else None
    return {
        "name": evidence.branch_name,
        "stage": branch.stage if branch else None,
        "framework": branch.framework if branch else None,
    }


def roles_json(evidence: Evidence, diagnosis: Diagnosis) -> Json:
    """The verdicts on both roles, and whether the compute role is set on the branch or on the app."""
    branch = evidence.branch.value if isinstance(evidence.branch, Present) else None
    level = "branch" if branch and branch.compute_role_arn else "app"
    compute = _verdict(diagnosis.compute)
    return {
        "service": _verdict(diagnosis.service),
        "compute": {**compute, "level": level} if compute is not None else None,
    }


def finding_json(finding: Finding) -> Json:
    """A finding. The log scan has already redacted its excerpt."""
    denial = finding.denial
    return {
        "signature": finding.signature,
        "label": finding.label.value,
        "confidence": finding.confidence.value,
        "lines": [finding.first_line, finding.last_line],
        "principal": denial.principal if denial else None,
        "action": denial.action if denial else None,
        "resource": denial.resource if denial else None,
        "denied_by": denial.policy_type.value if denial and denial.policy_type else None,
        "excerpt": finding.excerpt,
    }


def check_json(check: Check) -> Json:
    return {"id": check.id, "result": check.result.value, "detail": redact(check.detail)}


def cause_json(cause: Cause) -> Json:
    """A cause, with the ids of the checks that support it, contradict it, or could not be made."""
    return {
        "id": cause.id,
        "rank": cause.rank.value,
        "title": redact(cause.title),
        "reason": redact(cause.reason),
        "supporting": list(cause.supporting),
        "against": list(cause.against),
        "unseen": list(cause.unseen),
    }


def merged_json(*parts: Json) -> str:
    """The parts as one JSON text. Where two parts have the same key, the later part wins."""
    merged: Json = {}
    for part in parts:
        merged |= part
    return json.dumps(merged, ensure_ascii=False)


def _change(change: Change) -> Json:
    return {
        "kind": change.kind.value,
        "target": change.target,
        "role": change.role_arn,
        "previous": change.previous_arn,
        "state": change.state.value,
    }


def _job(job: Job) -> Json:
    message = redact(job.commit_message) if job.commit_message else None
    return {"id": job.id, "status": job.status, "commit": job.commit_id, "message": message}


def _verdict(verdict: RoleVerdict | None) -> Json | None:
    if verdict is None:
        return None
    return {
        "arn": verdict.arn,
        "assumable": verdict.assumable.value,
        "usable": verdict.usable,
        "explanation": [redact(line) for line in verdict.explanation],
    }


def _action(action: Action) -> Json:
    return {
        "kind": action.kind.value,
        "disposition": action.disposition.value,
        "target": action.target,
        "role": action.role_arn,
        "previous": action.previous_arn,
        "reason": redact(action.explanation),
        "guardrails": [
            {"rule": answer.rule, "allows": answer.allows, "detail": redact(answer.detail)} for answer in action.answers
        ],
    }
