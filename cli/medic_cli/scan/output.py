"""A scan as JSON, as SARIF and as text for a terminal, with the sentences that the HTML page uses too."""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING

from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from medic.arns import name_of
from medic.text import listed
from medic_cli.output import print_list, styled, terminal
from medic_cli.sarif import Result, Rule
from medic_cli.scan.model import FINDING_TEXTS, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from medic_cli.scan.answers import FindingJson, GapJson, RegionJson, ScanAnswer, ScanFindingJson, TotalsJson
    from medic_cli.scan.model import Gap, RegionSummary, Scan, ScanFinding

MAX_BRANCHES_SHOWN = 4
"""For each finding. The rest is counted or folded."""

PARTIAL_WARNING = "some things could not be checked, so a missing finding does not mean that all is well"

STYLES = {
    Severity.ERROR: ("✗ error", "bold red"),
    Severity.WARNING: ("! warning", "bold yellow"),
    Severity.NOTE: ("· note", "bold cyan"),
}


def scan_as_json(scan: Scan) -> ScanAnswer:
    return {
        "schema": 1,
        "account": scan.account,
        "partition": scan.partition,
        "started_at": scan.started_at.isoformat(),
        "seconds": round(scan.seconds, 3),
        "partial": scan.partial,
        "interrupted": scan.interrupted,
        "settings_from": scan.settings_from,
        "totals": totals_json(scan.totals),
        "regions": [_region_json(region) for region in scan.regions],
        "findings": [_finding_json(finding) for finding in scan.findings],
        "gaps": [_gap_json(gap) for gap in scan.gaps],
        "calls": dict(scan.calls),
        "throttles": scan.throttles,
    }


def _region_json(region: RegionSummary) -> RegionJson:
    return {
        "name": region.name,
        "listed": region.listed,
        "found": region.apps_found,
        "apps": region.apps,
        "branches": region.branches,
    }


def totals_json(totals: Mapping[Severity, int]) -> TotalsJson:
    return {
        "error": totals[Severity.ERROR],
        "warning": totals[Severity.WARNING],
        "note": totals[Severity.NOTE],
    }


def totals_text(totals: Mapping[Severity, int]) -> str:
    """Such as `2 errors and 1 note`."""
    return listed([counted(number, severity) for severity, number in totals.items() if number]) or "Nothing found"


def _finding_json(finding: ScanFinding) -> ScanFindingJson:
    return {
        **finding_json(finding),
        "region": finding.region,
        "app": {"id": finding.app_id, "name": finding.app_name or ""} if finding.app_id else None,
    }


def finding_json(finding: ScanFinding) -> FindingJson:
    """What a finding says, wherever it was found."""
    text = FINDING_TEXTS[finding.kind]
    return {
        "kind": finding.kind.value,
        "severity": finding.severity.value,
        "title": text.title,
        "branches": list(finding.branches),
        "role": finding.role,
        "detail": finding.detail,
        "advice": text.advice,
        "statement": json.loads(finding.statement) if finding.statement else None,
        "explain": text.entry,
    }


def _gap_json(gap: Gap) -> GapJson:
    return {
        "action": gap.action,
        "region": gap.region,
        "apps": list(gap.app_ids),
        "roles": list(gap.roles),
        "reason": gap.reason,
    }


def counted(number: int, thing: str) -> str:
    """`1 app`, `2 apps`, `3 branches`."""
    plural = f"{thing}es" if thing.endswith("ch") else f"{thing}s"
    return f"{number:,} {thing if number == 1 else plural}"


def headline(scan: Scan) -> str:
    """Such as `2 errors and 1 note in 3 apps, 9 branches and 1 region`."""
    scanned = [counted(scan.apps, "app"), counted(scan.branches, "branch"), counted(len(scan.regions), "region")]
    return f"{totals_text(scan.totals)} in {listed(scanned)}"


def call_summary(scan: Scan) -> str:
    """Calls, seconds and throttles."""
    summary = f"{counted(sum(scan.calls.values()), 'call')} in {scan.seconds:.1f} s"
    return f"{summary}, slowed down by {counted(scan.throttles, 'throttle')}" if scan.throttles else summary


