"""The fixes an alert shows: texts of the knowledge base with this app, branch and role filled in, safe to paste.

Also here: the AWS CLI commands for a single role change, and the URLs of console pages.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote

from msgspec.structs import asdict

from medic.alerts.model import NamedText, Section
from medic.alerts.wording import DIALECTS
from medic.arns import RoleArn, arn_parts, name_of
from medic.diagnosis.model import Assumable, Diagnosis, Proposal, Rank, RoleVerdict
from medic.evidence import Evidence, Present, value_of
from medic.knowledge import FIXES, find_entry
from medic.knowledge.entry import Dialect, filled, placeholders_in
from medic.knowledge.fixes import add_to_trust
from medic.labels import ActionKind, Label, Phase, PolicyType

if TYPE_CHECKING:
    from medic.events import Scope
    from medic.knowledge.entry import Entry
    from medic.plan.model import Action

_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
_DIALECTS = (Dialect.CONSOLE, Dialect.CLI, Dialect.CDK, Dialect.TERRAFORM)
_CONSOLE_ONLY = (Dialect.CONSOLE,)
_MAX_FIXES = 2

_CALLER_FIXES = frozenset({"grant_action", "change_boundary", "ask_resource_owner"})
"""Fixes of the role whose call was denied."""
ATTACHING_FIXES = frozenset({"create_compute_role", "attach_compute_role"})
"""Fixes that do what the bot does when it attaches a compute role."""
REPAIRING_FIXES = frozenset({"create_service_role", "attach_service_role"})
"""Fixes that do what the bot does when it repairs the service role."""
TRUST_FIXES = {ActionKind.ATTACH_COMPUTE: "trust_compute_role", ActionKind.REPAIR_SERVICE: "trust_service_role"}
"""The fix of the role that the bot's action replaces."""
_GRANTING_FIXES = frozenset({"grant_action", "allow_pass_role", "logging_policy"})
"""Fixes that let somebody do more. A line that any visitor can write gets no command for them."""
_MORE_DENIALS_FOLLOW = frozenset({"service_role_for_logs", "service_role_not_for_backend", "studio_role_in_use"})
"""Causes that one more permission does not remove."""
_OF_ANOTHER_ACCOUNT = frozenset({"service_role_other_account", "compute_role_other_account"})
"""Causes of a role that can't be read from here, and never be used."""
_LAPTOP_FIXES = frozenset({"log_in_locally"})
"""Fixes of a command outside Amplify."""
_JOB_FIXES = frozenset({"wait_and_retry", "shorten_build"})
"""Fixes of a job that failed. A site that fails at runtime has none."""
_PERMISSIONS_TAB_FIXES = frozenset({"grant_action", "change_boundary", "logging_policy", "allow_codecommit_pull"})
_APP_PAGE_FIXES = frozenset(
    {"attach_service_role", "attach_compute_role", "reconnect_repository", "drop_explicit_credentials", "shorten_build"}
)
_ADD_TO_TRUST = "assumeRolePolicy?.addStatements"
_SAFE_VALUE = re.compile(r"[\w./:@+=,-]{1,300}")
"""A value without characters that mean something in code, JSON or a shell."""
_FREE_NAME = "branch"
"""No command of a fix has it within quotes."""


def fixes_for(
    evidence: Evidence,
    diagnosis: Diagnosis,
    ranks: Collection[Rank] = (Rank.PROVEN, Rank.LIKELY),
    without: Collection[str] = (),
) -> tuple[Section, ...]:
    """The fixes of the most likely causes, at most two, each in every dialect that an alert shows.

    If the diagnosis knows the exact missing statement, the fix shows that statement instead of the general text.
    `without` holds the ids of fixes that the present state makes superfluous or wrong.
    """
    likely = [cause for cause in diagnosis.causes if cause.rank in ranks]
    entries = [entry for cause in likely if (entry := find_entry(cause.id))]
    ids = dict.fromkeys(fix for entry in entries for fix in entry.fixes)
    proposals = {cause.proposal.fix: cause.proposal for cause in likely if cause.proposal}
    useless = {*without, *_impossible(evidence, diagnosis)}
    useless |= TRUST_FIXES.values() - proposals.keys()  # no statement helps, or nobody knows what the policy says
    shown = [id_ for id_ in ids if id_ not in useless]
    fixes = (
        _fix(
            fix_id,
            proposals.get(fix_id),
            evidence,
            _role_for(evidence, diagnosis, fix_id),
            _dialects(diagnosis, fix_id),
        )
        for fix_id in shown
    )
    return (*_steps(entries[:1]), *fixes)[:_MAX_FIXES]


