"""A scan in words, for every way it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medic_cli.scan.model import Gap, Scan


def counted(number: int, thing: str) -> str:
    """`1 app`, `2 apps`, `3 branches`."""
    plural = f"{thing}es" if thing.endswith("ch") else f"{thing}s"
    return f"{number:,} {thing if number == 1 else plural}"


def headline(scan: Scan) -> str:
    """What was found, and in how much."""
    found = [counted(number, severity) for severity, number in scan.totals.items() if number]
    looked_at = [counted(scan.apps, "app"), counted(scan.branches, "branch"), counted(len(scan.regions), "region")]
    return f"{_row(found) or 'Nothing found'} in {_row(looked_at)}"


def effort(scan: Scan) -> str:
    """What it took."""
    said = f"{counted(sum(scan.calls.values()), 'call')} in {scan.seconds:.1f} s"
    return f"{said}, slowed down by {counted(scan.throttles, 'throttle')}" if scan.throttles else said


def judged_by(scan: Scan) -> str:
    """By which settings opted-in branches were judged."""
    return f"opted-in branches were judged by {scan.settings_from or 'the default settings'}"


def reservations(scan: Scan) -> tuple[str, ...]:
    """Why the answer is partial, a sentence each; nothing if it is whole."""
    return (*([_stopped(scan)] if scan.interrupted else []), *map(_gap, scan.gaps))


def _stopped(scan: Scan) -> str:
    found = sum(region.found for region in scan.regions)
    listed = "" if all(region.listed for region in scan.regions) else ", before every region was listed"
    return f"It was stopped after {scan.apps} of {counted(found, 'app')}{listed}: this is what was known by then."


def _gap(gap: Gap) -> str:
    where = f" in {gap.region}" if gap.region else ""
    apps = f" for {_row(gap.app_ids)}" if gap.app_ids else ""
    roles = f" of {_row(tuple(arn.rpartition('/')[2] for arn in gap.roles))}" if gap.roles else ""
    return f"{gap.action}{where}{apps}{roles}: {gap.because}"


def _row(parts: tuple[str, ...] | list[str]) -> str:
    *most, last = _handful(parts) or [""]
    return f"{', '.join(most)} and {last}" if most else last


def _handful(parts: tuple[str, ...] | list[str]) -> list[str]:
    most = 5
    return [*parts[:most], f"{len(parts) - most} more"] if len(parts) > most else list(parts)
