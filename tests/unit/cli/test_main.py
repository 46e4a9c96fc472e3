"""The command group: help with examples for every command, the version, completion."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from medic_cli.main import main
from tests.unit.cli.support import medic

COMMANDS = main.list_commands(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples_and_exit_codes(command: str) -> None:
    said = medic(command, "--help").stdout
    assert f"Usage: medic {command}" in said
    assert "Exits with 0" in said
    assert f"medic {command}" in said[said.index("Examples:") :]


def test_the_list_of_commands_shows_what_each_is_for() -> None:
    said = medic("--help").stdout
    assert all(f"  {command}" in said for command in COMMANDS)


def test_the_version_is_the_distribution_s() -> None:
    assert medic("--version").stdout.startswith("medic 0.")


def test_an_unknown_command_is_wrong_usage() -> None:
    result = medic("diagnoze")
    assert result.exit_code == 2
    assert "No such command" in result.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_call_medic_back(shell: str) -> None:
    assert "_MEDIC_COMPLETE" in medic("completion", shell).stdout


@pytest.mark.parametrize(
    ("words", "completed"),
    [("medic opt", {"opt-in", "opt-out"}), ("medic diagnose --dial", {"--dialect"}), ("medic completion z", {"zsh"})],
)
def test_a_shell_is_told_how_words_go_on(words: str, completed: set[str]) -> None:
    environment = {"_MEDIC_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    said = CliRunner().invoke(main, [], prog_name="medic", env=environment).stdout
    assert {line.partition(",")[2] for line in said.splitlines()} == completed
