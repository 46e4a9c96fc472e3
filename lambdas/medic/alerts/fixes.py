"""The fixes an alert shows: texts of the knowledge base with this app, branch and role filled in, safe to paste.

Also here: the AWS CLI commands for a single role change, and the URLs of console pages.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from typing import TYPE_CHECKING
from urllib.parse import quote

from medic.alerts.model import AlertFix, NamedText
from medic.alerts.wording import DIALECTS
from medic.arns import arn_parts
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
_DIALECTS = (Dialect.CONSOLE, Dialect.CLI, Dialect.CDK, Dialect.TERRAFORM)
_MAX_FIXES = 2

_TRUST_FIXES = frozenset({"trust_service_role", "trust_compute_role"})
_CALLER_FIXES = frozenset({"grant_action", "change_boundary"})
"""Fixes of the role whose call was denied."""
_NEW_SERVICE_ROLE_FIXES = frozenset({"create_service_role", "attach_service_role"})
"""Fixes that replace an unusable service role. A deleted role is recreated under its old name instead."""
_PERMISSIONS_TAB_FIXES = frozenset({"grant_action", "change_boundary", "logging_policy", "allow_codecommit_pull"})
_APP_PAGE_FIXES = frozenset(
    {"attach_service_role", "attach_compute_role", "reconnect_repository", "drop_explicit_credentials", "shorten_build"}
)
_SAFE_VALUE = re.compile(r"[\w./:@+=,-]{1,300}")
"""A value without characters that mean something in code or JSON. Others are shown as `<name>`."""


def fixes_for(
    evidence: Evidence, diagnosis: Diagnosis, ranks: Collection[Rank] = (Rank.PROVEN, Rank.LIKELY)
) -> tuple[AlertFix, ...]:
    """The fixes of the most likely causes, at most two, each in every dialect that an alert shows.

    If the diagnosis knows the exact missing statement, the fix shows that statement instead of the general text.
    """
    likely = [cause for cause in diagnosis.causes if cause.rank in ranks]
    entries = [find_entry(cause.id) for cause in likely]
    ids = dict.fromkeys(fix for entry in entries if entry for fix in entry.fixes)
    proposals = {cause.proposal.fix: cause.proposal for cause in likely if cause.proposal}
    shown = [fix_id for fix_id in ids if not _deny_overrides(fix_id, diagnosis)][:_MAX_FIXES]
    return tuple(
        _fix(fix_id, proposals.get(fix_id), evidence, _role_for(evidence, diagnosis, fix_id)) for fix_id in shown
    )


def _deny_overrides(fix_id: str, diagnosis: Diagnosis) -> bool:
    """True for a trust fix that adds a statement to a role whose trust policy denies Amplify whatever is added."""
    verdict = {"trust_service_role": diagnosis.service, "trust_compute_role": diagnosis.compute}.get(fix_id)
    return verdict is not None and verdict.assumable is Assumable.DENIED and verdict.proposal is None


def _fix(fix_id: str, proposal: Proposal | None, evidence: Evidence, role_arn: str) -> AlertFix:
    scope = Scope(evidence.partition, evidence.account, evidence.region, evidence.app_id, evidence.branch_name)
    url = app_url(scope) if fix_id in _APP_PAGE_FIXES else ""
    if fix_id in _TRUST_FIXES:
        url = role_url(scope, role_arn, "trust_relationships")
    elif fix_id in _PERMISSIONS_TAB_FIXES:
        url = role_url(scope, role_arn, "permissions")
    fix = FIXES[fix_id]
    if proposal is not None:
        return AlertFix(fix.title, proposal_snippets(proposal), url)
    values = {
        "app_id": scope.app_id,
        "branch": scope.branch,
        "region": scope.region,
        "account": scope.account,
        "role_arn": role_arn,
        "role_name": role_arn.rsplit("/", 1)[-1],
    }
    snippets = (
        NamedText(DIALECTS[dialect], _filled_in(fix.written_in(dialect), dialect, values)) for dialect in _DIALECTS
    )
    return AlertFix(fix.title, tuple(snippets), url)


def _filled_in(text: str, dialect: Dialect, values: Mapping[str, str]) -> str:
    """The text with its values: quoted for a shell, and elsewhere only values that can't break out into code."""
    if dialect is Dialect.CLI:
        return filled(text, {name: shlex.quote(value) for name, value in values.items()})
    safe = {name: value if _SAFE_VALUE.fullmatch(value) else f"<{name}>" for name, value in values.items()}
    return filled(text, safe)


