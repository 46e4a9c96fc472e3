"""The apps that the bot serves: what opted-in branches can expect, and whether their SSR logs can be read."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from medic.logscan.runtime import DATED_STREAM
from medic.settings import WatchRuntime
from medic.text import listed
from medic_cli.doctor.model import Check, Verdict, failed, judged, passed, unknown
from medic_cli.scan.model import FindingKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic_cli.doctor.facts import Facts
    from medic_cli.scan.model import Scan

_REFUSED = (FindingKind.FIX_REFUSED, FindingKind.OPT_IN_UNKNOWN)
_MOST_SHOWN = 5


def checks(facts: Facts) -> Iterator[Check]:
    verdict = judged(facts.scan, lambda scan: _opted_in(facts, scan))
    yield Check("opted-in-branches", "The bot could fix every opted-in branch", verdict)
    if facts.settings.watch_runtime is not WatchRuntime.NONE:
        yield Check("log-streams", "The streams of SSR logs name their branch", judged(facts.streams, _named))


def _opted_in(facts: Facts, scan: Scan) -> Verdict:
    refused = [finding for finding in scan.findings if finding.kind in _REFUSED]
    if refused:
        shown = [f"{each.app_id} {listed(each.branches)}: {each.detail}" for each in refused]
        commands = [
            f"medic opt-out {each.app_id} {shlex.quote(branch)} --region {facts.place.region} --yes"
            for each in refused
            for branch in each.branches
        ]
        advice = "Correct what is reported; or opt the branch out, with the command."
        return failed(" ".join(shown[:_MOST_SHOWN]), " &&\n".join(commands), advice)
    if scan.partial:
        gap = next(iter(scan.gaps), None)
        return unknown(gap.reason if gap else "the scan was stopped", gap.action if gap else "")
    fixable = sum(finding.kind is FindingKind.FIX_POSSIBLE for finding in scan.findings)
    return passed(f"{scan.branches} branches of {scan.apps} apps were read; {fixable} findings of a possible fix")


def _named(streams: tuple[str, ...]) -> Verdict:
    """A branch can't be told from a stream with another name, so a finding in it changes nothing by itself."""
    other = [each for each in streams if not DATED_STREAM.fullmatch(each.partition(": ")[2])]
    if other:
        advice = "The bot then finds the branch by exclusion. Please report the names as an issue."
        return failed(f"not BRANCH/YYYY/MM/DD/ID: {', '.join(other[:_MOST_SHOWN])}", advice=advice)
    return passed(f"the newest {len(streams)} do" if streams else "no SSR app has logged yet")
