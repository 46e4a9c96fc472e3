"""Invariants that hold under every fault. Each one yields a text per violation."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from tests.faults.world import SET_ROLE, START_JOB, Write

if TYPE_CHECKING:
    from tests.faults.paths import Recording
    from tests.faults.remediator import Remediator
    from tests.faults.wire import Json
    from tests.faults.world import Message, WiredWorld

_CLOSED = frozenset({"resolved", "not_helped", "outcome_unknown", "expired"})
_STORM = "storm"
_NOT_REBUILT = "the job is not rebuilt"
"""The headline of an alert of the kind `applied`, after the one on the change."""
_CHANGE_ALERTS = frozenset({"applied", "not_helped", "resolved", "outcome_unknown"})
Safety = Callable[["WiredWorld"], Iterator[str]]


def check_safety(world: WiredWorld) -> None:
    """Check what holds at any time, with or without a redelivery.

    Raises:
        AssertionError: lists the violations.
    """
    _raise_if_any(problem for invariant in SAFETY for problem in invariant(world))


def check_outcome(world: WiredWorld, remediator: Remediator, clean: Recording) -> None:
    """Check that after all deliveries the result is the same as without the fault.

    Raises:
        AssertionError: lists the differences.
    """
    _raise_if_any(
        (
            *_missing_alerts(world, remediator, clean),
            *_different_result(world, remediator, clean),
            *_repeated_alerts(world, clean),
        )
    )


def check_reported(world: WiredWorld) -> None:
    """Check, once nothing is due, that every change and incident was reported on every channel.

    Raises:
        AssertionError: lists what was not reported.
    """
    _raise_if_any(
        (
            *_unreported_incidents(world),
            *_unreported_changes(world),
            *_still_due(world),
            *_wrong_storm_alerts(world),
        )
    )


def any_open(world: WiredWorld) -> bool:
    """True if some incident still waits for a build."""
    return any(i["state"] not in _CLOSED for i in world.incidents() if _closed_by_builds(i))


def check_closed_by_builds(world: WiredWorld) -> None:
    """Check, once a later build of every branch succeeded, that no incident of a failed build is open.

    Raises:
        AssertionError: lists the open incidents.
    """
    still_open = (i for i in world.incidents() if _closed_by_builds(i) and i["state"] not in _CLOSED)
    _raise_if_any(f"{i['id']} is still {i['state']}" for i in still_open)


def check_closed(world: WiredWorld) -> None:
    """Check, once nothing is due, that every incident is closed.

    Raises:
        AssertionError: lists the open incidents.
    """
    _raise_if_any(f"{i['id']} is still {i['state']}" for i in world.incidents() if i["state"] not in _CLOSED)


def _closed_by_builds(incident: Json) -> bool:
    """False for storms and for failures found in the SSR log: a timer closes those."""
    return bool(incident["label"] != _STORM and incident["trigger"] == "failed")


def _unreported_incidents(world: WiredWorld) -> Iterator[str]:
    """Every incident is reported on every channel, unless a storm's alert names it or its branch is muted."""
    reported = {message.incident for message in world.messages}
    storms = [message.text for message in world.messages if message.kind == "storm_over"]
    if world.muted:
        yield from (f"{message.kind} was sent for a muted branch" for message in world.messages)
        return
    for i in world.incidents():
        among_many = "storm" in i["alerted"] and any(i["app_name"] in text for text in storms)
        if i["id"] not in reported and not among_many:
            yield f"{i['id']} was not reported"
        if not world.slack_names(i["id"]) and not among_many:
            yield f"{i['id']} was not reported on Slack"


def _unreported_changes(world: WiredWorld) -> Iterator[str]:
    by_kind = {(message.kind, message.incident) for message in world.messages}
    for write in _role_writes(world):
        incident, kinds = (
            (_incident_of(write), _CHANGE_ALERTS)
            if write.undone_change is None
            else (str(write.undone_change[0]["id"]), frozenset({"undone"}))
        )
        if not any((kind, incident) in by_kind for kind in kinds):
            yield f"setting {write.role or 'no role'} was not reported"