def _role_for(evidence: Evidence, diagnosis: Diagnosis, fix_id: str) -> str:
    """The ARN of the role to fix: the denied caller, the current role, or the role that the bot would set.

    If there is none of them, it is the ARN of a role that the fix creates.
    """
    roles = f"arn:{evidence.partition}:iam::{evidence.account}:role"
    denial = diagnosis.findings[0].denial if diagnosis.findings else None
    if fix_id in _CALLER_FIXES and denial and denial.role_name:
        # The message has a session ARN, which lacks the role's path.
        return f"{roles}/{denial.role_name}"
    if fix_id == "trust_compute_role" and diagnosis.compute is not None:
        return diagnosis.compute.arn
    if "compute" in fix_id:
        return evidence.candidate_role_arn or f"{roles}/amplify-compute-role"
    service = diagnosis.service
    if service is None or (fix_id in _NEW_SERVICE_ROLE_FIXES and service.assumable is not Assumable.MISSING):
        return evidence.repair_role_arn or f"{roles}/amplify-service-role"
    return service.arn


def proposal_snippets(proposal: Proposal) -> tuple[NamedText, ...]:
    """The proposed statement for the console, the AWS CLI, CDK and Terraform; as JSON alone if it may not be run."""
    statement, at = json.dumps(json.loads(proposal.statement), indent=2), proposal.replaces
    if not proposal.as_command:
        return (NamedText(DIALECTS[Dialect.CONSOLE], "\n".join((*proposal.notes, statement))),)
    if proposal.fix in _TRUST_FIXES:
        where, argument, command = "Trust relationships > Edit trust policy", "assume_role_policy", _trust_cli(proposal)
        add = "assumeRolePolicy?.addStatements"
    else:
        where, argument, command = "Add permissions > Create inline policy > JSON", "policy", _permission_cli(proposal)
        add = "addToPrincipalPolicy"
    whose = f"Roles > {proposal.role_name}" if proposal.role_name else proposal.principal
    whose = f"Users > {proposal.user_name}" if proposal.user_name else whose
    what = "add to Statement, beside what stands there" if at is None else f"replace Statement[{at}] by"
    console = (f"IAM > {whose} > {where}: {what}", statement, *proposal.notes)
    cdk = f"{'role' if proposal.role_name else 'caller'}.{add}(iam.PolicyStatement.fromJson({statement}));"
    if at is not None:
        cdk = f"// in place of Statement[{at}] of the role's trust policy:\n{cdk}"
    # The JSON is valid HCL once its template sequences `${` and `%{` are escaped.
    literal = statement.replace("${", "$${").replace("%{", "%%{")
    element = "one more element of Statement" if at is None else f"in place of Statement[{at}]"
    terraform = f"# in the jsonencode(...) of {argument}, {element}:\n{literal}"
    texts = ("\n".join(console), command, cdk, terraform)
    return tuple(NamedText(DIALECTS[dialect], text) for dialect, text in zip(_DIALECTS, texts, strict=True))


