"""Large accounts in the fake: many apps and branches, created at once."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from moto.iam.models import iam_backends

from tests.fakes.amplify.moto_adapter import amplify_backends
from tests.fakes.amplify.state import App, Branch, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ACCOUNT = "123456789012"
PLAIN_TRUST: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "amplify.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def state_of(region: str) -> State:
    """The fake's state in a region."""
    return amplify_backends[ACCOUNT][region].fake.state


def make_role(name: str, trust: object = PLAIN_TRUST, *, path: str = "/", age: float = 3600) -> str:
    """Create a role with this age in seconds. Returns its ARN."""
    made = iam_backends[ACCOUNT]["aws"].create_role(name, json.dumps(trust), path, None, "", [], "3600")
    made.create_date -= timedelta(seconds=age)
    return str(made.arn)


def required_source(app_id: str, region: str = "eu-central-1") -> dict[str, Any]:
    """A trust policy that allows only one app's branches."""
    arn = f"arn:aws:amplify:{region}:{ACCOUNT}:apps/{app_id}/branches/*"
    statement = {**PLAIN_TRUST["Statement"][0], "Condition": {"ArnLike": {"aws:SourceArn": arn}}}
    return {**PLAIN_TRUST, "Statement": [statement]}


def add_app(
    region: str = "eu-central-1", name: str = "shop", *, tags: dict[str, str] | None = None, **settings: Any
) -> str:
    """Create an SSR app without branches. The fake does not validate the settings."""
    state = state_of(region)
    now, app_id = state.ports.time.now(), state.new_app_id()
    kept = {"name": name, "platform": "WEB_COMPUTE", "repository": "https://github.com/acme/shop", **settings}
    state.apps[app_id] = App(app_id, state.app_arn(app_id), now, kept, tags or {}, now)
    return app_id


def add_branch(
    app_id: str,
    name: str = "main",
    region: str = "eu-central-1",
    *,
    tags: dict[str, str] | None = None,
    **settings: Any,
) -> None:
    """Create a branch with these settings."""
    app = state_of(region).apps[app_id]
    arn, now = f"{app.arn}/branches/{name}", app.created
    app.branches[name] = Branch(name, arn, now, {"stage": "PRODUCTION", **settings}, tags or {}, now)


def add_estate(
    regions: tuple[str, ...], *, apps: int, branches: int, roles: Callable[[int], dict[str, Any]] = lambda _: {}
) -> None:
    """Create apps in each region. `roles` gives the settings of the nth app, counted across regions."""
    for place, region in enumerate(regions):
        for n in range(apps):
            app_id = add_app(region, f"app-{n}", **roles(place * apps + n))
            for b in range(branches):
                add_branch(app_id, f"feature/{b}", region)


def calls_in(region: str) -> Iterator[str]:
    """The operations that a region's Amplify received, in order."""
    return (call.operation for call in amplify_backends[ACCOUNT][region].fake.calls)
