"""An incident, for people and for machines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from medic.alerts.words import ACTIONS
from medic.plan.decide import Occasion
from medic.plan.model import ActionKind
from medic.redaction import redact

if TYPE_CHECKING:
    from medic.incidents.change import Change
    from medic.incidents.incident import Incident
    from medic_cli.json_types import JsonObject
    from medic_cli.operator.desk import Found

SCHEMA = 1
_NO_JOB = "0"
"""The id that stands in the place of a job's where none showed an incident."""
_WORDS = {"attach_compute": "compute role", "repair_service": "service role"}


def line(found: Found) -> str:
    """One incident in one line: when, where, what, its state, what changed, why, on which evidence, who approved."""
    scope, incident = found.scope, found.incident
    parts = [
        f"{incident.opened_at:%Y-%m-%d %H:%M}",
        incident.id,
        f"{incident.app_name or scope.app_id}/{scope.branch}",
        incident.label,
        f"{incident.state}{f' ×{incident.count}' if incident.count > 1 else ''}",
        "; ".join(map(_changed, incident.changes)) or "nothing changed",
        incident.because or "cause not recorded",
        evidence(incident),
        *whose(incident),
    ]
    return redact("  ".join(" ".join(part.split()) for part in parts))


def plan(incident: Incident) -> Iterator[str]:
    """What an approval of the incident's plan would do."""
    yield f"Incident {incident.id}: {incident.label}, {incident.state}, {evidence(incident)}."
    if incident.because:
        yield redact(f"Why: {incident.because}.")
    for action in filter(None, incident.told_plan.split("; ")):
        yield redact(f"Plan: {_planned(action)}.")
    yield "Every guardrail is asked again before anything is changed."


def evidence(incident: Incident) -> str:
    """What showed it."""
    if incident.occasion == Occasion.RUNTIME:
        return "seen in the SSR log"
    return "no job showed it" if incident.job_id == _NO_JOB else f"seen in job {incident.job_id}"


def whose(incident: Incident) -> Iterator[str]:
    """Who had a hand in it."""
    if incident.approved_by:
        yield f"approved by {incident.approved_by}"
    elif incident.applied:
        yield f"allowed by the branch's tag ({incident.mode})"
    if incident.undo_asked_by:
        yield f"undoing asked for by {incident.undo_asked_by}"


def as_json(found: Found) -> JsonObject:
    """One incident of docs/schemas/history.schema.json."""
    scope, incident = found.scope, found.incident
    return {
        "id": incident.id,
        "account": scope.account,
        "region": scope.region,
        "app": scope.app_id,
        "app_name": redact(incident.app_name),
        "branch": scope.branch,
        "label": incident.label,
        "role": incident.role_kind.value,
        "state": incident.state.value,
        "occasion": incident.occasion,
        "job": incident.job_id,
        "count": incident.count,
        "opened_at": _time(incident.opened_at),
        "updated_at": _time(incident.updated_at),
        "because": redact(incident.because),
        "plan": redact(incident.told_plan),
        "changes": [_change(change) for change in incident.changes],
        "rebuild_job": incident.rebuild_job_id,
        "approved_by": incident.approved_by or None,
        "undo_asked_by": incident.undo_asked_by or None,
        "note": redact(incident.note),
    }


def _planned(action: str) -> str:
    """An action of `Plan.gist`: its kind, its role, how far it goes, and why."""
    kind, role, _, reason = (*action.split(" ", 3), "", "", "")[:4]
    if kind not in list(ActionKind):
        return action
    return f"{ACTIONS[ActionKind(kind)]} to {role} ({reason})"


def _changed(change: Change) -> str:
    what = _WORDS.get(change.kind, change.kind)
    return f"{what} {change.previous_arn or 'none'} → {change.role_arn} ({change.state})"


def _change(change: Change) -> JsonObject:
    return {
        "kind": change.kind,
        "target": change.target,
        "from": change.previous_arn,
        "to": change.role_arn,
        "state": change.state.value,
        "intended_at": _time(change.intended_at),
        "applied_at": _time(change.applied_at),
        "note": redact(change.note),
    }


def _time(time: datetime | None) -> str | None:
    return time.isoformat(timespec="seconds") if time else None
