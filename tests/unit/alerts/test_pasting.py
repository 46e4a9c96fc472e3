"""Every command of every fix can be pasted: it is valid shell, stops at its first error, and names what is there."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from medic.alerts.fixes import _DIALECTS, _filled_in, _values
from medic.arns import RoleArn
from medic.events import Scope
from medic.evidence import Present
from medic.knowledge import FIXES
from medic.knowledge.entry import Dialect, Fix, placeholders_in
from tests.unit.alerts.pasting import Pasted
from tests.unit.diagnosis.diagnosing import COMPUTE_ROLE, app, evidence, job

if TYPE_CHECKING:
    from pathlib import Path

BRANCH = "feature/søk #1 'x'; $(touch hacked) `touch hacked`"
SCOPE = Scope("aws", "111122223333", "eu-central-1", "d1a2b3c4d5e6f7", BRANCH)
NAMES = _values(evidence(scope=SCOPE, app=Present(app()), job=Present(job())), COMPUTE_ROLE)
UNKNOWN = {"caller", "action", "resource"}
"""What only a statement of the diagnosis can name. Without it, the text is not shown."""
NEEDS_A_TERMINAL = {"reconnect_repository"}
SHOWN = [fix for fix in FIXES.values() if not placeholders_in(fix.cli) & UNKNOWN]


def command(fix: Fix) -> str:
    return _filled_in(fix.cli, Dialect.CLI, NAMES)


@pytest.mark.parametrize("fix", SHOWN, ids=lambda fix: fix.id)
def test_a_command_is_valid_shell_without_blanks_to_fill_in(fix: Fix) -> None:
    text = command(fix)
    checked = subprocess.run(["bash", "-n", "-c", text], capture_output=True, text=True, check=False)  # noqa: S603, S607
    assert (checked.returncode, checked.stderr) == (0, "")
    assert not placeholders_in(text)
    assert not re.search(r"<[a-z]", text)
    assert not re.search(r"^\s*#", text, re.MULTILINE), "zsh takes a pasted comment for a command"
    assert "jq " not in text


@pytest.mark.parametrize("fix", [fix for fix in SHOWN if fix.id not in NEEDS_A_TERMINAL], ids=lambda fix: fix.id)
def test_a_command_stops_at_its_first_error(fix: Fix, tmp_path: Path) -> None:
    pasted = Pasted(command(fix), tmp_path, answers={"get-role": {"Statement": []}})
    calls = pasted.run()
    assert pasted.status == 0
    assert calls
    for failing in range(1, len(calls) + 1):
        assert pasted.run(fails=failing) == calls[:failing]
        assert pasted.status != 0


def test_without_a_terminal_no_token_is_sent(tmp_path: Path) -> None:
    pasted = Pasted(command(FIXES["reconnect_repository"]), tmp_path)
    assert pasted.run() == []
    assert pasted.status != 0


def test_a_created_role_keeps_its_path_and_is_the_one_that_is_attached(tmp_path: Path) -> None:
    for fix_id, attach in (
        ("create_compute_role", "--compute-role-arn"),
        ("create_service_role", "--iam-service-role-arn"),
    ):
        create, set_role = Pasted(command(FIXES[fix_id]), tmp_path).run()
        role = RoleArn.parse(set_role[set_role.index(attach) + 1])
        assert role is not None
        assert create[create.index("--role-name") + 1] == role.name
        assert create[create.index("--path") + 1] == role.path


def test_a_branch_with_any_name_is_passed_as_it_is(tmp_path: Path) -> None:
    (call,) = Pasted(command(FIXES["attach_compute_role"]), tmp_path).run()
    assert call[call.index("--branch-name") + 1] == BRANCH
    assert not (tmp_path / "hacked").exists()


@pytest.mark.parametrize("fix", FIXES.values(), ids=lambda fix: fix.id)
@pytest.mark.parametrize("dialect", [dialect for dialect in _DIALECTS if dialect is not Dialect.CONSOLE])
def test_no_form_makes_a_second_app_or_branch(fix: Fix, dialect: Dialect) -> None:
    text = fix.written_in(dialect)
    assert not re.search(r"new amplify\.Cfn(App|Branch)|resource \"aws_amplify_(app|branch)\"", text)
    assert "arn:aws:" not in text, "the partition is known"


def test_no_terraform_form_sets_a_compute_role_where_the_provider_has_no_argument() -> None:
    for fix_id in ("create_compute_role", "attach_compute_role"):
        assert not re.search(r"^\s*compute_role_arn", FIXES[fix_id].terraform, re.MULTILINE)
