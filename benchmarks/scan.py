"""The speed of the log scan, as a share of `grep -F` with the same literals on the same file; and its memory.

Both run alternately and are measured in processor time, so other load on the machine affects both. Budgets: at least
half of grep's speed with the catalogue, at least a quarter with twice as many literals, and memory that does not grow
with the log. Where every line nearly matches, and for the redaction of a log as `medic redact` does it, a speed, and
that speed's share of grep's on a machine on which grep has `GREP`: other load makes both slower, but not the share.

Not seen: the download and the unpacking of a log, waiting, and what `medic redact` reads and writes.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.build_log import NEAR_MISSES, write_build_log, write_near_misses
from benchmarks.measurement import Measured, interval, peak_memory, ratio, resident_memory
from medic.labels import Label, Phase
from medic.logscan.prefilter import Prefilter
from medic.logscan.scan import LITERALS, Scanner, scan
from medic.redaction import redact_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MEBIBYTE = 1024 * 1024
LOG = 64 * MEBIBYTE
LONG_LOG_REPEATS = 16
CHUNK = 256 * 1024
ROUNDS = 9

SHORT = 8 * MEBIBYTE
SHORT_ROUNDS = 6
"""Of the slower works, in each of which grep reads the ordinary log once. Six give an interval."""

SHARE_OF_GREP = 0.5
GREP = 570
"""MiB a second of grep on the machine that the next two speeds are stated for. The same share of grep's must be met."""
REDACTION = 10
"""MiB a second."""
SHARE_WITH_TWICE = SHARE_OF_GREP / 2
NEAR_MISS = 20
"""MiB a second."""
MEMORY = 32
"""MiB above what the process used before the scan."""


@dataclass(frozen=True, slots=True)
class Race:
    """The processor seconds of grep and the scan with the same literals, one for each round."""

    title: str
    budget: float
    literals: tuple[str, ...]
    grep: list[float] = field(default_factory=list)
    scan: list[float] = field(default_factory=list)

    @property
    def grep_speed(self) -> float:
        """MiB/s, the median of the rounds."""
        return _speed(self.grep)

    def measured(self) -> Measured:
        share, text = ratio(self.grep, self.scan)
        return Measured(
            what=f"Log scan over grep -F, {self.title} ({len(self.literals)} literals)",
            budget=f"≥ {self.budget}",
            seen=text,
            met=share >= self.budget,
            note=f"{_speed(self.scan):.0f} against {self.grep_speed:.0f} MiB/s",
        )


def _speed(seconds: list[float]) -> float:
    return LOG / MEBIBYTE / sorted(seconds)[len(seconds) // 2]


def scanning(folder: Path) -> list[Measured]:
    """Write the logs to a folder, run the races, and measure memory."""
    log = folder / "build.log"
    write_build_log(log, LOG)
    catalogue, twice = races(log, folder)
    misses = [near_misses(folder, kind, log) for kind in NEAR_MISSES]
    return [catalogue.measured(), twice.measured(), memory(log), *misses, redaction(folder, log)]


def races(log: Path, folder: Path) -> tuple[Race, Race]:
    """Races with the catalogue's literals and with twice as many. grep and the scan alternate."""
    catalogue = Race("the catalogue", SHARE_OF_GREP, LITERALS)
    twice = Race("twice the catalogue", SHARE_WITH_TWICE, doubled(LITERALS))
    doubled_prefilter = Prefilter(twice.literals)
    for number in range(ROUNDS + 1):
        for race, prefilter in ((catalogue, None), (twice, doubled_prefilter)):
            by_grep = grep(race.literals, log, folder)
            start = time.process_time()
            scan_once(log, prefilter)
            by_scan = time.process_time() - start
            if number:  # the first round only warms up
                race.grep.append(by_grep)
                race.scan.append(by_scan)
    return catalogue, twice


def doubled(literals: tuple[str, ...]) -> tuple[str, ...]:
    """The literals, and each one reversed. A reversed one occurs in no log, but has the same length and letters."""
    return (*literals, *(literal[::-1] for literal in literals))


def scan_once(log: Path, prefilter: Prefilter | None = None) -> None:
    """Scan the log as the remediator does, or with another prefilter.

    Raises:
        RuntimeError: the scan missed the failure at the end of the log, so its speed means nothing.
    """
    reading = Scanner(Phase.BUILD, prefilter=prefilter).read(chunks(log))
    if reading.label is not Label.CREDENTIALS_MISSING_BUILD or reading.size < LOG:
        raise RuntimeError(f"the scan read {reading.size} bytes and found {reading.label}")


def grep(literals: tuple[str, ...], log: Path, folder: Path) -> float:
    """The processor seconds of grep. `-c` makes it read the whole file; `LC_ALL=C` makes it compare bytes."""
    patterns = folder / "literals"
    patterns.write_text("\n".join(literals) + "\n", encoding="utf-8")
    command = ["grep", "-c", "-F", "-f", str(patterns), str(log)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "LC_ALL": "C"})  # noqa: S603
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def chunks(log: Path, repeats: int = 1) -> Iterator[bytes]:
    """The file in chunks, as from a network, `repeats` times in a row."""
    for _ in range(repeats):
        with log.open("rb", buffering=0) as file:
            while chunk := file.read(CHUNK):
                yield chunk


