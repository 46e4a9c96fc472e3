"""What must hold whatever goes wrong. Each invariant yields what is wrong, in words; nothing is good news."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from tests.faults.world import SET_ROLE, START_JOB, Write

if TYPE_CHECKING:
    from tests.faults.asynchronous import Remediator
    from tests.faults.paths import Recording
    from tests.faults.world import WiredWorld

_CLOSED = frozenset({"resolved", "not_helped", "outcome_unknown", "expired"})
_TELL_OF_CHANGES = frozenset({"applied", "not_helped", "resolved", "outcome_unknown"})
Safety = Callable[["WiredWorld"], Iterator[str]]


def check_safety(world: WiredWorld) -> None:
    """What holds at any moment, with or without another delivery.

    Raises:
        AssertionError: naming everything that does not.
    """
    _refuse(problem for invariant in SAFETY for problem in invariant(world))


def check_outcome(world: WiredWorld, remediator: Remediator, clean: Recording) -> None:
    """What holds once everything was delivered: nothing is lost, and it came out as if nothing had gone wrong.

    Raises:
        AssertionError: naming everything that does not.
    """
    problems = (*_untold(world, remediator, clean), *_unlike(world, remediator, clean), *_told_too_often(world, clean))
    _refuse(problems)


def check_told(world: WiredWorld) -> None:
    """What holds once the watcher has nothing more to do: whatever was changed or recorded is known to everybody.

    Raises:
        AssertionError: naming everything that is not.
    """
    told = {message.incident for message in world.messages}
    applied = {message.incident for message in world.messages if message.kind in _TELL_OF_CHANGES}
    _refuse(
        (
            *(f"nobody heard of {i['id']}" for i in world.incidents() if i["id"] not in told),
            *(f"Slack did not hear of {i['id']}" for i in world.incidents() if not world.slack_heard_of(i["id"])),
            *(f"nobody heard that {w.role} was set" for w in _role_writes(world) if _incident_of(w) not in applied),
            *(f"{i['id']} still owes {i['pending']}" for i in world.incidents() if i["pending"]),
        )
    )


def any_open(world: WiredWorld) -> bool:
    """True if some incident still expects something."""
    return any(incident["state"] not in _CLOSED for incident in world.incidents())


def check_closed(world: WiredWorld) -> None:
    """What holds once a later build of every branch succeeded, or the watcher has nothing more to do.

    Raises:
        AssertionError: naming every incident that is still open.
    """
    _refuse(f"{i['id']} is still {i['state']}" for i in world.incidents() if i["state"] not in _CLOSED)


def one_update_an_incident(world: WiredWorld) -> Iterator[str]:
    """At most one effective UpdateBranch, and one UpdateApp, an incident."""
    counted = Counter((_incident_of(write), write.operation) for write in _role_writes(world))
    yield from (f"{operation} took effect {n} times for {i}" for (i, operation), n in counted.items() if n > 1)


def one_field_alone(world: WiredWorld) -> Iterator[str]:
    """A map that is sent replaces the stored one: only the role is sent."""
    for write in _role_writes(world):
        extra = set(write.params) - {"appId", "branchName", SET_ROLE[write.operation]}
        yield from (f"{write.operation} sent {name}" for name in sorted(extra))


def intent_came_first(world: WiredWorld) -> Iterator[str]:
    """Before a role is set, the table knows what stood there."""
    for write in _role_writes(world):
        if write.intent is None:
            yield f"{write.operation} to {write.role} without a recorded intent"
        elif write.intent[1]["previous_arn"] != write.role_before:
            yield f"recorded as previous: {write.intent[1]['previous_arn']}; it was {write.role_before}"


def previous_role_is_kept(world: WiredWorld) -> Iterator[str]:
    """What stood there before a change can still be read from the table."""
    known = {
        (change["target"], change["role_arn"], change["previous_arn"])
        for incident in world.incidents()
        for change in incident["changes"]
    }
    for write in _role_writes(world):
        target = write.intent[1]["target"] if write.intent else ""
        if (target, write.role, write.role_before) not in known:
            yield f"the table forgot that {target} had {write.role_before} before {write.role}"


def opted_in_at_the_write(world: WiredWorld) -> Iterator[str]:
    """Nothing is written to a branch that is not opted in right then, nor to a preview."""
    stack = world.settings.get("mode", "fix")
    for write in _role_writes(world):
        mode = write.branch_tags.get("amplify-medic:auto-fix")
        if (mode, stack) != ("fix", "fix") or write.stage == "PULL_REQUEST":
            yield f"{write.operation} with tag {mode}, mode {stack}, stage {write.stage}"
        named = write.app_tags.get("amplify-medic:service-role")
        if write.operation == "amplify:UpdateApp" and write.role.rpartition("/")[2] != named:
            yield f"UpdateApp to {write.role}, which the app's tag does not name"


def one_rebuild(world: WiredWorld) -> Iterator[str]:
    """At most one StartJob an incident, and one of any job."""
    starts = [write for write in world.writes if write.operation == START_JOB]
    reasons = Counter(write.params["jobReason"] for write in starts)
    jobs = Counter((*write.target, write.params["jobId"]) for write in starts)
    yield from (f"{n} rebuilds of {what}" for what, n in (*reasons.items(), *jobs.items()) if n > 1)
    yield from (f"StartJob {write.params['jobType']}" for write in starts if write.params["jobType"] != "RETRY")


def usable_roles_stay(world: WiredWorld) -> Iterator[str]:
    """A role that exists and that Amplify may assume is nobody's to replace."""
    for write in _role_writes(world):
        if write.role_before is not None and write.usable_before:
            yield f"{write.operation} replaced {write.role_before}, which is usable, by {write.role}"


