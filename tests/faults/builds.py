"""Paths that start with a deployment or a log line. Each function leaves the path's event pending."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.faults.arrange import (
    ASK,
    FIX,
    LAMBDA_TRUST,
    QUICK_BUILD,
    READS,
    REBUILD,
    SLOW_BUILD,
    build,
    end_builds,
    failing,
    first_run_dies,
    log_runtime_failure,
    queue_due_wake_ups,
    rebuilt,
    with_broken_service_role,
)
from tests.faults.fault import Fault

if TYPE_CHECKING:
    from tests.faults.remediator import Remediator
    from tests.faults.world import WiredWorld


def not_iam(world: WiredWorld, _: Remediator) -> None:
    """A build fails for a reason other than IAM."""
    build(world, world.make_app(tags=FIX), outcome="npm_failure")


def build_failed(world: WiredWorld, _: Remediator) -> None:
    """A failure that is not IAM's, where every failed build is reported."""
    world.settings["notify"] = "all_failures"
    build(world, world.make_app(tags=FIX), outcome="npm_failure")


def diagnosis(world: WiredWorld, _: Remediator) -> None:
    """A build fails on a branch that is not opted in."""
    build(world, failing(world))


def repeated(world: WiredWorld, remediator: Remediator) -> None:
    """The same failure occurs again."""
    app = failing(world)
    build(world, app)
    remediator.work()
    build(world, app)


def approval(world: WiredWorld, _: Remediator) -> None:
    """A build fails on a branch that needs an approval."""
    build(world, failing(world, tags=ASK))


def attach(world: WiredWorld, _: Remediator) -> None:
    """An opted-in branch has a deleted compute role and a paired role with its own policies."""
    old = world.make_role("old")
    new = world.make_role("paired")
    iam = world.client("iam")
    iam.put_role_policy(RoleName="paired", PolicyName="reads", PolicyDocument=READS)
    managed = iam.create_policy(PolicyName="reads-too", PolicyDocument=READS)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="paired", PolicyArn=managed)
    app = failing(world, tags=FIX)
    world.settings["compute_roles"] = {new: [app]}
    world.client("amplify").update_branch(appId=app, branchName="main", computeRoleArn=old)
    iam.delete_role(RoleName="old")
    build(world, app)


def attach_and_rebuild(world: WiredWorld, _: Remediator) -> None:
    """A rebuild is enabled. It fails the same way before a message comes again."""
    build(world, failing(world, tags=REBUILD))
    world.amplify.control.set_build_time(QUICK_BUILD)


def rebuild_succeeded(world: WiredWorld, remediator: Remediator) -> None:
    """The event of a successful rebuild is pending."""
    rebuilt(world, remediator, "ok")


def rebuild_failed_alike(world: WiredWorld, remediator: Remediator) -> None:
    """The event of a rebuild that failed the same way is pending."""
    attach_and_rebuild(world, remediator)
    remediator.step()
    end_builds(world)


def rebuild_failed_otherwise(world: WiredWorld, remediator: Remediator) -> None:
    """The rebuild fails for a reason other than IAM."""
    rebuilt(world, remediator, "npm_failure")


def rebuild_cancelled(world: WiredWorld, remediator: Remediator) -> None:
    """Someone stops the rebuild."""
    attach_and_rebuild(world, remediator)
    remediator.step()
    app, branch = next(world.branches())
    world.client("amplify").stop_job(appId=app, branchName=branch, jobId="2")


def recovered_by_later_build(world: WiredWorld, remediator: Remediator) -> None:
    """A later build succeeds, and the topic is the only channel."""
    world.settings["slack"] = {}
    app = failing(world)
    build(world, app)
    remediator.work()
    world.amplify.control.set_connection(app, "ok")
    build(world, app)


def changed_since_success(world: WiredWorld, remediator: Remediator) -> None:
    """A build succeeded with its service role. Then its trust policy was changed, and the next build fails."""
    app = world.make_app(iamServiceRoleArn=world.make_role("service"))
    build(world, app)
    remediator.work()
    world.client("iam").update_assume_role_policy(RoleName="service", PolicyDocument=json.dumps(LAMBDA_TRUST))
    world.trail.record("UpdateAssumeRolePolicy", world.now(), role="service")
    build(world, app)


def repair(world: WiredWorld, _: Remediator) -> None:
    """An app has an unassumable service role, and its branch has a good compute role."""
    app = with_broken_service_role(world)
    world.client("amplify").update_branch(appId=app, branchName="main", computeRoleArn=world.make_role("own"))
    build(world, app)
    world.amplify.control.set_build_time(SLOW_BUILD)


