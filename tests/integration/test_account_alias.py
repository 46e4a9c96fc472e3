"""Alerts name the account by its alias, where that may be read. It is asked for once, and never needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from moto.core.exceptions import ServiceException
from moto.iam.responses import IamResponse

from medic import pipeline
from medic.events import Scope
from tests.integration.conftest import REGION

if TYPE_CHECKING:
    from medic.services import Services
    from tests.integration.conftest import World


@pytest.fixture(name="account")
def _account(world: World) -> str:
    world.client("iam").create_account_alias(AccountAlias="acme-prod")
    return world.amplify.account_id


@pytest.fixture(name="services")
def _services(world: World) -> Services:
    """Of one environment."""
    return world.services()


def asked(services: Services) -> list[str]:
    """The calls for an alias that follow."""
    made: list[str] = []

    def note(model: Any, **_: Any) -> None:
        made.append(model.name)

    services.clients.iam.meta.events.register("before-call.iam.ListAccountAliases", note)
    return made


def fails(world: World, app: str, services: Services) -> str:
    """Let a build fail and then one succeed. Returns the alerts."""
    world.slack.posts.clear()
    for connection in ("lost", "ok"):
        world.amplify.control.set_connection(app, connection)
        world.deliver(world.build(app), services)
    return "".join(world.alerts())


def test_every_alert_names_the_account_and_the_alias_is_read_once(
    world: World, account: str, services: Services
) -> None:
    made = asked(services)

    alerts = fails(world, world.make_app(), services) + fails(world, world.make_app(), services)

    assert alerts.count(f"account acme-prod ({account}) / {REGION} · incident ") >= 4
    assert f"account {account}" not in alerts
    assert made == ["ListAccountAliases"]


def test_an_alias_that_may_not_be_read_is_not_asked_for_again(
    world: World, account: str, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(_: IamResponse) -> None:
        raise ServiceException("AccessDenied", "no")

    monkeypatch.setattr(IamResponse, "list_account_aliases", denied)
    made = asked(services)

    alerts = fails(world, world.make_app(), services) + fails(world, world.make_app(), services)

    assert f"account {account} / {REGION}" in alerts
    assert "acme-prod" not in alerts
    assert made == ["ListAccountAliases"]


def test_without_an_alert_the_alias_is_not_asked_for(world: World, account: str, services: Services) -> None:
    made = asked(services)

    world.deliver(world.build(world.make_app(), outcome="npm_failure"), services)

    assert made == []
    assert services.alias_of(account) == "acme-prod"


@pytest.mark.usefixtures("account")
def test_another_account_never_gets_the_alias_of_this_one(services: Services) -> None:
    made = asked(services)

    assert services.alias_of("999999999999") == ""
    assert made == []


def test_the_test_alert_shows_how_the_account_is_named(world: World, account: str, services: Services) -> None:
    pipeline.send_test_alerts(Scope("aws", account, REGION, "*", "*"), services)

    assert f"account acme-prod ({account}) / {REGION}" in world.alerts()[-1]
