"""Waiting for the bot's answer: what counts as one, and what is only on the way to one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from medic.events import Scope, wake_up
from medic.incidents.model import Request, RequestKind
from medic.incidents.requests import AlreadyAskedError
from medic_cli.operator.bot import BotClient, RequestAnswer, exit_code_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NOW = datetime(2026, 2, 20, 12, tzinfo=UTC)
SCOPE = Scope("aws", "111122223333", "eu-central-1", "d1a2b3c4d5e6f7", "main")
REQUEST = Request("0" * 32, RequestKind.APPROVE, SCOPE, "ada", NOW, NOW + timedelta(hours=24))
WAIT = timedelta(seconds=10)


@dataclass
class Bot:
    """The requests table, the clock, and the remediator: each step is what the next look at the request shows."""

    steps: list[Callable[[Request], Request]]
    standing: Request | None = None
    now: datetime = NOW
    woken: list[Mapping[str, object]] = field(default_factory=list)

    def submit(self, request: Request) -> None:
        if self.standing is not None:
            raise AlreadyAskedError(self.standing)
        self.standing = request

    def read(self, *_: object) -> Request | None:
        if self.standing is not None and self.steps:
            self.standing = self.steps.pop(0)(self.standing)
        return self.standing

    def ask(self) -> RequestAnswer:
        bot = BotClient(cast("Any", None), cast("Any", None), lambda: self.now, self._pause)
        bot.__dict__["requests"] = self
        object.__setattr__(bot, "invoke", self.woken.append)
        return bot.ask(REQUEST, WAIT)

    def _pause(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def waiting(request: Request) -> Request:
    return request


def used(request: Request) -> Request:
    return replace(request, used_at=NOW)


def answered(text: str) -> Callable[[Request], Request]:
    return lambda request: replace(request, answer=text)


def test_the_answer_is_waited_for_though_the_request_is_used_already() -> None:
    bot = Bot([waiting, used, waiting, answered("attach_compute applied: set, and read back")])
    answer = bot.ask()
    assert answer.text == "attach_compute applied: set, and read back"
    assert exit_code_of(answer) == 0
    assert bot.woken == [wake_up(SCOPE, REQUEST.id)]


def test_a_refusal_is_an_answer_although_the_request_stays_unused() -> None:
    answer = Bot([answered("refused: the cap is used up")]).ask()
    assert answer.refused
    assert exit_code_of(answer) == 1


def test_no_answer_in_time_is_neither_success_nor_refusal() -> None:
    bot = Bot([])
    answer = bot.ask()
    assert answer.text is None
    assert exit_code_of(answer) == 3
    assert bot.now - NOW == WAIT


def test_what_was_done_already_is_told_without_asking_again() -> None:
    bot = Bot([], standing=replace(REQUEST, used_at=NOW, answer="attach_compute applied"))
    assert bot.ask().text == "attach_compute applied"
    assert bot.woken == []


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ([waiting, answered("done now")], "done now"),
        ([], "refused: a cap"),
        ([used], None),
    ],
    ids=["it is done now", "it is still refused", "it is being done"],
)
def test_an_old_refusal_is_not_taken_for_the_new_answer(steps: list[Any], text: str | None) -> None:
    bot = Bot(steps, standing=replace(REQUEST, answer="refused: a cap"))
    assert bot.ask().text == text
    assert len(bot.woken) == 1
