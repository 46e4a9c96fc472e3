"""Combinations of the fake's switches that the live doctor must measure, and what it can't see in each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic_cli.doctor_live.measure import QUESTIONS
from tests.fakes.amplify.open_questions import as_measured

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    "events are lost and the log lags": ({"event_lost": "yes", "log_lags": "yes"}, {"status_lags": None}),
    "no log URL": ({"log_url": "absent"}, {"log_body": None, "log_lags": None}),
    "the same job runs again": ({"retry_job_id": "same", "status_lags": "yes"}, {"log_lags": None}),
    "a role works after a deployment": (
        {"first_attach": "needs_redeploy", "empty_compute_role": "refused", "ssr_logs_without_permission": "missing"},
        {},
    ),
    "streams name no branch": ({"log_stream_names": "opaque", "app_tags_on_branches": "inherited"}, {}),
}


def answers_of(switches: Mapping[str, str], unseen: Mapping[str, None]) -> dict[str, str | None]:
    """What the file must hold: the switches as they are set, but nothing where the doctor can't tell."""
    questions = as_measured(**switches)
    return {question: getattr(questions, question) for question in QUESTIONS} | dict(unseen)
