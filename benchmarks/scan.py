"""How fast the log scan is, as a share of `grep -F` with the same literals on the same file: python -m benchmarks.scan.

Both run in turns within one run, so that whatever else the machine does meets both. Budgets: at least half of grep's
speed with the catalogue as it is, at least a quarter with twice as many literals, and memory that does not grow with
the log.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec

from benchmarks.build_log import write_build_log
from medic.diagnosis.model import Label, LogReading, Phase
from medic.diagnosis.prefilter import Prefilter
from medic.diagnosis.scan import LITERALS, MAX_FINDINGS, _Best, _Reader, scan
from medic.diagnosis.stream import blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

P = ParamSpec("P")

MEBIBYTE = 1024 * 1024
LOG, LONG_LOG = 64 * MEBIBYTE, 256 * MEBIBYTE
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

    def report(self) -> str:
        """The ratio of the medians, how far the rounds lie apart, and the budget."""
        ratio = statistics.median(self.grep) / statistics.median(self.scan)
        rounds = sorted(grep / scan for grep, scan in zip(self.grep, self.scan, strict=True))
        scan_speed, grep_speed = (LOG / MEBIBYTE / statistics.median(times) for times in (self.scan, self.grep))
        return (
            f"{self.title} ({len(self.literals)} literals): {ratio:.2f} x grep -F, rounds {rounds[0]:.2f} to "
            f"{rounds[-1]:.2f} ({scan_speed:.0f} against {grep_speed:.0f} MiB/s). "
            f"Budget >= {self.budget:.2f}: {verdict(ratio >= self.budget)}"
        )


def main() -> None:
    """Makes the logs, runs the races, measures memory, prints what came out."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--peak", type=Path, help=argparse.SUPPRESS)
    peak = arguments.parse_args().peak
    if peak is not None:
        say(f"{peak_of(peak):.1f}")
        return
    with tempfile.TemporaryDirectory() as folder:
        for race in races(Path(folder)):
            say(race.report())
        say(memory(Path(folder)))


def races(folder: Path) -> tuple[Race, Race]:
    """The catalogue's literals, and twice as many; grep and scan take turns."""
    log = folder / "build.log"
    write_build_log(log, LOG)
    catalogue = Race("Catalogue", SHARE_OF_GREP, LITERALS)
    twice = Race("Twice the catalogue", SHARE_WITH_TWICE, doubled(LITERALS))
    doubled_prefilter = Prefilter(twice.literals)
    for number in range(ROUNDS + 1):
        for race, prefilter in ((catalogue, None), (twice, doubled_prefilter)):
            by_grep, by_scan = seconds(grep, race.literals, log, folder), seconds(scan_once, log, prefilter)
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


def grep(literals: tuple[str, ...], log: Path, folder: Path) -> None:
    """Counts matching lines, so that grep reads to the end; by bytes, as the scan does."""
    patterns = folder / "literals"
    patterns.write_text("\n".join(literals) + "\n", encoding="utf-8")
    command = ["grep", "-c", "-F", "-f", str(patterns), str(log)]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "LC_ALL": "C"})  # noqa: S603


def chunks(log: Path) -> Iterator[bytes]:
    """The file as it would come over a network."""
    with log.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            yield chunk


def seconds(action: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> float:
    """How long it took."""
    begun = time.perf_counter()
    action(*args, **kwargs)
    return time.perf_counter() - begun


def memory(folder: Path) -> str:
    """The peak of a fresh process on a log and on one four times as long."""
    peaks = []
    for size in (LOG, LONG_LOG):
        log = folder / f"{size}.log"
        write_build_log(log, size)
        command = [sys.executable, "-m", "benchmarks.scan", "--peak", str(log)]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
        peaks.append(float(answer.stdout))
        log.unlink()
    said = ", ".join(
        f"{peak:.1f} MiB with {size // MEBIBYTE} MiB" for peak, size in zip(peaks, (LOG, LONG_LOG), strict=True)
    )
    return f"Peak memory above the baseline: {said}. Budget <= {MEMORY} MiB for both: {verdict(max(peaks) <= MEMORY)}"


def peak_of(log: Path) -> float:
    """MiB that scanning took above what the process held before (Linux)."""
    before = _status("VmRSS")
    scan_once(log)
    return (_status("VmHWM") - before) / 1024


def _status(name: str) -> int:
    """A figure of this process in KiB.

    Source: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
    """
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def verdict(met: bool) -> str:  # noqa: FBT001
    """A budget's outcome."""
    return "met" if met else "MISSED"


def say(text: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main()
