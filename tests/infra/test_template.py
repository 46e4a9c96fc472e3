"""The template for many accounts and regions, and the rule that forwards the bot's events to one bus."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.bundle import PackagingError
from infra.template import bucket_policy, write_template
from medic.settings import OVERRIDABLE
from tests.infra.stacks import BUS, COMPANY, EVERYTHING, of_type, properties_of, statements, template

NO_BUNDLING: dict[str, object] = {"aws:cdk:bundling-stacks": []}


def without_environment(settings: dict[str, object]) -> dict[str, object]:
    """Settings that fit every account and region."""
    return {key: value for key, value in settings.items() if key not in {"kms_key", "permissions_boundary"}}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    context = {**NO_BUNDLING, "amplify-medic": without_environment(COMPANY)}
    return write_template("acme-medic", tmp_path_factory.mktemp("made") / "template", context)


@pytest.fixture(scope="module")
def made(written: tuple[Path, ...]) -> Any:
    loaded: Any = json.loads(written[0].read_text(encoding="utf-8"))
    return loaded


def test_every_function_takes_its_code_from_the_bucket_of_its_own_region(made: Any, written: tuple[Path, ...]) -> None:
    code = [each["Properties"]["Code"] for each in of_type(made, "AWS::Lambda::Function").values()]
    (archive,) = written[1:]

    assert len(code) == 3
    assert [each["S3Bucket"] for each in code] == [{"Fn::Sub": "acme-medic-${AWS::Region}"}] * 3
    assert {each["S3Key"] for each in code} == {f"amplify-medic/{archive.name}"}


def test_it_needs_no_bootstrap_and_names_no_account_or_region(made: Any) -> None:
    assert set(made["Parameters"]) == {"PermissionsBoundaryName", "Settings"}
    assert "Rules" not in made
    assert "cdk-hnb659fds" not in json.dumps(made)
    assert "AWS::CDK::Metadata" not in json.dumps(made)
    # StackSets take a template of at most 1 MB from S3.
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
    assert len(json.dumps(made)) < 1_000_000


def test_it_holds_the_same_resources_as_the_stack_that_cdk_deploys(made: Any) -> None:
    assert made["Resources"].keys() == template(**COMPANY)["Resources"].keys()


def test_every_role_takes_the_boundary_that_the_parameter_names(made: Any) -> None:
    arn = {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/${PermissionsBoundaryName}"}
    bounded = {"Fn::If": ["HasPermissionsBoundary", arn, {"Ref": "AWS::NoValue"}]}
    boundaries = {
        name: role["Properties"]["PermissionsBoundary"] for name, role in of_type(made, "AWS::IAM::Role").items()
    }
    (own,) = [name for name in boundaries if name.startswith("DefaultComputeRole")]

    assert boundaries.pop(own) == EVERYTHING["default_role"]["permissions_boundary"]  # type: ignore[index]
    assert list(boundaries.values()) == [bounded] * 6


def test_every_function_gets_the_settings_that_the_parameter_overrides(made: Any) -> None:
    variables = [
        each["Properties"]["Environment"]["Variables"] for each in of_type(made, "AWS::Lambda::Function").values()
    ]

    assert [each["AMPLIFY_MEDIC_OVERRIDES"] for each in variables] == [{"Ref": "Settings"}] * 3
    assert all(name in made["Parameters"]["Settings"]["Description"] for name in OVERRIDABLE)
    assert "AMPLIFY_MEDIC_OVERRIDES" not in json.dumps(template(**COMPANY))


@pytest.mark.parametrize("prefix", ["", "Acme", "acme.medic", "-acme", "a" * 48])
def test_a_prefix_that_no_bucket_can_have_is_refused(prefix: str, tmp_path: Path) -> None:
    with pytest.raises(PackagingError, match="BUCKET_PREFIX must be"):
        write_template(prefix, tmp_path / "template", NO_BUNDLING)


def test_only_the_organisation_reads_the_code_from_the_bucket() -> None:
    allow, deny = bucket_policy("acme-medic", "o-a1b2c3d4e5")["Statement"]

    assert allow["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}
    assert (allow["Action"], allow["Resource"]) == ("s3:GetObject", "arn:aws:s3:::acme-medic-REGION/amplify-medic/*")
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_bots_own_events_are_forwarded_to_the_central_bus_and_nothing_else() -> None:
    stack = template(**COMPANY)
    rule = properties_of(stack, "AWS::Events::Rule", "CentralBus")
    (target,) = rule["Targets"]

    assert rule["EventPattern"] == {"source": ["amplify-medic"], "account": [{"Ref": "AWS::AccountId"}]}
    assert target["Arn"] == BUS
    assert statements(stack, "CentralBusRole") == {
        "ForwardEvents": {"Sid": "ForwardEvents", "Effect": "Allow", "Action": "events:PutEvents", "Resource": BUS}
    }


def test_the_example_of_a_bus_policy_takes_only_the_bots_events_of_the_organisation() -> None:
    page: Any = json.loads(Path(__file__).parents[2].joinpath("docs/examples/central-bus-policy.json").read_text())
    (statement,) = page["Statement"]

    assert statement["Action"] == "events:PutEvents"
    assert statement["Condition"]["StringEquals"].keys() == {"aws:PrincipalOrgID"}
    assert statement["Condition"]["ForAllValues:StringEquals"] == {"events:source": "amplify-medic"}