def _dialects(diagnosis: Diagnosis, fix_id: str) -> Collection[Dialect]:
    """A granting fix of a line that visitors can write has no command, nor has one for a policy of another type."""
    granting = diagnosis.phase is Phase.RUNTIME and fix_id in _GRANTING_FIXES
    denial = diagnosis.findings[0].denial
    of_endpoint = denial is not None and denial.policy_type is PolicyType.VPC_ENDPOINT
    return _CONSOLE_ONLY if granting or (fix_id == "ask_policy_owner" and not of_endpoint) else _DIALECTS


def _steps(entries: Iterable[Entry]) -> Iterator[Section]:
    """What a cause asks for that is a thing to do, and no text to paste."""
    for entry in entries:
        if entry.steps and not entry.fixes:
            yield Section(entry.steps[0].removesuffix("."), entry.steps[1:])


def _impossible(evidence: Evidence, diagnosis: Diagnosis) -> Iterator[str]:
    """Fixes that need what is not there, such as a usable role to attach, or that are about a wrong identity."""
    candidate, repair, compute = diagnosis.candidate, diagnosis.repair, diagnosis.compute
    if candidate is None or candidate.usable is not True or candidate == compute:
        yield "attach_compute_role"
    else:
        yield "create_compute_role"  # the paired role is there to be attached
    if repair is None or repair.usable is not True:
        yield "attach_service_role"
    yield from _superfluous_roles(evidence, diagnosis)
    if diagnosis.phase is not Phase.API:
        yield from _LAPTOP_FIXES
    if diagnosis.phase is Phase.RUNTIME:
        yield from _JOB_FIXES
    if evidence.deployed_by_hand:
        yield "wait_and_retry"  # RETRY builds a commit
    if diagnosis.label is Label.EXPIRED_OR_INVALID_TOKEN and diagnosis.phase is not Phase.RUNTIME:
        yield from ATTACHING_FIXES  # builds never use the compute role
    if diagnosis.likeliest in _MORE_DENIALS_FOLLOW:
        yield "grant_action"


def _superfluous_roles(evidence: Evidence, diagnosis: Diagnosis) -> Iterator[str]:
    """No new role where the one that is set will do or can be mended, or was not read and may be right."""
    if diagnosis.likeliest in _OF_ANOTHER_ACCOUNT:
        return
    service, compute = diagnosis.service, diagnosis.compute
    unread = not (isinstance(evidence.app, Present) and isinstance(evidence.branch, Present))
    if unread or (service is not None and (service.usable or service.assumable is Assumable.UNREADABLE)):
        yield "create_service_role"
    right = compute is not None and compute.assumable in {Assumable.ALLOWED, Assumable.UNREADABLE}
    if unread or right or (compute is not None and compute.proposal is not None):
        yield "create_compute_role"


def _fix(
    fix_id: str, proposal: Proposal | None, evidence: Evidence, role_arn: str, dialects: Collection[Dialect]
) -> Section:
    scope = evidence.scope
    url = app_url(scope) if fix_id in _APP_PAGE_FIXES else ""
    if fix_id in TRUST_FIXES.values():
        url = role_url(scope, role_arn, "trust_relationships")
    elif fix_id in _PERMISSIONS_TAB_FIXES and role_arn:
        url = role_url(scope, role_arn, "permissions")
    fix = FIXES[fix_id]
    if proposal is not None:
        return Section(fix.title, snippets=proposal_snippets(proposal), url=url)
    values = _values(evidence, role_arn)
    texts = ((dialect, _filled_in(fix.written_in(dialect), dialect, values)) for dialect in dialects)
    # A text with an unknown name can't be run.
    snippets = (NamedText(DIALECTS[dialect], text) for dialect, text in texts if not placeholders_in(text))
    return Section(fix.title, snippets=tuple(snippets), url=url)


