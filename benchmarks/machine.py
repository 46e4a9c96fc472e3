"""What a run was made on: processor, memory, versions. No names, no paths."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path


def machine() -> dict[str, str]:
    """In the order of the report."""
    return {
        "processor": f"{_field('/proc/cpuinfo', 'model name')}, {os.cpu_count()} cores",
        "memory": f"{int(_field('/proc/meminfo', 'MemTotal').split()[0]) / 1024**2:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release().partition('-')[0]}",
        "load when begun": f"{os.getloadavg()[0]:.1f}",
        "grep": _first_line(["grep", "--version"]).rpartition(" ")[2],
        "Python of the scan": platform.python_version(),
        "aws-lambda-powertools": importlib.metadata.version("aws-lambda-powertools"),
    }


def _field(path: str, name: str) -> str:
    lines = Path(path).read_text(encoding="ascii", errors="replace").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "unknown")


def _first_line(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[0]  # noqa: S603
