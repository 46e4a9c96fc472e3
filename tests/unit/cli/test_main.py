"""The command group: help with examples for every command, the version, completion."""

from __future__ import annotations

import pytest

from medic import VERSION
from medic_cli.main import main
from tests.unit.cli.support import medic

COMMANDS = main.list_commands(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples_and_exit_codes(command: str) -> None:
    output = medic(command, "--help").stdout
    assert f"Usage: medic {command}" in output
    assert "Exits with 0" in output
    assert f"medic {command}" in output[output.index("Examples:") :]


def test_help_lists_every_command() -> None:
    output = medic("--help").stdout
    assert all(f"  {command}" in output for command in COMMANDS)


def test_the_version_is_that_of_the_package() -> None:
    assert medic("--version").stdout == f"medic {VERSION}\n"


def test_an_unknown_command_is_wrong_usage() -> None:
    result = medic("diagnoze")
    assert result.exit_code == 2
    assert "No such command" in result.stderr


def test_a_mistyped_command_gets_a_suggestion() -> None:
    result = medic("hisory")

    assert result.exit_code == 2
    assert "Did you mean history?" in result.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_call_medic_back(shell: str) -> None:
    assert "_MEDIC_COMPLETE" in medic("completion", shell).stdout
