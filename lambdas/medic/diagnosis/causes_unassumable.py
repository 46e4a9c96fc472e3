"""Causes of "Amplify cannot assume the role": the role, its propagation, or the repository connection.

First what can be proven: is a role set, in this account, existing, trusted, and older than IAM's propagation time? Then
what no API shows: such causes are ranked by exclusion and are never proven.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from medic.diagnosis.facts import Case, in_words, reason_of, why_not_read
from medic.diagnosis.model import Assumable, Cause, Rank, RoleVerdict
from medic.evidence import Present
from medic.labels import Identity

if TYPE_CHECKING:
    from collections.abc import Iterator


_TRUST_CHECKS = ("service_role_exists", "service_role_trust")
_TRUST_ALLOWS = "the role exists, and its trust policy evaluates to allowed as it stands now"
_RCP = "an organization's resource control policy can deny sts:AssumeRole to Amplify; a member account can't read it"
_CODECOMMIT = "://git-codecommit."


def service_role_unassumable(case: Case) -> Iterator[Cause]:
    """Causes of a build stopped by "Unable to assume specified IAM Role"."""
    of_role = [*service_role(case), *_propagation(case, case.service, "service_role_age")]
    proven = any(cause.rank is Rank.PROVEN for cause in of_role)
    connection = _repository_connection(case, proven=proven)
    # The most frequent cause comes first among causes that are merely possible.
    suspected = proven or any(cause.rank is Rank.LIKELY for cause in of_role)
    yield from (*of_role, connection) if suspected else (connection, *of_role)
    yield from _myth_ruled_out(case)
    if not proven:
        yield from _last_resorts(case)


def service_role(case: Case) -> Iterator[Cause]:
    """Causes in the service role itself."""
    service = case.service
    if case.app is None:
        reason = f"the app's service role is not known: {why_not_read(case.evidence.app)}"
        yield case.cause("service_role_trust_wrong", Rank.POSSIBLE, reason, "service_role_set")
    elif service is None:
        reason = (
            "no service role is set, though apps without one build too, and users report the same line with none set"
        )
        yield case.cause("service_role_not_set", Rank.POSSIBLE, reason, "service_role_set")
    elif case.called_as(Identity.SERVICE_ROLE):
        yield _seen_at_work(case, service)
    elif case.in_other_account(service):
        reason = (
            f"the role {service.arn} is not of the app's account {case.evidence.scope.account}, and a role can be "
            "passed to a service only within its own account"
        )
        yield case.cause("service_role_other_account", Rank.PROVEN, reason, "service_role_account")
    else:
        yield from _service_role_by_verdict(case, service)


def _seen_at_work(case: Case, service: RoleVerdict) -> Cause:
    """The log shows a call of the service role. A trust that was read and denies is not ruled out by a line of text."""
    if service.usable is False:
        reason = "the trust does not let Amplify in now, though the log shows the service role at work (BuildSession)"
        return case.cause("service_role_trust_wrong", Rank.POSSIBLE, reason, "service_role_trust")
    reason = "the log shows the service role at work (BuildSession), so Amplify could assume it"
    return case.cause("service_role_trust_wrong", Rank.RULED_OUT, reason, "caller")


def _service_role_by_verdict(case: Case, service: RoleVerdict) -> Iterator[Cause]:
    """A trust that denies is proven, unless the role is so young that the build may have seen another policy."""
    rank = Rank.LIKELY if case.was_young(service) else Rank.PROVEN
    proposal = service.proposal
    match service.assumable:
        case Assumable.MISSING:
            reason = f"the app names a role that is not there: {reason_of(service, service.arn)}"
            yield case.cause("service_role_missing", Rank.PROVEN, reason, "service_role_exists")
        case Assumable.DENIED if service.required_source:
            yield _wrong_source(case, service, rank)
        case Assumable.DENIED:
            reason = reason_of(service, "the trust policy does not let Amplify in")
            yield case.cause("service_role_trust_wrong", rank, reason, "service_role_trust", proposal=proposal)
        case Assumable.CONDITIONAL if service.required_source:
            # The branch's ARN is denied, which AWS documents as the source, and the app's is not.
            yield _wrong_source(case, service, Rank.LIKELY)
        case Assumable.CONDITIONAL:
            reason = reason_of(service, "the trust policy's conditions can't be decided from outside")
            yield case.cause("service_role_trust_wrong", Rank.POSSIBLE, reason, "service_role_trust", proposal=proposal)
        case Assumable.UNREADABLE:
            reason = f"the role could not be read, so its trust is not known: {reason_of(service, 'no reason given')}"
            yield case.cause("service_role_trust_wrong", Rank.POSSIBLE, reason, *_TRUST_CHECKS)
        case _:
            yield case.cause("service_role_missing", Rank.RULED_OUT, "IAM has the role", "service_role_exists")
            yield case.cause("service_role_trust_wrong", Rank.RULED_OUT, _TRUST_ALLOWS, *_TRUST_CHECKS)


def _wrong_source(case: Case, service: RoleVerdict, rank: Rank) -> Cause:
    reason, proposal = _pinned(case, service), service.proposal
    return case.cause("service_role_source_condition", rank, reason, "service_role_trust", proposal=proposal)


def _pinned(case: Case, role: RoleVerdict) -> str:
    """To which other source the role's trust policy is limited."""
    scope = case.evidence.scope
    return (
        f"the trust policy pins {' and '.join(role.required_source)}, while this is app {scope.app_id}, branch "
        f"{scope.branch}, in {scope.region}, account {scope.account}"
    )


