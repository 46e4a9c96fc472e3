"""cdk.out: stacks, stages, nested stacks, exports between stacks; and what leads out of the folder or is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.unit.cli.preflight.support import TRUSTING, app, arn, branch, role
from tests.unit.cli.support import medic, valid

DENYING = json.loads(json.dumps(TRUSTING).replace("amplify.", "lambda."))


def stack(template: str, name: str = "Web", environment: str = "aws://unknown-account/unknown-region") -> Any:
    return {
        "type": "aws:cloudformation:stack",
        "environment": environment,
        "properties": {"templateFile": template, "stackName": name},
    }


def write(folder: Path, artifacts: dict[str, Any], **templates: Any) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps({"version": "48.0.0", "artifacts": artifacts}))
    for name, document in templates.items():
        (folder / f"{name}.json").write_text(json.dumps(document))


def answer(folder: Path, *options: str, code: int = 1) -> Any:
    result = medic("preflight", str(folder), "--json", *options)
    assert result.exit_code == code, result.output
    return valid("preflight", result.stdout)


def found(folder: Path, *options: str, code: int = 1) -> list[str]:
    return [f"{each['kind']} {each['place']['address']}" for each in answer(folder, *options, code=code)["findings"]]


def test_a_role_of_another_stack_is_found_by_its_export(tmp_path: Path) -> None:
    outputs = {"RoleArn": {"Value": arn("Role"), "Export": {"Name": "Roles:RoleArn"}}}
    roles = {"Resources": {"Role": role(DENYING)}, "Outputs": outputs}
    web = {"Resources": {"App": app(IAMServiceRole={"Fn::ImportValue": "Roles:RoleArn"}), "Main": branch()}}
    write(tmp_path, {"Web": stack("web.json"), "Roles": stack("roles.json", "Roles")}, web=web, roles=roles)
    assert found(tmp_path) == ["service_role_unassumable Role"]


def nested(service: str) -> Any:
    return {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {"TemplateURL": "x", "Parameters": {"Service": service}},
        "Metadata": {"aws:asset:path": "nested.json"},
    }


def test_a_role_of_a_nested_stack_is_found_by_its_output_and_its_parameter(tmp_path: Path) -> None:
    trust = json.loads(json.dumps(TRUSTING).replace('"amplify.amazonaws.com"', '{"Ref": "Service"}'))
    child = {
        "Parameters": {"Service": {"Type": "String"}},
        "Resources": {"Role": role(trust)},
        "Outputs": {"Arn": {"Value": arn("Role")}},
    }
    resources = {
        "Wrong": nested("lambda.amazonaws.com"),
        "Right": nested("amplify.amazonaws.com"),
        "App": app(IAMServiceRole={"Fn::GetAtt": ["Wrong", "Outputs.Arn"]}),
    }
    write(tmp_path, {"Web": stack("web.json")}, web={"Resources": resources}, nested=child)
    assert found(tmp_path) == ["service_role_unassumable Role"]
    resources["App"] = app(IAMServiceRole={"Fn::GetAtt": ["Right", "Outputs.Arn"]})
    write(tmp_path, {"Web": stack("web.json")}, web={"Resources": resources}, nested=child)
    assert found(tmp_path, code=0) == []


def test_the_stacks_of_a_stage_are_read_with_their_environments(tmp_path: Path) -> None:
    pinned = {**TRUSTING["Statement"][0], "Condition": {"StringEquals": {"aws:SourceAccount": "444455556666"}}}  # type: ignore[dict-item]
    trust = {"Version": "2012-10-17", "Statement": [pinned]}
    web = {"Resources": {"Role": role(trust), "App": app(IAMServiceRole=arn("Role"))}}
    stage = {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Prod"}}
    write(tmp_path, {"Prod": stage})
    write(tmp_path / "assembly-Prod", {"Web": stack("web.json", environment="aws://111122223333/eu-west-1")}, web=web)
    assert found(tmp_path) == ["service_role_unassumable Role"]
    write(tmp_path / "assembly-Prod", {"Web": stack("web.json", environment="aws://444455556666/eu-west-1")}, web=web)
    assert found(tmp_path, code=0) == []


def test_a_template_that_is_missing_is_a_gap_and_exits_with_3(tmp_path: Path) -> None:
    write(tmp_path, {"Web": stack("gone.json"), "Other": stack("other.json")}, other={"Resources": {}})
    result = answer(tmp_path, code=3)
    assert result["partial"]
    assert "gone.json" in result["gaps"][0]["file"]


def test_a_nested_stack_that_is_not_in_the_folder_is_a_gap(tmp_path: Path) -> None:
    elsewhere = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "https://example.com/x"}}
    write(tmp_path, {"Web": stack("web.json")}, web={"Resources": {"Child": elsewhere}})
    assert "Child" in answer(tmp_path, code=3)["gaps"][0]["reason"]


def test_a_manifest_cannot_lead_out_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text('{"Resources": {}}')
    for artifact in (stack("../secret.json"), {"type": "cdk:cloud-assembly", "properties": {"directoryName": ".."}}):
        write(tmp_path / "out", {"Web": artifact})
        result = medic("preflight", str(tmp_path / "out"))
        assert result.exit_code == 3
        assert "outside of the folder" in result.output


def test_a_stack_nested_in_itself_ends(tmp_path: Path) -> None:
    itself = {"Type": "AWS::CloudFormation::Stack", "Metadata": {"aws:asset:path": "web.json"}}
    write(tmp_path, {"Web": stack("web.json")}, web={"Resources": {"Child": itself}})
    assert answer(tmp_path, code=3)["gaps"]


def test_a_folder_that_is_no_assembly_exits_with_3(tmp_path: Path) -> None:
    result = medic("preflight", str(tmp_path))
    assert result.exit_code == 3
    assert "has no manifest.json" in result.output


def test_several_templates_resolve_each_others_exports(tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text(
        "Resources:\n  App:\n    Type: AWS::Amplify::App\n    Properties:\n"
        "      Name: web\n      IAMServiceRole: !ImportValue role\n"
    )
    (tmp_path / "roles.json").write_text(
        json.dumps(
            {
                "Resources": {"Role": role(DENYING)},
                "Outputs": {"Arn": {"Value": arn("Role"), "Export": {"Name": "role"}}},
            }
        )
    )
    result = medic("preflight", str(tmp_path / "web.yaml"), str(tmp_path / "roles.json"))
    assert result.exit_code == 1
    assert "Amplify can't assume the service role" in result.output
