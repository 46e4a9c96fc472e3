"""The command line against the deployed stack: an operator approves a proposed fix and undoes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.cli.support import medic, valid

if TYPE_CHECKING:
    from demo.stage import Stage


pytestmark = pytest.mark.usefixtures("_operator")


def incident(app_id: str) -> Any:
    """The only incident of an app."""
    (found,) = valid("history", medic("history", app_id, "--json").stdout)["incidents"]
    return found


def test_an_operator_diagnoses_approves_and_undoes_a_fix(stage: Stage) -> None:
    app_id = stage.make_app("terminal", {}, iamServiceRoleArn=stage.make_role("terminal-service"))
    opted = medic("opt-in", app_id, "main", "--mode", "ask", "--yes")
    assert opted.exit_code == 0
    stage.cloud.control("set_connection", app_id, "lost")
    stage.build(app_id)
    stage.wait_for("the proposal in Slack", lambda: stage.alerts(app_id) or None)

    diagnosed = medic(
        *("diagnose", app_id, "main", "--stack", "AmplifyMedic", "--json"),
        *("--log-url-origin", stage.cloud.endpoint_url),
    )
    (action,) = valid("diagnose", diagnosed.stdout)["bot"]["actions"]
    assert (action["disposition"], action["role"]) == ("ask_first", stage.outputs["DefaultComputeRoleArn"])

    proposed = incident(app_id)
    assert proposed["state"] == "awaiting_approval"
    approved = medic("approve", proposed["id"], "--yes", "--json")
    assert approved.exit_code == 0, approved.output
    assert "attach_compute applied" in valid("request", approved.stdout)["answer"]
    assert stage.branch(app_id)["computeRoleArn"] == stage.outputs["DefaultComputeRoleArn"]
    assert incident(app_id)["approved_by"].startswith("session:medic-")

    undone = medic("undo", app_id, "main", "--yes")
    assert undone.exit_code == 0, undone.output
    assert not stage.branch(app_id).get("computeRoleArn")


def test_the_test_alert_reaches_every_channel() -> None:
    channels = valid("test-alert", medic("test-alert", "--json").stdout)["channels"]
    assert channels
    assert all(channel["ok"] for channel in channels), channels
