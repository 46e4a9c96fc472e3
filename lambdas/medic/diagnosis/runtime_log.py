"""The SSR runtime's log: which events CloudWatch Logs is asked for, and what those that come back show.

CloudWatch passes candidates only; whether one is a finding is for `scan` to say, as for every other log.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING

from medic.diagnosis.knowledge import find_entry
from medic.diagnosis.knowledge.signatures import DENIAL_LITERALS, SIGNATURES
from medic.diagnosis.lines import read_line
from medic.diagnosis.model import Phase
from medic.diagnosis.scan import scan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medic.diagnosis.model import Finding, LogReading
    from medic.evidence.model import RuntimeLine


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
