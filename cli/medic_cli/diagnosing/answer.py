"""A diagnosis as JSON; see docs/schemas/diagnose.schema.json. Every text in it is redacted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.alerts.console import app_url, job_url, role_url
from medic.alerts.machine import (
    app_json,
    bot_json,
    branch_json,
    cause_json,
    check_json,
    finding_json,
    roles_json,
)
from medic.alerts.words import HEADLINES
from medic.evidence.model import Present
from medic.flows.trouble import role_kind
from medic.redaction import redact

if TYPE_CHECKING:
    from medic_cli.diagnosing.report import Report, WrittenFix
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
        "app": app_json(evidence),
        "branch": branch_json(evidence),
        "job": _job(report),
        "headline": redact(headline(report)),
        "label": report.label.value if report.label else None,
        "phase": diagnosis.phase.value if diagnosis else None,
        "role": role_kind(diagnosis).value if diagnosis else None,
        "findings": [finding_json(finding) for finding in report.reading.findings] if report.reading else [],
        "roles": roles_json(evidence, diagnosis) if diagnosis else None,
        "checks": [check_json(check) for check in diagnosis.checks] if diagnosis else [],
        "causes": [cause_json(cause) for cause in diagnosis.causes] if diagnosis else [],
        "fixes": [_fix(fix) for fix in report.fixes],
        "bot": bot_json(report.bot.opt_in, report.bot.plan) if report.bot else None,
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


def _job(report: Report) -> JsonObject:
    job = report.evidence.job.value if isinstance(report.evidence.job, Present) else None
    return {
        "id": report.job_id,
        "chosen": report.job_chosen,
        "status": job.status if job else None,
        "commit": job.commit_id if job else None,
        "message": redact(job.commit_message) if job and job.commit_message else None,
    }


def _fix(fix: WrittenFix) -> JsonObject:
    return {"title": fix.title, **{dialect.value: text for dialect, text in fix.texts.items()}}


def _links(report: Report) -> JsonValue:
    scope = report.scope
    links = [{"text": "App", "url": app_url(scope)}]
    if report.job_id is not None:
        links.insert(0, {"text": "Job and log", "url": job_url(scope, report.job_id)})
    return links + [
        {"text": f"Role {arn.rsplit('/', 1)[-1]}", "url": role_url(scope, arn)} for arn in report.evidence.roles
    ]