def _myth_ruled_out(case: Case) -> Iterator[Cause]:
    """Names the regional-principal myth, which most people try first, only where it is proven not to help."""
    service = case.service
    if service is not None and service.usable and not case.in_other_account(service):
        reason = "the trust policy already lets Amplify in without one"
        yield case.cause("wrong_region_principal_myth", Rank.RULED_OUT, reason, "service_role_trust")


def _propagation(case: Case, role: RoleVerdict | None, age_check: str) -> Iterator[Cause]:
    """A role created moments before the job. LIKELY only if the role is usable by now."""
    if role is None or not case.was_young(role) or case.in_other_account(role):
        return
    age = case.age_at_start(role)
    rank = Rank.LIKELY if role.usable else Rank.POSSIBLE
    if age is not None and age < timedelta():
        reason = f"the role was created {in_words(-age)} after the job started: a later job finds it"
    else:
        reason = "IAM needs up to a minute to propagate a role, so a later job finds it"
    yield case.cause("iam_propagation", rank, reason, age_check)


def _repository_connection(case: Case, *, proven: bool) -> Cause:
    """Ranked by exclusion only, because no API shows the connection."""
    if case.evidence.deployed_by_hand:
        rank, reason = Rank.RULED_OUT, "no repository was involved: this was a manual deployment"
    elif case.reading.cloned:
        rank, reason = Rank.RULED_OUT, "the build got to the repository, so it could be reached"
    else:
        rank, reason = _connection_rank(case, proven=proven)
    checks = ("repository_cloned", "repository_connection")
    return case.cause("repository_connection_lost", rank, reason, *checks, excluded_by=_TRUST_CHECKS)


def _connection_rank(case: Case, *, proven: bool) -> tuple[Rank, str]:
    """LIKELY only if every fact that could rule the connection out, or show the role wrong, was read."""
    service = case.service
    if proven or case.app is None or case.was_young(service) or (service and service.usable is False):
        return Rank.POSSIBLE, "the same message is printed when Amplify can't reach the repository"
    if case.job is None or not isinstance(case.evidence.log, Present):
        return Rank.POSSIBLE, "this message is most often a lost repository connection, but job or log were not read"
    if service is not None and service.assumable is Assumable.UNREADABLE:
        return Rank.POSSIBLE, "this message is most often a lost repository connection, but the role was not read"
    if _CODECOMMIT in (case.app.repository or ""):
        return Rank.POSSIBLE, "CodeCommit is reached as the service role; the repository may be renamed or deleted"
    if service is None:
        reason = "no service role is set, so no role is to blame"
    elif service.usable:
        reason = "the service role exists, and its trust was checked and is right"
    else:
        reason = "nothing proves the role wrong, and this message is most often a lost repository connection"
    return Rank.LIKELY, reason


