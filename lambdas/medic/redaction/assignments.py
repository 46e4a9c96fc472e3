"""Detects secrets next to a name: `NAME=value`, `"name": "value"`, `--name value`, tables, query strings.

`Pairs` detects them if name and value are separate members, as in `{"name": "DB_PASSWORD", "value": "…"}`.
"""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING

from medic.redaction.classify import Candidate, Syntax, secret_kind
from medic.redaction.names import may_be_secret, strong_kind
from medic.redaction.spans import Span, compiled
from medic.redaction.values import MAX_INSPECTED, is_ordinary, looks_like_secret_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_GAP = r"(?:[ \t]|\x1b\[[0-9;]{0,8}m)*+"
_ARN = r"arn:[a-z-]++:[^\s\"'`<>,;&]++"
_QUOTE = r"(?:\\{0,7}[\"'`]|\\{1,3}u0022|%22|&quot;|&#3[49];)"
_YAML_TAG = r"(?:(?:!!(?:str|binary)|&\w{1,40})[ \t]++)?"
_ASSIGNMENT = (
    r"(?P<name>[\w-][\w.-]*+)"
    rf"(?P<closing>\*{{0,2}}{_QUOTE}?\]?[?!]?{_GAP}(?:\[[^\]\s\"'`]{{0,40}}\]{_GAP}|[0-9]{{1,2}}(?=[ :])"
    rf"(?: \([a-z0-9]{{2,8}}\))?{_GAP})?)"
    rf"(?::{_GAP}(?:string|str|any|unknown){_GAP}(?==))?"
    r"(?P<sign>=>|:=|={1,3}|:(?!:)|%(?:25)?3[Dd]|\\{1,3}u003[Dd]|->|→|>|[|│]|(?<=[\"']),|\((?=[\"'`])"
    r"|(?<=[ \t])(?:is|was|(?:set )?to)(?=:?[ \t]):?|(?<=[ \t]))"
    rf"(?P<gap>{_GAP}{_YAML_TAG}(?:<!\[CDATA\[)?)"
)
_UNQUOTED = (
    r"(?:[^\s\"'`,;&<>\\\x1b%|-]++"
    r"|-(?!----)"
    r"|[,;&|](?![\s\"'`]|\Z|[\w.-]++(?:=|:|%(?:25)?3[Dd]))"
    r"|\\(?![nrtu\"'`\\])"
    r"|[\"'`<>](?=[A-Za-z0-9])"
    r"|%(?!(?:25)?(?:26|22|0[aAdD])))++"
)
_ITEM = r"\[?[ \t]*+,?[ \t]*+(?P<quote>[\"'])(?P<item>[^\"'\s\\]{6,}+)(?P=quote)[ \t]*+"
_PLAIN_WORD = r"[a-z]{1,9}(?![\w.+/=-])"
"""What may follow a name in a sentence; separated only by a space, it is no secret."""
_MEMBER_OF_CODE = r"(?:[A-Za-z_]\w*+\.)+[A-Za-z_]\w*+"
"""A value such as `process.env.TOKEN`, in which no further name needs a look."""
_BEGINS_QUOTE = frozenset("\\\"'`%&")
_NAME_CHARACTERS = string.ascii_letters + string.digits + "_-."
_NOTHING_FOLLOWS = r"[\\\"'`]*+[\s)\]},;.]*+\Z"
_WORDS_BEFORE = r"(?:[A-Za-z]{1,12} ){1,3}\Z"
_MAX_BEFORE = 40
_MAX_SHORT_OPTION = 4
_HEAD_NOUNS = frozenset(("key", "string", "phrase", "code", "value"))
_VERBS = frozenset(("is", "was", "is:", "was:"))
_FIXED_SYNTAX = {**dict.fromkeys(_VERBS, Syntax.LOOSE), "(": Syntax.CALL}
_APART = frozenset(("", "|", "│", ",", "to", "set to", "to:", "set to:"))


def assigned_secrets(line: str, hints: Iterable[re.Match[str]]) -> list[Span]:
    """The values next to a name that marks them as secret.

    Args:
        line: the line.
        hints: where a part of such a name may be, in order.
    """
    found: list[Span] = []
    arns = [match.span() for match in compiled(_ARN).finditer(line)] if "arn:" in line else []
    done = 0
    for hint in hints:
        start = hint.start()
        if start < done or any(begin <= start < end for begin, end in arns):  # the colons of an ARN assign nothing
            continue
        match = compiled(_ASSIGNMENT).match(line, _name_start(line, hint.end()))
        if match:
            spans, done = _secrets(line, match)
            found += spans
        elif rest_of_name := compiled(r"[\w.-]++").match(line, hint.end()):
            done = rest_of_name.end()
    return found


