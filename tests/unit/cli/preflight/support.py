"""Runs a preflight on data files and on templates given as text."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medic_cli.preflight import template, terraform
from medic_cli.preflight.documents import read_document
from medic_cli.preflight.findings import Preflight, preflight
from medic_cli.preflight.intrinsics import Library
from medic_cli.preflight.template import Deployment

if TYPE_CHECKING:
    from collections.abc import Iterable

DATA = Path(__file__).parents[3] / "data" / "preflight"
CASES: dict[str, list[dict[str, Any]]] = tomllib.loads((DATA / "cases.toml").read_text(encoding="utf-8"))
HERE = Deployment("111122223333", "eu-central-1")
NOW = datetime(2026, 11, 1, tzinfo=UTC)

TRUSTING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "amplify.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def check_file(path: Path, deployment: Deployment = HERE) -> Preflight:
    content = read_document(str(path))
    if terraform.is_plan(content.value):
        return preflight(terraform.planned(content, deployment), NOW)
    return preflight(template.planned(deployment.open(content, Library())), NOW)


def check(resources: dict[str, Any], folder: Path, deployment: Deployment = HERE, **sections: Any) -> Preflight:
    """Check a template with these resources."""
    path = folder / "template.json"
    path.write_text(json.dumps({"Resources": resources, **sections}))
    return check_file(path, deployment)


def lines(result: Preflight) -> list[str]:
    """Each finding as "severity kind address"."""
    return [f"{each.finding.severity} {each.finding.kind} {each.place.address}" for each in result.findings]


def unknowns(result: Preflight) -> list[str]:
    return [f"{each.place.address}: {each.what}" for each in result.unknowns]


def kinds(result: Preflight) -> set[str]:
    return {each.finding.kind.value for each in result.findings}


def role(trust: Any, **properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust, **properties}}


def app(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::Amplify::App", "Properties": {"Name": "web", **properties}}


def branch(name: Any = "main", **properties: Any) -> dict[str, Any]:
    given = {"AppId": {"Fn::GetAtt": ["App", "AppId"]}, "BranchName": name, **properties}
    return {"Type": "AWS::Amplify::Branch", "Properties": given}


def arn(logical_id: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [logical_id, "Arn"]}


def allowed_if(condition: Any, **element: Any) -> dict[str, Any]:
    """A trust policy that lets Amplify in under a condition."""
    [statement] = TRUSTING["Statement"]
    return {"Version": "2012-10-17", "Statement": [{**statement, "Condition": condition, **element}]}  # type: ignore[dict-item]


def names(findings: Iterable[Any]) -> list[str]:
    return [each.finding.kind.value for each in findings]
