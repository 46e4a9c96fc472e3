"""Record the calls of each path: run `python -m tests.faults` after a change that alters them on purpose."""

from __future__ import annotations

import json

from tests.faults.paths import CALLS, PATHS, recorded


def main() -> None:
    """Run every path once and write its calls."""
    calls = {str(path): list(map(str, recorded(path).calls)) for path in PATHS}
    CALLS.parent.mkdir(exist_ok=True)
    CALLS.write_text(json.dumps(calls, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