def _values(evidence: Evidence, role_arn: str) -> dict[str, str]:
    app, job, role = value_of(evidence.app), value_of(evidence.job), RoleArn.parse(role_arn)
    values = {
        **asdict(evidence.scope),
        "job_id": job.id if job is not None else "",
        "repository": (app.repository if app is not None else None) or "",
        "role_arn": role_arn,
        "role_name": name_of(role_arn),
        "role_path": role.path if role is not None else "",
    }
    return {name: value for name, value in values.items() if value}


def _filled_in(text: str, dialect: Dialect, values: Mapping[str, str]) -> str:
    """The text with every value that can't break out into code. A shell gets the freely chosen name in quotes."""
    safe = {name: value for name, value in values.items() if _SAFE_VALUE.fullmatch(value)}
    if dialect is Dialect.CLI:
        safe[_FREE_NAME] = shlex.quote(values[_FREE_NAME])
    return filled(text, safe)


def _role_for(evidence: Evidence, diagnosis: Diagnosis, fix_id: str) -> str:
    """The ARN of the role that a fix is about. A fix that creates a role gives each app one of its own."""
    roles = f"arn:{evidence.scope.partition}:iam::{evidence.scope.account}:role"
    new_service, new_compute = (f"{roles}/amplify-{kind}-{evidence.scope.app_id}" for kind in ("service", "compute"))
    denial = diagnosis.findings[0].denial if diagnosis.findings else None
    if fix_id in _CALLER_FIXES and denial:
        # The message has a session ARN, which lacks the role's path. A user has no role.
        return f"{roles}/{denial.role_name}" if denial.role_name and denial.account == evidence.scope.account else ""
    compute, service = diagnosis.compute, diagnosis.service
    of_fix = {
        "create_compute_role": _missing(compute) or new_compute,
        "attach_compute_role": evidence.candidate_role_arn,
        "trust_compute_role": compute.arn if compute is not None else None,
        "create_service_role": _missing(service) or new_service,
        "create_backend_role": new_service,
        "attach_service_role": evidence.repair_role_arn,
    }
    return of_fix.get(fix_id) or (service.arn if service is not None else new_service)


def _missing(role: RoleVerdict | None) -> str | None:
    """The ARN of a role that was deleted. A new one takes its name and path; others get a name of their own."""
    return role.arn if role is not None and role.assumable is Assumable.MISSING else None


def proposal_snippets(proposal: Proposal) -> tuple[NamedText, ...]:
    """The proposed statement for the console, the AWS CLI, CDK and Terraform; as JSON alone if it may not be run."""
    statement, at = json.dumps(json.loads(proposal.statement), indent=2), proposal.replaces
    if not proposal.as_command:
        return (NamedText(DIALECTS[Dialect.CONSOLE], "\n".join((*proposal.notes, statement))),)
    if proposal.fix in TRUST_FIXES.values():
        where, argument, add = "Trust relationships > Edit trust policy", "assume_role_policy", _ADD_TO_TRUST
        command = add_to_trust(shlex.quote(proposal.role_name or ""), shlex.quote(proposal.statement), at)
    else:
        where, argument, add = "Add permissions > Create inline policy > JSON", "policy", "addToPrincipalPolicy"
        command = _permission_cli(proposal)
    whose = f"Roles > {proposal.role_name}" if proposal.role_name else proposal.principal
    whose = f"Users > {proposal.user_name}" if proposal.user_name else whose
    what = "add to Statement, beside what is there" if at is None else f"replace Statement[{at}] by"
    console = (f"IAM > {whose} > {where}: {what}", statement, *proposal.notes)
    cdk = f"{'role' if proposal.role_name else 'caller'}.{add}(iam.PolicyStatement.fromJson({statement}));"
    if at is not None:
        cdk = f"// in place of Statement[{at}] of the role's trust policy:\n{cdk}"
    # The JSON is valid HCL once its template sequences `${` and `%{` are escaped.
    literal = statement.replace("${", "$${").replace("%{", "%%{")
    element = "one more element of Statement" if at is None else f"in place of Statement[{at}]"
    terraform = f"# in the jsonencode(...) of {argument}, {element}:\n{literal}"
    texts = ("\n".join(console), command, cdk, terraform)
    named = (NamedText(DIALECTS[dialect], text) for dialect, text in zip(_DIALECTS, texts, strict=True))
    return tuple(snippet for snippet in named if snippet.text)


