"""JSON of incidents, diagnoses and plans, for the event bus and for the CLI's `--json` output.

Not redacted: whoever lets it out calls `redacted_json`, once. json_types.py has the types of its parts; docs/schemas
is generated from them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from medic.evidence import Evidence, Job, Present, value_of

if TYPE_CHECKING:
    from medic.actions.outcome import RoleChangeOutcome
    from medic.alerts.json_types import (
        ActionJson,
        AppJson,
        BotJson,
        BranchJson,
        CauseJson,
        ChangeJson,
        FindingJson,
        IncidentDetail,
        JobJson,
        OutcomeJson,
        RolesJson,
        VerdictJson,
    )
    from medic.codec import Json
    from medic.diagnosis.model import Cause, Diagnosis, RoleVerdict
    from medic.events import Scope
    from medic.incidents.model import Change, Incident
    from medic.logscan.model import Finding
    from medic.plan.model import Action, Plan

_EXCERPT = "excerpt"
"""The key of a log excerpt."""


def redacted_json(value: Any, clean: Callable[[str], str], clean_excerpt: Callable[[str], str] = str) -> Any:  # noqa: ANN401
    """The JSON with every text redacted. Keys stay, because they are field names of ours.

    From log excerpts, the log scan has already removed all but e-mail addresses.
    """
    whole = {"": copy.deepcopy(value)}
    left: list[Any] = [whole]
    while left:
        node = left.pop()
        for key, item in node.items() if isinstance(node, dict) else enumerate(node):
            if isinstance(item, str):
                # str: an enumeration would miss the cache of plain texts
                node[key] = clean_excerpt(str(item)) if key == _EXCERPT else clean(str(item))
            elif isinstance(item, dict | list):
                left.append(item)
    return whole[""]


def incident_json(scope: Scope, incident: Incident) -> IncidentDetail:
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
        "app": {"id": scope.app_id, "name": incident.app_name, "platform": None},
        "branch": {"name": scope.branch, "stage": None, "framework": None},
        "job": {"id": incident.job_id, "status": None, "commit": None, "message": None},
        "label": incident.label,
        "role": incident.role_kind.value,
    }


def diagnosis_json(evidence: Evidence, diagnosis: Diagnosis) -> Json:
    """The diagnosis. Its app, branch and job say more than those of `incident_json`."""
    return {
        "app": app_json(evidence),
        "branch": branch_json(evidence),
        **({"job": _job(evidence.job.value)} if isinstance(evidence.job, Present) else {}),
        "phase": diagnosis.phase.value,
        "findings": [finding_json(finding) for finding in diagnosis.findings],
        "roles": _roles(evidence, diagnosis),
        "checks": [
            {"id": check.id, "result": check.result.value, "detail": check.detail} for check in diagnosis.checks
        ],
        "causes": [_cause(cause) for cause in diagnosis.causes],
    }


def bot_json(opt_in: str, plan: Plan | None) -> BotJson:
    """The branch's opt-in and the bot's plan. The plan is None if the settings of the stack could not be read."""
    return {
        "opt_in": opt_in,
        "settings_read": plan is not None,
        "actions": [_action(action) for action in plan.actions] if plan else [],
        "effect": plan.effect if plan else None,
        "rebuild": {"wanted": plan.rebuild.wanted, "reason": plan.rebuild.reason} if plan else None,
    }


def outcomes_json(outcomes: Sequence[RoleChangeOutcome]) -> list[OutcomeJson]:
    return [
        {
            "kind": outcome.action.kind.value,
            "result": outcome.result.value,
            "detail": outcome.detail,
            "rebuild": outcome.rebuild.detail if outcome.rebuild else None,
        }
        for outcome in outcomes
    ]


def app_json(evidence: Evidence) -> AppJson:
    app = value_of(evidence.app)
    return {
        "id": evidence.scope.app_id,
        "name": app.name if app else None,
        "platform": app.platform if app else None,
    }


def branch_json(evidence: Evidence) -> BranchJson:
    branch = value_of(evidence.branch)
    return {
        "name": evidence.scope.branch,
        "stage": branch.stage if branch else None,
        "framework": branch.framework if branch else None,
    }


def _roles(evidence: Evidence, diagnosis: Diagnosis) -> RolesJson:
    """The verdicts on both roles, and whether the compute role is set on the branch or on the app."""
    branch = value_of(evidence.branch)
    level: Literal["branch", "app"] = "branch" if branch and branch.compute_role_arn else "app"
    compute = _verdict(diagnosis.compute)
    return {
        "service": _verdict(diagnosis.service),
        "compute": {**compute, "level": level} if compute is not None else None,
    }


def finding_json(finding: Finding) -> FindingJson:
    """A finding. The log scan has already redacted its excerpt."""
    denial = finding.denial
    return {
        "signature": finding.signature,
        "label": finding.label.value,
        "confidence": finding.confidence.value,
        "source": finding.source.value,
        "ended_build": finding.ended_build,
        "lines": [finding.first_line, finding.last_line],
        "principal": denial.principal if denial else None,
        "action": denial.action if denial else None,
        "resource": denial.resource if denial else None,
        "denied_by": denial.policy_type.value if denial and denial.policy_type else None,
        "excerpt": finding.excerpt,
    }


def _cause(cause: Cause) -> CauseJson:
    return {
        "id": cause.id,
        "rank": cause.rank.value,
        "title": cause.title,
        "reason": cause.reason,
        "supporting": list(cause.supporting),
        "against": list(cause.against),
        "unseen": list(cause.unseen),
    }


def _change(change: Change) -> ChangeJson:
    return {
        "kind": change.kind.value,
        "target": change.target,
        "role": change.role_arn,
        "previous": change.previous_arn,
        "state": change.state.value,
    }


def _job(job: Job) -> JobJson:
    return {"id": job.id, "status": job.status, "commit": job.commit_id, "message": job.commit_message or None}


def _verdict(verdict: RoleVerdict | None) -> VerdictJson | None:
    if verdict is None:
        return None
    return {
        "arn": verdict.arn,
        "assumable": verdict.assumable.value,
        "usable": verdict.usable,
        "explanation": list(verdict.explanation),
    }


def _action(action: Action) -> ActionJson:
    return {
        "kind": action.kind.value,
        "disposition": action.disposition.value,
        "target": action.target,
        "role": action.role_arn,
        "previous": action.previous_arn,
        "reason": action.explanation,
        "guardrails": [
            {"rule": answer.rule, "allows": answer.allows is True, "detail": answer.detail} for answer in action.answers
        ],
    }
