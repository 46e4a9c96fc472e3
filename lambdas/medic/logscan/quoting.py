"""Tells a reported failure from a quoted one, such as an error text in source code, tests or documentation.

Structure decides first. A comment, a table or a string in source code is a quotation, whatever it quotes. An error name
before the message, a caller's full ARN in it, or a stack trace under it is a report, whatever words precede it. Only
where there is neither does vocabulary decide.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_INSPECTED = 400
"""Characters inspected from the line's start, and before the phrase: only there can hints be."""
_STACK_WITHIN = 600
"""Characters after the phrase within which a stack trace must begin."""


# Patterns are texts here: `re` compiles and keeps each when it is first used, which few starts of a function do.


def _any(*patterns: str) -> str:
    return "|".join(patterns)


# --- structure of quotations

_NOT_A_MESSAGE = _any(
    # comments; not Amplify's own step markers, nor Docker's numbered steps, nor an object as Ruby prints it
    r"//|/\*|\*(?:/| (?!\w+\.[\w.\[\]\"-]+: ))|<!--|--[\sa-z]|;;"
    r"|#(?!\d{1,4} (?:\d|ERROR: |\[)|#\[error\]|<[A-Z][\w:]{1,60}[> ])",
    r">?\s*\d{1,6} ?\|(?! (?:\w{0,60}(?:Error|Exception)|AccessDenied|fatal): )",  # code frames; not numbered logs
    r"\|(?! \w{1,60}\| ).*\||[-+*] *(?:\*\*|`)|[-+] *\[[ x]\]",  # tables, lists; not a table of the AWS CLI
    # HTML; not the XML of an AWS error, nor words in brackets
    r"<(?!/?(?:\?xml|Errors?|(?:Error)?Response|Code|Message)\b)"
    r"(?:[!/?]|[a-zA-Z][\w.-]{0,60}(?: [\w@:.#-]{1,60}){0,3}(?:[=>]| ?/>|$))",
    r"\+\s|\$\s|[✓✔√☑]|HEAD is now at\b|(?:not )?ok \d+\b",  # shell traces and diffs, commands, success, Git, TAP
    r"[○◯]\s|●\s.{1,200} › ",  # titles of tests
    # a lone string; a line of an object that Node prints ends with a line feed and `+`
    r"[:?+]? ?(?P<quote>['\"`/])(?:(?!(?P=quote)).)*(?P=quote)(?:[,;]|(?<!\\n.) \+)$",
    r".*?\(\.[*+]\??\)|\w{1,60}: /\S.*/[gimsuy]{0,4},$",  # expressions
    r"(?:[Ee]xpected|[Rr]eceived)[\w ]{0,60}: ['\"`]",  # what a test compares
    r"E \S*(?:Error|Exception)\b|(?:FAILED|ERROR) \S{1,200}::\w",  # pytest
    r"\d{1,6}:\d{1,6}:? (?:error|warning|info)\b",  # linters
    r"['\"]?(?:documentation|description)['\"]?: ?['\"]<",  # texts of a model of an API
    r"(?!\S*(?:Error|Exception|[mM]essage): )[\w-]{1,60}(?:\.[\w-]{1,60}){1,8}: ['\"]",  # texts of a user interface
    r"[\w./@-]{1,200}\.(?:mdx?|[cm]?[jt]sx?|py|json|txt|html?|ya?ml|rst):"
    r"(?! (?:\w{0,60}(?:Error|Exception)|error): (?!['\"`]))\d*:?.",  # grep
    r"(?:[-*] )?[0-9a-f]{7,40}:? (?=[a-zA-Z\"])",  # commits
)
_STRING_IN_CODE = _any(
    r"\b(?:throw|raise)\s(?:new )?\w{1,60}\([^)]{0,80}$|\bnew \w{0,60}(?:Error|Exception)\([^)]{0,80}$",
    r"(?:\b[a-z_$]|\.)[\w$]{0,60}\(\s?[fbr]?['\"`][^'\"`]{0,80}$",  # a call; not `ClientError('…')`, a printed error
    r"(?:\b(?:return|case|echo)|=>|[=!]==?|\?\?|\|\||&&) ?\\?['\"`][^'\"`]{0,80}$|\w: `[^`]{0,80}$",
    r"(?:\b(?:const|let|var)\s\w{1,60}(?:: [^='\"`]{1,60})?\s?=|^[\w.$\[\]]{1,60} :?=)"
    r"[^'\"`]{0,80}['\"`][^'\"`]{0,80}$",
)
"""A string that code opens, up to the end of what precedes the phrase."""

