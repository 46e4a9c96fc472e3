"""For any evidence: a cause that no API and no message of AWS can show is never called proven."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medic.diagnosis.diagnose import diagnose
from medic.diagnosis.model import CheckResult, Diagnosis, Rank
from medic.evidence import Absent, EnvironmentVariable, Evidence, Job, Present, Unreadable
from medic.knowledge import find_entry
from medic.labels import Label, Phase
from medic.logscan.scan import scan
from medic.records import replace
from tests.unit.diagnosis.diagnosing import (
    ACCOUNT,
    APP_ARN,
    BRANCH_ARN,
    BUILD_SESSION,
    CODECOMMIT_REFUSED,
    COMPUTE_ROLE,
    COMPUTE_SESSION,
    NO_CREDENTIALS,
    NOW,
    OWN_ROLE,
    REFUSED,
    SERVICE_ROLE,
    STARTED,
    UNASSUMABLE,
    UNDEFINED_CREDENTIALS,
    app,
    branch,
    denial,
    evidence,
    job,
    ranks,
    role,
    session,
    trust,
)

OBSERVABLE = {
    # read from GetApp, GetBranch and GetRole
    *("service_role_not_set", "service_role_missing", "service_role_other_account"),
    *("service_role_trust_wrong", "service_role_source_condition"),
    # and from the denied role's policies
    *("service_role_for_logs", "service_role_not_for_backend"),
    *("compute_role_not_set", "compute_role_missing", "compute_role_trust_wrong"),
    "compute_role_other_account",
    # stated by AWS in its message
    *("denied_by_boundary", "denied_by_scp", "denied_by_session_policy", "denied_by_resource_policy"),
    *("denied_by_other_policy", "permission_missing_identity", "pass_role_missing", "session_expired"),
}

TEXTS = [
    *(UNASSUMABLE, REFUSED, NO_CREDENTIALS, UNDEFINED_CREDENTIALS, OWN_ROLE, CODECOMMIT_REFUSED),
    "[INFO]: # Cloning repository: https://github.com/acme/shop\n" + UNASSUMABLE,
    "[BootstrapDetectionError] Unable to detect CDK bootstrap stack due to permission issues.",
    "[InvalidCredentialError] Failed to load default AWS credentials",
    "ExpiredToken: The security token included in the request is expired",
    "UnrecognizedClientException: The security token included in the request is invalid.",
    "An error occurred (AccessDenied) when calling the ListBuckets operation: Access Denied",
    "The role defined for the function cannot be assumed by Lambda.",
    "npm error code EUSAGE",
]
PRINCIPALS = [
    *(BUILD_SESSION, COMPUTE_SESSION, session("AmplifySSRLoggingRole-1b2c", "BuildSession")),
    *(session("shop-auth", "CognitoIdentityCredentials"), f"arn:aws:iam::{ACCOUNT}:user/dev"),
]
REASONS = [
    *("", "because no identity-based policy allows the dynamodb:GetItem action"),
    *("with an explicit deny in an identity-based policy", "with an explicit deny in a permissions boundary"),
    *("because no service control policy allows the dynamodb:GetItem action", "with an explicit deny"),
    *("with an explicit deny in a session policy", "because no resource-based policy allows the s3:GetObject action"),
]
TRUSTS = [
    *(trust(), trust("lambda.amazonaws.com"), "not json"),
    trust(condition={"ArnLike": {"aws:SourceArn": APP_ARN}}),
    trust(condition={"ArnLike": {"aws:SourceArn": BRANCH_ARN}}),
    trust(condition={"StringEquals": {"aws:SourceAccount": "444455556666"}}),
    trust(condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}),
    trust("amplify.amazonaws.com", None, {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}),
]
UNREAD: list[Any] = [Unreadable("denied to the bot"), Absent("there is none")]
FOREIGN = "arn:aws:iam::999988887777:role/service"
LOGGING = f"arn:aws:iam::{ACCOUNT}:role/AmplifySSRLoggingRole-1b2c"
KEYS = (EnvironmentVariable("KEY", "secret access key"),)


def roles(arn: str) -> st.SearchStrategy[Any]:
    readable = st.builds(
        lambda policy, age, boundary: Present(
            role(arn, trust_policy=policy, created_at=STARTED - timedelta(seconds=age), permissions_boundary=boundary)
        ),
        st.sampled_from(TRUSTS),
        st.sampled_from([-3600, -30, 10, 86_400]),
        st.sampled_from([None, "arn:aws:iam::111122223333:policy/limits"]),
    )
    return st.one_of(readable, st.sampled_from(UNREAD))


apps = st.builds(
    lambda **changes: Present(app(**changes)),
    service_role_arn=st.sampled_from([None, SERVICE_ROLE, FOREIGN, LOGGING]),
    compute_role_arn=st.sampled_from([None, COMPUTE_ROLE]),
    platform=st.sampled_from(["WEB", "WEB_COMPUTE", "WEB_DYNAMIC"]),
    repository=st.sampled_from(
        [None, "https://github.com/acme/shop", "https://git-codecommit.x.amazonaws.com/v1/repos/s"]
    ),
    environment=st.sampled_from([(), KEYS]),
)
branches = st.builds(lambda arn: Present(branch(compute_role_arn=arn)), st.sampled_from([None, COMPUTE_ROLE, FOREIGN]))
jobs = st.builds(
    lambda seconds, kind: Present(job(timedelta(seconds=seconds), type=kind)),
    st.sampled_from([1, 900, 4000]),
    st.sampled_from(["WEB_HOOK", "MANUAL"]),
)
worlds = st.builds(
    evidence,
    app=st.one_of(apps, st.sampled_from(UNREAD)),
    branch=st.one_of(branches, st.sampled_from(UNREAD)),
    job=st.one_of(jobs, st.sampled_from(UNREAD)),
    service=roles(SERVICE_ROLE),
    compute=roles(COMPUTE_ROLE),
    read_at=st.sampled_from([NOW, NOW + timedelta(hours=2)]),
)
texts = st.one_of(
    st.sampled_from(TEXTS),
    st.builds(
        denial, st.sampled_from(PRINCIPALS), st.sampled_from(REASONS), st.sampled_from(["s3:GetObject", "iam:PassRole"])
    ),
)
diagnoses = st.builds(
    lambda world, text, phase: diagnose(world, scan([text.encode()], phase), phase),
    worlds,
    texts,
    st.sampled_from(Phase),
)

# The same examples in every run. No deadline, because a loaded machine is not a defect.
steady = settings(derandomize=True, deadline=None, database=None, max_examples=500)


@steady
@given(diagnoses)
def test_only_observable_causes_are_ever_proven(diagnosis: Diagnosis) -> None:
    proven = {cause.id for cause in diagnosis.causes if cause.rank is Rank.PROVEN}

    assert proven <= OBSERVABLE


@steady
@given(diagnoses)
def test_a_diagnosis_is_ordered_complete_and_refers_only_to_its_checks(diagnosis: Diagnosis) -> None:
    order = list(Rank)
    ids = [cause.id for cause in diagnosis.causes]
    results = {check.id: check.result for check in diagnosis.checks}

    assert bool(ids) is (diagnosis.label is not Label.NOT_IAM)
    assert len(ids) == len(set(ids)), "one rank a cause"
    assert len(results) == len(diagnosis.checks), "one answer a check"
    assert all(order.index(a.rank) <= order.index(b.rank) for a, b in pairwise(diagnosis.causes))
    assert diagnosis.label is Label.NOT_IAM or diagnosis.causes[0].rank is not Rank.RULED_OUT
    for cause in diagnosis.causes:
        assert find_entry(cause.id) is not None
        assert {*cause.supporting, *cause.against, *cause.unseen} <= set(results)
        assert all(results[id_] is CheckResult.UNKNOWN for id_ in cause.unseen)


REMOVALS: dict[str, Any] = {
    **{name: lambda world, name=name: replace(world, **{name: UNREAD[0]}) for name in ("app", "branch", "job", "log")},
    "roles": lambda world: replace(world, roles=dict.fromkeys(world.roles, UNREAD[0])),
    "policies": lambda world: replace(world, policies={}),
}
DEPLOYMENTS: list[dict[str, Any]] = [
    *(
        {"service": service, "compute": compute}
        for service, compute in product((None, SERVICE_ROLE), (None, COMPUTE_ROLE))
    ),
    *({"policy": policy} for policy in TRUSTS),
    {"created_at": STARTED - timedelta(seconds=10)},
    {"job": job(type="MANUAL")},
]


def deployment(
    service: str | None = SERVICE_ROLE,
    compute: str | None = COMPUTE_ROLE,
    policy: str = TRUSTS[0],
    created_at: datetime = STARTED - timedelta(days=30),
    job: Job = job(),  # noqa: B008 - it is frozen
) -> Evidence:
    return evidence(
        app=Present(app(service_role_arn=service, environment=KEYS)),
        branch=Present(branch(compute_role_arn=compute)),
        job=Present(job),
        service=Present(role(trust_policy=policy, created_at=created_at)),
        compute=Present(role(COMPUTE_ROLE, trust_policy=policy, created_at=created_at)),
    )


@pytest.mark.parametrize("phase", [Phase.BUILD, Phase.RUNTIME])
@pytest.mark.parametrize("text", [*TEXTS, *map(denial, PRINCIPALS)])
def test_a_fact_that_is_taken_away_makes_no_cause_more_than_possible(text: str, phase: Phase) -> None:
    """A cause that only the fact ruled out is possible without it: what was not looked at is not a no."""
    reading = scan([text.encode()], phase)
    for world in (deployment(**changes) for changes in DEPLOYMENTS):
        before = {cause.id: cause.rank for cause in diagnose(world, reading, phase).causes}
        for removed, removal in REMOVALS.items():
            after = diagnose(removal(world), reading, phase).causes
            rose = [cause.id for cause in after if _rose(cause.rank, before.get(cause.id, Rank.RULED_OUT))]
            assert not rose, f"{rose} without the {removed}"


@pytest.mark.parametrize("world", [{"app": Present(app(service_role_arn=None))}, {}], ids=["no role", "right role"])
def test_a_log_that_was_not_read_tells_nothing_of_the_clone(world: dict[str, Any]) -> None:
    """Without the log, its line comes from the job's status reason, which does not say how far the build got."""
    cloned = "[INFO]: # Cloning repository: https://github.com/acme/shop\n" + UNASSUMABLE
    whole = diagnose(evidence(**world), scan([cloned.encode()], Phase.BUILD), Phase.BUILD)
    cut = diagnose(evidence(**world, log=UNREAD[0]), scan([UNASSUMABLE.encode()], Phase.BUILD), Phase.BUILD)

    assert ranks(whole)["repository_connection_lost"] is Rank.RULED_OUT
    assert ranks(cut)["repository_connection_lost"] is Rank.POSSIBLE


