"""Every way through the remediator, each as a world that stands right before it: one event is pending."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from medic.events import ALL, Scope, runtime_wake_up, wake_up
from medic.incidents.requests import RequestKind
from medic.incidents.table import LEASE
from tests.faults.asynchronous import Remediator
from tests.faults.wire import Call, Fault
from tests.faults.world import WiredWorld, wired_world
from tests.integration.conftest import PLAIN_TRUST, REGION

if TYPE_CHECKING:
    from tests.faults.world import Message

FIX = {"amplify-medic:auto-fix": "fix"}
REBUILD = {**FIX, "amplify-medic:rebuild": "yes"}
ASK = {"amplify-medic:auto-fix": "ask"}
LAMBDA_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
SLOW_BUILD, QUICK_BUILD = 240.0, 45.0
"""Seconds: a rebuild ends after a failed run was tried again, or before."""

Arrange = Callable[[WiredWorld, Remediator], None]


@dataclass(frozen=True, slots=True)
class Path:
    """A way through the remediator; `arrange` leaves the event that takes it pending.

    Attributes:
        arrange: its name is the path's.
        like: a path that must come out the same, if this one starts within a run that went wrong already.
    """

    arrange: Arrange
    like: Path | None = None

    def __str__(self) -> str:
        return self.arrange.__name__

    @contextmanager
    def stage(self) -> Iterator[tuple[WiredWorld, Remediator]]:
        """The world and the function, right before the event."""
        with wired_world() as world:
            remediator = Remediator(world)
            self.arrange(world, remediator)
            remediator.failures.clear()
            world.wire.listen()
            yield world, remediator


@dataclass(frozen=True, slots=True)
class Ending:
    """What there is once everything was delivered."""

    roles: dict[str, str | None]
    rebuilds: int
    messages: tuple[Message, ...]
    posts: int


@dataclass(frozen=True, slots=True)
class Recording:
    """A run in which nothing went wrong.

    Attributes:
        calls: what it called, in alphabetical order: some of it is called at the same time.
        ending: what came of it.
        kinds: every operation that took effect, from the path's beginning to its end.
    """

    calls: tuple[Call, ...]
    ending: Ending
    kinds: frozenset[str]


@cache
def recorded(path: Path) -> Recording:
    """Takes a path once, without any fault."""
    with path.stage() as (world, remediator):
        remediator.step()
        calls = tuple(sorted(world.wire.seen))
        remediator.work()
        if remediator.failures:
            msg = f"{path} fails although nothing goes wrong: {remediator.failures!r}"
            raise AssertionError(msg)
        return Recording(calls, ending(world), frozenset(sent.call.kind for sent in world.wire.took_effect))


def ending(world: WiredWorld) -> Ending:
    """How the world stands."""
    rebuilds = sum(write.operation == "amplify:StartJob" for write in world.writes)
    return Ending(world.roles(), rebuilds, tuple(world.messages), len(world.slack.posts))


def _failing(world: WiredWorld, *, tags: dict[str, str] | None = None, name: str = "shop") -> str:
    app = world.make_app(tags=tags, name=name)
    world.amplify.control.set_connection(app, "lost")
    return app


def not_iam(world: WiredWorld, _: Remediator) -> None:
    """A build that failed for a reason of its own."""
    _build(world, world.make_app(tags=FIX), outcome="npm_failure")


def diagnosis(world: WiredWorld, _: Remediator) -> None:
    """A branch that nobody opted in."""
    _build(world, _failing(world))


def seen_again(world: WiredWorld, remediator: Remediator) -> None:
    """The same failure once more."""
    app = _failing(world)
    _build(world, app)
    remediator.work()
    _build(world, app)


def approval(world: WiredWorld, _: Remediator) -> None:
    """A branch that asks first."""
    _build(world, _failing(world, tags=ASK))


def attach(world: WiredWorld, _: Remediator) -> None:
    """An opted-in branch whose compute role was deleted, and a paired role with a policy of its own."""
    old = world.make_role("old")
    new = world.make_role("paired")
    iam = world.client("iam")
    iam.put_role_policy(RoleName="paired", PolicyName="reads", PolicyDocument=_READS)
    managed = iam.create_policy(PolicyName="reads-too", PolicyDocument=_READS)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="paired", PolicyArn=managed)
    app = _failing(world, tags=FIX)
    world.settings["compute_roles"] = {new: [app]}
    world.client("amplify").update_branch(appId=app, branchName="main", computeRoleArn=old)
    iam.delete_role(RoleName="old")
    _build(world, app)


_READS = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}'


def attach_and_rebuild(world: WiredWorld, _: Remediator) -> None:
    """A rebuild is wanted, which fails alike before Lambda tries anything again."""
    _build(world, _failing(world, tags=REBUILD))
    world.amplify.control.set_build_time(QUICK_BUILD)


def rebuild_succeeded(world: WiredWorld, remediator: Remediator) -> None:
    """The rebuild's success is about to be told."""
    _rebuilt(world, remediator, "ok")


