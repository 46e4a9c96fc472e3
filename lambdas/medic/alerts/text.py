"""An alert as plain text: e-mail, and the fallback of every other channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.alerts.words import STANDINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.alerts.model import Alert

_SUBJECT = 100
"""SNS refuses longer subjects, and any that is not ASCII. https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""
_LONGEST = 100_000
"""Characters; SNS takes 256 KiB a message, and a character of a log is rarely wider than two bytes."""
_MOST_BYTES = 240_000
_ASCII = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "…": "...", "–": "-", "—": "-"})


def subject(alert: Alert) -> str:
    """A subject line: printable ASCII, at most 100 characters."""
    plain = "".join(c if " " <= c <= "~" else "?" for c in alert.title.translate(_ASCII))
    line = plain if len(plain) <= _SUBJECT else f"{plain[: _SUBJECT - 3]}..."
    return line.strip() or "Amplify Medic"


def render_text(alert: Alert) -> str:
    """The whole alert as text, control and direction-changing characters left out."""
    return bounded("".join(c for c in "\n".join(_lines(alert)) if c in "\n\t" or c.isprintable()))


def bounded(text: str, most_bytes: int = _MOST_BYTES) -> str:
    """As much of a text as goes into one SNS message."""
    encoded = text[:_LONGEST].encode()
    return text[:_LONGEST] if len(encoded) <= most_bytes else encoded[:most_bytes].decode(errors="ignore")


def _lines(alert: Alert) -> Iterator[str]:
    yield f"{STANDINGS[alert.kind].sign} {alert.title}"
    yield ""
    yield from alert.summary
    if alert.effect:
        yield from ("", f"What to expect: {alert.effect}")
    if alert.approval is not None:
        yield from ("", "To approve:", f"    {alert.approval.command}")
    yield ""
    width = max((len(fact.name) for fact in alert.facts), default=0)
    yield from (f"{fact.name:<{width}}  {fact.value}" for fact in alert.facts)
    yield f"Incident {alert.incident_id}"
    yield from _section("Links", tuple(f"{link.text}: {link.url}" for link in alert.links))
    for section in alert.sections:
        yield from _section(section.heading, section.items)
    yield from _section("What the bot did", alert.done)
    yield from _section("Causes, likeliest first", alert.causes)
    yield from _section("Checks", alert.checks)
    if alert.log_lines:
        yield from ("", "From the log", *(f"    {line}" for line in alert.log_lines.splitlines()))
    for fix in alert.fixes:
        yield from ("", f"Fix: {fix.title}")
        if fix.url:
            yield f"    {fix.url}"
        for snippet in fix.snippets:
            yield f"  {snippet.dialect}"
            yield from (f"    {line}" for line in snippet.text.splitlines())
    yield from _section("Guardrails", alert.rules)


def _section(heading: str, items: tuple[str, ...]) -> Iterator[str]:
    if items:
        yield from ("", heading, *(f"  - {item}" for item in items))
