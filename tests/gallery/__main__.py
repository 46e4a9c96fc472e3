"""Writes the golden files of all alerts, docs/gallery.md and docs/gallery/*.png: `python -m tests.gallery`.

With `--golden` it writes only the golden files, which needs no browser.
"""

from __future__ import annotations

import sys

from medic.alerts.model import Alert, AlertKind
from medic.alerts.slack import render_brief, render_detail
from medic.alerts.sns import render_text, subject
from tests.gallery.browser import Browser, NoBrowserError
from tests.gallery.golden import ROOT, golden_path, rendered
from tests.gallery.page import email_page, slack_page
from tests.gallery.samples import denied, every_kind, hostile

PICTURES = ROOT / "docs" / "gallery"
PAGE = ROOT / "docs" / "gallery.md"
_HEAD = """\
# Every kind of alert

Alerts on one invented app, in Slack at the width of a phone. `make gallery` draws them from the JSON that the tests
compare (`tests/data/alerts`).
"""
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
}


def main(arguments: list[str]) -> None:
    for alert in every_kind():
        golden_path(alert).write_text(rendered(alert))
    if "--golden" in arguments:
        return
    browser = Browser.find()
    PICTURES.mkdir(exist_ok=True)
    sections = (
        _HEAD,
        *(_slack(browser, alert, alert.kind.value, _CAPTIONS[alert.kind]) for alert in every_kind()),
        _slack(browser, denied(), "denied", "Access denied, with the missing statement"),
        _slack(browser, hostile(), "hostile", "An app whose names and texts try to break the message"),
        _email(browser, every_kind()[0]),
    )
    PAGE.write_text("\n".join(sections))


def _slack(browser: Browser, alert: Alert, name: str, caption: str) -> str:
    messages = [render_brief(alert, buttons=True)]
    if alert.has_detail:
        messages.append(render_detail(alert))
    browser.draw(slack_page(messages), PICTURES / f"{name}.png")
    return _section(name, caption)


def _email(browser: Browser, alert: Alert) -> str:
    browser.draw(email_page(subject(alert), render_text(alert)), PICTURES / "email.png")
    return _section("email", "The first alert as an e-mail")


def _section(name: str, caption: str) -> str:
    return f"## {caption}\n\n![{caption.replace('`', '')}](gallery/{name}.png)\n"


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except NoBrowserError as error:
        sys.exit(str(error))
