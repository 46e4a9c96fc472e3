"""A model of the bot on one branch: what two runs, a person and a crash may do there, one call at a time.

Each phase of a run is one call of the code, with what the run does after it. `replay.py` compares both. Time is left
out but for two facts: a lease of a dead run ends some day, and a rebuild that never shows is given up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_ROLE, BOTS, PERSONS = "none", "the bot's", "a person's"
INTENDED, APPLIED, FAILED, UNDONE = "intended", "applied", "failed", "undone"
DUE, SENT, STARTED = "due", "sent", "started"
EVENT, WAKE_UP, UNDO = "event", "wake", "undo"
RESPOND, REBUILD, ASK_UNDO, FINISH_UNDO, POSTPONE = "respond", "rebuild", "ask_undo", "finish_undo", "postpone"
MOST_RUNS = 2
"""How many runs there are at a time."""


@dataclass(frozen=True)
class Rules:
    """The protocol. Each False plants a bug."""

    lease_excludes: bool = True
    """A run waits while another one has the lease."""
    lease_outlives_runs: bool = True
    """A lease ends after its run only."""
    intent_first: bool = True
    """The intent, with the previous role, is saved before the role is set."""
    read_before_write: bool = True
    """The role is read right before it is set, and another one stops the change."""
    read_before_undo: bool = True
    """The role is read right before it is set back, and another one stops the undo."""
    alert_before_record: bool = True
    """The alert is sent before the record says so."""
    looks_again: bool = True
    """A change that may not be finished any more is looked for under the lease, not in the older diagnosis."""
    handled_once: bool = True
    """A job whose change is recorded is not handled again."""
    rebuild_intent_first: bool = True
    """The rebuild's intent is saved before StartJob is sent."""
    watcher_finishes: bool = True
    """The watcher wakes the bot for what a run left unfinished."""


RULES = Rules()


class Record(NamedTuple):
    """What the table holds about the change."""

    change: str = ""
    previous: str = NO_ROLE
    alert_due: bool = False
    undoing: bool = False
    rebuild: str = ""

    @property
    def due(self) -> bool:
        return self.alert_due or self.undoing or self.rebuild in (DUE, SENT)


class Run(NamedTuple):
    """One invocation: the message that it handles, its next phase and what it knows."""

    kind: str
    phase: str = "start"
    flow: str = ""
    holds: bool = False
    """It has the lease."""
    seen: str = ""
    """The role at its diagnosis."""
    allowed: bool = True
    """The branch was opted in at its diagnosis."""
    resumed: bool = False
    newer: int = -1
    """1 if a newer job was listed, 0 if none was. -1: the jobs are not listed yet."""
    record: Record = Record()
    """What it saves next."""
    done: bool = False
    """The undo succeeded."""
    kept: bool = False
    """Its message stays in the queue, although the run ends."""
    surprised: bool = False
    """A person set the role between its last read and its write. Amplify has no conditional write."""


class State(NamedTuple):
    """Everything on the branch."""

    inbox: tuple[str, ...]
    """The messages that wait, sorted."""
    acts: tuple[str, ...]
    """What a person may still do."""
    crashes: int
    """How many runs may still die."""
    role: str = NO_ROLE
    lease: str = ""
    """`held` by a run, of a `dead` run, or free."""
    record: Record | None = None
    runs: tuple[Run, ...] = ()
    """Sorted."""
    request: str = ""
    """The undo request: `used` or `answered`."""
    newer_job: bool = False
    """A person started a build."""
    opted_in: bool = True
    late: bool = False
    """A rebuild that does not show by now never started."""
    retries: int = 0
    """How many rebuilds started."""
    alerts: int = 0
    """How many alerts on the change were sent. Two are counted as many."""
    writes: int = 0
    """How often the bot's role replaced another one."""
    replaced: str = ""
    """The role that the bot's last write replaced."""
    broken: str = ""
    """The promise that the last step broke."""


def first(*acts: str) -> State:
    """An opted-in branch without a role. Its failed job is told twice, one run may die, and a person may act."""
    return State((EVENT, EVENT), acts, crashes=1)


