"""Checks of Amplify's two roles: set? in this account? there? may Amplify assume it? how old? under a boundary?"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from medic.diagnosis.facts import in_words, name_of, why_not_read
from medic.diagnosis.model import Assumable, Check, CheckResult, Identity
from medic.diagnosis.roles import SETTLED_AFTER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.diagnosis.facts import Facts
    from medic.diagnosis.model import RoleVerdict
    from medic.evidence.model import Role

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


def service_role(facts: Facts) -> Iterator[Check]:
    """The app's service role, which builds run as."""
    unknown = why_not_read(facts.evidence.app)
    yield from _role("service_role", "service role", facts, facts.service, unknown)


def compute_role(facts: Facts) -> Iterator[Check]:
    """The compute role, which SSR code runs as: the branch's own, else the app's."""
    unknown = why_not_read(facts.evidence.branch) or why_not_read(facts.evidence.app)
    yield from _role("compute_role", "compute role", facts, facts.compute, unknown, how=_level(facts))


def compute_role_in_brief(facts: Facts) -> Iterator[Check]:
    """One line on the compute role where a build failed: it had no part in that."""
    if facts.app is None or facts.branch is None or facts.app.platform == "WEB":
        return
    aside = "builds never use it"
    if facts.compute is None:
        yield Check("compute_role_set", CheckResult.FAIL, f"no compute role is set on branch or app; {aside}")
        return
    state = facts.compute.assumable.value
    said = f"the compute role {facts.compute.arn} is {facts.compute_role_level} (trust: {state}); {aside}"
    yield Check("compute_role_set", CheckResult.PASS, said)


def service_role_boundary(facts: Facts) -> Iterator[Check]:
    """A boundary never keeps a service from assuming a role; people suspect it all the same."""
    role = facts.role(facts.service)
    if role is not None:
        has = role.permissions_boundary or "none"
        said = f"the service role's permissions boundary is {has}: it limits what the role may do, not who assumes it"
        yield Check("service_role_boundary", CheckResult.PASS, said)


def role_of_caller(facts: Facts) -> Iterator[Check]:
    """Which of Amplify's roles a refused call used; for a call that names nobody, the one a build would use."""
    match facts.identity:
        case Identity.COMPUTE_ROLE if facts.compute is not None:
            said = f"the compute role is {facts.compute.arn}{_level(facts)}"
            yield Check("compute_role_set", CheckResult.PASS, said)
        case Identity.SERVICE_ROLE | Identity.UNKNOWN if facts.app is not None:
            yield _is_set("service_role", "service role", facts.service)
        case _:
            return


def boundary_of_caller(facts: Facts) -> Iterator[Check]:
    """The boundary of the role that was refused, if it is one of the two that were read."""
    role = _callers_role(facts)
    if role is None:
        said = "the caller's permissions boundary was not read: the caller is neither the service nor the compute role"
        yield Check("caller_boundary", CheckResult.UNKNOWN, said)
    elif role.permissions_boundary is None:
        said = f"the role {role.name} has no permissions boundary now: it was removed since, or the caller was another"
        yield Check("caller_boundary", CheckResult.PASS, said)
    else:
        said = f"the permissions boundary of {role.name} is {role.permissions_boundary}"
        yield Check("caller_boundary", CheckResult.FAIL, said)


def _role(  # noqa: PLR0913, PLR0917 - what is said of either role
    prefix: str, words: str, facts: Facts, verdict: RoleVerdict | None, unknown: str | None, how: str = ""
) -> Iterator[Check]:
    """Set? in this account? there? assumable? how old?"""
    if unknown is not None:
        yield Check(f"{prefix}_set", CheckResult.UNKNOWN, f"the {words} could not be looked up: {unknown}")
        return
    yield _is_set(prefix, words, verdict, how)
    if verdict is None:
        return
    yield _account(prefix, words, facts, verdict)
    yield _exists(prefix, words, verdict)
    if verdict.assumable in _TRUST:
        result, said = _TRUST[verdict.assumable]
        yield Check(f"{prefix}_trust", result, " ".join((f"the {words}: {said}.", *verdict.explanation)))
    yield from _age(prefix, words, facts.age_at_start(verdict))


def _is_set(prefix: str, words: str, verdict: RoleVerdict | None, how: str = "") -> Check:
    if verdict is None:
        return Check(f"{prefix}_set", CheckResult.FAIL, f"no {words} is set")
    return Check(f"{prefix}_set", CheckResult.PASS, f"the {words} is {verdict.arn}{how}")


def _account(prefix: str, words: str, facts: Facts, verdict: RoleVerdict) -> Check:
    if facts.foreign(verdict):
        said = f"the {words} belongs to another account than the app's {facts.evidence.account}"
        return Check(f"{prefix}_account", CheckResult.FAIL, said)
    return Check(f"{prefix}_account", CheckResult.PASS, f"the {words} belongs to the app's account")


def _exists(prefix: str, words: str, verdict: RoleVerdict) -> Check:
    said = " ".join(verdict.explanation)
    match verdict.assumable:
        case Assumable.MISSING:
            return Check(f"{prefix}_exists", CheckResult.FAIL, f"the {words} does not exist: {said}")
        case Assumable.UNREADABLE:
            return Check(f"{prefix}_exists", CheckResult.UNKNOWN, f"the {words} could not be read: {said}")
        case _:
            return Check(f"{prefix}_exists", CheckResult.PASS, f"IAM has the {words}")


def _age(prefix: str, words: str, age: timedelta | None) -> Iterator[Check]:
    if age is None:
        return
    if age < timedelta():
        said = f"the {words} was made {in_words(-age)} after the job started"
        yield Check(f"{prefix}_age", CheckResult.FAIL, said)
    elif age < SETTLED_AFTER:
        said = f"the {words} was made {in_words(age)} before the job started: IAM may not have told every service yet"
        yield Check(f"{prefix}_age", CheckResult.FAIL, said)
    else:
        said = f"the {words} was made {in_words(age)} before the job started: IAM knows it everywhere"
        yield Check(f"{prefix}_age", CheckResult.PASS, said)


def _level(facts: Facts) -> str:
    if facts.compute is None or facts.branch is None:
        return ""
    return f", {facts.compute_role_level}" + ("" if facts.branch.compute_role_arn else _INHERITED)


def _callers_role(facts: Facts) -> Role | None:
    called = facts.denial.role_name if facts.denial else None
    for verdict in (facts.service, facts.compute):
        if verdict is not None and name_of(verdict.arn) == called:
            return facts.role(verdict)
    return None
