"""Does what the remediator's first event does before any network call: imports it and creates its first clients."""

import sys
import time


def handler(_event: object, _context: object) -> dict[str, object]:
    """The seconds that this took, and every loaded module."""
    wall, cpu = time.perf_counter(), time.process_time()
    from remediator.handler import services  # noqa: PLC0415 - the import is what is measured

    clients = services().clients
    _ = clients.amplify, clients.dynamodb, clients.iam, clients.sns
    return {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "modules": sorted(sys.modules),
    }
