"""A preflight's result as JSON and as text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from medic.text import listed
from medic_cli.output import print_list, styled, terminal
from medic_cli.scan.model import FINDING_TEXTS
from medic_cli.scan.output import STYLES, counted, finding_json, finding_result, totals_json, totals_text

if TYPE_CHECKING:
    from medic_cli.preflight.answers import PlaceJson, PreflightAnswer, PreflightFindingJson
    from medic_cli.preflight.findings import PlacedFinding, Preflight
    from medic_cli.preflight.model import Place
    from medic_cli.sarif import Result

_MAX_UNKNOWNS = 10


def preflight_as_json(result: Preflight) -> PreflightAnswer:
    return {
        "schema": 1,
        "partial": result.partial,
        "files": [
            {"path": path, "format": cast("Literal['cloudformation', 'terraform']", format_)}
            for path, format_ in result.files.items()
        ],
        "apps": result.apps,
        "branches": result.branches,
        "totals": totals_json(result.totals),
        "findings": [_finding_json(each) for each in result.findings],
        "unknown": [
            {"place": _place_json(each.place), "what": each.what, "reason": each.reason} for each in result.unknowns
        ],
        "gaps": [{"file": each.file, "reason": each.reason} for each in result.gaps],
    }


def _finding_json(placed: PlacedFinding) -> PreflightFindingJson:
    return {
        **finding_json(placed.finding),
        "place": _place_json(placed.place),
        "app": placed.finding.app_name,
    }


def _place_json(place: Place) -> PlaceJson:
    return {"file": place.file, "line": place.line, "address": place.address}


def placed_result(placed: PlacedFinding) -> Result:
    """A finding for SARIF."""
    return finding_result(placed.finding, placed.place.file, placed.place.line or 1, placed.place.address)


def print_preflight(result: Preflight) -> None:
    """Write the findings to standard output, the most severe first, and what stays unknown."""
    console = terminal()
    for placed in result.findings:
        finding, text = placed.finding, FINDING_TEXTS[placed.finding.kind]
        sign, style = STYLES[finding.severity]
        console.print(styled(f"{sign:<10}", style) + styled(text.title, "bold"))
        branches = f", {listed(finding.branches)}" if finding.branches else ""
        console.print(styled(f"  {_where(placed.place)}{branches}", "cyan"))
        console.print(styled(f"  {finding.detail}"))
        console.print(styled(f"  {text.advice}  medic explain {text.entry}", "dim"))
    print_list(console, "Unknown: the files do not tell it, so it was not checked:", _unknown_lines(result))
    gaps = (f"{each.file}: {each.reason}" for each in result.gaps)
    print_list(console, "NOT READ, so a missing finding does not mean that all is well:", gaps)
    worst = next((severity for severity, number in result.totals.items() if number), None)
    console.print(styled(f"{headline(result)}.", STYLES[worst][1] if worst else "bold green"))


def headline(result: Preflight) -> str:
    """Such as `1 error in 1 app and 2 branches of 1 file`."""
    read = [counted(result.apps, "app"), counted(result.branches, "branch")]
    if not result.apps and not result.branches:
        return f"No Amplify app or branch in {counted(len(result.files), 'file')}"
    return f"{totals_text(result.totals)} in {listed(read)} of {counted(len(result.files), 'file')}"


def _where(place: Place) -> str:
    line = f":{place.line}" if place.line else ""
    return f"{place.file}{line} {place.address}"


def _unknown_lines(result: Preflight) -> list[str]:
    lines = [f"{_where(each.place)}, {each.what}: {each.reason}" for each in result.unknowns]
    rest = len(lines) - _MAX_UNKNOWNS
    return [*lines[:_MAX_UNKNOWNS], *([f"and {rest} more: see --json"] if rest > 0 else [])]
