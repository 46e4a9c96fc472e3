"""The envelope in which Amazon Q Developer in chat applications takes a notification; it refuses any other text.

https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
"""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import TYPE_CHECKING

from medic.alerts.words import STANDINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

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
