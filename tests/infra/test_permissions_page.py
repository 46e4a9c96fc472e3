"""docs/permissions.md matches the template."""

from __future__ import annotations

import pytest

from infra.iam import WHY, Template, flatten
from infra.permissions_page import EXAMPLE, PAGE, render
from tests.infra.stacks import COMPANY, actions, of_type, template


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
