"""What a shell completes without an answer from AWS, and that a slow or failing AWS shows nothing."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from click.shell_completion import CompletionItem

from medic_cli import completion
from tests.unit.cli.support import completed

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine imports boto3 in more than the time that a shell waits."""
    monkeypatch.setattr(completion, "SECONDS", 60.0)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("opt", {"opt-in", "opt-out"}),
        ("diagnose --dial", {"--dialect"}),
        ("completion z", {"zsh"}),
        ("diagnose --region eu-central-", {"eu-central-1"}),
        ("scan --region eu-nor", {"eu-north-1"}),
        ("explain repository_conn", {"repository_connection_lost"}),
        ("diagnose --profile x main ", set()),
    ],
)
def test_a_shell_completes_what_is_known_offline(words: str, expected: set[str]) -> None:
    assert set(completed(words)) == expected


def test_an_entry_is_shown_with_its_title() -> None:
    assert completed("explain compute_role_not_s", of="zsh") == {
        "compute_role_not_set": "No compute role is set on branch or app"
    }


def test_a_shell_does_not_wait_for_an_answer_that_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = Event()
    monkeypatch.setattr(completion, "SECONDS", 0.01)

    def slow() -> Iterator[CompletionItem]:
        answered.wait()
        yield CompletionItem("too late")

    assert completion.within_time(slow) == []
    answered.set()


def test_a_client_of_a_completion_tries_once_and_gives_up_soon() -> None:
    config: Any = completion.impatient()
    assert config.retries == {"total_max_attempts": 1}
    assert config.connect_timeout + config.read_timeout <= completion.SECONDS


@pytest.mark.parametrize("words", ["diagnose d", "diagnose d1a2b3c4d5e6f7 m", "show 3"])
def test_without_credentials_nothing_is_completed_and_no_error_is_shown(
    monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    assert completed(words) == {}
