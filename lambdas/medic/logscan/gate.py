"""Decides at C speed which of many plain lines can report a failure at all. All others are skipped.

A hostile log holds a signature's word in every line. So lines with such words are tested many at a time: first for
strings that a match needs, then, where they occur, with the pattern.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from medic.knowledge.signatures import DENIAL_LITERALS, SIGNATURES
from medic.logscan.denial import FORMS_OF_DENIALS
from medic.logscan.ending import FATAL, STEP_LITERALS
from medic.logscan.entries import STAMP
from medic.logscan.recognise import PLACES_OF_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_TOGETHER = 128 * 1024
"""Bytes of lines that are tested together."""
_LONGEST = 1024
"""Bytes. A longer line is not plain."""
PLAIN_LINES = re.compile(
    rb"(?:20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d\.\d{1,9}Z \[(?:INFO|WARNING|ERROR)\]: [!-~][ -~]{0,900}+(?<! )\n)*+"
)
"""Lines as Amplify prints most: only ASCII characters after the level. The text of such an entry is the line's own."""
WORDS = frozenset({*DENIAL_LITERALS, *STEP_LITERALS, FATAL, *(word for each in SIGNATURES for word in each.words)})
"""A line without any of them reports nothing."""
_BEGINS_WITH_A_WORD = re.compile(r"\w{4}")
"""`re` finds quickly where such a pattern may match, so that all lines are searched at once."""
_TEXT_BEGINS = r"(?<=\]: )"


class _Gate(NamedTuple):
    """What a line must look like for one signature, denial or step."""

    needs: tuple[str, ...]
    """Every line that passes has one of these."""
    pattern: str
    """Matches in every line in which the signature does, whatever precedes its text; may match in others."""
    folded: bool = False
    """True if it is for a text in lower case."""


def squeezed(text: str) -> str:
    """The text without its spaces."""
    return text.replace(" ", "")


def positions_to_read(data: bytes, block: int, hits: Mapping[int, bytes]) -> Iterator[int]:
    """The hits whose entries must be read, in order; of several in one plain line, the first.

    Args:
        data: a part of the log.
        block: where in `data` the block begins that was searched.
        hits: the literals found in the block, by their offsets in it, in order.
    """
    positions = [block + offset for offset in hits]
    index = 0
    while index < len(positions):
        position = positions[index]
        last = positions[bisect_left(positions, position + _TOGETHER, index) - 1]
        begin, end = _plain_lines(data, position, last)
        following = bisect_left(positions, end, index)
        if following == index:
            yield position
            index += 1
            continue
        literals = map(bytes.decode, {hits[each - block] for each in positions[index:following]})
        for line in _loud_lines(data[begin:end].decode("ascii"), literals):
            yield from positions[bisect_left(positions, begin + line, index) : following][:1]
        index = following


def _plain_lines(data: bytes, first: int, last: int) -> tuple[int, int]:
    """Where the plain lines from the one at `first` up to the one at `last` begin and end. Nothing continues them."""
    begin = data.rfind(b"\n", max(0, first - _LONGEST), first) + 1
    limit = data.find(b"\n", last, last + _LONGEST) + 1
    end = PLAIN_LINES.match(data, begin, limit or last)
    stop = end.end() if end else begin
    if STAMP.match(data, stop) is None:
        stop = data.rfind(b"\n", begin, max(begin, stop - 1)) + 1
    spaces = data.find(b"  ", begin, stop)
    if spaces >= 0:
        stop = data.rfind(b"\n", begin, spaces) + 1
    return begin, stop


def _loud_lines(text: str, literals: Iterable[str]) -> list[int]:
    """Where the lines begin that one of the literals' gates lets through. Every line ends with a line feed."""
    literals = [each for each in literals if each in WORDS or _word_with(each).search(text)]
    texts = text, text.lower()
    occurs = [cache(each.__contains__) for each in texts]
    begins: set[int] = set()
    for needs, pattern, folded in dict.fromkeys(gate for literal in literals for gate in _gates(literal)):
        # Whether a character occurs is known much sooner than whether a string does.
        strings = [string for string in needs if all(map(occurs[folded], (*string, string)))]
        if strings and _BEGINS_WITH_A_WORD.match(pattern):
            begins.update(_lines_that_match(_compiled(pattern), texts[folded]))
            continue
        for begin, end in _lines_with(strings, texts[folded]):
            if begin not in begins and _compiled(pattern).search(texts[folded], begin, end):
                begins.add(begin)
    return sorted(begins)


def _lines_that_match(pattern: re.Pattern[str], text: str) -> Iterator[int]:
    """Where the lines begin in which a match begins. It may end in a later one, which is then tested, too."""
    position = 0
    while match := pattern.search(text, position):
        yield text.rfind("\n", 0, match.start()) + 1
        position = text.find("\n", match.start()) + 1


def _lines_with(strings: Iterable[str], text: str) -> Iterator[tuple[int, int]]:
    """Where the lines that have one of the strings begin and end."""
    for string in strings:
        position = text.find(string)
        while 0 <= position < len(text):
            end = text.find("\n", position)
            yield text.rfind("\n", 0, position) + 1, end
            position = text.find(string, end + 1)


@cache
def _word_with(stem: str) -> re.Pattern[str]:
    """The stem, and what follows it in the words that it stands for."""
    after = sorted({word.partition(stem)[2] for word in WORDS if stem in word})
    return re.compile(f"{stem}(?:{'|'.join(map(re.escape, after))})")


@cache
def _gates(literal: str) -> tuple[_Gate, ...]:
    """The gates of everything that has a word with this literal, with or without spaces."""

    def those_of(words: Iterable[str]) -> tuple[str, ...]:
        return tuple(word for word in words if squeezed(literal) in squeezed(word))

    several = [each for each in SIGNATURES if those_of(each.words)]
    messages = {each.pattern: each.needs or those_of(each.words) for each in several if each.pattern}
    if those_of(DENIAL_LITERALS):
        messages |= FORMS_OF_DENIALS
    return (
        *(_Gate((step,), re.escape(step)) for step in those_of((*STEP_LITERALS, FATAL))),
        *(_Gate((name,), PLACES_OF_NAMES.replace("%s", name)) for each in several for name in those_of(each.names)),
        *(
            _Gate(tuple(map(str.lower, needs)), _for_whole_lines(pattern), folded=True)
            for pattern, needs in messages.items()
        ),
    )


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.MULTILINE)


def _for_whole_lines(pattern: str) -> str:
    """Finds, in a line in lower case, what the pattern finds in its text if case does not count. Without its groups.

    The text begins after the line's level.
    """
    escape_class_group_anchor_or_letter = r"\\.|\[\^|\(\?P<\w+>|."

    def replaced(part: re.Match[str]) -> str:
        if part[0] == "^":
            return _TEXT_BEGINS
        if part[0].startswith("(?P"):
            return "(?:"
        return part[0] if len(part[0]) > 1 else part[0].lower()

    return re.sub(escape_class_group_anchor_or_letter, replaced, pattern)
