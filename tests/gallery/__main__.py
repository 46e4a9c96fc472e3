"""Draw every kind of alert: `python -m tests.gallery`. Writes docs/gallery/*.png, docs/gallery.md and the golden files.

`--golden` writes the golden files alone, which needs no browser.
"""

from __future__ import annotations

import sys

from medic.alerts.model import Alert, AlertKind
from medic.alerts.slack import render_slack
from medic.alerts.sns import render_text, subject
from tests.gallery.browser import Browser, NoBrowserError
from tests.gallery.golden import ROOT, golden_path, rendered
from tests.gallery.page import email_page, slack_page
from tests.gallery.samples import denied, every_kind, hostile

PICTURES = ROOT / "docs" / "gallery"
PAGE = ROOT / "docs" / "gallery.md"
_HEAD = """\
# Every alert there is

As Slack shows them at a phone's width, drawn by `make gallery` from the same JSON that the tests compare
(`tests/data/alerts`). All of them are about one invented app.
"""
_WORDS = {
    AlertKind.DIAGNOSIS: "A failure, diagnosed; its branch is not opted in",
    AlertKind.PROPOSED: "A change is proposed and waits for approval (tag `ask`)",
    AlertKind.APPLIED: "A change was made",
    AlertKind.REFUSED: "A change was refused by a guardrail",
    AlertKind.DEFERRED: "A change is put off",
    AlertKind.RESOLVED: "A build succeeded again",
    AlertKind.QUIET: "A runtime error is gone",
    AlertKind.NOT_HELPED: "A change did not help",
    AlertKind.NOT_CONFIRMED: "Nothing can be said yet: nobody visits the site",
    AlertKind.OUTCOME_UNKNOWN: "Nobody can say how a change ended",
    AlertKind.EXPIRED: "Nothing came of it, and it is closed",
    AlertKind.UNDONE: "A change was taken back",
    AlertKind.STORM: "Many failures at once",
    AlertKind.STORM_OVER: "The storm is over",
    AlertKind.TEST: "`medic test-alert`",
}


def main(arguments: list[str]) -> None:
    """Write golden files, and then pictures and page."""
    for alert in every_kind():
        golden_path(alert).write_text(rendered(alert))
    if "--golden" in arguments:
        return
    browser = Browser.find()
    PICTURES.mkdir(exist_ok=True)
    sections = (
        _HEAD,
        *(_slack(browser, alert, alert.kind.value, _WORDS[alert.kind]) for alert in every_kind()),
        _slack(browser, denied(), "denied", "Access denied: the very statement that is missing"),
        _slack(browser, hostile(), "hostile", "Names and texts that were written to break out"),
        _email(browser, every_kind()[0]),
    )
    PAGE.write_text("\n".join(sections))


def _slack(browser: Browser, alert: Alert, name: str, words: str) -> str:
    browser.draw(slack_page(render_slack(alert, buttons=True)), PICTURES / f"{name}.png")
    return _section(name, words)


def _email(browser: Browser, alert: Alert) -> str:
    browser.draw(email_page(subject(alert), render_text(alert)), PICTURES / "email.png")
    return _section("email", "The first one as an e-mail")


def _section(name: str, words: str) -> str:
    return f"## {words}\n\n![{words.replace('`', '')}](gallery/{name}.png)\n"


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except NoBrowserError as error:
        sys.exit(str(error))
