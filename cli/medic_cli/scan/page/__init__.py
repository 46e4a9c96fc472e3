"""A scan as one self-contained HTML page. It sends no requests, and it is readable without its script.

Every text from outside is escaped, without control and bidirectional characters. The content security policy allows
only this page's own style and script, by their hashes.
"""

from __future__ import annotations

import json
from string import Template
from typing import TYPE_CHECKING

from medic.alerts.fixes import app_url, role_url
from medic.arns import RoleArn
from medic.events import Scope
from medic_cli.html import asset, content_security_policy, escaped
from medic_cli.scan.model import FINDING_TEXTS
from medic_cli.scan.output import (
    MAX_BRANCHES_SHOWN,
    PARTIAL_WARNING,
    call_summary,
    counted,
    headline,
    partial_reasons,
    settings_used,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from medic_cli.scan.model import Scan, ScanFinding, Severity

_IAM = "IAM"
_COLUMNS = (
    ("rank", "Severity"),
    ("what", "Finding"),
    ("place", "App"),
    ("region", "Region"),
    ("count", "Branches"),
)
"""The columns to sort by: the row's `data-` attribute and the heading."""


def scan_page(scan: Scan) -> str:
    style, script = asset("report.css"), asset("report.js")
    return Template(asset("report.html")).substitute(
        policy=content_security_policy(style, script),
        style=style,
        script=script,
        title=escaped(f"Amplify Medic scan: {headline(scan)}"),
        headline=escaped(headline(scan)),
        facts=_facts(scan),
        partial=_partial(scan),
        tiles="\n".join(_tile(severity, number) for severity, number in scan.totals.items()),
        regions=_options({_region(finding): _region(finding) for finding in scan.findings}),
        kinds=_options({finding.kind.value: FINDING_TEXTS[finding.kind].title for finding in scan.findings}),
        table=_table(scan),
        foot=escaped(f"{call_summary(scan)}; {settings_used(scan)}."),
    )


def _facts(scan: Scan) -> str:
    when = f'<time datetime="{scan.started_at.isoformat()}">{scan.started_at:%Y-%m-%d %H:%M} UTC</time>'
    where = ", ".join(f"{region.name} ({counted(region.apps, 'app')})" for region in scan.regions)
    account = f"account {scan.account}" if scan.account else "no apps found"
    return f"{escaped(account)} · {escaped(where)} · {when}"


def _partial(scan: Scan) -> str:
    if not scan.partial:
        return ""
    reasons = "".join(f"<li>{escaped(reason)}</li>" for reason in partial_reasons(scan))
    return (
        '<section class="partial" aria-labelledby="partial">'
        f'<h2 id="partial">Partial scan: {PARTIAL_WARNING}</h2>'
        f"<ul>{reasons}</ul></section>"
    )


def _tile(severity: Severity, number: int) -> str:
    label = counted(number, severity).partition(" ")[2]
    return (
        f'    <button type="button" class="tile" data-value="{severity}" aria-pressed="false">'
        f"<b>{number:,}</b> {label}</button>"
    )


def _options(choices: dict[str, str]) -> str:
    by_label = sorted(choices.items(), key=lambda choice: choice[1])
    return "".join(f'<option value="{escaped(value)}">{escaped(label)}</option>' for value, label in by_label)


def _table(scan: Scan) -> str:
    if not scan.findings:
        message = "Nothing was found in what could be checked." if scan.partial else "Nothing was found."
        return f'<p class="nothing" id="findings">{message}</p>'
    heads = "".join(
        f'<th role="columnheader" scope="col" data-sort="{key}" aria-sort="none"><span>{label}</span></th>'
        for key, label in _COLUMNS
    )
    rows = "\n".join(_row(finding, scan) for finding in scan.findings)
    return (
        '<table role="table" id="findings" tabindex="-1">'
        '<caption class="visually-hidden">Findings, the most severe first</caption>'
        f'<thead role="rowgroup"><tr role="row">{heads}'
        '<th role="columnheader" scope="col" class="fixed"><span>Details</span></th></tr></thead>'
        f'<tbody role="rowgroup">\n{rows}\n</tbody></table>'
    )


def _row(finding: ScanFinding, scan: Scan) -> str:
    sort_keys = {
        "severity": finding.severity.value,
        "rank": str(finding.severity.rank),
        "kind": finding.kind.value,
        "region": _region(finding),
        "what": FINDING_TEXTS[finding.kind].title,
        "place": f"{finding.app_name or _IAM} {finding.app_id or ''}",
        "count": str(len(finding.branches)),
    }
    data = "".join(f' data-{name}="{escaped(value)}"' for name, value in sort_keys.items())
    cells = (
        _cell("severity", "Severity", f'<span class="badge {finding.severity}">{finding.severity}</span>'),
        _cell("what", "Finding", escaped(FINDING_TEXTS[finding.kind].title)),
        _cell("where", "App", _app(finding, scan)),
        _cell("region", "Region", escaped(_region(finding))),
        _cell("branches", "Branches", _branches(finding)),
        _cell("details", "Details", _details(finding, scan)),
    )
    return f'<tr role="row"{data}>{"".join(cells)}</tr>'


def _cell(name: str, label: str, content: str) -> str:
    return f'<td role="cell" class="{name}" data-label="{label}"><div>{content}</div></td>'


def _region(finding: ScanFinding) -> str:
    return finding.region or _IAM


def _scope(finding: ScanFinding, scan: Scan) -> Scope:
    region = finding.region or next(region.name for region in scan.regions)
    return Scope(scan.partition, scan.account or "", region, finding.app_id or "", "")


def _link(url: str, label: str) -> str:
    return f'<a href="{escaped(url)}" rel="noreferrer noopener" target="_blank">{escaped(label)}</a>'


def _app(finding: ScanFinding, scan: Scan) -> str:
    if finding.app_id is None:
        return "whole account"
    link = _link(app_url(_scope(finding, scan)), finding.app_name or finding.app_id)
    return f'{link}<div class="id">{escaped(finding.app_id)}</div>'


def _branches(finding: ScanFinding) -> str:
    if not finding.branches:
        return "all" if finding.app_id else "–"
    first, rest = finding.branches[:MAX_BRANCHES_SHOWN], finding.branches[MAX_BRANCHES_SHOWN:]
    more = f"<details><summary>{len(rest)} more</summary>{_names(rest)}</details>" if rest else ""
    return _names(first) + more


def _names(names: Iterable[str]) -> str:
    return f'<ul class="names">{"".join(f"<li>{escaped(name)}</li>" for name in names)}</ul>'


def _details(finding: ScanFinding, scan: Scan) -> str:
    text = FINDING_TEXTS[finding.kind]
    role = f'<div class="role">{_role(finding.role, finding, scan)}</div>' if finding.role else ""
    statement = ""
    if finding.statement:
        formatted = escaped(json.dumps(json.loads(finding.statement), indent=2))
        statement = f"<p>Proposed trust policy statement. Review it before you use it:</p><pre>{formatted}</pre>"
    return (
        f"{escaped(finding.detail)}{role}<details><summary>What to do</summary><p>{escaped(text.advice)}</p>{statement}"
        f"<p>More: <code>medic explain {escaped(text.entry)}</code></p></details>"
    )


def _role(arn: str, finding: ScanFinding, scan: Scan) -> str:
    """A link to the console if the role is in the scanned account."""
    role = RoleArn.parse(arn)
    if role is None or role.account != scan.account:
        return f"<code>{escaped(arn)}</code>"
    return f"<code>{_link(role_url(_scope(finding, scan), arn), arn)}</code>"
