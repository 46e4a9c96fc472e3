"""A scan on a screen: a table for each kind of finding, the worst first, and what to do about it."""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING

from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from medic_cli.output import print_list, shown, terminal
from medic_cli.scan.model import KINDS, Severity

if TYPE_CHECKING:
    from rich.console import Console

    from medic_cli.output import JsonObject
    from medic_cli.scan.model import Gap, RegionSeen, Scan, ScanFinding

SCHEMA = 1


def answer_of(scan: Scan) -> JsonObject:
    """The answer of `medic scan --json`."""
    return {
        "schema": SCHEMA,
        "account": scan.account,
        "partition": scan.partition,
        "started_at": scan.started_at.isoformat(),
        "seconds": round(scan.seconds, 3),
        "partial": scan.partial,
        "interrupted": scan.interrupted,
        "settings_from": scan.settings_from,
        "totals": {severity.value: number for severity, number in scan.totals.items()},
        "regions": [_region_json(region) for region in scan.regions],
        "findings": [_finding_json(finding) for finding in scan.findings],
        "gaps": [_gap_json(gap) for gap in scan.gaps],
        "calls": dict(scan.calls),
        "throttles": scan.throttles,
    }


def _region_json(region: RegionSeen) -> JsonObject:
    return {
        "name": region.name,
        "listed": region.listed,
        "found": region.found,
        "apps": region.apps,
        "branches": region.branches,
    }


def _finding_json(finding: ScanFinding) -> JsonObject:
    words = KINDS[finding.kind]
    return {
        "kind": finding.kind.value,
        "severity": finding.severity.value,
        "title": words.title,
        "region": finding.region,
        "app": {"id": finding.app_id, "name": finding.app_name} if finding.app_id else None,
        "branches": list(finding.branches),
        "role": finding.role,
        "detail": finding.detail,
        "advice": words.advice,
        "statement": json.loads(finding.statement) if finding.statement else None,
        "explain": words.entry,
    }


def _gap_json(gap: Gap) -> JsonObject:
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
    """What was found, and in how much."""
    found = [counted(number, severity) for severity, number in scan.totals.items() if number]
    looked_at = [counted(scan.apps, "app"), counted(scan.branches, "branch"), counted(len(scan.regions), "region")]
    return f"{_row(found) or 'Nothing found'} in {_row(looked_at)}"


def effort(scan: Scan) -> str:
    """What it took."""
    said = f"{counted(sum(scan.calls.values()), 'call')} in {scan.seconds:.1f} s"
    return f"{said}, slowed down by {counted(scan.throttles, 'throttle')}" if scan.throttles else said


def judged_by(scan: Scan) -> str:
    """By which settings opted-in branches were judged."""
    return f"opted-in branches were judged by {scan.settings_from or 'the default settings'}"


def reservations(scan: Scan) -> tuple[str, ...]:
    """Why the answer is partial, a sentence each; nothing if it is whole."""
    return (*([_stopped(scan)] if scan.interrupted else []), *map(_gap_line, scan.gaps))


def _stopped(scan: Scan) -> str:
    found = sum(region.found for region in scan.regions)
    listed = "" if all(region.listed for region in scan.regions) else ", before every region was listed"
    return f"It was stopped after {scan.apps} of {counted(found, 'app')}{listed}: this is what was known by then."


def _gap_line(gap: Gap) -> str:
    where = f" in {gap.region}" if gap.region else ""
    apps = f" for {_row(gap.app_ids)}" if gap.app_ids else ""
    roles = f" of {_row(tuple(arn.rpartition('/')[2] for arn in gap.roles))}" if gap.roles else ""
    return f"{gap.action}{where}{apps}{roles}: {gap.reason}"


def _row(parts: tuple[str, ...] | list[str]) -> str:
    *most, last = _handful(parts) or [""]
    return f"{', '.join(most)} and {last}" if most else last


def _handful(parts: tuple[str, ...] | list[str]) -> list[str]:
    most = 5
    return [*parts[:most], f"{len(parts) - most} more"] if len(parts) > most else list(parts)


_STYLES = {
    Severity.ERROR: ("✗ error", "bold red"),
    Severity.WARNING: ("! warning", "bold yellow"),
    Severity.NOTE: ("· note", "bold cyan"),
}
_MOST_BRANCHES = 4


def print_scan(scan: Scan) -> None:
    """Write the scan to standard output."""
    console = terminal()
    for (severity, kind), alike in groupby(scan.findings, key=lambda finding: (finding.severity, finding.kind)):
        findings = tuple(alike)
        sign, style = _STYLES[severity]
        words = KINDS[kind]
        console.print(Text.assemble((f"{sign:<10}", style), (words.title, "bold"), (f"  ({len(findings)})", "dim")))
        _print_indented(console, Text(f"{words.advice}  medic explain {words.entry}", "dim"), 10)
        _print_table(console, findings)
    _print_end(console, scan)


def _print_table(console: Console, findings: tuple[ScanFinding, ...]) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim", show_edge=False)
    table.add_column("where", min_width=18, ratio=3, overflow="fold")
    table.add_column("branches", min_width=10, ratio=2, overflow="fold")
    table.add_column("what was seen", ratio=6, overflow="fold")
    for finding in findings:
        table.add_row(_where(finding), shown(_branches(finding)), _seen(finding))
    _print_indented(console, table, 2)
    console.print()


def _print_indented(console: Console, what: Table | Text, by: int) -> None:
    """Broken into lines wherever it goes to: a table has to be."""
    console.print(Padding(what, (0, 0, 0, by), expand=False), soft_wrap=False)


def _where(finding: ScanFinding) -> Text:
    if finding.app_id is None:
        return shown("IAM", "bold")
    place = shown(finding.app_name or "", "bold")
    return Text.assemble(place, "\n", shown(f"{finding.app_id}\n{finding.region}", "dim"))


def _branches(finding: ScanFinding) -> str:
    if not finding.branches:
        return "all" if finding.app_id else "–"
    rest = len(finding.branches) - _MOST_BRANCHES
    return "\n".join((*finding.branches[:_MOST_BRANCHES], *([f"and {rest} more"] if rest > 0 else [])))


def _seen(finding: ScanFinding) -> Text:
    parts: list[Text | str] = [shown(finding.detail)]
    if finding.role:
        parts += ["\n", shown(finding.role, "cyan")]
    return Text.assemble(*parts)


def _print_end(console: Console, scan: Scan) -> None:
    worst = next((severity for severity, number in scan.totals.items() if number), None)
    style = _STYLES[worst][1] if worst else "bold green"
    account = f" of account {scan.account}" if scan.account else ""
    console.print(shown(f"{headline(scan)}{account}.", style))
    console.print(shown(f"{effort(scan)}; {judged_by(scan)}.", "dim"))
    if any(finding.statement for finding in scan.findings):
        console.print(shown("--json and --html show the statements that would mend the trust policies.", "dim"))
    if scan.partial:
        print_list(console, "PARTIAL: nothing follows from what is not found", reservations(scan))
