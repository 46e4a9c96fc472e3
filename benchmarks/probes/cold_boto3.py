"""The reference for the cold start: a function that imports boto3 and creates the same clients."""

import time


def handler(_event: object, _context: object) -> dict[str, object]:
    """The seconds that this took."""
    wall, cpu = time.perf_counter(), time.process_time()
    import boto3  # noqa: PLC0415 - the import is what is measured

    session = boto3.Session()
    _ = [session.client(name) for name in ("amplify", "dynamodb", "iam", "sns")]
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
