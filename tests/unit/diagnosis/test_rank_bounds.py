"""A rank is the lower of what the symptom's source allows and what AWS's state shows. Commands need more still."""

from __future__ import annotations

from typing import Any

import pytest

from medic.diagnosis.checks import CALLER_LACKS
from medic.diagnosis.diagnose import diagnose
from medic.diagnosis.facts import bounded
from medic.diagnosis.model import CheckResult, Diagnosis, Proposal, Rank
from medic.evidence import Absent, Item, Present, RolePolicies, Unreadable
from medic.labels import Phase, Source
from medic.logscan.scan import scan
from medic.records import replace
from tests.unit.diagnosis.diagnosing import (
    ACCOUNT,
    BUILD_SESSION,
    CODECOMMIT_REFUSED,
    COMPUTE_ROLE,
    COMPUTE_SESSION,
    SERVICE_ROLE,
    app,
    check,
    denial,
    diagnosed,
    evidence,
    session,
    top,
)

_TABLE = "arn:aws:dynamodb:eu-central-1:{}:table/orders"


def policies(*actions: str, resource: str = "*") -> Present[RolePolicies]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return Present(RolePolicies((), ({"Version": "2012-10-17", "Statement": [statement]},)))


NOTHING = Present(RolePolicies((), ()))


def denied(text: str, given: Item[RolePolicies], phase: Phase = Phase.BUILD) -> Diagnosis:
    return diagnosed(text, phase, policies={SERVICE_ROLE: given, COMPUTE_ROLE: given})


def proposed(diagnosis: Diagnosis) -> Proposal:
    (proposal,) = (cause.proposal for cause in diagnosis.causes if cause.proposal is not None)
    return proposal


@pytest.mark.parametrize(
    ("source", "silent", "agrees"),
    [
        (Source.API, Rank.LIKELY, Rank.PROVEN),
        (Source.AMPLIFY, Rank.LIKELY, Rank.PROVEN),
        (Source.BUILD, Rank.LIKELY, Rank.PROVEN),
        (Source.RUNTIME, Rank.POSSIBLE, Rank.LIKELY),
    ],
)
def test_the_source_and_the_state_bound_the_rank(source: Source, silent: Rank, agrees: Rank) -> None:
    assert bounded(Rank.PROVEN, source, state_agrees=False) is silent
    assert bounded(Rank.PROVEN, source, state_agrees=True) is agrees
    assert bounded(Rank.POSSIBLE, source, state_agrees=True) is Rank.POSSIBLE
    assert bounded(Rank.RULED_OUT, source, state_agrees=True) is Rank.RULED_OUT


def test_every_source_has_a_bound() -> None:
    assert all(bounded(Rank.PROVEN, source, state_agrees=agrees) for source in Source for agrees in (True, False))


@pytest.mark.parametrize(
    ("given", "result", "rank"),
    [
        (NOTHING, CheckResult.FAIL, Rank.PROVEN),
        (policies("dynamodb:PutItem"), CheckResult.FAIL, Rank.PROVEN),
        (policies("dynamodb:GetItem", resource=_TABLE.format(ACCOUNT) + "-old"), CheckResult.FAIL, Rank.PROVEN),
        (policies("dynamodb:*"), CheckResult.PASS, Rank.POSSIBLE),
        (Unreadable("iam:ListRolePolicies was denied"), CheckResult.UNKNOWN, Rank.LIKELY),
        (Absent("IAM has no role service"), CheckResult.UNKNOWN, Rank.LIKELY),
    ],
)
def test_a_missing_permission_is_proven_only_if_the_policies_lack_it_now(
    given: Item[RolePolicies], result: CheckResult, rank: Rank
) -> None:
    diagnosis = denied(denial(BUILD_SESSION), given)

    assert check(diagnosis, CALLER_LACKS).result is result
    assert top(diagnosis) == ("permission_missing_identity", rank)


def test_a_line_of_an_ssr_log_proves_nothing_even_if_the_policies_lack_the_action() -> None:
    diagnosis = denied(denial(COMPUTE_SESSION), NOTHING, Phase.RUNTIME)

    assert top(diagnosis) == ("permission_missing_identity", Rank.LIKELY)
    assert not proposed(diagnosis).as_command
    assert "meant to do this" in proposed(diagnosis).notes[0]


def test_a_denial_that_the_build_survived_is_no_cause() -> None:
    reading = scan([denial(BUILD_SESSION).encode()], Phase.BUILD)
    survived = replace(reading, findings=tuple(replace(each, ended_build=False) for each in reading.findings))

    assert reading.findings
    assert diagnose(evidence(), survived, Phase.BUILD).causes == ()


def test_a_command_is_offered_if_a_role_of_the_app_lacks_a_harmless_action_on_a_known_resource() -> None:
    assert proposed(denied(denial(BUILD_SESSION), NOTHING)).as_command


def test_for_a_resource_without_an_account_in_its_arn_the_reader_checks_the_owner() -> None:
    proposal = proposed(denied(denial(BUILD_SESSION, action="s3:GetObject", resource="arn:aws:s3:::b/k"), NOTHING))

    assert proposal.as_command
    assert "check that the resource is yours" in proposal.notes[-1]


@pytest.mark.parametrize(
    ("text", "given"),
    [
        (denial(BUILD_SESSION), Unreadable("denied")),
        (denial(BUILD_SESSION), policies("dynamodb:GetItem")),
        (denial(session("deployer", "ci")), NOTHING),
        (denial(session("service", "BuildSession", "999988887777")), NOTHING),
        (denial(BUILD_SESSION, resource=_TABLE.format("999988887777")), NOTHING),
        (denial(BUILD_SESSION, resource=_TABLE.format(ACCOUNT).replace("arn:aws:", "arn:aws-cn:")), NOTHING),
        (denial(BUILD_SESSION, resource="*"), NOTHING),
        (denial(BUILD_SESSION, resource=f"arn:aws:iam::{ACCOUNT}:user/x", action="iam:CreateAccessKey"), NOTHING),
        (denial(BUILD_SESSION, resource=f"arn:aws:iam::{ACCOUNT}:role/x", action="sts:AssumeRole"), NOTHING),
        (
            denial(BUILD_SESSION, resource="arn:aws:organizations::1:o", action="organizations:LeaveOrganization"),
            NOTHING,
        ),
        (
            denial(
                BUILD_SESSION,
                resource=f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:f",
                action="lambda:UpdateFunctionCode",
            ),
            NOTHING,
        ),
    ],
    ids=[
        *("policies not read", "allowed by now", "another role", "another account's role"),
        *("another account's resource", "another partition's resource", "no resource", "creates keys"),
        *("assumes a role", "organizations", "code"),
    ],
)
def test_otherwise_at_most_the_statement_is_shown(text: str, given: Any) -> None:
    causes = denied(text, given).causes

    assert not any(cause.proposal.as_command for cause in causes if cause.proposal is not None)


def test_codecommits_refusal_passes_the_same_rules() -> None:
    repository = "https://git-codecommit.eu-central-1.amazonaws.com/v1/repos/shop"

    def refused(given: Item[RolePolicies]) -> Diagnosis:
        changes: dict[str, Any] = {"app": Present(app(repository=repository)), "policies": {SERVICE_ROLE: given}}
        return diagnosed(CODECOMMIT_REFUSED, **changes)

    assert proposed(refused(NOTHING)).as_command
    assert not proposed(refused(policies("codecommit:*"))).as_command
