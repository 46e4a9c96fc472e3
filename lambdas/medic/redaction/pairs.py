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
    r"(?:[|>][+-]?|<<-?[\"']?\w{1,20}[\"']?)?[ \t\r]*+\Z"
)
_ONE_WORD = r"(?:[0-9-]{10}T[0-9:.]+Z )?(?:\[[A-Z]+\]:)?[ \t]*+(?:- )?[\"']?(?P<word>[^\s\"']++)[\"']?,?[ \t\r]*+"
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
        for member in compiled(_MEMBER).finditer(line):
            quote = opening_quote(line, member.end())
            start = member.end() + len(quote)
            look = line[start : value_end(line, start, quote, start + LONGEST_LOOK)]
            if member["name"]:
                self.name = look if len(look) <= _LONGEST_NAME and strong_kind(look) else ""
                self.lines_left = _LINES_TO_WAIT
            elif self.name:
                kind = secret_kind(Candidate(self.name, look, Syntax.TIGHT, quoted=bool(quote)))
                self.name = ""
                if kind:
                    yield Span(start, value_end(line, start, quote, len(line)), kind)

    def _open(self, line: str) -> None:
        opened = compiled(_OPEN_NAME).search(line[-_LONGEST_NAME:])
        if opened and strong_kind(opened["name"]):
            self.name, self.lines_left, self.value_is_next_line = opened["name"], 2, True

    def _lone_value(self, line: str) -> Iterator[Span]:
        lone = compiled(_ONE_WORD).fullmatch(line)
        if lone and is_telling(lone["word"]):
            kind = secret_kind(Candidate(self.name, lone["word"], Syntax.LOOSE))
            if kind:
                yield Span(*lone.span("word"), kind)
