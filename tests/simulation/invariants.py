"""What must hold in every world, at every step and at its end. Each invariant yields a text per violation.

They compare what really happened (`World.writes`, `messages`, `ended` and the fakes' state) with what is allowed. Of
the table they read only what must be kept there.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.simulation.records import SET_ROLE, START_JOB
from tests.simulation.releases import lost
from tests.simulation.world import AUTO_FIX, RUN

if TYPE_CHECKING:
    from tests.simulation.records import EndedJob, Message, Write
    from tests.simulation.world import World

Invariant = Callable[["World"], Iterator[str]]
_CLOSED = frozenset({"resolved", "not_helped", "outcome_unknown", "expired"})
_MOST_WAITING = 600
_RACE = timedelta(seconds=2)
_MOST_IN_PEACE = 3
_MOST_OF_AN_ITEM = 100_000
"""Characters. DynamoDB stores 400 KB."""
_ROLE_SET = re.compile(r"role set \(")
_NEW_ROLE = re.compile(r"→ ([\w-]+)")


class ViolationError(Exception):
    """The text lists what is broken."""


def check(world: World, invariants: tuple[Invariant, ...]) -> None:
    """Raise ViolationError if an invariant is broken."""
    broken = [f"{each.__name__}: {text}" for each in invariants for text in each(world)]
    if broken:
        raise ViolationError("\n".join(broken))


def _role_writes(world: World) -> Iterator[tuple[Write, bool]]:
    """Each write of a role, and whether it undoes an earlier one of the bot: the role before it is the bot's own."""
    own: dict[tuple[str, str], tuple[str | None, str | None]] = dict(world.foreign.applied)
    for write in world.writes:
        if write.operation not in SET_ROLE:
            continue
        last = own.get(write.target)
        undoes = (
            last is not None
            and (write.role_before, write.role) == (last[0], last[1])
            and write.asked.get("undo", 0) > 0
        )
        yield write, undoes
        if undoes:
            del own[write.target]
        else:
            own[write.target] = (write.role, write.role_before)


def _attaches(world: World) -> list[Write]:
    return [write for write, undoes in _role_writes(world) if not undoes]


def _attaches_of_this_release(world: World) -> list[Write]:
    """Without those that a run of an older one had counted and begun."""
    return [write for write in _attaches(world) if write.session.rpartition("-")[2] not in world.foreign.incidents]


def one_write_an_incident(world: World) -> Iterator[str]:
    """An incident's sessions set each kind of role once, and undo it once.

    A role that was taken off before the bot recorded it looks as if it was never set, so the bot may set it again.
    """
    counted: Counter[tuple[object, ...]] = Counter()
    for write, undoes in _role_writes(world):
        what = write.session, write.operation, undoes
        again = undoes or write.recorded or write.role_before == write.role
        counted[what] += again or not counted[what]
        if counted[what] > 1:
            yield f"{counted[what]} × {what}"


def only_the_role_is_sent(world: World) -> Iterator[str]:
    for write, _ in _role_writes(world):
        extra = set(write.params) - {"appId", "branchName", SET_ROLE[write.operation]}
        yield from (f"{write.operation} sent {name}" for name in sorted(extra))


def _tag_alone_allows(write: Write) -> bool:
    return (write.branch_tags.get(AUTO_FIX), write.mode) == ("fix", "fix")


def _requests(write: Write) -> int:
    """How many requests that allow a change were sent before."""
    return write.asked.get("approve", 0) + write.asked.get("fix", 0)


def opted_in_at_the_write(world: World) -> Iterator[str]:
    for write in _attaches(world):
        tag = write.branch_tags.get(AUTO_FIX)
        allowed = _tag_alone_allows(write) or ({tag, write.mode} <= {"fix", "ask"} and _requests(write))
        if not allowed or write.preview:
            yield f"{write.place}: tag {tag}, mode {write.mode}, preview {write.preview}, asked {dict(write.asked)}"


def each_request_is_used_once(world: World) -> Iterator[str]:
    """No more changes than requests, where the tag alone does not allow them or an undo came before.

    A branch that was deleted and created again is another one, of which nothing was undone.
    """
    needed: dict[tuple[str, str], set[str]] = defaultdict(set)
    undone: set[tuple[object, ...]] = set()
    for write, undoes in _role_writes(world):
        if undoes:
            undone.add((*write.target, write.role_before, write.created_at))
        elif not _tag_alone_allows(write) or (*write.target, write.role, write.created_at) in undone:
            needed[write.place].add(write.session)
            if len(needed[write.place]) > _requests(write):
                yield f"{write.place}: {len(needed[write.place])} changes, asked {dict(write.asked)}"


