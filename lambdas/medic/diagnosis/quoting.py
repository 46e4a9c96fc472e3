"""Is a phrase said, or only quoted? Logs echo source code, comments, test titles, documents and commands."""

from __future__ import annotations

import re

_REACH = 400
"""Characters of a line that are looked at: hints stand near its beginning or just before the phrase."""


def _any(*patterns: str, flags: int = 0) -> re.Pattern[str]:
    return re.compile("|".join(patterns), flags)


_NOT_A_MESSAGE = _any(
    r"//|/\*|\*[ /]|#|<!--|--\s|;;",  # comments; Amplify's own step markers
    r">?\s*\d{1,6} ?\||\||>\s|<[a-zA-Z!/]|[-+*] *(?:\*\*|`)|[-+] *\[[ x]\]",  # code frames, Markdown, HTML
    r"\+\s|[✓✔√☑]|HEAD is now at\b|(?:not )?ok \d+\b",  # shell traces and diffs, success, Git, TAP
    r"[\w./@-]{1,200}\.(?:mdx?|[cm]?[jt]sx?|py|json|txt|html?|ya?ml|rst):\d*:?.",  # grep
)
_CODE = _any(
    r"\bthrow new\b|\b(?:throw|raise)\s\w{1,60}\(|\bnew \w{0,60}(?:Error|Exception)\(\s?['\"`]?",
    r"\b(?:expect|it|test|describe|assert\w*)\s?\(|\.(?:toThrow|rejects|resolves)\b",
    r"\b(?:const|let|var)\s\w{1,60}\s?=|\breturn\s(?:new|\{|['\"`(])|\bimport\s[\w{*'\"]",
    r"\bif\s?\(|\bcatch\s?\(|\bcase\s['\"]|\bexport\s(?:const|class|function)|\bexcept\s\w",
    r"\b(?:console|logger|log)\.\w{1,20}\(|\b(?:instanceof|typeof)\b|[=!]==?\s?['\"`]$|\bincludes\(|\.name\s?[=!]=",
    r"\bgrep\b|\becho\b",
)
_TEST_TITLE = _any(
    r"\bshould(?:n't| not)? \w|\b(?:throws|handles|rejects|surfaces|returns|retries|maps|shows)\b|›|::test_",
    r"\(\d{1,6}(?:\.\d{1,6})? ?m?s\)\s*$",
    r"^(?:PASS|FAIL|SKIP)\b.{0,200}\.(?:test|spec)\.",
    flags=re.IGNORECASE,
)
_PROSE = _any(
    r"\b(?:if|when|whenever|why) (?:you|we|the|it|a|an|i)\b|\be\.g\.|\bfor example\b|\bsuch as\b|\bhow to\b",
    r"\btroubleshoot\w*|\bfix(?:es|ed|ing)?\b|\bprevents?\b|\bavoids?\b|\bcovers?\b|\bdocument(?:s|ed|ation)?\b",
    r"\bexplains?\b|\bcommon (?:errors?|causes?)\b|\bmeans\b|\b(?:see|read) (?:the|also|more)\b",
    r"\bguide\b|\bchangelog\b|\b(?:feat|chore|docs)(?:\(|:)",
    flags=re.IGNORECASE,
)
_MENTIONED = re.compile(r"(?:^|[^\s:=>(\[,{])\s+\\?[\"'“‘«`]{1,2}$")
"""An opening quote after a word: `see "AccessDenied"`. After a colon it is a value: `message: "AccessDenied"`."""
_REPORTED = re.compile(
    r"\b(?:message|error|reason|with|failed|returned|said|got|because|exception):?\s+\\?[\"'“‘«`]{1,2}$", re.IGNORECASE
)
_TEST_FRAME = re.compile(r"\.(?:test|spec)\.[cm]?[jt]sx?\b|\b__(?:tests|mocks)__/|\btests?/test_\w{1,80}\.py")
_DISPLAYS = frozenset(
    {
        *("cat", "echo", "printf", "head", "tail", "grep", "egrep", "fgrep", "rg", "less", "more", "sed", "awk"),
        *("ls", "find", "git", "diff", "bat", "tree", "wc", "true"),
    }
)
_LISTED = re.compile(r"&&|\|\|?|;")
_ACTS = re.compile(r"\bgit (?:clone|fetch|pull|push|submodule|ls-remote)\b|\$\(|`|\bsed -i\b|\bfind\b.*\s-exec\b")


def is_quoted(line: str, column: int) -> bool:
    """True if what stands at this column of a line's text is quoted rather than reported.

    Args:
        line: the words of one line, without time stamp and level.
        column: where the phrase begins in it.
    """
    before = line[max(0, column - _REACH) : column]
    head = line[:_REACH]
    if _NOT_A_MESSAGE.match(head) or _CODE.search(before) or _TEST_TITLE.search(head):
        return True
    if _PROSE.search(before) or before.endswith(("**", "`")):
        return True
    return _MENTIONED.search(before) is not None and _REPORTED.search(before) is None


def is_from_a_test(text: str) -> bool:
    """True if a stack trace in the text leads through a test file: the failure was staged."""
    return _TEST_FRAME.search(text) is not None


def only_displays(command: str) -> bool:
    """True if a build command can only print: its output is a document, not a failure of its own."""
    if _ACTS.search(command[:2000]):
        return False
    parts = [part.split(None, 1) for part in _LISTED.split(command[:2000])]
    words = [part[0].rpartition("/")[2] for part in parts if part]
    return bool(words) and all(word in _DISPLAYS for word in words)
