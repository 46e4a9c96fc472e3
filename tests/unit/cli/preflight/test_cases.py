"""Every template and plan of tests/data/preflight, and every kind of finding in every format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from medic_cli.preflight.documents import read_document
from medic_cli.preflight.template import Deployment
from medic_cli.scan.model import FindingKind
from tests.unit.cli.preflight.support import CASES, DATA, check_file, lines, unknowns
from tests.unit.cli.support import medic, valid

# What only a deployed app shows, or the settings of a deployed bot.
NOT_IN_FILES = {
    FindingKind.SERVICE_ROLE_DELETED,
    FindingKind.COMPUTE_ROLE_DELETED,
    FindingKind.LOGGING_ROLE_PERMISSIONS,
    FindingKind.FIX_POSSIBLE,
    FindingKind.FIX_REFUSED,
    FindingKind.FIX_NOT_NEEDED,
    FindingKind.OPT_IN_UNKNOWN,
}


def by_file(case: dict[str, Any]) -> str:
    return str(case["file"])


@pytest.mark.parametrize("case", CASES["public"], ids=by_file)
def test_a_public_template_or_plan_has_these_findings_and_no_false_error(case: dict[str, Any]) -> None:
    result = check_file(DATA / case["file"], Deployment())
    assert lines(result) == case["findings"]
    assert unknowns(result) == case.get("unknown", [])
    assert not any(finding.startswith("error") for finding in case["findings"])


def test_there_are_thirty_public_sources_each_with_its_url() -> None:
    assert len({case["source"] for case in CASES["public"]}) >= 30
    assert all(case["source"].startswith("https://github.com/") for case in CASES["public"])


@pytest.mark.parametrize("case", CASES["kind"], ids=by_file)
def test_a_kind_of_finding_is_found(case: dict[str, Any]) -> None:
    result = check_file(DATA / case["file"])
    assert lines(result) == case["findings"]
    assert unknowns(result) == case.get("unknown", [])


TEMPLATES = [case for case in CASES["kind"] if case["file"].endswith(".yaml")]


@pytest.mark.parametrize("case", TEMPLATES, ids=by_file)
def test_the_same_template_gives_the_same_findings_as_json(case: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "template.json"
    path.write_text(json.dumps(read_document(str(DATA / case["file"])).value))
    assert lines(check_file(path)) == case["findings"]


@pytest.mark.parametrize("case", TEMPLATES, ids=by_file)
def test_the_same_template_gives_the_same_findings_in_cdk_out(case: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "Web.template.json").write_text(json.dumps(read_document(str(DATA / case["file"])).value))
    artifact = {
        "type": "aws:cloudformation:stack",
        "environment": "aws://111122223333/eu-central-1",
        "properties": {"templateFile": "Web.template.json", "stackName": "Web"},
    }
    (tmp_path / "manifest.json").write_text(json.dumps({"version": "48.0.0", "artifacts": {"Web": artifact}}))
    answer = valid("preflight", medic("preflight", str(tmp_path), "--json").stdout)
    found = [f"{each['severity']} {each['kind']} {each['place']['address']}" for each in answer["findings"]]
    assert found == case["findings"]


@pytest.mark.parametrize("ending", [".yaml", ".json"])
def test_every_kind_that_files_can_show_has_a_case_in_every_format(ending: str) -> None:
    shown = {
        finding.split()[1] for case in CASES["kind"] if case["file"].endswith(ending) for finding in case["findings"]
    }
    assert shown == {kind.value for kind in set(FindingKind) - NOT_IN_FILES}


def test_no_answer_holds_the_value_of_a_key(tmp_path: Path) -> None:
    for name in ("long-lived-keys.yaml", "long-lived-keys.json", "secret-in-variables.yaml"):
        path, sarif = DATA / "kinds" / name, tmp_path / "a.sarif"
        text = medic("preflight", str(path), "--sarif", str(sarif)).output
        text += medic("preflight", str(path), "--json").output + sarif.read_text()
        assert not any(secret in text for secret in ("AKIAQ3EGRT5TVIYM7XKB", "h7Jq+Z0dTqv4", "Tr0ub4dor"))
