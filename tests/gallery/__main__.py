"""Writes the golden files of all alerts, docs/gallery.md and docs/gallery/*.png: `python -m tests.gallery`.

With `--golden` it writes only the golden files, which needs no browser.
"""

from __future__ import annotations

import json
import shutil
import sys
from typing import Any

from medic.alerts.model import AlertKind
from tests.gallery.browser import Browser, NoBrowserError
from tests.gallery.golden import ROOT, golden_path, rendered
from tests.gallery.page import email_page, slack_page
from tests.gallery.samples import by_name

PICTURES = ROOT / "docs" / "gallery"
PAGE = ROOT / "docs" / "gallery.md"
_HEAD = """\
# Every kind of alert

For everyone who wants to see what arrives.

Alerts on one invented app, in Slack at the width of a phone; each links to its picture at the width of a desktop.
`make gallery` draws them from the JSON that the tests compare (`tests/data/alerts`).
"""
_PHONE, _DESKTOP = 400, 760
"""Pixels."""
_CAPTIONS = {
    AlertKind.OPEN: "A failure on a branch that is not opted in",
    AlertKind.AWAITING_APPROVAL: "A change waits for approval (tag `ask`)",
    AlertKind.APPLIED: "A change was applied",
    AlertKind.REBUILDING: "A change was applied, and the job is rebuilt",
    AlertKind.REFUSED: "A guardrail refused a change",
    AlertKind.APPLYING: "A change was postponed",
    AlertKind.RESOLVED: "A later build succeeded",
    AlertKind.NOT_HELPED: "A change did not help",
    AlertKind.NOT_CONFIRMED: "No error, but no traffic either",
    AlertKind.OUTCOME_UNKNOWN: "The result of a change is unknown",
    AlertKind.EXPIRED: "An incident expired",
    AlertKind.UNDONE: "A change was undone",
    AlertKind.NOT_UNDONE: "A change could not be undone",
    AlertKind.UNDIAGNOSED: "A failure whose log could not be read",
    AlertKind.BUILD_FAILED: "A build failed, but not because of IAM (`notify: all_failures`)",
    AlertKind.BUILDS_FAILING: "More such builds than are reported one by one",
    AlertKind.MUTED: "Somebody muted the branch",
    AlertKind.STORM: "Many failures at once",
    AlertKind.STORM_OVER: "The storm is over",
    AlertKind.TEST: "`medic test-alert`",
    "denied": "Access denied, with the missing statement",
    "hostile": "An app whose names and texts try to break the message",
}


def main(arguments: list[str]) -> None:
    for name, alert in by_name().items():
        golden_path(name).write_text(rendered(alert))
    if "--golden" in arguments:
        return
    browser = Browser.find()
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir()
    golden = {name: json.loads(golden_path(name).read_text()) for name in by_name()}
    sections = [_HEAD, *(_drawn(browser, name, _slack(golden[name]), _CAPTIONS[name]) for name in golden)]
    first = golden[AlertKind.OPEN]
    email = email_page(first["subject"], "\n".join(first["email"]))
    sections.append(_drawn(browser, "email", email, "The first alert as an e-mail"))
    PAGE.write_text("\n".join(sections))


def _slack(golden: dict[str, Any]) -> str:
    thread = [{"blocks": golden["thread"]}] if golden["thread"] else []
    return slack_page([golden["slack"], *thread])


def _drawn(browser: Browser, name: str, page: str, caption: str) -> str:
    """Draw a page at both widths. Returns its section of the gallery."""
    browser.draw(page, PICTURES / f"{name}.png", _PHONE)
    browser.draw(page, PICTURES / f"{name}-desktop.png", _DESKTOP)
    picture = f"[![{caption.replace('`', '')}](gallery/{name}.png)](gallery/{name}-desktop.png)"
    return f"## {caption}\n\n{picture}\n"


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except NoBrowserError as error:
        sys.exit(str(error))
