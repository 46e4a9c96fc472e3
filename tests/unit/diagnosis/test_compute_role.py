"""A compute role that Amplify refuses, and SSR code that finds no credentials."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from medic.diagnosis.model import Assumable, CheckResult, Rank
from medic.evidence import Absent, EnvironmentVariable, Present, Unreadable
from medic.labels import Phase
from medic.plan.decide import contradicted
from tests.unit.diagnosis.diagnosing import (
    ACCOUNT,
    BRANCH_ARN,
    COMPUTE_ROLE,
    NO_CREDENTIALS,
    NOW,
    REFUSED,
    STARTED,
    UNDEFINED_CREDENTIALS,
    app,
    branch,
    cause,
    check,
    check_ids,
    diagnosed,
    ranks,
    role,
    top,
    trust,
)

NO_ROLE = {"branch": Present(branch(compute_role_arn=None))}
INHERITED = {**NO_ROLE, "app": Present(app(compute_role_arn=COMPUTE_ROLE))}
KEYS = (
    EnvironmentVariable("IAM_ACCESS_KEY_ID", "access key id"),
    EnvironmentVariable("TABLE", None),
    EnvironmentVariable("IAM_SECRET_ACCESS_KEY", "secret access key"),
)


def with_trust(policy: str, **changes: Any) -> dict[str, Any]:
    return {"compute": Present(role(COMPUTE_ROLE, trust_policy=policy, **changes))}


MISSING = {"compute": Absent("IAM has no role compute")}
DENIED = with_trust(trust("lambda.amazonaws.com"))
CONTESTED = with_trust(trust(condition={"ArnLike": {"aws:SourceArn": BRANCH_ARN}}))
CONDITIONAL = with_trust(trust(condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}))
UNREADABLE = {"compute": Unreadable("iam:GetRole was denied")}
YOUNG = with_trust(trust(), created_at=NOW - timedelta(seconds=30))
YOUNG_AND_DENIED = with_trust(trust("lambda.amazonaws.com"), created_at=NOW - timedelta(seconds=30))


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (MISSING, ("compute_role_missing", Rank.PROVEN)),
        (DENIED, ("compute_role_trust_wrong", Rank.PROVEN)),
        (YOUNG_AND_DENIED, ("compute_role_trust_wrong", Rank.LIKELY)),
        (YOUNG, ("iam_propagation", Rank.LIKELY)),
        (CONTESTED, ("compute_role_conditions_contested", Rank.LIKELY)),
        (CONDITIONAL, ("compute_role_trust_wrong", Rank.POSSIBLE)),
        (UNREADABLE, ("compute_role_trust_wrong", Rank.POSSIBLE)),
        ({}, ("iam_propagation", Rank.POSSIBLE)),
        (NO_ROLE, ("compute_role_trust_wrong", Rank.POSSIBLE)),
    ],
    ids=["missing", "denied", "young-denied", "young", "contested", "conditional", "unreadable", "right", "none"],
)
def test_a_refused_compute_role_has_the_expected_first_cause(state: dict[str, Any], expected: tuple[str, Rank]) -> None:
    assert top(diagnosed(REFUSED, Phase.DEPLOY, **state)) == expected


def test_a_refused_role_that_is_set_nowhere_has_three_possible_causes() -> None:
    diagnosis = diagnosed(REFUSED, Phase.DEPLOY, **NO_ROLE)

    assert ranks(diagnosis) == dict.fromkeys(
        ("compute_role_trust_wrong", "compute_role_missing", "iam_propagation"), Rank.POSSIBLE
    )


def test_the_plain_statement_is_proposed_for_a_compute_role() -> None:
    wrong = cause(diagnosed(REFUSED, Phase.DEPLOY, **DENIED), "compute_role_trust_wrong")

    assert wrong.proposal is not None
    assert wrong.proposal.fix == "trust_compute_role"
    assert "Condition" not in json.loads(wrong.proposal.statement)


def test_no_plain_statement_is_proposed_beside_one_with_conditions() -> None:
    other = trust(condition={"StringEquals": {"aws:SourceAccount": "444455556666"}})
    diagnosis = diagnosed(REFUSED, Phase.DEPLOY, **with_trust(other))

    assert cause(diagnosis, "compute_role_trust_wrong").proposal is None
    assert "a statement beside it would undo them" in check(diagnosis, "compute_role_trust").detail


def test_only_an_allowed_verdict_that_rests_on_source_conditions_is_contested() -> None:
    contested, denied = (
        diagnosed(REFUSED, Phase.DEPLOY, **state).compute
        for state in (CONTESTED, with_trust(trust(condition={"StringEquals": {"aws:SourceAccount": "444455556666"}})))
    )

    assert contested is not None
    assert denied is not None
    assert (contested.assumable, contested.usable) == (Assumable.CONTESTED, True)
    assert (denied.assumable, denied.usable) == (Assumable.DENIED, False)


@pytest.mark.parametrize("state", [CONDITIONAL, UNREADABLE, YOUNG_AND_DENIED], ids=["cond", "unreadable", "young"])
def test_a_role_that_cannot_be_judged_is_neither_usable_nor_unusable(state: dict[str, Any]) -> None:
    compute = diagnosed(REFUSED, Phase.DEPLOY, **state).compute

    assert compute is not None
    assert compute.usable is None


# --- at runtime


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (NO_ROLE, ("compute_role_not_set", Rank.LIKELY)),
        (MISSING, ("compute_role_missing", Rank.LIKELY)),
        (DENIED, ("compute_role_trust_wrong", Rank.LIKELY)),
        ({}, ("explicit_credentials_in_code", Rank.POSSIBLE)),
        (INHERITED, ("explicit_credentials_in_code", Rank.POSSIBLE)),
    ],
    ids=["none", "missing", "denied", "right", "inherited"],
)
def test_ssr_code_without_credentials_has_the_expected_first_cause(
    state: dict[str, Any], expected: tuple[str, Rank]
) -> None:
    assert top(diagnosed(NO_CREDENTIALS, Phase.RUNTIME, **state)) == expected


def test_source_conditions_are_a_possible_reason_at_runtime() -> None:
    diagnosis = diagnosed(NO_CREDENTIALS, Phase.RUNTIME, **CONTESTED)

    assert ranks(diagnosis)["compute_role_conditions_contested"] is Rank.POSSIBLE


@pytest.mark.parametrize("unread", ["app", "branch"])
def test_a_missing_compute_role_is_likely_only_if_app_and_branch_were_read(unread: str) -> None:
    changes: dict[str, Any] = {**NO_ROLE, unread: Unreadable("denied")}
    diagnosis = diagnosed(NO_CREDENTIALS, Phase.RUNTIME, **changes)

    assert ranks(diagnosis)["compute_role_not_set"] is Rank.POSSIBLE
    assert check(diagnosis, "compute_role_set").result is CheckResult.UNKNOWN


def test_the_check_says_that_a_role_is_inherited() -> None:
    detail = check(diagnosed(NO_CREDENTIALS, Phase.RUNTIME, **INHERITED), "compute_role_set").detail

    assert "set on the app and inherited by the branch" in detail
    assert "the same ARN set on the branch" in detail


def test_undefined_credentials_are_blamed_on_the_code_before_any_role() -> None:
    diagnosis = diagnosed(UNDEFINED_CREDENTIALS, Phase.RUNTIME, **NO_ROLE)

    assert top(diagnosis) == ("explicit_credentials_in_code", Rank.POSSIBLE)
    assert ranks(diagnosis)["compute_role_not_set"] is Rank.POSSIBLE


def test_access_keys_in_environment_variables_are_named_without_their_values() -> None:
    keys = {"app": Present(app(environment=KEYS))}
    diagnosis = diagnosed(NO_CREDENTIALS, Phase.RUNTIME, **keys)

    warning = check(diagnosis, "static_keys")
    assert warning.result is CheckResult.FAIL
    assert "IAM_ACCESS_KEY_ID, IAM_SECRET_ACCESS_KEY:" in warning.detail
    assert ".env.production" in warning.detail
    assert cause(diagnosis, "explicit_credentials_in_code").supporting == ("static_keys",)
    assert "static_keys" not in check_ids(diagnosed(NO_CREDENTIALS, Phase.RUNTIME))


def test_the_service_role_is_ruled_out_at_runtime() -> None:
    diagnosis = diagnosed(NO_CREDENTIALS, Phase.RUNTIME, **NO_ROLE)

    assert ranks(diagnosis)["service_role_not_set"] is Rank.RULED_OUT
    assert not [each for each in check_ids(diagnosis) if each.startswith("service_role")]


def test_a_logging_role_set_as_service_role_may_hold_the_permissions() -> None:
    logging = f"arn:aws:iam::{ACCOUNT}:role/AmplifySSRLoggingRole-1b2c"
    diagnosis = diagnosed(NO_CREDENTIALS, Phase.RUNTIME, **NO_ROLE, app=Present(app(service_role_arn=logging)))

    assert top(diagnosis) == ("compute_role_not_set", Rank.LIKELY)
    assert ranks(diagnosis)["permissions_on_logging_role"] is Rank.POSSIBLE


def test_a_static_site_fails_the_platform_check() -> None:
    diagnosis = diagnosed(NO_CREDENTIALS, Phase.RUNTIME, app=Present(app(platform="WEB")))

    assert check(diagnosis, "platform").result is CheckResult.FAIL


def test_a_role_of_another_account_fails_the_account_check() -> None:
    foreign = "arn:aws:iam::999988887777:role/compute"
    changes = {"branch": Present(branch(compute_role_arn=foreign)), "roles": {foreign: Unreadable("another account")}}
    diagnosis = diagnosed(REFUSED, Phase.DEPLOY, **changes)

    assert top(diagnosis) == ("compute_role_other_account", Rank.PROVEN)
    assert check(diagnosis, "compute_role_account").result is CheckResult.FAIL


def test_the_age_check_shows_a_role_younger_than_the_job() -> None:
    changes = with_trust(trust(), created_at=STARTED + timedelta(seconds=10))

    assert "10 s after the job started" in check(diagnosed(REFUSED, Phase.DEPLOY, **changes), "compute_role_age").detail


@pytest.mark.parametrize(
    ("state", "contradicts"),
    [
        ({}, True),
        (INHERITED, False),
        (NO_ROLE, False),
        (CONTESTED, False),
        (CONDITIONAL, False),
        (UNREADABLE, False),
        (MISSING, False),
    ],
    ids=["usable", "inherited", "none", "contested", "conditional", "unreadable", "missing"],
)
def test_only_a_usable_role_on_the_branch_contradicts_a_log_line(state: dict[str, Any], *, contradicts: bool) -> None:
    diagnosis = diagnosed(NO_CREDENTIALS, Phase.RUNTIME, **state)

    assert ("line_confirmed" in check_ids(diagnosis)) is contradicts
    assert contradicted(diagnosis) is contradicts


def test_a_line_of_a_build_log_is_not_contradicted_by_the_compute_role() -> None:
    assert not contradicted(diagnosed(NO_CREDENTIALS))
