from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medic.labels import Confidence, Identity, Label, PolicyType
from medic.logscan.denial import confidence_of, find_denials, label_of
from medic.logscan.principal import parse_principal
from medic.records import replace
from tests.unit.diagnosis.support import data

if TYPE_CHECKING:
    from medic.logscan.model import Denial

DENIALS: list[dict[str, Any]] = data("denials.json")
BUILD_SESSION = "arn:aws:sts::111122223333:assumed-role/amplify-service/BuildSession"
TABLE = "arn:aws:dynamodb:eu-west-1:111122223333:table/orders"


def _only(text: str) -> Denial:
    ((denial, _, _),) = find_denials(text)
    return denial


def _denial(principal: str | None = None, **parts: Any) -> Denial:
    return replace(parse_principal(principal), **parts)


@pytest.mark.parametrize("case", DENIALS, ids=lambda case: str(case["name"]))
def test_every_documented_form_is_read(case: dict[str, Any]) -> None:
    denial = _only(case["text"])

    read = {
        "principal": denial.principal,
        "action": denial.action,
        "resource": denial.resource,
        "policy_type": denial.policy_type.value if denial.policy_type else None,
        "explicit": denial.explicit,
        "policy_arn": denial.policy_arn,
        "identity": denial.identity.value,
        "label": label_of(denial).value,
    }
    assert read == case["expected"]


@pytest.mark.parametrize(
    ("spelling", "policy_type"),
    [
        ("a service control policy", PolicyType.SCP),
        ("a resource control policy", PolicyType.RCP),
        ("a VPC endpoint policy", PolicyType.VPC_ENDPOINT),
        ("a permissions boundary", PolicyType.BOUNDARY),
        ("a session policy", PolicyType.SESSION),
        ("a sessions policy", PolicyType.SESSION),
        ("a resource-based policy", PolicyType.RESOURCE),
        ("the role trust policy", PolicyType.TRUST),
        ("an identity-based policy", PolicyType.IDENTITY),
    ],
)
def test_every_policy_type_is_known_as_explicit_deny(spelling: str, policy_type: PolicyType) -> None:
    denial = _only(f"User: {BUILD_SESSION} is not authorized to perform: s3:Get with an explicit deny in {spelling}")

    assert (denial.policy_type, denial.explicit) == (policy_type, True)


@pytest.mark.parametrize("policy_type", [each for each in PolicyType if each is not PolicyType.RCP])
def test_every_policy_type_is_known_as_missing_allow(policy_type: PolicyType) -> None:
    reason = f"because no {policy_type.value} allows the s3:GetObject action"

    denial = _only(f"User: {BUILD_SESSION} is not authorized to perform: s3:GetObject {reason}")

    assert (denial.policy_type, denial.explicit) == (policy_type, False)


def test_several_denials_in_one_text_keep_their_own_parts() -> None:
    text = (
        f"User: {BUILD_SESSION} is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::a because no "
        "identity-based policy allows the s3:GetObject action "
        "User: arn:aws:iam::111122223333:user/x is not authorized to perform: sns:Publish with an explicit deny in a "
        "service control policy"
    )

    (first, _, _), (second, _, _) = find_denials(text)

    assert (first.action, first.policy_type) == ("s3:GetObject", PolicyType.IDENTITY)
    assert (second.action, second.policy_type) == ("sns:Publish", PolicyType.SCP)
    assert second.identity is Identity.USER


def test_no_more_denials_are_read_than_asked_for() -> None:
    text = " ".join(f"User: {BUILD_SESSION} is not authorized to perform: s3:Get{i}" for i in range(10))

    assert len(list(find_denials(text, limit=3))) == 3


@pytest.mark.parametrize(
    ("parts", "confidence"),
    [
        ({"principal": BUILD_SESSION}, Confidence.HIGH),
        ({"policy_type": PolicyType.SCP}, Confidence.HIGH),
        ({"action": "s3:GetObject"}, Confidence.MEDIUM),
        ({}, Confidence.LOW),
    ],
)
def test_confidence_follows_what_the_text_names(parts: dict[str, Any], confidence: Confidence) -> None:
    assert confidence_of(_denial(**parts)) is confidence


@pytest.mark.parametrize("policy_type", list(PolicyType))
@pytest.mark.parametrize("explicit", [True, False])
def test_a_denied_pass_role_has_the_same_label_for_every_policy_type(
    policy_type: PolicyType, *, explicit: bool
) -> None:
    denial = _denial(action="iam:PassRole", policy_type=policy_type, explicit=explicit, identity=Identity.USER)

    assert label_of(denial) is Label.PASS_ROLE_DENIED


_PIECES = st.sampled_from(
    [
        "User: ",
        BUILD_SESSION,
        " is not authorized to perform: ",
        "s3:GetObject",
        " on resource: ",
        TABLE,
        " because no ",
        "identity-based policy",
        " allows the s3:GetObject action",
        " with an explicit deny in a ",
        "permissions boundary",
        '"',
        ";",
        " ",
        "x" * 700,
    ]
)


@given(st.lists(_PIECES | st.text(max_size=20), max_size=40).map("".join))
def test_denials_lie_within_the_text_in_order_and_nothing_raises(text: str) -> None:
    spans = [(start, end) for _, start, end in find_denials(text)]

    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert spans == sorted(spans)


@pytest.mark.parametrize(
    ("text", "denied"),
    [
        ("User is not authorized to access this resource", False),
        ("User is not authorized to access this resource with an explicit deny", True),
        ("User: arn:aws:iam::111122223333:user/a is not authorized to access this resource", True),
        ("You are not authorized to perform: update:user", False),
        ("You are not authorized to perform: iam:CreateUser", True),
    ],
)
def test_an_applications_own_refusal_is_no_denial(text: str, *, denied: bool) -> None:
    assert bool(list(find_denials(text))) is denied