# --- structure of reports

_SEPARATOR = r"(?:^|[:>\])}│›∟✖❌🛑⨯|,-] ?|\b[1-5]\d\d |^> )"
_ERROR_NAME = (
    r"[\"'\\]{0,2}\[?(?:[\w$]{1,60}[.#$]){0,8}"
    r"(?:[A-Za-z]\w{0,80}(?:Error|Exception|Fault)|AccessDenied|ExpiredToken|UnauthorizedOperation|Unauthorized)"
    r"\]?(?: \[\w{1,60}\])?(?: -|:) ?[\"'\\]{0,2}"
)
_NAMED = rf"{_SEPARATOR}{_ERROR_NAME}$|\bwhen calling the \w{{1,60}} operation(?: \([\w ]{{1,30}}: \d\))?: $"
"""Ends with an error's name and a colon, or as the AWS CLI names the call: what follows is the message."""
_AT_NAME = rf"{_SEPARATOR}[\"'\\]{{0,2}}\[?(?:[\w$]{{1,60}}[.#$]){{0,8}}$"
"""Ends where an error's name may begin."""
_SAYS_THAT_IT_FAILED = (
    r"(?i)^\W{0,8}(?:\[[\w :-]{1,30}\]:? )?"
    r"(?:\w{1,30}Error|error|failed|failure|fatal|exception|uncaught|unhandled|unable"
    r"|could not|cannot|can't)\b.{0,200}: [\"'\\]{0,2}$"
)
_STACK = (
    r"\s(?:at (?:async )?(?:new )?(?:[\w.$<>\[\]#]{1,80} (?:\[as \w{1,60}\] )?)?\(?"
    r"(?:[\w-]{1,30}:)?[\w@~./\\()\[\]-]{1,300}:\d{1,7}(?::\d{1,7})?\)?"
    r"|Traceback \(most recent call last\):|File \"[^\"]{1,300}\", line \d)"
)

# --- vocabulary of quotations

_CODE = _any(
    r"\b(?:throw new|instanceof|typeof|grep|echo)\b|\.(?:toThrow|rejects|resolves)\b",
    r"\b(?:console|logger|log)\.\w{1,20}\(",
    r"\bimport\s(?:[{*'\"]|type\b|\w{1,60} from\b)|\bfrom \w[\w.]{0,60} import\b|\bexport\s(?:const|class|function)\b",
    r"\bif\s?\(|\bcatch\s?\(|\bcase\s['\"]|\bexcept\s\w|[=!]==?\s?['\"`]?$|\bincludes\(|\.name\s?[=!]=",
    r"\b(?:expect|it|test|describe|assert\w*)\s?\(|\b(?:const|let|var)\s\w{1,60}\s?=|\breturn\s(?:new|[{'\"`(])",
)
_TEST_TITLE = "(?i)" + _any(
    r"\bshould(?:n't| not)? \w|\b(?:throws|handles|rejects|surfaces|returns|retries(?!: \d)|maps|shows)\b| › |::test_",
    r"\(\d{1,6}(?:\.\d{1,6})? ?m?s\)\s*$",
    r"^(?:PASS|FAIL|SKIP)\b.{0,200}\.(?:test|spec)\.",
)
_PROSE = "(?i)" + _any(
    r"\b(?:if|when|whenever|why) (?:you|we|the|it|a|an|i|your|our|my|this|these|any|no)\b",
    r"\be\.g\.|\bfor example\b|\bsuch as\b|\bhow to\b",
    r"\btroubleshoot\w*|\bprevents?\b|\bavoids?\b|\bcovers?\b|\bdocument(?:s|ed|ation)\b|\bexplains?\b|\bmeans\b",
    r"^\W{0,6}(?:fix(?:e[sd]|ing)?|handles?|handled|add(?:s|ed)?)\b|\b(?:to|that|which|bug ?)fix(?:e[sd])?\b",
    r"\bcommon (?:errors?|causes?)\b|\b(?:see|read) (?:the|also|more)\b|\bguide\b|\bchangelog\b"
    r"|^\W{0,6}(?:feat|fix|chore|docs|refactor|test)(?:\([\w./ -]{1,40}\))?!?: ",
)
_COMPOUND = r"[/\\_@=#]|\w-\w|\w\.\w{2}"
"""Paths, addresses and names made of several words: a word inside of one says nothing."""
_OPENED = r"\s+\\?[\"'“‘«`]{1,2}(?:\w{1,20} ){0,2}$"
_MENTIONED = r"(?:^|[^\s:=>(\[,{])" + _OPENED
"""An opening quote after a word: `see "AccessDenied"`. After a colon it opens a value: `message: "AccessDenied"`."""
_REPORTED = r"(?i)\b(?:message|error|reason|with|failed|returned|said|got|because|exception):?" + _OPENED


