"""The PowerShell form of a command passes the same arguments as the bash form."""

from __future__ import annotations

import re
import shlex

import pytest

from medic.knowledge import FIXES
from medic_cli.powershell import in_powershell
from tests.unit.alerts.printed import commands
from tests.unit.cli.support import medic

_QUOTE = "['\u2018\u2019\u201a\u201b]"
_WORD = re.compile(rf"'((?:[^'\u2018-\u201b]|({_QUOTE})\2)*)'|(\S+)")
"""A word as PowerShell reads it: within single quotes only a doubled quote means more than itself.

https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_quoting_rules
"""
_READS = "read -rs TOKEN </dev/tty && "


def words(text: str) -> list[str]:
    found = _WORD.findall(text.replace("`\n", ""))
    return [plain or re.sub(rf"({_QUOTE})\1", r"\1", quoted) for quoted, _, plain in found]


def test_every_printed_command_passes_the_same_arguments() -> None:
    printed = sorted({each.text for each in commands()})
    assert len(printed) >= 20
    for bash in printed:
        written, given = in_powershell(bash), bash.removeprefix(_READS)
        if bash != given:
            asked, _, written = written.partition("\n")
            assert asked == "$TOKEN = Read-Host -MaskInput"
            assert '"$TOKEN"' in written
            written = written.replace('"$TOKEN"', "$TOKEN")
        expected = ["python" if word == "python3" else word for word in shlex.split(given.replace("\\\n", ""))]
        assert words(written) == expected, bash


@pytest.mark.parametrize("fix", FIXES.values(), ids=lambda fix: fix.id)
def test_no_form_has_what_only_bash_reads(fix: object) -> None:
    written = in_powershell(fix.cli)  # type: ignore[attr-defined]
    outside = re.sub(r"'(?:[^']|'')*'", "", written)
    assert not re.search(r"\\\n|<|python3|\bread\b", outside)


@pytest.mark.parametrize(
    "name",
    ["it's", "it\u2019s; rm", "\u2018x", "a,b", "@home", "feature/søk #1", "$(touch x)", "`x`", 'say "x"', "x; y"],
)
def test_a_branch_with_any_name_is_one_literal_argument(name: str) -> None:
    written = in_powershell(f"aws amplify get-branch --branch-name {shlex.quote(name)} --query branch.branchArn")
    assert words(written)[4] == name


def test_an_explanation_shows_the_form() -> None:
    shown = medic("explain", "service_role_trust_wrong", "--dialect", "powershell", "--set", "role_name=web").stdout
    assert "(powershell)" in shown
    assert "python -c 'import json" in shown
    assert "--role-name web" in shown
