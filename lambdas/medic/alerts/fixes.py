"""The fixes an alert shows: the knowledge base's texts, filled in for this app, branch and role, safe to paste."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from medic.alerts.console import app_url, role_url
from medic.alerts.model import Fix, Snippet
from medic.alerts.statements import TRUST_FIXES, written_out
from medic.alerts.words import DIALECTS
from medic.diagnosis.knowledge import FIXES, Dialect, filled, find_entry
from medic.diagnosis.model import Assumable, Rank
from medic.events import Scope
from medic.plan.model import ActionKind

if TYPE_CHECKING:
    from medic.diagnosis.model import Diagnosis, Proposal
    from medic.evidence.model import Evidence
    from medic.plan.model import Action

_SHOWN = (Dialect.CONSOLE, Dialect.CLI, Dialect.CDK, Dialect.TERRAFORM)
_MOST = 2
_OF_THE_CALLER = frozenset({"grant_action", "change_boundary"})
_NEW_SERVICE_ROLE = frozenset({"create_service_role", "attach_service_role"})
"""Fixes that put another role in the place of one that is there and unfit; one that is gone can be made again."""
_ON_THE_PERMISSIONS_TAB = frozenset({"grant_action", "change_boundary", "logging_policy", "allow_codecommit_pull"})
_ON_THE_APP = frozenset(
    {"attach_service_role", "attach_compute_role", "reconnect_repository", "drop_explicit_credentials", "shorten_build"}
)
_PLAIN = re.compile(r"[\w./:@+=,-]{1,300}")


def fixes_for(
    evidence: Evidence, diagnosis: Diagnosis, ranks: Collection[Rank] = (Rank.PROVEN, Rank.LIKELY)
) -> tuple[Fix, ...]:
    """The fixes of the likeliest causes, at most two, each in every dialect that an alert shows.

    Where the diagnosis worked out the very statement that is missing, that is shown in place of the general text.

    Args:
        evidence: what the texts are filled in with.
        diagnosis: the causes.
        ranks: of the causes whose fixes are wanted.
    """
    likely = [cause for cause in diagnosis.causes if cause.rank in ranks]
    entries = [find_entry(cause.id) for cause in likely]
    ids = dict.fromkeys(fix for entry in entries if entry for fix in entry.fixes)
    proposals = {cause.proposal.fix: cause.proposal for cause in likely if cause.proposal}
    shown = [fix_id for fix_id in ids if not _no_statement_helps(fix_id, diagnosis)][:_MOST]
    scope = Scope(evidence.partition, evidence.account, evidence.region, evidence.app_id, evidence.branch_name)
    return tuple(_fix(fix_id, proposals.get(fix_id), _values(evidence, diagnosis, fix_id), scope) for fix_id in shown)


def _no_statement_helps(fix_id: str, diagnosis: Diagnosis) -> bool:
    """True for the general "add this statement" where the role's trust policy was seen to deny whatever is added."""
    verdict = {"trust_service_role": diagnosis.service, "trust_compute_role": diagnosis.compute}.get(fix_id)
    return verdict is not None and verdict.assumable is Assumable.DENIED and verdict.proposal is None


def permanent_line(action: Action) -> str:
    """What to write down so that the next run of infrastructure as code does not revert a change."""
    if action.kind is ActionKind.ATTACH_COMPUTE:
        cdk, terraform = "computeRoleArn", "compute_role_arn"
        where = "the branch"
    else:
        cdk, terraform = "iamServiceRole", "iam_service_role_arn"
        where = "the app"
    return (
        f"Infrastructure as code will revert this unless {where} says so too: CDK `{cdk}: '{action.role_arn}'`, "
        f'Terraform `{terraform} = "{action.role_arn}"`'
    )


def command_for(action: Action) -> str:
    """The AWS CLI command that makes a proposed change, quoted for a shell."""
    return command_to_set(action.kind, action.target, action.role_arn or "ROLE_ARN")


def command_to_set(kind: str, target: str, role_arn: str | None) -> str:
    """The AWS CLI command that sets the role of a branch or app (by its ARN), quoted for a shell; None takes it off."""
    _, _, region, _, resource = target.split(":", 5)[1:]
    app_id, _, branch = resource.removeprefix("apps/").partition("/branches/")
    role = shlex.quote(role_arn or "")
    if kind == ActionKind.ATTACH_COMPUTE:
        what = f"update-branch --app-id {app_id} --branch-name {shlex.quote(branch)} --compute-role-arn {role}"
    else:
        what = f"update-app --app-id {app_id} --iam-service-role-arn {role}"
    return f"aws amplify {what} --region {region}"


def _fix(fix_id: str, proposal: Proposal | None, values: Mapping[str, str], scope: Scope) -> Fix:
    fix, url = FIXES[fix_id], _page(fix_id, values, scope)
    if proposal is not None:
        return Fix(fix.title, written_out(proposal), url)
    snippets = (Snippet(DIALECTS[dialect], _written(fix.written_in(dialect), dialect, values)) for dialect in _SHOWN)
    return Fix(fix.title, tuple(snippets), url)


def _page(fix_id: str, values: Mapping[str, str], scope: Scope) -> str:
    """The console page on which a fix is made, where it is one page."""
    if fix_id in TRUST_FIXES:
        return role_url(scope, values["role_arn"], "trust_relationships")
    if fix_id in _ON_THE_PERMISSIONS_TAB:
        return role_url(scope, values["role_arn"], "permissions")
    return app_url(scope) if fix_id in _ON_THE_APP else ""


def _written(text: str, dialect: Dialect, values: Mapping[str, str]) -> str:
    """The text with its values put in: quoted for a shell, and never a value that could mean something in code."""
    if dialect is Dialect.CLI:
        return filled(text, {name: shlex.quote(value) for name, value in values.items()})
    safe = {name: value if _PLAIN.fullmatch(value) else f"<{name}>" for name, value in values.items()}
    return filled(text, safe)


def _values(evidence: Evidence, diagnosis: Diagnosis, fix_id: str) -> dict[str, str]:
    role_arn = _role_for(evidence, diagnosis, fix_id)
    return {
        "app_id": evidence.app_id,
        "branch": evidence.branch_name,
        "region": evidence.region,
        "account": evidence.account,
        "role_arn": role_arn,
        "role_name": role_arn.rsplit("/", 1)[-1],
    }


def _role_for(evidence: Evidence, diagnosis: Diagnosis, fix_id: str) -> str:
    """The role a fix is about: who was refused, the one that is set, or that would be; else one to be made."""
    roles = f"arn:{evidence.partition}:iam::{evidence.account}:role"
    if fix_id in _OF_THE_CALLER and (caller := _caller(diagnosis)):
        return f"{roles}/{caller}"
    if fix_id == "trust_compute_role" and diagnosis.compute is not None:
        return diagnosis.compute.arn
    if "compute" in fix_id:
        return evidence.candidate_role_arn or f"{roles}/amplify-compute-role"
    service = diagnosis.service
    if service is None or (fix_id in _NEW_SERVICE_ROLE and service.assumable is not Assumable.MISSING):
        return evidence.repair_role_arn or f"{roles}/amplify-service-role"
    return service.arn


def _caller(diagnosis: Diagnosis) -> str | None:
    """The role that was refused a call; its ARN in the message lacks the role's path."""
    denial = diagnosis.findings[0].denial if diagnosis.findings else None
    return denial.role_name if denial else None
