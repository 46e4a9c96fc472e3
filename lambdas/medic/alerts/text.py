"""An alert as plain text: e-mail, and the fallback of every other channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.alerts.model import Alert

_SUBJECT = 100
"""SNS refuses longer subjects, and any that is not ASCII. https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""
_LONGEST = 200_000
"""SNS takes 256 KiB a message; this leaves room for wide characters."""


def subject(alert: Alert) -> str:
    """A subject line: printable ASCII, at most 100 characters."""
    plain = "".join(c if " " <= c <= "~" else "?" for c in alert.title)
    return plain[:_SUBJECT]


def render_text(alert: Alert) -> str:
    """The whole alert as text."""
    return "\n".join(_lines(alert))[:_LONGEST]


def _lines(alert: Alert) -> Iterator[str]:
    yield alert.title
    yield ""
    yield from alert.summary
    yield ""
    yield from (f"{fact.name}: {fact.value}" for fact in alert.facts)
    for heading, items in (
        ("What was done", alert.done),
        ("Causes, likeliest first", alert.causes),
        ("Checks", alert.checks),
    ):
        yield from _section(heading, items)
    if alert.log_lines:
        yield from ("", "From the log", *(f"    {line}" for line in alert.log_lines.splitlines()))
    for fix in alert.fixes:
        for snippet in fix.snippets:
            yield from ("", f"{fix.title} ({snippet.dialect})")
            yield from (f"    {line}" for line in snippet.text.splitlines())
    yield from _section("Links", tuple(f"{link.text}: {link.url}" for link in alert.links))
    yield from ("", f"Incident {alert.incident_id}")


def _section(heading: str, items: tuple[str, ...]) -> Iterator[str]:
    if items:
        yield from ("", heading, *(f"  - {item}" for item in items))
