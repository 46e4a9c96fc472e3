"""A scan on a screen: a table for each kind of finding, the worst first, and what to do about it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from medic_cli.console import print_list, shown, terminal
from medic_cli.scan.kinds import KINDS
from medic_cli.scan.model import Severity
from medic_cli.scan.words import effort, headline, judged_by, reservations

if TYPE_CHECKING:
    from rich.console import Console

    from medic_cli.scan.model import Finding, Scan

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


def _print_table(console: Console, findings: tuple[Finding, ...]) -> None:
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


def _where(finding: Finding) -> Text:
    if finding.app_id is None:
        return shown("IAM", "bold")
    place = shown(finding.app_name or "", "bold")
    return Text.assemble(place, "\n", shown(f"{finding.app_id}\n{finding.region}", "dim"))


def _branches(finding: Finding) -> str:
    if not finding.branches:
        return "all" if finding.app_id else "–"
    rest = len(finding.branches) - _MOST_BRANCHES
    return "\n".join((*finding.branches[:_MOST_BRANCHES], *([f"and {rest} more"] if rest > 0 else [])))


def _seen(finding: Finding) -> Text:
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
