"""The number of calls is part of a flow's contract: it reads nothing from Amplify and IAM twice."""

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


DOCUMENTS = {"iam.GetRolePolicy", "iam.GetPolicy", "iam.GetPolicyVersion"}
"""Reading the documents of a role's policies is counted apart: it depends on how many a role has."""
ONCE = {"iam.ListAccountAliases"}
"""Made once in the life of an environment, so no part of what a flow costs."""


def target_calls(made: list[str]) -> list[str]:
    return [call for call in made if call.startswith(("amplify.", "iam.", "sts.")) and call not in DOCUMENTS | ONCE]


def own_calls(made: list[str]) -> list[str]:
    """Calls for state and delivery, without the post to Slack."""
    return [call for call in made if call.startswith(("dynamodb.", "events.", "sns.", "secretsmanager."))]


def failed_build(world: World, tags: dict[str, str], **app: Any) -> dict[str, Any]:
    made = world.make_app(tags=tags, **app)
    world.amplify.control.set_connection(made, "lost")
    return world.build(made)


def test_an_ordinary_failure(world: World) -> None:
    made = calls_of(world, world.build(world.make_app(), outcome="npm_failure"))
    assert len(target_calls(made)) <= 3
    assert len(own_calls(made)) <= 2


def test_a_diagnosis(world: World) -> None:
    made = calls_of(world, failed_build(world, {}, iamServiceRoleArn=world.make_role("service")))
    assert len(target_calls(made)) <= 8
    # Lease, count, topic, bus, the secret of Slack, and record. The seventh is the post to Slack.
    assert len(own_calls(made)) <= 6


def test_a_fix_with_its_rebuild(world: World) -> None:
    made = calls_of(world, failed_build(world, FIX, iamServiceRoleArn=world.make_role("service")))
    assert len(target_calls(made)) <= 15
    assert len(own_calls(made)) <= 9
    assert made.count("sts.AssumeRole") == 1


def test_an_ordinary_failure_needs_no_client_that_was_not_created_at_start(world: World) -> None:
    services = world.services()
    services.clients.create("amplify", "dynamodb")
    created = set(vars(services.clients))

    world.deliver(world.build(world.make_app(), outcome="npm_failure"), services)

    assert set(vars(services.clients)) == created


def runtime_failure(world: World, tags: dict[str, str], **app: Any) -> dict[str, Any]:
    """The wake-up for an SSR log in which a request found no credentials."""
    made = world.make_app(tags=tags, **app)
    world.build(made)
    world.amplify.control.request(made, "main")
    at = world.now()
    return runtime_wake_up(Scope("aws", world.amplify.account_id, REGION, made, "*"), at, at)


@pytest.mark.parametrize(("tags", "most"), [({}, 6), (FIX, 15)], ids=["diagnosis", "fix"])
def test_a_runtime_finding(world: World, tags: dict[str, str], most: int) -> None:
    made = calls_of(world, runtime_failure(world, tags, iamServiceRoleArn=world.make_role("service")))
    assert 3 < len(target_calls(made)) <= most
    assert made.count("logs.FilterLogEvents") == 1
    assert made.count("amplify.UpdateBranch") == bool(tags)


@pytest.mark.parametrize("tags", [{}, FIX], ids=["diagnosis", "fix"])
def test_only_the_branch_is_read_again_around_its_change(world: World, tags: dict[str, str]) -> None:
    made = target_calls(calls_of(world, failed_build(world, tags, iamServiceRoleArn=world.make_role("service"))))
    twice = {call for call in made if made.count(call) > 1}
    # The jobs are listed, and the branch's tags read, before the change and right before the rebuild.
    assert twice <= {"iam.GetRole", "amplify.GetBranch", "amplify.ListJobs"}
    assert made.count("iam.GetRole") == 2  # the service role and the role that would be attached
    assert made.count("amplify.GetBranch") == (4 if tags else 1)
