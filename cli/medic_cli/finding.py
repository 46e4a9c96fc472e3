"""A finding as JSON; see docs/schemas/classify.schema.json and diagnose.schema.json."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medic.diagnosis.model import Finding
    from medic_cli.json_types import JsonObject


def finding_answer(finding: Finding) -> JsonObject:
    """The finding for machines."""
    denial = finding.denial
    return {
        "signature": finding.signature,
        "label": finding.label.value,
        "confidence": finding.confidence.value,
        "lines": [finding.first_line, finding.last_line],
        "principal": denial.principal if denial else None,
        "action": denial.action if denial else None,
        "resource": denial.resource if denial else None,
        "denied_by": denial.policy_type.value if denial and denial.policy_type else None,
        "excerpt": finding.excerpt,
    }


def where(finding: Finding) -> str:
    """The lines it stands in, in words."""
    if finding.last_line > finding.first_line:
        return f"lines {finding.first_line}-{finding.last_line}"
    return f"line {finding.first_line}"
