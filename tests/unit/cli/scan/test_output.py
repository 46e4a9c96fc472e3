"""The exit code, the texts and the settings of a scan."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
import pytest

from medic.knowledge import find_entry
from medic.settings import Concurrency
from medic_cli.errors import CouldNotLookError
from medic_cli.scan.model import FINDING_TEXTS, FailOn, FindingKind, Gap, Severity, exit_code
from medic_cli.scan.opted_in import read_settings, settings_file
from medic_cli.scan.output import headline, partial_reasons
from tests.unit.cli.scan.test_page import finding, scan
from tests.unit.cli.support import SCHEMAS

if TYPE_CHECKING:
    from pathlib import Path

ROLE = "arn:aws:iam::111122223333:role/web"
GAP = Gap("iam:GetRole", "No.")
ERROR, WARNING, NOTE = (finding(severity) for severity in Severity)


@pytest.mark.parametrize(
    ("findings", "gaps", "fail_on", "code"),
    [
        ((), (), FailOn.ERROR, 0),
        ((NOTE, WARNING), (), FailOn.ERROR, 0),
        ((ERROR,), (), FailOn.ERROR, 1),
        ((WARNING,), (), FailOn.WARNING, 1),
        ((NOTE,), (), FailOn.WARNING, 0),
        ((ERROR,), (), FailOn.NEVER, 0),
        ((), (GAP,), FailOn.ERROR, 3),
        ((ERROR,), (GAP,), FailOn.ERROR, 1),
        ((ERROR,), (GAP,), FailOn.NEVER, 3),
    ],
)
def test_a_finding_takes_precedence_over_a_gap_in_the_exit_code(
    findings: Any, gaps: Any, fail_on: FailOn, code: int
) -> None:
    assert exit_code(findings, fail_on, partial=scan(gaps=gaps).partial) == code


def test_an_interrupted_scan_exits_with_3() -> None:
    assert exit_code((), FailOn.ERROR, partial=scan(interrupted=True).partial) == 3


def test_every_kind_has_a_text_a_knowledge_entry_and_a_schema_value() -> None:
    assert set(FINDING_TEXTS) == set(FindingKind)
    assert [text.entry for text in FINDING_TEXTS.values() if find_entry(text.entry) is None] == []
    schema = json.loads((SCHEMAS / "scan.schema.json").read_text(encoding="utf-8"))
    assert schema["$defs"]["scan_finding"]["properties"]["kind"]["enum"] == [kind.value for kind in FindingKind]


def test_the_headline_counts_findings() -> None:
    assert headline(scan()) == "Nothing found in 1 app, 2 branches and 2 regions"
    assert headline(scan(ERROR, ERROR, NOTE)).startswith("2 errors and 1 note in")


def test_a_gap_names_the_missing_action_and_the_affected_apps() -> None:
    gap = Gap("amplify:ListBranches", "Allow it.", "us-east-1", tuple(f"d{n}" for n in range(7)))
    assert partial_reasons(scan(gaps=(gap,))) == (
        "amplify:ListBranches in us-east-1 for d0, d1, d2, d3, d4 and 2 more: Allow it.",
    )


def written(path: Path, document: object) -> str:
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    "document",
    [
        {"app": "python app.py", "context": {"amplify-medic": {"compute_roles": {ROLE: ["d1"]}}}},
        {"amplify-medic": {"compute_roles": {ROLE: ["d1"]}}},
        {"compute_roles": {ROLE: ["d1"]}},
    ],
    ids=["cdk.json", "keyed", "bare"],
)
def test_settings_are_read_from_every_file_format(tmp_path: Path, document: object) -> None:
    settings = read_settings(written(tmp_path / "x.json", document))
    assert settings is not None
    assert settings.compute_roles[0].role_arn == ROLE


def test_the_settings_of_a_company_are_read_too(tmp_path: Path) -> None:
    company = {
        "permissions_boundary": "arn:aws:iam::111122223333:policy/company",
        "role_path": "/platform/medic/",
        "kms_key": "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-1111-2222-3333-444455556666",
        "log_lines": "none",
        "keep_logs": True,
    }
    concurrency = {"messages": 5, "reserved_remediator": 6, "reserved_slack": 2}
    document = {"context": {"amplify-medic": {**company, "concurrency": concurrency}}}

    settings = read_settings(written(tmp_path / "cdk.json", document))

    assert settings is not None
    assert {name: getattr(settings, name) for name in company} == company
    assert settings.concurrency == Concurrency(**concurrency)


def test_the_cdk_json_of_another_app_has_no_settings(tmp_path: Path) -> None:
    assert read_settings(written(tmp_path / "cdk.json", {"app": "node app.js", "context": {}})) is None


def test_invalid_settings_are_a_usage_error_and_an_unreadable_file_is_not(tmp_path: Path) -> None:
    for document in ({"mode": "always"}, [1]):
        with pytest.raises(click.UsageError):
            read_settings(written(tmp_path / "x.json", document))
    (tmp_path / "x.json").write_text("{", encoding="utf-8")
    for path in (tmp_path / "x.json", tmp_path / "none.json"):
        with pytest.raises(CouldNotLookError):
            read_settings(str(path))


def test_cdk_json_in_the_working_directory_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert settings_file(None) is None
    written(tmp_path / "cdk.json", {})
    assert settings_file(None) == "cdk.json"
    assert settings_file("other.json") == "other.json"
