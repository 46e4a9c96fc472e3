"""How many changes the bot makes in an hour: on a branch, in an app, and in the account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.conftest import TABLE
from tests.integration.test_requests import TAG

if TYPE_CHECKING:
    from tests.integration.conftest import World

FIX = {TAG: "fix"}
HOUR = 3600


@pytest.fixture(autouse=True)
def _new_hour(world: World) -> None:
    """Caps count by the hour of the clock."""
    world.amplify.control.advance(HOUR - world.now().timestamp() % HOUR)


def opted_in(world: World, branches: int = 1) -> str:
    """An opted-in app whose builds fail, with the branches `main`, `b1`, `b2` and so on."""
    app = world.make_app(tags=FIX)
    for number in range(1, branches):
        world.client("amplify").create_branch(appId=app, branchName=f"b{number}", stage="BETA", tags=FIX)
    world.amplify.control.set_connection(app, "lost")
    return app


def test_the_account_s_cap_stops_the_third_app_until_the_next_hour(world: World) -> None:
    world.settings["limits"] = {"fixes_per_app_an_hour": 1, "fixes_per_account_an_hour": 2}
    apps = [opted_in(world) for _ in range(3)]
    for app in apps:
        world.deliver(world.build(app))
    assert [world.compute_role(app) is not None for app in apps] == [True, True, False]
    assert "is used up for this hour" in world.alerts()[-1]
    world.amplify.control.advance(HOUR)
    world.deliver(world.build(apps[2]))
    assert world.compute_role(apps[2]) is not None


def test_the_app_s_cap_stops_its_next_branch_and_no_other_app(world: World) -> None:
    world.settings["limits"] = {"fixes_per_app_an_hour": 2, "fixes_per_account_an_hour": 5}
    app, other = opted_in(world, branches=3), opted_in(world)
    for branch in ("main", "b1", "b2"):
        world.deliver(world.build(app, branch))
    world.deliver(world.build(other))
    roles = [world.compute_role(app, branch) for branch in ("main", "b1", "b2")]
    assert [role is not None for role in roles] == [True, True, False]
    assert world.compute_role(other) is not None


@pytest.mark.parametrize("scope", ["account", "app", "branch"])
def test_a_cap_is_kept_until_its_hour_is_over(world: World, scope: str) -> None:
    """Its name holds the hour, so the count may not be deleted before that hour ends."""
    app = opted_in(world)
    world.deliver(world.build(app))
    parts = {"account": 5, "app": 6, "branch": 7}[scope]
    counts = [i for i in world.client("dynamodb").scan(TableName=TABLE)["Items"] if i["pk"]["S"].startswith("count#")]
    (count,) = (i for i in counts if i["pk"]["S"].count("#") == parts - 1)
    hour_ends = (int(count["pk"]["S"].rpartition("#")[2]) + 1) * HOUR
    assert hour_ends <= int(count["expires_at"]["N"]) <= hour_ends + 2 * HOUR
