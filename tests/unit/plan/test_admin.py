"""Policies of an administrator are recognised; policies that an app's role needs are not."""

from __future__ import annotations

from typing import Any

import pytest

from medic.evidence import RolePolicies
from medic.plan.guardrails import admin_like


def allowing(**statement: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", **statement}]}


ADMIN_DOCUMENTS = {
    "everything": allowing(Action="*"),
    "everything, in a list": allowing(Action=["s3:GetObject", "*:*"]),
    "all of IAM": allowing(Action="iam:*"),
    "all of IAM in capitals": allowing(Action="IAM:*"),
    "a pattern that covers IAM": allowing(Action="i*"),
    "PassRole on everything": allowing(Action="iam:PassRole"),
    "PassRole by pattern": allowing(Action="iam:Pass*"),
    "PassRole on every role": allowing(Action="iam:PassRole", Resource="arn:aws:iam::111122223333:role/*"),
    "everything but": allowing(NotAction="s3:*", Action=None),
    "PassRole on all but": {
        "Statement": {"Effect": "Allow", "Action": "iam:PassRole", "NotResource": "arn:aws:iam::1:role/x"}
    },
}
ORDINARY_DOCUMENTS = {
    "a table": allowing(Action=["dynamodb:GetItem", "dynamodb:PutItem"]),
    "reading IAM": allowing(Action=["iam:GetRole", "iam:List*"]),
    "PassRole of one role": allowing(Action="iam:PassRole", Resource="arn:aws:iam::111122223333:role/worker"),
    "a denial": {"Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]},
    "nothing": {},
}


@pytest.mark.parametrize("name", ADMIN_DOCUMENTS)
def test_an_administrators_document_is_recognised(name: str) -> None:
    assert admin_like(RolePolicies((), (ADMIN_DOCUMENTS[name],)))


@pytest.mark.parametrize("name", ORDINARY_DOCUMENTS)
def test_an_ordinary_document_is_not_called_an_administrators(name: str) -> None:
    assert admin_like(RolePolicies((), (ORDINARY_DOCUMENTS[name],))) is None


@pytest.mark.parametrize(
    "policy", ["AdministratorAccess", "AdministratorAccess-Amplify", "PowerUserAccess", "IAMFullAccess"]
)
def test_an_administrators_managed_policy_is_recognised(policy: str) -> None:
    assert admin_like(RolePolicies((f"arn:aws:iam::aws:policy/{policy}",), ()))


def test_a_customer_policy_is_judged_by_its_document_not_its_name() -> None:
    assert admin_like(RolePolicies(("arn:aws:iam::111122223333:policy/AdministratorAccess",), ())) is None
