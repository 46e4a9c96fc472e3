"""One log entry read: which signatures and denials it reports, and how much each decides."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from medic.diagnosis.denial import FoundDenial, confidence_of, find_denials, label_of
from medic.diagnosis.knowledge.signatures import SIGNATURES
from medic.diagnosis.model import Confidence, Denial, Finding, Identity, Label, PolicyType
from medic.diagnosis.quoting import is_from_a_test, is_quoted
from medic.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from medic.diagnosis.knowledge.signature import Signature
    from medic.diagnosis.lines import Line
    from medic.diagnosis.messages import Message
    from medic.diagnosis.model import Phase

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
class Sighting:
    """Something recognised in an entry, not yet written up as a finding: most are known already, or outranked."""

    signature: str
    label: Label
    confidence: Confidence
    identity: Identity
    decisiveness: int
    """3 names the failure itself, 2 wraps or hints at it, 1 is a bare word."""
    message: Message
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


def sightings_in(message: Message, phase: Phase, *, commands_executed: bool) -> list[Sighting]:
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


def _may_be_wrapped(message: Message) -> bool:
    return len(message.lines) > 1 and any(len(line.shown) >= _NARROW_TERMINAL for line in message.lines)


def _read(message: Message, phase: Phase, *, commands_executed: bool) -> Iterator[Sighting]:
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


def _first_meant(message: Message, signature: Signature, *, commands_executed: bool) -> tuple[int, int] | None:
    for start, end in _matches(message, signature):
        line, column = message.line_at(start)
        if signature.unless and _compiled(signature.unless).search(line.text):
            continue
        if signature.amplifys_verdict and (commands_executed or not _may_be_verdict(line, column)):
            continue
        if not is_quoted(line.text, column):
            return start, end
    return None


def _matches(message: Message, signature: Signature) -> Iterator[tuple[int, int]]:
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


def _matched(message: Message, signature: Signature, phase: Phase, span: tuple[int, int]) -> Sighting:
    return Sighting(
        signature=signature.id,
        label=signature.label_in(phase),
        confidence=signature.confidence,
        identity=signature.identity,
        decisiveness=signature.decisiveness,
        message=message,
        start=span[0],
        end=span[1],
    )


def _denied(message: Message, found: FoundDenial) -> Sighting:
    confidence = confidence_of(found.denial)
    return Sighting(
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
