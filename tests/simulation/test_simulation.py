"""Simulated worlds keep every promise, and a seed always gives the same world."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulation.run import FOLDER, Story, first_violation, play, stories

if TYPE_CHECKING:
    from tests.simulation.world import World


@pytest.mark.parametrize("seed", range(10))
def test_no_invariant_is_broken(seed: int) -> None:
    assert first_violation(stories(1000 + seed, 500)) is None


def test_what_was_found_stays_fixed() -> None:
    assert {path.stem: why for path in sorted(FOLDER.glob("*.json")) if (why := play(Story.read(path)))} == {}


def test_a_seed_always_gives_the_same_world() -> None:
    traces: list[list[object]] = []

    def trace(world: World) -> None:
        traces.append([*world.writes, *world.messages, world.now()])

    (story,) = stories(7, 60)
    for _ in range(2):
        play(story, trace)
    first, second = traces
    assert first == second