def _last_resorts(case: Case) -> Iterator[Cause]:
    """Causes that people have reported and that no check can confirm."""
    if case.service is not None:
        yield case.cause("rcp_denies_assume_role", Rank.POSSIBLE, _RCP, "resource_control_policies")
    if not case.evidence.deployed_by_hand and not case.reading.cloned:
        reason = "some users report this for apps created by CLI or IaC; no check can show it"
        yield case.cause("app_created_outside_console", Rank.POSSIBLE, reason)
    reason = "new accounts sometimes fail with misleading messages"
    yield case.cause("account_limits_or_new_account", Rank.POSSIBLE, reason)


def compute_role_unassumable(case: Case) -> Iterator[Cause]:
    """Causes of a compute role refused by UpdateBranch, UpdateApp, CreateBranch or CreateApp."""
    compute = case.compute
    if compute is None:
        yield from _unknown_compute_role(case)
        return
    yield from compute_role(case, contested=Rank.LIKELY)
    if case.was_young(compute):
        yield from _propagation(case, compute, "compute_role_age")
    elif compute.usable:
        reason = "the role that is set now passes: the refused role was another one, or was created seconds before"
        yield case.cause("iam_propagation", Rank.POSSIBLE, reason, "compute_role_age")
        yield case.cause("rcp_denies_assume_role", Rank.POSSIBLE, _RCP, "resource_control_policies")


def _unknown_compute_role(case: Case) -> Iterator[Cause]:
    """The message does not name the refused role, and no compute role is set that could be checked."""
    reason = "Amplify refused a role that is set on neither branch nor app now: its trust could not be looked at"
    yield case.cause("compute_role_trust_wrong", Rank.POSSIBLE, reason, "compute_role_set")
    reason = "a role that does not exist is refused with the same message"
    yield case.cause("compute_role_missing", Rank.POSSIBLE, reason, "compute_role_set")
    reason = "a role made seconds before is refused with the same message"
    yield case.cause("iam_propagation", Rank.POSSIBLE, reason)


def compute_role(case: Case, *, contested: Rank) -> Iterator[Cause]:
    """Causes in the effective compute role itself.

    `contested` is the rank of source conditions, which Amplify has both accepted and refused on compute roles.
    """
    compute = case.compute
    if compute is None:
        return
    if case.in_other_account(compute):
        reason = f"the role {compute.arn} is not of the app's account {case.evidence.scope.account}"
        yield case.cause("compute_role_other_account", Rank.PROVEN, reason, "compute_role_account")
        return
    rank = Rank.PROVEN if compute.propagated else Rank.LIKELY
    trust, exists = "compute_role_trust", "compute_role_exists"
    match compute.assumable:
        case Assumable.MISSING:
            reason = f"the role {case.compute_role_level} is not there: {reason_of(compute, compute.arn)}"
            yield case.cause("compute_role_missing", Rank.PROVEN, reason, exists)
        case Assumable.DENIED:
            denied = reason_of(compute, "the trust policy does not let Amplify in")
            reason = _pinned(case, compute) if compute.required_source else denied
            yield case.cause("compute_role_trust_wrong", rank, reason, trust, proposal=compute.proposal)
        case Assumable.CONTESTED:
            reason = "its trust names source conditions, which Amplify was seen to refuse on compute roles"
            yield case.cause("compute_role_conditions_contested", contested, reason, trust)
        case Assumable.CONDITIONAL:
            reason = reason_of(compute, "the trust policy's conditions can't be decided from outside")
            yield case.cause("compute_role_trust_wrong", Rank.POSSIBLE, reason, trust, proposal=compute.proposal)
        case Assumable.UNREADABLE:
            reason = f"the role could not be read, so its trust is not known: {reason_of(compute, 'no reason given')}"
            yield case.cause("compute_role_trust_wrong", Rank.POSSIBLE, reason, exists, trust)
        case Assumable.ALLOWED:
            yield case.cause("compute_role_trust_wrong", Rank.RULED_OUT, _TRUST_ALLOWS, exists, trust)