def _trust_cli(proposal: Proposal) -> str:
    role, statement = shlex.quote(proposal.role_name or "<role>"), shlex.quote(proposal.statement)
    change = "+ [$new]" if proposal.replaces is None else f"| .Statement[{proposal.replaces}] = $new"
    return (
        f"aws iam get-role --role-name {role} --query Role.AssumeRolePolicyDocument --output json > trust.json\n"
        f"jq --argjson new {statement} '.Statement = ([.Statement] | flatten) {change}' trust.json > fixed.json\n"
        f"aws iam update-assume-role-policy --role-name {role} --policy-document file://fixed.json"
    )


def _permission_cli(proposal: Proposal) -> str:
    kind, edited = ("user", proposal.user_name) if proposal.user_name else ("role", proposal.role_name)
    if edited is None:
        # Quoted even in the comment, because zsh runs a pasted "# …" line as a command by default.
        return (
            f"# to be added to a policy of {shlex.quote(proposal.principal)}:\n"
            f"statement={shlex.quote(proposal.statement)}"
        )
    document = f'{{"Version":"2012-10-17","Statement":[{proposal.statement}]}}'
    # The command replaces an inline policy of the same name, so each statement gets its own policy name.
    name = f"{proposal.fix}-{hashlib.sha256(proposal.statement.encode()).hexdigest()[:8]}"
    return (
        f"aws iam put-{kind}-policy --{kind}-name {shlex.quote(edited)} --policy-name {name} \\\n"
        f"  --policy-document {shlex.quote(document)}"
    )


def permanent_line(action: Action) -> str:
    """What to write into infrastructure as code so that its next deployment does not revert the change."""
    cdk, terraform, where = ("iamServiceRole", "iam_service_role_arn", "the app")
    if action.kind is ActionKind.ATTACH_COMPUTE:
        cdk, terraform, where = ("computeRoleArn", "compute_role_arn", "the branch")
    return (
        f"Infrastructure as code will revert this unless {where} says so too: CDK `{cdk}: '{action.role_arn}'`, "
        f'Terraform `{terraform} = "{action.role_arn}"`'
    )


def command_to_set(kind: str, target: str, role_arn: str | None) -> str:
    """The AWS CLI command that sets a role of a branch or app (`target`, an ARN), or removes it (None)."""
    _, _, region, _, resource = arn_parts(target)
    app_id, _, branch = resource.removeprefix("apps/").partition("/branches/")
    role = shlex.quote(role_arn or "")
    if kind == ActionKind.ATTACH_COMPUTE:
        what = f"update-branch --app-id {app_id} --branch-name {shlex.quote(branch)} --compute-role-arn {role}"
    else:
        what = f"update-app --app-id {app_id} --iam-service-role-arn {role}"
    return f"aws amplify {what} --region {region}"


def app_url(scope: Scope) -> str:
    return f"https://{_console_host(scope)}/amplify/apps/{quote(scope.app_id, safe='')}"


def job_url(scope: Scope, job_id: str) -> str:
    """The page of a deployment, which shows its log."""
    branch = quote(scope.branch, safe="")
    return f"{app_url(scope)}/branches/{branch}/deployments/{quote(job_id, safe='')}"


def role_url(scope: Scope, role_arn: str, tab: str = "") -> str:
    """The page in the IAM console of a role, given by ARN or name. Tabs are `permissions` and `trust_relationships`."""
    name = quote(role_arn.rsplit("/", 1)[-1], safe="")
    return f"https://{_console_host(scope)}/iam/home#/roles/details/{name}{f'?section={tab}' if tab else ''}"


def log_group_url(scope: Scope) -> str:
    """The page of the app's SSR log group. The CloudWatch console encodes names twice and writes `$` for `%`."""
    group = quote(quote(f"/aws/amplify/{scope.app_id}", safe=""), safe="").replace("%", "$")
    region = quote(scope.region, safe="")
    return f"https://{_console_host(scope)}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{group}"


def _console_host(scope: Scope) -> str:
    return f"{quote(scope.region, safe='')}.{_CONSOLES.get(scope.partition, _CONSOLES['aws'])}"
