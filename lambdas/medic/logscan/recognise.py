"""One log entry read: which signatures and denials it reports, and how much each decides."""

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


MAX_EXCERPT_LINES = 20
MAX_EXCERPT_CHARACTERS = 2000
_MOST_DENIALS_AN_ENTRY = 20
_NARROW_TERMINAL = 60
"""Columns; shorter lines were not wrapped by a terminal."""

_BEFORE_A_VERDICT = frozenset(
    {
        *("build", "job", "step", "deployment", "deploy", "failed", "fails", "failure", "failing"),
        *("error", "customererror", "with", "message", "reason", "because"),
    }
)
"""Words that may stand before Amplify's own verdict in its line, besides punctuation or a name and a colon."""

_BY_POLICY = {
    PolicyType.BOUNDARY: "denied_boundary",
    PolicyType.SCP: "denied_scp",
    PolicyType.RCP: "denied_rcp",
    PolicyType.SESSION: "denied_session_policy",
    PolicyType.RESOURCE: "denied_resource_policy",
    PolicyType.VPC_ENDPOINT: "denied_vpc_endpoint",
    PolicyType.TRUST: "denied_trust_policy",
}
_BY_IDENTITY = {
    Identity.SERVICE_ROLE: "denied_service_role",
    Identity.COMPUTE_ROLE: "denied_compute_role",
    Identity.STUDIO: "denied_studio_role",
    Identity.COGNITO_USER: "denied_cognito_user",
    Identity.USER: "denied_caller",
}
MOST_DECISIVE = 3
_DECISIVENESS = {Confidence.HIGH: MOST_DECISIVE, Confidence.MEDIUM: 2, Confidence.LOW: 1}


@dataclass(frozen=True, slots=True)
class LogMatch:
    """Something recognised in an entry, not yet written up as a finding: most are known already, or outranked."""

    signature: str
    label: Label
    confidence: Confidence
    identity: Identity
    decisiveness: int
    """3 names the failure itself, 2 wraps or hints at it, 1 is a bare word."""
    message: LogEntry
    start: int
    end: int
    denial: Denial | None = None

    @property
    def key(self) -> tuple[str, Denial | None]:
        """Two sightings with the same key tell the same."""
        return self.signature, self.denial

    @property
    def order(self) -> tuple[int, int]:
        """Sorts the most decisive first, then the earliest: a root cause stands before its consequences."""
        return -self.decisiveness, self.message.line_at(self.start)[0].number

    def finding(self) -> Finding:
        """The finding, with its lines and its redacted excerpt."""
        first = self.message.line_at(self.start)[0].number
        last = self.message.line_at(max(self.start, self.end - 1))[0].number
        lines = [line.shown for line in self.message.lines if first <= line.number <= last][:MAX_EXCERPT_LINES]
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


def matches_in(message: LogEntry, phase: Phase, *, commands_executed: bool) -> list[LogMatch]:
    """What a log entry reports: its most decisive sightings, since the others only wrap those.

    Args:
        message: the entry.
        phase: where it was printed.
        commands_executed: True if a command of the build had run before.
    """
    if is_from_a_test(message.text):
        return []
    seen = list(_read(message, phase, commands_executed=commands_executed))
    if not seen and _may_be_wrapped(message):
        seen = list(_read(message.unwrapped(), phase, commands_executed=commands_executed))
    most = max((each.decisiveness for each in seen), default=0)
    return [each for each in seen if each.decisiveness == most]


def _may_be_wrapped(message: LogEntry) -> bool:
    return len(message.lines) > 1 and any(len(line.shown) >= _NARROW_TERMINAL for line in message.lines)


def _read(message: LogEntry, phase: Phase, *, commands_executed: bool) -> Iterator[LogMatch]:
    for denial in find_denials(message.text, limit=_MOST_DENIALS_AN_ENTRY):
        line, column = message.line_at(denial.start)
        if not is_quoted(line.text, column):
            yield _denied(message, denial)
    for signature in _signatures_for(message.text):
        span = _first_meant(message, signature, commands_executed=commands_executed)
        if span:
            yield _matched(message, signature, phase, span)


@cache
def _by_literal() -> Mapping[str, list[Signature]]:
    index: dict[str, list[Signature]] = {}
    for signature in SIGNATURES:
        for literal in signature.literals:
            index.setdefault(literal, []).append(signature)
    return index


def _signatures_for(text: str) -> list[Signature]:
    """The signatures that the text has a literal of, each once, in the catalogue's order for equal literals."""
    hit = (signature for literal, several in _by_literal().items() if literal in text for signature in several)
    return list({signature.id: signature for signature in hit}.values())


def _first_meant(message: LogEntry, signature: Signature, *, commands_executed: bool) -> tuple[int, int] | None:
    for start, end in _matches(message, signature):
        line, column = message.line_at(start)
        if signature.unless and _compiled(signature.unless).search(line.text):
            continue
        if signature.amplifys_verdict and (commands_executed or not _may_be_verdict(line, column)):
            continue
        if not is_quoted(line.text, column):
            return start, end
    return None


def _matches(message: LogEntry, signature: Signature) -> Iterator[tuple[int, int]]:
    pattern = _compiled(signature.pattern)
    spans = message.spans() if signature.within_line else ((0, len(message.text)),)
    for begin, end in spans:
        for match in pattern.finditer(message.text[begin:end]):
            yield begin + match.start(), begin + match.end()


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compiled when first needed: most logs need none of them."""
    return re.compile(pattern, re.IGNORECASE)


def _may_be_verdict(line: Line, column: int) -> bool:
    """Amplify prints its verdicts at level ERROR, and with nothing of substance before them."""
    if line.level not in {None, "ERROR"}:
        return False
    before = line.text[:column].rstrip(" \"'")
    words = re.findall(r"\w+", before[-200:].lower())
    return before.endswith((":", "=")) or all(word in _BEFORE_A_VERDICT for word in words)


def _matched(message: LogEntry, signature: Signature, phase: Phase, span: tuple[int, int]) -> LogMatch:
    return LogMatch(
        signature=signature.id,
        label=signature.label_in(phase),
        confidence=signature.confidence,
        identity=signature.identity,
        decisiveness=signature.decisiveness,
        message=message,
        start=span[0],
        end=span[1],
    )


def _denied(message: LogEntry, found: FoundDenial) -> LogMatch:
    confidence = confidence_of(found.denial)
    return LogMatch(
        signature=signature_of(found.denial, found.identity),
        label=label_of(found.denial, found.identity),
        confidence=confidence,
        identity=found.identity,
        decisiveness=_DECISIVENESS[confidence],
        message=message,
        start=found.start,
        end=found.end,
        denial=found.denial,
    )


def signature_of(denial: Denial, identity: Identity) -> str:
    """The id of the knowledge-base entry that a denial belongs to."""
    label = label_of(denial, identity)
    if label is Label.CREDENTIALS_MISSING_BUILD:
        return "denied_amplifys_own_role"
    if label is Label.PASS_ROLE_DENIED:
        return "denied_pass_role"
    if denial.policy_type in _BY_POLICY:
        return _BY_POLICY[denial.policy_type]
    return _BY_IDENTITY.get(identity, "denied_caller_unknown")
