"""Private keys over several lines, or escaped on one: PEM, OpenSSH, PGP, PuTTY. The markers stay, the body goes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from medic.redaction.spans import Span, compiled
from medic.redaction.values import is_random

_KIND = "private key"
_BEGIN = (
    r"-{4,5} ?BEGIN(?:[ +]|%20)[A-Z0-9 +%]{0,40}PRIVATE(?:[ +]|%20)KEY(?: BLOCK)? ?-{4,5}|Private-Lines: ?[0-9]{1,4}"
)
_END = r"-{4,5} ?END(?:[ +]|%20)[A-Z0-9 +%]{0,40}PRIVATE(?:[ +]|%20)KEY(?: BLOCK)? ?-{4,5}|Private-MAC: "
_INLINE_BODY = r"(?:\\+[nr]|%0[AaDd]|[ \t]*+[A-Za-z0-9+/=]{16})[^\"'`<>]*+"
_LONG_RUN = r"[A-Za-z0-9+/]{40,}+={0,2}"
_LONE_WORD = (
    r"(?:[0-9-]{10}T[0-9:.]+Z )?(?:\[[A-Z]+\]:)?[\s|>+\"']*+(?:[0-9]{1,5}[ \t|:]++)?"
    r"(?P<word>[A-Za-z0-9+/=]+)(?:\\n)?[\"',;+\s]*+"
)
_SHORTEST_FIRST_WORD = 16
_LINES_WITHOUT_BODY = 32
"""A block whose end never comes is given up after so many lines that hold none of it."""


@dataclass(slots=True)
class KeyBlocks:
    """Knows from line to line whether a private key's block is open."""

    lines_left: int = 0
    in_body: bool = False

    def spans(self, line: str) -> Iterator[Span]:
        """Yield what of the line is the body of a private key."""
        position = 0
        if self.lines_left:
            end = compiled(_END).search(line)
            yield from self._body(line[: end.start()] if end else line)
            if end:
                self.lines_left, self.in_body, position = 0, False, end.end()
        if "BEGIN" in line or "Private-Lines" in line:
            yield from self._openings(line, position)

    def _openings(self, line: str, position: int) -> Iterator[Span]:
        while begin := compiled(_BEGIN).search(line, position):
            end = compiled(_END).search(line, begin.end())
            self.lines_left, self.in_body = (0, False) if end else (_LINES_WITHOUT_BODY, False)
            limit = end.start() if end else len(line)
            body = compiled(_INLINE_BODY).match(line, begin.end(), limit)
            if body and _holds_key(body[0]):
                yield Span(*body.span(), _KIND)
            if not end:
                return
            position = end.end()

    def _body(self, line: str) -> Iterator[Span]:
        self.lines_left -= 1
        found = [Span(*run.span(), _KIND) for run in compiled(_LONG_RUN).finditer(line) if is_random(run[0])]
        lone = compiled(_LONE_WORD).fullmatch(line)
        if lone and (self.in_body or len(lone["word"]) >= _SHORTEST_FIRST_WORD):
            found.append(Span(*lone.span("word"), _KIND))
        self.in_body = bool(found)
        if found:
            self.lines_left = _LINES_WITHOUT_BODY
        yield from found


def _holds_key(text: str) -> bool:
    return compiled(r"[A-Za-z0-9+/=]{16}").search(text) is not None
