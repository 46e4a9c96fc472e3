"""Unable to assume specified IAM Role: proven causes of the role come first, then the remaining causes."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from medic.diagnosis.model import Assumable, CheckResult, Rank
from medic.evidence import Absent, Present, Unreadable
from tests.unit.diagnosis.diagnosing import (
    ACCOUNT,
    APP_ARN,
    APP_ID,
    BRANCH_ARN,
    SERVICE_ROLE,
    STARTED,
    UNASSUMABLE,
    app,
    branch,
    cause,
    check,
    check_ids,
    diagnosed,
    job,
    ranks,
    role,
    top,
    trust,
)

SOURCE_ELSEWHERE = {"ArnLike": {"aws:SourceArn": f"arn:aws:amplify:eu-central-1:{ACCOUNT}:apps/d9other/*"}}
DENY_ALL = {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}


def with_trust(policy: str, **changes: Any) -> dict[str, Any]:
    return {"service": Present(role(trust_policy=policy, **changes))}


def test_a_correct_trust_leaves_the_repository_connection_as_the_cause() -> None:
    diagnosis = diagnosed(UNASSUMABLE)

    assert top(diagnosis) == ("repository_connection_lost", Rank.LIKELY)
    connection = cause(diagnosis, "repository_connection_lost")
    assert connection.reason == "the service role exists, and its trust was checked and is right"
    assert set(connection.supporting) == {"service_role_exists", "service_role_trust", "repository_cloned"}
    assert connection.unseen == ("repository_connection",)
    assert connection.against == ()
    ruled_out = {id_ for id_, rank in ranks(diagnosis).items() if rank is Rank.RULED_OUT}
    assert ruled_out == {"service_role_missing", "service_role_trust_wrong", "wrong_region_principal_myth"}


def test_the_repository_connection_also_comes_first_without_a_service_role() -> None:
    diagnosis = diagnosed(UNASSUMABLE, app=Present(app(service_role_arn=None)))

    assert top(diagnosis) == ("repository_connection_lost", Rank.LIKELY)
    assert ranks(diagnosis)["service_role_not_set"] is Rank.POSSIBLE
    assert "rcp_denies_assume_role" not in ranks(diagnosis), "there is no role that a policy could protect"


def test_a_deleted_role_is_a_proven_cause() -> None:
    diagnosis = diagnosed(UNASSUMABLE, service=Absent(f"IAM has no role service in account {ACCOUNT}"))

    assert top(diagnosis) == ("service_role_missing", Rank.PROVEN)
    assert cause(diagnosis, "service_role_missing").supporting == ("service_role_exists",)
    assert ranks(diagnosis)["repository_connection_lost"] is Rank.POSSIBLE
    assert "account_limits_or_new_account" not in ranks(diagnosis), "no far-fetched causes beside a proven one"


def test_a_role_of_another_account_is_proven_and_not_confused_with_a_local_one() -> None:
    foreign = "arn:aws:iam::999988887777:role/app/service"
    unreadable = Unreadable("the role belongs to account 999988887777 and can't be read")
    diagnosis = diagnosed(UNASSUMABLE, app=Present(app(service_role_arn=foreign)), roles={foreign: unreadable})

    assert top(diagnosis) == ("service_role_other_account", Rank.PROVEN)
    assert check(diagnosis, "service_role_account").result is CheckResult.FAIL


def test_a_wrong_principal_is_proven_and_the_statement_proposed() -> None:
    diagnosis = diagnosed(UNASSUMABLE, **with_trust(trust("lambda.amazonaws.com")))

    assert top(diagnosis) == ("service_role_trust_wrong", Rank.PROVEN)
    wrong = cause(diagnosis, "service_role_trust_wrong")
    assert "lambda.amazonaws.com" in wrong.reason
    assert wrong.proposal is not None
    statement = json.loads(wrong.proposal.statement)
    assert statement["Principal"] == {"Service": "amplify.amazonaws.com"}
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": [APP_ARN, f"{APP_ARN}/*"]},
    }
    assert wrong.proposal.fix == "trust_service_role"


@pytest.mark.parametrize(
    ("condition", "named"),
    [
        (SOURCE_ELSEWHERE, "aws:SourceArn to app d9other"),
        (
            {"ArnLike": {"aws:SourceArn": f"arn:aws:amplify:us-east-1:{ACCOUNT}:apps/*"}},
            "aws:SourceArn to region us-east-1",
        ),
        (
            {"ArnEquals": {"aws:SourceArn": "arn:aws:amplify:us-east-1:444455556666:apps/d9other/branches/main"}},
            "aws:SourceArn to app d9other in region us-east-1 in account 444455556666",
        ),
        ({"StringEquals": {"aws:SourceAccount": "444455556666"}}, "aws:SourceAccount to account 444455556666"),
        ({"ArnLike": {"aws:SourceArn": f"{APP_ARN}/branches/dev"}}, "aws:SourceArn to branch dev of the app"),
    ],
    ids=["app", "region", "all", "account", "branch"],
)
def test_a_failed_source_condition_is_proven_and_names_the_expected_and_the_actual_source(
    condition: dict[str, Any], named: str
) -> None:
    diagnosis = diagnosed(UNASSUMABLE, **with_trust(trust(condition=condition)))

    assert top(diagnosis) == ("service_role_source_condition", Rank.PROVEN)
    source = cause(diagnosis, "service_role_source_condition")
    assert named in source.reason
    assert f"this is app {APP_ID}, branch main, in eu-central-1, account {ACCOUNT}" in source.reason
    assert source.proposal is not None
    assert source.proposal.replaces == 0, "a statement beside it would undo its conditions"
    assert "replaces Statement[0]" in check(diagnosis, "service_role_trust").detail
    assert "service_role_trust_wrong" not in ranks(diagnosis)


def test_a_deny_of_every_other_account_is_a_source_condition_too() -> None:
    deny = {**DENY_ALL, "Condition": {"StringNotEquals": {"aws:SourceAccount": "444455556666"}}}
    diagnosis = diagnosed(UNASSUMABLE, **with_trust(trust("amplify.amazonaws.com", None, deny)))

    assert top(diagnosis) == ("service_role_source_condition", Rank.PROVEN)
    assert cause(diagnosis, "service_role_source_condition").proposal is None, "no Allow overrides a Deny"


def test_an_explicit_deny_is_proven_and_no_statement_is_proposed_for_it() -> None:
    diagnosis = diagnosed(UNASSUMABLE, **with_trust(trust("amplify.amazonaws.com", None, DENY_ALL)))

    assert top(diagnosis) == ("service_role_trust_wrong", Rank.PROVEN)
    assert cause(diagnosis, "service_role_trust_wrong").proposal is None
    assert "No statement is proposed" in check(diagnosis, "service_role_trust").detail


def test_an_extra_condition_is_not_blamed_on_the_source() -> None:
    condition = {**SOURCE_ELSEWHERE, "StringEquals": {"sts:ExternalId": "shop"}}
    diagnosis = diagnosed(UNASSUMABLE, **with_trust(trust(condition=condition)))

    assert top(diagnosis) == ("service_role_trust_wrong", Rank.PROVEN)


def test_the_apps_own_arn_without_a_wildcard_is_likely_the_mistake() -> None:
    diagnosis = diagnosed(UNASSUMABLE, **with_trust(trust(condition={"ArnLike": {"aws:SourceArn": APP_ARN}})))

    assert diagnosis.service is not None
    assert diagnosis.service.assumable is Assumable.CONDITIONAL
    assert diagnosis.service.usable is None
    assert top(diagnosis) == ("service_role_source_condition", Rank.LIKELY)
    assert "which of the two a build carries" in check(diagnosis, "service_role_trust").detail


def test_a_condition_on_the_branchs_arn_alone_proves_nothing() -> None:
    diagnosis = diagnosed(UNASSUMABLE, **with_trust(trust(condition={"ArnLike": {"aws:SourceArn": BRANCH_ARN}})))

    assert diagnosis.service is not None
    assert diagnosis.service.usable is None
    assert Rank.PROVEN not in ranks(diagnosis).values()


def test_a_condition_that_cannot_be_evaluated_is_a_possible_cause() -> None:
    condition = {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
    diagnosis = diagnosed(UNASSUMABLE, **with_trust(trust(condition=condition)))

    assert top(diagnosis) == ("repository_connection_lost", Rank.LIKELY)
    assert ranks(diagnosis)["service_role_trust_wrong"] is Rank.POSSIBLE
    assert check(diagnosis, "service_role_trust").result is CheckResult.UNKNOWN


def test_the_consoles_default_conditions_pass() -> None:
    condition = {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:amplify:eu-central-1:{ACCOUNT}:apps/*"},
    }
    diagnosis = diagnosed(UNASSUMABLE, **with_trust(trust(condition=condition)))

    assert diagnosis.service is not None
    assert diagnosis.service.assumable is Assumable.ALLOWED, "contested are source conditions of compute roles only"
    assert top(diagnosis) == ("repository_connection_lost", Rank.LIKELY)


def test_a_role_that_cannot_be_read_is_neither_blamed_nor_ruled_out() -> None:
    diagnosis = diagnosed(UNASSUMABLE, service=Unreadable("iam:GetRole was denied to the bot"))

    assert top(diagnosis) == ("repository_connection_lost", Rank.POSSIBLE)
    wrong = cause(diagnosis, "service_role_trust_wrong")
    assert wrong.rank is Rank.POSSIBLE
    assert "iam:GetRole was denied to the bot" in wrong.reason
    assert wrong.unseen == ("service_role_exists",)
    assert Rank.RULED_OUT not in ranks(diagnosis).values()


def test_a_malformed_trust_policy_proves_nothing() -> None:
    diagnosis = diagnosed(UNASSUMABLE, **with_trust('{"Version":"2012-10-17"}'))

    assert diagnosis.service is not None
    assert diagnosis.service.assumable is Assumable.UNREADABLE
    assert Rank.PROVEN not in ranks(diagnosis).values()


def test_an_app_that_could_not_be_read_rules_nothing_out() -> None:
    diagnosis = diagnosed(UNASSUMABLE, app=Unreadable("amplify:GetApp was denied"))

    assert set(ranks(diagnosis).values()) == {Rank.POSSIBLE}
    assert check(diagnosis, "service_role_set").result is CheckResult.UNKNOWN


# --- young roles


def test_a_role_created_moments_before_the_job_had_likely_not_propagated() -> None:
    diagnosis = diagnosed(UNASSUMABLE, **with_trust(trust(), created_at=STARTED - timedelta(seconds=20)))

    assert top(diagnosis) == ("iam_propagation", Rank.LIKELY)
    assert "to propagate a role" in cause(diagnosis, "iam_propagation").reason
    assert "20 s before the job started" in check(diagnosis, "service_role_age").detail
    assert ranks(diagnosis)["repository_connection_lost"] is Rank.POSSIBLE


def test_a_role_created_after_the_job_started_did_not_exist_for_it() -> None:
    diagnosis = diagnosed(UNASSUMABLE, **with_trust(trust(), created_at=STARTED + timedelta(seconds=40)))

    assert top(diagnosis) == ("iam_propagation", Rank.LIKELY)
    assert "40 s after the job started" in cause(diagnosis, "iam_propagation").reason


def test_a_young_role_whose_trust_denies_is_not_proven_wrong_yet() -> None:
    young = with_trust(trust("lambda.amazonaws.com"), created_at=STARTED - timedelta(seconds=20))
    diagnosis = diagnosed(UNASSUMABLE, **young)

    assert top(diagnosis) == ("service_role_trust_wrong", Rank.LIKELY)
    assert ranks(diagnosis)["iam_propagation"] is Rank.POSSIBLE


def test_propagation_is_not_a_cause_for_an_old_role() -> None:
    assert "iam_propagation" not in ranks(diagnosed(UNASSUMABLE))


# --- the repository


def test_a_build_that_cloned_the_repository_had_its_connection() -> None:
    diagnosis = diagnosed("[INFO]: # Cloning repository: https://github.com/acme/shop\n" + UNASSUMABLE)

    assert ranks(diagnosis)["repository_connection_lost"] is Rank.RULED_OUT


@pytest.mark.parametrize(
    "changes", [{"app": Present(app(repository=None))}, {"job": Present(job(type="MANUAL"))}], ids=["app", "job"]
)
def test_a_manual_deployment_has_no_connection_to_lose(changes: dict[str, Any]) -> None:
    diagnosis = diagnosed(UNASSUMABLE, **changes)

    assert ranks(diagnosis)["repository_connection_lost"] is Rank.RULED_OUT
    assert "repository_connection" not in check_ids(diagnosis)


def test_codecommit_uses_the_service_role_instead_of_a_connection() -> None:
    repository = "https://git-codecommit.eu-central-1.amazonaws.com/v1/repos/shop"
    diagnosis = diagnosed(UNASSUMABLE, app=Present(app(repository=repository, clone_method="SIGV4")))

    assert ranks(diagnosis)["repository_connection_lost"] is Rank.POSSIBLE


def test_the_checks_show_the_repository_and_when_the_build_stopped() -> None:
    diagnosis = diagnosed(UNASSUMABLE)

    assert "https://github.com/acme/shop" in check(diagnosis, "repository_connection").detail
    assert check(diagnosis, "repository_cloned").detail.endswith("1 s into BUILD")


def test_an_unreadable_log_does_not_show_where_the_build_stopped() -> None:
    diagnosis = diagnosed(UNASSUMABLE, log=Unreadable("the log's URL had expired"))

    assert check(diagnosis, "repository_cloned").result is CheckResult.UNKNOWN


# --- other checks


def test_a_permissions_boundary_is_named_and_called_irrelevant() -> None:
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/limits"
    found = check(diagnosed(UNASSUMABLE, **with_trust(trust(), permissions_boundary=boundary)), "service_role_boundary")

    assert found.result is CheckResult.PASS
    assert boundary in found.detail
    assert "not who assumes it" in found.detail


@pytest.mark.parametrize(
    ("platform", "framework", "result"),
    [
        ("WEB_COMPUTE", "Next.js - SSR", CheckResult.PASS),
        ("WEB", "React", CheckResult.PASS),
        ("WEB", "Next.js - SSR", CheckResult.FAIL),
        ("WEB_DYNAMIC", None, CheckResult.UNKNOWN),
    ],
)
def test_the_platform_is_checked_against_the_framework(platform: str, framework: str | None, result: object) -> None:
    changes = {"app": Present(app(platform=platform)), "branch": Present(branch(framework=framework))}

    assert check(diagnosed(UNASSUMABLE, **changes), "platform").result is result


def test_a_build_has_no_failed_check_of_the_compute_role_which_builds_never_use() -> None:
    diagnosis = diagnosed(UNASSUMABLE, branch=Present(branch(compute_role_arn=None)))

    assert not [each for each in check_ids(diagnosis) if each.startswith("compute")]


def test_a_stack_that_owns_the_role_is_named_with_the_statement() -> None:
    tagged = with_trust(trust("lambda.amazonaws.com"), tags={"aws:cloudformation:stack-name": "platform"})
    proposal = diagnosed(UNASSUMABLE, **tagged).causes[0].proposal

    assert proposal is not None
    assert "CloudFormation stack platform" in proposal.notes[0]
    assert proposal.principal == SERVICE_ROLE
