"""Whose line is it? SSR branches of an app share one log, and how AWS names its streams is not documented.

So a branch is taken from a stream's name or a line's text where it stands there, else found by exclusion, and where
that leads nowhere, nobody is blamed.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING

from medic.arns import name_of
from medic.knowledge import find_entry
from medic.knowledge.signatures import DENIAL_LITERALS, SIGNATURES
from medic.labels import Confidence, Label, Phase
from medic.logscan.entries import read_line
from medic.logscan.scan import scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from medic.evidence import App, Branch, RuntimeLine
    from medic.logscan.model import Finding, LogReading


@dataclass(frozen=True, slots=True)
class RuntimeReading:
    """What some events of one log show."""

    reading: LogReading
    lines: Sequence[RuntimeLine]
    starts: Sequence[int]
    """The number of the line of text that each event begins with."""

    def line_of(self, finding: Finding) -> RuntimeLine:
        """The event in which a finding was first seen."""
        return self.lines[bisect_right(self.starts, finding.first_line) - 1]

    @property
    def first(self) -> RuntimeLine | None:
        """The earliest event that shows any finding; None if none does."""
        seen = (self.line_of(finding) for finding in self.reading.findings)
        return min(seen, key=lambda line: line.at, default=None)


def read_runtime_log(lines: Sequence[RuntimeLine]) -> RuntimeReading:
    """What events of a runtime log show, each read as a log entry of its own."""
    texts = [_as_entry(line) for line in lines]
    starts = list(accumulate((text.count("\n") for text in texts), initial=1))
    return RuntimeReading(scan((text.encode() for text in texts), Phase.RUNTIME), lines, starts[:-1])


def _as_entry(line: RuntimeLine) -> str:
    """An event's text, with its time in front unless it has one: two events are never read as one."""
    text = line.message.rstrip("\n")
    if not read_line(text.partition("\n")[0].encode(), 1).starts_entry:
        text = f"{line.at:%Y-%m-%dT%H:%M:%S}Z {text}"
    return text + "\n"


@cache
def runtime_filter() -> str:
    """The filter pattern that passes every event a signature of the runtime phase could fire on.

    `?"one" ?"another"` asks for either; letter case counts, as it does for the catalogue's literals. A pattern may hold
    1024 characters.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
    """
    words = (*DENIAL_LITERALS, *(word for each in SIGNATURES if _at_runtime(each.id) for word in each.literals))
    return " ".join(f'?"{word}"' for word in dict.fromkeys(words))


def _at_runtime(signature_id: str) -> bool:
    """True unless its entry binds it to other phases."""
    entry = find_entry(signature_id)
    return entry is None or not entry.phases or Phase.RUNTIME in entry.phases


_DATED = re.compile(r"(?P<branch>.+)/\d{4}/\d{2}/\d{2}/[^/]+")
_HOST = re.compile(r"\b(?P<branch>[a-z0-9-]{1,63})\.(?P<app>d[a-z0-9]{1,19})\.amplifyapp\.com\b")
_ARN = re.compile(r":apps/(?P<app>d[a-z0-9]{1,19})/branches/(?P<branch>[^\s\"'\\]{1,255})")
_NOT_IN_A_STREAM = re.compile(r"[:*]")
_MOST_ACTIONS = 5
_NOT_IN_A_HOST = re.compile(r"[^a-z0-9-]")


@dataclass(frozen=True, slots=True)
class RuntimeFailure:
    """One kind of failure, seen in the log of one branch."""

    branch: Branch | None
    """Whose; None if that can't be told."""
    reading: LogReading
    """The log, with the findings of one label alone."""
    seen_at: datetime
    """When the latest line of it was written."""
    among: tuple[str, ...] = ()
    """Names of the branches of which it may be any; empty if it is this one's."""
    denied: tuple[str, ...] = ()
    """The actions that the same lines say were denied: what a role will need besides."""

    @property
    def label(self) -> Label:
        """What the lines show."""
        return self.reading.label


def branch_of(line: RuntimeLine, app_id: str, branches: Iterable[Branch]) -> Branch | None:
    """The branch that a line's stream or its text names, if it is one of these."""
    return _by_stream(line.stream, branches) or _by_text(line.message, app_id, branches)


