"""The checks of a failure: what a person would look at for its label, in that order, and nothing else.

Each check is a generator that yields nothing where it does not apply. Which checks a label gets is at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import TypeAlias

from medic.arns import RoleArn, name_of
from medic.diagnosis.facts import Case, in_words, why_not_read
from medic.diagnosis.model import Assumable, Check, CheckResult, RoleVerdict
from medic.diagnosis.roles import PROPAGATION_TIME, UnknownPolicyError, permissions_of
from medic.evidence import Absent, Partial, Present, Unreadable
from medic.labels import Identity, Label, Phase
from medic.text import listed

BUILD_SESSION_DURATION = timedelta(hours=1)
"""A build's credentials expire after this, whatever the role's MaxSessionDuration.
https://github.com/aws-amplify/amplify-hosting/issues/2751"""

LINE_CONFIRMED = "line_confirmed"
"""The id of the check that fails if AWS's state contradicts a line of the SSR log."""

CALLER_LACKS = "caller_policies"
"""The id of the check that fails if the denied role's policies, read now, lack the action."""

CALLER_DENIED = "caller_denied"
"""The id of the check that fails, in place of that, if these policies deny the action explicitly."""

_TRUST = {
    Assumable.ALLOWED: (CheckResult.PASS, "its trust policy lets Amplify assume it, as it stands now"),
    Assumable.CONTESTED: (
        CheckResult.UNKNOWN,
        "its trust policy lets Amplify in under source conditions, which Amplify was seen to refuse on compute roles",
    ),
    Assumable.CONDITIONAL: (CheckResult.UNKNOWN, "its trust policy depends on what can't be known from outside"),
    Assumable.DENIED: (CheckResult.FAIL, "its trust policy does not let Amplify assume it"),
}
_INHERITED = (
    "; a role set on the app was once reported not to reach the runtime: the same ARN set on the branch rules that out"
)
_ADMIN_POLICIES = frozenset({"AdministratorAccess", "AdministratorAccess-Amplify"})
"""AWS-managed policies with which a role can give itself any permission.
https://docs.aws.amazon.com/amplify/latest/userguide/security-iam-awsmanpol.html"""
_CALLERS = {
    Identity.SERVICE_ROLE: (
        CheckResult.PASS,
        "it is the service role at work in a build (BuildSession), so Amplify could assume it",
    ),
    Identity.COMPUTE_ROLE: (
        CheckResult.PASS,
        "it is the compute role at work in SSR code (AmplifyHostingCompute), so Amplify could assume it",
    ),
    Identity.AMPLIFY_OWN: (
        CheckResult.FAIL,
        "it is Amplify's own build role, in an account of AWS and not yours to edit: the build had no service role",
    ),
    Identity.STUDIO: (CheckResult.PASS, "it is Amplify Studio's role, neither the service nor the compute role"),
    Identity.COGNITO_USER: (CheckResult.PASS, "it is a user of the app (Cognito), neither of Amplify's two roles"),
    Identity.USER: (CheckResult.PASS, "it is neither of Amplify's two roles"),
}


# --- Amplify's two roles


def service_role(case: Case) -> Iterator[Check]:
    unknown = why_not_read(case.evidence.app)
    yield from _role("service_role", "service role", case, case.service, unknown)


def compute_role(case: Case) -> Iterator[Check]:
    unknown = why_not_read(case.evidence.branch) or why_not_read(case.evidence.app)
    yield from _role("compute_role", "compute role", case, case.compute, unknown, level=_level(case))


def service_role_boundary(case: Case) -> Iterator[Check]:
    """Always passes: a boundary never keeps a service from assuming a role, but people often suspect it."""
    role = case.role(case.service)
    if role is not None:
        has = role.permissions_boundary or "none"
        detail = f"the service role's permissions boundary is {has}: it limits what the role may do, not who assumes it"
        yield Check("service_role_boundary", CheckResult.PASS, detail)


def resource_control_policies(case: Case) -> Iterator[Check]:
    """Always unknown. Of an organization's policies, only an RCP could keep a service from assuming a role."""
    if (case.compute if case.label is Label.COMPUTE_ROLE_UNASSUMABLE else case.service) is not None:
        yield Check(
            "resource_control_policies",
            CheckResult.UNKNOWN,
            "an organization's resource control policies can't be read from here; service control policies do not bind "
            "a service principal",
        )


