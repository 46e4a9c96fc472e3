"""The table, the topic, the default compute role, the outputs, and the warnings to the deployer."""

from __future__ import annotations

import json
import re

import pytest

from infra.iam import flatten
from medic import VERSION
from tests.infra.stacks import APP, EVERYTHING, ITEM_WRITES, of_type, properties_of, synthesis, template


def test_the_table_is_what_the_code_expects() -> None:
    table = properties_of(template(), "AWS::DynamoDB::Table")

    assert table["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    (index,) = table["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "due"
    assert index["KeySchema"] == [
        {"AttributeName": "due", "KeyType": "HASH"},
        {"AttributeName": "due_at", "KeyType": "RANGE"},
    ]
    assert {"AttributeName": "due_at", "AttributeType": "N"} in table["AttributeDefinitions"]


def test_the_table_is_encrypted_and_restorable() -> None:
    table = properties_of(template(), "AWS::DynamoDB::Table")

    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


@pytest.mark.parametrize("name", ["DefaultComputeRole94633B9D", "IncidentsTable7D5FD327"])
def test_a_resource_that_must_survive_updates_keeps_its_logical_id(name: str) -> None:
    # With another id, CloudFormation would replace it and delete the branches' role or every incident.
    assert name in template()["Resources"]


def test_nobody_but_the_remediator_and_the_watcher_writes_items() -> None:
    (statement,) = properties_of(template(), "AWS::DynamoDB::Table")["ResourcePolicy"]["PolicyDocument"]["Statement"]

    assert (statement["Effect"], statement["Principal"], statement["Resource"]) == ("Deny", {"AWS": "*"}, "*")
    assert set(statement["Action"]) == ITEM_WRITES
    writers = [flatten(arn) for arn in statement["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]]
    assert [re.sub(r"[0-9A-F]{8}", "", arn) for arn in writers] == ["<RemediatorRole.Arn>", "<WatcherRole.Arn>"]
    assert statement["Condition"].keys() == {"ArnNotEquals"}


def test_the_table_locks_nobody_out_who_deploys_or_repairs_it() -> None:
    (statement,) = properties_of(template(), "AWS::DynamoDB::Table")["ResourcePolicy"]["PolicyDocument"]["Statement"]
    of_the_table = ("DescribeTable", "UpdateTable", "DeleteTable", "ResourcePolicy", "*")

    assert not [action for action in statement["Action"] if action.endswith(of_the_table)]
    assert "NotAction" not in statement


def test_nothing_is_forwarded_to_a_central_bus_without_the_setting() -> None:
    assert "CentralBus" not in json.dumps(template(**EVERYTHING))


def test_uninstalling_leaves_only_the_default_role_which_live_branches_may_use() -> None:
    resources = template(**EVERYTHING)["Resources"].items()
    kept = {name for name, resource in resources if resource.get("DeletionPolicy", "Delete") != "Delete"}

    assert kept == {"DefaultComputeRole94633B9D"}
    assert template()["Resources"]["DefaultComputeRole94633B9D"]["DeletionPolicy"] == "Retain"


def test_the_topic_requires_tls_and_accepts_alarms_of_this_account() -> None:
    tls, alarms = properties_of(template(), "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]

    assert (tls["Effect"], tls["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert (alarms["Effect"], alarms["Action"]) == ("Allow", "sns:Publish")
    assert alarms["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert alarms["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert (
        flatten(alarms["Condition"]["ArnLike"]["aws:SourceArn"])
        == "arn:<AWS::Partition>:cloudwatch:<AWS::Region>:<AWS::AccountId>:alarm:*"
    )


def test_e_mail_addresses_in_the_settings_are_subscribed() -> None:
    subscription = properties_of(template(sns={"emails": ["web@example.com"]}), "AWS::SNS::Subscription")

    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "web@example.com")


def test_the_default_role_trusts_amplify_without_conditions_and_has_no_permissions() -> None:
    role = properties_of(template(), "AWS::IAM::Role", "DefaultComputeRole")

    assert role["Path"] == "/amplify-medic/"
    assert role["AssumeRolePolicyDocument"]["Statement"] == [
        {"Effect": "Allow", "Principal": {"Service": "amplify.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ]
    assert not role.keys() & {"Policies", "ManagedPolicyArns", "PermissionsBoundary", "RoleName"}
    assert not [name for name in of_type(template(), "AWS::IAM::Policy") if name.startswith("Default")]


def test_the_default_role_has_the_permissions_of_the_settings() -> None:
    role = properties_of(template(**EVERYTHING), "AWS::IAM::Role", "DefaultComputeRole")

    assert role["ManagedPolicyArns"] == ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]
    assert role["PermissionsBoundary"] == "arn:aws:iam::111122223333:policy/boundary"


def test_the_default_role_has_the_boundary_that_every_role_must_have() -> None:
    required = "arn:aws:iam::111122223333:policy/required"
    role = properties_of(template(required_permissions_boundary=required), "AWS::IAM::Role", "DefaultComputeRole")

    assert role["PermissionsBoundary"] == required


def test_the_outputs_name_what_people_and_the_cli_need() -> None:
    outputs = template()["Outputs"]

    assert set(outputs) == {
        *("AlertTopicArn", "DefaultComputeRoleArn", "OptInCommand", "RemediatorFunctionName", "IncidentsTableName"),
        *("OperatorRoleArn", "QueueUrl", "DeadLettersUrl", "EventSourceMappingId", "Version", "DoctorCommand"),
    }
    assert outputs["Version"]["Value"] == VERSION


def test_a_deployment_ends_by_naming_the_check_up() -> None:
    outputs = synthesis({}, {"CDK_DEFAULT_REGION": "eu-central-1", "CDK_DEFAULT_ACCOUNT": "111122223333"})

    command = flatten(outputs.template["Outputs"]["DoctorCommand"]["Value"])
    assert command == "medic doctor --stack AmplifyMedic --region eu-central-1"


def test_the_opt_in_command_can_be_pasted() -> None:
    environ = {"CDK_DEFAULT_ACCOUNT": "111122223333", "CDK_DEFAULT_REGION": "eu-central-1"}
    outputs = synthesis({}, environ).template["Outputs"]

    assert flatten(outputs["OptInCommand"]["Value"]).replace("<AWS::Partition>", "aws") == (
        "aws amplify tag-resource --region eu-central-1"
        " --resource-arn 'arn:aws:amplify:eu-central-1:111122223333:apps/APP_ID/branches/BRANCH'"
        " --tags 'amplify-medic:auto-fix=fix'"
    )


def test_the_stack_takes_no_parameters_of_its_own() -> None:
    assert set(template()["Parameters"]) == {"BootstrapVersion"}


def test_a_deployer_is_warned_if_nobody_would_receive_alerts() -> None:
    (warning,) = synthesis({}).warnings

    assert "No one would receive alerts" in warning
    assert "slack.webhook_secret" in warning
    assert "sns.emails" in warning


@pytest.mark.parametrize(
    "settings",
    [
        {"slack": {"webhook_secret": "medic"}},
        {"slack": {"bot_token_secret": "medic", "channel": "C0123456789"}},
        {"sns": {"emails": ["web@example.com"]}},
    ],
)
def test_there_is_no_warning_if_somebody_receives_alerts(settings: dict[str, object]) -> None:
    assert synthesis({**settings, "apps": [APP]}).warnings == ()
