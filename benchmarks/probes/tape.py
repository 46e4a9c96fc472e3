"""Records runs in the fake world of the checkout in the current folder, for benchmarks/replay_server.py.

It is run as a program, in this checkout and in that of the first edition: python tape.py FOLDER.
"""

import json
import logging
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch
from urllib.request import urlopen

from benchmarks.recorded import recordings
from tests.fakes.amplify.timing import ManualTime


def main(folder: Path) -> None:
    logging.disable(logging.CRITICAL)
    with patch.object(ManualTime, "__init__", _an_hour_ago), recordings() as recorded:
        for kind in recorded.kinds:
            tape = {
                "name": kind.name,
                "event": kind.event,
                "answers": kind.answers,
                "logs": {url: _text(url) for answer in kind.answers for url in _log_urls(answer["body"])},
                "environment": recorded.environment,
            }
            (folder / f"{kind.name}.json").write_text(json.dumps(tape))


def _an_hour_ago(time: ManualTime) -> None:
    """The world then advances its clock by an hour. So events are fresh by the machine's clock, which a replay uses."""
    vars(time).update(_now=datetime.now(UTC) - timedelta(hours=1, seconds=10), _due=[])


def _log_urls(body: str) -> list[str]:
    if "logUrl" not in body:
        return []
    return [step["logUrl"] for step in json.loads(body)["job"]["steps"] if "logUrl" in step]


def _text(url: str) -> str:
    with urlopen(url) as answer:  # noqa: S310 - the fake's log server
        return str(answer.read().decode())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