def _name_start(line: str, position: int) -> int:
    """Where the name around a position begins. It does not include a percent-encoded character before it."""
    first = max(0, position - _MAX_NAME)
    start = first + len(line[first:position].rstrip(_NAME_CHARACTERS))
    if line[start] != "." and (start == 0 or line[start - 1] != "%"):
        return start
    escape = compiled(r"(?<=%)(?:25)?[0-9A-Fa-f]{2}|\.+").match(line, start, position)
    return escape.end() if escape else start


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
    quote = compiled(_QUOTE).match(line, start) if line[start : start + 1] in _BEGINS_QUOTE else None
    return quote[0] if quote else ""


def _secrets(line: str, match: re.Match[str]) -> tuple[Sequence[Span], int]:
    """The secrets that this assignment gives, and where the next may begin."""
    name, syntax, after_name = _full_name(line, match), _syntax(line, match), match.end("name")
    if syntax is None or not may_be_secret(name):
        return (), after_name
    if not match["sign"] and name[0] != "-" and compiled(_PLAIN_WORD).match(line, match.end()):
        return (), after_name
    quote = opening_quote(line, match.end())
    start = match.end() + len(quote)
    end = value_end(line, start, quote, start + MAX_INSPECTED)
    candidate = Candidate(
        name=name,
        value=line[start:end],
        syntax=Syntax.TIGHT if quote and syntax is Syntax.LOOSE else syntax,
        quoted=bool(quote),
        alone=syntax is Syntax.LOOSE
        and match["sign"] not in _VERBS
        and compiled(_NOTHING_FOLLOWS).match(line, end) is not None,
    )
    kind = secret_kind(candidate)
    if kind:
        end = value_end(line, start, quote, len(line))
        return (Span(start, end, kind),), end
    if line[start : start + 1] == "[" and not quote:
        items = list(_items(line, start, name))
        return items, items[-1].end if items else after_name
    return (), end if compiled(_MEMBER_OF_CODE).fullmatch(candidate.value) else after_name


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
    r"(?i:(?<![\w-])(?:(?P<name>name|key|parameter_?name|parameter_?key|variable)|(?P<type>type)"
    r"|(?P<value>(?:parameter_?|default_?|string_?)?value|plaintext|content|result))"
    r"(?:\\{0,7}[\"'])?[ \t]*+[:=][ \t]*+)"
)
_OPEN_NAME = (
    r"(?:^|[\s\"'{,/.-])(?P<name>[\w.-]++)(?:\\{0,7}[\"'])?[ \t]*+[:=][ \t]*+"
    r"(?:\[|[|>][+-]?|<<-?[\"']?\w{1,20}[\"']?|(?i:bearer|basic|token))?[ \t\r]*+\Z"
)
_QUESTION = (
    r"(?:following|this|initial|temporary|new|generated) (?:admin )?(?:password|token|key|secret)\b[^:]{0,60}:\Z"
)
_COMMANDS = {
    "token": r"(?:auth[ :]|print-\w{1,20}-)token",
    "--field": r"--fields? \S*(?:password|credential|token)",
    "pass show": r"pass show \S+",
    "openssl rand": r"openssl rand [\w -]+",
    "--query": r"--query \S*(?:secretstring|parameter\.value)\S* --output text",
    "base64": "base64 (?:-d|--decode)",
    "terraform output": r"terraform output (?:-raw )?\S*(?:password|secret|token|key)\S*",
    "-field=": r"-field=\S*(?:password|secret|token|key)\S*(?: \S+)?",
    "334 ": "334 ugfzc3dvcmq6",
}
"""The end of a command that prints a secret, or of a server's line that asks for one: a literal, and the pattern.

SMTP asks for `Password:` in base64: https://www.ietf.org/archive/id/draft-murchison-sasl-login-00.txt
"""
_LONE_WORD = (
    r"(?:[0-9-]{10}T[0-9:.]+Z )?(?:\[[A-Z]+\]:)?[ \t]*+(?:- |[<>-]{1,4} |[CS]: )?[\"']?(?P<word>[^\s\"']++)[\"']?,?"
    r"[ \t\r]*+"
)
_OUTER_NAME = r"(?P<name>[\w.-]++)(?:\\{0,7}[\"'])?[ \t]*+[:=][ \t]*+\{[ \t]*+(?:\\{0,7}[\"'])?\Z"
"""`"token": {"value": …`"""
_ELEMENT = r"(?i:name|key|id)=[\"'](?P<name>[\w.-]{1,120}+)[\"'][^<>]{0,80}+>(?P<value>[^<>\s]++)</"
"""`<string name="token">…</string>`"""
_BETWEEN_MEMBERS = r"[\\\"'\s,]{1,12}+"
_SECURE_STRING = "SecureString"
"""The type of an encrypted parameter of Systems Manager."""
_RANDOM_PASSWORD = "random_password"  # noqa: S105
"""The type of a Terraform resource; its attribute `result` is the password."""
MEMBERS = dict.fromkeys(
    ("name", "key", "variable", "value", "plaintext", "content", "type", "result"), r"[\\\"']{0,8}[ \t]*+[:=]"
)
"""What a line with such a member has, in lower case: a literal, and the pattern after it."""
_SCHEMES = frozenset(("bearer", "basic", "token"))
_LINES_UNTIL_FORGOTTEN, _LINES_OF_A_RESOURCE = 4, 20
_MAX_NAME = 120


