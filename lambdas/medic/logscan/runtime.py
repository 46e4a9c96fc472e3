"""Finds the failures in an app's SSR log and the branches that they belong to.

All SSR branches of an app share one log group, and AWS does not document its stream names. A line's branch is taken
from the stream's name, else found by exclusion. If that fails, the failure belongs to no branch. A line's text names no
branch, because any visitor can write it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING

from msgspec import Struct

from medic.knowledge.signatures import DENIAL_LITERALS, SIGNATURES
from medic.labels import Label, Phase
from medic.logscan.entries import read_line
from medic.logscan.scan import scan
from medic.records import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from medic.evidence import Branch, RuntimeLine
    from medic.logscan.model import Finding, LogReading

DATED_STREAM = re.compile(r"(?P<branch>.+)/\d{4}/\d{2}/\d{2}/[^/]+")
_NOT_IN_A_STREAM = re.compile(r"[:*]")
_MAX_DENIED_ACTIONS = 5
_STEMS = (
    *("redential", "Denied", "uthorized", "Signature", "KMS", "SSO", "has expired", "y allows"),
    *("InvalidIdentity", "InvalidGrant", "UnrecognizedClient", "AuthenticationToken", "TooSkewed"),
)
"""Parts of words that stand for them in the filter, because its length is limited. Terms match inside of words."""


# --- reading events


@cache
def runtime_filter() -> str:
    """The CloudWatch Logs filter pattern that matches every event with a failure that is possible at runtime.

    `?"one" ?"another"` matches either. Matching is case-sensitive, as are the literals. AWS allows 1024 characters.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
    """
    possible = [each for each in SIGNATURES if not each.phases or Phase.RUNTIME in each.phases]
    words = (*DENIAL_LITERALS, *(word for each in possible for word in each.words))
    terms = {next((stem for stem in _STEMS if stem in word), word) for word in words}
    return " ".join(f'?"{term}"' for term in sorted(terms) if not any(other in term for other in terms - {term}))


class RuntimeReading(Struct, frozen=True):
    """The findings in some events of an SSR log."""

    reading: LogReading
    lines: Sequence[RuntimeLine]
    starts: Sequence[int]
    """For each event, the number of its first line in the scanned text."""

    def line_of(self, finding: Finding) -> RuntimeLine:
        """The first event that shows a finding."""
        return self.lines[bisect_right(self.starts, finding.first_line) - 1]

    @property
    def first(self) -> RuntimeLine | None:
        """The earliest event that shows any finding; None without findings."""
        seen = (self.line_of(finding) for finding in self.reading.findings)
        return min(seen, key=lambda line: line.at, default=None)


def read_runtime_log(lines: Sequence[RuntimeLine]) -> RuntimeReading:
    """Scans events of an SSR log, each as a log entry of its own."""
    texts = [_as_entry(line) for line in lines]
    starts = list(accumulate((text.count("\n") for text in texts), initial=1))
    return RuntimeReading(scan((text.encode() for text in texts), Phase.RUNTIME), lines, starts[:-1])


def _as_entry(line: RuntimeLine) -> str:
    """The event's text. A time stamp is added if it has none, so that the scanner never joins two events."""
    text = line.message.rstrip("\n")
    if not read_line(text.partition("\n")[0].encode(), 1).starts_entry:
        text = f"{line.at:%Y-%m-%dT%H:%M:%S}Z {text}"
    return text + "\n"


# --- whose failure is it?


class RuntimeFailure(Struct, frozen=True):
    """A failure of one label, seen in the SSR log of one branch."""

    branch: Branch | None
    """None if the branch is not known."""
    reading: LogReading
    """The log with only the findings of this label."""
    seen_at: datetime
    """The time of the latest line that shows it."""
    among: tuple[str, ...] = ()
    """Names of all branches that the lines may belong to, if there are several; else empty."""
    denied: tuple[str, ...] = ()
    """Actions that the same lines report as denied, which a compute role will need as well."""

    @property
    def label(self) -> Label:
        return self.reading.findings[0].label


def runtime_failures(
    lines: Sequence[RuntimeLine], branches: Sequence[Branch], lacks_role: Callable[[Branch], bool]
) -> tuple[RuntimeFailure, ...]:
    """The failures that the lines report, one per branch and label.

    Args:
        lines: events that passed the filter.
        branches: the app's branches that serve requests.
        lacks_role: whether a branch has no usable compute role of its own or inherited; called only for exclusion.
    """
    by_branch: dict[str, list[RuntimeLine]] = {}
    unassigned: list[RuntimeLine] = []
    for line in lines:
        named = branch_of(line, branches)
        (by_branch.setdefault(named.name, []) if named else unassigned).append(line)
    if unassigned and len(branches) == 1:
        by_branch.setdefault(branches[0].name, []).extend(unassigned)
        unassigned = []
    seen = [failure for branch in branches for failure in _by_label(by_branch.get(branch.name, []), branch)]
    for failure in _by_label(unassigned, None):
        seen += _by_exclusion(failure, branches, lacks_role)
    # Reversed, so that a failure from lines that name their branch replaces the same failure found by exclusion.
    return tuple({(each.branch.name if each.branch else None, each.label): each for each in reversed(seen)}.values())


def branch_of(line: RuntimeLine, branches: Iterable[Branch]) -> Branch | None:
    """The branch that the name of the line's stream begins with; of several, the one with the longest name.

    Amplify names streams `<branch>/<date>/<instance>`.
    """
    stream = line.stream
    dated = DATED_STREAM.fullmatch(stream)
    names = [(_NOT_IN_A_STREAM.sub("-", branch.name), branch) for branch in branches]
    if dated is not None:
        named = [branch for name, branch in names if name == dated["branch"]]
    else:
        named = [branch for name, branch in names if not name.isdigit() and stream.startswith(f"{name}/")]
    return max(named, key=lambda branch: len(branch.name), default=None)


def _by_label(lines: Sequence[RuntimeLine], branch: Branch | None) -> Iterator[RuntimeFailure]:
    """One failure per label. No line hides one of another label, because a visitor may have written it."""
    # Newest lines first, because the scanner keeps the first finding of several equal ones.
    log = read_runtime_log(sorted(lines, key=lambda line: line.at, reverse=True))
    findings = log.reading.findings
    actions = (finding.denial.action for finding in findings if finding.denial and finding.denial.action)
    denied = tuple(dict.fromkeys(actions))[:_MAX_DENIED_ACTIONS]
    for label in dict.fromkeys(finding.label for finding in findings):
        of_label = tuple(finding for finding in findings if finding.label is label)
        seen_at = max(log.line_of(finding).at for finding in of_label)
        yield RuntimeFailure(branch, replace(log.reading, findings=of_label), seen_at, denied=denied)


def _by_exclusion(
    failure: RuntimeFailure, branches: Sequence[Branch], lacks_role: Callable[[Branch], bool]
) -> Iterator[RuntimeFailure]:
    """Only a branch without a role fails to load credentials. Every other failure may be that of any branch."""
    credentials = failure.label is Label.CREDENTIALS_MISSING_RUNTIME
    suspects = [branch for branch in branches if credentials and lacks_role(branch)]
    names = tuple(branch.name for branch in suspects)
    if suspects:
        among = names if len(names) > 1 else ()
        yield from (replace(failure, branch=branch, among=among) for branch in suspects)
    else:
        yield failure
