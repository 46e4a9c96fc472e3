"""The blocks of the pages: commands to paste, settings to add, and diagrams."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
GENERATED = DOCS / "commands.md"
PAGES = sorted({*ROOT.glob("*.md"), *DOCS.glob("**/*.md")} - {ROOT / "CHANGELOG.md", GENERATED})
_BLOCK = re.compile(r"(?:^ {4,}\S.*\n(?:\n(?= {4,}\S))?)+", re.MULTILINE)
_SETTINGS = re.compile(r'\s*"')
_NO_COMMAND = re.compile("[🔴→►│]")

NOT_RUN = {
    "git pull && make setup": "needs a remote; tests/e2e/test_upgrade.py deploys one release over another",
    "git tag -a": "tags a release",
    "cp -R docs/doctor-app": "pushes to a repository of the reader",
    "medic doctor --live APP --region": "plays for an hour; tests/integration/doctor_live plays it in a shorter time",
}
"""How the blocks begin that tests/e2e/test_printed_commands.py does not run, and why."""


@dataclass(frozen=True, slots=True)
class Block:
    page: Path
    text: str

    @property
    def has_settings(self) -> bool:
        return bool(_SETTINGS.match(self.text))

    @property
    def has_commands(self) -> bool:
        """Whether it is neither settings nor a diagram or an alert."""
        return not self.has_settings and not _NO_COMMAND.search(self.text)

    @property
    def reason_not_to_run(self) -> str | None:
        return next((reason for begin, reason in NOT_RUN.items() if self.text.startswith(begin)), None)


def blocks(page: Path) -> list[Block]:
    """The indented blocks of a page, without their indent. No page uses fences."""
    found = _BLOCK.findall(page.read_text(encoding="utf-8"))
    return [Block(page, textwrap.dedent(text).rstrip()) for text in found]
