"""One call fails, any call in any way, and the invariants still hold."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice, product
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.conftest import EVERY_FAULT
from tests.faults.fault import AFTER_EFFECT, NO_EFFECT, Fault
from tests.faults.invariants import (
    any_open,
    check_closed,
    check_closed_by_builds,
    check_outcome,
    check_reported,
    check_safety,
)
from tests.faults.paths import PATHS, Path, Recording, calls_of, recorded
from tests.faults.wire import Call
from tests.faults.world import SET_ROLE, START_JOB

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

    from tests.faults.remediator import Remediator
    from tests.faults.world import WiredWorld


class Aftermath(StrEnum):
    """What follows the run with the fault."""

    REDELIVERY = "redelivery"
    """The queue delivers the message again, the watcher runs while something is due, and later builds succeed."""
    WATCHER = "watcher"
    """The message is lost and no build succeeds, but the watcher runs while something is due."""
    NOTHING = "nothing"
    """The message is lost and the watcher does not run. Later builds succeed."""


Faults = Callable[[Call], Iterator[tuple[Fault, Aftermath]]]
NOT_AGAIN = (Aftermath.WATCHER, Aftermath.NOTHING)


@dataclass(slots=True)
class FaultsLeft:
    """The faults that one operation has not met yet: over all paths it meets each of them once."""

    failure: Iterator[Fault] = field(default_factory=lambda: iter(NO_EFFECT))
    any_fault: Iterator[Fault] = field(default_factory=lambda: iter((*NO_EFFECT, Fault.DEATH, *AFTER_EFFECT)))
    left: Iterator[tuple[Fault, Aftermath]] = field(
        default_factory=lambda: product((Fault.DEATH, Fault.SERVER_ERROR, Fault.TIMEOUT_AFTER), NOT_AGAIN)
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize with every fault of every call of every path if the option is set, or else with a sample."""
    if "call" in metafunc.fixturenames:
        cases = _cases(_every_fault if metafunc.config.getoption(EVERY_FAULT) else _sampled_faults())
        metafunc.parametrize(("path", "call", "fault", "aftermath"), cases)


def _cases(faults: Faults) -> list[ParameterSet]:
    """Cases for the calls of every path, in an order that spreads a sample over the paths."""
    calls = [(path, call) for path in PATHS for call in calls_of(path)]
    Random(0).shuffle(calls)  # noqa: S311 - the same sample in every process
    return [_case(path, call, fault, aftermath) for path, call in calls for fault, aftermath in faults(call)]


def _every_fault(_: Call) -> Iterator[tuple[Fault, Aftermath]]:
    yield from product(Fault, Aftermath)


def _sampled_faults() -> Faults:
    left: defaultdict[str, FaultsLeft] = defaultdict(FaultsLeft)
    return lambda call: _sample(call, left[call.kind])


def _case(path: Path, call: Call, fault: Fault, aftermath: Aftermath) -> ParameterSet:
    return pytest.param(path, call, fault, aftermath, id=f"{path}-{call}-{fault}-{aftermath}")


def _sample(call: Call, faults: FaultsLeft) -> Iterator[tuple[Fault, Aftermath]]:
    """The faults of a call in the sample, and what follows each.

    A call that sets a role or starts a job gets every fault. All calls of another operation share its faults, because
    those leave similar states. Reads need fewer faults: a retry repeats a failed read, and a run that dies at a read
    leaves the same state as after the previous write.
    """
    if call.kind in {*SET_ROLE, START_JOB} and call.nth == 1:
        yield from product((*NO_EFFECT, Fault.TIMEOUT_AFTER, Fault.DEATH), (Aftermath.REDELIVERY,))
        yield from product((Fault.SERVER_ERROR, Fault.DEATH), NOT_AGAIN)
    elif call.reads:
        yield from product(islice(faults.failure, 1), (Aftermath.REDELIVERY,))
    else:
        yield from product(islice(faults.any_fault, 1), (Aftermath.REDELIVERY,))
        yield from islice(faults.left, 1)


def test_one_call_goes_wrong(path: Path, call: Call, fault: Fault, aftermath: Aftermath) -> None:
    clean = recorded(path.like or path)  # before the world opens, because there is one at a time
    with path.stage() as (world, remediator):
        remediator.retries = aftermath is Aftermath.REDELIVERY
        world.wire.listen(call, fault)
        remediator.step()
        assert world.wire.struck
        check_safety(world)
        _AFTERMATHS[aftermath](world, remediator, clean)
        check_safety(world)


def _after_redelivery(world: WiredWorld, remediator: Remediator, clean: Recording) -> None:
    remediator.work()
    remediator.start_postponed_rebuilds()
    check_safety(world)
    check_outcome(world, remediator, clean)
    if any_open(world):
        succeed_everywhere(world, remediator)
    check_closed_by_builds(world)
    remediator.run_watcher_until_idle()
    if not remediator.dead_letters:
        check_reported(world)
    check_closed(world)


def _after_watcher(world: WiredWorld, remediator: Remediator, _: Recording) -> None:
    remediator.work()
    remediator.run_watcher_until_idle()
    check_reported(world)
    check_closed(world)


def _after_nothing(world: WiredWorld, remediator: Remediator, _: Recording) -> None:
    remediator.work()
    check_safety(world)
    succeed_everywhere(world, remediator)


_AFTERMATHS = {
    Aftermath.REDELIVERY: _after_redelivery,
    Aftermath.WATCHER: _after_watcher,
    Aftermath.NOTHING: _after_nothing,
}


def test_every_operation_meets_every_fault() -> None:
    """Each operation meets every fault if it is called often enough."""
    met: defaultdict[str, set[Fault]] = defaultdict(set)
    called: Counter[str] = Counter()
    for case in _cases(_sampled_faults()):
        _, call, fault, _ = case.values
        assert isinstance(call, Call)
        assert isinstance(fault, Fault)
        met[call.kind].add(fault)
        called[call.kind] += 1
    for kind, faults in met.items():
        assert len(faults) >= min(len(NO_EFFECT), called[kind]), kind
    for kind in ("dynamodb:UpdateItem", "dynamodb:TransactWriteItems", "sns:Publish", "sts:AssumeRole"):
        assert met[kind] == set(Fault), kind


def succeed_everywhere(world: WiredWorld, remediator: Remediator) -> None:
    """Fix every cause by hand, and let a build of every branch succeed."""
    control = world.amplify.control
    control.set_build_time(0)
    control.advance(3 * 3600)
    for app_id, branch in world.branches():
        world.amplify.fake.state.app(app_id).settings.pop("iamServiceRoleArn", None)
        control.set_connection(app_id, "ok")
        control.script_builds(app_id, branch, "ok")
        world.build(app_id, branch)
    remediator.retries = True
    remediator.work()
