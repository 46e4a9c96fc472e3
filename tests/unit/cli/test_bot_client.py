"""Waiting for the bot's answer: what counts as an answer, and what does not yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from medic.events import RequestKind, RequestMessage, Scope, request_message
from medic.gateways import Gateways
from medic.incidents.model import Answer
from medic.incidents.requests import request_of
from medic.records import replace
from medic_cli.operator.bot import BotClient, RequestAnswer, session_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from medic.incidents.model import Request

NOW = datetime(2026, 2, 20, 12, tzinfo=UTC)
SCOPE = Scope("aws", "111122223333", "eu-central-1", "d1a2b3c4d5e6f7", "main")
ASKED = RequestMessage(SCOPE, RequestKind.APPROVE, "0" * 32, "1" * 12, "2" * 64)
REQUEST = request_of(ASKED, "session:medic-user-ada", NOW)
WAIT = timedelta(seconds=10)


@dataclass
class Bot:
    """A fake requests table, clock and remediator. Each step changes the stored request before the next read."""

    steps: list[Callable[[Request], Request]]
    stored: Request | None = None
    now: datetime = NOW
    sent: list[Mapping[str, object]] = field(default_factory=list)

    def read(self, *_: object) -> Request | None:
        if self.sent and self.stored is None:
            self.stored = REQUEST
        if self.stored is not None and self.sent and self.steps:
            self.stored = self.steps.pop(0)(self.stored)
        return self.stored

    def send(self) -> RequestAnswer:
        gateways = Gateways(cast("Any", None), lambda: self.now, self._pause)
        vars(gateways).update(requests=self, send=lambda _, message: self.sent.append(message))
        stack: Any = SimpleNamespace(output=lambda _: "queue")
        bot = BotClient(stack, gateways, "arn:aws:iam::111122223333:user/ada", "eu-central-1")
        return bot.send(ASKED, WAIT)

    def _pause(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def waiting(request: Request) -> Request:
    return request


def used(request: Request) -> Request:
    return replace(request, used_at=NOW)


def answered(text: str, *, refused: bool = False) -> Callable[[Request], Request]:
    return lambda request: replace(request, answer=Answer(text, refused=refused))


def test_a_used_request_without_an_answer_is_waited_for() -> None:
    bot = Bot([waiting, used, waiting, answered("attach_compute applied: set, and read back")])
    answer = bot.send()
    assert answer.text == "attach_compute applied: set, and read back"
    assert answer.exit_code == 0
    assert bot.sent == [request_message(ASKED)]


def test_a_refusal_is_an_answer_even_if_the_request_stays_unused() -> None:
    answer = Bot([answered("the cap is used up", refused=True)]).send()
    assert answer.refused
    assert answer.exit_code == 1


def test_no_answer_in_time_is_neither_success_nor_refusal() -> None:
    bot = Bot([])
    answer = bot.send()
    assert answer.text is None
    assert answer.exit_code == 3
    assert bot.now - NOW == WAIT


def test_a_request_that_was_already_carried_out_is_not_sent_again() -> None:
    bot = Bot([], stored=replace(REQUEST, used_at=NOW, answer=Answer("attach_compute applied")))
    assert bot.send().text == "attach_compute applied"
    assert bot.sent == []


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
    bot = Bot(steps, stored=replace(REQUEST, answer=Answer("a cap", refused=True)))
    assert bot.send().text == text
    assert len(bot.sent) == 1


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:iam::111122223333:user/ada", "medic-user-ada"),
        ("arn:aws:sts::111122223333:assumed-role/Admin/ada@example.com", "medic-assumed-role-Admin-ada@example.com"),
        ("arn:aws:iam::111122223333:user/team:web/ada", "medic-user-team-web-ada"),
        (f"arn:aws:iam::111122223333:user/{'x' * 100}", f"medic-{'x' * 58}"),
    ],
)
def test_a_session_name_shows_the_caller(arn: str, name: str) -> None:
    assert session_name(arn) == name
    assert len(name) <= 64
