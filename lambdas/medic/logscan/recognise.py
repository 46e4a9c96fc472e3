"""Recognises the signatures and denials that one log entry reports, who printed them, and how much each decides."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from medic.knowledge.signatures import DENIAL_LITERALS, SIGNATURES
from medic.labels import Confidence, Identity, Label, Phase, PolicyType, Source
from medic.logscan.denial import confidence_of, find_denials, label_of
from medic.logscan.ending import is_fatal
from medic.logscan.model import Finding
from medic.logscan.quoting import is_from_a_test, is_quoted, is_source_code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.knowledge.entry import Signature
    from medic.logscan.entries import Line, LogEntry
    from medic.logscan.model import Denial

MAX_EXCERPT_LINES = 20

_MAX_DENIALS_PER_ENTRY = 20
_NARROW_TERMINAL = 60
"""Columns. An entry whose lines are all shorter was not wrapped by a terminal."""
_NEARBY = 200
"""Characters around a match in which the signature's `unless` must not occur."""
_ADVICE_WITHIN = 12
"""Lines after a finding in which the tool's own `Resolution:` still belongs to it."""
_RESOLUTION = re.compile(r"\W{0,4}Resolution: \S")
_SEVERAL_ERRORS = re.compile(r"\berrors?(?:\(s\))? occurred:")
"""Tools in Go print a list after it, in which every `* ` begins an error."""
_DECISIVENESS = {Confidence.HIGH: 3, Confidence.MEDIUM: 2, Confidence.LOW: 1}
_BEFORE_A_VERDICT = frozenset(
    {
        *("build", "job", "step", "deployment", "deploy", "failed", "fails", "failure", "failing"),
        *("error", "customererror", "with", "message", "reason", "because"),
    }
)
"""Words that may precede Amplify's own verdict in its line. Punctuation may, too, and a name with a colon."""
_SOURCE_OF_PHASE = {Phase.RUNTIME: Source.RUNTIME, Phase.API: Source.API}
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


_WORDS_OF = [(each, dict.fromkeys(each.words)) for each in SIGNATURES]
_BY_WORD = {word: [each for each, words in _WORDS_OF if word in words] for _, those in _WORDS_OF for word in those}
_QUALIFIED = r"(?:[\w$]{1,60}[.#$]){0,8}"
_MESSAGE_FOLLOWS = r"\]? ?:(?!:) ?[\"'\\]{0,2}\S|\] ?\S| - \S"
_NO_MESSAGE_FOLLOWS = r"[\])]|[\s.\"'\\}]*$| at [\w.<]| Resolution:| \(Service: "
_ERROR_IN_FIELD = (
    r"(?:^|[\s{,(])[\"'\\]{0,3}(?:\w{0,20}[cC]ode|\w{0,20}[tT]ype|[nN]ame|exception)[\"'\\]{0,3}\s?[:=]\s?[\"'\\]{0,3}"
    rf"{_QUALIFIED}(?P<value>%s)(?![\w-])|<Code>(?P<code>%s)(?=</Code>)"
)
"""`"code":"AccessDenied"`, `name: 'AccessDenied'`: a field of an error object, a structured log or AWS's XML."""
_ERROR_WITH_MESSAGE = rf"(?:^|[\s(>\[│›∟✖❌🛑⨯|}}:]|::)\[?{_QUALIFIED}(?P<title>%s)(?={_MESSAGE_FOLLOWS})"
"""`AccessDenied: message`, `[AccessDenied] message`, `AccessDenied - message`."""
_ERROR_ALONE = (
    rf"(?:^|[:\])>✖❌🛑⨯∟-] ?|\b[Ee]rror (?:code )?|[(\[]){_QUALIFIED}(?P<alone>%s)"
    rf"(?={_NO_MESSAGE_FOLLOWS})"
)
"""`Error: AccessDenied`, or the name on a line of its own."""
PLACES_OF_NAMES = rf"%s(?:(?={_MESSAGE_FOLLOWS}|{_NO_MESSAGE_FOLLOWS})|(?:(?<=[.#$:=>\"'\\]%s)|(?<=[:=]\s%s))(?![\w-]))"
"""Where any of the three forms above may be: what they need, most of what precedes them left out."""


def findings_in(entry: LogEntry, phase: Phase, *, commands_executed: bool, in_stamped_log: bool) -> list[Finding]:
    """The most decisive findings in a log entry. The less decisive ones in the same entry only wrap those.

    Args:
        entry: the entry.
        phase: where it was printed.
        commands_executed: True if a command of the build ran before it.
        in_stamped_log: True if the log's lines have time stamps.

    Returns:
        The findings. Their excerpts are not redacted yet, because most are known already or outranked.
    """
    reader = _EntryReader(phase, commands_executed=commands_executed, in_stamped_log=in_stamped_log)
    found = list(reader.findings(entry))
    if not found and len(entry.lines) > 1 and any(len(line.shown) >= _NARROW_TERMINAL for line in entry.lines):
        found = list(reader.findings(entry.unwrapped()))
    if not found or is_from_a_test(entry.text) or is_source_code(line.text for line in entry.lines):
        return []
    most = max(each.decisiveness for each in found)
    return [each for each in found if each.decisiveness == most]


