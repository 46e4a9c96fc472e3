"""What must hold in every world, at every step and at its end. Each invariant yields a text per violation.

They compare what really happened (`World.writes`, `messages`, `ended` and the fakes' state) with what is allowed. Of
the table they read only what must be kept there.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.simulation.world import AUTO_FIX, SET_ROLE, START_JOB

if TYPE_CHECKING:
    from tests.simulation.world import EndedJob, World, Write

Invariant = Callable[["World"], Iterator[str]]
_CLOSED = frozenset({"resolved", "not_helped", "outcome_unknown", "expired"})
_MOST_WAITING = 600
_MOST_OF_AN_ITEM = 100_000
"""Characters. DynamoDB stores 400 KB."""
_CAPS = {"fixes_per_branch_an_hour": 1, "fixes_per_app_an_hour": 3, "fixes_per_account_an_hour": 5}


class ViolationError(Exception):
    """The text lists what is broken."""


def check(world: World, invariants: tuple[Invariant, ...]) -> None:
    """Raise ViolationError if an invariant is broken."""
    broken = [f"{each.__name__}: {text}" for each in invariants for text in each(world)]
    if broken:
        raise ViolationError("\n".join(broken))


def _role_writes(world: World) -> Iterator[tuple[Write, bool]]:
    """Each write of a role, and whether it undoes an earlier one of the bot: the role before it is the bot's own."""
    own: dict[tuple[str, str], tuple[str | None, str | None]] = {}
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


def one_write_an_incident(world: World) -> Iterator[str]:
    """An incident's sessions set each kind of role once, and undo it once."""
    counted = Counter((write.session, write.operation, undoes) for write, undoes in _role_writes(world))
    yield from (f"{n} × {what}" for what, n in counted.items() if n > 1)


def only_the_role_is_sent(world: World) -> Iterator[str]:
    for write, _ in _role_writes(world):
        extra = set(write.params) - {"appId", "branchName", SET_ROLE[write.operation]}
        yield from (f"{write.operation} sent {name}" for name in sorted(extra))


def opted_in_at_the_write(world: World) -> Iterator[str]:
    for write in _attaches(world):
        if write.operation != "amplify:UpdateBranch":
            continue
        tag = write.branch_tags.get(AUTO_FIX)
        requested = write.asked.get("approve", 0) + write.asked.get("fix", 0) > 0
        allowed = (tag, write.mode) == ("fix", "fix") or ({tag, write.mode} <= {"fix", "ask"} and requested)
        if not allowed or write.stage == "PULL_REQUEST":
            yield f"{write.target}: tag {tag}, mode {write.mode}, stage {write.stage}, asked {dict(write.asked)}"


def only_paired_roles(world: World) -> Iterator[str]:
    for write in _attaches(world):
        if write.role not in write.paired:
            yield f"{write.role} on {write.target} is neither paired nor the default role"
        named = write.branch_tags.get("amplify-medic:compute-role")
        if write.operation == "amplify:UpdateBranch" and named and str(write.role).rpartition("/")[2] != named:
            yield f"{write.role} on {write.target}, whose tag names {named}"


def usable_roles_stay(world: World) -> Iterator[str]:
    for write in _attaches(world):
        if write.usable_before:
            yield f"{write.operation} on {write.target} replaced {write.role_before}, which is usable"


def the_previous_role_is_kept(world: World) -> Iterator[str]:
    """The table still holds what was set before each change."""
    kept = {
        (f"amplify-medic-{incident['id']}", change["role_arn"], change["previous_arn"])
        for incident in world.incidents()
        for change in incident["changes"]
    }
    for write in _attaches(world):
        if (write.session, write.role, write.role_before) not in kept:
            yield f"nobody knows that {write.target} had {write.role_before} before {write.role} ({write.session})"