def not_repeated_unless_it_helped(world: WiredWorld) -> Iterator[str]:
    """A branch is changed again by itself only after what was done before was followed by a success."""
    done: dict[tuple[str, str], Write] = {}
    for write in _role_writes(world):
        earlier = done.get(write.target)
        states = {i["state"] for i in write.incidents if i["id"] == (earlier and _incident_of(earlier))}
        if earlier is not None and "resolved" not in states:
            yield f"{write.operation} on {write.target} again, though the first was {states or 'forgotten'}"
        done[write.target] = write


SAFETY: tuple[Safety, ...] = (
    one_update_an_incident,
    one_field_alone,
    intent_came_first,
    previous_role_is_kept,
    opted_in_at_the_write,
    one_rebuild,
    usable_roles_stay,
    not_repeated_unless_it_helped,
)


def _untold(world: WiredWorld, remediator: Remediator, clean: Recording) -> Iterator[str]:
    """Every alert that a clean run gives is given on every channel, or the event waits in the dead-letter queue."""
    if remediator.dead_letters:
        return
    usual = _usual(world, clean)
    for kind in usual - Counter(message.kind for message in world.messages):
        yield f"nobody heard what is {kind}; the topic had {[message.kind for message in world.messages]}"
    if clean.ending.posts and len(world.slack.posts) < usual.total():
        yield f"Slack heard {len(world.slack.posts)} alerts of {usual.total()}"


def _unlike(world: WiredWorld, remediator: Remediator, clean: Recording) -> Iterator[str]:
    """The same roles, and the same rebuilds unless one was asked for in vain: it is not asked for twice."""
    if remediator.dead_letters:
        return
    if world.roles() != clean.ending.roles:
        yield f"roles are {world.roles()}; without a fault they are {clean.ending.roles}"
    if _rebuilds(world) < clean.ending.rebuilds and not _asked_in_vain(world):
        yield f"{_rebuilds(world)} rebuilds; without a fault there are {clean.ending.rebuilds}"


def _told_too_often(world: WiredWorld, clean: Recording) -> Iterator[str]:
    """One fault repeats an alert once at most, and makes up none."""
    usual = _usual(world, clean)
    for kind, n in Counter(message.kind for message in world.messages).items():
        if n > usual[kind] + (1 if usual[kind] else 0):
            yield f"the topic heard what is {kind} {n} times; without a fault {usual[kind]} times"


def _usual(world: WiredWorld, clean: Recording) -> Counter[str]:
    """The kinds of alerts of a clean run; a rebuild that was asked for in vain has no outcome to tell of."""
    kinds = Counter(message.kind for message in clean.ending.messages)
    if _rebuilds(world) < clean.ending.rebuilds and _asked_in_vain(world):
        kinds -= Counter(_REBUILD_TELLS)
    return kinds


_REBUILD_TELLS = ("resolved", "not_helped")


def _rebuilds(world: WiredWorld) -> int:
    return sum(write.operation == START_JOB for write in world.writes)


def _asked_in_vain(world: WiredWorld) -> bool:
    asked = sum(incident["rebuild_intended_at"] is not None for incident in world.incidents())
    return asked > _rebuilds(world)


def _role_writes(world: WiredWorld) -> list[Write]:
    return [write for write in world.writes if write.operation in SET_ROLE]


def _incident_of(write: Write) -> str:
    return str(write.intent[0]["id"]) if write.intent else "no incident"


def _refuse(problems: Iterable[str]) -> None:
    listed = list(problems)
    if listed:
        raise AssertionError("\n".join(listed))