def _permission_cli(proposal: Proposal) -> str:
    """The command that adds an inline policy; empty if nobody is known to add it to."""
    kind, edited = ("user", proposal.user_name) if proposal.user_name else ("role", proposal.role_name)
    if edited is None:
        return ""
    document = f'{{"Version":"2012-10-17","Statement":[{proposal.statement}]}}'
    # The command replaces an inline policy of the same name, so each statement gets its own policy name.
    name = f"{proposal.fix}-{hashlib.sha256(proposal.statement.encode()).hexdigest()[:8]}"
    return (
        f"aws iam put-{kind}-policy --{kind}-name {shlex.quote(edited)} --policy-name {name} \\\n"
        f"  --policy-document {shlex.quote(document)}"
    )


def keeping_snippets(action: Action) -> tuple[NamedText, ...]:
    """What to write into infrastructure as code, so that its next deployment keeps the change."""
    arn = action.role_arn or ""
    if action.kind is ActionKind.ATTACH_COMPUTE:
        cdk = f"// in your existing CfnBranch\ncomputeRoleArn: '{arn}',"
        cloudformation = f"# in your existing AWS::Amplify::Branch\nComputeRoleArn: {arn}"
        terraform = "# aws_amplify_branch has no such argument (provider 6.x): Terraform leaves the role in place"
    else:
        cdk = f"// in your existing CfnApp\niamServiceRole: '{arn}',"
        cloudformation = f"# in your existing AWS::Amplify::App\nIAMServiceRole: {arn}"
        terraform = f'# in your existing aws_amplify_app\niam_service_role_arn = "{arn}"'
    texts = {Dialect.CDK: cdk, Dialect.CLOUDFORMATION: cloudformation, Dialect.TERRAFORM: terraform}
    return tuple(NamedText(f"Keep it ({DIALECTS[dialect]})", text) for dialect, text in texts.items())


def fix_command(scope: Scope) -> str:
    """The command that has the bot diagnose a branch again and apply the result."""
    return f"medic fix {scope.app_id} {shlex.quote(scope.branch)} --region {scope.region}"


def diagnose_command(scope: Scope, *, runtime: bool) -> str:
    """The command that shows what is wrong on a branch and how to fix it, and changes nothing."""
    since = " --since 1h" if runtime else ""
    return f"medic diagnose {scope.app_id} {shlex.quote(scope.branch)}{since} --region {scope.region}"


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
    name = quote(name_of(role_arn), safe="")
    return f"https://{_console_host(scope)}/iam/home#/roles/details/{name}{f'?section={tab}' if tab else ''}"


def log_group_url(scope: Scope) -> str:
    """The page of the app's SSR log group. The CloudWatch console encodes names twice and writes `$` for `%`."""
    group = quote(quote(f"/aws/amplify/{scope.app_id}", safe=""), safe="").replace("%", "$")
    region = quote(scope.region, safe="")
    return f"https://{_console_host(scope)}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{group}"


def _console_host(scope: Scope) -> str:
    return f"{quote(scope.region, safe='')}.{_CONSOLES.get(scope.partition, _CONSOLES['aws'])}"
