"""`medic doctor --live` at a terminal: the policy, the question, and what an earlier run left."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner

from medic_cli.doctor.command import live_options
from medic_cli.doctor_live.command import LiveOptions, doctor_live
from tests.integration.doctor_live.scratch import Hook, doctor_session

if TYPE_CHECKING:
    from click.testing import Result

    from tests.integration.doctor_live.scratch import Clinic


@click.command()
@live_options
def doctor(*, live: str, policy: bool, **options: Any) -> None:
    """Stands for the command that has these options."""
    doctor_live(doctor_session(), LiveOptions(live, "AmplifyMedic", as_json=False, **options), policy=policy)


def run(clinic: Clinic, *arguments: str, given: str = "") -> Result:
    return CliRunner().invoke(
        doctor, ["--live", clinic.app_id, "--journal", str(clinic.journal), *arguments], input=given
    )


@pytest.fixture
def statements(clinic: Clinic) -> list[dict[str, Any]]:
    printed: dict[str, list[dict[str, Any]]] = json.loads(run(clinic, "--policy").stdout)
    return printed["Statement"]


def test_the_policy_names_the_app_in_every_statement(clinic: Clinic, statements: list[dict[str, Any]]) -> None:
    for statement in statements:
        assert all(clinic.app_id in resource for resource in statement["Resource"])
        assert all("*" not in action for action in statement["Action"])
    assert clinic.hook.writes == 0


def test_the_policy_allows_each_action_that_a_run_takes(clinic: Clinic, statements: list[dict[str, Any]]) -> None:
    clinic.reset(Hook())
    clinic.run()
    allowed = {action for statement in statements for action in statement["Action"]}
    taken = {f"{service}:{name}" for service, name, _ in clinic.hook.calls}
    assert taken <= allowed
    assert allowed - taken == {"amplify:TagResource", "iam:TagRole", "iam:PassRole"}, "rights that tags and roles need"


def test_only_jobs_roles_and_queues_go_without_a_tag(statements: list[dict[str, Any]]) -> None:
    without = {statement["Sid"] for statement in statements if "Condition" not in statement}
    assert without == {"Jobs", "Roles", "RuntimeLog", "Events", "Queue"}


def test_nothing_is_done_without_a_yes(clinic: Clinic) -> None:
    result = run(clinic, given="n\n")
    assert result.exit_code == 1
    assert "branch doctor/page" in result.stdout
    assert "Nothing was done" in result.stderr
    assert clinic.hook.writes == 0


def test_an_app_without_the_tag_is_refused(clinic: Clinic) -> None:
    clinic.tag({"amplify-medic:doctor": "no"})
    result = run(clinic, "--yes")
    assert result.exit_code == 1
    assert "not a scratch app" in result.stderr
    assert clinic.hook.writes == 0


def test_what_an_earlier_run_left_is_deleted_first(clinic: Clinic) -> None:
    clinic.scratch_app().make_branch("doctor/page")
    clinic.scratch_app().make_role("plain")
    result = run(clinic, given="y\nn\n")
    assert "An earlier run left: branch doctor/page, role plain." in result.stderr
    assert clinic.left() == []


def test_what_an_earlier_run_left_stays_without_a_yes(clinic: Clinic) -> None:
    clinic.scratch_app().make_branch("doctor/page")
    assert run(clinic, given="n\n").exit_code == 1
    assert clinic.left() == ["doctor/page", "journal"]
