"""Prints the processor seconds in which the first edition scans or redacts a log. Its checkout must be on the path.

It is run as a program: python first_edition.py scan|redact LOG.
"""

import sys
import time
from importlib import import_module
from pathlib import Path

_CHUNK = 256 * 1024
_SOME = 64 * 1024
"""Bytes that are worked on before the time is taken, because the first ones also compile patterns."""


def scan(log: bytes) -> None:
    phase = import_module("medic.diagnosis.model").Phase.BUILD
    chunks = (log[begin : begin + _CHUNK] for begin in range(0, len(log), _CHUNK))
    import_module("medic.diagnosis.scan").scan(chunks, phase)


def redact(log: bytes) -> None:
    """As its `medic redact` does: line by line."""
    for _ in import_module("medic.redaction").redact_stream(log.decode().splitlines(keepends=True)):
        pass


if __name__ == "__main__":
    work = {"scan": scan, "redact": redact}[sys.argv[1]]
    log = Path(sys.argv[2]).read_bytes()
    work(log[: log.rindex(b"\n", 0, _SOME)])
    start = time.process_time()
    work(log)
    sys.stdout.write(f"{time.process_time() - start}\n")
