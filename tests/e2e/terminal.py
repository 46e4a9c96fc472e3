"""A terminal of its own for a command, as a person has one who pastes it."""

from __future__ import annotations

import os
import pty
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def in_a_terminal(command: list[str], folder: Path, environment: Mapping[str, str], typed: str) -> int:
    """Run a command in a folder. Returns its exit status, and keeps what it printed in the file `printed` there."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execvpe(command[0], command, environment)  # noqa: S606
    os.write(terminal, typed.encode())
    printed = b""
    try:
        while part := os.read(terminal, 65536):
            printed += part
    except OSError:
        pass  # the terminal closes with its last process
    os.close(terminal)
    (folder / "printed").write_bytes(printed)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
