"""Paths that start with a person's request. Each function leaves the request's wake-up pending."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from medic.events import RequestKind
from tests.faults.arrange import ASK, FIX, LAMBDA_TRUST, SLOW_BUILD, build, failing, proposed
from tests.faults.builds import attach_and_repair
from tests.integration.conftest import PLAIN_TRUST

if TYPE_CHECKING:
    from tests.faults.remediator import Remediator
    from tests.faults.world import WiredWorld


def approved(world: WiredWorld, remediator: Remediator) -> None:
    """Someone approves the proposal."""
    app = failing(world, tags={**ASK, "amplify-medic:rebuild": "yes"})
    proposed(world, remediator, app)
    remediator.send(world.approves(app))
    world.amplify.control.set_build_time(SLOW_BUILD)


def approved_but_moved(world: WiredWorld, remediator: Remediator) -> None:
    """The deployer paired another role after the proposal, so the approved plan is no longer current."""
    app = failing(world, tags=ASK)
    proposed(world, remediator, app)
    world.settings["compute_roles"] = {world.make_role("another"): [app]}
    remediator.restart()
    remediator.send(world.approves(app))


def approved_but_capped(world: WiredWorld, remediator: Remediator) -> None:
    """Another branch has used up the app's cap. The approval stays valid."""
    world.settings["limits"] = {"fixes_per_app_an_hour": 1}
    app = failing(world, tags=FIX)
    build(world, app)
    remediator.work()
    world.client("amplify").create_branch(appId=app, branchName="next", stage="BETA", tags=ASK)
    proposed(world, remediator, app, "next")
    remediator.send(world.approves(app, "next"))


def fix_asked_for(world: WiredWorld, remediator: Remediator) -> None:
    """The failure was only reported. Then someone opts in and runs `medic fix`."""
    app = failing(world)
    build(world, app)
    remediator.work()
    arn = world.client("amplify").get_branch(appId=app, branchName="main")["branch"]["branchArn"]
    world.client("amplify").tag_resource(resourceArn=arn, tags=FIX)
    remediator.send(world.asks(RequestKind.FIX, app))


def fix_without_opt_in(world: WiredWorld, remediator: Remediator) -> None:
    """Someone requests a fix on a branch that is not opted in."""
    app = failing(world)
    build(world, app)
    remediator.work()
    remediator.send(world.asks(RequestKind.FIX, app))


def undo_detaches(world: WiredWorld, remediator: Remediator) -> None:
    """Someone undoes an attach, and there was no role before."""
    app = failing(world, tags=FIX)
    build(world, app)
    remediator.work()
    remediator.send(world.asks(RequestKind.UNDO, app))


def undo_restores(world: WiredWorld, remediator: Remediator) -> None:
    """Two changes are undone after both previous roles were repaired."""
    attach_and_repair(world, remediator)
    ((app, branch),) = world.branches()
    old = world.make_role("old", LAMBDA_TRUST)
    world.amplify.fake.state.branch(app, branch)[1].settings["computeRoleArn"] = old
    remediator.work()
    build(world, app)
    for name in ("old", "service"):
        world.client("iam").update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(PLAIN_TRUST))
    service = world.client("iam").get_role(RoleName="service")["Role"]["Arn"]
    world.settings["compute_roles"] = {old: [app]}
    world.settings["service_roles"] |= {service: [app]}
    remediator.restart()
    world.amplify.control.advance(3600)
    remediator.send(world.asks(RequestKind.UNDO, app))


def undo_of_nothing(world: WiredWorld, remediator: Remediator) -> None:
    """Someone requests an undo where nothing was changed."""
    app = failing(world)
    build(world, app)
    remediator.work()
    remediator.send(world.asks(RequestKind.UNDO, app))


def undone_then_fails(world: WiredWorld, remediator: Remediator) -> None:
    """The change was undone, and a later build fails the same way. The bot must not repeat the change."""
    undo_detaches(world, remediator)
    remediator.work()
    world.amplify.control.advance(2 * 3600)
    ((app, _),) = world.branches()
    build(world, app)


def mute(world: WiredWorld, remediator: Remediator) -> None:
    """Someone mutes an app."""
    app = failing(world, tags=FIX)
    remediator.send(world.asks(RequestKind.MUTE, app, "*", until=world.now() + timedelta(days=30)))
    world.muted = True


def muted(world: WiredWorld, remediator: Remediator) -> None:
    """A build of a muted app fails."""
    mute(world, remediator)
    remediator.work()
    ((app, _),) = world.branches()
    build(world, app)
