"""What must hold whatever goes wrong. Each invariant yields what is wrong, in words; nothing is good news."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from tests.faults.world import SET_ROLE, START_JOB, Write

if TYPE_CHECKING:
    from tests.faults.asynchronous import Remediator
    from tests.faults.paths import Recording
    from tests.faults.wire import Json
    from tests.faults.world import WiredWorld

_CLOSED = frozenset({"resolved", "not_helped", "outcome_unknown", "expired"})
_STORM = "storm"
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
    _refuse((*_untold_incidents(world), *_untold_changes(world), *_still_owed(world), *_storms_ill_told(world)))


def any_open(world: WiredWorld) -> bool:
    """True if some incident still expects something of a build."""
    return any(i["state"] not in _CLOSED for i in world.incidents() if _closed_by_builds(i))


def check_closed_by_builds(world: WiredWorld) -> None:
    """What holds once a later build of every branch succeeded.

    Raises:
        AssertionError: naming every incident of a failed build that is still open.
    """
    still_open = (i for i in world.incidents() if _closed_by_builds(i) and i["state"] not in _CLOSED)
    _refuse(f"{i['id']} is still {i['state']}" for i in still_open)


def check_closed(world: WiredWorld) -> None:
    """What holds once the watcher has nothing more to do.

    Raises:
        AssertionError: naming every incident that is still open.
    """
    _refuse(f"{i['id']} is still {i['state']}" for i in world.incidents() if i["state"] not in _CLOSED)


def _closed_by_builds(incident: Json) -> bool:
    """False for a storm and for what the SSR log showed: those end by the clock."""
    return bool(incident["label"] != _STORM and incident["trigger"] == "failed")


def _untold_incidents(world: WiredWorld) -> Iterator[str]:
    """Each incident was told on every channel; or a storm's alert named it; or its branch is muted."""
    told = {message.incident for message in world.messages}
    storms = [message.text for message in world.messages if message.kind == "storm_over"]
    if world.muted:
        yield from (f"{message.kind} was told of a muted branch" for message in world.messages)
        return
    for i in world.incidents():
        among_many = "storm" in i["alerted"] and any(i["app_name"] in text for text in storms)
        if i["id"] not in told and not among_many:
            yield f"nobody heard of {i['id']}"
        if not world.slack_heard_of(i["id"]) and not among_many:
            yield f"Slack did not hear of {i['id']}"


def _untold_changes(world: WiredWorld) -> Iterator[str]:
    by_kind = {(message.kind, message.incident) for message in world.messages}
    for write in _role_writes(world):
        incident, kinds = (
            (_incident_of(write), _TELL_OF_CHANGES)
            if write.taken_back is None
            else (str(write.taken_back[0]["id"]), frozenset({"undone"}))
        )
        if not any((kind, incident) in by_kind for kind in kinds):
            yield f"nobody heard that {write.role or 'no role'} was set"


def _still_owed(world: WiredWorld) -> Iterator[str]:
    """Nothing is owed; each alert was taken by every channel; each request has its answer."""
    for i in world.incidents():
        yield from (f"{i['id']} still owes {owed}" for owed in (i["alert_due"], *i["undelivered"]) if owed)
        heard: defaultdict[str, set[str]] = defaultdict(set)
        for alert_key, _, channel in (receipt.partition("/") for receipt in i["alerted"]):
            if channel:
                heard[channel].add(alert_key)
        if len(set(map(frozenset, heard.values()))) > 1:
            yield f"of {i['id']}, the channels took {dict(heard)}"
    yield from (f"{r['kind']} was never answered" for r in world.requests() if "answer" not in r or "due" in r)


def _storms_ill_told(world: WiredWorld) -> Iterator[str]:
    """One alert when a storm begins, one when it is over, and that names every branch it affected."""
    for storm in (i for i in world.incidents() if i["label"] == _STORM and i["state"] in _CLOSED):
        said = [message for message in world.messages if message.incident == storm["id"]]
        kinds = [message.kind for message in said]
        if set(kinds) != {"storm", "storm_over"}:
            yield f"of the storm was told {kinds}"
        for i in (i for i in world.incidents() if "storm" in i["alerted"]):
            if not any(i["app_name"] in message.text for message in said if message.kind == "storm_over"):
                yield f"the storm's end does not name {i['app_name']}"