def _role(  # noqa: PLR0913, PLR0917 - the parts that differ between the two roles
    prefix: str, noun: str, case: Case, verdict: RoleVerdict | None, unknown: str | None, level: str = ""
) -> Iterator[Check]:
    """Is the role set, in this account, existing, assumable, and old enough?"""
    if unknown is not None:
        yield Check(f"{prefix}_set", CheckResult.UNKNOWN, f"the {noun} could not be looked up: {unknown}")
        return
    yield _is_set(prefix, noun, verdict, level)
    if verdict is None:
        return
    result, detail = CheckResult.PASS, f"the {noun} belongs to the app's account"
    if case.in_other_account(verdict):
        result = CheckResult.FAIL
        detail = f"the {noun} belongs to another account than the app's {case.evidence.scope.account}"
    yield Check(f"{prefix}_account", result, detail)
    explanation = " ".join(verdict.explanation)
    result, detail = CheckResult.PASS, f"IAM has the {noun}"
    if verdict.assumable is Assumable.MISSING:
        result, detail = CheckResult.FAIL, f"the {noun} does not exist: {explanation}"
    elif verdict.assumable is Assumable.UNREADABLE:
        result, detail = CheckResult.UNKNOWN, f"the {noun} could not be read: {explanation}"
    yield Check(f"{prefix}_exists", result, detail)
    if verdict.assumable in _TRUST:
        result, detail = _TRUST[verdict.assumable]
        yield Check(f"{prefix}_trust", result, " ".join((f"the {noun}: {detail}.", *verdict.explanation)))
    age = case.age_at_start(verdict)
    if age is not None:
        yield Check(f"{prefix}_age", *_age(noun, age))


def _is_set(prefix: str, noun: str, verdict: RoleVerdict | None, level: str = "") -> Check:
    if verdict is None:
        return Check(f"{prefix}_set", CheckResult.FAIL, f"no {noun} is set")
    return Check(f"{prefix}_set", CheckResult.PASS, f"the {noun} is {verdict.arn}{level}")


def _age(noun: str, age: timedelta) -> tuple[CheckResult, str]:
    if age < timedelta():
        return CheckResult.FAIL, f"the {noun} was created {in_words(-age)} after the job started"
    made = f"the {noun} was created {in_words(age)} before the job started"
    if age < PROPAGATION_TIME:
        return CheckResult.FAIL, f"{made}: IAM may not have propagated it yet"
    return CheckResult.PASS, f"{made}: IAM has propagated it"


def _level(case: Case) -> str:
    if case.compute is None or case.branch is None:
        return ""
    return f", {case.compute_role_level}" + ("" if case.branch.compute_role_arn else _INHERITED)


# --- the build and the site


def repository_cloned(case: Case) -> Iterator[Check]:
    result = CheckResult.UNKNOWN
    if case.evidence.deployed_by_hand:
        yield Check("repository_cloned", result, "no repository was involved: this was a manual deployment")
        return
    match case.evidence.log:
        case Absent() | Unreadable():
            detail = "the build's log could not be read"
        case Present() | Partial() if case.reading.cloned:
            result, detail = CheckResult.PASS, "the build got to the repository before it failed"
        case Partial():
            detail = "the build's log was read in part, and that part does not show whether it was cloned"
        case Present():
            result = CheckResult.FAIL
            detail = f"the build died before it cloned the repository{_time_to_failure(case)}"
    yield Check("repository_cloned", result, detail)


def _time_to_failure(case: Case) -> str:
    lasted, step = case.failed_step_lasted, case.job.failed_step if case.job else None
    return f", {int(lasted.total_seconds())} s into {step.name}" if lasted is not None and step is not None else ""


def repository_connection(case: Case) -> Iterator[Check]:
    """Always unknown, because no API shows the connection. Names the repository for a comparison by hand."""
    if case.evidence.deployed_by_hand:
        return
    detail = "no AWS API shows whether Amplify can still reach the repository: look in the Amplify console"
    if case.app is not None and case.app.repository is not None:
        detail += f", and compare {case.app.repository} with the repository's present name"
    yield Check("repository_connection", CheckResult.UNKNOWN, detail)