def rebuild_failed_alike(world: WiredWorld, remediator: Remediator) -> None:
    """The rebuild's failure is about to be told."""
    attach_and_rebuild(world, remediator)
    remediator.step()
    _end_builds(world)


def rebuild_failed_otherwise(world: WiredWorld, remediator: Remediator) -> None:
    """The rebuild fails for a reason that is not IAM's."""
    _rebuilt(world, remediator, "npm_failure")


def rebuild_cancelled(world: WiredWorld, remediator: Remediator) -> None:
    """Somebody stops the rebuild."""
    attach_and_rebuild(world, remediator)
    remediator.step()
    app, branch = next(world.branches())
    world.client("amplify").stop_job(appId=app, branchName=branch, jobId="2")


def recovered_by_itself(world: WiredWorld, remediator: Remediator) -> None:
    """A later build succeeds, and the topic is the only channel."""
    world.settings["slack"] = {}
    app = _failing(world)
    _build(world, app)
    remediator.work()
    world.amplify.control.set_connection(app, "ok")
    _build(world, app)


def repair(world: WiredWorld, _: Remediator) -> None:
    """An app whose service role nobody can assume, and a branch that has its compute role."""
    app = _with_broken_service_role(world)
    world.client("amplify").update_branch(appId=app, branchName="main", computeRoleArn=world.make_role("own"))
    _build(world, app)
    world.amplify.control.set_build_time(SLOW_BUILD)


def attach_and_repair(world: WiredWorld, _: Remediator) -> None:
    """Both roles are lacking: two changes in one plan."""
    _build(world, _with_broken_service_role(world))
    world.amplify.control.set_build_time(SLOW_BUILD)


def capped(world: WiredWorld, remediator: Remediator) -> None:
    """The app's cap is used up by another branch."""
    world.settings["limits"] = {"fixes_per_app_an_hour": 1}
    app = _failing(world, tags=FIX)
    _build(world, app)
    remediator.work()
    world.client("amplify").create_branch(appId=app, branchName="next", stage="BETA", tags=FIX)
    _build(world, app, "next")


def storm(world: WiredWorld, remediator: Remediator) -> None:
    """One incident too many within ten minutes."""
    world.settings["limits"] = {"storm_incidents": 1}
    _build(world, _failing(world))
    remediator.work()
    _build(world, _failing(world, tags=FIX, name="other"))


def tried_before(world: WiredWorld, remediator: Remediator) -> None:
    """The attach did not help, its owner undid it, and a later build fails alike."""
    attach_and_rebuild(world, remediator)
    remediator.work()
    app, branch = next(world.branches())
    world.client("amplify").update_branch(appId=app, branchName=branch, computeRoleArn="")
    world.amplify.control.set_build_time(0)
    world.amplify.control.advance(2 * 3600)
    _build(world, app)


def deferred(world: WiredWorld, _: Remediator) -> None:
    """A role that Amplify can't assume yet."""
    app = _failing(world, tags=FIX)
    world.amplify.control.set_propagation(700)
    role = world.make_role("young", age=0)
    world.settings["compute_roles"] = {role: [app]}
    _build(world, app)


def storm_is_over(world: WiredWorld, remediator: Remediator) -> None:
    """No more incidents open; the watcher is about to say that the storm is due."""
    storm(world, remediator)
    remediator.work()
    world.amplify.control.advance(20 * 60)
    _watcher_comes(world, remediator)


def letter(world: WiredWorld, remediator: Remediator) -> None:
    """Slack was out for all of a run's tries; the watcher is about to say that a letter waits."""
    _build(world, _failing(world))
    world.slack.fail(times=3)
    remediator.work()
    world.amplify.control.advance(3600)
    _watcher_comes(world, remediator)


def approved(world: WiredWorld, remediator: Remediator) -> None:
    """Somebody approves what was proposed."""
    app = _failing(world, tags={**ASK, "amplify-medic:rebuild": "yes"})
    _proposed(world, remediator, app)
    remediator.send(world.approve(app))
    world.amplify.control.set_build_time(SLOW_BUILD)


def approved_but_moved(world: WiredWorld, remediator: Remediator) -> None:
    """Since it was proposed, the deployer paired another role: what was approved is not what would be done now."""
    app = _failing(world, tags=ASK)
    _proposed(world, remediator, app)
    world.settings["compute_roles"] = {world.make_role("another"): [app]}
    remediator.restart()
    remediator.send(world.approve(app))