def _rose(after: Rank, before: Rank) -> bool:
    order = list(Rank)
    return after in {Rank.PROVEN, Rank.LIKELY} and order.index(after) < order.index(before)


@steady
@given(diagnoses)
def test_a_reason_fits_at_the_end_of_a_sentence(diagnosis: Diagnosis) -> None:
    for cause in diagnosis.causes:
        assert cause.reason
        assert not cause.reason.endswith(".")
        assert cause.reason[0].islower() or not cause.reason.split(maxsplit=1)[0].isalpha() or _is_name(cause.reason)


def _is_name(reason: str) -> bool:
    """A sentence that begins with the name of a product, an API or a variable keeps its capital."""
    return reason.startswith(("Amplify", "AWS ", "SSR ", "CodeCommit ", "IAM ", "KEY "))


@steady
@given(diagnoses)
def test_a_statement_is_proposed_only_if_no_policy_is_proven_to_deny(diagnosis: Diagnosis) -> None:
    proposed = [cause for cause in diagnosis.causes if cause.proposal is not None]

    assert all(cause.rank is not Rank.RULED_OUT for cause in proposed)
    assert all('"Effect":"Allow"' in cause.proposal.statement for cause in proposed if cause.proposal)
    if any(cause.id.startswith("denied_by_") and cause.rank is Rank.PROVEN for cause in diagnosis.causes):
        assert proposed == []