def only_paired_roles(world: World) -> Iterator[str]:
    for write in _attaches(world):
        if write.role not in write.paired:
            yield f"{write.role} on {write.target} is not one of {sorted(write.paired)}"
        of_branch = write.operation == "amplify:UpdateBranch"
        tag = "amplify-medic:compute-role" if of_branch else "amplify-medic:service-role"
        named = (write.branch_tags if of_branch else write.app_tags).get(tag)
        if (named or not of_branch) and named not in (write.role, str(write.role).rpartition("/")[2]):
            yield f"{write.role} on {write.target}, whose tag names {named}"


def only_fresh_failures(world: World) -> Iterator[str]:
    """Unasked, nothing is changed long after a build failed or a line was logged, or after a newer build succeeded."""
    succeeded = [job for job in world.ended if job.status == "SUCCEED"]
    for write in _attaches_of_this_release(world):
        failed = write.failed_at
        if failed is None or _requests(write):
            continue
        if write.at - failed > timedelta(minutes=write.limits.fresh_minutes) + RUN:
            yield f"{write.target} was changed at {write.at}, and the failure ({write.trigger}) was at {failed}"
        if write.trigger != "failed":
            continue
        # One whose end shows after the bot has listed the jobs can't be known.
        newer = [job for job in succeeded if (job.app_id, job.branch) == write.place and failed < job.at]
        if any((job.shown_from or job.at) < write.reserved - _RACE for job in newer):
            yield f"{write.target} was changed at {write.at}, and job {newer[0].job_id} succeeded at {newer[0].at}"


def no_change_in_a_storm(world: World) -> Iterator[str]:
    for write in [*_attaches(world), *_rebuilds(world)]:
        if write.storm:
            yield f"{write.operation} on {write.target} at {write.at}, in a storm"


def no_change_that_nobody_hears_of(world: World) -> Iterator[str]:
    for write in [*_attaches(world), *_rebuilds(world)]:
        if write.muted > RUN:
            yield f"{write.operation} on {write.target} at {write.at}, muted for {write.muted}"


def _rebuilds(world: World) -> list[Write]:
    return [write for write in world.writes if write.operation == START_JOB]


def usable_roles_stay(world: World) -> Iterator[str]:
    for write in _attaches(world):
        if write.usable_before:
            yield f"{write.operation} on {write.target} replaced {write.role_before}, which is usable"


def the_previous_role_is_kept(world: World) -> Iterator[str]:
    """The table still holds what was set before each change, unless somebody replaced the role of that change."""
    kept = {
        (f"amplify-medic-{incident['id']}", change["role_arn"], change["previous_arn"])
        for incident in world.incidents()
        for change in incident["changes"]
    }
    attaches = _attaches(world)
    for number, write in enumerate(attaches):
        later = (
            each for each in attaches[number + 1 :] if (each.session, each.target) == (write.session, write.target)
        )
        replaced = any(each.role_before != write.role for each in later)
        if not replaced and (write.session, write.role, write.role_before) not in kept:
            yield f"nobody knows that {write.target} had {write.role_before} before {write.role} ({write.session})"


def caps_hold(world: World) -> Iterator[str]:
    """Changes are counted in the hour of their intent, against the limits that were deployed then."""
    counted: Counter[tuple[object, ...]] = Counter()
    by_incident = {write.session: write for write in reversed(_attaches_of_this_release(world))}
    for write in sorted(by_incident.values(), key=lambda write: write.reserved):
        hour = int(write.reserved.timestamp()) // 3600
        caps = {
            (*write.place, hour): write.limits.fixes_per_branch_an_hour,
            (write.place[0], hour): write.limits.fixes_per_app_an_hour,
            (hour,): write.limits.fixes_per_account_an_hour,
        }
        for what, limit in caps.items():
            counted[what] += 1
            if counted[what] > limit:
                yield f"{counted[what]} in the hour of {what}, the limit is {limit}"


def branches_cool_down(world: World) -> Iterator[str]:
    last: dict[tuple[str, str], Write] = {}
    for write in sorted(_attaches_of_this_release(world), key=lambda write: write.reserved):
        before = last.get(write.target)
        if before is not None and before.session != write.session:
            cooling = timedelta(minutes=before.limits.cool_down_minutes)
            if write.reserved - before.reserved < cooling - timedelta(seconds=1):  # the table keeps whole seconds
                yield f"{write.target} was changed at {before.reserved} and {write.reserved}"
        last[write.target] = write