class Action(NamedTuple):
    """What happens next: begin, step, kill, act, expire or wait."""

    name: str
    detail: str = ""
    run: Run | None = None


def actions(state: State, rules: Rules = RULES) -> Iterator[Action]:
    """Everything that may happen in this state."""
    for run in dict.fromkeys(state.runs):
        yield Action("step", run=run)
        if state.crashes:
            yield Action("kill", run=run)
    if len(state.runs) < MOST_RUNS:
        for kind in dict.fromkeys(state.inbox):
            yield Action("begin", kind)
        if rules.watcher_finishes and state.record is not None and state.record.due:
            yield Action("begin", WAKE_UP)
    for act in state.acts:
        if act != "build" or not state.retries:  # Amplify runs one job of a branch at a time
            yield Action("act", act)
    if state.lease == "dead" or (state.lease == "held" and not rules.lease_outlives_runs):
        yield Action("expire")
    if not (state.runs or state.late) and state.record is not None and state.record.rebuild == SENT:
        yield Action("wait")


def after(state: State, action: Action, rules: Rules = RULES) -> State:
    """The state after an action."""
    run = action.run
    match action.name:
        case "begin":
            return _begin(state, action.detail)
        case "step" if run is not None:
            return _step(state, run, rules)
        case "kill" if run is not None:
            lease = "dead" if run.holds else state.lease
            return end(state._replace(crashes=state.crashes - 1, lease=lease), run, kept=True)
        case "act":
            return _act(state, action.detail)
        case "expire":
            runs = tuple(sorted(each._replace(holds=False) for each in state.runs))
            return state._replace(lease="", runs=runs)
    return state._replace(late=True, lease="")


def _begin(state: State, kind: str) -> State:
    inbox = list(state.inbox)
    if kind != WAKE_UP:
        inbox.remove(kind)
    return with_run(state._replace(inbox=tuple(inbox)), None, Run(kind))


def _step(state: State, run: Run, rules: Rules) -> State:
    call, step = PHASES[run.phase]
    if call == SAVE and not run.holds:
        return end(state, run, kept=True)  # the token of its lease is not in the record any more
    return step(state, run, rules)


def with_run(state: State, old: Run | None, new: Run | None) -> State:
    """Replace a run, add one or remove one."""
    runs = list(state.runs)
    if old is not None:
        runs.remove(old)
    if new is not None:
        runs.append(new)
    return state._replace(runs=tuple(sorted(runs)))


def end(state: State, run: Run, *, kept: bool = False) -> State:
    """End a run. Its message is deleted or stays. A wake-up never stays."""
    if kept and run.kind != WAKE_UP:
        state = state._replace(inbox=tuple(sorted((*state.inbox, run.kind))))
    elif run.kind == UNDO:
        state = state._replace(request="answered")
    return with_run(state, run, None)


def _act(state: State, act: str) -> State:
    acts = tuple(each for each in state.acts if each != act)
    match act:
        case "set":
            runs = tuple(sorted(surprised(run) for run in state.runs))
            return state._replace(acts=acts, role=PERSONS, runs=runs)
        case "detach":
            runs = tuple(sorted(surprised(run) for run in state.runs))
            return state._replace(acts=acts, role=NO_ROLE, runs=runs)
        case "build":
            return state._replace(acts=acts, newer_job=True)
        case "opt_out":
            return state._replace(acts=acts, opted_in=False)
        case _:
            return state._replace(acts=acts, inbox=tuple(sorted((*state.inbox, UNDO))))


def surprised(run: Run) -> Run:
    return run._replace(surprised=True) if run.phase in ("write", "undo_write") else run


def _start(state: State, run: Run, _: Rules) -> State:
    """Read what the message is about, up to the lease."""
    flow = _flow(state, run)
    if not flow:
        return end(state, run)
    seen = state.role if flow in (RESPOND, REBUILD) else ""
    return with_run(state, run, run._replace(phase="lease", flow=flow, seen=seen, allowed=state.opted_in))


