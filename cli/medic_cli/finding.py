"""A finding in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medic.diagnosis.model import Finding


def where(finding: Finding) -> str:
    """The lines it stands in, in words."""
    if finding.last_line > finding.first_line:
        return f"lines {finding.first_line}-{finding.last_line}"
    return f"line {finding.first_line}"
