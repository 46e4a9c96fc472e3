"""Every path through the remediator, each as a world in which the path's event is pending."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from tests.faults import builds, requests
from tests.faults.remediator import Remediator
from tests.faults.wire import Call
from tests.faults.world import WiredWorld, wired_world

if TYPE_CHECKING:
    from tests.fakes.amplify.open_questions import OpenQuestions
    from tests.faults.world import Message

CALLS = FilePath(__file__).parents[1] / "data" / "faults" / "calls.json"
"""Path → its calls in alphabetical order; written by `python -m tests.faults`, compared with every run."""
Arrange = Callable[[WiredWorld, Remediator], None]


@dataclass(frozen=True, slots=True)
class Path:
    """A path through the remediator. `arrange` leaves the path's event pending.

    Attributes:
        arrange: the function that prepares the path and gives it its name.
        like: the path with the expected result, if this one starts after a failed run.
    """

    arrange: Arrange
    like: Path | None = None

    def __str__(self) -> str:
        return self.arrange.__name__

    @contextmanager
    def stage(self, questions: OpenQuestions | None = None) -> Iterator[tuple[WiredWorld, Remediator]]:
        """Open the world and the function, right before the event."""
        with wired_world(questions) as world:
            remediator = Remediator(world)
            self.arrange(world, remediator)
            remediator.failures.clear()
            world.wire.listen()
            yield world, remediator


@dataclass(frozen=True, slots=True)
class Ending:
    """The state once everything was delivered."""

    roles: dict[str, str | None]
    rebuilds: int
    messages: tuple[Message, ...]
    posts: int


@dataclass(frozen=True, slots=True)
class Recording:
    """A run without a fault.

    Attributes:
        calls: its calls, in alphabetical order because some are concurrent.
        ending: its result.
        kinds: every operation that took effect, from the path's beginning to its end.
    """

    calls: tuple[Call, ...]
    ending: Ending
    kinds: frozenset[str]


def calls_of(path: Path) -> tuple[Call, ...]:
    """Read a path's calls from the file, so that collecting tests does not run every path."""
    return tuple(map(Call.parse, _known_calls()[str(path)]))


@cache
def _known_calls() -> Mapping[str, Sequence[str]]:
    known: dict[str, list[str]] = json.loads(CALLS.read_text(encoding="utf-8"))
    return known


@cache
def recorded(path: Path) -> Recording:
    """Run a path once, without a fault."""
    with path.stage() as (world, remediator):
        remediator.step()
        calls = tuple(sorted(world.wire.seen))
        remediator.work()
        if remediator.failures:
            msg = f"{path} fails although nothing goes wrong: {remediator.failures!r}"
            raise AssertionError(msg)
        return Recording(calls, ending(world), frozenset(sent.call.kind for sent in world.wire.took_effect))


def ending(world: WiredWorld) -> Ending:
    rebuilds = sum(write.operation == "amplify:StartJob" for write in world.writes)
    return Ending(world.roles(), rebuilds, tuple(world.messages), len(world.slack.posts))


_WITH_REBUILD = Path(builds.attach_and_rebuild)
PATHS = (
    Path(builds.not_iam),
    Path(builds.build_failed),
    Path(builds.diagnosis),
    Path(builds.repeated),
    Path(builds.approval),
    Path(builds.attach),
    _WITH_REBUILD,
    Path(builds.rebuild_succeeded),
    Path(builds.rebuild_failed_alike),
    Path(builds.rebuild_failed_otherwise),
    Path(builds.rebuild_cancelled),
    Path(builds.recovered_by_later_build),
    Path(builds.changed_since_success),
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
