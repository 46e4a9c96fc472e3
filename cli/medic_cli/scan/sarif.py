"""Findings as results of SARIF."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic_cli.sarif import Result, Rule
from medic_cli.scan.model import FINDING_TEXTS

if TYPE_CHECKING:
    from medic_cli.scan.model import ScanFinding


def scan_result(finding: ScanFinding) -> Result:
    """A scan reads no files, and code scanning wants one: a path that names the app takes its place."""
    where = "/".join(filter(None, ("amplify", finding.region or "iam", finding.app_id)))
    resource = "/".join(filter(None, (finding.app_name or finding.role, *finding.branches[:1])))
    return finding_result(finding, where, 1, resource or "account")


def finding_result(finding: ScanFinding, file: str, line: int, resource: str) -> Result:
    text = FINDING_TEXTS[finding.kind]
    branches = f" Branches: {', '.join(finding.branches)}." if finding.branches else ""
    return Result(
        rule=Rule(finding.kind.value, text.title, f"{text.advice} See `medic explain {text.entry}`."),
        level=finding.severity.value,
        message=f"{text.title}. {finding.detail}{branches} {text.advice}",
        file=file,
        line=line,
        resource=resource,
        identity=(*finding.branches, finding.role or ""),
    )