def build_duration(case: Case) -> Iterator[Check]:
    """Fails if the build ran longer than its credentials are valid."""
    if case.phase in {Phase.RUNTIME, Phase.API}:
        return
    lasted = case.failed_step_lasted
    if lasted is None:
        yield Check("build_duration", CheckResult.UNKNOWN, "how long the failed step ran is not known")
    elif lasted >= BUILD_SESSION_DURATION:
        detail = f"the step ran {in_words(lasted)}: a build's credentials end after one hour, whatever the role allows"
        yield Check("build_duration", CheckResult.FAIL, detail)
    else:
        detail = f"the step ran {in_words(lasted)}, less than the hour that a build's own credentials last"
        yield Check("build_duration", CheckResult.PASS, detail)


def platform(case: Case) -> Iterator[Check]:
    """Is the site SSR or static? A static site has no server code and so no use for a compute role."""
    if case.app is None:
        return
    is_runtime = case.label in {Label.CREDENTIALS_MISSING_RUNTIME, Label.COMPUTE_ROLE_UNASSUMABLE}
    framework = (case.branch.framework if case.branch else None) or ""
    using = f", the framework {framework}" if framework else ""
    match case.app.platform:
        case "WEB" if is_runtime or "SSR" in framework:
            detail = f"the platform is WEB (static){using}: it runs no server code and has no use for a compute role"
            yield Check("platform", CheckResult.FAIL, detail)
        case "WEB":
            yield Check("platform", CheckResult.PASS, "the platform is WEB (static)")
        case "WEB_COMPUTE":
            yield Check("platform", CheckResult.PASS, f"the platform is WEB_COMPUTE (SSR){using}")
        case other:
            detail = f"the platform is {other}: AWS documents compute roles for WEB_COMPUTE only"
            yield Check("platform", CheckResult.FAIL if is_runtime else CheckResult.UNKNOWN, detail)


def line_confirmed(case: Case) -> Iterator[Check]:
    """Does AWS's state contradict what a line of the SSR log says? Visitors can make the site print lines.

    Only a role on the branch itself that Amplify may assume without source conditions contradicts the line: a role
    inherited from the app was once reported not to reach the runtime, and source conditions are contested.
    """
    on_the_branch = case.branch is not None and case.branch.compute_role_arn is not None
    if on_the_branch and case.compute is not None and case.compute.assumable is Assumable.ALLOWED:
        detail = (
            "the branch has a compute role that Amplify may assume, so the settings don't explain the line: the "
            "code may pass credentials of its own, or a visitor made the site print the line"
        )
        yield Check(LINE_CONFIRMED, CheckResult.FAIL, detail)


def static_keys(case: Case) -> Iterator[Check]:
    """Fails if environment variables hold long-lived keys, recognised by their values, whatever their names."""
    names = case.static_keys
    if names:
        detail = (
            f"AWS access keys stand in the environment variables {', '.join(names)}: they reach the build, and SSR "
            "code only if written to .env.production; where the SDK uses them, they override the role. The way out: a "
            "compute role that may do what the code does, no credentials in the code, and the keys deleted"
        )
        yield Check("static_keys", CheckResult.FAIL, detail)


# --- the caller of a denied call


def caller(case: Case) -> Iterator[Check]:
    """Who called? The principal in the message decides, not the words around it."""
    denial = case.denial
    if denial is None:
        return
    if denial.principal is None:
        yield Check("caller", CheckResult.UNKNOWN, "the message does not name who called")
        return
    result, who = _CALLERS.get(case.identity, (CheckResult.UNKNOWN, "its name does not show whose it is"))
    elsewhere = denial.account not in {None, case.evidence.scope.account} and case.identity is not Identity.AMPLIFY_OWN
    aside = f", of account {denial.account} and not of the app's" if elsewhere else ""
    yield Check("caller", result, f"the caller is {denial.principal}{aside}: {who}")


def role_of_caller(case: Case) -> Iterator[Check]:
    """Which of Amplify's roles made a denied call; if the message names no caller, the role that the code runs as."""
    unnamed = Identity.COMPUTE_ROLE if case.phase is Phase.RUNTIME else Identity.SERVICE_ROLE
    match unnamed if case.identity is Identity.UNKNOWN else case.identity:
        case Identity.COMPUTE_ROLE if case.app is not None and case.branch is not None:
            yield _is_set("compute_role", "compute role", case.compute, _level(case))
        case Identity.SERVICE_ROLE if case.app is not None:
            yield _is_set("service_role", "service role", case.service)
        case _:
            return