def one_rebuild(world: World) -> Iterator[str]:
    starts = _rebuilds(world)
    jobs = Counter((*write.target, write.params.get("jobId"), write.session) for write in starts)
    sessions = Counter(write.session for write in starts)
    yield from (f"{n} rebuilds of {what}" for counted in (jobs, sessions) for what, n in counted.items() if n > 1)
    for write in starts:
        if write.params["jobType"] != "RETRY":
            yield f"StartJob {write.params['jobType']}"
        elif int(write.params["jobId"]) != write.newest_job:
            yield f"job {write.params['jobId']} of {write.target} was rebuilt, and {write.newest_job} is newer"
        if write.branch_tags.get(AUTO_FIX) not in ("fix", "ask"):
            yield f"{write.target} was rebuilt with the tag {write.branch_tags.get(AUTO_FIX)}"


def told_once(world: World) -> Iterator[str]:
    """An alert comes again only once for each request, or if a call failed: then nobody may know of it."""
    last: dict[tuple[str, ...], Message] = {}
    again: Counter[tuple[str, ...]] = Counter()
    for message in world.messages:
        before = last.get(key := (message.app, message.branch, message.incident, message.text))
        again[key] += before is not None and message.failed == before.failed_before
        if again[key] > message.asked:
            yield f"{again[key] + 1} times, again at {message.at}, for {message.incident}: {message.headline}"
        last[key] = message


def what_others_wrote_is_kept(world: World) -> Iterator[str]:
    yield from lost(world)


def nothing_unexpected(world: World) -> Iterator[str]:
    """A run ends with an error of AWS, of a lease or of a request, or with none."""
    yield from (f"{type(error).__name__}: {error}" for error in world.faults)


def bounded(world: World) -> Iterator[str]:
    if len(world.cloud.queue.waiting) > _MOST_WAITING:
        yield f"{len(world.cloud.queue.waiting)} messages wait"
    sizes = (
        (key, len(item["incidents"].get("S", "")))
        for key, item in world.cloud.table.items.items()
        if "incidents" in item
    )
    yield from (f"{key} has {size} characters" for key, size in sizes if size > _MOST_OF_AN_ITEM)


def claims_hold(world: World) -> Iterator[str]:
    """An alert tells of a change, a rebuild and a build's end only what was so when it was composed."""
    for message in (each for each in world.messages if each.incident not in world.foreign.incidents):
        for claim, holds in _CLAIMS.items():
            found = claim.search(message.headline)
            if found is not None and not holds(message, found.groupdict().get("job", ""), world):
                yield f"{message.incident} of {message.app}/{message.branch} at {message.at}: {message.headline}"


def _ended(message: Message, job: str, world: World) -> list[EndedJob]:
    names = {app.app_id: app.settings["name"] for app in world.apps()}
    return [
        each
        for each in world.ended
        if (names[each.app_id], each.branch, each.job_id) == (message.app, message.branch, job)
        and each.at <= message.composed
    ]


def _succeeded(message: Message, job: str, world: World) -> bool:
    return any(each.status == "SUCCEED" for each in _ended(message, job, world))


def _failed_without_iam(message: Message, job: str, world: World) -> bool:
    return any(
        each.status == "FAILED" and not each.failure.startswith("Unable to assume")
        for each in _ended(message, job, world)
    )


def _failed_after_change(message: Message, job: str, world: World) -> bool:
    """The change may be another incident's of the branch: a role that stands there as intended counts as set."""
    failed = [each for each in _ended(message, job, world) if each.status == "FAILED"]
    places = {(each.app_id, each.branch) for each in failed}
    changed = [write.at for write in world.writes if write.operation in SET_ROLE and write.place in places]
    changed += [told.composed for told in _told_as_set(message, world)]
    return any(at <= each.at for each in failed for at in changed)


def _told_as_set(message: Message, world: World) -> list[Message]:
    """What was told before of roles set on the message's branch. `_was_set` checks it: some were only found set."""
    return [
        each
        for each in world.messages
        if _ROLE_SET.search(each.headline)
        and (each.app, each.branch) == (message.app, message.branch)
        and each.composed <= message.composed
    ]


def _was_set(message: Message, _: str, world: World) -> bool:
    """The bot set it and read it back, or somebody set the same role while the bot did not know what its call did."""
    read = (world.read_back.get((write.session, write.operation)) for write in _changes_of(message, world))
    return any(at is not None and at <= message.composed for at in read) or any(
        f"→ {role}" in message.text for role in message.roles
    )


def _was_undone(message: Message, _: str, world: World) -> bool:
    """The role was taken off, by the bot or by somebody while the bot did not know the result of its call."""
    changes = _changes_of(message, world)
    set_before = {str(write.role).rpartition("/")[2] for write in changes}
    told = (each.text for each in _told_as_set(message, world) if each.incident == message.incident)
    set_before.update(name for text in told for name in _NEW_ROLE.findall(text))
    return len(changes) > 1 or not set_before <= message.roles


