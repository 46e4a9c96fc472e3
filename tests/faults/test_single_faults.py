"""One call goes wrong on the way, any call in any way: what was promised holds nevertheless."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import cycle, product
from typing import TYPE_CHECKING

import pytest

from tests.conftest import EVERY_FAULT
from tests.faults.invariants import (
    any_open,
    check_closed,
    check_closed_by_builds,
    check_outcome,
    check_safety,
    check_told,
)
from tests.faults.paths import PATHS, Path, Recording, recorded
from tests.faults.wire import AFTER_EFFECT, NO_EFFECT, Call, Fault
from tests.faults.world import SET_ROLE, START_JOB

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

    from tests.faults.asynchronous import Remediator
    from tests.faults.world import WiredWorld


class Aftermath(StrEnum):
    """What follows the run that went wrong."""

    REDELIVERY = "redelivery"
    """Lambda tries twice more; later builds succeed; then the watcher comes, if something is still due."""
    WATCHER = "watcher"
    """Nobody tries again, but the watcher comes, for as long as something is due; no build ever succeeds."""
    NOTHING = "nothing"
    """The event is lost, and the watcher too; later builds succeed."""


Faults = Callable[[Call], Iterator[tuple[Fault, Aftermath]]]
NOT_AGAIN = (Aftermath.WATCHER, Aftermath.NOTHING)


@dataclass(slots=True)
class Turns:
    """Whose turn it is, at one operation: over the paths, it meets everything."""

    failure: Iterator[Fault] = field(default_factory=lambda: cycle(NO_EFFECT))
    ill_answer: Iterator[Fault] = field(default_factory=lambda: cycle((*NO_EFFECT, Fault.DEATH, *AFTER_EFFECT)))
    left: Iterator[tuple[Fault, Aftermath]] = field(
        default_factory=lambda: cycle(product((Fault.DEATH, Fault.SERVER_ERROR, Fault.TIMEOUT_AFTER), NOT_AGAIN))
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every call of every path goes wrong; in every way only if that is asked for."""
    if "call" in metafunc.fixturenames:
        cases = _cases(_every_fault if metafunc.config.getoption(EVERY_FAULT) else _faults_in_turn())
        metafunc.parametrize(("path", "call", "fault", "aftermath"), cases)


def _cases(faults: Faults) -> list[ParameterSet]:
    """Every call of every path."""
    return [
        _case(path, call, fault, aftermath)
        for path in PATHS
        for call in recorded(path).calls
        for fault, aftermath in faults(call)
    ]


def _every_fault(_: Call) -> Iterator[tuple[Fault, Aftermath]]:
    yield from product(Fault, Aftermath)


def _faults_in_turn() -> Faults:
    turns: defaultdict[str, Turns] = defaultdict(Turns)
    return lambda call: _faults(call, turns[call.kind])


def _case(path: Path, call: Call, fault: Fault, aftermath: Aftermath) -> ParameterSet:
    return pytest.param(path, call, fault, aftermath, id=f"{path}-{call}-{fault}-{aftermath}")


def _faults(call: Call, turns: Turns) -> Iterator[tuple[Fault, Aftermath]]:
    """How a call goes wrong, and what follows.

    What sets a role or starts a job goes wrong in every way, whatever follows. Elsewhere, faults take turns that leave
    the world in much the same state. A read leaves none: who gets no answer asks again, and who dies at a read leaves
    what the write before it left.
    """
    if call.reads:
        yield next(turns.failure), Aftermath.REDELIVERY
    elif call.kind in {*SET_ROLE, START_JOB} and call.nth == 1:
        yield from product((*NO_EFFECT, Fault.TIMEOUT_AFTER, Fault.DEATH), (Aftermath.REDELIVERY,))
        yield from product((next(turns.failure), Fault.DEATH), NOT_AGAIN)
    else:
        yield next(turns.ill_answer), Aftermath.REDELIVERY
        yield next(turns.left)


def test_one_call_goes_wrong(path: Path, call: Call, fault: Fault, aftermath: Aftermath) -> None:
    with path.stage() as (world, remediator):
        remediator.retries = aftermath is Aftermath.REDELIVERY
        world.wire.listen(call, fault)
        remediator.step()
        assert world.wire.struck
        check_safety(world)
        _AFTERMATHS[aftermath](world, remediator, recorded(path.like or path))
        check_safety(world)


def _redelivered(world: WiredWorld, remediator: Remediator, clean: Recording) -> None:
    remediator.work()
    check_safety(world)
    check_outcome(world, remediator, clean)
    if any_open(world):
        succeed_everywhere(world, remediator)
    check_closed_by_builds(world)
    remediator.watched()
    if not remediator.dead_letters:
        check_told(world)
    check_closed(world)


def _watched(world: WiredWorld, remediator: Remediator, _: Recording) -> None:
    remediator.work()
    remediator.watched()
    check_told(world)
    check_closed(world)


def _left_alone(world: WiredWorld, remediator: Remediator, _: Recording) -> None:
    remediator.work()
    check_safety(world)
    succeed_everywhere(world, remediator)


_AFTERMATHS = {
    Aftermath.REDELIVERY: _redelivered,
    Aftermath.WATCHER: _watched,
    Aftermath.NOTHING: _left_alone,
}


def test_every_operation_goes_wrong_in_every_way() -> None:
    """As far as it is called often enough."""
    met: defaultdict[str, set[Fault]] = defaultdict(set)
    called: Counter[str] = Counter()
    for case in _cases(_faults_in_turn()):
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
    """Whatever was wrong is put right by hand, and a build of every branch succeeds."""
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
