"""The report: a line a budget for the terminal, and the page that is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchmarks.cost import COST, paragraph
from infra.packaging import ROOT

if TYPE_CHECKING:
    from benchmarks.budget import Measured

PAGE = ROOT / "docs" / "benchmarks.md"
_HEAD = """\
# Benchmarks

Made by `make bench` on {date}. Ratios are between things measured in turns within one run; what is not said to be by
the clock is processor time, which a busy machine disturbs less. Figures of another machine differ, ratios little.

{counts}

| what | budget | measured | | |
|---|---|---|---|---|
{rows}

## How it is measured

- **Cold start**: the bundle that `cdk deploy` uploads, byte code and all, unpacked; Lambda's own runtime client
  (`awslambdaric`) on a Runtime API of some sixty lines; an interpreter that has boto3 and nothing else. A fresh process
  each time, the remediator and the yardstick in turns. {cold}
- **Log scan**: a build log of 64 MiB that ends in a failure, read as it would come from a network, the whole
  catalogue; `grep -c -F` in the C locale with the same literals on the same file. Twice the catalogue: every literal
  backwards too.
- **Memory**: the peak of a fresh process above what it held before it scanned.
- **Handler time**: recorded runs (the tests' small world) played back in the bundle under the runtime client, with
  botocore given recorded answers in place of HTTP. Parsing and signing are in it, the network is not, but for the log
  and the post to Slack, which come from and go to a server on the same machine. *First* makes its clients, *warm* has
  them.
- **Calls**: counted in the same recordings, where Slack, the topic and the event bus are told. A diagnosis takes its
  lease, counts the incident and writes the record, tells topic and bus: five; Slack's secret and its post are two more,
  over budget. [permissions.md](permissions.md) says what each call is for.
- **Burst**: the stack deployed by the CDK CLI on the emulator, one branch after the other broken, twelve under way at
  a time.

## What it costs

{cost}

## Machine and versions

{machine}
"""
_COLD = """What holds it back: boto3 and its clients take three fifths; of the rest, over half is Python
  writing the methods of some 140 frozen dataclasses, which byte code can't hold. Importing each flow only when it is
  wanted would give 1.3, measured part by part, and people would wait longer, since Lambda imports with a whole
  processor, whatever the memory, and runs the handler with the third of one that 512 MB buy."""


def line(one: Measured) -> str:
    """For the terminal."""
    budget = f" Budget {one.budget}: {one.verdict.strip('*')}." if one.met is not None else ""
    return f"{one.what}: {one.seen}.{budget}{f' ({one.note})' if one.note else ''}"


def page(measured: Sequence[Measured], machine: Mapping[str, str]) -> str:
    """docs/benchmarks.md."""
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
        cost=_paid(measured),
        machine="\n".join(f"- {name}: {value}" for name, value in machine.items()),
    )


def _paid(measured: Sequence[Measured]) -> str:
    costs = [one for one in measured if one.what == COST]
    return paragraph(costs[0]) if costs else "Not computed in this run."