def settings_used(scan: Scan) -> str:
    return f"opted-in branches were checked against {scan.settings_from or 'the default settings'}"


def partial_reasons(scan: Scan) -> tuple[str, ...]:
    """Why the scan is partial, a sentence each. Empty if it is complete."""
    return (*([_interrupted(scan)] if scan.interrupted else []), *map(_gap_line, scan.gaps))


def _interrupted(scan: Scan) -> str:
    found = sum(region.apps_found for region in scan.regions)
    early = "" if all(region.listed for region in scan.regions) else ", before every region was listed"
    return f"The scan was stopped after {scan.apps} of {counted(found, 'app')}{early}. These are the results so far."


def _gap_line(gap: Gap) -> str:
    where = f" in {gap.region}" if gap.region else ""
    apps = f" for {listed(gap.app_ids)}" if gap.app_ids else ""
    roles = f" of {listed(map(name_of, gap.roles))}" if gap.roles else ""
    return f"{gap.action}{where}{apps}{roles}: {gap.reason}"


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


def print_scan(scan: Scan) -> None:
    """Write the scan to standard output: a table for each kind of finding, the most severe first."""
    console = terminal()
    for (severity, kind), group in groupby(scan.findings, key=lambda finding: (finding.severity, finding.kind)):
        findings = tuple(group)
        sign, style = STYLES[severity]
        text = FINDING_TEXTS[kind]
        console.print(Text.assemble((f"{sign:<10}", style), (text.title, "bold"), (f"  ({len(findings)})", "dim")))
        _print_indented(console, Text(f"{text.advice}  medic explain {text.entry}", "dim"), 10)
        _print_table(console, findings)
    _print_end(console, scan)


def _print_table(console: Console, findings: tuple[ScanFinding, ...]) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim", show_edge=False)
    table.add_column("where", min_width=18, ratio=3, overflow="fold")
    table.add_column("branches", min_width=10, ratio=2, overflow="fold")
    table.add_column("details", ratio=6, overflow="fold")
    for finding in findings:
        table.add_row(_where(finding), styled(_branches(finding)), _details(finding))
    _print_indented(console, table, 2)
    console.print()


def _print_indented(console: Console, what: Table | Text, by: int) -> None:
    """Wraps lines even if standard output is not a terminal, because a table needs a width."""
    console.print(Padding(what, (0, 0, 0, by), expand=False), soft_wrap=False)


def _where(finding: ScanFinding) -> Text:
    if finding.app_id is None:
        return styled("IAM", "bold")
    place = styled(finding.app_name or "", "bold")
    return Text.assemble(place, "\n", styled(f"{finding.app_id}\n{finding.region}", "dim"))


def _branches(finding: ScanFinding) -> str:
    if not finding.branches:
        return "all" if finding.app_id else "–"
    rest = len(finding.branches) - MAX_BRANCHES_SHOWN
    return "\n".join((*finding.branches[:MAX_BRANCHES_SHOWN], *([f"and {rest} more"] if rest > 0 else [])))


def _details(finding: ScanFinding) -> Text:
    parts: list[Text | str] = [styled(finding.detail)]
    if finding.role:
        parts += ["\n", styled(finding.role, "cyan")]
    return Text.assemble(*parts)


def _print_end(console: Console, scan: Scan) -> None:
    worst = next((severity for severity, number in scan.totals.items() if number), None)
    style = STYLES[worst][1] if worst else "bold green"
    account = f" of account {scan.account}" if scan.account else ""
    console.print(styled(f"{headline(scan)}{account}.", style))
    console.print(styled(f"{call_summary(scan)}; {settings_used(scan)}.", "dim"))
    if any(finding.statement for finding in scan.findings):
        console.print(styled("Use --json or --html to see the proposed trust policy statements.", "dim"))
    if scan.partial:
        print_list(console, f"PARTIAL SCAN: {PARTIAL_WARNING}:", partial_reasons(scan))
