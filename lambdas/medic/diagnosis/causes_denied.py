"""Causes of an access-denied message: the caller decides which role it is about, the policy type decides what can help.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from medic.arns import name_of
from medic.diagnosis import facts
from medic.diagnosis.causes_credentials import logging_role
from medic.diagnosis.checks import CALLER_DENIED, CALLER_LACKS
from medic.diagnosis.model import Cause, CheckResult, Proposal, Rank
from medic.knowledge.power import leads_to_power
from medic.labels import Identity, Label, Phase, PolicyType, Source
from medic.logscan.statement import UNKNOWN_SERVICE, assumes_itself, is_cross_account, least_statement
from medic.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.diagnosis.facts import Case
    from medic.logscan.model import Denial

_NARROW = "The message names no resource but *: narrow it by hand where the action allows that."
_WHICH_SERVICE = f"Replace {UNKNOWN_SERVICE} by the service that gets the role: the message does not name it."
_BOTH_SIDES = "The role belongs to another account: its trust policy must also let this caller in."
_ONLY_IF_MEANT = "Add it only if your code is meant to do this."
_OWNER_NOT_CHECKED = "The ARN names no account: check that the resource is yours."
_CALLERS_ACCOUNT = "The caller belongs to account {account}: whoever administers that one adds it there."
_AMPLIFY = "amplify.amazonaws.com"
_DENIED_BY = {
    PolicyType.BOUNDARY: "denied_by_boundary",
    PolicyType.SCP: "denied_by_scp",
    PolicyType.SESSION: "denied_by_session_policy",
    PolicyType.RESOURCE: "denied_by_resource_policy",
    PolicyType.RCP: "denied_by_other_policy",
    PolicyType.VPC_ENDPOINT: "denied_by_other_policy",
    PolicyType.TRUST: "denied_by_other_policy",
}
_NOT_BY_PERMISSION = {
    "kms:Decrypt": ("kms_key_refuses", "the key's own policy must allow it as well as a policy of the caller"),
    "lambda:GetLayerVersion": (
        "layer_not_shared",
        "a layer of another region, or one that its owner has not shared, is denied in the same words",
    ),
}
"""Actions whose denial has a likelier cause than the caller's policies."""
_BY_SIGNATURE = {
    "other_role_unassumable": (
        "denied_by_other_policy",
        "the role belongs to another service than Amplify, whose principal its trust policy must name",
    ),
    "identity_pool_role_unassumable": (
        "user_credentials_cognito",
        "the identity pool's role for users or guests can't be assumed by Cognito",
    ),
    "bedrock_model_refused": ("bedrock_access_not_enabled", "the message is about the model, not about a permission"),
    "cognito_sms_role_refused": ("cognito_sms_role", "Cognito names the role it sends text messages with"),
    "kms_refused": ("kms_key_refuses", "the message names the key, behind data that may be read"),
    "layer_unreadable": ("layer_not_shared", "its region, its account or its owner's permission does not fit"),
}
"""The one cause of a signature that does not say who was denied what."""
_NEEDED_TOO = {
    "amplify:DeleteApp": "amplifybackend:RemoveAllBackends",
    "amplifybackend:RemoveAllBackends": "amplify:DeleteApp",
    "amplify:DeleteBackendEnvironment": "amplifybackend:DeleteBackend",
    "amplifybackend:DeleteBackend": "amplify:DeleteBackendEnvironment",
}
"""What deleting an app or backend needs besides.
https://docs.aws.amazon.com/amplify/latest/userguide/security_iam_troubleshoot.html"""
_BOOTSTRAPPED = re.compile(r":(?:parameter/cdk-bootstrap/|role/cdk-[a-z0-9]{1,20}-)")
"""Of CDK's bootstrap stack: the parameter with its version, and the roles that deploy, publish and look up.
https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html"""
_WHOSE = {
    Identity.SERVICE_ROLE: "the service role",
    Identity.COMPUTE_ROLE: "the compute role",
    Identity.STUDIO: "Amplify Studio's role",
    Identity.COGNITO_USER: "the role of the app's users (Cognito)",
}


