"""The fixes an alert shows: the knowledge base's texts, filled in for this app, branch and role, safe to paste."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from typing import TYPE_CHECKING
from urllib.parse import quote

from medic.alerts.model import AlertFix, Snippet
from medic.alerts.wording import DIALECTS
from medic.diagnosis.model import Assumable, Rank
from medic.events import Scope
from medic.knowledge import FIXES, find_entry
from medic.knowledge.entry import Dialect, filled
from medic.labels import ActionKind

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from medic.diagnosis.model import Diagnosis, Proposal
    from medic.evidence import Evidence
    from medic.plan.model import Action

_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}


def app_url(scope: Scope) -> str:
    """The app's page."""
    return f"https://{_regional(scope)}/amplify/apps/{quote(scope.app_id, safe='')}"


def job_url(scope: Scope, job_id: str) -> str:
    """The deployment's page, with its log."""
    branch = quote(scope.branch, safe="")
    return f"{app_url(scope)}/branches/{branch}/deployments/{quote(job_id, safe='')}"


def role_url(scope: Scope, role_arn: str, tab: str = "") -> str:
    """The role's page in IAM.

    Args:
        scope: where; the partition has a console of its own.
        role_arn: the role's ARN, or its name.
        tab: `permissions` or `trust_relationships`; nothing for the page as it opens.
    """
    name = quote(role_arn.rsplit("/", 1)[-1], safe="")
    return f"https://{_regional(scope)}/iam/home#/roles/details/{name}{f'?section={tab}' if tab else ''}"


def log_group_url(scope: Scope) -> str:
    """The log group of the app's SSR runtime in CloudWatch, whose console escapes twice, and writes `$` for `%`."""
    group = quote(quote(f"/aws/amplify/{scope.app_id}", safe=""), safe="").replace("%", "$")
    region = quote(scope.region, safe="")
    return f"https://{_regional(scope)}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{group}"


def _regional(scope: Scope) -> str:
    return f"{quote(scope.region, safe='')}.{_CONSOLES.get(scope.partition, _CONSOLES['aws'])}"


TRUST_FIXES = frozenset({"trust_service_role", "trust_compute_role"})


def written_out(proposal: Proposal) -> tuple[Snippet, ...]:
    """The proposal for the console, the command line, CDK and Terraform."""
    statement = json.dumps(json.loads(proposal.statement), indent=2)
    trust = proposal.fix in TRUST_FIXES
    return (
        Snippet(DIALECTS[Dialect.CONSOLE], _console(proposal, statement, trust=trust)),
        Snippet(DIALECTS[Dialect.CLI], _trust_cli(proposal) if trust else _permission_cli(proposal)),
        Snippet(DIALECTS[Dialect.CDK], _cdk(proposal, statement, trust=trust)),
        Snippet(DIALECTS[Dialect.TERRAFORM], _terraform(statement, trust=trust)),
    )


def _console(proposal: Proposal, statement: str, *, trust: bool) -> str:
    where = "Trust relationships > Edit trust policy" if trust else "Add permissions > Create inline policy > JSON"
    whose = f"IAM > Roles > {proposal.role_name}" if proposal.role_name else f"IAM > {proposal.holder}"
    return "\n".join((f"{whose} > {where}: add to Statement, beside what stands there", statement, *proposal.notes))


def _trust_cli(proposal: Proposal) -> str:
    role, statement = shlex.quote(proposal.role_name or "<role>"), shlex.quote(proposal.statement)
    return (
        f"aws iam get-role --role-name {role} --query Role.AssumeRolePolicyDocument --output json > trust.json\n"
        f"jq --argjson new {statement} '.Statement = ([.Statement] | flatten) + [$new]' trust.json > fixed.json\n"
        f"aws iam update-assume-role-policy --role-name {role} --policy-document file://fixed.json"
    )


def _permission_cli(proposal: Proposal) -> str:
    if proposal.role_name is None:
        # Quoted even in the comment: not every shell knows comments at its prompt.
        return (
            f"# to be added to a policy of {shlex.quote(proposal.holder)}:\nstatement={shlex.quote(proposal.statement)}"
        )
    document = f'{{"Version":"2012-10-17","Statement":[{proposal.statement}]}}'
    # An inline policy of the same name would be replaced, so each statement gets a name of its own.
    name = f"{proposal.fix}-{hashlib.sha256(proposal.statement.encode()).hexdigest()[:8]}"
    return (
        f"aws iam put-role-policy --role-name {shlex.quote(proposal.role_name)} --policy-name {name} \\\n"
        f"  --policy-document {shlex.quote(document)}"
    )


def _cdk(proposal: Proposal, statement: str, *, trust: bool) -> str:
    holder = "role" if proposal.role_name else "caller"
    add = "assumeRolePolicy?.addStatements" if trust else "addToPrincipalPolicy"
    return f"{holder}.{add}(iam.PolicyStatement.fromJson({statement}));"


def _terraform(statement: str, *, trust: bool) -> str:
    """JSON is an expression of Terraform's language too, but for its templates."""
    argument = "assume_role_policy" if trust else "policy"
    literal = statement.replace("${", "$${").replace("%{", "%%{")
    return f"# in the jsonencode(...) of {argument}, one more element of Statement:\n{literal}"


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
) -> tuple[AlertFix, ...]:
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


def _fix(fix_id: str, proposal: Proposal | None, values: Mapping[str, str], scope: Scope) -> AlertFix:
    fix, url = FIXES[fix_id], _page(fix_id, values, scope)
    if proposal is not None:
        return AlertFix(fix.title, written_out(proposal), url)
    snippets = (Snippet(DIALECTS[dialect], _written(fix.written_in(dialect), dialect, values)) for dialect in _SHOWN)
    return AlertFix(fix.title, tuple(snippets), url)


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
