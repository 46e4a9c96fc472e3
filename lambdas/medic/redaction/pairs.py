"""Secrets whose name stands elsewhere: `{"Name": "DB_PASSWORD", "Value": …}`, or on the line before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from medic.redaction.assignments import opening_quote, value_end
from medic.redaction.names import strong_kind
from medic.redaction.spans import Span, compiled
from medic.redaction.values import LONGEST_LOOK, is_telling
from medic.redaction.verdict import Candidate, Syntax, secret_kind

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
        if lone and is_telling(lone["word"]):
            kind = secret_kind(Candidate(self.name, lone["word"], Syntax.LOOSE))
            if kind:
                yield Span(*lone.span("word"), kind)
