"""How fast the log scan is, as a share of `grep -F` with the same literals on the same file; and what memory it takes.

Both run in turns within one run, and by processor time, so that whatever else the machine does meets both. Budgets: at
least half of grep's speed with the catalogue as it is, at least a quarter with twice as many literals, and memory that
does not grow with the log.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.build_log import write_build_log, write_near_misses
from benchmarks.measurement import Measured, ratio
from medic.labels import Label, Phase
from medic.logscan.scan import LITERALS, MAX_FINDINGS, Prefilter, _Best, _Reader, blocks, scan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.logscan.model import LogReading

MEBIBYTE = 1024 * 1024
LOG = 64 * MEBIBYTE
LONG_LOG_REPEATS = 16
NEAR_MISSES = 2 * MEBIBYTE
CHUNK = 256 * 1024
ROUNDS = 9

SHARE_OF_GREP = 0.5
SHARE_WITH_TWICE = SHARE_OF_GREP / 2
MEMORY = 32
"""MiB above what the process holds before it scans."""


@dataclass(frozen=True, slots=True)
class Race:
    """The seconds that grep and the scan took with the same literals, round by round."""

    title: str
    budget: float
    literals: tuple[str, ...]
    grep: list[float] = field(default_factory=list)
    scan: list[float] = field(default_factory=list)

    def measured(self) -> Measured:
        """The ratio of the medians, how far the rounds lie apart, and the budget."""
        share, words = ratio(self.grep, self.scan)
        speeds = [LOG / MEBIBYTE / sorted(times)[len(times) // 2] for times in (self.scan, self.grep)]
        return Measured(
            what=f"Log scan over grep -F, {self.title} ({len(self.literals)} literals)",
            budget=f"≥ {self.budget}",
            seen=words,
            met=share >= self.budget,
            note=f"{speeds[0]:.0f} against {speeds[1]:.0f} MiB/s",
        )


def scanning(folder: Path) -> list[Measured]:
    """Makes the logs in a folder, runs the races, measures memory."""
    log = folder / "build.log"
    write_build_log(log, LOG)
    return [*(race.measured() for race in races(log, folder)), memory(log), near_misses(folder)]


def races(log: Path, folder: Path) -> tuple[Race, Race]:
    """The catalogue's literals, and twice as many; grep and scan take turns."""
    catalogue = Race("the catalogue", SHARE_OF_GREP, LITERALS)
    twice = Race("twice the catalogue", SHARE_WITH_TWICE, doubled(LITERALS))
    doubled_prefilter = Prefilter(twice.literals)
    for number in range(ROUNDS + 1):
        for race, prefilter in ((catalogue, None), (twice, doubled_prefilter)):
            by_grep = grep(race.literals, log, folder)
            begun = time.process_time()
            scan_once(log, prefilter)
            by_scan = time.process_time() - begun
            if number:  # the first round only warms up
                race.grep.append(by_grep)
                race.scan.append(by_scan)
    return catalogue, twice


def doubled(literals: tuple[str, ...]) -> tuple[str, ...]:
    """As many again that no log holds: each literal written backwards, so of the same length and the same letters."""
    return (*literals, *(literal[::-1] for literal in literals))


def scan_once(log: Path, prefilter: Prefilter | None = None) -> None:
    """Scans the log as the remediator does, or with another prefilter: the catalogue is not meant to be swapped.

    Raises:
        RuntimeError: the failure at the log's end was not found; such a scan may be fast, and is worth nothing.
    """
    reading = scan(chunks(log), Phase.BUILD) if prefilter is None else _scan_with(prefilter, log)
    if reading.label is not Label.CREDENTIALS_MISSING_BUILD or reading.size < LOG:
        raise RuntimeError(f"the scan read {reading.size} bytes and found {reading.label}")


def _scan_with(prefilter: Prefilter, log: Path) -> LogReading:
    reader = _Reader(Phase.BUILD, _Best(MAX_FINDINGS), prefilter)
    for block in blocks(chunks(log)):
        reader.read(block)
    return reader.reading()


def grep(literals: tuple[str, ...], log: Path, folder: Path) -> float:
    """Counts matching lines, so that grep reads to the end; by bytes, as the scan does. Gives its processor time."""
    patterns = folder / "literals"
    patterns.write_text("\n".join(literals) + "\n", encoding="utf-8")
    command = ["grep", "-c", "-F", "-f", str(patterns), str(log)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "LC_ALL": "C"})  # noqa: S603
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def chunks(log: Path, repeats: int = 1) -> Iterator[bytes]:
    """The file as it would come over a network, so many times on end."""
    for _ in range(repeats):
        with log.open("rb", buffering=0) as file:
            while chunk := file.read(CHUNK):
                yield chunk


def memory(log: Path) -> Measured:
    """The peak of a fresh process on a log and on one sixteen times as long."""
    peaks = [peak_in_fresh_process(log, repeats) for repeats in (1, LONG_LOG_REPEATS)]
    return Measured(
        what="Memory above the baseline, on 64 MiB and on 1 GiB",
        budget=f"≤ {MEMORY} MiB",
        seen=f"{peaks[0]:.1f} and {peaks[1]:.1f} MiB",
        met=max(peaks) <= MEMORY,
    )


def peak_in_fresh_process(log: Path, repeats: int) -> float:
    """MiB that scanning took above what the process held before."""
    command = [sys.executable, "-m", "benchmarks.scan", "--peak", str(log), "--repeats", str(repeats)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    return float(answer.stdout)


def near_misses(folder: Path) -> Measured:
    """What a hostile log can cost: every line holds a literal, none is a finding, no two are alike."""
    log = folder / "near-misses.log"
    write_near_misses(log, NEAR_MISSES)
    begun = time.process_time()
    scan(chunks(log), Phase.BUILD)
    taken = time.process_time() - begun
    return Measured(
        what="Log scan where every line nearly matches",
        budget="",
        seen=f"{NEAR_MISSES / MEBIBYTE / taken:.1f} MiB/s",
        met=None,
        note="linear, but each line is read in full; `log_mebibytes` bounds it",
    )


def peak_of(log: Path, repeats: int) -> float:
    """MiB that scanning took above what the process held before (Linux)."""
    before = _status("VmRSS")
    scan(chunks(log, repeats), Phase.BUILD)
    return (_status("VmHWM") - before) / 1024


def _status(name: str) -> int:
    """A figure of this process in KiB.

    Source: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
    """
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def main() -> None:
    """Print the peak of scanning one log: run by `memory` in a process of its own."""
    arguments = argparse.ArgumentParser(description=main.__doc__)
    arguments.add_argument("--peak", type=Path, required=True)
    arguments.add_argument("--repeats", type=int, default=1)
    given = arguments.parse_args()
    sys.stdout.write(f"{peak_of(given.peak, given.repeats):.1f}\n")


if __name__ == "__main__":
    main()