def attach_and_repair(world: WiredWorld, _: Remediator) -> None:
    """Both roles are missing: two changes in one plan."""
    build(world, with_broken_service_role(world))
    world.amplify.control.set_build_time(SLOW_BUILD)


def capped(world: WiredWorld, remediator: Remediator) -> None:
    """Another branch has used up the app's cap."""
    world.settings["limits"] = {"fixes_per_app_an_hour": 1}
    app = failing(world, tags=FIX)
    build(world, app)
    remediator.work()
    world.client("amplify").create_branch(appId=app, branchName="next", stage="BETA", tags=FIX)
    build(world, app, "next")


def storm(world: WiredWorld, remediator: Remediator) -> None:
    """More apps than the limit fail in a window that is longer than SQS hides a message of a dead run."""
    world.settings["limits"] = {"storm_apps": 1, "storm_minutes": 20}
    build(world, failing(world))
    remediator.work()
    build(world, failing(world, tags=FIX, name="other"))


def tried_before(world: WiredWorld, remediator: Remediator) -> None:
    """The attach did not help, the owner undid it, and a later build fails the same way."""
    attach_and_rebuild(world, remediator)
    remediator.work()
    app, branch = next(world.branches())
    world.client("amplify").update_branch(appId=app, branchName=branch, computeRoleArn="")
    world.amplify.control.set_build_time(0)
    world.amplify.control.advance(2 * 3600)
    build(world, app)


def deferred(world: WiredWorld, _: Remediator) -> None:
    """A new role can't be assumed by Amplify yet."""
    app = failing(world, tags=FIX)
    world.amplify.control.set_propagation(700)
    role = world.make_role("young", age=0)
    world.settings["compute_roles"] = {role: [app]}
    build(world, app)


def storm_is_over(world: WiredWorld, remediator: Remediator) -> None:
    """No more incidents open. The watcher's wake-up for the storm is pending."""
    storm(world, remediator)
    remediator.work()
    world.amplify.control.advance(40 * 60)
    queue_due_wake_ups(world, remediator)


def undelivered_alert(world: WiredWorld, remediator: Remediator) -> None:
    """Slack failed in every attempt of a run. The watcher's wake-up for the undelivered alert is pending."""
    build(world, failing(world))
    world.slack.fail(times=3)
    remediator.work()
    world.amplify.control.advance(3600)
    queue_due_wake_ups(world, remediator)


def app_cools_down(world: WiredWorld, remediator: Remediator) -> None:
    """The bot repaired the app's service role, someone set the broken one again, and another branch fails."""
    repair(world, remediator)
    remediator.work()
    ((app, _),) = world.branches()
    amplify = world.client("amplify")
    amplify.create_branch(appId=app, branchName="next", stage="BETA", tags=FIX)
    amplify.update_branch(appId=app, branchName="next", computeRoleArn=world.make_role("another"))
    broken = world.client("iam").get_role(RoleName="service")["Role"]["Arn"]
    world.amplify.fake.state.app(app).settings["iamServiceRoleArn"] = broken
    world.amplify.control.set_build_time(0)
    build(world, app, "next")


def runtime_attach(world: WiredWorld, remediator: Remediator) -> None:
    """SSR code of an opted-in branch finds no credentials, and the watcher found the log line."""
    app = world.make_app(tags=FIX)
    build(world, app)
    remediator.work()
    log_runtime_failure(world, remediator, app)
    world.amplify.control.set_build_time(SLOW_BUILD)


def runtime_still_failing(world: WiredWorld, remediator: Remediator) -> None:
    """A role was attached, and the code still finds no credentials."""
    app = world.make_app(tags={**FIX, "amplify-medic:rebuild": "no"})
    build(world, app)
    remediator.work()
    log_runtime_failure(world, remediator, app)
    remediator.work()
    branch = world.amplify.fake.state.branch(app, "main")[1]
    role = branch.settings.pop("computeRoleArn")
    world.amplify.control.advance(3600)
    log_runtime_failure(world, remediator, app)
    branch.settings["computeRoleArn"] = role


def resume_before_write(world: WiredWorld, remediator: Remediator) -> None:
    """An earlier run died after recording the intent."""
    attach_and_rebuild(world, remediator)
    first_run_dies(world, remediator, "dynamodb:TransactWriteItems", Fault.DEATH)


def resume_after_write(world: WiredWorld, remediator: Remediator) -> None:
    """An earlier run died after setting the role."""
    attach_and_rebuild(world, remediator)
    first_run_dies(world, remediator, "amplify:UpdateBranch", Fault.DEATH)


def resume_after_rebuild(world: WiredWorld, remediator: Remediator) -> None:
    """An earlier run died after starting the rebuild."""
    attach_and_rebuild(world, remediator)
    first_run_dies(world, remediator, "amplify:StartJob", Fault.DEATH)