def _still_due(world: WiredWorld) -> Iterator[str]:
    """No alert is due or undelivered, and every request is answered."""
    for i in world.incidents():
        yield from (f"{i['id']} still has {due} due" for due in (i["alert_due"], *i["undelivered"]) if due)
        accepted: defaultdict[str, set[str]] = defaultdict(set)
        for alert_key, _, channel in (receipt.partition("/") for receipt in i["alerted"]):
            if channel:
                accepted[channel].add(alert_key)
        if len(set(map(frozenset, accepted.values()))) > 1:
            yield f"the channels accepted different alerts of {i['id']}: {dict(accepted)}"
    yield from (f"{r['kind']} was never answered" for r in world.requests() if "answer" not in r or "due" in r)


def _wrong_storm_alerts(world: WiredWorld) -> Iterator[str]:
    """A storm sends one alert when it begins and one when it ends, which names every affected app."""
    for storm in (i for i in world.incidents() if i["label"] == _STORM and i["state"] in _CLOSED):
        alerts = [message for message in world.messages if message.incident == storm["id"]]
        kinds = [message.kind for message in alerts]
        if set(kinds) != {"storm", "storm_over"}:
            yield f"the storm sent {kinds}"
        for i in (i for i in world.incidents() if "storm" in i["alerted"]):
            if not any(i["app_name"] in message.text for message in alerts if message.kind == "storm_over"):
                yield f"the storm's end does not name {i['app_name']}"


def one_update_per_incident(world: WiredWorld) -> Iterator[str]:
    """Each incident causes at most one effective UpdateBranch and one UpdateApp, and one of each to undo them."""
    counted = Counter((_incident_of(write), write.operation) for write in _attaches(world))
    counted += Counter(
        (f"{i['id']} undone", w.operation) for w in _role_writes(world) if w.undone_change for i in w.undone_change[:1]
    )
    yield from (f"{operation} took effect {n} times for {i}" for (i, operation), n in counted.items() if n > 1)


def only_the_role_is_sent(world: WiredWorld) -> Iterator[str]:
    """Updates send only the role, because a map that is sent replaces the stored one."""
    for write in _role_writes(world):
        extra = set(write.params) - {"appId", "branchName", SET_ROLE[write.operation]}
        yield from (f"{write.operation} sent {name}" for name in sorted(extra))


def intent_is_recorded_first(world: WiredWorld) -> Iterator[str]:
    """Before the bot sets a role, the table has the previous one."""
    for write in _attaches(world):
        if write.intent is None:
            yield f"{write.operation} to {write.role} without a recorded intent"
        elif write.intent[1]["previous_arn"] != write.role_before:
            yield f"recorded as previous: {write.intent[1]['previous_arn']}; it was {write.role_before}"


def undo_restores_the_previous_role(world: WiredWorld) -> Iterator[str]:
    """Undo restores the previous role, replaces only the bot's own role, and happens only on request."""
    for write in _role_writes(world):
        if write.undone_change is None:
            continue
        _, change = write.undone_change
        if (write.role or None, write.role_before) != (change["previous_arn"], change["role_arn"]):
            yield f"undoing {change['role_arn']} set {write.role or 'none'} over {write.role_before}"
        if not any(request["kind"] == "undo" for request in write.used):
            yield f"no request to undo {change['role_arn']}"


def previous_role_is_kept(world: WiredWorld) -> Iterator[str]:
    """The table still has the role that was set before a change."""
    known = {
        (change["target"], change["role_arn"], change["previous_arn"])
        for incident in world.incidents()
        for change in incident["changes"]
    }
    for write in _attaches(world):
        target = write.intent[1]["target"] if write.intent else ""
        if (target, write.role, write.role_before) not in known:
            yield f"the table forgot that {target} had {write.role_before} before {write.role}"


