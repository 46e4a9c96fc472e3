"""The differential: causes ranked by what the checks prove, rule out, or cannot see.

The message lies: "Unable to assume specified IAM Role" is printed for a lost repository connection at least as often as
for a bad role. So nothing is concluded from words alone, and what no API can show is never called proven.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medic.diagnosis.checks import all_checks, was_young
from medic.diagnosis.knowledge import title_of
from medic.diagnosis.model import (
    Assumable,
    Cause,
    Check,
    CheckResult,
    Diagnosis,
    Identity,
    Label,
    LogReading,
    Phase,
    PolicyType,
    Rank,
    RoleVerdict,
)
from medic.diagnosis.roles import compute_role_verdict, service_role_verdict
from medic.evidence.model import App, Evidence, Present

if TYPE_CHECKING:
    from medic.diagnosis.model import Finding

_ORDER = (Rank.PROVEN, Rank.LIKELY, Rank.POSSIBLE, Rank.RULED_OUT)


def diagnose(evidence: Evidence, reading: LogReading, phase: Phase) -> Diagnosis:
    """What is wrong, as far as it is proven, and what else it may be, in order.

    Args:
        evidence: the app, branch, job and roles.
        reading: what the scanner found in the log.
        phase: where the log was printed.
    """
    service = service_role_verdict(evidence, _service_role_arn(evidence))
    compute = compute_role_verdict(evidence, _compute_role_arn(evidence))
    checks = all_checks(evidence, reading, service, compute)
    case = _Case(evidence, reading, service, compute, {check.id: check for check in checks})
    causes = sorted(_causes(case), key=lambda cause: _ORDER.index(cause.rank))
    return Diagnosis(
        label=reading.label,
        phase=phase,
        findings=reading.findings,
        checks=checks,
        causes=tuple(causes),
        service=service,
        compute=compute,
        candidate=compute_role_verdict(evidence, evidence.candidate_role_arn),
    )


@dataclass(frozen=True, slots=True)
class _Case:
    """Everything a ranking looks at."""

    evidence: Evidence
    reading: LogReading
    service: RoleVerdict | None
    compute: RoleVerdict | None
    checks: dict[str, Check]

    @property
    def finding(self) -> Finding | None:
        return self.reading.findings[0] if self.reading.findings else None

    @property
    def app(self) -> App | None:
        return self.evidence.app.value if isinstance(self.evidence.app, Present) else None

    def cause(self, cause_id: str, rank: Rank, because: str, *looked_at: str) -> Cause:
        """A cause with the checks that bear on it, sorted by what they say."""
        seen = [self.checks[name] for name in looked_at if name in self.checks]
        return Cause(
            id=cause_id,
            title=title_of(cause_id),
            rank=rank,
            because=because,
            supporting=tuple(check.id for check in seen if check.result is CheckResult.FAIL),
            against=tuple(check.id for check in seen if check.result is CheckResult.PASS),
            unseen=tuple(check.id for check in seen if check.result is CheckResult.UNKNOWN),
        )


def _causes(case: _Case) -> Iterator[Cause]:
    match case.reading.label:
        case Label.SERVICE_ROLE_UNASSUMABLE:
            yield from _service_role_unassumable(case)
        case Label.COMPUTE_ROLE_UNASSUMABLE:
            yield from _compute_role_unassumable(case)
        case Label.CREDENTIALS_MISSING_BUILD:
            yield from _credentials_missing_at_build(case)
        case Label.CREDENTIALS_MISSING_RUNTIME:
            yield from _credentials_missing_at_runtime(case)
        case Label.EXPIRED_OR_INVALID_TOKEN:
            yield case.cause(
                "session_expired", Rank.LIKELY, "the log says that credentials were there and no longer valid"
            )
        case Label.NOT_IAM:
            return
        case _:
            yield from _access_denied(case)


def _service_role_unassumable(case: _Case) -> Iterator[Cause]:
    young = was_young(case.evidence, case.service.arn if case.service else None)
    yield from _service_role(case, young=young)
    if young:
        because = "the role was made moments before the job asked for it; a later job finds it"
        yield case.cause("iam_propagation", Rank.LIKELY, because, "service_role_age")
    yield _repository_connection(case, young=young)
    yield case.cause(
        "rcp_denies_assume_role",
        Rank.POSSIBLE,
        "a resource control policy of the organization can deny sts:AssumeRole to Amplify; it can't be seen from here",
        "resource_control_policies",
    )
    yield case.cause(
        "app_created_outside_console",
        Rank.POSSIBLE,
        "apps made by CLI or code were seen to fail where one made in the console did not; no check can show it",
    )
    yield case.cause(
        "account_limits_or_new_account", Rank.POSSIBLE, "new accounts were seen to fail with other reasons' messages"
    )


def _service_role(case: _Case, *, young: bool) -> Iterator[Cause]:
    """What the service role itself has to do with it."""
    service = case.service
    if case.app is None:
        return
    if service is None:
        because = "no service role is set, though apps without one build too, and the same line came with none set"
        yield case.cause("service_role_not_set", Rank.POSSIBLE, because, "service_role_set")
        return
    if f":{case.evidence.account}:" not in service.arn:
        because = "the role belongs to another account, from where it can't be passed to Amplify"
        yield case.cause("service_role_other_account", Rank.LIKELY, because, "service_role_account")
    match service.assumable:
        case Assumable.MISSING:
            because = "the app names a role that IAM does not have"
            yield case.cause("service_role_missing", Rank.PROVEN, because, "service_role_exists")
        case Assumable.DENIED:
            rank = Rank.LIKELY if young else Rank.PROVEN
            because = " ".join(service.explanation) or "the trust policy does not let Amplify in"
            yield case.cause("service_role_trust_wrong", rank, because, "service_role_trust")
        case Assumable.CONDITIONAL:
            because = " ".join(service.explanation) or "the trust policy's conditions can't be decided from outside"
            yield case.cause("service_role_source_condition", Rank.POSSIBLE, because, "service_role_trust")
        case Assumable.ALLOWED | Assumable.CONTESTED:
            because = "the role exists and its trust policy evaluates to allowed"
            checks = ("service_role_exists", "service_role_trust")
            yield case.cause("service_role_missing", Rank.RULED_OUT, "IAM has the role", "service_role_exists")
            yield case.cause("service_role_trust_wrong", Rank.RULED_OUT, because, *checks)
        case Assumable.UNREADABLE:
            because = "the role could not be read, so its trust is not known"
            yield case.cause("service_role_trust_wrong", Rank.POSSIBLE, because, "service_role_exists")


def _repository_connection(case: _Case, *, young: bool) -> Cause:
    """Ranked by exclusion only: no API shows it."""
    looked_at = ("service_role_exists", "service_role_trust", "repository_cloned", "repository_connection")
    if case.app is not None and case.app.repository is None:
        return case.cause(
            "repository_connection_lost", Rank.RULED_OUT, "the app has no repository", "repository_cloned"
        )
    if case.reading.cloned:
        because = "the build cloned the repository, so it could be reached"
        return case.cause("repository_connection_lost", Rank.RULED_OUT, because, "repository_cloned")
    service = case.service
    if (
        case.app is None
        or (service is not None and service.assumable in (Assumable.MISSING, Assumable.DENIED))
        or young
    ):
        because = "the same message is printed when Amplify can't reach the repository"
        return case.cause("repository_connection_lost", Rank.POSSIBLE, because, *looked_at)
    if service is None:
        because = "no service role is set, so there is no role to blame: look at the repository connection first"
    elif service.usable:
        because = "the trust is proven good: look at the repository connection first"
    else:
        because = "nothing proves the role wrong, and this message is most often a lost repository connection"
    return case.cause("repository_connection_lost", Rank.LIKELY, because, *looked_at)


def _compute_role_unassumable(case: _Case) -> Iterator[Cause]:
    compute = case.compute
    if compute is None:
        because = "Amplify refused a compute role, and none is set on branch or app now"
        yield case.cause("compute_role_trust_wrong", Rank.POSSIBLE, because, "compute_role_set")
        yield case.cause(
            "iam_propagation", Rank.POSSIBLE, "a role made seconds before is refused with the same message"
        )
        return
    match compute.assumable:
        case Assumable.MISSING:
            yield case.cause("compute_role_missing", Rank.PROVEN, "IAM has no such role", "compute_role_exists")
        case Assumable.DENIED:
            rank = Rank.PROVEN if compute.settled else Rank.LIKELY
            because = " ".join(compute.explanation)
            yield case.cause("compute_role_trust_wrong", rank, because, "compute_role_trust")
        case Assumable.CONTESTED:
            because = "its trust names source conditions, which Amplify was seen to refuse"
            yield case.cause("compute_role_conditions_contested", Rank.LIKELY, because, "compute_role_trust")
        case _:
            because = "a role made seconds before is refused with the same message"
            yield case.cause("iam_propagation", Rank.POSSIBLE, because, "compute_role_trust")


def _credentials_missing_at_build(case: _Case) -> Iterator[Cause]:
    own = case.finding is not None and case.finding.identity is Identity.AMPLIFY_OWN
    if case.app is not None and case.service is None:
        rank = Rank.PROVEN if own else Rank.LIKELY
        because = "no service role is set: the build ran as Amplify's own role" if own else "no service role is set"
        yield case.cause("service_role_not_set", rank, because, "service_role_set")
    else:
        yield from _service_role(case, young=False)
        because = "code that asks for credentials while building gets the service role's only if its SDK looks there"
        yield case.cause("explicit_credentials_in_code", Rank.POSSIBLE, because)
    because = "builds never use the compute role: attaching one does not mend this build"
    yield case.cause("compute_role_not_set", Rank.RULED_OUT, because, "compute_role_set")


def _credentials_missing_at_runtime(case: _Case) -> Iterator[Cause]:
    compute = case.compute
    if compute is None:
        because = "neither the branch nor the app has a compute role"
        yield case.cause("compute_role_not_set", Rank.PROVEN, because, "compute_role_set")
    elif compute.assumable is Assumable.MISSING:
        yield case.cause("compute_role_missing", Rank.PROVEN, "IAM has no such role", "compute_role_exists")
    elif compute.assumable is Assumable.DENIED:
        rank = Rank.PROVEN if compute.settled else Rank.LIKELY
        because = " ".join(compute.explanation)
        yield case.cause("compute_role_trust_wrong", rank, because, "compute_role_trust")
    because = "credentials passed in code override the compute role, also when they are undefined"
    yield case.cause("explicit_credentials_in_code", Rank.POSSIBLE, because)


_DENIED_BY = {
    PolicyType.BOUNDARY: "denied_by_boundary",
    PolicyType.SCP: "denied_by_scp",
    PolicyType.SESSION: "denied_by_session_policy",
    PolicyType.RESOURCE: "denied_by_resource_policy",
    PolicyType.RCP: "denied_by_other_policy",
    PolicyType.VPC_ENDPOINT: "denied_by_other_policy",
    PolicyType.TRUST: "denied_by_other_policy",
}


def _access_denied(case: _Case) -> Iterator[Cause]:
    denial = case.finding.denial if case.finding else None
    if denial is not None and denial.policy_type in _DENIED_BY:
        cause_id = _DENIED_BY[denial.policy_type]
        because = f"the message names the policy type that denies: {denial.policy_type}. No added permission helps"
        yield case.cause(cause_id, Rank.PROVEN, because)
        return
    if case.reading.label is Label.PASS_ROLE_DENIED:
        yield case.cause("pass_role_missing", Rank.PROVEN, "the message names iam:PassRole")
        return
    if denial is None or denial.principal is None:
        because = "the message names neither principal nor policy: look in the job's log for the call that failed"
        yield case.cause("permission_missing_identity", Rank.POSSIBLE, because)
        return
    rank = Rank.PROVEN if denial.policy_type is PolicyType.IDENTITY else Rank.LIKELY
    who = denial.role_name or denial.principal
    because = f"{who} may not do {denial.action or 'this'}: its identity-based policies lack it"
    yield case.cause("permission_missing_identity", rank, because)
    if denial.role_name is not None and denial.role_name.startswith("AmplifySSRLoggingRole"):
        because = "the role is Amplify's logging role, which is made for logs only"
        yield case.cause("permissions_on_logging_role", Rank.LIKELY, because)


def _service_role_arn(evidence: Evidence) -> str | None:
    return evidence.app.value.service_role_arn if isinstance(evidence.app, Present) else None


def _compute_role_arn(evidence: Evidence) -> str | None:
    """R: the branch's compute role, else the app's."""
    branch = evidence.branch.value.compute_role_arn if isinstance(evidence.branch, Present) else None
    app = evidence.app.value.compute_role_arn if isinstance(evidence.app, Present) else None
    return branch or app
