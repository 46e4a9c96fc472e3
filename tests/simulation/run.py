"""Runs worlds: from a seed, or from kept steps. A failing world is shrunk to few steps."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random

from tests.simulation.invariants import AT_REST, AT_THE_END, SAFETY, ViolationError, all_is_closed, check
from tests.simulation.process import simulated
from tests.simulation.releases import open_records
from tests.simulation.steps import Step, carry_out, draw, prepare
from tests.simulation.world import World

STEPS_A_WORLD = 500
_ROUND = timedelta(hours=20)
_ROUNDS_UNTIL_CLOSED = 12
"""Ten days: incidents expire after seven, and undelivered alerts a while later."""
FOLDER = Path(__file__).parents[1] / "data" / "simulation"
"""Worlds in which the bot once failed, each with its seed and steps."""


@dataclass(frozen=True, slots=True)
class Story:
    """A world's seed and what happens in it."""

    seed: str
    steps: tuple[Step, ...]

    @classmethod
    def read(cls, path: Path) -> Story:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return cls(raw["seed"], tuple(map(Step.from_json, raw["steps"])))

    def text(self, why: str) -> str:
        steps = ",\n".join(f"  {json.dumps(step.to_json())}" for step in self.steps)
        return f'{{"seed": {json.dumps(self.seed)}, "found": {json.dumps(why)}, "steps": [\n{steps}\n]}}\n'


@dataclass(frozen=True, slots=True)
class Found:
    """A story that breaks an invariant at its last step, or at its end."""

    story: Story
    why: str
    steps: int = 0
    """How many steps were carried out until then, those of earlier stories included."""


def stories(seed: int, steps: int) -> Iterator[Story]:
    """The worlds of a seed, with so many steps in all."""
    for number in range(-(-steps // STEPS_A_WORLD)):
        name = f"{seed}/{number}"
        random = Random(f"steps of {name}")  # noqa: S311 - one seed decides everything
        busy, length = random.random() < 0.5, min(STEPS_A_WORLD, steps - number * STEPS_A_WORLD)
        yield Story(name, tuple(draw(random, busy=busy) for _ in range(length)))


def play(story: Story, observe: Callable[[World], None] = lambda _: None) -> str:
    """Play a story. Returns what is broken, or an empty text."""
    world = World(Random(f"world {story.seed}"))  # noqa: S311 - one seed decides everything
    with simulated(world):
        try:
            prepare(world)
            _pass_an_hour(world)  # the first look at an app only notes what is there
            calls = -1
            for step in story.steps:
                carry_out(step, world)
                if world.cloud.wire.calls > calls:  # otherwise the bot has done nothing
                    check(world, SAFETY)
                calls = world.cloud.wire.calls
            come_to_rest(world)
        except ViolationError as violation:
            return str(violation)
        finally:
            observe(world)
    return ""


def come_to_rest(world: World) -> None:
    """Let every service answer again, and time pass until nothing is open.

    Raises:
        ViolationError: an invariant does not hold then.
    """
    open_records(world)
    world.cloud.wire.disarm()
    world.paused, world.cloud.wire.down, world.bus = False, frozenset(), "normal"
    world.control.set_questions(status_lags="no", log_lags="no")
    world.control.set_build_time(0)
    for _ in range(7):
        _pass_an_hour(world)
    check(world, AT_REST)
    for _ in range(_ROUNDS_UNTIL_CLOSED):
        due = (key for key, item in world.cloud.table.items.items() if "due" in item)
        waiting = world.cloud.queue.waiting or any(key not in world.foreign.unread for key in due)
        if not (waiting or any(all_is_closed(world))):
            break
        world.advance(_ROUND.total_seconds())
        world.watch()
        world.drain()
    check(world, AT_THE_END)


def _pass_an_hour(world: World) -> None:
    """Run the watcher in each minute in which it has something to do."""
    begin = world.now()
    turns = {zlib.crc32(app.app_id.encode()) % 60 for app in world.apps()}
    for minute in range(60):
        at = begin + timedelta(minutes=minute)
        if int(at.timestamp()) // 60 % 60 in turns:
            world.advance(max((at - world.now()).total_seconds(), 0.0))
            world.watch()
            world.drain()
    world.advance(max((begin + timedelta(hours=1) - world.now()).total_seconds(), 0.0))


def first_violation(told: Iterable[Story], observe: Callable[[World], None] = lambda _: None) -> Found | None:
    """The first story that breaks an invariant."""
    steps = 0

    def count(world: World) -> None:
        nonlocal steps
        steps += world.steps
        observe(world)

    for story in told:
        why = play(story, count)
        if why:
            return Found(story, why, steps)
    return None


def shrunk(found: Found, most_plays: int = 400) -> Found:
    """Drop steps as long as the same invariant stays broken: halves first, then smaller parts, then single ones."""
    kind = _kind(found.why)
    steps, why, plays = list(found.story.steps), found.why, 0
    size = len(steps) // 2
    while size and plays < most_plays:
        at = 0
        while at < len(steps) and plays < most_plays:
            fewer = [*steps[:at], *steps[at + size :]]
            plays += 1
            broken = play(Story(found.story.seed, tuple(fewer)))
            if kind in broken:
                steps, why = fewer, broken
            else:
                at += size
        size //= 2
    return Found(Story(found.story.seed, tuple(steps)), why)


def _kind(why: str) -> str:
    """The name of the first broken invariant."""
    return why.partition(":")[0]
