"""Detects secrets next to a name: `NAME=value`, `"name": "value"`, `--name value`, tables, query strings.

`Pairs` detects them if name and value are separate members, as in `{"name": "DB_PASSWORD", "value": "…"}`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from medic.redaction.classify import Candidate, Syntax, secret_kind
from medic.redaction.names import may_be_secret, strong_kind
from medic.redaction.spans import Span, compiled
from medic.redaction.values import MAX_INSPECTED, is_ordinary, looks_like_secret_value

if TYPE_CHECKING:
    from collections.abc import Iterator

_HINT = (
    r"(?i:pass|pw|pswd|secret|token|tkn|key|cred|auth|jwt|mnemonic|conn|phrase|code|dsn|pat|sig|otp|sas|salt|pepper"
    r"|bearer|sess|sid|cookie|docker|value|psk)"
)
"""Every name that may mark a secret contains one of these, so a line without them needs no further work."""

_GAP = r"(?:[ \t]|\x1b\[[0-9;]{0,8}m)*+"
_ARN = r"arn:[a-z-]++:[^\s\"'`<>,;&]++"
_QUOTE = r"(?:\\{0,7}[\"'`]|\\{1,3}u0022|%22|&quot;|&#3[49];)"
_YAML_TAG = r"(?:(?:!!(?:str|binary)|&\w{1,40})[ \t]++)?"
_ASSIGNMENT = (
    rf"{_ARN}"  # consumes an ARN, because its colons are not assignments
    r"|(?:(?<![\w.%-])|(?<=%[0-9A-Fa-f]{2})|(?<=%25[0-9A-Fa-f]{2})|(?<=\x1b\[[0-9]m)|(?<=\x1b\[[0-9]{2}m))"
    r"(?P<name>[\w-][\w.-]*+)"
    rf"(?P<closing>\*{{0,2}}{_QUOTE}?\]?[?!]?{_GAP}(?:\[[^\]\s\"'`]{{0,40}}\]{_GAP})?)"
    rf"(?::{_GAP}(?:string|str|any|unknown){_GAP}(?==))?"
    r"(?P<sign>=>|:=|={1,3}|:|%(?:25)?3[Dd]|\\{1,3}u003[Dd]|->|→|>|[|│]|(?<=[\"']),|\((?=[\"'`])"
    r"|(?<=[ \t])(?:is|was|(?:set )?to)(?=:?[ \t]):?|(?<=[ \t]))"
    rf"(?P<gap>{_GAP}{_YAML_TAG}(?:<!\[CDATA\[)?)"
)
_UNQUOTED = (
    r"(?:[^\s\"'`,;&<>\\\x1b%|-]"
    r"|-(?!----)"
    r"|[,;&|](?![\s\"'`]|\Z|[\w.-]++(?:=|:|%(?:25)?3[Dd]))"
    r"|\\(?![nrtu\"'`\\])"
    r"|[\"'`<>](?=[A-Za-z0-9])"
    r"|%(?!(?:25)?(?:26|22|0[aAdD])))++"
)
_ITEM = r"\[?[ \t]*+,?[ \t]*+(?P<quote>[\"'])(?P<item>[^\"'\s\\]{6,}+)(?P=quote)[ \t]*+"
_NOTHING_FOLLOWS = r"[\\\"'`]*+[\s)\]},;.]*+\Z"
_WORDS_BEFORE = r"(?:[A-Za-z]{1,12} ){1,3}\Z"
_MAX_BEFORE = 40
_MAX_SHORT_OPTION = 4
_HEAD_NOUNS = frozenset(("key", "string", "phrase", "code", "value"))
_VERBS = frozenset(("is", "was", "is:", "was:"))
_FIXED_SYNTAX = {**dict.fromkeys(_VERBS, Syntax.LOOSE), "(": Syntax.CALL}
_APART = frozenset(("", "|", "│", ",", "to", "set to", "to:", "set to:"))


def assigned_secrets(line: str) -> Iterator[Span]:
    """Yield values next to a name that marks them as secret."""
    if not compiled(_HINT).search(line):
        return
    position = 0
    while match := compiled(_ASSIGNMENT).search(line, position):
        position = match.end()
        if match["name"] and compiled(_HINT).search(match["name"]):
            for span in _secrets(line, match):
                position = span.end
                yield span


def value_end(line: str, start: int, quote: str, limit: int) -> int:
    """The end of the value that begins at `start`, after its opening `quote` if it has one; at most `limit`."""
    limit = min(limit, len(line))
    if quote:
        closing = compiled(rf"(?<!\\){re.escape(quote)}").search(line, start, limit)
        return closing.start() if closing else limit
    unquoted = compiled(_UNQUOTED).match(line, start, limit)
    return start + len(unquoted[0].rstrip(")]},;:.")) if unquoted else start


def opening_quote(line: str, start: int) -> str:
    """The quote that opens a value at `start`, with its escaping backslashes; empty if there is none."""
    quote = compiled(_QUOTE).match(line, start)
    return quote[0] if quote else ""


def _secrets(line: str, match: re.Match[str]) -> Iterator[Span]:
    name, syntax = _full_name(line, match), _syntax(line, match)
    if syntax is None or not may_be_secret(name):
        return
    quote = opening_quote(line, match.end())
    start = match.end() + len(quote)
    end = value_end(line, start, quote, start + MAX_INSPECTED)
    candidate = Candidate(
        name=name,
        value=line[start:end],
        syntax=Syntax.TIGHT if quote and syntax is Syntax.LOOSE else syntax,
        quoted=bool(quote),
        alone=match["sign"] not in _VERBS and compiled(_NOTHING_FOLLOWS).match(line, end) is not None,
    )
    kind = secret_kind(candidate)
    if kind:
        yield Span(start, value_end(line, start, quote, len(line)), kind)
    elif line[start : start + 1] == "[" and not quote:
        yield from _items(line, start, name)


def _syntax(line: str, match: re.Match[str]) -> Syntax | None:
    sign, start = match["sign"], match.start()
    spaced = bool(match["gap"]) or match["closing"].endswith((" ", "\t"))
    if sign in _FIXED_SYNTAX:
        return _FIXED_SYNTAX[sign]
    if not sign and match["name"].startswith("-") and len(match["name"]) > _MAX_SHORT_OPTION:
        return Syntax.TIGHT
    if sign in _APART:
        unrelated = line.endswith("::", 0, start) or (not sign and match["closing"].strip())
        return None if unrelated else Syntax.APART
    if sign == ">":
        return Syntax.TIGHT if line[start - 1 : start] == "<" else None
    if sign == ":" and not spaced:
        return None if line.endswith(":", 0, start) else Syntax.LOOSE  # a:b:c is not an assignment
    return Syntax.LOOSE if spaced else Syntax.TIGHT


def _full_name(line: str, match: re.Match[str]) -> str:
    name, start = match["name"], match.start()
    if line[start - 1 : start] == "\\":  # drop the letters of an escape: \nPASSWORD=, \u0026token=
        return name[5:] if name[0] == "u" else name[1:]
    if name.lower() in _HEAD_NOUNS:
        before = compiled(_WORDS_BEFORE).search(line, max(0, start - _MAX_BEFORE), start)
        return (before[0] if before else "") + name
    return name


def _items(line: str, start: int, name: str) -> Iterator[Span]:
    """The secrets among the quoted items of a list."""
    position = start
    while item := compiled(_ITEM).match(line, position):
        position = item.end()
        kind = secret_kind(Candidate(name, item["item"], Syntax.TIGHT))
        if kind and looks_like_secret_value(item["item"]) and not is_ordinary(item["item"]):
            yield Span(*item.span("item"), kind)


_MEMBER = (
    r"(?i:(?<![\w-])(?:(?P<name>name|key|parameter_?name|parameter_?key|variable)"
    r"|(?P<value>(?:parameter_?|default_?|string_?)?value|plaintext|content))"
    r"(?:\\{0,7}[\"'])?[ \t]*+[:=][ \t]*+)"
)
_OPEN_NAME = (
    r"(?:^|[\s\"'{,/.-])(?P<name>[\w.-]++)(?:\\{0,7}[\"'])?[ \t]*+[:=][ \t]*+"
    r"(?:[|>][+-]?|<<-?[\"']?\w{1,20}[\"']?|(?i:bearer|basic|token))?[ \t\r]*+\Z"
)
_LONE_WORD = r"(?:[0-9-]{10}T[0-9:.]+Z )?(?:\[[A-Z]+\]:)?[ \t]*+(?:- )?[\"']?(?P<word>[^\s\"']++)[\"']?,?[ \t\r]*+"
_OUTER_NAME = r"(?P<name>[\w.-]++)(?:\\{0,7}[\"'])?[ \t]*+[:=][ \t]*+\{[ \t]*+(?:\\{0,7}[\"'])?\Z"
"""`"token": {"value": …`"""
_ELEMENT = r"(?i:name|key|id)=[\"'](?P<name>[\w.-]{1,120}+)[\"'][^<>]{0,80}+>(?P<value>[^<>\s]++)</"
"""`<string name="token">…</string>`"""
_BETWEEN_MEMBERS = r"[\\\"'\s,]{1,12}+"
_LINES_UNTIL_FORGOTTEN = 4
_MAX_NAME = 120


class Pairs:
    """Detects a secret whose name and value are separate members; remembers the name for a few lines."""

    def __init__(self) -> None:
        self.name = ""
        self.lines_left = 0  # until the name is forgotten
        self.value_is_next_line = False  # the last line ended after the name

    def spans(self, line: str) -> Iterator[Span]:
        """Yield the values of names earlier on this line or on a line above."""
        if self.value_is_next_line:
            yield from self._lone_value(line)
        self.value_is_next_line = False
        self.lines_left = max(0, self.lines_left - 1)
        if not self.lines_left:
            self.name = ""
        lower = line.lower()
        if any(hint in lower for hint in ("name", "key", "variable", "value", "plaintext", "content")):
            yield from self._members(line)
        self._open(line)

    def _members(self, line: str) -> Iterator[Span]:
        unnamed: Span | None = None
        for member in compiled(_MEMBER).finditer(line):
            quote = opening_quote(line, member.end())
            start = member.end() + len(quote)
            text = line[start : value_end(line, start, quote, start + MAX_INSPECTED)]
            if member["name"]:
                self.name = text if len(text) <= _MAX_NAME and strong_kind(text) else ""
                self.lines_left = _LINES_UNTIL_FORGOTTEN
                if unnamed and compiled(_BETWEEN_MEMBERS).fullmatch(line, unnamed.end, member.start()):
                    yield from self._named(line, unnamed, quoted=True)
            elif self.name:
                value = Span(start, value_end(line, start, quote, len(line)), "")
                yield from self._named(line, value, quoted=bool(quote))
            else:
                unnamed = Span(start, value_end(line, start, quote, len(line)), "")
                if outer := compiled(_OUTER_NAME).search(line, max(0, member.start() - _MAX_NAME), member.start()):
                    self.name = outer["name"] if strong_kind(outer["name"]) else ""
                    yield from self._named(line, unnamed, quoted=bool(quote))
        for element in compiled(_ELEMENT).finditer(line):
            self.name = element["name"] if strong_kind(element["name"]) else ""
            yield from self._named(line, Span(*element.span("value"), ""), quoted=True)

    def _named(self, line: str, value: Span, *, quoted: bool) -> Iterator[Span]:
        """Yield the value if the remembered name marks it as secret, and forget the name."""
        text = line[value.start : min(value.end, value.start + MAX_INSPECTED)]
        kind = secret_kind(Candidate(self.name, text, Syntax.TIGHT, quoted=quoted)) if self.name else None
        self.name = ""
        if kind:
            yield value._replace(kind=kind)

    def _open(self, line: str) -> None:
        opened = compiled(_OPEN_NAME).search(line[-_MAX_NAME:])
        if opened and (strong_kind(opened["name"]) or opened["name"].lower() == "authorization"):
            self.name, self.lines_left, self.value_is_next_line = opened["name"], 2, True

    def _lone_value(self, line: str) -> Iterator[Span]:
        lone = compiled(_LONE_WORD).fullmatch(line)
        if lone and looks_like_secret_value(lone["word"]):
            kind = secret_kind(Candidate(self.name, lone["word"], Syntax.LOOSE))
            if kind:
                yield Span(*lone.span("word"), kind)