def approved_but_capped(world: WiredWorld, remediator: Remediator) -> None:
    """The app's cap is used up by another branch; the approval stays good."""
    world.settings["limits"] = {"fixes_per_app_an_hour": 1}
    app = _failing(world, tags=FIX)
    _build(world, app)
    remediator.work()
    world.client("amplify").create_branch(appId=app, branchName="next", stage="BETA", tags=ASK)
    _proposed(world, remediator, app, "next")
    remediator.send(world.approve(app, "next"))


def fix_asked_for(world: WiredWorld, remediator: Remediator) -> None:
    """It was reported only; then somebody opts in and asks for the fix at the terminal."""
    app = _failing(world)
    _build(world, app)
    remediator.work()
    arn = world.client("amplify").get_branch(appId=app, branchName="main")["branch"]["branchArn"]
    world.client("amplify").tag_resource(resourceArn=arn, tags=FIX)
    remediator.send(world.ask(RequestKind.FIX, app))


def fix_without_opt_in(world: WiredWorld, remediator: Remediator) -> None:
    """Somebody asks for a fix on a branch that nobody opted in."""
    app = _failing(world)
    _build(world, app)
    remediator.work()
    remediator.send(world.ask(RequestKind.FIX, app))


def undo_detaches(world: WiredWorld, remediator: Remediator) -> None:
    """Somebody wants the role off again; there was none before."""
    app = _failing(world, tags=FIX)
    _build(world, app)
    remediator.work()
    remediator.send(world.ask(RequestKind.UNDO, app))


def undo_restores(world: WiredWorld, remediator: Remediator) -> None:
    """Two changes are taken back: an unusable role of before was put right in the meantime, and so was the app's."""
    attach_and_repair(world, remediator)
    ((app, branch),) = world.branches()
    old = world.make_role("old", LAMBDA_TRUST)
    world.amplify.fake.state.branch(app, branch)[1].settings["computeRoleArn"] = old
    remediator.work()
    _build(world, app)
    for name in ("old", "service"):
        world.client("iam").update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(PLAIN_TRUST))
    world.amplify.control.advance(3600)
    remediator.send(world.ask(RequestKind.UNDO, app))


def undo_of_nothing(world: WiredWorld, remediator: Remediator) -> None:
    """Nothing was changed that could be taken back."""
    app = _failing(world)
    _build(world, app)
    remediator.work()
    remediator.send(world.ask(RequestKind.UNDO, app))


def undone_then_fails(world: WiredWorld, remediator: Remediator) -> None:
    """The change was taken back, and a later build fails alike: it is not repeated by itself."""
    undo_detaches(world, remediator)
    remediator.work()
    world.amplify.control.advance(2 * 3600)
    ((app, _),) = world.branches()
    _build(world, app)


def mute(world: WiredWorld, remediator: Remediator) -> None:
    """Somebody mutes an app."""
    app = _failing(world, tags=FIX)
    remediator.send(world.ask(RequestKind.MUTE, app, "*", until=world.now() + timedelta(days=30)))
    world.muted = True


def muted(world: WiredWorld, remediator: Remediator) -> None:
    """A build of a muted app fails."""
    mute(world, remediator)
    remediator.work()
    ((app, _),) = world.branches()
    _build(world, app)


def app_cools_down(world: WiredWorld, remediator: Remediator) -> None:
    """The app's service role was repaired a while ago, somebody set the broken one again, and another branch fails."""
    repair(world, remediator)
    remediator.work()
    ((app, _),) = world.branches()
    amplify = world.client("amplify")
    amplify.create_branch(appId=app, branchName="next", stage="BETA", tags=FIX)
    amplify.update_branch(appId=app, branchName="next", computeRoleArn=world.make_role("another"))
    broken = world.client("iam").get_role(RoleName="service")["Role"]["Arn"]
    world.amplify.fake.state.app(app).settings["iamServiceRoleArn"] = broken
    world.amplify.control.set_build_time(0)
    _build(world, app, "next")


def runtime_attach(world: WiredWorld, remediator: Remediator) -> None:
    """SSR code of an opted-in branch finds no credentials; the watcher saw it in the log."""
    app = world.make_app(tags=FIX)
    _build(world, app)
    remediator.work()
    _seen_in_the_log(world, remediator, app)
    world.amplify.control.set_build_time(SLOW_BUILD)


def runtime_still_failing(world: WiredWorld, remediator: Remediator) -> None:
    """A role was attached, and the code still finds no credentials."""
    app = world.make_app(tags={**FIX, "amplify-medic:rebuild": "no"})
    _build(world, app)
    remediator.work()
    _seen_in_the_log(world, remediator, app)
    remediator.work()
    branch = world.amplify.fake.state.branch(app, "main")[1]
    role = branch.settings.pop("computeRoleArn")
    world.amplify.control.advance(3600)
    _seen_in_the_log(world, remediator, app)
    branch.settings["computeRoleArn"] = role


