"""A check-up as one self-contained HTML page, in the style of the scan's. It has no script and sends no requests."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from importlib import resources
from string import Template
from typing import TYPE_CHECKING

from medic_cli.doctor.model import NOT_CHECKED, Status
from medic_cli.output import visible

if TYPE_CHECKING:
    from medic_cli.doctor.model import Check, CheckUp

_PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src '$hash'; img-src data:">
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
    style = resources.files("medic_cli.scan.page").joinpath("report.css").read_text(encoding="utf-8")
    failures, unknowns, passes = (len(found.of(status)) for status in Status)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return _PAGE.substitute(
        hash=f"sha256-{digest}",
        style=style,
        headline=f"{failures} failed, {unknowns} unknown, {passes} passed",
        facts=_text(
            f"stack {found.stack} · {found.region} · account {found.account} · {found.read_at:%Y-%m-%d %H:%M} UTC"
        ),
        rows="\n".join(_row(check) for status in Status for check in found.of(status)),
        not_checked="".join(f"<li>{_text(each)}</li>" for each in NOT_CHECKED),
    )


def _row(check: Check) -> str:
    verdict = check.verdict
    permission = f"This permission would decide: {verdict.permission}" if verdict.permission else ""
    notes = "".join(f"<p>{_text(each)}</p>" for each in (verdict.evidence, permission, verdict.advice) if each)
    repair = f"<pre>{_text(verdict.repair)}</pre>" if verdict.repair else ""
    badge = f'<span class="badge {_BADGES[check.status]}">{check.status}</span>'
    promise = f'{_text(check.promise)}<div class="id">{_text(check.id)}</div>'
    return f"<tr><td>{badge}</td><td>{promise}</td><td>{notes}{repair}</td></tr>"


def _text(text: str) -> str:
    return escape(visible(text))
