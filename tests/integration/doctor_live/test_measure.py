"""The live doctor under moto: its answers are the fake's switches, and it leaves nothing behind."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from medic_cli.doctor_live.measure import QUESTIONS
from tests.fakes.amplify.open_questions import OpenQuestions, as_measured
from tests.unit.cli.support import valid

if TYPE_CHECKING:
    from tests.integration.doctor_live.scratch import Clinic

COMBINATIONS: dict[str, tuple[dict[str, str], dict[str, None]]] = {
    "defaults": ({}, {}),
    "every other answer": (
        {
            "compute_source_conditions": "accepted",
            "empty_compute_role": "refused",
            "retry_job_id": "same",
            "retry_of_succeeded": "refused",
            "app_tags_on_branches": "inherited",
            "log_stream_names": "opaque",
            "first_attach": "needs_redeploy",
            "log_body": "gzip",
            "status_reason": "present",
            "unset_members": "present",
            "active_job_id": "plain",
            "branch_arn": "encoded",
            "total_number_of_jobs": "all",
            "ssr_logs_without_permission": "missing",
            "log_lags": "yes",
        },
        {},
    ),
    "an empty role is ignored": ({"empty_compute_role": "ignored", "compute_source_conditions": "account_only"}, {}),
    "GetJob lags": ({"status_lags": "yes", "log_body": "gzip_encoded"}, {"log_lags": None}),
    "GetJob and the log lag": ({"status_lags": "yes", "log_lags": "yes"}, {"log_lags": None}),
    "events are lost": ({"event_lost": "yes", "retry_job_id": "same"}, {"status_lags": None}),
    "no log URL": ({"log_url": "absent"}, {"log_body": None, "log_lags": None}),
    "the same job runs again": ({"retry_job_id": "same", "status_lags": "yes"}, {"log_lags": None}),
    "a role works after a deployment": (
        {"first_attach": "needs_redeploy", "empty_compute_role": "refused", "ssr_logs_without_permission": "missing"},
        {},
    ),
    "streams name no branch": ({"log_stream_names": "opaque", "app_tags_on_branches": "inherited"}, {}),
}


@pytest.mark.parametrize(("switches", "unseen"), COMBINATIONS.values(), ids=COMBINATIONS)
def test_every_answer_is_right_and_everything_is_undone(
    clinic: Clinic, switches: dict[str, str], unseen: dict[str, None]
) -> None:
    clinic.world.amplify.control.set_questions(**switches)

    answer = clinic.run()

    questions = as_measured(**switches)
    expected = {question: getattr(questions, question) for question in QUESTIONS} | unseen
    assert answer["measured"]["answers"] == expected
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

    assert first["lags"] == {"event_to_status": pytest.approx(120, abs=5), "status_to_log": 0}
    assert second["lags"] == {"event_to_status": 0, "status_to_log": pytest.approx(120, abs=5)}


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
