"""A check-up as one self-contained HTML page, in the style of the scan's. It has no script and sends no requests."""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING

from medic_cli.doctor.model import NOT_CHECKED, Status
from medic_cli.html import asset, content_security_policy, escaped

if TYPE_CHECKING:
    from medic_cli.doctor.model import Check, CheckUp

_PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="$policy">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>Amplify Medic doctor: $headline</title>
<link rel="icon" href="data:,">
<style>$style</style>
</head>
<body>
<header>
  <p class="product">Amplify Medic · doctor</p>
  <h1>$headline</h1>
  <p class="facts">$facts</p>
</header>
<main>
<table>
<caption class="visually-hidden">Checks, the failed ones first</caption>
<thead><tr><th scope="col">Status</th><th scope="col">Promise</th><th scope="col">What was seen</th></tr></thead>
<tbody>
$rows
</tbody>
</table>
<h2>No check can tell</h2>
<ul>$not_checked</ul>
</main>
</body>
</html>
""")
_BADGES = {Status.FAIL: "error", Status.UNKNOWN: "warning", Status.PASS: "note"}
"""The scan's class for each status."""


def doctor_page(found: CheckUp) -> str:
    style = asset("report.css")
    failures, unknowns, passes = (len(found.of(status)) for status in Status)
    return _PAGE.substitute(
        policy=content_security_policy(style),
        style=style,
        headline=f"{failures} failed, {unknowns} unknown, {passes} passed",
        facts=escaped(
            f"stack {found.stack} · {found.region} · account {found.account} · {found.read_at:%Y-%m-%d %H:%M} UTC"
        ),
        rows="\n".join(_row(check) for status in Status for check in found.of(status)),
        not_checked="".join(f"<li>{escaped(each)}</li>" for each in NOT_CHECKED),
    )


def _row(check: Check) -> str:
    verdict = check.verdict
    permission = f"This permission would decide: {verdict.permission}" if verdict.permission else ""
    notes = "".join(f"<p>{escaped(each)}</p>" for each in (verdict.evidence, permission, verdict.advice) if each)
    repair = f"<pre>{escaped(verdict.repair)}</pre>" if verdict.repair else ""
    badge = f'<span class="badge {_BADGES[check.status]}">{check.status}</span>'
    promise = f'{escaped(check.promise)}<div class="id">{escaped(check.id)}</div>'
    return f"<tr><td>{badge}</td><td>{promise}</td><td>{notes}{repair}</td></tr>"
