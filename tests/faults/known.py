"""Cases of the fault suite that fail because of a bug that is known: each names it. What is fixed must be taken out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest import MarkDecorator  # noqa: PT013 - a type only

_LIST = Path(__file__).with_name("known_failures.txt")


def _known() -> dict[str, MarkDecorator]:
    """One a line: the bug, and the case's id."""
    lines = [line.split() for line in _LIST.read_text().splitlines() if line and not line.startswith("#")]
    return {case: pytest.mark.xfail(strict=True, reason=bug) for bug, case in lines}


KNOWN = _known()
