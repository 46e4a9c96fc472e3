"""Explore every state of the model, breadth first, so that each path found is a shortest one."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.model.protocol import BOTS, RULES, Action, State, actions, after

if TYPE_CHECKING:
    from tests.model.protocol import Rules

Step = tuple[State, Action]


@dataclass
class Explored:
    """What a search found.

    Attributes:
        came_from: state → the state and the action that first led to it. None for the first state.
        broken: promise → the first state that breaks it.
        transitions: how many actions were tried.
    """

    came_from: dict[State, Step | None] = field(default_factory=dict)
    broken: dict[str, State] = field(default_factory=dict)
    ends: list[State] = field(default_factory=list)
    transitions: int = 0

    def path(self, state: State) -> list[Action]:
        """A shortest path to a state."""
        path: list[Action] = []
        while (step := self.came_from[state]) is not None:
            state, action = step
            path.append(action)
        return path[::-1]


def explore(first: State, rules: Rules = RULES, *, until_broken: bool = False) -> Explored:
    """Visit every state that can be reached. What follows a broken promise is not visited.

    Args:
        first: where to start.
        rules: the protocol.
        until_broken: stop at the first broken promise.
    """
    found = Explored({first: None})
    backwards: dict[State, list[State]] = {}
    waiting, lost = deque([first]), []
    while waiting:
        state = waiting.popleft()
        if (promise := state.broken or broken(state)) is not None:
            found.broken.setdefault(promise, state)
            if until_broken:
                return found
            lost.append(state)
            continue
        if at_rest(state):
            found.ends.append(state)
        for action in actions(state, rules):
            found.transitions += 1
            following = after(state, action, rules)
            backwards.setdefault(following, []).append(state)
            if following not in found.came_from:
                found.came_from[following] = state, action
                waiting.append(following)
    _look_for_dead_ends(found, backwards, lost)
    return found


def at_rest(state: State) -> bool:
    """True if nothing happens any more unless a person acts."""
    return not (state.runs or state.inbox or state.lease) and (state.record is None or not state.record.due)


def broken(state: State) -> str | None:
    """The promise that a state breaks."""
    record = state.record
    if state.role == BOTS and (record is None or record.change not in ("intended", "applied")):
        return "the previous role is never lost"
    if state.role == BOTS and record is not None and record.previous != state.replaced:
        return "the previous role is never lost"
    if record is not None and at_rest(state) and not state.alerts:
        return "an alert follows every change"
    return None


def _look_for_dead_ends(found: Explored, backwards: dict[State, list[State]], lost: list[State]) -> None:
    """From every state, the bot must be able to come to rest. `lost` are the states that break a promise."""
    good = {*found.ends, *lost}
    waiting = deque(good)
    while waiting:
        for state in backwards.get(waiting.popleft(), ()):
            if state not in good:
                good.add(state)
                waiting.append(state)
    stuck = next((state for state in found.came_from if state not in good), None)
    if stuck is not None:
        found.broken.setdefault("the bot comes to rest", stuck)


def covering(found: Explored, *, whole: bool) -> list[list[Action]]:
    """Few paths that together take every kind of step.

    Args:
        found: what to cover.
        whole: two steps differ too if they meet another role, another record or other runs.
    """
    shown: dict[State, set[object]] = {}
    for state, step in found.came_from.items():
        shown[state] = set() if step is None else shown[step[0]] | {_kind(step[1], state, whole=whole)}
    left = set().union(*shown.values())
    paths = []
    while left:
        best = max(shown, key=lambda state: len(shown[state] & left))
        left -= shown[best]
        paths.append(found.path(best))
    return paths


def _kind(action: Action, state: State, *, whole: bool) -> object:
    run = action.run
    kind = action.name, action.detail, None if run is None else (run.phase, run.flow, run.resumed)
    others = tuple((each.kind, each.phase) for each in state.runs)
    return (*kind, state.role, state.record, others) if whole else kind
