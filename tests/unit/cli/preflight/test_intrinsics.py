"""Intrinsic functions are resolved as far as the templates tell their values, and no further."""

from __future__ import annotations

from typing import Any

import pytest

from medic_cli.preflight.documents import FileContent
from medic_cli.preflight.intrinsics import Library, Template
from medic_cli.preflight.symbols import filled_loosely, is_plain, why_unknown

SECTIONS: dict[str, Any] = {
    "Parameters": {"Stage": {"Type": "String", "Default": "dev"}, "Given": {"Type": "String"}},
    "Mappings": {"Roles": {"prod": {"name": "web-prod"}, "dev": {"name": "web-dev"}}},
    "Conditions": {
        "True": {"Fn::Equals": ["a", "a"]},
        "False": {"Fn::Not": [{"Condition": "True"}]},
        "Open": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]},
        "Given": {"Fn::Equals": [{"Ref": "Given"}, "prod"]},
        "Loop": {"Fn::Not": [{"Condition": "Loop"}]},
        "Both": {"Fn::And": [{"Condition": "True"}, {"Condition": "Open"}]},
        "None": {"Fn::And": [{"Condition": "False"}, {"Condition": "Open"}]},
        "Any": {"Fn::Or": [{"Condition": "True"}, {"Condition": "Open"}]},
        "AnyOpen": {"Fn::Or": [{"Condition": "False"}, {"Condition": "Open"}]},
        "AnyFalse": {"Fn::Or": [{"Condition": "False"}, {"Condition": "False"}]},
    },
    "Resources": {
        "App": {"Type": "AWS::Amplify::App", "Properties": {"Name": "web"}},
        "Main": {"Type": "AWS::Amplify::Branch", "Properties": {"BranchName": "main"}},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "web", "Path": "/app/"}},
        "Bucket": {"Type": "AWS::S3::Bucket"},
        "Here": {"Type": "AWS::IAM::Role", "Condition": "True"},
        "Gone": {"Type": "AWS::IAM::Role", "Condition": "False"},
        "Perhaps": {"Type": "AWS::IAM::Role", "Condition": "Open"},
    },
}


