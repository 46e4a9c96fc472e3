"""The memory of the log scan, which must not grow with the log.

A module of its own, because it runs in fresh processes: what they import must not hide what the scan uses.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measurement import Measured, peak_memory, resident_memory
from medic.labels import Phase
from medic.logscan.scan import scan

if TYPE_CHECKING:
    from collections.abc import Iterator

MEBIBYTE = 1024 * 1024
CHUNK = 256 * 1024
LONG_LOG_REPEATS = 16
MEMORY = 32
"""MiB above what the process used before the scan."""


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
    """Run this module as a program."""
    command = [sys.executable, "-m", "benchmarks.scan_memory", str(log), str(repeats)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603


def peak_of(log: Path, repeats: int) -> float:
    """MiB that the scan used above what this process used before. Linux only."""
    before = resident_memory()
    scan(chunks(log, repeats), Phase.BUILD)
    return peak_memory() - before


def chunks(log: Path, repeats: int = 1) -> Iterator[bytes]:
    """The file in chunks, as from a network, `repeats` times in a row."""
    for _ in range(repeats):
        with log.open("rb", buffering=0) as file:
            while chunk := file.read(CHUNK):
                yield chunk


if __name__ == "__main__":
    sys.stdout.write(f"{peak_of(Path(sys.argv[1]), int(sys.argv[2])):.1f}\n")
