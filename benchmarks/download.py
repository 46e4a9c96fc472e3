"""What it takes to read a long build log from a server: bytes sent, peak memory, seconds by the clock.

The server is another process on this machine, so the network takes no time. It honours Range headers as S3 does, or
not. The log is generated, and deleted in the end.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.build_log import write_build_log
from benchmarks.measurement import Measured, peak_memory, resident_memory
from medic.aws.logs import BuildLogSource
from medic.labels import Label, Phase
from medic.logscan.scan import scan
from tests.fakes.amplify.log_server import LogServer
from tests.fakes.amplify.timing import ManualTime

if TYPE_CHECKING:
    from collections.abc import Iterator

MEGABYTE = 1_000_000
SIZES = (50, 500)
LIMIT = 64 * 1024 * 1024
MEMORY = 32
"""MiB above what the process used before."""


def downloading(folder: Path) -> list[Measured]:
    """Read logs of both sizes, with and without ranges."""
    return [measured(folder, size, ranges) for size in SIZES for ranges in ("honoured", "ignored")]


def measured(folder: Path, size: int, ranges: str) -> Measured:
    log = folder / "long.log"
    write_build_log(log, size * MEGABYTE)
    try:
        with serving(log, ranges) as (url, server):
            command = [sys.executable, "-m", "benchmarks.download", "--read", url]
            seen = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603
            sent = sum(json.loads(server.communicate("\n")[0]))
    finally:
        log.unlink()
    return Measured(
        what=f"Reading a build log of {size} MB, ranges {ranges}",
        budget=f"≤ {MEMORY} MiB of memory",
        seen=f"{seen['peak']:.1f} MiB",
        met=seen["peak"] <= MEMORY and seen["label"] == Label.CREDENTIALS_MISSING_BUILD,
        note=f"{sent / MEGABYTE:.0f} MB sent, {seen['size'] / MEGABYTE:.0f} MB scanned, {seen['seconds']:.1f} s",
    )


@contextmanager
def serving(log: Path, ranges: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A server process. A line on its input makes it print the bytes that it sent, and end."""
    command = [sys.executable, "-m", "benchmarks.download", "--serve", str(log), "--ranges", ranges]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603
        if server.stdout is None:
            raise RuntimeError("the server has no output")
        try:
            yield server.stdout.readline().strip(), server
        finally:
            server.kill()


def serve(log: Path, ranges: Any) -> None:  # noqa: ANN401 - checked by argparse
    store = LogServer(ManualTime())
    store.manners.ranges = ranges
    store.put("log", log.read_bytes(), None)
    sys.stdout.write(store.url("log", timedelta(hours=1)) + "\n")
    sys.stdout.flush()
    sys.stdin.readline()
    sys.stdout.write(json.dumps([size for _, size in store.answered]))


def read(url: str) -> dict[str, object]:
    origin = "/".join(url.split("/")[:3])
    before, begun = resident_memory(), time.monotonic()
    reading = scan(BuildLogSource([origin], max_bytes=LIMIT).chunks(url), Phase.BUILD)
    seconds = time.monotonic() - begun
    return {"peak": peak_memory() - before, "seconds": seconds, "size": reading.size, "label": reading.label}


def main() -> None:
    """Serve a log, or read one. `measured` runs both in processes of their own."""
    arguments = argparse.ArgumentParser(description=main.__doc__)
    arguments.add_argument("--serve", type=Path)
    arguments.add_argument("--ranges", choices=("honoured", "ignored", "refused"), default="honoured")
    arguments.add_argument("--read")
    given = arguments.parse_args()
    if given.serve:
        serve(given.serve, given.ranges)
    else:
        sys.stdout.write(json.dumps(read(given.read)))


if __name__ == "__main__":
    main()
