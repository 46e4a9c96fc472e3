"""Recognises the signatures and denials that one log entry reports, and how much each decides.

The last part tells a reported failure from a quoted one, such as an error text in source code, tests or documentation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from medic.knowledge.signatures import SIGNATURES
from medic.labels import Confidence, Identity, Label, PolicyType
from medic.logscan.denial import FoundDenial, confidence_of, find_denials, label_of
from medic.logscan.model import Denial, Finding
from medic.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from medic.knowledge.entry import Signature
    from medic.labels import Phase
    from medic.logscan.entries import Line, LogEntry

MAX_EXCERPT_LINES = 20
MAX_EXCERPT_CHARACTERS = 2000
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


@dataclass(frozen=True, slots=True)
class LogMatch:
    """A signature or denial recognised in an entry.

    Only matches that are kept become findings with an excerpt, because most are known already or outranked.
    """

    signature: str
    label: Label
    confidence: Confidence
    identity: Identity
    decisiveness: int
    """3 names the failure itself, 2 wraps or hints at it, 1 is a bare word."""
    entry: LogEntry
    start: int
    end: int
    denial: Denial | None = None

    @property
    def key(self) -> tuple[str, Denial | None]:
        """Two matches with the same key report the same failure."""
        return self.signature, self.denial

    @property
    def order(self) -> tuple[int, int]:
        """Sorts the most decisive first, then the earliest, because a root cause precedes its consequences."""
        return -self.decisiveness, self.entry.line_at(self.start)[0].number

    def finding(self) -> Finding:
        first = self.entry.line_at(self.start)[0].number
        last = self.entry.line_at(max(self.start, self.end - 1))[0].number
        lines = [line.shown for line in self.entry.lines if first <= line.number <= last][:MAX_EXCERPT_LINES]
        return Finding(
            signature=self.signature,
            label=self.label,
            confidence=self.confidence,
            first_line=first,
            last_line=last,
            excerpt=redact("\n".join(lines))[:MAX_EXCERPT_CHARACTERS],
            identity=self.identity,
            denial=self.denial,
        )


def matches_in(entry: LogEntry, phase: Phase, *, commands_executed: bool) -> list[LogMatch]:
    """The most decisive matches in a log entry. The less decisive ones in the same entry only wrap those.

    Args:
        entry: the entry.
        phase: where it was printed.
        commands_executed: True if a command of the build ran before it.
    """
    if is_from_a_test(entry.text):
        return []
    matches = list(_all_matches(entry, phase, commands_executed=commands_executed))
    if not matches and _may_be_wrapped(entry):
        matches = list(_all_matches(entry.unwrapped(), phase, commands_executed=commands_executed))
    most = max((each.decisiveness for each in matches), default=0)
    return [each for each in matches if each.decisiveness == most]


def _may_be_wrapped(entry: LogEntry) -> bool:
    return len(entry.lines) > 1 and any(len(line.shown) >= _NARROW_TERMINAL for line in entry.lines)


def _all_matches(entry: LogEntry, phase: Phase, *, commands_executed: bool) -> Iterator[LogMatch]:
    for denial in find_denials(entry.text, limit=_MAX_DENIALS_PER_ENTRY):
        line, column = entry.line_at(denial.start)
        if not is_quoted(line.text, column):
            yield _match_of_denial(entry, denial)
    for signature in _signatures_for(entry.text):
        span = _first_reported(entry, signature, commands_executed=commands_executed)
        if span:
            yield _match_of_signature(entry, signature, phase, span)


@cache
def _signatures_by_literal() -> Mapping[str, list[Signature]]:
    index: dict[str, list[Signature]] = {}
    for signature in SIGNATURES:
        for literal in signature.literals:
            index.setdefault(literal, []).append(signature)
    return index


def _signatures_for(text: str) -> list[Signature]:
    """The signatures that have a literal in the text, each once."""
    hits = (each for literal, several in _signatures_by_literal().items() if literal in text for each in several)
    return list({signature.id: signature for signature in hits}.values())


def _first_reported(entry: LogEntry, signature: Signature, *, commands_executed: bool) -> tuple[int, int] | None:
    for start, end in _spans_of(signature, entry):
        line, column = entry.line_at(start)
        if signature.unless and _compiled(signature.unless).search(line.text):
            continue
        if signature.amplifys_verdict and (commands_executed or not _may_be_verdict(line, column)):
            continue
        if not is_quoted(line.text, column):
            return start, end
    return None


def _spans_of(signature: Signature, entry: LogEntry) -> Iterator[tuple[int, int]]:
    pattern = _compiled(signature.pattern)
    spans = entry.spans() if signature.within_line else ((0, len(entry.text)),)
    for begin, end in spans:
        for match in pattern.finditer(entry.text[begin:end]):
            yield begin + match.start(), begin + match.end()


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


def _match_of_signature(entry: LogEntry, signature: Signature, phase: Phase, span: tuple[int, int]) -> LogMatch:
    return LogMatch(
        signature=signature.id,
        label=signature.label_in(phase),
        confidence=signature.confidence,
        identity=signature.identity or Identity.UNKNOWN,
        decisiveness=signature.decisiveness,
        entry=entry,
        start=span[0],
        end=span[1],
    )


def _match_of_denial(entry: LogEntry, found: FoundDenial) -> LogMatch:
    confidence = confidence_of(found.denial)
    return LogMatch(
        signature=signature_of(found.denial, found.identity),
        label=label_of(found.denial, found.identity),
        confidence=confidence,
        identity=found.identity,
        decisiveness=_DECISIVENESS[confidence],
        entry=entry,
        start=found.start,
        end=found.end,
        denial=found.denial,
    )


def signature_of(denial: Denial, identity: Identity) -> str:
    """The id of the knowledge-base entry that explains a denial."""
    label = label_of(denial, identity)
    if label is Label.CREDENTIALS_MISSING_BUILD:
        return "denied_amplifys_own_role"
    if label is Label.PASS_ROLE_DENIED:
        return "denied_pass_role"
    if denial.policy_type in _SIGNATURE_OF_POLICY:
        return _SIGNATURE_OF_POLICY[denial.policy_type]
    return _SIGNATURE_OF_IDENTITY.get(identity, "denied_caller_unknown")


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
    parts = [part.split(None, 1) for part in _COMMAND_SEPARATOR.split(command[:2000])]
    programs = [part[0].rpartition("/")[2] for part in parts if part]
    return bool(programs) and all(program in _DISPLAYS for program in programs)
