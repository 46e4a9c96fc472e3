"""Renders a message as HTML that looks like Slack or a mail client. It knows only the block types that alerts use."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_STYLE = """
* { box-sizing: border-box }
body { margin: 0; background: #fff; color: #1d1c1d; font: 15px/1.46 Lato, "DejaVu Sans", sans-serif }
.message { display: flex; gap: 8px; padding: 10px 12px 14px }
.face { flex: none; width: 36px; height: 36px; border-radius: 8px; background: #4a154b; color: #fff;
        font-size: 19px; line-height: 36px; text-align: center }
.body { min-width: 0; flex: 1 }
.from { font-weight: 900 } .from small { font-weight: 400; color: #616061; margin-left: 6px }
.from b { background: #ececec; color: #616061; border-radius: 2px; font-size: 10px; padding: 1px 3px; margin-left: 4px }
h1 { font-size: 18px; line-height: 1.33; font-weight: 900; margin: 4px 0 8px; overflow-wrap: anywhere }
.rich { margin: 0 0 8px; overflow-wrap: anywhere; white-space: pre-wrap }
.rich ul { margin: 0; padding-left: 22px; white-space: normal } .rich li { white-space: pre-wrap }
pre { margin: 4px 0; padding: 8px; border: 1px solid #dddddd; border-radius: 4px; background: #f8f8f8;
      font: 12px/1.5 "DejaVu Sans Mono", monospace; white-space: pre-wrap; overflow-wrap: anywhere }
a { color: #1264a3; text-decoration: none } hr { border: 0; border-top: 1px solid #dddddd; margin: 12px 0 }
.mention { color: #1264a3; background: #e8f5fa; border-radius: 3px; padding: 0 2px }
.buttons { display: flex; gap: 8px; margin: 4px 0 10px }
.buttons span { border: 1px solid #bbb; border-radius: 4px; font-weight: 700; font-size: 14px; padding: 5px 12px }
.buttons .primary { background: #007a5a; border-color: #007a5a; color: #fff }
.thread { border-left: 3px solid #dddddd; margin-left: 28px }
.mail { padding: 14px } .mail h1 { font-size: 19px } .mail p { color: #616061; margin: 0 0 10px; font-size: 13px }
.mail pre { border: 0; background: none; padding: 0 }
"""


def slack_page(messages: Sequence[Mapping[str, Any]]) -> str:
    """The first message, and the others in its thread."""
    first, *replies = map(_message, messages)
    return _page(f"{first}{''.join(f'<div class=thread>{reply}</div>' for reply in replies)}")


def _message(message: Mapping[str, Any]) -> str:
    blocks = "".join(_block(block) for block in message["blocks"])
    sender = '<div class="from">Amplify Medic<b>APP</b><small>12:00</small></div>'
    return f'<div class="message"><div class="face">✚</div><div class="body">{sender}{blocks}</div></div>'


def email_page(subject: str, text: str) -> str:
    head = f"<h1>{escape(subject)}</h1><p>AWS Notifications &lt;no-reply@sns.amazonaws.com&gt;</p>"
    return _page(f'<div class="mail">{head}<pre>{escape(text)}</pre></div>')


def _page(content: str) -> str:
    return f'<!doctype html><meta charset="utf-8"><style>{_STYLE}</style><body>{content}</body>'


def _block(block: Mapping[str, Any]) -> str:
    match block["type"]:
        case "header":
            return f"<h1>{escape(block['text']['text'])}</h1>"
        case "divider":
            return "<hr>"
        case "actions":
            return f'<div class="buttons">{"".join(map(_button, block["elements"]))}</div>'
        case "rich_text":
            return f'<div class="rich">{"".join(map(_rich, block["elements"]))}</div>'
    raise ValueError(f"the gallery can't draw the block type {block['type']}")


def _button(button: Mapping[str, Any]) -> str:
    return f'<span class="{button.get("style", "")}">{escape(button["text"]["text"])}</span>'


def _rich(element: Mapping[str, Any]) -> str:
    match element["type"]:
        case "rich_text_section":
            return f"<div>{_parts(element['elements'])}</div>"
        case "rich_text_preformatted":
            return f"<pre>{_parts(element['elements'])}</pre>"
        case "rich_text_list":
            return f"<ul>{''.join(f'<li>{_rich(item)}</li>' for item in element['elements'])}</ul>"
    raise ValueError(f"the gallery can't draw the rich text type {element['type']}")


def _parts(parts: Sequence[Mapping[str, Any]]) -> str:
    return "".join(map(_part, parts))


def _part(part: Mapping[str, Any]) -> str:
    match part["type"]:
        case "text":
            text = escape(part["text"])
            return f"<strong>{text}</strong>" if part.get("style", {}).get("bold") else text
        case "link":
            return f'<a href="{escape(part["url"])}">{escape(part["text"])}</a>'
        case "user":
            return f'<span class="mention">@{escape(part["user_id"])}</span>'
    raise ValueError(f"the gallery can't draw the element type {part['type']}")
