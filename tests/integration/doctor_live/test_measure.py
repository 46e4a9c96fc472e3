"""The live doctor under moto: its answers are the fake's switches, and it leaves nothing behind."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from medic_cli.doctor_live.measure import QUESTIONS
from tests.fakes.amplify.open_questions import OpenQuestions
from tests.integration.doctor_live.combinations import COMBINATIONS, answers_of
from tests.unit.cli.support import valid

if TYPE_CHECKING:
    from tests.integration.doctor_live.scratch import Clinic


@pytest.mark.parametrize(("switches", "unseen"), COMBINATIONS.values(), ids=COMBINATIONS)
def test_every_answer_is_right_and_everything_is_undone(
    clinic: Clinic, switches: dict[str, str], unseen: dict[str, None]
) -> None:
    clinic.world.amplify.control.set_questions(**switches)

    answer = clinic.run()

    assert answer["measured"]["answers"] == answers_of(switches, unseen)
    assert answer["measured"]["unanswered"].keys() == unseen.keys()
    assert answer["not_undone"] == {}
    assert clinic.left() == []


def test_every_question_is_a_switch_of_the_fake() -> None:
    assert set(QUESTIONS) == set(OpenQuestions.__annotations__) - {"compute_role_on_web", "app_role_at_runtime"}


def test_lags_are_measured_in_seconds(clinic: Clinic) -> None:
    clinic.world.amplify.control.set_questions(status_lags="yes")
    first = clinic.run()["measured"]
    clinic.world.amplify.control.set_questions(status_lags="no", log_lags="yes")
    second = clinic.run()["measured"]

    long: Any = pytest.approx(120, abs=5)
    none: Any = pytest.approx(0, abs=1)
    assert first["lags"] == {"event_to_status": long, "status_to_log": none}
    assert second["lags"] == {"event_to_status": none, "status_to_log": long}


def test_the_file_names_nobody(clinic: Clinic) -> None:
    clinic.world.amplify.control.set_questions(status_reason="present", empty_compute_role="refused")

    answer = clinic.run()
    text = json.dumps(answer["measured"])
    valid("amplify-answers", text)
    valid("doctor-live", json.dumps(answer))

    assert clinic.app_id not in text
    assert clinic.world.amplify.account_id not in text
    assert '"status_reason": "Build failed"' in text
    assert '"log_stream_names": "doctor/measure/' in text
