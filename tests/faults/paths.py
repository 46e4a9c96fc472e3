"""Every way through the remediator, each as a world that stands right before it: one event is pending."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from tests.faults import builds, requests
from tests.faults.asynchronous import Remediator
from tests.faults.world import WiredWorld, wired_world

if TYPE_CHECKING:
    from tests.faults.wire import Call
    from tests.faults.world import Message

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


_WITH_REBUILD = Path(builds.attach_and_rebuild)
PATHS = (
    Path(builds.not_iam),
    Path(builds.diagnosis),
    Path(builds.repeated),
    Path(builds.approval),
    Path(builds.attach),
    _WITH_REBUILD,
    Path(builds.rebuild_succeeded),
    Path(builds.rebuild_failed_alike),
    Path(builds.rebuild_failed_otherwise),
    Path(builds.rebuild_cancelled),
    Path(builds.recovered_by_itself),
    Path(builds.repair),
    Path(builds.attach_and_repair),
    Path(builds.capped),
    Path(builds.storm),
    Path(builds.storm_is_over),
    Path(builds.undelivered_alert),
    Path(requests.approved),
    Path(requests.approved_but_moved),
    Path(requests.approved_but_capped),
    Path(requests.fix_asked_for),
    Path(requests.fix_without_opt_in),
    Path(requests.undo_detaches),
    Path(requests.undo_restores),
    Path(requests.undo_of_nothing),
    Path(requests.undone_then_fails),
    Path(requests.mute),
    Path(requests.muted),
    Path(builds.app_cools_down),
    Path(builds.runtime_attach),
    Path(builds.runtime_still_failing),
    Path(builds.tried_before),
    Path(builds.deferred),
    Path(builds.resume_before_write, like=_WITH_REBUILD),
    Path(builds.resume_after_write, like=_WITH_REBUILD),
    Path(builds.resume_after_rebuild, like=_WITH_REBUILD),
)
