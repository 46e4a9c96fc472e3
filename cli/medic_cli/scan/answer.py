"""A scan as JSON, by docs/schemas/scan.schema.json."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from medic_cli.scan.kinds import KINDS

if TYPE_CHECKING:
    from medic_cli.json_types import JsonObject
    from medic_cli.scan.model import Finding, Gap, RegionSeen, Scan

SCHEMA = 1


def answer_of(scan: Scan) -> JsonObject:
    """The answer of `medic scan --json`."""
    return {
        "schema": SCHEMA,
        "account": scan.account,
        "partition": scan.partition,
        "started_at": scan.started_at.isoformat(),
        "seconds": round(scan.seconds, 3),
        "partial": scan.partial,
        "interrupted": scan.interrupted,
        "settings_from": scan.settings_from,
        "totals": {severity.value: number for severity, number in scan.totals.items()},
        "regions": [_region(region) for region in scan.regions],
        "findings": [_finding(finding) for finding in scan.findings],
        "gaps": [_gap(gap) for gap in scan.gaps],
        "calls": dict(scan.calls),
        "throttles": scan.throttles,
    }


def _region(region: RegionSeen) -> JsonObject:
    return {
        "name": region.name,
        "listed": region.listed,
        "found": region.found,
        "apps": region.apps,
        "branches": region.branches,
    }


def _finding(finding: Finding) -> JsonObject:
    words = KINDS[finding.kind]
    return {
        "kind": finding.kind.value,
        "severity": finding.severity.value,
        "title": words.title,
        "region": finding.region,
        "app": {"id": finding.app_id, "name": finding.app_name} if finding.app_id else None,
        "branches": list(finding.branches),
        "role": finding.role,
        "detail": finding.detail,
        "advice": words.advice,
        "statement": json.loads(finding.statement) if finding.statement else None,
        "explain": words.entry,
    }


def _gap(gap: Gap) -> JsonObject:
    return {
        "action": gap.action,
        "region": gap.region,
        "apps": list(gap.app_ids),
        "roles": list(gap.roles),
        "because": gap.because,
    }
