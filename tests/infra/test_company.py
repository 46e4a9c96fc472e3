"""What companies ask of the stack: boundary and path of every role, their own key, logs that stay."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from aws_cdk import App, Aspects, CfnResource, Environment, Stack

from infra.company import CompanyRules
from infra.iam import flatten
from medic.settings import Settings
from tests.infra.stacks import BOUNDARY, COMPANY, EVERYTHING, KEY, of_type, properties_of, statements, template

KEY_POLICY = Path(__file__).parents[2] / "docs" / "examples" / "key-policy.json"
ENCRYPTED = {
    "AWS::DynamoDB::Table": ("SSESpecification", {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY}),
    "AWS::SQS::Queue": ("KmsMasterKeyId", KEY),
    "AWS::SNS::Topic": ("KmsMasterKeyId", KEY),
    "AWS::Logs::LogGroup": ("KmsKeyId", KEY),
}


def test_every_role_has_the_boundary_and_the_path() -> None:
    roles = {name: role["Properties"] for name, role in of_type(template(**COMPANY), "AWS::IAM::Role").items()}

    assert len(roles) == 7
    assert {role["Path"] for role in roles.values()} == {"/platform/medic/"}
    own = EVERYTHING["default_role"]["permissions_boundary"]  # type: ignore[index]
    boundaries = {re.sub("[0-9A-F]{8}$", "", name): role["PermissionsBoundary"] for name, role in roles.items()}
    assert boundaries.pop("DefaultComputeRole") == own
    assert set(boundaries.values()) == {BOUNDARY}


def test_without_a_boundary_of_its_own_the_default_role_has_the_stacks() -> None:
    role = properties_of(template(permissions_boundary=BOUNDARY), "AWS::IAM::Role", "DefaultComputeRole")

    assert (role["PermissionsBoundary"], role["Path"]) == (BOUNDARY, "/amplify-medic/")


def test_roles_that_cdk_makes_for_itself_have_them_too() -> None:
    app = App()
    stack = Stack(app, "Raw", env=Environment())
    CfnResource(stack, "ProviderRole", type="AWS::IAM::Role", properties={"AssumeRolePolicyDocument": {}})
    Aspects.of(stack).add(CompanyRules(Settings.parse(COMPANY)))
    (role,) = of_type(app.synth().get_stack_by_name("Raw").template, "AWS::IAM::Role").values()

    assert role["Properties"]["PermissionsBoundary"] == BOUNDARY
    assert role["Properties"]["Path"] == "/platform/medic/"


@pytest.mark.parametrize("kind", ENCRYPTED)
def test_everything_that_keeps_data_is_encrypted_with_the_key(kind: str) -> None:
    name, value = ENCRYPTED[kind]
    kept = [resource["Properties"] for resource in of_type(template(**COMPANY), kind).values()]

    assert kept
    assert [properties.get(name) for properties in kept] == [value] * len(kept)
    assert not any("SqsManagedSseEnabled" in properties for properties in kept)


@pytest.mark.parametrize(
    ("role", "services"),
    [
        ("RemediatorRole", ["dynamodb", "sns", "sqs"]),
        ("WatcherRole", ["dynamodb", "sqs"]),
        ("OperatorRole", ["dynamodb", "sqs"]),
        ("SlackInteractivityRole", ["sqs"]),
    ],
)
def test_each_principal_may_use_the_key_through_the_services_it_calls(role: str, services: list[str]) -> None:
    statement = statements(template(**COMPANY), role)["UseTheKey"]

    assert statement["Resource"] == KEY
    assert set(statement["Action"]) == {"kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"}
    (through,) = statement["Condition"]["StringEquals"].values()
    named = through if isinstance(through, list) else [through]
    assert [flatten(each) for each in named] == [f"{each}.<AWS::Region>.amazonaws.com" for each in services]


def test_without_the_setting_nobody_uses_a_key() -> None:
    assert "kms:" not in json.dumps(template(**EVERYTHING))
    assert "UseTheKey" not in statements(template(**COMPANY), "RemediatorActorRole")


def test_the_example_of_a_key_policy_lets_every_service_use_the_key_that_writes_by_itself() -> None:
    by_service = {each["Principal"]["Service"]: each for each in json.loads(KEY_POLICY.read_text(encoding="utf-8"))}
    targets = {"events.amazonaws.com", "cloudwatch.amazonaws.com"}

    assert by_service.keys() == targets | {"logs.eu-central-1.amazonaws.com"}
    for service in targets:
        assert set(by_service[service]["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey*"}
    assert {service for service, each in by_service.items() if "Condition" not in each} == {"events.amazonaws.com"}


@pytest.mark.parametrize(("keeps", "policy"), [(True, "Retain"), (False, "Delete")])
def test_logs_stay_after_the_stack_if_wanted(keeps: bool, policy: str) -> None:  # noqa: FBT001
    groups = of_type(template(keep_logs=keeps), "AWS::Logs::LogGroup")

    assert len(groups) == 2
    assert {group.get("DeletionPolicy") for group in groups.values()} == {policy}


def test_concurrency_is_reserved_only_if_set() -> None:
    functions = of_type(template(**COMPANY), "AWS::Lambda::Function").values()
    reserved = {f["Properties"]["Handler"]: f["Properties"].get("ReservedConcurrentExecutions") for f in functions}

    assert reserved == {
        "remediator.handler.handler": 6,
        "watcher.handler.handler": None,
        "slack_interactivity.handler.handler": 2,
    }
    mapping = properties_of(template(**COMPANY), "AWS::Lambda::EventSourceMapping")
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 5}
    assert "ReservedConcurrentExecutions" not in json.dumps(template(**EVERYTHING))