def _flow(state: State, run: Run) -> str:
    """What a message leads to. Empty if there is nothing to do."""
    if run.kind == EVENT:
        return RESPOND
    if run.kind == UNDO and state.request != "used":
        return "" if state.request else ASK_UNDO
    if state.record is None or not state.record.due:
        return ""
    if state.record.undoing:
        return FINISH_UNDO
    return RESPOND if state.record.alert_due else REBUILD


def _lease(state: State, run: Run, rules: Rules) -> State:
    if state.lease and rules.lease_excludes:
        return end(state, run, kept=True)
    others = tuple(each if each == run else each._replace(holds=False) for each in state.runs)
    phase, record = _first_phase(state, run, rules), state.record or Record()
    first = run._replace(
        holds=True,
        phase=phase,
        resumed=run.flow == RESPOND and record.alert_due,
        record=Record() if phase == "alert" else record,
    )
    return with_run(state._replace(lease="held", runs=others), run, first)


def _first_phase(state: State, run: Run, rules: Rules) -> str:
    """What a run does first under its lease, by the record that it gets with it."""
    record, phase = state.record or Record(), "release"
    match run.flow:
        case "respond" if record.alert_due:
            phase = "list" if run.allowed and run.seen == record.previous else "look"
        case "respond" if state.record is None or not rules.handled_once:
            phase = "list" if run.allowed and run.seen == NO_ROLE else "alert"
        case "rebuild" if record.rebuild == SENT:
            phase = "list_rebuild"
        case "rebuild" if record.rebuild == DUE:
            phase = "list_fresh" if run.allowed and run.seen == BOTS else "not_rebuilt"
        case "ask_undo" if record.change == APPLIED:
            phase = "undo_intent"
        case "finish_undo" if record.undoing:
            phase = "undo_seen"
        case "postpone" if record.due:
            phase = "postpone"
    return phase


def _list(state: State, run: Run, rules: Rules) -> State:
    first = "intent" if rules.intent_first else "read"
    intended = Record(INTENDED, run.seen, alert_due=True)
    noted = run._replace(newer=_newer(state))
    if run.resumed:
        return with_run(state, run, noted._replace(phase="check"))
    return with_run(state, run, noted._replace(phase=first, record=intended))


def _newer(state: State) -> int:
    return int(state.newer_job or state.retries > 0)


def _intent(state: State, run: Run, rules: Rules) -> State:
    then = "read" if rules.intent_first else "back"
    return with_run(state._replace(record=run.record), run, run._replace(phase=then))


def _look(state: State, run: Run, rules: Rules) -> State:
    role = state.role if rules.looks_again else run.seen
    return _outcome(state, run, run, APPLIED if role == BOTS else FAILED)


def _check(state: State, run: Run, _: Rules) -> State:
    if state.role == BOTS:
        return _outcome(state, run, run, APPLIED)
    return with_run(state, run, run._replace(phase="read"))


def _read(state: State, run: Run, rules: Rules) -> State:
    if (state.role, state.opted_in) != (run.seen, run.allowed) and rules.read_before_write:
        return _outcome(state, run, run, APPLIED if run.resumed and state.role == BOTS else FAILED)
    return with_run(state, run, run._replace(phase="write"))


def _write(state: State, run: Run, rules: Rules) -> State:
    broken = ""
    if state.role == PERSONS and not run.surprised:
        broken = "a person's own role wins"
    elif state.record is not None and state.record.change == UNDONE:
        broken = "an undone change is not made again"
    writes = state.writes + (state.role != BOTS)
    if writes > 1:
        broken = broken or "at most one effective write"
    replaced = state.replaced if state.role == BOTS else state.role
    if run.surprised:
        replaced = run.seen
    state = state._replace(role=BOTS, writes=writes, replaced=replaced, broken=broken)
    return with_run(state, run, run._replace(phase="back" if rules.intent_first else "intent"))