def opted_in_at_write_time(world: WiredWorld) -> Iterator[str]:
    """At the time of a write the branch is opted in and not a preview. Mode `ask` needs an approval."""
    stack = world.settings.get("mode", "fix")
    for write in _attaches(world):
        mode = write.branch_tags.get("amplify-medic:auto-fix")
        approved = "ask" in (mode, stack) and {mode, stack} <= {"ask", "fix"} and _requested(write)
        if not ((mode, stack) == ("fix", "fix") or approved) or write.stage == "PULL_REQUEST":
            yield f"{write.operation} with tag {mode}, mode {stack}, stage {write.stage}, requests {write.used}"
        named = write.app_tags.get("amplify-medic:service-role")
        if write.operation == "amplify:UpdateApp" and write.role.rpartition("/")[2] != named:
            yield f"UpdateApp to {write.role}, which the app's tag does not name"


def no_change_in_a_storm(world: WiredWorld) -> Iterator[str]:
    """During a storm the bot changes nothing except to undo a change on request."""
    yield from (f"{write.operation} in a storm" for write in _attaches(world) if write.storm)


def each_request_is_used_once(world: WiredWorld) -> Iterator[str]:
    """Each approval or fix request allows at most one change."""
    changed = Counter(
        _incident_of(w) for w in _attaches(world) if _requested(w) and w.operation == "amplify:UpdateBranch"
    )
    asked = sum(request["kind"] in {"approve", "fix"} for request in world.requests())
    if len(changed) > asked:
        yield f"{len(changed)} changes rest on {asked} requests"


def one_rebuild_per_incident(world: WiredWorld) -> Iterator[str]:
    """Each incident and each job get at most one StartJob."""
    starts = [write for write in world.writes if write.operation == START_JOB]
    reasons = Counter(write.params["jobReason"] for write in starts)
    jobs = Counter((*write.target, write.params["jobId"]) for write in starts)
    yield from (f"{n} rebuilds of {what}" for what, n in (*reasons.items(), *jobs.items()) if n > 1)
    yield from (f"StartJob {write.params['jobType']}" for write in starts if write.params["jobType"] != "RETRY")


def sessions_are_narrow(world: WiredWorld) -> Iterator[str]:
    """Each actor session has a policy that lists its resources without wildcards."""
    for sent in world.wire.took_effect:
        if sent.call.operation != "sts:AssumeRole":
            continue
        statements = json.loads(sent.params.get("Policy", "{}")).get("Statement", [])
        named = [r for s in statements for r in ([s["Resource"]] if isinstance(s["Resource"], str) else s["Resource"])]
        if not named or any("*" in resource.removesuffix("/jobs/*") for resource in named):
            yield f"a session may touch {named or 'everything'}"


def usable_roles_are_kept(world: WiredWorld) -> Iterator[str]:
    """The bot never replaces a role that exists and that Amplify may assume."""
    for write in _attaches(world):
        if write.role_before is not None and write.usable_before:
            yield f"{write.operation} replaced {write.role_before}, which is usable, by {write.role}"


def repeated_only_after_success(world: WiredWorld) -> Iterator[str]:
    """Without a request, the bot changes a branch again only if the previous change was followed by a success."""
    done: dict[tuple[str, str], Write] = {}
    for write in _attaches(world):
        earlier = done.get(write.target)
        states = {i["state"] for i in write.incidents if i["id"] == (earlier and _incident_of(earlier))}
        if earlier is not None and "resolved" not in states and not _requested(write):
            yield f"{write.operation} on {write.target} again, though the first was {states or 'forgotten'}"
        done[write.target] = write


SAFETY: tuple[Safety, ...] = (
    one_update_per_incident,
    only_the_role_is_sent,
    intent_is_recorded_first,
    previous_role_is_kept,
    opted_in_at_write_time,
    one_rebuild_per_incident,
    usable_roles_are_kept,
    sessions_are_narrow,
    repeated_only_after_success,
    undo_restores_the_previous_role,
    no_change_in_a_storm,
    each_request_is_used_once,
)