def memory(log: Path) -> Measured:
    """The peak memory of fresh processes that scan the log, and one sixteen times as long."""
    peaks = [peak_in_fresh_process(log, repeats) for repeats in (1, LONG_LOG_REPEATS)]
    return Measured(
        what="Memory above the baseline, on 64 MiB and on 1 GiB",
        budget=f"≤ {MEMORY} MiB",
        seen=f"{peaks[0]:.1f} and {peaks[1]:.1f} MiB",
        met=max(peaks) <= MEMORY,
    )


def peak_in_fresh_process(log: Path, repeats: int) -> float:
    """Run `peak_of` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scan", "--peak", str(log), "--repeats", str(repeats)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    return float(answer.stdout)


def near_misses(folder: Path, kind: str, ordinary: Path) -> Measured:
    """The speed on a hostile log: every line contains a literal, none is a finding, and no two are equal."""
    log = folder / "near-misses.log"
    write_near_misses(log, kind, SHORT)

    def work() -> None:
        findings = scan(chunks(log), Phase.BUILD).findings
        if findings:
            raise RuntimeError(f"the scan found {findings[0].signature} among the near misses {kind}")

    what = f"Log scan where every line nearly matches, {kind}"
    return in_turn_with_grep(what, NEAR_MISS, work, ordinary, "Lines of plain ASCII only; others are read one by one")


def redaction(folder: Path, ordinary: Path) -> Measured:
    """The speed of redacting the log of an ordinary build, as blocks of lines."""
    log = folder / "redacted.log"
    write_build_log(log, SHORT)
    text = log.read_text(encoding="utf-8")
    ends = [*(text.rfind("\n", 0, at) + 1 for at in range(CHUNK, len(text), CHUNK)), len(text)]
    blocks = [text[begin:end] for begin, end in pairwise((0, *ends))]

    def work() -> None:
        for _ in redact_stream(blocks):
            pass

    what = "Redaction of an ordinary log"
    return in_turn_with_grep(what, REDACTION, work, ordinary, "Every eighth line names a token; none holds a secret")


def in_turn_with_grep(what: str, budget: float, work: Callable[[], None], ordinary: Path, note: str) -> Measured:
    """The speed of some work on `SHORT` bytes, in MiB a second and as a share of grep's on the ordinary log.

    Raises:
        RuntimeError: the work found what it must not find, so that its speed means nothing.
    """
    speeds, shares = [], []
    for number in range(SHORT_ROUNDS + 1):
        by_grep = LOG / grep(LITERALS, ordinary, ordinary.parent)
        start = time.process_time()
        work()
        speed = SHORT / (time.process_time() - start)
        if number:  # the first round only warms up
            speeds.append(speed / MEBIBYTE)
            shares.append(speed / by_grep)
    speed, share = statistics.median(speeds), statistics.median(shares)
    low, high = interval(speeds)
    least, most = interval(shares)
    return Measured(
        what=what,
        budget=f"≥ {budget} MiB/s, ≥ {budget / GREP:.3f} of grep -F",
        seen=f"{speed:.1f} ({low:.1f} to {high:.1f}) MiB/s, {share:.3f} ({least:.3f} to {most:.3f})",
        met=speed >= budget and share >= budget / GREP,
        note=f"{note}; grep -F has {speed / share:.0f} MiB/s in the same rounds",
    )


def peak_of(log: Path, repeats: int) -> float:
    """MiB that the scan used above what this process used before. Linux only."""
    before = resident_memory()
    scan(chunks(log, repeats), Phase.BUILD)
    return peak_memory() - before


def main() -> None:
    """Print the peak memory of scanning one log, in MiB. `memory` runs this in a process of its own."""
    arguments = argparse.ArgumentParser(description=main.__doc__)
    arguments.add_argument("--peak", type=Path, required=True)
    arguments.add_argument("--repeats", type=int, default=1)
    given = arguments.parse_args()
    sys.stdout.write(f"{peak_of(given.peak, given.repeats):.1f}\n")


if __name__ == "__main__":
    main()
