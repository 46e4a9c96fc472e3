"""A function that does what the remediator's first event does before any network: import it, make its first clients."""

import sys
import time


def handler(_event: object, _context: object) -> dict[str, object]:
    """The seconds it took, and every module that is loaded now."""
    wall, cpu = time.perf_counter(), time.process_time()
    from remediator.handler import services  # noqa: PLC0415 - the import is what is measured

    reader = services().reader
    _ = reader.amplify, reader.dynamodb, reader.iam, reader.sns
    return {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "modules": sorted(sys.modules),
    }