def one_update_an_incident(world: WiredWorld) -> Iterator[str]:
    """At most one effective UpdateBranch, and one UpdateApp, an incident; and one to undo it."""
    counted = Counter((_incident_of(write), write.operation) for write in _attaches(world))
    counted += Counter(
        (f"{i['id']} undone", w.operation) for w in _role_writes(world) if w.taken_back for i in w.taken_back[:1]
    )
    yield from (f"{operation} took effect {n} times for {i}" for (i, operation), n in counted.items() if n > 1)


def one_field_alone(world: WiredWorld) -> Iterator[str]:
    """A map that is sent replaces the stored one: only the role is sent."""
    for write in _role_writes(world):
        extra = set(write.params) - {"appId", "branchName", SET_ROLE[write.operation]}
        yield from (f"{write.operation} sent {name}" for name in sorted(extra))


def intent_came_first(world: WiredWorld) -> Iterator[str]:
    """Before a role is set, the table knows what stood there."""
    for write in _attaches(world):
        if write.intent is None:
            yield f"{write.operation} to {write.role} without a recorded intent"
        elif write.intent[1]["previous_arn"] != write.role_before:
            yield f"recorded as previous: {write.intent[1]['previous_arn']}; it was {write.role_before}"


def undo_restores_what_was(world: WiredWorld) -> Iterator[str]:
    """Undoing puts the previous role back, over the bot's own role alone, and only because somebody asked."""
    for write in _role_writes(world):
        if write.taken_back is None:
            continue
        _, change = write.taken_back
        if (write.role or None, write.role_before) != (change["previous_arn"], change["role_arn"]):
            yield f"undoing {change['role_arn']} set {write.role or 'none'} over {write.role_before}"
        if not any(request["kind"] == "undo" for request in write.used):
            yield f"nobody asked to undo {change['role_arn']}"


def previous_role_is_kept(world: WiredWorld) -> Iterator[str]:
    """What stood there before a change can still be read from the table."""
    known = {
        (change["target"], change["role_arn"], change["previous_arn"])
        for incident in world.incidents()
        for change in incident["changes"]
    }
    for write in _attaches(world):
        target = write.intent[1]["target"] if write.intent else ""
        if (target, write.role, write.role_before) not in known:
            yield f"the table forgot that {target} had {write.role_before} before {write.role}"


def opted_in_at_the_write(world: WiredWorld) -> Iterator[str]:
    """Nothing is written to a branch that is not opted in right then, nor to a preview; `ask` needs an approval."""
    stack = world.settings.get("mode", "fix")
    for write in _attaches(world):
        mode = write.branch_tags.get("amplify-medic:auto-fix")
        approved = "ask" in (mode, stack) and {mode, stack} <= {"ask", "fix"} and _asked_for(write)
        if not ((mode, stack) == ("fix", "fix") or approved) or write.stage == "PULL_REQUEST":
            yield f"{write.operation} with tag {mode}, mode {stack}, stage {write.stage}, requests {write.used}"
        named = write.app_tags.get("amplify-medic:service-role")
        if write.operation == "amplify:UpdateApp" and write.role.rpartition("/")[2] != named:
            yield f"UpdateApp to {write.role}, which the app's tag does not name"


def nothing_in_a_storm(world: WiredWorld) -> Iterator[str]:
    """While a storm lasts, nothing is changed but what somebody wants back."""
    yield from (f"{write.operation} in a storm" for write in _attaches(world) if write.storm)


def a_request_is_used_once(world: WiredWorld) -> Iterator[str]:
    """No two changes rest on one approval or wish."""
    changed = Counter(
        _incident_of(w) for w in _attaches(world) if _asked_for(w) and w.operation == "amplify:UpdateBranch"
    )
    asked = sum(request["kind"] in {"approve", "fix"} for request in world.requests())
    if len(changed) > asked:
        yield f"{len(changed)} changes rest on {asked} requests"


