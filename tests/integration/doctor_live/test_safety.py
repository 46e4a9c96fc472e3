"""Whatever ends the live doctor, the next run undoes the rest; and no call of it names another app."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from medic.aws.errors import AwsError
from medic_cli.doctor_live.journal import Journal
from medic_cli.doctor_live.names import Scratch
from medic_cli.errors import CouldNotLookError, NotDoneError
from tests.integration.conftest import REGION
from tests.integration.doctor_live.scratch import Clinic, Hook, InProcessBot, KilledError, kept

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NO_NAME = {"ListQueues"}
_APP_ID = re.compile(r"d[0-9a-f]{13}")


def writes_of_a_run(clinic: Clinic) -> int:
    clinic.reset(Hook())
    clinic.run()
    return clinic.hook.writes


def kill(clinic: Clinic, at: int, *, after_effect: bool) -> None:
    """Start a run that is killed at this write, and check that a second run cleans up."""
    clinic.reset(Hook(kill_at=at, after_effect=after_effect))
    with pytest.raises(KilledError):
        clinic.run()
    assert clinic.hook.dead

    clinic.reset(Hook())
    assert clinic.scratch_app().undo_all() == {}
    assert clinic.left() == [], f"killed {'after' if after_effect else 'before'} write {at}"


def test_a_second_run_cleans_up_after_a_kill_at_any_kind_of_write(clinic: Clinic) -> None:
    """One write of each operation: before it takes effect, and after."""
    clinic.run()
    operations = [operation for _, operation, _ in clinic.hook.calls if not operation.startswith(("Get", "List"))]
    writes = [name for name in operations if not name.startswith(("Filter", "Receive"))]
    for operation in ("PutTargets", "CreateBranch", "StartJob", "DeleteBranch", "DeleteQueue"):
        for after_effect in (False, True):
            kill(clinic, writes.index(operation) + 1, after_effect=after_effect)


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_a_second_run_cleans_up_after_a_kill_at_every_write(clinic: Clinic) -> None:
    clinic.world.amplify.control.set_questions(empty_compute_role="ignored", first_attach="needs_redeploy")
    for at in range(1, writes_of_a_run(clinic) + 1):
        for after_effect in (False, True):
            kill(clinic, at, after_effect=after_effect)


def test_each_thing_is_in_the_journal_before_it_is_made(clinic: Clinic) -> None:
    noted: dict[str, list[str]] = {}

    class Watching(Hook):
        def before(self, service: str, operation: str, params: Mapping[str, Any]) -> None:
            if operation.startswith(("Create", "PutRule")):
                entries = json.loads(clinic.journal.read_text(encoding="utf-8"))["undo"]
                noted.setdefault(operation, []).append(entries[-1])
            super().before(service, operation, params)

    clinic.reset(Watching())
    clinic.run()

    assert noted == {
        "CreateQueue": ["queue"],
        "PutRule": ["rule"],
        "CreateBranch": ["branch doctor/build", "branch doctor/measure"],
        "CreateRole": ["role plain", "role account", "role source"],
    }


def test_every_call_names_the_scratch_app(clinic: Clinic) -> None:
    clinic.world.amplify.control.set_questions(first_attach="needs_redeploy")
    clinic.run()

    assert {params["appId"] for service, _, params in clinic.hook.calls if service == "amplify"} == {clinic.app_id}
    for service, operation, params in clinic.hook.calls:
        assert _APP_ID.findall(str(params)) != [], f"{service}:{operation} names no app"
        assert set(_APP_ID.findall(str(params))) == {clinic.app_id}
    assert {service for service, _, _ in clinic.hook.calls} == {"amplify", "events", "iam", "logs", "sqs"}


def test_an_app_without_the_tag_is_refused_before_any_write(clinic: Clinic) -> None:
    clinic.tag({"amplify-medic:doctor": "yes"})
    with pytest.raises(NotDoneError, match="is not a scratch app"):
        clinic.run()
    assert clinic.hook.writes == 0
    assert clinic.left() == []


def test_a_branch_of_that_name_is_neither_used_nor_deleted(clinic: Clinic) -> None:
    clinic.world.client("amplify").create_branch(appId=clinic.app_id, branchName="doctor/page")
    with pytest.raises(NotDoneError, match="already has a branch doctor/page"):
        clinic.run()
    app = clinic.scratch_app()
    app.journal.will_make("branch doctor/page")
    assert app.undo_all() == {}
    assert clinic.left() == ["doctor/page"]


def test_a_role_of_that_name_that_somebody_else_made_stays(clinic: Clinic) -> None:
    app = clinic.scratch_app()
    clinic.world.make_role(app.scratch.role("plain"))
    with pytest.raises(AwsError):
        clinic.run()
    assert clinic.left() == [app.scratch.role("plain")]


def test_what_could_not_be_undone_stays_in_the_journal(clinic: Clinic) -> None:
    clinic.world.amplify.control.deny("DeleteBranch")
    answer = clinic.run()
    assert answer["not_undone"].keys() == {"branch doctor/build", "branch doctor/measure"}
    assert "not authorized" in answer["not_undone"]["branch doctor/build"]
    assert clinic.scratch_app().journal.entries == ("branch doctor/build", "branch doctor/measure")

    clinic.world.amplify.control.deny("DeleteBranch", denied=False)
    assert clinic.scratch_app().undo_all() == {}
    assert clinic.left() == []


def test_a_run_that_breaks_off_undoes_what_it_made(clinic: Clinic) -> None:
    clinic.world.amplify.control.fail_call("CreateBranch", "timeout_after_effect", nth=2)
    with pytest.raises(AwsError):
        clinic.run()
    assert clinic.left() == []


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_the_bot_keeps_its_promises_from_the_event_to_the_undo(clinic: Clinic) -> None:
    clinic.with_bot = True
    answer = clinic.run(InProcessBot.of(clinic))

    assert kept(answer) == {
        **dict.fromkeys(("build: event seen", "build: log read", "build: alert sent"), "pass"),
        **dict.fromkeys(("page: log read", "page: alert sent", "page: role attached"), "pass"),
        **dict.fromkeys(("page: role read back", "page: rebuilt", "page: undone"), "pass"),
    }, answer["promises"]
    assert clinic.left() == []


def test_a_bot_that_hears_nothing_fails_its_first_promise(clinic: Clinic) -> None:
    clinic.world.amplify.control.set_questions(log_lags="yes")
    answer = clinic.run(InProcessBot.of(clinic))

    outcomes = kept(answer)
    assert outcomes["build: event seen"] == "fail"
    assert outcomes["page: log read"] == "fail"
    assert {outcomes[promise] for promise in ("build: log read", "page: role attached", "page: undone")} == {"unknown"}
    assert answer["measured"]["answers"]["log_lags"] == "yes", "the log was looked for before the bot was waited for"


@pytest.mark.parametrize(
    "text",
    ['{"schema": 1, "account": "1", "region": "r", "app": "d1", "undo": []}', "[]", "no JSON"],
    ids=["another app", "no object", "no JSON"],
)
def test_a_foreign_journal_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "journal.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CouldNotLookError):
        Journal(path, Scratch("aws", "123456789012", REGION, "d1a2b3c4d5e6f7"))


def test_a_journal_that_names_anything_else_is_refused(tmp_path: Path) -> None:
    path, scratch = tmp_path / "journal.json", Scratch("aws", "123456789012", REGION, "d1a2b3c4d5e6f7")
    Journal(path, scratch).will_make("branch main")
    with pytest.raises(CouldNotLookError, match="never makes"):
        Journal(path, scratch)
