"""Amplify's answers lag behind its events, or events are lost: the stories end as ever, also with a fault."""

from __future__ import annotations

from collections import Counter
from itertools import cycle
from typing import TYPE_CHECKING

import pytest

from tests.conftest import EVERY_FAULT
from tests.fakes.amplify.open_questions import as_measured
from tests.faults import builds, requests
from tests.faults.arrange import FIX, build
from tests.faults.fault import Fault
from tests.faults.invariants import check_closed, check_outcome, check_reported, check_safety
from tests.faults.paths import PATHS, Path, calls_of, ending, recorded
from tests.faults.remediator import Remediator
from tests.faults.world import wired_world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _pytest.mark import ParameterSet

    from tests.fakes.amplify.open_questions import OpenQuestions
    from tests.faults.paths import Arrange, Ending
    from tests.faults.wire import Call

STORIES = (
    builds.not_iam,
    builds.diagnosis,
    builds.attach_and_rebuild,
    builds.rebuild_succeeded,
    builds.rebuild_failed_otherwise,
    builds.recovered_by_later_build,
    builds.repair,
    builds.runtime_attach,
    requests.approved,
)
QUESTIONS = {"status_lags": as_measured(status_lags="yes"), "log_lags": as_measured(log_lags="yes")}
BOTH = as_measured(status_lags="yes", log_lags="yes")
SAMPLE = 60
"""Without the option that asks for every fault, one case in so many runs."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "call" in metafunc.fixturenames:
        cases = list(_cases())
        every = metafunc.config.getoption(EVERY_FAULT)
        metafunc.parametrize(("path", "call", "fault"), cases if every else cases[::SAMPLE])


def _cases() -> Iterator[ParameterSet]:
    """Every call of every path with one fault. The faults take turns."""
    faults = cycle(Fault)
    for path in PATHS:
        for call in calls_of(path):
            fault = next(faults)
            yield pytest.param(path, call, fault, id=f"{path}-{call}-{fault}")


def _result(ended: Ending) -> tuple[object, ...]:
    return ended.roles, ended.rebuilds, Counter(str(message.kind) for message in ended.messages), ended.posts


@pytest.mark.parametrize("questions", QUESTIONS.values(), ids=QUESTIONS.keys())
@pytest.mark.parametrize("arrange", STORIES, ids=lambda arrange: arrange.__name__)
def test_a_story_ends_as_ever_although_amplify_lags(arrange: Arrange, questions: OpenQuestions) -> None:
    path = Path(arrange)
    clean = recorded(path)
    with path.stage(questions) as (world, remediator):
        remediator.work()
        assert _result(ending(world)) == _result(clean.ending)
        assert remediator.dead_letters == []
        remediator.run_watcher_until_idle()
        check_safety(world)
        check_reported(world)
        check_closed(world)


@pytest.mark.parametrize("arrange", [builds.attach_and_rebuild, builds.repair, requests.approved])
def test_a_rebuild_whose_events_are_lost_is_followed_to_its_end(arrange: Arrange) -> None:
    path = Path(arrange)
    clean = recorded(path)
    with path.stage() as (world, remediator):
        world.amplify.control.set_questions(event_lost="yes")
        remediator.work()
        remediator.run_watcher_until_idle()
        assert _result(ending(world)) == _result(clean.ending)
        check_safety(world)
        check_reported(world)
        check_closed(world)


@pytest.mark.parametrize("branch_arn", ["raw", "encoded"])
def test_a_branch_whose_name_has_a_slash_is_changed_whatever_its_arn_looks_like(branch_arn: str) -> None:
    with wired_world(as_measured(branch_arn=branch_arn)) as world:
        remediator, branch = Remediator(world), "feature/login"
        app = world.make_app(tags={**FIX, "amplify-medic:rebuild": "yes"}, branch=branch)
        world.amplify.control.set_connection(app, "lost")
        build(world, app, branch)
        remediator.work()
        assert [write.target for write in world.writes] == [(app, branch)] * 2
        check_safety(world)
        check_reported(world)


def test_one_call_goes_wrong_while_amplify_lags(path: Path, call: Call, fault: Fault) -> None:
    clean = recorded(path.like or path)
    with path.stage(BOTH) as (world, remediator):
        world.wire.listen(call, fault)
        remediator.step()
        check_safety(world)
        remediator.work()
        remediator.start_postponed_rebuilds()
        assert world.wire.struck  # perhaps not in the first step: a message whose facts lag is retried
        check_safety(world)
        # When a crashed run's message comes again so late, the young role is old enough, and nothing is deferred.
        if not (path.arrange is builds.deferred and fault is Fault.DEATH):
            check_outcome(world, remediator, clean)
        remediator.run_watcher_until_idle()
        check_reported(world)
        check_closed(world)