def _back(state: State, run: Run, _: Rules) -> State:
    if state.role == BOTS:
        return _outcome(state, run, run, APPLIED)
    if state.role != run.seen:
        return _outcome(state, run, run, FAILED)
    # It is not visible yet, or somebody took it off at once. The run that saved the intent leaves that to the watcher.
    return with_run(state, run, run._replace(phase="release", kept=run.resumed))


def _outcome(state: State, old: Run, run: Run, change: str) -> State:
    """The result of the change is known. It is in the alert, and recorded with it."""
    record = run.record._replace(change=change, alert_due=False)
    if change == APPLIED and run.newer < 0:
        return with_run(state, old, run._replace(phase="list_after", record=record))
    if change == APPLIED and not run.newer:
        record = record._replace(rebuild=DUE)
    return with_run(state, old, run._replace(phase="alert", record=record))


def _list_after(state: State, run: Run, _: Rules) -> State:
    record = run.record if _newer(state) else run.record._replace(rebuild=DUE)
    return with_run(state, run, run._replace(phase="alert", record=record))


def _alert(state: State, run: Run, rules: Rules) -> State:
    return with_run(_told(state) if rules.alert_before_record else _kept(state, run), run, run._replace(phase="save"))


def _save(state: State, run: Run, rules: Rules) -> State:
    return _saved(_kept(state, run) if rules.alert_before_record else _told(state), run)


def _told(state: State) -> State:
    return state._replace(alerts=min(state.alerts + 1, 2))


def _kept(state: State, run: Run) -> State:
    return state._replace(record=run.record)


def _saved(state: State, run: Run) -> State:
    """The lease ends with the write unless a rebuild follows."""
    if run.record.rebuild == DUE:
        return with_run(state, run, run._replace(phase="list_rebuild"))
    return end(_free(state, run), run)


def _list_fresh(state: State, run: Run, _: Rules) -> State:
    return with_run(state, run, run._replace(phase="list_rebuild"))


def _list_rebuild(state: State, run: Run, _: Rules) -> State:
    if run.record.rebuild == SENT:
        phase = "started" if state.retries else "not_rebuilt" if state.late else "postpone"
    elif _newer(state):
        phase = "not_rebuilt"
    else:
        phase = "rebuild_tags"
    return with_run(state, run, run._replace(phase=phase))


def _rebuild_tags(state: State, run: Run, rules: Rules) -> State:
    """The tags may have changed since the role was set."""
    allowed = "rebuild_intent" if rules.rebuild_intent_first else "start_job"
    return with_run(state, run, run._replace(phase=allowed if state.opted_in else "not_rebuilt"))


def _rebuild_intent(state: State, run: Run, rules: Rules) -> State:
    record = run.record._replace(rebuild=SENT)
    then = "start_job" if rules.rebuild_intent_first else "started"
    return with_run(state._replace(record=record), run, run._replace(phase=then, record=record))


def _start_job(state: State, run: Run, rules: Rules) -> State:
    if state.newer_job:  # Amplify refuses, so it did nothing
        return with_run(state, run, run._replace(phase="postpone", record=run.record._replace(rebuild=DUE)))
    broken = "no two rebuilds" if state.retries else ""
    state = state._replace(retries=state.retries + 1, broken=broken)
    return with_run(state, run, run._replace(phase="started" if rules.rebuild_intent_first else "rebuild_intent"))


def _started(state: State, run: Run, _: Rules) -> State:
    return end(_free(state._replace(record=run.record._replace(rebuild=STARTED)), run), run)


def _not_rebuilt(state: State, run: Run, _: Rules) -> State:
    broken = "no alert denies a rebuild that started" if state.retries else ""
    return with_run(state._replace(broken=broken), run, run._replace(phase="save_not_rebuilt"))


def _save_not_rebuilt(state: State, run: Run, _: Rules) -> State:
    return end(_free(state._replace(record=run.record._replace(rebuild="")), run), run)


def _postpone(state: State, run: Run, _: Rules) -> State:
    return with_run(state._replace(record=run.record), run, run._replace(phase="release"))


