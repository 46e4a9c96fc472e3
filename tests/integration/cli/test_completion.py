"""Apps, branches and incidents that a shell completes, read from the account and from the deployed bot's table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from medic_cli import completion
from tests.integration.cli.test_operator_commands import ASK, bot, failed, incidents
from tests.unit.cli.support import completed

if TYPE_CHECKING:
    from tests.fakes.deployed_stack import FakeStack
    from tests.integration.conftest import World

__all__ = ["bot"]


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completion, "SECONDS", 60.0)


def test_apps_are_found_by_id_or_name_and_shown_with_their_name(world: World) -> None:
    app = world.make_app(name="storefront")
    assert completed("diagnose storef", of="zsh") == {app: "storefront"}
    assert list(completed(f"history {app[:5]}")) == [app]
    assert list(completed(f"mute {app}")) == [app]


def test_branches_are_those_of_the_app(world: World) -> None:
    app = world.make_app()
    assert list(completed(f"diagnose {app} ")) == ["main"]
    assert completed(f"diagnose {app} x") == {}


def test_incidents_are_shown_with_what_they_are_about(world: World, bot: FakeStack) -> None:
    failed(world, bot, ASK)
    (incident,) = incidents(world)
    found = completed(f"show {incident['id'][:3]}", of="zsh")
    assert list(found) == [incident["id"]]
    assert found[incident["id"]].endswith(f"/main {incident['label']} awaiting_approval")
    for command in ("approve", "undo"):
        assert list(completed(f"{command} {incident['id'][:3]}")) == [incident["id"]]
