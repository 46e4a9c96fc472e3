"""docs/permissions.md matches the template."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING

import pytest

from infra.iam import WHY, Template, flatten
from infra.permissions_page import EXAMPLE, PAGE, render
from tests.infra.stacks import COMPANY, actions, of_type, template

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from infra.iam import PolicyStatement


def test_the_page_matches_the_template() -> None:
    page = render(template(**EXAMPLE), template(), template(**{**EXAMPLE, "mode": "report"}))

    assert PAGE.read_text() == page, "run `python -m infra.permissions_page`"


def test_the_example_contains_every_statement() -> None:
    def sids(stack: Template) -> set[str]:
        policies = of_type(stack, "AWS::IAM::Policy").values()
        return {s["Sid"] for policy in policies for s in policy["Properties"]["PolicyDocument"]["Statement"]}

    assert sids(template(**EXAMPLE)) == sids(template(**COMPANY))


def test_every_statement_has_its_reason() -> None:
    for policy in of_type(template(**COMPANY), "AWS::IAM::Policy").values():
        statements = policy["Properties"]["PolicyDocument"]["Statement"]

        assert policy["Metadata"][WHY].keys() == {statement["Sid"] for statement in statements}
        assert all(policy["Metadata"][WHY].values())


def test_every_granted_action_is_on_the_page() -> None:
    page = PAGE.read_text()

    for policy in of_type(template(**COMPANY), "AWS::IAM::Policy").values():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            assert all(f"`{action}`" in page for action in actions(statement))


def without_one(stack: Template) -> Iterator[tuple[str, Template]]:
    """The template once for each statement of each role, without it; and which one that is."""
    for name, policy in of_type(stack, "AWS::IAM::Policy").items():
        statements = policy["Properties"]["PolicyDocument"]["Statement"]
        for number, statement in enumerate(statements):
            smaller = copy.deepcopy(stack)
            del smaller["Resources"][name]["Properties"]["PolicyDocument"]["Statement"][number]
            yield f"{name}: {statement['Sid']}", smaller


def test_the_page_notices_when_any_one_statement_is_missing() -> None:
    page, report = PAGE.read_text(), template(**{**EXAMPLE, "mode": "report"})
    smaller = dict(without_one(template(**EXAMPLE)))

    assert len(smaller) >= 40
    assert [name for name, stack in smaller.items() if render(stack, template(), report) == page] == []


def rights(statements: Sequence[PolicyStatement]) -> set[tuple[str, str, str, str]]:
    """Each effect, action, resource and condition."""
    return {
        (each["Effect"], action, flatten(resource), json.dumps(each.get("Condition", {}), sort_keys=True))
        for each in statements
        for action in actions(each)
        for resource in (each["Resource"] if isinstance(each["Resource"], list) else [each["Resource"]])
    }


@pytest.mark.parametrize("settings", [{}, COMPANY], ids=["default", "company"])
def test_no_statement_grants_only_what_another_one_grants(settings: dict[str, object]) -> None:
    for policy in of_type(template(**settings), "AWS::IAM::Policy").values():
        statements = policy["Properties"]["PolicyDocument"]["Statement"]
        for statement in statements:
            rest = [each for each in statements if each is not statement]
            assert not rights([statement]) & rights(rest), statement["Sid"]


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("plain", "plain"),
        ({"Ref": "AWS::Region"}, "<AWS::Region>"),
        ({"Fn::GetAtt": ["Table", "Arn"]}, "<Table.Arn>"),
        ({"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":x"]]}, "arn:<AWS::Partition>:x"),
        ({"Fn::Select": [0, "a"]}, '{"Fn::Select":[0,"a"]}'),
    ],
)
def test_intrinsic_functions_are_flattened(value: object, line: str) -> None:
    assert flatten(value) == line