def resume_before_write(world: WiredWorld, remediator: Remediator) -> None:
    """An earlier run died with the intent recorded."""
    attach_and_rebuild(world, remediator)
    _first_run_dies(world, remediator, "dynamodb:TransactWriteItems", Fault.DEATH)


def resume_after_write(world: WiredWorld, remediator: Remediator) -> None:
    """An earlier run died with the role set."""
    attach_and_rebuild(world, remediator)
    _first_run_dies(world, remediator, "amplify:UpdateBranch", Fault.DEATH)


def resume_after_rebuild(world: WiredWorld, remediator: Remediator) -> None:
    """An earlier run died with the rebuild started."""
    attach_and_rebuild(world, remediator)
    _first_run_dies(world, remediator, "amplify:StartJob", Fault.DEATH)


_WITH_REBUILD = Path(attach_and_rebuild)
PATHS = (
    Path(not_iam),
    Path(diagnosis),
    Path(seen_again),
    Path(approval),
    Path(attach),
    _WITH_REBUILD,
    Path(rebuild_succeeded),
    Path(rebuild_failed_alike),
    Path(rebuild_failed_otherwise),
    Path(rebuild_cancelled),
    Path(recovered_by_itself),
    Path(repair),
    Path(attach_and_repair),
    Path(capped),
    Path(storm),
    Path(storm_is_over),
    Path(letter),
    Path(approved),
    Path(approved_but_moved),
    Path(approved_but_capped),
    Path(fix_asked_for),
    Path(fix_without_opt_in),
    Path(undo_detaches),
    Path(undo_restores),
    Path(undo_of_nothing),
    Path(undone_then_fails),
    Path(mute),
    Path(muted),
    Path(app_cools_down),
    Path(runtime_attach),
    Path(runtime_still_failing),
    Path(tried_before),
    Path(deferred),
    Path(resume_before_write, like=_WITH_REBUILD),
    Path(resume_after_write, like=_WITH_REBUILD),
    Path(resume_after_rebuild, like=_WITH_REBUILD),
)


def _build(world: WiredWorld, app: str, branch: str = "main", **script: str) -> None:
    """A build, a minute ago: what happens next does not happen within the second in which it started."""
    world.build(app, branch, **script)
    world.amplify.control.advance(60)


def _seen_in_the_log(world: WiredWorld, remediator: Remediator, app: str) -> None:
    """A visitor's request fails, and the watcher says between which times something was logged."""
    since = world.now()
    world.amplify.control.request(app, "main")
    world.amplify.control.advance(60)
    scope = Scope("aws", world.amplify.account_id, REGION, app, ALL)
    remediator.send(runtime_wake_up(scope, since, world.now()))
    world.visited = [app]


def _proposed(world: WiredWorld, remediator: Remediator, app: str, branch: str = "main") -> None:
    _build(world, app, branch)
    remediator.work()


def _watcher_comes(world: WiredWorld, remediator: Remediator) -> None:
    """The watcher finds what is due, and its messages are pending."""
    remediator.failures.clear()
    remediator.dead_letters.clear()
    for due in world.services(session=world.hands).table.due():
        remediator.send(wake_up(due.scope, due.request_id))


def _rebuilt(world: WiredWorld, remediator: Remediator, outcome: str) -> None:
    app = _failing(world, tags=REBUILD)
    _build(world, app)
    world.amplify.control.set_build_time(SLOW_BUILD)
    world.amplify.control.script_builds(app, "main", outcome)
    world.amplify.control.set_connection(app, "ok")
    remediator.step()
    _end_builds(world)


def _end_builds(world: WiredWorld) -> None:
    world.amplify.control.advance(SLOW_BUILD + 10)
    world.amplify.control.set_build_time(0)


def _with_broken_service_role(world: WiredWorld) -> str:
    good = world.make_role("good-service")
    app = world.make_app(tags=FIX, iamServiceRoleArn=world.make_role("service", LAMBDA_TRUST))
    amplify = world.client("amplify")
    arn = amplify.get_app(appId=app)["app"]["appArn"]
    amplify.tag_resource(resourceArn=arn, tags={"amplify-medic:service-role": "good-service"})
    world.settings["service_roles"] = {good: [app]}
    return app


def _first_run_dies(world: WiredWorld, remediator: Remediator, operation: str, fault: Fault) -> None:
    world.wire.listen(Call(operation, 1, 1), fault)
    remediator.step()
    world.amplify.control.advance(LEASE.total_seconds() + 10)
