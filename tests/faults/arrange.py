"""Building blocks for the paths: apps, roles, failing builds and runs that died."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medic.events import ALL, Scope, runtime_wake_up, wake_up
from medic.incidents.table import LEASE
from tests.faults.wire import Call
from tests.integration.conftest import REGION

if TYPE_CHECKING:
    from tests.faults.fault import Fault
    from tests.faults.remediator import Remediator
    from tests.faults.world import WiredWorld

FIX = {"amplify-medic:auto-fix": "fix"}
REBUILD = {**FIX, "amplify-medic:rebuild": "yes"}
ASK = {"amplify-medic:auto-fix": "ask"}
LAMBDA_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
SLOW_BUILD, QUICK_BUILD = 240.0, 45.0
"""Seconds. A slow rebuild ends after the watcher continued a failed run, a quick one before."""
READS = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}'


def failing(world: WiredWorld, *, tags: dict[str, str] | None = None, name: str = "shop") -> str:
    """Create an app whose repository connection is lost. Returns its id."""
    app = world.make_app(tags=tags, name=name)
    world.amplify.control.set_connection(app, "lost")
    return app


def build(world: WiredWorld, app: str, branch: str = "main", **script: str) -> None:
    """Run a build, then advance one minute so that the next step has a later timestamp."""
    world.build(app, branch, **script)
    world.amplify.control.advance(60)


def proposed(world: WiredWorld, remediator: Remediator, app: str, branch: str = "main") -> None:
    """Let a build fail and the bot propose a change."""
    build(world, app, branch)
    remediator.work()


def queue_due_wake_ups(world: WiredWorld, remediator: Remediator) -> None:
    """Queue the wake-ups that the watcher sends for everything that is due."""
    remediator.failures.clear()
    remediator.dead_letters.clear()
    for due in world.services(session=world.setup_session).table.due():
        remediator.send(wake_up(due.scope, due.request_id))


def log_runtime_failure(world: WiredWorld, remediator: Remediator, app: str) -> None:
    """Let a visitor's request fail and queue the watcher's wake-up with the time span of the log lines."""
    since = world.now()
    world.amplify.control.request(app, "main")
    world.amplify.control.advance(60)
    scope = Scope("aws", world.amplify.account_id, REGION, app, ALL)
    remediator.send(runtime_wake_up(scope, since, world.now()))
    world.visited = [app]


def rebuilt(world: WiredWorld, remediator: Remediator, outcome: str) -> None:
    """Set a branch's role and end its rebuild. The event of the rebuild's end is pending."""
    app = failing(world, tags=REBUILD)
    build(world, app)
    world.amplify.control.set_build_time(SLOW_BUILD)
    world.amplify.control.script_builds(app, "main", outcome)
    world.amplify.control.set_connection(app, "ok")
    remediator.step()
    end_builds(world)


def end_builds(world: WiredWorld) -> None:
    """End every running build."""
    world.amplify.control.advance(SLOW_BUILD + 10)
    world.amplify.control.set_build_time(0)


def with_broken_service_role(world: WiredWorld) -> str:
    """Create an opted-in app with an unassumable service role and a tag that names a paired one. Returns its id."""
    good = world.make_role("good-service")
    app = world.make_app(tags=FIX, iamServiceRoleArn=world.make_role("service", LAMBDA_TRUST))
    amplify = world.client("amplify")
    arn = amplify.get_app(appId=app)["app"]["appArn"]
    amplify.tag_resource(resourceArn=arn, tags={"amplify-medic:service-role": "good-service"})
    world.settings["service_roles"] = {good: [app]}
    return app


def first_run_dies(world: WiredWorld, remediator: Remediator, operation: str, fault: Fault) -> None:
    """Kill the first run of the pending event at an operation, and let its lease lapse."""
    world.wire.listen(Call(operation, 1), fault)
    remediator.step()
    world.amplify.control.advance(LEASE.total_seconds() + 10)