def access_denied(case: Case) -> Iterator[Cause]:
    """Causes for every label of a denied call."""
    denial = case.denial
    if denial is None:
        yield from _without_denial(case)
    elif denial.policy_type in _DENIED_BY:
        yield _denied_by(case, denial, denial.policy_type)
        yield from _permission_ruled_out(case)
    elif denial.explicit:
        yield _denied_explicitly(case, denial)
        yield from _permission_ruled_out(case)
    elif denial.reason is not None:
        reason = f"the message gives a reason that no permission changes: {denial.reason}"
        yield case.cause("denied_by_other_policy", Rank.LIKELY, reason)
        yield from _permission_ruled_out(case)
    elif case.result(CALLER_DENIED) is CheckResult.FAIL:
        reason = f"a policy of {denial.role_name} denies {_action_in(denial)} explicitly: narrow the Deny"
        yield case.cause("denied_by_other_policy", Rank.PROVEN, reason, CALLER_DENIED)
        yield from _permission_ruled_out(case)
    elif assumes_itself(denial):
        reason = f"the role {denial.role_name} assumes itself: its own trust policy must let it in"
        yield case.cause("role_assumes_itself", Rank.LIKELY, reason)
    elif case.label is Label.PASS_ROLE_DENIED:
        yield _pass_role(case, denial)
    else:
        yield from _permission_missing(case, denial)
    if case.source is not Source.RUNTIME:  # where a visitor may have written the text, it rules nothing out
        yield from _trust_ruled_out(case)


def _denied_by(case: Case, denial: Denial, policy_type: PolicyType) -> Cause:
    """The message names the policy type, so no addition to the caller's own policies helps."""
    which = f" {denial.policy_arn}" if denial.policy_arn else ""
    reason = f"the message names what denies: a {policy_type}{which}. No permission added to the caller helps"
    if policy_type is PolicyType.SESSION and denial.action == "iam:PassRole" and case.identity is Identity.COMPUTE_ROLE:
        reason += "; Amplify itself passes one to SSR code that denies iam:PassRole"
    if policy_type is not PolicyType.BOUNDARY:
        return case.cause(_DENIED_BY[policy_type], Rank.PROVEN, reason)
    rank = Rank.PROVEN
    if case.result("caller_boundary") is CheckResult.PASS:
        rank, reason = Rank.POSSIBLE, f"{reason}; the role has none now, so look whether it still fails"
    return case.cause("denied_by_boundary", rank, reason, "caller_boundary")


def _denied_explicitly(case: Case, denial: Denial) -> Cause:
    """An explicit Deny in the caller's own policy, or in a policy of unknown type. A Deny overrides every Allow."""
    whose = "an identity-based policy of the caller" if denial.policy_type else "some policy"
    which = f" ({denial.policy_arn})" if denial.policy_arn else ""
    reason = f"{whose}{which} denies {_action_in(denial)} explicitly, and no Allow overrides a Deny: narrow the Deny"
    rank = Rank.PROVEN if denial.policy_type else Rank.LIKELY
    return case.cause("denied_by_other_policy", rank, reason)


def _permission_ruled_out(case: Case) -> Iterator[Cause]:
    if case.source is Source.RUNTIME:
        return
    reason = "the policy that denies overrides whatever the caller's own policies allow"
    yield case.cause("permission_missing_identity", Rank.RULED_OUT, reason)


