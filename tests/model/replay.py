"""Replay a path of the model on the real code, and compare both after every action."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from medic.incidents.model import ChangeState, IncidentState
from tests.model import protocol as model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medic.incidents.model import Incident
    from tests.model.stage import Stage

_UNTIL_GIVEN_UP = 11 * 60
"""Seconds. After them, the bot no longer looks for a rebuild that does not show."""


@dataclass
class Replay:
    """The model's state and the real one, side by side."""

    stage: Stage
    state: model.State
    slots: dict[int, model.Run] = field(default_factory=dict)
    persons: str = ""

    def follow(self, path: Sequence[model.Action]) -> None:
        """Do every action of a path.

        Raises:
            AssertionError: the code answers an action in another way than the model.
        """
        self.persons = self.stage.persons_role
        for number, action in enumerate(path):
            expected = model.after(self.state, action)
            slot = self._do(action)
            told = None if slot is None else self._next_phase(action, expected)
            self.state = expected
            if slot is not None:
                self._settle(slot, told)
            seen, wanted = self._seen(slot), self._wanted(told)
            assert seen == wanted, f"at {number}, {action}: the code has {seen}, the model {wanted}"

    def _do(self, action: model.Action) -> int | None:
        """Do one action on the real code. Returns the run's slot, if one took part."""
        stage, control = self.stage, self.stage.world.amplify.control
        match action.name:
            case "begin":
                slot = max(stage.runs, default=0) + 1
                if action.detail == model.WAKE_UP:
                    self._until_due()
                stage.begin(slot, action.detail)
                self.slots[slot] = model.Run(action.detail)
                return slot
            case "step" | "kill":
                slot = next(slot for slot, run in self.slots.items() if run == action.run)
                stage.step(slot) if action.name == "step" else stage.kill(slot)
                return slot
            case "act":
                self._act(action.detail)
            case "expire":
                stage.end_lease()
            case _:
                control.advance(_UNTIL_GIVEN_UP)
        return None

    def _act(self, act: str) -> None:
        amplify, app = self.stage.world.client("amplify"), self.stage.app
        match act:
            case "set" | "detach":
                role = self.persons if act == "set" else ""
                amplify.update_branch(appId=app, branchName="main", computeRoleArn=role)
                self.slots = {slot: model.surprised(run) for slot, run in self.slots.items()}
            case "build":
                amplify.start_job(appId=app, branchName="main", jobType="RELEASE")
            case "opt_out":
                self.stage.opt_out()
            case _:
                pass

    def _until_due(self) -> None:
        due, now = self.stage.record.due_at, self.stage.world.now()
        if due is not None and due > now:
            self.stage.world.amplify.control.advance((due - now).total_seconds())

    def _next_phase(self, action: model.Action, expected: model.State) -> model.Run | None:
        """What the model says of the run that took part. None if it ended."""
        others = list(self.state.runs)
        if action.run is not None:
            others.remove(action.run)
        new = list(expected.runs)
        for other in others:
            if other in new:
                new.remove(other)
        return new[0] if new else None

    def _settle(self, slot: int, run: model.Run | None) -> None:
        if run is None:
            del self.slots[slot]
        else:
            self.slots[slot] = run

    def _seen(self, slot: int | None) -> tuple[object, ...]:
        """What the code shows: the call that comes next, the branch's role, the record and the rebuilds."""
        stage = self.stage
        call = stage.runs[slot].waits_for if slot is not None else None
        arn = stage.world.compute_role(stage.app)
        names = {None: model.NO_ROLE, self.persons: model.PERSONS, stage.world.default_role_arn: model.BOTS}
        jobs = stage.world.amplify.fake.state.branch(stage.app, "main")[1].jobs.values()
        retries = sum(job.job_type == "RETRY" for job in jobs)
        incidents = stage.record.incidents
        return call, names[arn], _record(incidents[0]) if incidents else None, retries

    def _wanted(self, run: model.Run | None) -> tuple[object, ...]:
        state = self.state
        call = model.PHASES[run.phase][0] if run is not None else None
        return call, state.role, state.record, state.retries


def _record(incident: Incident) -> model.Record:
    """The model's view of an incident."""
    if not incident.changes:
        return model.Record("", alert_due=bool(incident.alert_due))
    (change,) = incident.changes
    rebuild = ""
    if incident.rebuild_at is not None:
        rebuild = model.DUE if incident.rebuild_intended_at is None else model.SENT
    elif incident.state is IncidentState.REBUILDING:
        rebuild = model.STARTED
    undoing = change.undo_intended_at is not None and change.state is ChangeState.APPLIED
    previous = model.NO_ROLE if change.previous_arn is None else change.previous_arn
    return model.Record(change.state.value, previous, bool(incident.alert_due), undoing, rebuild)
