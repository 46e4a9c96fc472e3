"""Takes screenshots of HTML pages in full height with headless Chromium."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_HEIGHT = re.compile(r"<title>(\d+)</title>")
_MEASURE = "<script>document.title = Math.ceil(document.body.getBoundingClientRect().height)</script>"


class NoBrowserError(Exception):
    """No Chromium is installed. The message says how to install one."""


@dataclass(frozen=True, slots=True)
class Browser:
    program: str

    @classmethod
    def find(cls) -> Browser:
        """The first installed Chromium or Chrome.

        Raises:
            NoBrowserError: none is installed.
        """
        found = next(filter(None, map(shutil.which, _PROGRAMS)), None)
        if found is None:
            needed = "pngquant chromium-headless-shell fonts-lato fonts-noto-color-emoji fonts-dejavu-core"
            raise NoBrowserError(
                f"no Chromium was found. On Debian, run: apt-get install --no-install-recommends {needed}"
            )
        return cls(found)

    def draw(self, page: str, picture: Path, width: int) -> None:
        """Draw an HTML page, so many pixels wide, into a PNG file."""
        measured = _HEIGHT.search(self.document(page + _MEASURE, width))
        height = int(measured[1]) if measured else 800
        with _stored(page) as address:
            self._run(f"--screenshot={picture}", f"--window-size={width},{height}", address)
        _shrink(picture)

    def document(self, page: str, width: int) -> str:
        """The document of an HTML page, so many pixels wide, after its scripts have run."""
        with _stored(page) as address:
            return self._run("--dump-dom", "--virtual-time-budget=20000", f"--window-size={width},800", address)

    def _run(self, *arguments: str) -> str:
        fixed = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1")
        command = [self.program, *fixed, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout  # noqa: S603


@contextmanager
def _stored(page: str) -> Iterator[str]:
    """The address of the page in a file."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "page.html")
        source.write_text(page)
        yield source.as_uri()


def _shrink(picture: Path) -> None:
    """Make the file a third as large with pngquant, if that is installed."""
    program = shutil.which("pngquant")
    if program is not None:
        subprocess.run([program, "--force", "--ext", ".png", "32", str(picture)], check=True, timeout=60)  # noqa: S603
