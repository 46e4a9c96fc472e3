"""The report: one line for each budget in the terminal, and docs/benchmarks.md."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchmarks.cost import COST, paragraph
from infra.bundle import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.measurement import Measured

PAGE = ROOT / "docs" / "benchmarks.md"
_HEAD = """\
# Benchmarks

For engineers who ask what it costs and how fast it is.

Written by `make bench` on {date}. A ratio compares two things that were measured alternately in one run. Times are
processor time unless they say "by the clock". The interval in brackets holds the true median with a confidence of
95 %.

{counts}

| what | budget | measured | | |
|---|---|---|---|---|
{rows}

## How it is measured

- **Cold event**: a fresh process handles a recorded event over TLS, alternating with the first edition (git tag
  `first-edition`). Time in the handler is divided by the share of a processor that the memory buys. It does not see
  the queue's hop, the network's delay, AWS's own time, or Lambda's start of the sandbox.
- **Cold start**: a fresh process runs the deployed bundle under Lambda's runtime client (`awslambdaric`), alternating
  with one that only imports boto3 and creates the same clients. It does not see the handler.{cold}
- **Log scan**: a build log of 64 MiB, read in chunks; `grep -c -F` with the same literals on the same file.
  It does not see the download, nor that more literals slow grep down, too.
- **Near misses and redaction**: asked are 20 and 10 MiB a second where grep has 570 on that build log, so the same
  share of grep is the budget on any machine. The first edition works on the same logs of 4 MiB in the same Python. The
  gain that was asked is its budget: 20 over 2.5 MiB a second, 10 over 1.2. It does not see that the first edition knew
  fewer signatures and kinds of secrets.
- **Memory**: the peak of a fresh process, minus what it used before the scan.
- **Handler time**: the handler's processor time in the cold events, and in later runs of the same process. It does not
  see what a smaller share of a processor, or waiting for AWS, adds.
- **Calls**: counted in the fake world of the tests, with Slack, SNS and the event bus. They do not see retries.
- **The watcher**: an hour on fakes of the account and its logs, one run a minute, no log line of interest.
- **Burst**: the stack on the emulator, with twelve failing branches at a time. It does not see AWS's own limits.

## What it costs

{cost}

## Machine and versions

{machine}
"""
_COLD = " Boto3 and its clients take four fifths of the time."


def line(one: Measured) -> str:
    """One line for the terminal."""
    budget = f" Budget {one.budget}: {one.verdict.strip('*')}." if one.met is not None else ""
    return f"{one.what}: {one.seen}.{budget}{f' ({one.note})' if one.note else ''}"


def page(measured: Sequence[Measured], machine: Mapping[str, str]) -> str:
    """The Markdown of docs/benchmarks.md."""
    missed = [one for one in measured if one.met is False]
    budgets = [one for one in measured if one.met is not None]
    counts = f"**{len(budgets) - len(missed)} of {len(budgets)} budgets are met**" + (
        f"; missed: {'; '.join(one.what for one in missed)}." if missed else "."
    )
    cold_missed = any(one.what.startswith("Cold start") for one in missed)
    return _HEAD.format(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        counts=counts,
        rows="\n".join(
            f"| {one.what} | {one.budget or '–'} | {one.seen} | {one.verdict} | {one.note} |" for one in measured
        ),
        cold=_COLD if cold_missed else "",
        cost=_cost_paragraph(measured),
        machine="\n".join(f"- {name}: {value}" for name, value in machine.items()),
    )


def _cost_paragraph(measured: Sequence[Measured]) -> str:
    costs = [one for one in measured if one.what == COST]
    return paragraph(costs[0]) if costs else "Not calculated in this run."