def _pass_role(case: Case, denial: Denial) -> Cause:
    role = denial.resource or "the role that it attaches"
    who = _caller_in(case, denial)
    reason = f"{who} may not pass {role} to the service; it is the caller's permission, not the role's"
    resource, caller = _account_of(denial.resource or ""), denial.account
    if resource and caller and resource != caller:
        reason = f"{role} belongs to another account than {who}, and a role can be passed only within its own account"
        kind = "service" if case.service and denial.resource == case.service.arn else "compute"
        return case.cause(f"{kind}_role_other_account", Rank.LIKELY, reason)
    apps_own = {verdict.arn for verdict in (case.service, case.compute) if verdict}
    passed_to = _AMPLIFY if denial.resource in apps_own else None
    rank = Rank.POSSIBLE if _only_possible(case, denial) else Rank.PROVEN
    proposal = _permission_proposal(case, denial, passed_to)
    return case.cause("pass_role_missing", rank, reason, CALLER_LACKS, proposal=proposal)


def _permission_missing(case: Case, denial: Denial) -> Iterator[Cause]:
    if case.identity is Identity.COGNITO_USER:
        reason = "the call ran as a user of the app: grant it on the identity pool's role for users or guests"
        yield case.cause("user_credentials_cognito", Rank.LIKELY, reason)
    if case.identity is Identity.USER and case.static_keys and case.phase is not Phase.API:
        keys = ", ".join(case.static_keys)
        reason = f"the caller is none of the app's roles, and {keys} hold access keys, which override those"
        yield case.cause("explicit_credentials_in_code", Rank.LIKELY, reason, "static_keys")
    if case.identity is Identity.STUDIO:
        reason = f"the call ran as {denial.role_name}, Amplify Studio's role"
        yield case.cause("studio_role_in_use", Rank.LIKELY, reason)
    if case.identity is Identity.SERVICE_ROLE and facts.is_logging_role(denial.role_name):
        reason = (
            f"the build ran as {denial.role_name}, which may write logs: one more permission leads to the next denial"
        )
        rank = Rank.LIKELY if _only_possible(case, denial) else Rank.PROVEN
        # A text may name any role. That the build uses this one is known only if the app names it too.
        app_names_it = case.service is not None and case.callers_role is case.service
        yield case.cause("service_role_for_logs", rank if app_names_it else Rank.POSSIBLE, reason, CALLER_LACKS)
    elif case.identity is Identity.SERVICE_ROLE and _lacks_backend_policy(case, denial):
        reason = f"{denial.resource} belongs to what CDK bootstrapped, and one more permission leads to the next denial"
        yield case.cause("service_role_not_for_backend", Rank.PROVEN, reason, CALLER_LACKS)
    if denial.action in _NOT_BY_PERMISSION:
        cause_id, reason = _NOT_BY_PERMISSION[denial.action]
        yield case.cause(cause_id, Rank.LIKELY, reason)
    yield _permission(case, denial)
    if denial.principal is None:
        yield from _build_without_service_role(case, Rank.LIKELY)
    if case.identity is Identity.COMPUTE_ROLE:
        yield from logging_role(case)


def _lacks_backend_policy(case: Case, denial: Denial) -> bool:
    """True if a part of CDK's bootstrap stack was refused, and the role's policies, read now, lack the action."""
    lacks = case.result(CALLER_LACKS) is CheckResult.FAIL
    return lacks and _BOOTSTRAPPED.search(denial.resource or "") is not None


def _permission(case: Case, denial: Denial) -> Cause:
    """At most proven if the message blames the identity-based policies; else LIKELY if it names the caller."""
    if _only_possible(case, denial):
        rank = Rank.POSSIBLE
    elif denial.policy_type is PolicyType.IDENTITY:
        rank = Rank.PROVEN
    else:
        rank = Rank.LIKELY if denial.principal is not None else Rank.POSSIBLE
    reason = f"{_caller_in(case, denial)} may not do {_action_in(denial)}: its identity-based policies lack it"
    reason += _replaced_since(case, denial)
    if besides := _NEEDED_TOO.get(denial.action or ""):
        reason += f"; deleting needs {besides} too"
    proposal = _permission_proposal(case, denial)
    return case.cause(
        "permission_missing_identity", rank, reason, CALLER_LACKS, excluded_by=("caller",), proposal=proposal
    )