def template(**known: Any) -> Template:
    usual: dict[str, Any] = {"account": "111122223333", "region": "eu-central-1", "app_ids": {"App": "d1web"}}
    return Template(FileContent("t.yaml", SECTIONS), {"Given": "prod"}, Library(), **{**usual, **known})


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("plain", "plain"),
        ({"Ref": "Given"}, "prod"),
        ({"Ref": "AWS::AccountId"}, "111122223333"),
        ({"Ref": "AWS::Partition"}, "aws"),
        ({"Ref": "AWS::URLSuffix"}, "amazonaws.com"),
        ({"Ref": "App"}, "arn:aws:amplify:eu-central-1:111122223333:apps/d1web"),
        ({"Fn::GetAtt": ["App", "AppId"]}, "d1web"),
        ({"Fn::GetAtt": "App.AppId"}, "d1web"),
        ({"Fn::GetAtt": ["Main", "BranchName"]}, "main"),
        ({"Fn::Sub": "amplify.${AWS::Region}.x"}, "amplify.eu-central-1.x"),
        ({"Fn::Sub": "${Given}-${App.AppId}-${!Literal}"}, "prod-d1web-${Literal}"),
        ({"Fn::Sub": ["${name}-${Given}", {"name": {"Ref": "Given"}}]}, "prod-prod"),
        ({"Fn::Join": ["/", ["a", {"Ref": "Given"}]]}, "a/prod"),
        ({"Fn::Select": ["1", {"Fn::Split": ["/", {"Ref": "App"}]}]}, "d1web"),
        ({"Fn::FindInMap": ["Roles", {"Ref": "Given"}, "name"]}, "web-prod"),
        ({"Fn::If": ["True", "yes", "no"]}, "yes"),
        ({"Fn::If": ["False", "yes", {"Fn::If": ["Given", "prod", "dev"]}]}, "prod"),
        ({"Fn::If": ["Open", "same", "same"]}, "same"),
        ({"Fn::If": ["None", "yes", "no"]}, "no"),
        ({"Fn::If": ["Any", "yes", "no"]}, "yes"),
        ({"Fn::If": ["AnyFalse", "yes", "no"]}, "no"),
        ([{"Fn::If": ["False", "a", {"Ref": "AWS::NoValue"}]}, "b"], ["b"]),
        ({"kept": "x", "left": {"Ref": "AWS::NoValue"}}, {"kept": "x"}),
    ],
)  # fmt: skip
def test_what_the_template_tells_is_resolved(given: Any, value: Any) -> None:
    assert template().resolve(given) == value


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"Ref": "Stage"}, "it is the parameter Stage"),
        ({"Ref": "Nothing"}, "there is no Nothing in the template"),
        ({"Ref": "Bucket"}, "it is Bucket, which the deployment decides"),
        ({"Fn::GetAtt": ["App", "DefaultDomain"]}, "it is DefaultDomain of App, which the deployment decides"),
        ({"Fn::Sub": "a-${Stage}"}, "it is the parameter Stage"),
        ({"Fn::Join": ["", ["a", {"Ref": "Stage"}]]}, "it is the parameter Stage"),
        ({"Fn::Join": ["", {"Ref": "Stage"}]}, "it is the parameter Stage"),
        ({"Fn::Select": ["0", {"Fn::Split": ["/", {"Ref": "Stage"}]}]}, "it is the parameter Stage"),
        ({"Fn::Select": ["7", ["a"]]}, "a Select that is not understood"),
        ({"Fn::FindInMap": ["Roles", {"Ref": "Stage"}, "name"]}, "it is the parameter Stage"),
        ({"Fn::If": ["Open", "yes", "no"]}, "it depends on a condition"),
        ({"Fn::If": ["Loop", "yes", "no"]}, "it depends on a condition"),
        ({"Fn::If": ["Both", "yes", "no"]}, "it depends on a condition"),
        ({"Fn::If": ["AnyOpen", "yes", "no"]}, "it depends on a condition"),
        ({"Fn::ImportValue": "Other"}, "the export Other is in none of these files"),
        ({"Fn::Transform": {"Name": "AWS::Include"}}, "Fn::Transform is not evaluated"),
        ("{{resolve:ssm:/role}}", "it is a dynamic reference, which only the deployment reads"),
    ],
)  # fmt: skip
def test_what_it_does_not_tell_is_unknown_with_the_reason(given: Any, reason: str) -> None:
    assert why_unknown(template().resolve(given)) == reason


def test_a_role_is_known_by_its_path_and_the_account_even_before_it_has_a_name() -> None:
    value = template().resolve({"Fn::GetAtt": ["Role", "Arn"]})
    assert isinstance(value, str)
    assert why_unknown(value) is None
    assert filled_loosely(value, {}) == "arn:aws:iam::111122223333:role/app/…"


def test_account_and_region_stay_open_until_they_are_given() -> None:
    unsure = Template(FileContent("t.yaml", SECTIONS), {}, Library())
    value = unsure.resolve({"Fn::Sub": "${AWS::AccountId} ${AWS::Region} ${AWS::Partition}"})
    assert why_unknown(value) is None
    assert not is_plain(value)


@pytest.mark.parametrize(
    ("region", "partition", "suffix"),
    [("cn-north-1", "aws-cn", "amazonaws.com.cn"), ("us-gov-west-1", "aws-us-gov", "amazonaws.com")],
)
def test_the_partition_follows_from_the_region(region: str, partition: str, suffix: str) -> None:
    given = {"Fn::Sub": "${AWS::Partition} ${AWS::URLSuffix}"}
    assert template(region=region).resolve(given) == f"{partition} {suffix}"


def test_a_resource_whose_condition_is_false_is_left_out_and_an_open_one_is_not() -> None:
    assert {"Here", "Perhaps", "Role"} == set(template().resources("AWS::IAM::Role"))


def test_a_value_that_refers_to_itself_ends() -> None:
    deep: Any = "x"
    for _ in range(500):
        deep = {"Fn::Sub": ["${a}", {"a": deep}]}
    assert why_unknown(template().resolve(deep)) == "it is nested too deep, or refers to itself"