def _missing_alerts(world: WiredWorld, remediator: Remediator, clean: Recording) -> Iterator[str]:
    """Every alert of a clean run is sent, stored as undelivered, or its event is in the dead-letter queue."""
    if remediator.dead_letters:
        return
    usual = _expected_alerts(world, clean)
    undelivered = sum(len(incident["undelivered"]) for incident in world.incidents()) + _superseded(world)
    told = _kinds(world.messages)
    missing = usual - told
    if missing.total() > undelivered:
        yield f"alerts are missing: {sorted(missing)}; the topic had {sorted(told.elements())}"
    if clean.ending.posts and len(world.slack.posts) < usual.total() - undelivered:
        yield f"Slack got {len(world.slack.posts)} alerts of {usual.total()}"


def _superseded(world: WiredWorld) -> int:
    """1 if the alert of the rebuild's end names the role, so that it may replace the alert of the change, else 0.

    It does for each channel that did not get the alert of the change before the run died.
    """
    rebuild_alerts = (message.text for message in world.messages if message.kind in _REBUILD_ALERTS)
    return int(any(write.role in text for text in rebuild_alerts for write in _attaches(world)))


def _different_result(world: WiredWorld, remediator: Remediator, clean: Recording) -> Iterator[str]:
    """Roles and rebuilds are the same, except for a rebuild request that was lost: the bot does not repeat it."""
    if remediator.dead_letters:
        return
    if world.roles() != clean.ending.roles:
        yield f"roles are {world.roles()}; without a fault they are {clean.ending.roles}"
    if _rebuilds(world) < clean.ending.rebuilds and not _rebuild_never_started(world):
        yield f"{_rebuilds(world)} rebuilds; without a fault there are {clean.ending.rebuilds}"


def _repeated_alerts(world: WiredWorld, clean: Recording) -> Iterator[str]:
    """One fault repeats each alert at most once, and causes no new kind of alert."""
    usual = _expected_alerts(world, clean)
    usual["storm_over"] = usual["storm"]  # a storm ends with time
    for kind, n in _kinds(world.messages).items():
        if n > usual[kind] + (1 if usual[kind] else 0):
            yield f"the topic got {kind} {n} times; without a fault {usual[kind]} times"


def _expected_alerts(world: WiredWorld, clean: Recording) -> Counter[str]:
    """The kinds of alerts of a clean run. If a rebuild's request was lost, that is told in place of its result."""
    kinds = _kinds(clean.ending.messages)
    if _rebuilds(world) < clean.ending.rebuilds and _rebuild_never_started(world):
        kinds -= Counter(_REBUILD_ALERTS)
        kinds += Counter([_NOT_REBUILT])
    return kinds


def _kinds(messages: Iterable[Message]) -> Counter[str]:
    """How often each kind of alert was sent. That a change's rebuild will not start is a kind of its own here."""
    return Counter(_NOT_REBUILT if _NOT_REBUILT in message.text else str(message.kind) for message in messages)


_REBUILD_ALERTS = ("resolved", "not_helped")


def _rebuilds(world: WiredWorld) -> int:
    return sum(write.operation == START_JOB for write in world.writes)


def _rebuild_never_started(world: WiredWorld) -> bool:
    asked = sum(incident["rebuild_intended_at"] is not None for incident in world.incidents())
    return asked > _rebuilds(world)


def _role_writes(world: WiredWorld) -> list[Write]:
    return [write for write in world.writes if write.operation in SET_ROLE]


def _attaches(world: WiredWorld) -> list[Write]:
    """The role writes that are not an undo."""
    return [write for write in _role_writes(world) if write.undone_change is None]


def _requested(write: Write) -> bool:
    """True if the change was approved or requested, and that request is marked as used."""
    incident = write.intent[0] if write.intent else {}
    return any(
        request["kind"] in {"approve", "fix"} and request["who"] == incident.get("approved_by")
        for request in write.used
    )


def _incident_of(write: Write) -> str:
    return str(write.intent[0]["id"]) if write.intent else "no incident"


def _raise_if_any(problems: Iterable[str]) -> None:
    listed = list(problems)
    if listed:
        raise AssertionError("\n".join(listed))
