"""A check-up as JSON and as text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from medic_cli.doctor.model import NOT_CHECKED, Status
from medic_cli.output import print_list, styled, terminal

if TYPE_CHECKING:
    from rich.console import Console

    from medic_cli.doctor.answers import DoctorAnswer, DoctorCheckJson
    from medic_cli.doctor.model import Check, CheckUp

_SIGNS = {
    Status.FAIL: ("✗ fail", "bold red"),
    Status.UNKNOWN: ("? unknown", "bold yellow"),
    Status.PASS: ("✓ pass", "bold green"),
}


def as_answer(found: CheckUp) -> DoctorAnswer:
    return {
        "schema": 1,
        "account": found.account,
        "region": found.region,
        "stack": found.stack,
        "read_at": found.read_at.isoformat(),
        "seconds": round(found.seconds, 3),
        "totals": {
            "fail": len(found.of(Status.FAIL)),
            "unknown": len(found.of(Status.UNKNOWN)),
            "pass": len(found.of(Status.PASS)),
        },
        "checks": [_check_json(check) for check in found.checks],
        "not_checked": list(NOT_CHECKED),
    }


def _check_json(check: Check) -> DoctorCheckJson:
    verdict = check.verdict
    return {
        "id": check.id,
        "promise": check.promise,
        "status": check.status.value,
        "evidence": verdict.evidence,
        "repair": verdict.repair or None,
        "advice": verdict.advice or None,
        "permission": verdict.permission or None,
    }


def print_check_up(found: CheckUp, *, verbose: bool) -> None:
    """Write what is wrong and what is unknown; with `verbose`, also what is as it should be."""
    console = terminal()
    for status in Status:
        if status is not Status.PASS or verbose:
            for check in found.of(status):
                _print_check(console, check)
    failures, unknowns, passes = (len(found.of(status)) for status in Status)
    style = _SIGNS[next((status for status in Status if found.of(status)), Status.PASS)][1]
    where = f"{found.stack} in {found.region}, account {found.account}"
    console.print(styled(f"{where}: {failures} failed, {unknowns} unknown, {passes} passed.", style))
    if verbose:
        print_list(console, "No check can tell:", NOT_CHECKED)


def _print_check(console: Console, check: Check) -> None:
    sign, style = _SIGNS[check.status]
    console.print(Text.assemble((f"{sign:<10}", style), styled(check.promise, "bold"), styled(f"  {check.id}", "dim")))
    verdict = check.verdict
    console.print(styled(f"          {verdict.evidence}"))
    if verdict.permission:
        console.print(styled(f"          This permission would decide: {verdict.permission}", "yellow"))
    if verdict.advice:
        console.print(styled(f"          {verdict.advice}"))
    if verdict.repair:
        # Without an indent and unwrapped, so that it can be copied.
        console.print(styled(verdict.repair, "cyan"), soft_wrap=True)
