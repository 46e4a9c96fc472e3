"""Recognises the signatures and denials that one log entry reports, and how much each decides.

The last part tells a reported failure from a quoted one, such as an error text in source code, tests or documentation.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from medic.knowledge.signatures import SIGNATURES
from medic.labels import Confidence, Identity, Label, PolicyType
from medic.logscan.denial import confidence_of, find_denials, label_of
from medic.logscan.model import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.knowledge.entry import Signature
    from medic.labels import Phase
    from medic.logscan.entries import Line, LogEntry
    from medic.logscan.model import Denial

MAX_EXCERPT_LINES = 20
MOST_DECISIVE = 3

_MAX_DENIALS_PER_ENTRY = 20
_NARROW_TERMINAL = 60
"""Columns. An entry whose lines are all shorter was not wrapped by a terminal."""
_DECISIVENESS = {Confidence.HIGH: MOST_DECISIVE, Confidence.MEDIUM: 2, Confidence.LOW: 1}
_BEFORE_A_VERDICT = frozenset(
    {
        *("build", "job", "step", "deployment", "deploy", "failed", "fails", "failure", "failing"),
        *("error", "customererror", "with", "message", "reason", "because"),
    }
)
"""Words that may precede Amplify's own verdict in its line. Punctuation may, too, and a name with a colon."""
_SIGNATURE_OF_POLICY = {
    PolicyType.BOUNDARY: "denied_boundary",
    PolicyType.SCP: "denied_scp",
    PolicyType.RCP: "denied_rcp",
    PolicyType.SESSION: "denied_session_policy",
    PolicyType.RESOURCE: "denied_resource_policy",
    PolicyType.VPC_ENDPOINT: "denied_vpc_endpoint",
    PolicyType.TRUST: "denied_trust_policy",
}
_SIGNATURE_OF_IDENTITY = {
    Identity.SERVICE_ROLE: "denied_service_role",
    Identity.COMPUTE_ROLE: "denied_compute_role",
    Identity.STUDIO: "denied_studio_role",
    Identity.COGNITO_USER: "denied_cognito_user",
    Identity.USER: "denied_caller",
}


_BY_LITERAL = {
    literal: [each for each in SIGNATURES if literal in each.literals]
    for signature in SIGNATURES
    for literal in signature.literals
}


def findings_in(entry: LogEntry, phase: Phase, *, commands_executed: bool) -> list[Finding]:
    """The most decisive findings in a log entry. The less decisive ones in the same entry only wrap those.

    Args:
        entry: the entry.
        phase: where it was printed.
        commands_executed: True if a command of the build ran before it.

    Returns:
        The findings. Their excerpts are not redacted yet, because most are known already or outranked.
    """
    if is_from_a_test(entry.text):
        return []
    found = list(_all_findings(entry, phase, commands_executed=commands_executed))
    if not found and len(entry.lines) > 1 and any(len(line.shown) >= _NARROW_TERMINAL for line in entry.lines):
        found = list(_all_findings(entry.unwrapped(), phase, commands_executed=commands_executed))
    if not found:
        return []
    most = max(each.decisiveness for each in found)
    return [each for each in found if each.decisiveness == most]


def _all_findings(entry: LogEntry, phase: Phase, *, commands_executed: bool) -> Iterator[Finding]:
    for denial, start, end in find_denials(entry.text, limit=_MAX_DENIALS_PER_ENTRY):
        line, column = entry.line_at(start)
        if not is_quoted(line.text, column):
            confidence = confidence_of(denial)
            yield Finding(
                signature_of(denial),
                label_of(denial),
                confidence,
                *_place(entry, start, end),
                denial.identity,
                _DECISIVENESS[confidence],
                denial,
            )
    signatures = {
        each.id: each for literal, several in _BY_LITERAL.items() if literal in entry.text for each in several
    }
    for signature in signatures.values():
        span = _first_reported(entry, signature, commands_executed=commands_executed)
        if span:
            yield Finding(
                signature.id,
                signature.label_in(phase),
                signature.confidence,
                *_place(entry, *span),
                signature.identity or Identity.UNKNOWN,
                signature.decisiveness,
            )


