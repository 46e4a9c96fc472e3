"""The remediator's own role: reading, and the bot's own table, topic and queue."""

from __future__ import annotations

import pytest

from infra.iam import flatten
from tests.infra.stacks import APP, EVERYTHING, actions, reader

AMPLIFY = "arn:<AWS::Partition>:amplify:<AWS::Region>:<AWS::AccountId>"
PARAMETER = "arn:<AWS::Partition>:ssm:<AWS::Region>:<AWS::AccountId>:parameter"
PARAMETER_OF_TEAM = "arn:aws:ssm:eu-central-1:111122223333:parameter"
KEYS = "arn:<AWS::Partition>:kms:<AWS::Region>:<AWS::AccountId>:key"
SECRET = "arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret"


def test_all_apps_are_read_unless_some_are_listed() -> None:
    assert flatten(reader()["ReadApps"]["Resource"]) == f"{AMPLIFY}:apps/*"

    listed = reader(apps=[APP])["ReadApps"]["Resource"]
    assert isinstance(listed, list)
    assert [flatten(arn) for arn in listed] == [f"{AMPLIFY}:apps/{APP}", f"{AMPLIFY}:apps/{APP}/*"]


@pytest.mark.parametrize(
    ("secret", "resource"),
    [
        ("medic/slack", f"{SECRET}:medic/slack-??????"),
        (
            "arn:aws:secretsmanager:eu-central-1:111122223333:secret:medic/slack-AbCdEf",
            "arn:aws:secretsmanager:eu-central-1:111122223333:secret:medic/slack-AbCdEf",
        ),
    ],
)
def test_only_the_named_secrets_are_read(secret: str, resource: str) -> None:
    statement = reader(slack={"webhook_secret": secret, "channels": {"again": secret}})["ReadSlackSecrets"]

    assert actions(statement) == ["secretsmanager:GetSecretValue"]
    assert flatten(statement["Resource"]) == resource


@pytest.mark.parametrize(
    ("secret", "resource"),
    [
        ("ssm:/medic/slack", f"{PARAMETER}/medic/slack"),
        ("ssm:slack", f"{PARAMETER}/slack"),
        (f"{PARAMETER_OF_TEAM}/medic/slack", f"{PARAMETER_OF_TEAM}/medic/slack"),
    ],
)
def test_only_the_named_parameters_are_read_and_decrypted_through_ssm(secret: str, resource: str) -> None:
    granted = reader(slack={"webhook_secret": secret})
    read, decrypt = granted["ReadSlackSecretsOfSsm"], granted["ReadSlackSecretsKey"]

    assert "ReadSlackSecrets" not in granted
    assert (actions(read), flatten(read["Resource"])) == (["ssm:GetParameter"], resource)
    assert (actions(decrypt), flatten(decrypt["Resource"])) == (["kms:Decrypt"], f"{KEYS}/*")
    (values,) = decrypt["Condition"].values()
    assert {name: flatten(value[0] if isinstance(value, list) else value) for name, value in values.items()} == {
        "kms:ViaService": "ssm.<AWS::Region>.amazonaws.com",
        "kms:EncryptionContext:PARAMETER_ARN": resource,
    }


def test_without_slack_no_secret_is_read() -> None:
    assert not [sid for sid in reader() if "Secret" in sid]


def test_the_policies_of_the_account_and_those_of_aws_are_read() -> None:
    granted = reader()["ReadManagedPolicies"]
    resources = granted["Resource"]

    assert actions(granted) == ["iam:GetPolicy", "iam:GetPolicyVersion"]
    assert isinstance(resources, list)
    assert {flatten(resource) for resource in resources} == {
        f"arn:<AWS::Partition>:iam::{owner}:policy/*" for owner in ("<AWS::AccountId>", "aws")
    }


def test_only_calls_that_iam_limits_to_no_resource_are_granted_without_naming_one() -> None:
    of_everything = {sid for sid, statement in reader(**EVERYTHING).items() if flatten(statement["Resource"]) == "*"}

    assert of_everything == {"FindWhoChangedIt", "NameTheAccount"}
    assert actions(reader()["NameTheAccount"]) == ["iam:ListAccountAliases"]


def test_cloudtrail_is_read_where_iam_and_the_apps_are_unless_the_settings_withhold_it() -> None:
    statement = reader()["FindWhoChangedIt"]

    assert actions(statement) == ["cloudtrail:LookupEvents"]
    regions = statement["Condition"]["StringEquals"]["aws:RequestedRegion"]
    assert isinstance(regions, list)
    assert [flatten(region) for region in regions] == ["<AWS::Region>", "us-east-1", "cn-north-1", "us-gov-west-1"]
    assert "FindWhoChangedIt" not in reader(cloudtrail=False)


@pytest.mark.parametrize(
    ("sid", "resource"),
    [
        ("KeepIncidents", "<IncidentsTable"),
        ("SendAlerts", "<AlertsTopic"),
        ("HandleMessages", "<Queue4"),
        ("WriteOwnLog", "<RemediatorLogs"),
        ("BecomeActor", "<RemediatorActorRole"),
    ],
)
def test_the_bots_own_resources_are_named_exactly(sid: str, resource: str) -> None:
    assert flatten(reader()[sid]["Resource"]).startswith(resource)
