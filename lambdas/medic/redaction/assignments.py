"""Finds values that stand beside a name: `NAME=value`, `"name": "value"`, `--name value`, tables, query strings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medic.redaction.classify import Candidate, Syntax, secret_kind
from medic.redaction.names import may_be_secret, strong_kind
from medic.redaction.spans import Span, compiled
from medic.redaction.values import LONGEST_LOOK, is_ordinary, looks_like_secret_value

if TYPE_CHECKING:
    from collections.abc import Iterator

_HINT = (
    r"(?i:pass|pw|pswd|secret|token|tkn|key|cred|auth|jwt|mnemonic|conn|phrase|code|dsn|pat|sig|otp|sas|salt|pepper"
    r"|bearer|sess|sid|cookie|docker|value|psk)"
)
"""Part of every name that may say secret; a line without any is done with at once."""

_GAP = r"(?:[ \t]|\x1b\[[0-9;]{0,8}m)*+"
_ARN = r"arn:[a-z-]++:[^\s\"'`<>,;&]++"
_QUOTE = r"(?:\\{0,7}[\"'`]|\\{1,3}u0022|%22|&quot;|&#3[49];)"
_YAML_TAG = r"(?:(?:!!(?:str|binary)|&\w{1,40})[ \t]++)?"
_ASSIGNMENT = (
    rf"{_ARN}"
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
_LONGEST_LOOK_BACK = 40
_LONGEST_SHORT_OPTION = 4
_HEAD_NOUNS = frozenset(("key", "string", "phrase", "code", "value"))
_VERBS = frozenset(("is", "was", "is:", "was:"))
_ALWAYS = {**dict.fromkeys(_VERBS, Syntax.LOOSE), "(": Syntax.CALL}
_APART = frozenset(("", "|", "│", ",", "to", "set to", "to:", "set to:"))


def assigned_secrets(line: str) -> Iterator[Span]:
    """Yield the values that stand beside a name which says that they are secret."""
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
    """Where the value that begins at `start`, after the opening `quote` if there is one, ends; at most `limit`."""
    limit = min(limit, len(line))
    if quote:
        closing = compiled(rf"(?<!\\){re.escape(quote)}").search(line, start, limit)
        return closing.start() if closing else limit
    unquoted = compiled(_UNQUOTED).match(line, start, limit)
    return start + len(unquoted[0].rstrip(")]},;:.")) if unquoted else start


def opening_quote(line: str, start: int) -> str:
    """The quote, with the backslashes that escape it, which opens a value at `start`; or nothing."""
    quote = compiled(_QUOTE).match(line, start)
    return quote[0] if quote else ""


def _secrets(line: str, match: re.Match[str]) -> Iterator[Span]:
    name, syntax = _whole_name(line, match), _syntax(line, match)
    if syntax is None or not may_be_secret(name):
        return
    quote = opening_quote(line, match.end())
    start = match.end() + len(quote)
    end = value_end(line, start, quote, start + LONGEST_LOOK)
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
    if sign in _ALWAYS:
        return _ALWAYS[sign]
    if not sign and match["name"].startswith("-") and len(match["name"]) > _LONGEST_SHORT_OPTION:
        return Syntax.TIGHT
    if sign in _APART:
        no_pair = line.endswith("::", 0, start) or (not sign and match["closing"].strip())
        return None if no_pair else Syntax.APART
    if sign == ">":
        return Syntax.TIGHT if line[start - 1 : start] == "<" else None
    if sign == ":" and not spaced:
        return None if line.endswith(":", 0, start) else Syntax.LOOSE  # a:b:c is no assignment
    return Syntax.LOOSE if spaced else Syntax.TIGHT


def _whole_name(line: str, match: re.Match[str]) -> str:
    name, start = match["name"], match.start()
    if line[start - 1 : start] == "\\":  # the escape's letters are not the name's: \nPASSWORD=, \u0026token=
        return name[5:] if name[0] == "u" else name[1:]
    if name.lower() in _HEAD_NOUNS:
        before = compiled(_WORDS_BEFORE).search(line, max(0, start - _LONGEST_LOOK_BACK), start)
        return (before[0] if before else "") + name
    return name


def _items(line: str, start: int, name: str) -> Iterator[Span]:
    """The quoted items of a list which stands where one value would."""
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
_ONE_WORD = r"(?:[0-9-]{10}T[0-9:.]+Z )?(?:\[[A-Z]+\]:)?[ \t]*+(?:- )?[\"']?(?P<word>[^\s\"']++)[\"']?,?[ \t\r]*+"
_AROUND = r"(?P<name>[\w.-]++)(?:\\{0,7}[\"'])?[ \t]*+[:=][ \t]*+\{[ \t]*+(?:\\{0,7}[\"'])?\Z"
"""`"token": {"value": …`"""
_ELEMENT = r"(?i:name|key|id)=[\"'](?P<name>[\w.-]{1,120}+)[\"'][^<>]{0,80}+>(?P<value>[^<>\s]++)</"
"""`<string name="token">…</string>`"""
_BETWEEN_MEMBERS = r"[\\\"'\s,]{1,12}+"
_LINES_TO_WAIT = 4
_LONGEST_NAME = 120


@dataclass(slots=True)
class Pairs:
    """Remembers a secret's name for a few lines, until its value comes."""

    name: str = ""
    lines_left: int = 0
    value_is_next_line: bool = False

    def spans(self, line: str) -> Iterator[Span]:
        """Yield the values of names that came before, on this line or a line above."""
        if self.value_is_next_line:
            yield from self._lone_value(line)
        self._age()
        lower = line.lower()
        if any(hint in lower for hint in ("name", "key", "variable", "value", "plaintext", "content")):
            yield from self._members(line)
        self._open(line)

    def _age(self) -> None:
        self.value_is_next_line = False
        self.lines_left -= 1
        if self.lines_left <= 0:
            self.name, self.lines_left = "", 0

    def _members(self, line: str) -> Iterator[Span]:
        unnamed: Span | None = None
        for member in compiled(_MEMBER).finditer(line):
            quote = opening_quote(line, member.end())
            start = member.end() + len(quote)
            look = line[start : value_end(line, start, quote, start + LONGEST_LOOK)]
            if member["name"]:
                self.name = look if len(look) <= _LONGEST_NAME and strong_kind(look) else ""
                self.lines_left = _LINES_TO_WAIT
                if unnamed and compiled(_BETWEEN_MEMBERS).fullmatch(line, unnamed.end, member.start()):
                    yield from self._named(line, unnamed, quoted=True)
            elif self.name:
                value = Span(start, value_end(line, start, quote, len(line)), "")
                yield from self._named(line, value, quoted=bool(quote))
            else:
                unnamed = Span(start, value_end(line, start, quote, len(line)), "")
                if around := compiled(_AROUND).search(line, max(0, member.start() - _LONGEST_NAME), member.start()):
                    self.name = around["name"] if strong_kind(around["name"]) else ""
                    yield from self._named(line, unnamed, quoted=bool(quote))
        for element in compiled(_ELEMENT).finditer(line):
            self.name = element["name"] if strong_kind(element["name"]) else ""
            yield from self._named(line, Span(*element.span("value"), ""), quoted=True)

    def _named(self, line: str, value: Span, *, quoted: bool) -> Iterator[Span]:
        """The value, if the remembered name makes a secret of it; the name is used up."""
        look = line[value.start : min(value.end, value.start + LONGEST_LOOK)]
        kind = secret_kind(Candidate(self.name, look, Syntax.TIGHT, quoted=quoted)) if self.name else None
        self.name = ""
        if kind:
            yield value._replace(kind=kind)

    def _open(self, line: str) -> None:
        opened = compiled(_OPEN_NAME).search(line[-_LONGEST_NAME:])
        if opened and (strong_kind(opened["name"]) or opened["name"].lower() == "authorization"):
            self.name, self.lines_left, self.value_is_next_line = opened["name"], 2, True

    def _lone_value(self, line: str) -> Iterator[Span]:
        lone = compiled(_ONE_WORD).fullmatch(line)
        if lone and looks_like_secret_value(lone["word"]):
            kind = secret_kind(Candidate(self.name, lone["word"], Syntax.LOOSE))
            if kind:
                yield Span(*lone.span("word"), kind)
