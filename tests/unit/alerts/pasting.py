"""Runs commands like a shell into which they were pasted, with a fake `aws` that records its calls."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_AWS = """#!/bin/bash
number=$(($(ls calls | wc -l) + 1))
printf '%s\\0' "$@" > calls/$number
cat "programs/$2.json" 2>/dev/null
[ $number != "$FAILS" ]
"""


@dataclass
class Pasted:
    """Commands, the folder in which they run, and what the fake answers to an operation."""

    text: str
    folder: Path
    answers: Mapping[str, Any] = field(default_factory=dict)
    status: int = 0

    def run(self, *, fails: int = 0) -> list[list[str]]:
        """Run the commands, without a terminal. Returns the arguments of each call.

        Args:
            fails: which call fails, counted from 1.
        """
        programs, calls = self.folder / "programs", self.folder / "calls"
        shutil.rmtree(calls, ignore_errors=True)
        for folder in (programs, calls):
            folder.mkdir(exist_ok=True)
        for name, script in (("aws", _AWS), ("sleep", "#!/bin/bash\n")):
            (programs / name).write_text(script)
            (programs / name).chmod(0o755)
        for operation, answer in self.answers.items():
            (programs / f"{operation}.json").write_text(json.dumps(answer))
        done = subprocess.run(  # noqa: S603
            ["bash", "-c", self.text],  # noqa: S607 - the reader's shell
            cwd=self.folder,
            env={"PATH": f"{programs}:/usr/bin:/bin", "FAILS": str(fails)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=30,
            check=False,
            start_new_session=True,
        )
        self.status = done.returncode
        in_order = sorted(calls.iterdir(), key=lambda call: int(call.name))
        return [call.read_text().split("\0")[:-1] for call in in_order]