def _was_not_rebuilt(message: Message, _: str, world: World) -> bool:
    return not any(each.session.endswith(message.incident) and each.at <= message.composed for each in _rebuilds(world))


def _changes_of(message: Message, world: World) -> list[Write]:
    """The changes of roles by the message's incident so far."""
    return [
        write
        for write in world.writes
        if write.operation in SET_ROLE and write.session.endswith(message.incident) and write.at <= message.composed
    ]


_CLAIMS: dict[re.Pattern[str], Callable[[Message, str, World], bool]] = {
    re.compile(r"build (?P<job>\d+) succeeded"): _succeeded,
    re.compile(r"build (?P<job>\d+) failed in the same way after the change"): _failed_after_change,
    re.compile(r"job (?P<job>\d+), not because of IAM"): _failed_without_iam,
    _ROLE_SET: _was_set,
    re.compile(r"the change was undone"): _was_undone,
    re.compile(r"the job is not rebuilt"): _was_not_rebuilt,
}
"""Words of a headline → what must be true."""


SAFETY: tuple[Invariant, ...] = (
    one_write_an_incident,
    only_the_role_is_sent,
    opted_in_at_the_write,
    each_request_is_used_once,
    only_paired_roles,
    only_fresh_failures,
    no_change_in_a_storm,
    no_change_that_nobody_hears_of,
    usable_roles_stay,
    the_previous_role_is_kept,
    caps_hold,
    branches_cool_down,
    one_rebuild,
    told_once,
    what_others_wrote_is_kept,
    nothing_unexpected,
    bounded,
)


def each_failure_is_told(world: World) -> Iterator[str]:
    """An alert came after the failure, or an incident was told before it and not yet closed."""
    messages = defaultdict(list)
    names = {app.app_id: app.settings["name"] for app in world.apps()}
    storms = "\n".join(message.text for message in world.messages if message.kind in ("storm", "storm_over"))
    for message in world.messages:
        messages[message.app, message.branch].append(message)
    for job in world.ended:
        if not _must_be_told(job, world):
            continue
        name = names[job.app_id]
        told = messages[name, job.branch]
        last = {message.incident: message.kind for message in told if message.at < job.at}
        known = any(message.at >= job.at for message in told) or not _CLOSED.issuperset(last.values())
        if not known and name not in storms:
            yield f"job {job.job_id} of {name}/{job.branch} failed at {job.at} and nobody was told"


def _must_be_told(job: EndedJob, world: World) -> bool:
    """IAM failures of branches that still exist, of never muted or ignored."""
    state = world.cloud.amplify.state
    app = state.apps.get(job.app_id)
    branch = app.branches.get(job.branch) if app else None
    same = branch is not None and job.job_id in branch.jobs and branch.jobs[job.job_id].ended == job.at
    return (
        same
        and job.status == "FAILED"
        and job.failure.startswith("Unable to assume")
        and (job.app_id, job.branch) not in world.ignored
        and job.app_id not in world.muted
        and job.app_id in world.always_watched
    )


def nothing_is_overdue(world: World) -> Iterator[str]:
    """Once the services answer and the watcher ran, nothing is due any more."""
    now = world.now().timestamp()
    for key, item in world.cloud.table.items.items():
        parts = key.split("#")
        watched = key not in world.foreign.unread and (
            len(parts) < 5 or parts[4] in world.always_watched or parts[4] == "*"
        )
        if "due" in item and float(item["due_at"]["N"]) < now - 3600 and watched:
            yield f"{key} is due since {now - float(item['due_at']['N']):.0f} s"


def no_dead_letters(world: World) -> Iterator[str]:
    """A message dies only if something kept it from being handled, and never if a person sent it."""
    for letter in world.dead:
        if letter.from_a_person or letter.in_peace > _MOST_IN_PEACE:
            yield f"{letter.in_peace} receives in peace, then dead: {letter.body[:200]}"


def all_is_closed(world: World) -> Iterator[str]:
    for incident in world.incidents():
        app_id = incident["pk"].split("#")[4]
        unread = {each["id"] for each in world.foreign.unread.get(incident["pk"], ())}
        if (
            incident["id"] not in unread
            and incident["state"] not in _CLOSED
            and (app_id in world.always_watched or app_id == "*")
        ):
            yield f"{incident['pk']}: {incident['label']} is still {incident['state']}, deadline {incident['deadline']}"


AT_REST: tuple[Invariant, ...] = (*SAFETY, claims_hold, no_dead_letters, each_failure_is_told, nothing_is_overdue)
AT_THE_END: tuple[Invariant, ...] = (*SAFETY, claims_hold, no_dead_letters, all_is_closed)
