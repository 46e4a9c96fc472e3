"""A measured figure with its budget, and the machine it was measured on (without names or paths)."""

from __future__ import annotations

import importlib.metadata
import math
import os
import platform
import statistics
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_TAIL = 0.025
"""The probability on each side of the interval."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One row of the report."""

    what: str
    budget: str
    """The limit as text; empty if the figure is only informative."""
    seen: str
    met: bool | None
    """None if there is no budget."""
    note: str = ""
    """What limits the figure, or how to read it."""

    @property
    def verdict(self) -> str:
        return {None: "–", True: "met", False: "**MISSED**"}[self.met]


def resident_memory() -> float:
    """MiB that this process uses now. Linux only."""
    return _status("VmRSS")


def peak_memory() -> float:
    """The most MiB that this process used at any time. Linux only."""
    return _status("VmHWM")


def _status(name: str) -> float:
    """A value from this process's status, in MiB.

    Source: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
    """
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


def ratio(over: Sequence[float], under: Sequence[float], digits: int = 2) -> tuple[float, str]:
    """The median of the rounds' ratios; and the same as text, with a confidence interval of 95 %."""
    ratios = sorted(a / b for a, b in zip(over, under, strict=True))
    median, (low, high) = statistics.median(ratios), interval(ratios)
    return median, f"{median:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def interval(values: Sequence[float]) -> tuple[float, float]:
    """A confidence interval of at least 95 % for the median; of fewer than six values, all of them.

    From order statistics, so it assumes no distribution: https://online.stat.psu.edu/stat415/lesson/19/19.2
    """
    ordered, number = sorted(values), len(values)
    outside, tail = 0, 1.0 / 2**number
    while tail <= _TAIL:
        outside += 1
        tail += math.comb(number, outside) / 2**number
    left_out = max(outside - 1, 0)
    return ordered[left_out], ordered[number - 1 - left_out]


def milliseconds(seconds: Sequence[float]) -> str:
    """The median with its interval, as text."""
    low, high = interval(seconds)
    return f"{statistics.median(seconds) * 1000:.1f} ms ({low * 1000:.1f} to {high * 1000:.1f})"


def machine() -> dict[str, str]:
    """Facts about this machine, in the order of the report."""
    return {
        "processor": f"{_field('/proc/cpuinfo', 'model name')}, {os.cpu_count()} cores",
        "memory": f"{int(_field('/proc/meminfo', 'MemTotal').split()[0]) / 1024**2:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release().partition('-')[0]}",
        "load at the start": f"{os.getloadavg()[0]:.1f}",
        "grep": _first_line(["grep", "--version"]).rpartition(" ")[2],
        "Python of the scan": platform.python_version(),
        "aws-lambda-powertools": importlib.metadata.version("aws-lambda-powertools"),
    }


def _field(path: str, name: str) -> str:
    lines = Path(path).read_text(encoding="ascii", errors="replace").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "unknown")


def _first_line(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[0]  # noqa: S603
