"""SARIF of preflight and of scan follows the published schema, and code scanning can place each result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from medic_cli.sarif import sarif_log
from medic_cli.scan.model import FINDING_TEXTS, FindingKind, ScanFinding, Severity
from medic_cli.scan.output import scan_result
from tests.unit.cli.preflight.support import CASES, DATA
from tests.unit.cli.support import medic

SCHEMA = json.loads((DATA.parent / "sarif" / "schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft7Validator(SCHEMA)


def run_of(text: str) -> Any:
    log = json.loads(text)
    VALIDATOR.validate(log)
    assert log["version"] == "2.1.0"
    [run] = log["runs"]
    return run


@pytest.mark.parametrize("name", ["long-lived-keys.yaml", "role-shared-by-two-apps.json", "nothing-wrong.yaml"])
def test_a_preflight_writes_its_findings_as_sarif(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DATA)
    [expected] = [case["findings"] for case in CASES["kind"] if case["file"] == f"kinds/{name}"]
    options = ("--account", "111122223333", "--region", "eu-central-1", "--fail-on", "never")
    result = medic("preflight", str(DATA / "kinds" / name), *options, "--sarif", str(tmp_path / "out.sarif"))
    assert result.exit_code == 0
    results = run_of((tmp_path / "out.sarif").read_text())["results"]
    rows = [
        f"{each['level']} {each['ruleId']} {each['locations'][0]['logicalLocations'][0]['fullyQualifiedName']}"
        for each in results
    ]
    assert rows == expected
    for each in results:
        assert each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == f"kinds/{name}"
        assert each["locations"][0]["physicalLocation"]["region"]["startLine"] >= 1


def test_every_kind_of_a_scan_is_a_rule_with_title_and_advice() -> None:
    findings = [
        ScanFinding(kind, Severity.WARNING, "Seen.", "eu-central-1", "d1a2b3c4d5e6f7", "web", ("main",), role="arn:x")
        for kind in FindingKind
    ]
    account = ScanFinding(FindingKind.LOGGING_ROLE_PERMISSIONS, Severity.NOTE, "Seen.", role="arn:aws:iam::1:role/x")
    run = run_of(sarif_log(map(scan_result, [*findings, account])))
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [kind.value for kind in FindingKind]
    assert rules[0]["shortDescription"]["text"] == FINDING_TEXTS[FindingKind.SERVICE_ROLE_NOT_SET].title
    places = [each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in run["results"]]
    assert places[0] == "amplify/eu-central-1/d1a2b3c4d5e6f7"
    assert places[-1] == "amplify/iam"
    assert all(run["tool"]["driver"]["rules"][each["ruleIndex"]]["id"] == each["ruleId"] for each in run["results"])


def test_the_fingerprint_is_of_the_place_and_kind_and_not_of_the_wording() -> None:
    def fingerprint(detail: str, branch: str) -> str:
        finding = ScanFinding(FindingKind.COMPUTE_ROLE_NOT_SET, Severity.WARNING, detail, "r", "d1", "web", (branch,))
        [result] = run_of(sarif_log([scan_result(finding)]))["results"]
        return str(result["partialFingerprints"]["medic/v1"])

    assert fingerprint("One wording.", "main") == fingerprint("Another.", "main")
    assert fingerprint("One wording.", "main") != fingerprint("One wording.", "dev")


def test_an_empty_result_is_valid_too() -> None:
    assert run_of(sarif_log([]))["results"] == []


def test_a_sarif_file_in_no_folder_is_wrong_usage(tmp_path: Path) -> None:
    result = medic("preflight", str(DATA / "kinds" / "nothing-wrong.yaml"), "--sarif", str(tmp_path / "no" / "x"))
    assert result.exit_code == 2
    assert "there is no directory" in result.output