def _place(entry: LogEntry, start: int, end: int) -> tuple[int, int, str]:
    """The numbers of the first and the last line of a part of the entry, and the lines, bounded."""
    first = entry.line_at(start)[0].number
    last = entry.line_at(max(start, end - 1))[0].number
    lines = [line.shown for line in entry.lines if first <= line.number <= last][:MAX_EXCERPT_LINES]
    return first, last, "\n".join(lines)


def _first_reported(entry: LogEntry, signature: Signature, *, commands_executed: bool) -> tuple[int, int] | None:
    spans = entry.spans() if signature.within_line else ((0, len(entry.text)),)
    for begin, end in spans:
        for match in _compiled(signature.pattern).finditer(entry.text[begin:end]):
            line, column = entry.line_at(begin + match.start())
            if signature.unless and _compiled(signature.unless).search(line.text):
                continue
            if signature.amplifys_verdict and (commands_executed or not _may_be_verdict(line, column)):
                continue
            if not is_quoted(line.text, column):
                return begin + match.start(), begin + match.end()
    return None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compiles a pattern when it is first needed, because most logs need none."""
    return re.compile(pattern, re.IGNORECASE)


def _may_be_verdict(line: Line, column: int) -> bool:
    """Amplify prints its verdicts at level ERROR, with nothing but introductory words before them."""
    if line.level not in {None, "ERROR"}:
        return False
    before = line.text[:column].rstrip(" \"'")
    words = re.findall(r"\w+", before[-200:].lower())
    return before.endswith((":", "=")) or all(word in _BEFORE_A_VERDICT for word in words)


def signature_of(denial: Denial) -> str:
    """The id of the knowledge-base entry that explains a denial."""
    label = label_of(denial)
    if label is Label.CREDENTIALS_MISSING_BUILD:
        return "denied_amplifys_own_role"
    if label is Label.PASS_ROLE_DENIED:
        return "denied_pass_role"
    if denial.policy_type in _SIGNATURE_OF_POLICY:
        return _SIGNATURE_OF_POLICY[denial.policy_type]
    return _SIGNATURE_OF_IDENTITY.get(denial.identity, "denied_caller_unknown")


# --- reported, or only quoted?

_INSPECTED = 400
"""Characters inspected from the line's start, and before the phrase: only there can hints of a quotation be."""


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
"""An opening quote after a word: `see "AccessDenied"`. After a colon it opens a value: `message: "AccessDenied"`."""
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
_COMMAND_SEPARATOR = re.compile(r"&&|\|\|?|;")
_ACTS = re.compile(r"\bgit (?:clone|fetch|pull|push|submodule|ls-remote)\b|\$\(|`|\bsed -i\b|\bfind\b.*\s-exec\b")


def is_quoted(line: str, column: int) -> bool:
    """True if the phrase at this column of a line is quoted, not reported.

    Args:
        line: the text of one line, without time stamp and level.
        column: where the phrase begins in it.
    """
    before = line[max(0, column - _INSPECTED) : column]
    head = line[:_INSPECTED]
    if _NOT_A_MESSAGE.match(head) or _CODE.search(before) or _TEST_TITLE.search(head):
        return True
    if _PROSE.search(before) or before.endswith(("**", "`")):
        return True
    return _MENTIONED.search(before) is not None and _REPORTED.search(before) is None


def is_from_a_test(text: str) -> bool:
    """True if the text has a stack frame in a test file, because such a failure was provoked by the test."""
    return _TEST_FRAME.search(text) is not None


def only_displays(command: str) -> bool:
    """True if a build command can only print text, so that nothing in its output is a failure of the build."""
    if _ACTS.search(command[:2000]):
        return False
    parts = _COMMAND_SEPARATOR.split(command[:2000])
    programs = {part.split(None, 1)[0].rpartition("/")[2] for part in parts if part.strip()}
    return bool(programs) and programs <= _DISPLAYS