def _only_possible(case: Case, denial: Denial) -> bool:
    """The policies allow the action by now, or a visitor's text names one that leads to more power.

    Nearly every role lacks such an action, so that a role lacks it does not bear the text out. A role that may only
    write logs lacks all that a build needs; while the app was not read, nobody knows which of both is wrong.
    """
    action = denial.action or ""
    bait = case.source is Source.RUNTIME and ("*" in action or leads_to_power(action))
    logs = case.app is None and case.identity is Identity.SERVICE_ROLE and facts.is_logging_role(denial.role_name)
    return bait or logs or case.result(CALLER_LACKS) is CheckResult.PASS


def _permission_proposal(case: Case, denial: Denial, passed_to: str | None = None) -> Proposal | None:
    """The statement that the caller lacks.

    None in three cases: no statement helps; the text names a wildcard action, which no AWS message does; or the
    statement contains something that looks like a secret.
    """
    statement = least_statement(denial, passed_to)
    if statement is None or "*" in str(statement["Action"]):
        return None
    text = json.dumps(statement, separators=(",", ":"))
    if redact(text) != text:
        return None
    here = denial.account in {None, case.evidence.scope.account}
    notes = [] if here else [_CALLERS_ACCOUNT.format(account=denial.account)]
    notes += [_NARROW] if statement["Resource"] == "*" else []
    notes += [_WHICH_SERVICE] if UNKNOWN_SERVICE in text else []
    notes += [_BOTH_SIDES] if is_cross_account(denial) else []
    as_command = _may_be_a_command(case, str(statement["Action"]))
    if not as_command:
        notes.insert(0, _ONLY_IF_MEANT)
    elif not _account_of(case.denied_resource or ""):
        notes.append(_OWNER_NOT_CHECKED)
    return Proposal(
        fix="allow_pass_role" if statement["Action"] == "iam:PassRole" else "grant_action",
        principal=denial.principal or denial.role_name or "the caller",
        role_name=denial.role_name if here else None,
        user_name=denial.user_name if here else None,
        statement=text,
        notes=tuple(notes),
        as_command=as_command,
    )


def _may_be_a_command(case: Case, action: str) -> bool:
    """Whether a command that grants the action may be printed.

    Not if the text is one that visitors can write, nor if more than it shows that the grant is missing, meant and safe:
    the caller is one of the app's own two roles, its policies lack the action now, the resource is one of this account
    or of a kind that has no account, and the action leads to no more power.
    """
    lacks = case.result(CALLER_LACKS) is CheckResult.FAIL
    arn, here = case.denied_resource or "", case.evidence
    if case.source is Source.RUNTIME or not lacks or leads_to_power(action):
        return False
    return arn.startswith(f"arn:{here.scope.partition}:") and _account_of(arn) in {"", here.scope.account}


def _account_of(arn: str) -> str:
    """The account in an ARN; empty for kinds without one, such as S3 buckets and Bedrock models."""
    parts = arn.split(":", 5)
    return parts[4] if len(parts) > 5 else ""  # noqa: PLR2004


def _build_without_service_role(case: Case, rank: Rank) -> Iterator[Cause]:
    if case.phase is Phase.BUILD and case.app is not None and case.service is None:
        reason = "no service role is set, and Amplify's own build role may do nothing in your account"
        yield case.cause("service_role_not_set", rank, reason, "service_role_set")


def _trust_ruled_out(case: Case) -> Iterator[Cause]:
    """A call made as a role proves that Amplify could assume it, so the role's trust policy is not the cause."""
    for identity, cause_id in (
        (Identity.SERVICE_ROLE, "service_role_trust_wrong"),
        (Identity.COMPUTE_ROLE, "compute_role_trust_wrong"),
    ):
        if case.called_as(identity):
            reason = f"the call ran as {_WHOSE[identity]}, so Amplify could assume it"
            yield case.cause(cause_id, Rank.RULED_OUT, reason, "caller")