def one_rebuild(world: WiredWorld) -> Iterator[str]:
    """At most one StartJob an incident, and one of any job."""
    starts = [write for write in world.writes if write.operation == START_JOB]
    reasons = Counter(write.params["jobReason"] for write in starts)
    jobs = Counter((*write.target, write.params["jobId"]) for write in starts)
    yield from (f"{n} rebuilds of {what}" for what, n in (*reasons.items(), *jobs.items()) if n > 1)
    yield from (f"StartJob {write.params['jobType']}" for write in starts if write.params["jobType"] != "RETRY")


def sessions_are_narrow(world: WiredWorld) -> Iterator[str]:
    """The actor is assumed under a policy that names what it may touch, one by one."""
    for sent in world.wire.took_effect:
        if sent.call.operation != "sts:AssumeRole":
            continue
        statements = json.loads(sent.params.get("Policy", "{}")).get("Statement", [])
        named = [r for s in statements for r in ([s["Resource"]] if isinstance(s["Resource"], str) else s["Resource"])]
        if not named or any("*" in resource.removesuffix("/jobs/*") for resource in named):
            yield f"a session may touch {named or 'everything'}"


def usable_roles_stay(world: WiredWorld) -> Iterator[str]:
    """A role that exists and that Amplify may assume is nobody's to replace."""
    for write in _attaches(world):
        if write.role_before is not None and write.usable_before:
            yield f"{write.operation} replaced {write.role_before}, which is usable, by {write.role}"


def not_repeated_unless_it_helped(world: WiredWorld) -> Iterator[str]:
    """A branch is changed again by itself only after what was done before was followed by a success."""
    done: dict[tuple[str, str], Write] = {}
    for write in _attaches(world):
        earlier = done.get(write.target)
        states = {i["state"] for i in write.incidents if i["id"] == (earlier and _incident_of(earlier))}
        if earlier is not None and "resolved" not in states and not _asked_for(write):
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
    sessions_are_narrow,
    not_repeated_unless_it_helped,
    undo_restores_what_was,
    nothing_in_a_storm,
    a_request_is_used_once,
)


def _untold(world: WiredWorld, remediator: Remediator, clean: Recording) -> Iterator[str]:
    """Every alert of a clean run is given on every channel; or it is kept as a letter, or the event as a dead one."""
    if remediator.dead_letters:
        return
    usual = _usual(world, clean)
    undelivered = sum(len(incident["undelivered"]) for incident in world.incidents()) + _overtaken(world)
    missing = usual - Counter(message.kind for message in world.messages)
    if missing.total() > undelivered:
        yield f"nobody heard what is {sorted(missing)}; the topic had {[message.kind for message in world.messages]}"
    if clean.ending.posts and len(world.slack.posts) < usual.total() - undelivered:
        yield f"Slack heard {len(world.slack.posts)} alerts of {usual.total()}"


def _overtaken(world: WiredWorld) -> int:
    """1 if the rebuild's end was told before the change was, and names the role: then nothing is owed any more."""
    told_of_the_end = (message.text for message in world.messages if message.kind in _REBUILD_TELLS)
    told_of_a_change = any(message.kind == "applied" for message in world.messages)
    named = any(write.role in text for text in told_of_the_end for write in _attaches(world))
    return int(named and not told_of_a_change)


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


def _attaches(world: WiredWorld) -> list[Write]:
    """The role writes that set something new; the others put back what was there before."""
    return [write for write in _role_writes(world) if write.taken_back is None]


def _asked_for(write: Write) -> bool:
    """True if the incident's change was approved, and a request that allows it is used up."""
    incident = write.intent[0] if write.intent else {}
    return any(
        request["kind"] in {"approve", "fix"} and request["who"] == incident.get("approved_by")
        for request in write.used
    )


def _incident_of(write: Write) -> str:
    return str(write.intent[0]["id"]) if write.intent else "no incident"


def _refuse(problems: Iterable[str]) -> None:
    listed = list(problems)
    if listed:
        raise AssertionError("\n".join(listed))
