"""What a scan comes to in a script: the exit code."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from medic_cli.failure import COULD_NOT_LOOK, SOMETHING_WRONG
from medic_cli.scan.model import Severity

if TYPE_CHECKING:
    from medic_cli.scan.model import Scan


class FailOn(StrEnum):
    """From which severity on a finding fails the scan."""

    ERROR = "error"
    WARNING = "warning"
    NEVER = "never"


def exit_code(scan: Scan, fail_on: FailOn) -> int:
    """1 if there is a finding that bad; else 3 if something could not be looked at, for it may be there; else 0."""
    if fail_on is not FailOn.NEVER:
        least = Severity(fail_on)
        if any(finding.severity.rank <= least.rank for finding in scan.findings):
            return SOMETHING_WRONG
    return COULD_NOT_LOOK if scan.partial else 0