def boundary_of_caller(case: Case) -> Iterator[Check]:
    """The permissions boundary of the denied role; unknown unless that is the service or the compute role."""
    role = case.role(case.callers_role)
    if role is None:
        detail = (
            "the caller's permissions boundary was not read: the caller is neither the service nor the compute role"
        )
        yield Check("caller_boundary", CheckResult.UNKNOWN, detail)
    elif role.permissions_boundary is None:
        detail = (
            f"the role {role.name} has no permissions boundary now: it was removed since, or the caller was another"
        )
        yield Check("caller_boundary", CheckResult.PASS, detail)
    else:
        detail = f"the permissions boundary of {role.name} is {role.permissions_boundary}"
        yield Check("caller_boundary", CheckResult.FAIL, detail)


def policies_of_caller(case: Case) -> Iterator[Check]:
    """Do the policies of the denied role, read now, lack the action? Only the app's own two roles are read."""
    verdict, action = case.callers_role, case.denied_action
    role = RoleArn.parse(verdict.arn) if verdict else None
    if verdict is None or role is None or action is None:
        return
    read = case.evidence.policies.get(verdict.arn, Unreadable("they were not read"))
    match read:
        case Absent(reason) | Unreadable(reason):
            yield Check(CALLER_LACKS, CheckResult.UNKNOWN, f"the policies of {role.name} are not known: {reason}")
            return
        case Present(policies):
            pass
    try:
        permissions = permissions_of(policies, role, case.evidence.read_at)
    except UnknownPolicyError as error:
        yield Check(CALLER_LACKS, CheckResult.UNKNOWN, f"the policies of {role.name} are not known: {error}")
        return
    resource = case.denied_resource or "*"
    given = next(permissions.given(action, [resource]), None)
    if permissions.denies(action, resource):
        detail = f"a policy of {role.name} denies {action} explicitly now, and no Allow overrides that"
        yield Check(CALLER_DENIED, CheckResult.FAIL, detail)
    elif given is None:
        yield Check(CALLER_LACKS, CheckResult.FAIL, f"no policy of {role.name} allows {action} now")
    else:
        detail = (
            f"{given.policy} may allow {action} on {given.resource} now: it was added since, or something else denies"
        )
        yield Check(CALLER_LACKS, CheckResult.PASS, detail)


def admin_policy_of_caller(case: Case) -> Iterator[Check]:
    """Does the denied role have a policy that makes it an administrator? It is no answer to a denial."""
    verdict = case.callers_role
    read = case.evidence.policies.get(verdict.arn) if verdict else None
    if verdict is None or not isinstance(read, Present):
        return
    held = sorted({name_of(arn) for arn in read.value.attached} & _ADMIN_POLICIES)
    if held:
        yield Check(
            "admin_policy",
            CheckResult.FAIL,
            f"{name_of(verdict.arn)} has {listed(held)} attached, which makes it an administrator of the"
            " account; more permissions do not help: medic explain more_policies_myth",
        )


# --- which checks a label gets

_MakeChecks: TypeAlias = Callable[[Case], Iterator[Check]]

_DENIED: tuple[_MakeChecks, ...] = (*(caller, role_of_caller, policies_of_caller, admin_policy_of_caller, static_keys),)
CHECKS_OF: Mapping[Label, tuple[_MakeChecks, ...]] = {
    Label.SERVICE_ROLE_UNASSUMABLE: (
        *(service_role, service_role_boundary, repository_cloned, repository_connection),
        *(resource_control_policies, platform),
    ),
    Label.COMPUTE_ROLE_UNASSUMABLE: (compute_role, platform, resource_control_policies),
    Label.CREDENTIALS_MISSING_BUILD: (caller, service_role, static_keys),
    Label.CREDENTIALS_MISSING_RUNTIME: (compute_role, line_confirmed, platform, static_keys),
    Label.EXPIRED_OR_INVALID_TOKEN: (build_duration, static_keys),
    Label.ACCESS_DENIED_IDENTITY: _DENIED,
    Label.ACCESS_DENIED_OTHER: _DENIED,
    Label.PASS_ROLE_DENIED: (caller, policies_of_caller, static_keys),
    Label.ACCESS_DENIED_BOUNDARY: (caller, boundary_of_caller),
    Label.ACCESS_DENIED_SCP: (caller,),
}
"""In the order in which a person would make them."""
