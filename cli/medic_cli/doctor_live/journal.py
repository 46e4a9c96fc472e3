"""The journal: a file that names what must be undone, written before each write to AWS.

Whatever ends the doctor, the next run reads the file and undoes the rest. An entry may name what was never made.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from medic_cli.doctor_live.names import ENTRIES
from medic_cli.errors import CouldNotLookError
from medic_cli.files import read_json_file

if TYPE_CHECKING:
    from medic_cli.doctor_live.names import Scratch

_MAX_BYTES = 1 << 16
_OTHER = "{path} is not the journal of app {app} in account {account} and {region}: give another --journal."


class Journal:
    """What must be undone in one scratch app, in the order in which it was made.

    Raises:
        CouldNotLookError: the file can't be read, or belongs to another app.
    """

    def __init__(self, path: Path, scratch: Scratch) -> None:
        self._path = path
        self._head = {"schema": 1, "account": scratch.account, "region": scratch.region, "app": scratch.app_id}
        self._undo = self._read() if path.exists() else []

    @property
    def entries(self) -> tuple[str, ...]:
        return tuple(self._undo)

    def will_make(self, thing: str) -> None:
        """Note a thing before it is made.

        Raises:
            CouldNotLookError: the file can't be written; then nothing may be made.
        """
        if thing not in self._undo:
            self._undo.append(thing)
            self._write()

    def undone(self, thing: str) -> None:
        """Strike out a thing that is gone. The file goes with the last one."""
        self._undo.remove(thing)
        if self._undo:
            self._write()
        else:
            self._path.unlink()

    def _read(self) -> list[str]:
        found = read_json_file(str(self._path), _MAX_BYTES)
        if not isinstance(found, dict) or {key: found.get(key) for key in self._head} != self._head:
            scope = {key: self._head[key] for key in ("app", "account", "region")}
            raise CouldNotLookError(_OTHER.format(path=self._path, **scope))
        undo = found.get("undo")
        if not isinstance(undo, list) or not set(map(str, undo)) <= ENTRIES:
            raise CouldNotLookError(f"{self._path} names what the doctor never makes: look at it, and delete it.")
        return [str(thing) for thing in undo]

    def _write(self) -> None:
        """Replace the file as a whole, so that a kill leaves the old one or the new one."""
        new = self._path.with_name(f"{self._path.name}.new")
        try:
            with new.open("w", encoding="utf-8") as file:
                json.dump({**self._head, "undo": self._undo}, file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
        except OSError as error:
            raise CouldNotLookError(f"The journal {self._path} can't be written: {error.strerror}.") from None