def is_quoted(line: str, column: int, *, following: str = "", names_arn: bool = False) -> bool:
    """True if the phrase at this column of a line is quoted, not reported.

    Args:
        line: the text of one line, without time stamp and level.
        column: where the phrase begins in it.
        following: what follows the phrase in its log entry: a stack trace makes it a report.
        names_arn: True if the phrase names its caller by a full ARN.
    """
    before, head = line[max(0, column - _INSPECTED) : column], line[:_INSPECTED]
    if re.match(_NOT_A_MESSAGE, head) or re.search(_STRING_IN_CODE, before):
        return True
    if (
        names_arn
        or _is_reported(before, line[column : column + _INSPECTED])
        or re.search(_STACK, following[:_STACK_WITHIN])
    ):
        return False
    words = " ".join(word for word in before.split(" ") if not re.search(_COMPOUND, word))
    if re.search(_CODE, before) or re.search(_TEST_TITLE, head) or re.search(_PROSE, words):
        return True
    if re.match(r"> (?!\[internal\])", head) or before.endswith(("**", "`")):
        return True
    return re.search(_MENTIONED, before) is not None and re.search(_REPORTED, before) is None


def _is_reported(before: str, phrase: str) -> bool:
    """True for `words: ErrorName: message`, and for `words that say that it failed: message`."""
    if re.search(_NAMED, before) or re.match(_SAYS_THAT_IT_FAILED, before):
        return True
    return re.search(_AT_NAME, before) is not None and re.match(_ERROR_NAME, phrase) is not None


# --- output of tests and of commands that only display

_SOURCE_LINE = (
    r"(?:import|export|const|let|var|return|await|function|class|def|throw|try|if|for)\b.*[;{(,:]$"
    r"|.*(?:\);|=> [{(]|\) \{)$"
)
_SOURCE_LINES = 3
"""Lines of code in one entry that make it a source file. An uncaught error shows only the line that threw it."""
_TEST_FRAME = (
    r"- Expected.{0,20} \+ Received|\.(?:test|spec)\.[cm]?[jt]sx?\b|\b__(?:tests|mocks)__/|\btests?/test_\w{1,80}\.py"
    r"|[( ]tests?/[\w./-]{1,200}\.[cm]?[jt]sx?:\d|\bAssertionError\b"
)
_DISPLAYS = frozenset(
    {
        *("cat", "echo", "printf", "head", "tail", "grep", "egrep", "fgrep", "rg", "less", "more", "sed", "awk"),
        *("ls", "find", "git", "diff", "bat", "tree", "wc", "true"),
    }
)
_COMMAND_SEPARATOR = r"&&|\|\|?|;"
_ACTS = r"\bgit (?:clone|fetch|pull|push|submodule|ls-remote)\b|\$\(|`|\bsed -i\b|\bfind\b.*\s-exec\b"


def is_from_a_test(text: str) -> bool:
    """True if the text has a stack frame in a test file, because such a failure was provoked by the test."""
    return re.search(_TEST_FRAME, text) is not None


def is_source_code(lines: Iterable[str]) -> bool:
    """True if the lines of an entry are a source file that a command printed, and not an error with its stack."""
    several = list(lines)
    code = sum(re.match(_SOURCE_LINE, line) is not None for line in several)
    return code >= _SOURCE_LINES and not any(re.search(_STACK, f" {line}") for line in several)


def only_displays(command: str) -> bool:
    """True if a build command can only print text, so that nothing in its output is a failure of the build."""
    if re.search(_ACTS, command[:2000]):
        return False
    parts = re.split(_COMMAND_SEPARATOR, command[:2000])
    programs = {part.split(None, 1)[0].rpartition("/")[2] for part in parts if part.strip()}
    return bool(programs) and programs <= _DISPLAYS
