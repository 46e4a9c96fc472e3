"""What counts as audited: only a lock of which every package was looked up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.audit import Verdict, judged

CLEAN: dict[str, Any] = {"name": "click", "version": "8.5.1", "vulns": []}
HOLED = {"name": "rsa", "version": "4.7.2", "vulns": [{"id": "PYSEC-2026-1", "fix_versions": []}]}
UNSEEN = {"name": "ast-serialize", "skip_reason": "Dependency not found on PyPI and could not be audited"}


@pytest.mark.parametrize(
    ("code", "packages", "verdict", "about"),
    [
        (0, [CLEAN], Verdict.CLEAN, "1 packages"),
        (1, [CLEAN, HOLED], Verdict.VULNERABLE, "rsa 4.7.2 (PYSEC-2026-1)"),
        (0, [CLEAN, UNSEEN], Verdict.COULD_NOT_LOOK, "ast-serialize"),
        (1, [HOLED, UNSEEN], Verdict.COULD_NOT_LOOK, "ast-serialize"),
        (0, [], Verdict.COULD_NOT_LOOK, "exit code 0, 0 packages"),
        (1, [CLEAN], Verdict.COULD_NOT_LOOK, "exit code 1, 1 packages"),
    ],
)
def test_a_lock_is_clean_only_if_every_package_was_looked_up(
    code: int, packages: list[dict[str, Any]], verdict: Verdict, about: str
) -> None:
    assert judged(code, json.dumps({"dependencies": packages}), "") == (verdict, about)


def test_an_audit_that_broke_off_says_why() -> None:
    stderr = "WARNING: …\nERROR:pip_audit._cli:click could not be audited\n"

    assert judged(1, "", stderr) == (Verdict.COULD_NOT_LOOK, "ERROR:pip_audit._cli:click could not be audited")
