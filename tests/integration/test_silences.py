"""What the bot could not read is never taken for quiet, harmless or over: it is retried, and told in the end."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from medic.aws.amplify import AmplifyReader
from medic.aws.errors import RetryableError, ThrottledError
from medic.aws.logs import RuntimeLogs
from medic.aws.rate import OutOfTimeError
from medic.events import RequestKind, Scope, runtime_wake_up
from medic.evidence import Item, Present, RuntimePage, Unreadable
from medic.flows.locked_branch import RecordedError
from medic.incidents.model import IncidentState
from medic.incidents.store import NewerSchemaError
from medic.incidents.table import branch_key
from medic.labels import BotLabel, Label
from tests.integration.conftest import REGION, TABLE
from tests.integration.test_deadlines import OPTED_IN, REBUILDING, lost_connection
from tests.integration.test_requests import ask, incident
from tests.integration.test_runtime_findings import HOUR, MINUTE, NO_REBUILD, Site, site

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.conftest import World

Page = Item[RuntimePage]
DENIED = (
    "ERROR AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/service/AWSCodeBuild-1 is not "
    "authorized to perform: cloudformation:CreateStack on resource: "
    "arn:aws:cloudformation:eu-central-1:123456789012:stack/x/* "
    "because no identity-based policy allows the cloudformation:CreateStack action"
)


# --- the SSR log


def endless(*_: object) -> Page:
    """A page without events, and with a token for the next one."""
    return Present(RuntimePage((), "more"))


def throttled(*_: object) -> Page:
    raise OutOfTimeError


def empty(*_: object) -> Page:
    return Present(RuntimePage(()))


UNREAD = pytest.mark.parametrize("page", [endless, throttled], ids=["empty pages", "throttled"])


def wake_up(world: World, shop: Site) -> dict[str, object]:
    at = world.now()
    return runtime_wake_up(Scope("aws", world.amplify.account_id, REGION, shop.app, "*"), at, at)


def mended(world: World) -> Site:
    shop = site(world, NO_REBUILD)
    shop.visit()
    shop.look()
    assert shop.states == ["applied"]
    return shop


@UNREAD
def test_an_unread_log_is_not_taken_for_quiet(
    world: World, monkeypatch: pytest.MonkeyPatch, page: Callable[..., Page]
) -> None:
    world.amplify.control.set_questions(first_attach="needs_redeploy")
    shop = mended(world)
    with monkeypatch.context() as unread:
        unread.setattr(RuntimeLogs, "page", page)
        for _ in range(3):
            shop.after(HOUR)
            with suppress(RecordedError):
                world.watch()
    assert shop.states == ["applied"]
    assert len(shop.alerts) == 1

    shop.after(10 * MINUTE).visit()
    shop.after(HOUR)
    world.watch()
    assert shop.states == ["applied"]


@UNREAD
def test_a_wake_up_whose_lines_can_not_be_read_is_retried(
    world: World, monkeypatch: pytest.MonkeyPatch, page: Callable[..., Page]
) -> None:
    shop = site(world)
    shop.visit()
    event = wake_up(world, shop)
    with monkeypatch.context() as unread:
        unread.setattr(RuntimeLogs, "page", page)
        with pytest.raises(RetryableError):
            world.deliver(event)
    assert shop.incidents == []
    world.deliver(event)

    assert shop.states == ["open"]


@UNREAD
def test_an_approval_while_the_log_can_not_be_read_stays_valid(
    world: World, monkeypatch: pytest.MonkeyPatch, page: Callable[..., Page]
) -> None:
    shop = site(world, {"amplify-medic:auto-fix": "ask"})
    shop.visit()
    shop.look()
    (proposed,) = shop.incidents
    approval = {"incident_id": proposed["id"], "plan_hash": proposed["plan_hash"]}
    with monkeypatch.context() as unread:
        unread.setattr(RuntimeLogs, "page", page)
        with pytest.raises(RetryableError):
            world.ask(RequestKind.APPROVE, shop.app, **approval)
    assert world.compute_role(shop.app) is None

    assert ask(world, shop.app, RequestKind.APPROVE, **approval).startswith("used: attach_compute applied")


@pytest.mark.parametrize("operation", ["GetApp", "ListBranches"])
def test_an_error_of_an_app_that_may_not_be_read_is_reported(world: World, operation: str) -> None:
    shop = site(world)
    shop.visit()
    event = wake_up(world, shop)
    world.amplify.control.deny(operation)
    with pytest.raises(RetryableError, match=operation):
        world.deliver(event)
    world.deliver(event, age=HOUR)

    assert shop.labels == [BotLabel.UNDIAGNOSED]
    assert f"amplify:{operation}" in shop.alerts[0]


def test_an_error_whose_app_is_never_reached_is_reported_in_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> None:
        raise ThrottledError("amplify:ListBranches", "ThrottlingException", "slow down")

    shop = site(world)
    shop.visit()
    event = wake_up(world, shop)
    monkeypatch.setattr(AmplifyReader, "branches", busy)
    with pytest.raises(RetryableError):
        world.deliver(event)
    monkeypatch.setattr("medic.queue.MAX_RECEIVES", 1)
    world.deliver(event)

    assert shop.labels == [BotLabel.UNDIAGNOSED]


def test_an_error_that_is_not_found_again_is_looked_for_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = site(world)
    shop.visit()
    event = wake_up(world, shop)
    with monkeypatch.context() as unread:
        unread.setattr(RuntimeLogs, "page", empty)
        with pytest.raises(RetryableError, match="not found again"):
            world.deliver(event)
    world.deliver(event)

    assert shop.labels == [Label.CREDENTIALS_MISSING_RUNTIME]


def test_an_unread_log_is_reported_if_no_branch_shows_a_deployment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = site(world)
    shop.visit()
    event = wake_up(world, shop)
    monkeypatch.setattr(AmplifyReader, "branches", lambda *_: iter(()))
    monkeypatch.setattr(RuntimeLogs, "page", lambda *_: Unreadable("denied"))
    world.deliver(event, age=HOUR)

    assert shop.labels == [BotLabel.UNDIAGNOSED]


@pytest.mark.parametrize("locked", ["main", "next"])
def test_a_branch_whose_record_a_newer_release_wrote_hides_no_other(world: World, locked: str) -> None:
    shop = site(world)
    world.client("amplify").create_branch(appId=shop.app, branchName="next", stage="BETA")
    world.build(shop.app, "next")
    key = branch_key(Scope("aws", world.amplify.account_id, REGION, shop.app, locked))
    world.client("dynamodb").put_item(TableName=TABLE, Item={"pk": {"S": key}, "schema": {"N": "2"}})
    for branch in ("main", "next"):
        shop.visit(branch)
    with pytest.raises(NewerSchemaError):
        shop.look()

    assert shop.labels == [Label.CREDENTIALS_MISSING_RUNTIME]


def test_a_deleted_branch_does_not_recover_by_the_traffic_of_others(world: World) -> None:
    world.amplify.control.set_questions(log_stream_names="opaque")
    shop = site(world)
    shop.visit()
    shop.look()
    amplify = world.client("amplify")
    amplify.create_branch(appId=shop.app, branchName="next", stage="BETA", computeRoleArn=world.make_role("next"))
    world.build(shop.app, "next")
    amplify.delete_branch(appId=shop.app, branchName="main")
    for _ in range(3):
        shop.after(HOUR - MINUTE).visit("next")
        shop.after(2 * MINUTE)
        world.watch()

    assert shop.states == ["open"]
    assert len(shop.alerts) == 1


# --- the build log


def test_a_failure_behind_the_size_limit_is_found_or_told_as_undiagnosed(world: World) -> None:
    world.settings["limits"] = {"log_mebibytes": 1}
    app = world.make_app(iamServiceRoleArn=world.make_role("service"))
    dull = f"INFO {'a line of a long and ordinary build, printed again and again ' * 3}"
    world.deliver(world.build(app, outcome="lines", lines=(*[dull] * 6000, DENIED), exit_code=1))

    assert incident(world, app).label in {BotLabel.UNDIAGNOSED, Label.ACCESS_DENIED_IDENTITY}
    assert len(world.alerts()) == 1


def test_a_failure_behind_many_near_misses_is_found(world: World) -> None:
    app = world.make_app(iamServiceRoleArn=world.make_role("service"))
    near = [f"INFO refreshed credential cache {number:x} of module {number}" for number in range(0, 2**20, 60)]
    world.deliver(world.build(app, outcome="lines", lines=(*near, DENIED), exit_code=1))

    assert incident(world, app).label == Label.ACCESS_DENIED_IDENTITY


# --- what was begun, and a preview


def test_a_rebuild_of_an_app_that_the_settings_stop_naming_says_why_its_end_is_unknown(world: World) -> None:
    app = lost_connection(world, REBUILDING)
    world.deliver(world.build(app))
    world.settings["apps"] = ["d0000000000000"]
    world.deliver(dict(world.amplify.events[-1]))
    world.amplify.control.advance(4 * HOUR)
    world.watch()

    assert incident(world, app).state is IncidentState.OUTCOME_UNKNOWN
    assert "the setting `apps` does not name its app any more" in world.alerts()[-1]


@pytest.mark.parametrize(
    ("branch", "fields", "said"),
    [
        ("pr-7", {"stage": "PULL_REQUEST"}, "Next step: None. The bot gives no role to a preview"),
        ("rel*", {"stage": "BETA"}, "Next step: Set the role by hand"),
    ],
    ids=["preview", "name"],
)
def test_a_refusal_that_is_not_about_the_role_does_not_blame_it(
    world: World, branch: str, fields: dict[str, Any], said: str
) -> None:
    app = lost_connection(world, OPTED_IN)
    world.client("amplify").create_branch(appId=app, branchName=branch, tags=OPTED_IN, **fields)
    world.deliver(world.build(app, branch))

    assert world.calls("UpdateBranch") == []
    assert said in world.alerts()[0]
