"""How many calls a flow makes is part of its contract: Amplify and IAM are asked for nothing twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest

from medic.events import Scope, runtime_wake_up
from tests.integration.conftest import REGION

if TYPE_CHECKING:
    from tests.integration.conftest import World

FIX = {"amplify-medic:auto-fix": "fix", "amplify-medic:rebuild": "yes"}


def calls_of(world: World, event: dict[str, Any]) -> list[str]:
    """The calls the bot makes on one event, as `service.Operation`."""
    made: list[str] = []
    session = boto3.Session(region_name="eu-central-1")

    def note(model: Any, **_: Any) -> None:
        made.append(f"{model.service_model.service_name}.{model.name}")

    session.events.register("before-call", note)
    world.deliver(event, world.services(session=session))
    return made


def asked(made: list[str]) -> list[str]:
    return [call for call in made if call.startswith(("amplify.", "iam."))]


def kept(made: list[str]) -> list[str]:
    """State and delivery; the post to Slack is one more."""
    return [call for call in made if call.startswith(("dynamodb.", "events.", "sns.", "secretsmanager."))]


def lost(world: World, tags: dict[str, str], **app: Any) -> dict[str, Any]:
    made = world.make_app(tags=tags, **app)
    world.amplify.control.set_connection(made, "lost")
    return world.build(made)


def test_an_ordinary_failure(world: World) -> None:
    made = calls_of(world, world.build(world.make_app(), outcome="npm_failure"))
    assert len(asked(made)) <= 3
    assert len(kept(made)) <= 2


def test_a_diagnosis(world: World) -> None:
    made = calls_of(world, lost(world, {}, iamServiceRoleArn=world.make_role("service")))
    assert len(asked(made)) <= 6
    # Lease, count, topic, bus, record; Slack's secret is one more, and its post another.
    assert len(kept(made)) <= 5 + 1


def test_a_fix_with_its_rebuild(world: World) -> None:
    made = calls_of(world, lost(world, FIX, iamServiceRoleArn=world.make_role("service")))
    assert len(asked(made)) <= 14
    assert len(kept(made)) <= 10 - 1


def logged(world: World, tags: dict[str, str], **app: Any) -> dict[str, Any]:
    """The nudge for an SSR log in which a request found no credentials."""
    made = world.make_app(tags=tags, **app)
    world.build(made)
    world.amplify.control.request(made, "main")
    at = world.now()
    return runtime_wake_up(Scope("aws", world.amplify.account_id, REGION, made, "*"), at, at)


@pytest.mark.parametrize(("tags", "most"), [({}, 6), (FIX, 14)], ids=["diagnosis", "fix"])
def test_a_runtime_finding(world: World, tags: dict[str, str], most: int) -> None:
    made = calls_of(world, logged(world, tags, iamServiceRoleArn=world.make_role("service")))
    assert 3 < len(asked(made)) <= most
    assert made.count("logs.FilterLogEvents") == 1
    assert made.count("amplify.UpdateBranch") == bool(tags)


@pytest.mark.parametrize("tags", [{}, FIX], ids=["diagnosis", "fix"])
def test_nothing_is_read_twice_but_the_branch_around_its_change(world: World, tags: dict[str, str]) -> None:
    made = asked(calls_of(world, lost(world, tags, iamServiceRoleArn=world.make_role("service"))))
    twice = {call for call in made if made.count(call) > 1}
    assert twice <= {"iam.GetRole", "amplify.GetBranch"}
    assert made.count("iam.GetRole") == 2  # the service role and the role that would be attached
    assert made.count("amplify.GetBranch") == (3 if tags else 1)