class _EntryReader:
    """Reads entries that were printed in the same state of a build."""

    def __init__(self, phase: Phase, *, commands_executed: bool, in_stamped_log: bool) -> None:
        self._phase = phase
        self._commands_executed = commands_executed
        self._in_stamped_log = in_stamped_log

    def findings(self, entry: LogEntry) -> Iterator[Finding]:
        text = entry.text
        has_denial = any(literal in text for literal in DENIAL_LITERALS)
        for denial, start, end in find_denials(text, limit=_MAX_DENIALS_PER_ENTRY) if has_denial else ():
            if denial.identity is Identity.AMPLIFY_OWN and self._phase is Phase.RUNTIME:
                continue  # Amplify's own role only builds, so the line reports another job or was made up
            if not _is_quoted(entry, start, end, names_arn=denial.names_arn):
                confidence = confidence_of(denial)
                decisiveness, identity = _DECISIVENESS[confidence], denial.identity
                place = self._place(entry, start, end)
                yield Finding(
                    signature_of(denial), label_of(denial), confidence, *place, identity, decisiveness, denial
                )
        signatures = {each.id: each for word, several in _BY_WORD.items() if word in text for each in several}
        for signature in signatures.values():
            span = self._first_reported(entry, signature)
            if span:
                yield Finding(
                    signature.id,
                    signature.label_in(self._phase),
                    signature.confidence,
                    *self._place(entry, *span),
                    signature.identity or Identity.UNKNOWN,
                    signature.decisiveness,
                )

    def _place(self, entry: LogEntry, start: int, end: int) -> tuple[Source, None, int, int, str]:
        """Who printed a part of the entry; the numbers of its first and last line; the lines, bounded."""
        line, last = entry.line_at(start)[0], entry.line_at(max(start, end - 1))[0].number
        for following in entry.lines:
            if last < following.number <= last + _ADVICE_WITHIN and _RESOLUTION.match(following.text):
                last = following.number
                break
        fatal = is_fatal(line, in_stamped_log=self._in_stamped_log)
        source = _SOURCE_OF_PHASE.get(self._phase) or (Source.AMPLIFY if fatal else Source.BUILD)
        shown = [each.shown for each in entry.lines if line.number <= each.number <= last][:MAX_EXCERPT_LINES]
        return source, None, line.number, last, "\n".join(shown)

    def _first_reported(self, entry: LogEntry, signature: Signature) -> tuple[int, int] | None:
        if self._phase is Phase.RUNTIME and signature.phases and Phase.RUNTIME not in signature.phases:
            return None  # no SSR code fails this way, but a visitor can write it
        if signature.amplifys_verdict and self._commands_executed:
            return None
        for start, end in _matches(entry, signature):
            line, column = entry.line_at(start)
            nearby = entry.text[max(0, start - _NEARBY) : end + _NEARBY]
            if signature.unless and _compiled(signature.unless).search(nearby):
                continue
            if signature.amplifys_verdict and not self._may_be_verdict(line, column):
                continue
            if not _is_quoted(entry, start, end):
                return start, end
        return None

    def _may_be_verdict(self, line: Line, column: int) -> bool:
        """Amplify prints its verdicts at level ERROR, with nothing but introductory words before them."""
        if line.level not in {None, "ERROR"} or (self._in_stamped_log and not line.stamped):
            return False
        before = line.text[:column].rstrip(" \"'")
        words = re.findall(r"\w+", before[-200:].lower())
        return before.endswith((":", "=")) or all(word in _BEFORE_A_VERDICT for word in words)


def _matches(entry: LogEntry, signature: Signature) -> Iterator[tuple[int, int]]:
    """Where a signature's message or one of its error names stands in the entry."""
    if signature.pattern:
        for match in _compiled(signature.pattern).finditer(entry.text):
            yield match.span()
    if any(name in entry.text for name in signature.names):
        named = _named(signature.names, in_fields=not signature.ambiguous_names)
        for begin, end in entry.spans():
            line = entry.text[begin:end]
            if any(name in line for name in signature.names):
                for match in named.finditer(line):
                    yield begin + match.start(match.lastgroup or 0), begin + match.end()


def _is_quoted(entry: LogEntry, start: int, end: int, *, names_arn: bool = False) -> bool:
    line, column = entry.line_at(start)
    text = " ".join(line.text.split())
    if text.startswith("* ") and _SEVERAL_ERRORS.search(entry.text, 0, start):
        text, column = text[2:], column - 2
    return is_quoted(text, column, following=entry.text[end:], names_arn=names_arn)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compiles a pattern when it is first needed, because most logs need none."""
    return re.compile(pattern, re.IGNORECASE)


@cache
def _named(names: tuple[str, ...], *, in_fields: bool) -> re.Pattern[str]:
    """An error's name where it is reported. Case counts: `accessdenied` is no error of AWS."""
    any_of = "|".join(names)
    forms = (_ERROR_WITH_MESSAGE, _ERROR_ALONE, *((_ERROR_IN_FIELD,) if in_fields else ()))
    return re.compile("|".join(form.replace("%s", any_of) for form in forms))


def signature_of(denial: Denial) -> str:
    """The id of the knowledge-base entry that explains a denial."""
    label = label_of(denial)
    if label is Label.CREDENTIALS_MISSING_BUILD:
        return "denied_amplifys_own_role"
    if label is Label.PASS_ROLE_DENIED:
        return "denied_pass_role"
    if denial.policy_type in _SIGNATURE_OF_POLICY:
        return _SIGNATURE_OF_POLICY[denial.policy_type]
    if denial.reason is not None:
        return "denied_by_setting"
    return _SIGNATURE_OF_IDENTITY.get(denial.identity, "denied_caller_unknown")
