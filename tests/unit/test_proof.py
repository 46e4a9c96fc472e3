"""`make proof`: every step runs, and only a run in which all passed exits with 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.proof import main, steps

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = [step.name for step in steps()]


class Calls:
    """Stands for subprocess.call. Commands with one of these words end with its exit code, others with 0."""

    def __init__(self, **statuses: int) -> None:
        self.statuses = {word.replace("_", "."): status for word, status in statuses.items()}
        self.made: list[str] = []

    def __call__(self, command: Sequence[str]) -> int:
        self.made.append(" ".join(command))
        return next((status for word, status in self.statuses.items() if word in self.made[-1]), 0)


def verdicts(printed: str) -> dict[str, str]:
    rows = [line.split("  ") for line in printed.partition("== summary\n")[2].splitlines()]
    return {name.strip(): verdict.strip() for verdict, name in ([word for word in row if word][:2] for row in rows)}


def test_it_passes_only_if_every_step_passed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], Calls()) == 0
    assert verdicts(capsys.readouterr().out) == dict.fromkeys(NAMES, "passed")


def test_a_step_that_fails_hides_none_of_the_later_ones(capsys: pytest.CaptureFixture[str]) -> None:
    calls = Calls(tests_mutants=1, tests_audit=3)

    assert main([], calls) == 1
    expected = {**dict.fromkeys(NAMES, "passed"), "mutants": "failed", "audit": "could not look"}
    assert verdicts(capsys.readouterr().out) == expected
    assert calls.made[-1].endswith("-m tests.audit")


def test_not_to_have_looked_is_no_pass() -> None:
    assert main([], Calls(tests_audit=3)) == 3


def test_a_step_whose_tools_can_not_be_installed_could_not_look(capsys: pytest.CaptureFixture[str]) -> None:
    calls = Calls(**{"peers/ready": 2})

    assert main(["peers", "planted"], calls) == 3
    assert verdicts(capsys.readouterr().out) == {"peers": "could not look", "planted": "passed"}
    assert not any("tests.peers" in made for made in calls.made)


@pytest.mark.parametrize("status", [2, 4, 5, -9])
def test_any_other_exit_code_is_a_failure(status: int) -> None:
    assert main(["model"], Calls(pytest=status)) == 1


def test_an_unknown_step_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mutant"], Calls()) == 2
    assert "There is no step mutant. The steps: mutants, deployed" in capsys.readouterr().out
