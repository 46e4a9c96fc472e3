"""A diagnosis as JSON; see docs/schemas/diagnose.schema.json. Every text in it is redacted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.alerts.console import app_url, job_url, role_url
from medic.alerts.words import HEADLINES
from medic.evidence.model import Present
from medic.flows.trouble import role_kind
from medic.redaction import redact
from medic_cli.finding import finding_answer

if TYPE_CHECKING:
    from medic.diagnosis.model import Cause, Check, Diagnosis, RoleVerdict
    from medic.evidence.model import Evidence
    from medic.plan.model import Action
    from medic_cli.diagnosing.report import BotView, Report, WrittenFix
    from medic_cli.json_types import JsonObject, JsonValue

SCHEMA = 1


def answer_of(report: Report) -> JsonObject:
    """The report for machines."""
    scope, evidence, diagnosis = report.scope, report.evidence, report.diagnosis
    return {
        "schema": SCHEMA,
        "offline": report.offline,
        "partition": scope.partition,
        "account": scope.account,
        "region": scope.region,
        "app": _app(evidence),
        "branch": _branch(evidence),
        "job": _job(report),
        "headline": redact(headline(report)),
        "label": report.label.value if report.label else None,
        "phase": diagnosis.phase.value if diagnosis else None,
        "role": role_kind(diagnosis).value if diagnosis else None,
        "findings": [finding_answer(finding) for finding in report.reading.findings] if report.reading else [],
        "roles": _roles(evidence, diagnosis) if diagnosis else None,
        "checks": [_check(check) for check in diagnosis.checks] if diagnosis else [],
        "causes": [_cause(cause) for cause in diagnosis.causes] if diagnosis else [],
        "fixes": [_fix(fix) for fix in report.fixes],
        "bot": _bot(report.bot) if report.bot else None,
        "links": _links(report),
        "notes": [redact(note) for note in report.notes],
    }


def headline(report: Report) -> str:
    """What is wrong, in one line."""
    app = report.evidence.app
    where = f"{app.value.name if isinstance(app, Present) else report.scope.app_id} / {report.scope.branch}"
    if report.reading is None:
        return f"{where}: no log, no diagnosis"
    if not report.reading.findings:
        return f"{where}: no IAM failure in the log"
    return f"{where}: {HEADLINES[report.reading.label]}"


def _app(evidence: Evidence) -> JsonObject:
    app = evidence.app.value if isinstance(evidence.app, Present) else None
    return {
        "id": evidence.app_id,
        "name": redact(app.name) if app else None,
        "platform": app.platform if app else None,
    }


def _branch(evidence: Evidence) -> JsonObject:
    branch = evidence.branch.value if isinstance(evidence.branch, Present) else None
    return {
        "name": evidence.branch_name,
        "stage": branch.stage if branch else None,
        "framework": branch.framework if branch else None,
    }


def _job(report: Report) -> JsonObject:
    job = report.evidence.job.value if isinstance(report.evidence.job, Present) else None
    return {
        "id": report.job_id,
        "chosen": report.job_chosen,
        "status": job.status if job else None,
        "commit": job.commit_id if job else None,
        "message": redact(job.commit_message) if job and job.commit_message else None,
    }


def _roles(evidence: Evidence, diagnosis: Diagnosis) -> JsonObject:
    branch = evidence.branch.value if isinstance(evidence.branch, Present) else None
    level = "branch" if branch and branch.compute_role_arn else "app"
    compute = _verdict(diagnosis.compute)
    return {
        "service": _verdict(diagnosis.service),
        "compute": {**compute, "level": level} if compute is not None else None,
    }


def _verdict(verdict: RoleVerdict | None) -> JsonObject | None:
    if verdict is None:
        return None
    return {
        "arn": verdict.arn,
        "assumable": verdict.assumable.value,
        "usable": verdict.usable,
        "explanation": [redact(line) for line in verdict.explanation],
    }


def _check(check: Check) -> JsonObject:
    return {"id": check.id, "result": check.result.value, "detail": redact(check.detail)}


def _cause(cause: Cause) -> JsonObject:
    return {
        "id": cause.id,
        "rank": cause.rank.value,
        "title": redact(cause.title),
        "because": redact(cause.because),
        "supporting": list(cause.supporting),
        "against": list(cause.against),
        "unseen": list(cause.unseen),
    }


def _fix(fix: WrittenFix) -> JsonObject:
    return {"title": fix.title, **{dialect.value: text for dialect, text in fix.texts.items()}}


def _bot(view: BotView) -> JsonObject:
    plan = view.plan
    return {
        "opt_in": redact(view.opt_in),
        "settings_read": plan is not None,
        "actions": [_action(action) for action in plan.actions] if plan else [],
        "effect": plan.effect if plan else None,
        "rebuild": {"wanted": plan.rebuild.wanted, "reason": plan.rebuild.reason} if plan else None,
    }


def _action(action: Action) -> JsonObject:
    return {
        "kind": action.kind.value,
        "disposition": action.disposition.value,
        "target": action.target,
        "role": action.role_arn,
        "previous": action.previous_arn,
        "reason": redact(action.reason),
        "guardrails": [
            {"rule": answer.rule, "allows": answer.allows, "detail": redact(answer.detail)} for answer in action.answers
        ],
    }


def _links(report: Report) -> JsonValue:
    scope = report.scope
    links = [{"text": "App", "url": app_url(scope)}]
    if report.job_id is not None:
        links.insert(0, {"text": "Job and log", "url": job_url(scope, report.job_id)})
    return links + [
        {"text": f"Role {arn.rsplit('/', 1)[-1]}", "url": role_url(scope, arn)} for arn in report.evidence.roles
    ]