def runtime_failures(
    lines: Sequence[RuntimeLine], app: App, branches: Sequence[Branch], lacks_role: Callable[[Branch], bool]
) -> tuple[RuntimeFailure, ...]:
    """What the lines show, by branch and label.

    Args:
        lines: candidates of the app's log.
        app: the app.
        branches: its branches that serve requests.
        lacks_role: whether a branch has no usable effective compute role; asked only where exclusion needs it.
    """
    by_branch: dict[str, list[RuntimeLine]] = {}
    nobodys: list[RuntimeLine] = []
    for line in lines:
        named = branch_of(line, app.id, branches)
        (by_branch.setdefault(named.name, []) if named else nobodys).append(line)
    if nobodys and len(branches) == 1:
        by_branch.setdefault(branches[0].name, []).extend(nobodys)
        nobodys = []
    seen = [sighting for branch in branches for sighting in _by_label(by_branch.get(branch.name, []), branch)]
    for sighting in _by_label(nobodys, None):
        seen += _blamed(sighting, app, branches, lacks_role)
    return tuple({(each.branch.name if each.branch else None, each.label): each for each in reversed(seen)}.values())


def _by_stream(stream: str, branches: Iterable[Branch]) -> Branch | None:
    """`<branch>/<date>/<instance>`, or any path that begins with the branch's name; the longest name wins."""
    dated = _DATED.fullmatch(stream)
    named = [b for b in branches if _leads(_NOT_IN_A_STREAM.sub("-", b.name), stream, dated)]
    return max(named, key=lambda branch: len(branch.name), default=None)


def _leads(name: str, stream: str, dated: re.Match[str] | None) -> bool:
    if dated is not None:
        return dated["branch"] == name
    return not name.isdigit() and stream.startswith(f"{name}/")


def _by_text(message: str, app_id: str, branches: Iterable[Branch]) -> Branch | None:
    """The branch's own address or ARN, if the text names one and no other."""
    hosts = {match["branch"] for match in _HOST.finditer(message) if match["app"] == app_id}
    arns = {match["branch"] for match in _ARN.finditer(message) if match["app"] == app_id}
    named = [b for b in branches if b.name in arns or _NOT_IN_A_HOST.sub("-", b.name.lower()) in hosts]
    return named[0] if len(named) == 1 else None


def _by_label(lines: Sequence[RuntimeLine], branch: Branch | None) -> Iterator[RuntimeFailure]:
    """Newest lines first, so that each finding is the latest of its kind. Vague words count only where they are all."""
    log = read_runtime_log(sorted(lines, key=lambda line: line.at, reverse=True))
    findings = log.reading.findings
    telling = tuple(finding for finding in findings if finding.confidence is not Confidence.LOW) or findings
    for label in dict.fromkeys(finding.label for finding in telling):
        yield _runtime_failure(branch, log, tuple(finding for finding in telling if finding.label is label))


def _runtime_failure(branch: Branch | None, log: RuntimeReading, findings: tuple[Finding, ...]) -> RuntimeFailure:
    seen_at = max(log.line_of(finding).at for finding in findings)
    denied = (found.denial.action for found in log.reading.findings if found.denial and found.denial.action)
    reading = replace(log.reading, findings=findings)
    return RuntimeFailure(branch, reading, seen_at, denied=tuple(dict.fromkeys(denied))[:_MOST_ACTIONS])


def _blamed(
    sighting: RuntimeFailure, app: App, branches: Sequence[Branch], lacks_role: Callable[[Branch], bool]
) -> Iterator[RuntimeFailure]:
    """By exclusion: who lacks a role cannot load credentials; who was refused as a role wears it."""
    if sighting.label is Label.CREDENTIALS_MISSING_RUNTIME:
        suspects = [branch for branch in branches if lacks_role(branch)]
    else:
        denied = {finding.denial.role_name for finding in sighting.reading.findings if finding.denial}
        suspects = [b for b in branches if name_of(b.compute_role_arn or app.compute_role_arn or "") in denied]
    if len(suspects) == 1:
        yield replace(sighting, branch=suspects[0])
    elif suspects and sighting.label is Label.CREDENTIALS_MISSING_RUNTIME:
        names = tuple(branch.name for branch in suspects)
        yield from (replace(sighting, branch=branch, among=names) for branch in suspects)
    else:
        yield sighting