def _without_denial(case: Case) -> Iterator[Cause]:
    """Causes of a signature that does not say who was denied what."""
    match case.signature:
        case facts.CODECOMMIT_REFUSED:
            yield from _codecommit(case)
        case "pass_role_refused":
            yield from _cross_account(case)
        case signature if signature in _BY_SIGNATURE:
            cause_id, reason = _BY_SIGNATURE[signature]
            yield case.cause(cause_id, Rank.LIKELY, reason)
        case _:
            reason = "the text names neither caller nor policy: look in the log for the call that was refused"
            yield case.cause("permission_missing_identity", Rank.POSSIBLE, reason, "caller")
            reason = "the text does not say what denies; it may be a policy that the caller can't change"
            yield case.cause("denied_by_other_policy", Rank.POSSIBLE, reason)
            yield from _build_without_service_role(case, Rank.POSSIBLE)


def _codecommit(case: Case) -> Iterator[Cause]:
    """Error 403 on a clone is an IAM error, although the log does not say so.

    LIKELY at most, because the log does not show that the service role's permission is the missing one.
    """
    rank, lack = Rank.LIKELY, "lacks codecommit:GitPull on the repository"
    if case.result(CALLER_LACKS) is CheckResult.PASS:
        rank, lack = Rank.POSSIBLE, "may use codecommit:GitPull now, so look whether it still fails"
    if case.app is not None and case.service is None:
        reason = "no service role is set, and CodeCommit is cloned as that role"
        yield case.cause("service_role_not_set", Rank.LIKELY, reason, "service_role_set")
    reason, proposal = f"CodeCommit answered the clone with 403: the service role {lack}", _codecommit_proposal(case)
    yield case.cause("codecommit_pull_denied", rank, reason, "service_role_set", CALLER_LACKS, proposal=proposal)
    reason = "the repository answered, and refused: no connection is lost"
    yield case.cause("repository_connection_lost", Rank.RULED_OUT, reason)


def _codecommit_proposal(case: Case) -> Proposal | None:
    """The right to pull the app's own repository, for its service role."""
    if case.repository_arn is None or case.service is None:
        return None
    statement = {"Effect": "Allow", "Action": facts.CODECOMMIT_PULL, "Resource": case.repository_arn}
    return Proposal(
        fix="allow_codecommit_pull",
        principal=case.service.arn,
        role_name=name_of(case.service.arn),
        statement=json.dumps(statement, separators=(",", ":")),
        as_command=_may_be_a_command(case, facts.CODECOMMIT_PULL),
    )


def _cross_account(case: Case) -> Iterator[Cause]:
    if case.service is not None and case.in_other_account(case.service):
        reason = f"the service role {name_of(case.service.arn)} belongs to another account, where it can't be passed"
        yield case.cause("service_role_other_account", Rank.LIKELY, reason, "service_role_account")
    reason = "the message says that a role may not be passed: by permission, or because it is of another account"
    yield case.cause("pass_role_missing", Rank.LIKELY, reason)


def _caller_in(case: Case, denial: Denial) -> str:
    named = denial.role_name or denial.principal
    whose = _WHOSE.get(case.identity)
    if named is None:
        return whose or "the caller, which the message does not name,"
    return f"{whose} {named}" if whose else named


def _replaced_since(case: Case, denial: Denial) -> str:
    """That app or branch has another role by now than the one that was denied; empty if it is not so, or not known."""
    if case.app is None or case.branch is None or denial.role_name is None:
        return ""
    verdicts = {Identity.SERVICE_ROLE: case.service, Identity.COMPUTE_ROLE: case.compute}
    now = verdicts.get(case.identity)
    if case.identity not in verdicts or (now is not None and name_of(now.arn) == denial.role_name):
        return ""
    return f"; {_WHOSE[case.identity]} is {name_of(now.arn) if now else 'not set'} now, so look whether it still fails"


def _action_in(denial: Denial) -> str:
    on = f" on {denial.resource}" if denial.resource else ""
    return f"{denial.action or 'this'}{on}"
