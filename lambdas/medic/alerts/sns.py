"""The stack's alert topic: e-mail, queues, Amazon Q Developer in chat applications, anything that subscribes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NotRequired, TypedDict

from medic.alerts.delivery import DeliveryError
from medic.alerts.wording import STANDINGS
from medic.aws.errors import AwsError, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from types_boto3_sns import SNSClient

    from medic.alerts.model import Alert

_TITLE = 250
_DESCRIPTION = 5000
_STEP = 350
_MOST_STEPS = 5
_KEYWORD = 75
_MARKUP = re.compile(r"(?<!\w)[_*~]|[_*~](?!\w)|`|\](?=\()|@(?=here|channel|everyone)")
_COSTS = {"&": 5, "<": 4, ">": 4, **dict.fromkeys("_*~`]@", 2)}
"""How many characters one becomes at most."""


def envelope(alert: Alert) -> str:
    """The alert as a custom notification; alerts of one incident go into one thread."""
    standing = STANDINGS[alert.kind]
    content = {
        "textType": "client-markdown",
        "title": _plain(f"{standing.sign} {alert.title}", _TITLE),
        "description": _plain("\n".join(_description(alert)), _DESCRIPTION),
        "nextSteps": list(islice(_steps(alert), _MOST_STEPS)),
        "keywords": ["amplify-medic", alert.kind.value, _plain(alert.incident_id, _KEYWORD)],
    }
    metadata = {
        "threadId": alert.incident_id,
        "summary": _plain(alert.title, _TITLE),
        "eventType": alert.kind.value,
    }
    return json.dumps({"version": "1.0", "source": "custom", "content": content, "metadata": metadata})


def _description(alert: Alert) -> Iterator[str]:
    yield from alert.summary
    if alert.effect:
        yield f"What to expect: {alert.effect}"
    yield ""
    yield from (f"{fact.name}: {fact.value}" for fact in alert.facts)
    for section in alert.sections:
        yield from ("", section.heading, *section.items)
    if alert.log_lines:
        yield from ("", "From the log:", alert.log_lines)


def _steps(alert: Alert) -> Iterator[str]:
    """What to do next. The addresses are made of ids by us, and have to stay as they are."""
    if alert.approval is not None:
        yield f"To approve: {alert.approval.command}"
    for fix in alert.fixes:
        yield f"{_plain(fix.title, _STEP)} {fix.url}".strip()
    for link in alert.links:
        yield f"{_plain(link.text, _STEP)}: {link.url}"


def _plain(text: str, most: int) -> str:
    """Text that the chat's markdown leaves alone, at most so long: no mention, no forged link, no formatting.

    Entities keep `<!channel>` from being a mention; a zero-width space keeps a mark from being one.
    """
    room = most
    kept = []
    for character in text:
        if character != "\n" and not character.isprintable():
            continue
        room -= _COSTS.get(character, 1)
        if room < 1:
            kept.append("…")
            break
        kept.append(character)
    entities = "".join(kept).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKUP.sub("\\g<0>\u200b", entities)


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


_MOST_BYTES_OF_TEXT = 60_000
"""As JSON, a byte of a character outside ASCII takes up to three, and SNS takes 256 KiB altogether."""


class _Message(TypedDict):
    Message: str
    MessageStructure: NotRequired[str]


@dataclass(frozen=True)
class SnsTopic:
    """The topic. With `amazon_q`, e-mail gets the text and every other protocol the envelope that Amazon Q asks for."""

    client: Callable[[], SNSClient]
    topic_arn: str
    amazon_q: bool = False
    name: str = "sns"
    routes: tuple[str | None, ...] = (None,)

    def send(self, alert: Alert, thread: str | None) -> str | None:  # noqa: ARG002 - e-mail has no threads
        """Publish the alert, with its kind and incident as message attributes to filter on."""
        try:
            with translated("sns:Publish"):
                self.client().publish(
                    TopicArn=self.topic_arn,
                    Subject=subject(alert),
                    MessageAttributes={
                        "kind": {"DataType": "String", "StringValue": alert.kind},
                        "incident": {"DataType": "String", "StringValue": alert.incident_id},
                    },
                    **self._message(alert),
                )
        except AwsError as error:
            raise DeliveryError(f"SNS did not take the alert: {error}") from error
        return None

    def _message(self, alert: Alert) -> _Message:
        if not self.amazon_q:
            return {"Message": render_text(alert)}
        # https://docs.aws.amazon.com/sns/latest/dg/sns-send-custom-platform-specific-payloads-mobile-devices.html
        text = bounded(render_text(alert), _MOST_BYTES_OF_TEXT)
        return {"Message": json.dumps({"default": envelope(alert), "email": text}), "MessageStructure": "json"}
