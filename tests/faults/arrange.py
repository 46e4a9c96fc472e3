"""What the paths are arranged with: apps, roles, builds that fail, and runs that died."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.events import ALL, Scope, runtime_wake_up, wake_up
from medic.incidents.table import LEASE
from tests.faults.wire import Call, Fault
from tests.integration.conftest import REGION

if TYPE_CHECKING:
    from tests.faults.asynchronous import Remediator
    from tests.faults.world import WiredWorld

FIX = {"amplify-medic:auto-fix": "fix"}
REBUILD = {**FIX, "amplify-medic:rebuild": "yes"}
ASK = {"amplify-medic:auto-fix": "ask"}
LAMBDA_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
SLOW_BUILD, QUICK_BUILD = 240.0, 45.0
"""Seconds: a rebuild ends after a failed run was tried again, or before."""
READS = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}'


def failing(world: WiredWorld, *, tags: dict[str, str] | None = None, name: str = "shop") -> str:
    """An app whose repository connection is lost; its id."""
    app = world.make_app(tags=tags, name=name)
    world.amplify.control.set_connection(app, "lost")
    return app


def build(world: WiredWorld, app: str, branch: str = "main", **script: str) -> None:
    """A build, a minute ago: what happens next does not happen within the second in which it started."""
    world.build(app, branch, **script)
    world.amplify.control.advance(60)


def proposed(world: WiredWorld, remediator: Remediator, app: str, branch: str = "main") -> None:
    """A build fails, and the bot proposes what to do."""
    build(world, app, branch)
    remediator.work()


def watcher_comes(world: WiredWorld, remediator: Remediator) -> None:
    """The watcher finds what is due, and its messages are pending."""
    remediator.failures.clear()
    remediator.dead_letters.clear()
    for due in world.services(session=world.hands).table.due():
        remediator.send(wake_up(due.scope, due.request_id))


def seen_in_the_log(world: WiredWorld, remediator: Remediator, app: str) -> None:
    """A visitor's request fails, and the watcher says between which times something was logged."""
    since = world.now()
    world.amplify.control.request(app, "main")
    world.amplify.control.advance(60)
    scope = Scope("aws", world.amplify.account_id, REGION, app, ALL)
    remediator.send(runtime_wake_up(scope, since, world.now()))
    world.visited = [app]


def rebuilt(world: WiredWorld, remediator: Remediator, outcome: str) -> None:
    """A branch is rebuilt after its role was set, and the rebuild's end is about to be told."""
    app = failing(world, tags=REBUILD)
    build(world, app)
    world.amplify.control.set_build_time(SLOW_BUILD)
    world.amplify.control.script_builds(app, "main", outcome)
    world.amplify.control.set_connection(app, "ok")
    remediator.step()
    end_builds(world)


def end_builds(world: WiredWorld) -> None:
    """Every build that runs comes to its end."""
    world.amplify.control.advance(SLOW_BUILD + 10)
    world.amplify.control.set_build_time(0)


def with_broken_service_role(world: WiredWorld) -> str:
    """An opted-in app whose service role nobody can assume, and a paired one that its tag names; its id."""
    good = world.make_role("good-service")
    app = world.make_app(tags=FIX, iamServiceRoleArn=world.make_role("service", LAMBDA_TRUST))
    amplify = world.client("amplify")
    arn = amplify.get_app(appId=app)["app"]["appArn"]
    amplify.tag_resource(resourceArn=arn, tags={"amplify-medic:service-role": "good-service"})
    world.settings["service_roles"] = {good: [app]}
    return app


def first_run_dies(world: WiredWorld, remediator: Remediator, operation: str, fault: Fault) -> None:
    """The pending event's first run dies at an operation, and its lease lapses."""
    world.wire.listen(Call(operation, 1, 1), fault)
    remediator.step()
    world.amplify.control.advance(LEASE.total_seconds() + 10)