class Pairs:
    """Detects a secret whose name and value are separate members; remembers the name for a few lines."""

    name = ""
    lines_left = 0
    """Until the name is forgotten."""
    value_is_next_line = False
    """Whether the last line ended after the name."""

    def spans(self, line: str, *, hinted: bool, has_members: bool) -> Iterator[Span]:
        """Yield the values of names earlier on this line or on a line above.

        Args:
            line: the line.
            hinted: whether it has a part of a name that may mark a secret.
            has_members: whether it may have one of `MEMBERS`.
        """
        if self.value_is_next_line:
            yield from self._lone_value(line)
            self.value_is_next_line = line.rstrip().endswith('",')  # the next item of a list
        if self.lines_left:
            self.lines_left -= 1
        if not self.lines_left:
            self.name = ""
        if _RANDOM_PASSWORD in line:
            self.name, self.lines_left = _RANDOM_PASSWORD, _LINES_OF_A_RESOURCE
        if self.name or hinted or _SECURE_STRING in line:
            if has_members:
                yield from self._members(line)
            if "</" in line:
                yield from self._elements(line)
        if hinted or "334 " in line or "openssl rand" in line:
            self._open(line)

    def _members(self, line: str) -> Iterator[Span]:
        unnamed: Span | None = None
        for member in compiled(_MEMBER).finditer(line):
            quote = opening_quote(line, member.end())
            start = member.end() + len(quote)
            text = line[start : value_end(line, start, quote, start + MAX_INSPECTED)]
            if self.name == _RANDOM_PASSWORD and not member[0].lower().lstrip("\\\"'").startswith("result"):
                continue
            if member["type"]:
                if text == _SECURE_STRING:
                    self.name, self.lines_left = "secret", _LINES_UNTIL_FORGOTTEN
            elif member["name"]:
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

    def _elements(self, line: str) -> Iterator[Span]:
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
        end = line[-_MAX_NAME:].rstrip(" \t\r")
        after_sign = end[max(end.rfind(":"), end.rfind("=")) + 1 :].lstrip()
        opened = None
        if not after_sign or after_sign[0] in "|><[" or after_sign.lower() in _SCHEMES:
            opened = compiled(_OPEN_NAME).search(end)
        if opened and (strong_kind(opened["name"]) or opened["name"].lower() == "authorization"):
            self.name, self.lines_left, self.value_is_next_line = opened["name"], 2, True
        elif _asks_for_secret(end.lower()):
            self.name, self.lines_left, self.value_is_next_line = "password", 2, True

    def _lone_value(self, line: str) -> Iterator[Span]:
        lone = compiled(_LONE_WORD).fullmatch(line)
        if lone and looks_like_secret_value(lone["word"]):
            kind = secret_kind(Candidate(self.name, lone["word"], Syntax.LOOSE))
            if kind:
                yield Span(*lone.span("word"), kind)


def _asks_for_secret(end: str) -> bool:
    """Whether the next line may be nothing but a secret."""
    if end.endswith(":"):
        return compiled(_QUESTION).search(end) is not None
    patterns = [pattern for literal, pattern in _COMMANDS.items() if literal in end]
    return any(compiled(rf"{pattern}\Z").search(end) for pattern in patterns)


_KIND = r"[ \t]*+kind:[ \t]*+[\"']?(?P<kind>\w{1,40})"
_SECTION = r"(?P<indent>[ \t]*+)(?P<name>[\w-]{1,40}):[ \t\r]*+"
_ENTRY = r"(?P<indent>[ \t]++)[\"']?[\w.-]{1,253}[\"']?:[ \t]++[\"']?(?P<value>[^\s\"']{4,}+)[\"']?[ \t\r]*+"
_MAX_LINES_OF_A_MANIFEST = 60


class KubernetesSecrets:
    """Detects the values below `data:` of a Secret that is printed as YAML, whatever their names."""

    lines_left = 0
    indent: int | None = None
    """Of the `data:` that is open."""

    def spans(self, line: str) -> Iterator[Span]:
        kind = compiled(_KIND).match(line) if "kind:" in line else None
        if kind or line.startswith("---"):
            self.lines_left = _MAX_LINES_OF_A_MANIFEST if kind and kind["kind"] == "Secret" else 0
            self.indent = None
        elif self.lines_left:
            self.lines_left -= 1
            section = compiled(_SECTION).fullmatch(line)
            entry = compiled(_ENTRY).fullmatch(line)
            if section:
                self.indent = len(section["indent"]) if section["name"] in {"data", "stringData"} else None
            elif entry and self.indent is not None and len(entry["indent"]) > self.indent:
                yield from () if is_ordinary(entry["value"]) else (Span(*entry.span("value"), "secret"),)