def _undo_intent(state: State, run: Run, _: Rules) -> State:
    record = run.record._replace(undoing=True)
    return with_run(state._replace(record=record, request="used"), run, run._replace(phase="undo_seen", record=record))


def _undo_seen(state: State, run: Run, _: Rules) -> State:
    return with_run(state, run, run._replace(phase="undo_check"))


def _undo_check(state: State, run: Run, rules: Rules) -> State:
    if state.role == run.record.previous:
        return with_run(state, run, run._replace(phase="undo_alert", done=True))
    return with_run(state, run, run._replace(phase="undo_read" if rules.read_before_undo else "undo_write"))


def _undo_read(state: State, run: Run, _: Rules) -> State:
    if state.role != BOTS:
        return with_run(state, run, run._replace(phase="undo_alert", done=state.role == run.record.previous))
    return with_run(state, run, run._replace(phase="undo_write"))


def _undo_write(state: State, run: Run, _: Rules) -> State:
    broken = "a person's own role wins" if state.role == PERSONS and not run.surprised else ""
    state = state._replace(role=run.record.previous, broken=broken)
    return with_run(state, run, run._replace(phase="undo_back"))


def _undo_back(state: State, run: Run, _: Rules) -> State:
    return with_run(state, run, run._replace(phase="undo_alert", done=state.role == run.record.previous))


def _undo_alert(state: State, run: Run, _: Rules) -> State:
    return with_run(state, run, run._replace(phase="undo_save"))


def _undo_save(state: State, run: Run, _: Rules) -> State:
    record = run.record._replace(undoing=False)
    if run.done:
        record = record._replace(change=UNDONE, rebuild="")
    return end(_free(state._replace(record=record), run), run)


def _release(state: State, run: Run, _: Rules) -> State:
    freed = _free(state, run)
    if run.kept and run.kind == WAKE_UP:
        # The run that failed is tried again later, which is saved under a lease of its own.
        return with_run(freed, run, Run(WAKE_UP, "lease", POSTPONE))
    return end(freed, run, kept=run.kept)


def _free(state: State, run: Run) -> State:
    return state._replace(lease="") if run.holds else state


Step: TypeAlias = Callable[[State, Run, Rules], State]
READ_ROLE, LIST_JOBS, SET_ROLE, SAVE, ALERT = "GetBranch", "ListJobs", "UpdateBranch", "TransactWriteItems", "Alert"
PHASES: dict[str, tuple[str, Step]] = {
    "start": ("start", _start),
    "lease": ("lease", _lease),
    "release": ("release", _release),
    "list": (LIST_JOBS, _list),
    "intent": (SAVE, _intent),
    "look": (READ_ROLE, _look),
    "check": (READ_ROLE, _check),
    "read": (READ_ROLE, _read),
    "write": (SET_ROLE, _write),
    "back": (READ_ROLE, _back),
    "list_after": (LIST_JOBS, _list_after),
    "alert": (ALERT, _alert),
    "save": (SAVE, _save),
    "list_fresh": (LIST_JOBS, _list_fresh),
    "list_rebuild": (LIST_JOBS, _list_rebuild),
    "rebuild_tags": (READ_ROLE, _rebuild_tags),
    "rebuild_intent": (SAVE, _rebuild_intent),
    "start_job": ("StartJob", _start_job),
    "started": (SAVE, _started),
    "not_rebuilt": (ALERT, _not_rebuilt),
    "save_not_rebuilt": (SAVE, _save_not_rebuilt),
    "postpone": (SAVE, _postpone),
    "undo_intent": (SAVE, _undo_intent),
    "undo_seen": (READ_ROLE, _undo_seen),
    "undo_check": (READ_ROLE, _undo_check),
    "undo_read": (READ_ROLE, _undo_read),
    "undo_write": (SET_ROLE, _undo_write),
    "undo_back": (READ_ROLE, _undo_back),
    "undo_alert": (ALERT, _undo_alert),
    "undo_save": (SAVE, _undo_save),
}
"""Phase → the call that it makes, and what follows. The phase `start` is every call before the lease."""
