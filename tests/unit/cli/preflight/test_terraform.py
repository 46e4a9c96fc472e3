"""Plans: references to resources that do not exist yet, modules, existing apps, and roles that the plan takes off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from medic_cli.preflight.template import Deployment
from tests.unit.cli.preflight.support import DATA, check_file, lines, unknowns

ANYWHERE = Deployment()


def plan(name: str) -> Any:
    return json.loads((DATA / name).read_text(encoding="utf-8"))


def checked(document: Any, folder: Path, deployment: Deployment = ANYWHERE) -> Any:
    path = folder / "plan.json"
    path.write_text(json.dumps(document))
    return check_file(path, deployment)


def change_of(document: Any, address: str) -> Any:
    [found] = [each["change"] for each in document["resource_changes"] if each["address"] == address]
    return found


def resource(document: Any, address: str) -> Any:
    [found] = [each for each in document["planned_values"]["root_module"]["resources"] if each["address"] == address]
    return found


def configuration(document: Any, address: str) -> Any:
    [found] = [each for each in document["configuration"]["root_module"]["resources"] if each["address"] == address]
    return found["expressions"]


def test_a_role_pinned_to_another_app_is_an_error_for_an_app_that_is_created(tmp_path: Path) -> None:
    document = plan("kinds/role-shared-by-two-apps.json")
    assert lines(checked(document, tmp_path)).count("error service_role_unassumable aws_iam_role.service") == 2


def test_a_role_pinned_to_the_existing_app_is_fine(tmp_path: Path) -> None:
    document = plan("kinds/role-shared-by-two-apps.json")
    values = resource(document, "aws_amplify_app.first")["values"]
    values |= {"id": "d1a2b3c4d5e6f7", "arn": "arn:aws:amplify:eu-central-1:111122223333:apps/d1a2b3c4d5e6f7"}
    change = change_of(document, "aws_amplify_app.first")
    change |= {"actions": ["no-op"], "after_unknown": {"iam_service_role_arn": True}}
    found = lines(checked(document, tmp_path))
    assert found.count("error service_role_unassumable aws_iam_role.service") == 1
    assert "warning shared_role_limited_by_source aws_iam_role.service" in found


@pytest.mark.parametrize(
    "references",
    [
        ["aws_iam_role.service.arn", "aws_iam_role.service", "var.enabled"],
        ["local.role"],
        ["module.nothing.arn", "module.nothing"],
        ["var.role_arn"],
        ["each.value"],
        [],
    ],
)
def test_an_expression_that_is_not_one_reference_is_unknown(references: list[str], tmp_path: Path) -> None:
    document = plan("kinds/service-role-unassumable.json")
    configuration(document, "aws_amplify_app.app")["iam_service_role_arn"] = {"references": references}
    result = checked(document, tmp_path)
    assert lines(result) == []
    assert unknowns(result) == ["aws_amplify_app.app: service role"]


def test_a_trust_policy_known_only_after_apply_is_unknown(tmp_path: Path) -> None:
    document = plan("kinds/service-role-unassumable.json")
    change_of(document, "aws_iam_role.service")["after_unknown"]["assume_role_policy"] = True
    del resource(document, "aws_iam_role.service")["values"]["assume_role_policy"]
    result = checked(document, tmp_path)
    assert lines(result) == []
    assert unknowns(result) == ["aws_iam_role.service: trust policy"]


def test_what_nobody_configures_is_not_unknown_but_absent(tmp_path: Path) -> None:
    document = plan("kinds/compute-role-not-set.json")
    change_of(document, "aws_amplify_app.app")["after_unknown"]["compute_role_arn"] = True
    assert lines(checked(document, tmp_path)) == ["warning compute_role_not_set aws_amplify_app.app"]


def test_a_role_that_is_looked_up_is_judged(tmp_path: Path) -> None:
    document = plan("kinds/service-role-not-set.json")
    arn = "arn:aws:iam::111122223333:role/old"
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    values = {"arn": arn, "name": "old", "assume_role_policy": trust}
    looked_up = {"address": "data.aws_iam_role.old", "mode": "data", "type": "aws_iam_role", "values": values}
    document["prior_state"]["values"]["root_module"]["resources"].append(looked_up)
    resource(document, "aws_amplify_app.app")["values"]["iam_service_role_arn"] = arn
    assert lines(checked(document, tmp_path)) == ["error service_role_unassumable data.aws_iam_role.old"]


@pytest.mark.parametrize(
    ("field", "what"), [("compute_role_arn", "compute role"), ("iam_service_role_arn", "service role")]
)
def test_a_role_that_the_plan_takes_off_is_a_warning(field: str, what: str, tmp_path: Path) -> None:
    document = plan("kinds/compute-role-not-set.json")
    change = change_of(document, "aws_amplify_app.app")
    change |= {"actions": ["update"], "before": {field: "arn:aws:iam::111122223333:role/attached"}}
    change["after"][field] = None
    change["after_unknown"].pop(field, None)
    taken = [each for each in checked(document, tmp_path).findings if each.finding.kind == "role_taken_off"]
    assert [each.finding.detail for each in taken] == [f"The plan takes the {what} off."]
    assert taken[0].finding.role == "arn:aws:iam::111122223333:role/attached"


def test_a_role_that_the_plan_replaces_or_a_deleted_app_is_no_finding(tmp_path: Path) -> None:
    document = plan("kinds/compute-role-not-set.json")
    change = change_of(document, "aws_amplify_app.app")
    change |= {"actions": ["update"], "before": {"compute_role_arn": "arn:aws:iam::111122223333:role/old"}}
    change["after_unknown"]["compute_role_arn"] = True
    gone = {"actions": ["delete"], "before": {"compute_role_arn": "x"}, "after": None, "after_unknown": {}}
    document["resource_changes"].append({"address": "aws_amplify_app.x", "type": "aws_amplify_app", "change": gone})
    assert not any("role_taken_off" in line for line in lines(checked(document, tmp_path)))


def test_the_region_of_a_plan_is_its_providers(tmp_path: Path) -> None:
    document = plan("kinds/service-role-of-another-region.json")
    assert lines(checked(document, tmp_path)) == ["error service_role_unassumable aws_iam_role.service"]
    expressions = document["configuration"]["provider_config"]["aws"]["expressions"]
    expressions["region"] = {"references": ["var.region"]}
    document["variables"] = {"region": {"value": "us-east-1"}}
    assert lines(checked(document, tmp_path)) == []
    expressions["region"] = {"references": ["local.region"]}
    assert lines(checked(document, tmp_path)) == []


@pytest.mark.parametrize(
    "odd",
    [[], "x", {"root_module": 7}, {"root_module": {"resources": [7, {"type": []}], "child_modules": "x"}}],
)
def test_a_plan_of_odd_types_ends_without_an_error(odd: Any, tmp_path: Path) -> None:
    planned = odd if isinstance(odd, dict) else {}
    document = {"planned_values": planned, "resource_changes": odd, "configuration": odd}
    assert lines(checked(document, tmp_path)) == []