def caps_hold(world: World) -> Iterator[str]:
    """Settings may change in between, so only the widest limits hold for sure."""
    hours: dict[str, Counter[object]] = {name: Counter() for name in _CAPS}
    for write in {write.session: write for write in _attaches(world)}.values():
        hour = int(write.at.timestamp()) // 3600
        hours["fixes_per_branch_an_hour"][(*write.target, hour)] += 1
        hours["fixes_per_app_an_hour"][write.target[0], hour] += 1
        hours["fixes_per_account_an_hour"][hour] += 1
    for name, counted in hours.items():
        # One more may have been reserved in the hour before, and sent in this one.
        yield from (
            f"{n} in the hour of {what}, {name} is {_CAPS[name]}" for what, n in counted.items() if n > _CAPS[name] + 1
        )


def branches_cool_down(world: World) -> Iterator[str]:
    last: dict[tuple[str, str], Write] = {}
    for write in _attaches(world):
        before = last.get(write.target)
        if before is not None and write.at - before.at < timedelta(minutes=29):
            yield f"{write.target} was changed at {before.at} and {write.at}"
        last[write.target] = write


def one_rebuild(world: World) -> Iterator[str]:
    starts = [write for write in world.writes if write.operation == START_JOB]
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
    """An alert comes again only after a request, which is answered, or if a call failed: then nobody may know of it."""
    ids = {app.settings["name"]: app.app_id for app in world.apps()}
    sent = Counter((message.app, message.branch, message.incident, message.text) for message in world.messages)
    for (app, branch, incident, text), n in sent.items():
        asked = sum(
            sum(kinds.values())
            for (app_id, name), kinds in world.asked.items()
            if app_id == ids.get(app) and name in (branch, "*")
        )
        if n > 1 + asked + world.cloud.wire.failed:
            yield f"{n} times, for {incident}: {text.splitlines()[0]}"


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
    """An alert says `resolved` of a build only after one succeeded, and `applied` only after a write."""
    succeeded: set[tuple[str, str]] = set()
    ended = iter(world.ended)
    names = {app.app_id: app.settings["name"] for app in world.apps()}
    job = next(ended, None)
    changed = {(names.get(write.target[0]), write.target[1]): write.at for write in reversed(world.writes)}
    for message in world.messages:
        while job is not None and job.at <= message.at:
            if job.status == "SUCCEED":
                succeeded.add((names[job.app_id], job.branch))
            job = next(ended, None)
        place = (message.app, message.branch)
        if message.kind == "resolved" and "succeeded" in message.text.split("\n")[0] and place not in succeeded:
            yield f"resolved was said of {place} and no build had succeeded"
        if message.kind in ("applied", "rebuilding"):
            times = [changed[key] for key in (place, (message.app, "")) if key in changed]
            if not any(time <= message.at for time in times):
                yield f"{message.kind} was said of {place} and nothing was set"


SAFETY: tuple[Invariant, ...] = (
    one_write_an_incident,
    only_the_role_is_sent,
    opted_in_at_the_write,
    only_paired_roles,
    usable_roles_stay,
    the_previous_role_is_kept,
    caps_hold,
    branches_cool_down,
    one_rebuild,
    told_once,
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
        watched = len(parts) < 5 or parts[4] in world.always_watched or parts[4] == "*"
        if "due" in item and float(item["due_at"]["N"]) < now - 3600 and watched:
            yield f"{key} is due since {now - float(item['due_at']['N']):.0f} s"


def no_dead_letters(world: World) -> Iterator[str]:
    yield from (f"{letter} became a dead letter" for letter in world.cloud.queue.dead_letters)


def all_is_closed(world: World) -> Iterator[str]:
    for incident in world.incidents():
        app_id = incident["pk"].split("#")[4]
        if incident["state"] not in _CLOSED and (app_id in world.always_watched or app_id == "*"):
            yield f"{incident['pk']}: {incident['label']} is still {incident['state']}, deadline {incident['deadline']}"


AT_REST: tuple[Invariant, ...] = (*SAFETY, claims_hold, each_failure_is_told, nothing_is_overdue)
AT_THE_END: tuple[Invariant, ...] = (*SAFETY, all_is_closed)
