"""Measures every budget: python -m benchmarks [--write] [--burst N] [GROUP…].

Prints one line for each budget. `--write` also writes the results, with machine and versions, to docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.burst import burst
from benchmarks.cold_event import cold_event
from benchmarks.cold_start import cold_start
from benchmarks.cost import cost
from benchmarks.download import downloading
from benchmarks.lambda_environment import LambdaEnvironment, lambda_environment
from benchmarks.measurement import Measured, machine
from benchmarks.recorded import recordings
from benchmarks.report import PAGE, line, page
from benchmarks.runs import calls
from benchmarks.scan import scanning
from benchmarks.watching import watching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_ZIP_BYTES = 3_000_000
BURST = 1000
GROUPS = ("scan", "start", "runs", "watch", "burst")


def main() -> None:
    """Measure the groups that the command line names, or all of them."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    arguments.add_argument("groups", nargs="*", metavar="GROUP", help=f"any of {', '.join(GROUPS)}; default: all")
    arguments.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    arguments.add_argument("--burst", type=int, default=BURST, help=f"number of failures in the burst ({BURST})")
    given = arguments.parse_args()
    groups = tuple(given.groups) or GROUPS
    surroundings = machine()
    with tempfile.TemporaryDirectory() as folder:
        (bundle := Path(folder, "bundle")).mkdir()
        environment = lambda_environment(bundle)
        surroundings |= {f"{name} of the function": version for name, version in environment.versions.items()}
        measured = list(_run(groups, environment, Path(folder), given.burst))
    if given.write:
        PAGE.write_text(page(measured, surroundings), encoding="utf-8")


def _run(groups: tuple[str, ...], environment: LambdaEnvironment, folder: Path, events: int) -> Iterator[Measured]:
    measures: dict[str, Callable[[], list[Measured]]] = {
        "scan": lambda: [*scanning(folder), *downloading(folder)],
        "start": lambda: [*cold_start(environment), _zip(environment)],
        "runs": lambda: _runs(environment, folder),
        "watch": watching,
        "burst": lambda: burst(events),
    }
    for group in groups:
        for one in measures[group]():
            sys.stdout.write(f"{line(one)}\n")
            sys.stdout.flush()
            yield one


def _zip(environment: LambdaEnvironment) -> Measured:
    size = environment.zip_bytes
    return Measured("The zip", f"≤ {MAX_ZIP_BYTES / 1e6:.0f} MB", f"{size / 1e6:.2f} MB", size <= MAX_ZIP_BYTES)


def _runs(environment: LambdaEnvironment, folder: Path) -> list[Measured]:
    """Recorded runs: their calls, their time, and their cost. The bot's own log lines are kept out of the output."""
    logging.disable(logging.CRITICAL)
    with contextlib.redirect_stdout(io.StringIO()), recordings() as recorded:
        counted = calls(recorded.kinds)
    logging.disable(logging.NOTSET)
    from_event, timed = cold_event(environment, folder)
    return [*from_event, *counted, *(one.measured() for one in timed), *cost(timed)]


if __name__ == "__main__":
    main()
