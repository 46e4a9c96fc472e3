"""What can happen in a world, one step at a time.

A step holds numbers in place of names. They are taken modulo what there is, so that every step can be carried out in
every world, and dropping an earlier one never makes a later one meaningless.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from medic.events import RequestKind, Scope
from medic.incidents.table import branch_key
from tests.fakes.amplify.errors import AmplifyError
from tests.faults.fault import Fault
from tests.simulation.cloud import ACCOUNT, REGION
from tests.simulation.releases import close_record, extend_record, leave_record, open_records
from tests.simulation.wire import Strike
from tests.simulation.world import (
    APPS,
    AUTO_FIX,
    PLAIN_TRUST,
    ROLES,
    WRONG_TRUST,
    World,
    role_arn,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fakes.amplify.state import App, Branch
    from tests.fakes.queue import Waiting

T = TypeVar("T")
Json = dict[str, Any]

_MOST = 1 << 16
_LATELY = 4
"""How many of the bot's last changes are lately."""
_BRANCHES = ("main", "dev", "feature/shop-1")
_MODES = ("fix", "fix", "fix", "ask", "report", "ignore", "Fix ", None)
_MINUTES = (1, 2, 3, 5, 10, 20, 40, 65)
_BUILD_TIMES = (0, 0, 45, 240)
_OUTCOMES = ("ok", "ok", "npm_failure", "prerender_credentials", "access_denied", "echoed_phrase", "backend_deploy")
_STAGES = (
    {"stage": "PRODUCTION", "sourceBranch": ""},
    {"stage": "PRODUCTION", "sourceBranch": ""},
    {"stage": "PULL_REQUEST"},
    {"sourceBranch": "dev"},
)
_TEXTS = (
    "CredentialsProviderError: Could not load credentials from any providers",
    (
        "AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/own/x is not authorized to perform: "
        "iam:PassRole on resource: * because no identity-based policy allows the iam:PassRole action"
    ),
    "GET /?q=Unable+to+assume+specified+IAM+Role 200",
    "<!channel> all is well",
)
_SERVICES = ("amplify", "iam", "dynamodb", "sns", "slack", "s3", "sts", "logs", "events", "cloudtrail")
SETTINGS: tuple[Callable[[Sequence[str]], Json], ...] = (
    lambda _: {},
    lambda _: {},
    lambda apps: {"compute_roles": {role_arn("paired-0"): list(apps[:3]), role_arn("paired-1"): [f"{apps[0]}/main"]}},
    lambda apps: {"service_roles": {role_arn("good-service"): list(apps)}},
    lambda _: {"mode": "ask"},
    lambda _: {"mode": "report"},
    lambda apps: {"apps": list(apps[:4])},
    lambda _: {"limits": {"storm_apps": 2}},
    lambda _: {"limits": {"fixes_per_app_an_hour": 1, "fixes_per_account_an_hour": 2, "cool_down_minutes": 30}},
    lambda _: {"limits": {f"fixes_per_{each}_an_hour": n for each, n in (("branch", 5), ("app", 8), ("account", 20))}},
    lambda _: {"notify": "all_failures"},
    lambda _: {"slack": {}},
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `strike` happens at a call of the run that the step starts: its moment, what, and a number.

    The moment is the number of the call, from 1, or an operation.
    """

    do: str
    n: tuple[int, ...]
    strike: tuple[int | str, str, int] | None = None

    def to_json(self) -> Json:
        return {"do": self.do, "n": list(self.n), **({"strike": list(self.strike)} if self.strike else {})}

    @classmethod
    def from_json(cls, raw: Json) -> Step:
        strike = raw.get("strike")
        return cls(raw["do"], tuple(raw["n"]), tuple(strike) if strike else None)


def draw(random: Random, *, busy: bool) -> Step:
    """Draw a step.

    Args:
        random: decides.
        busy: True if every other step is about the first branch, so that more happens to it within an hour.
    """
    do = random.choices(_NAMES, _WEIGHTS)[0]
    numbers = tuple(random.randrange(_MOST) for _ in range(3))
    strike = None
    if do in _STRUCK and random.random() < 0.4:
        what = random.choice(("fault", "fault", "death", "other", "other", "other", "deliver", "twin", "twin"))
        moment = random.choice(_MOMENTS) if random.random() < 0.5 else random.randint(1, 30)
        number = random.randrange(_MOST)
        if what == "other":
            act = _MEANWHILE.index(random.choices(_MEANWHILE, _MEANWHILE_WEIGHTS)[0])
            number += 4 * (act - number // 4 % len(_MEANWHILE))
        strike = (moment, what, number)
    elif busy and do in _ABOUT_A_BRANCH and random.random() < 0.5:
        numbers = (0, 0, numbers[2])
    return Step(do, numbers, strike)


def prepare(world: World) -> None:
    """Create roles and apps."""
    make = world.cloud.roles.make
    for name in ("default-compute", "actor", *ROLES):
        make(name, PLAIN_TRUST, age=timedelta(hours=1))
    state = world.cloud.amplify.state
    world.control.set_propagation(10)
    for number in range(APPS):
        made = world.cloud.amplify.call(
            "CreateApp",
            body={
                "name": f"shop-{number}",
                "platform": "WEB" if number == APPS - 1 else "WEB_COMPUTE",
                "repository": "https://github.com/acme/shop",
                **({"iamServiceRoleArn": role_arn("service")} if number % 2 else {}),
            },
        )
        for branch in _BRANCHES[: 2 + number % 2]:
            tags = {AUTO_FIX: "fix", "amplify-medic:rebuild": "yes"} if number % 2 == 0 else {AUTO_FIX: "fix"}
            _create_branch(world, made["app"]["appId"], branch, tags)
    world.deploy({**_base(world), **SETTINGS[world.random.randrange(len(SETTINGS))](list(state.apps))})
    world.always_watched = set(state.apps)
    _note_watched(world)


def carry_out(step: Step, world: World) -> None:
    """Carry out a step. What the services refuse did not happen."""
    world.steps += 1
    try:
        _STEPS[step.do][1](world, step)
    except AmplifyError:
        return
    finally:
        world.cloud.amplify.calls.clear()


def _base(world: World) -> Json:  # noqa: ARG001
    return {"slack": {"webhook_secret": "slack-webhook"}}


def _create_branch(world: World, app_id: str, name: str, tags: dict[str, str]) -> None:
    world.cloud.amplify.call(
        "CreateBranch", body={"appId": app_id, "branchName": name, "stage": "PRODUCTION", "tags": tags}
    )


def _pick(items: Sequence[T], number: int) -> T:
    return items[number % len(items)]


def _branch(world: World, step: Step) -> tuple[App, Branch]:
    """The first two numbers say which branch."""
    app = _pick(world.apps(), step.n[0])
    return app, _pick(list(app.branches.values()), step.n[1])


def _strike(world: World, step: Step) -> Strike | None:
    if step.strike is None:
        return None
    moment, what, number = step.strike
    if what == "death":
        return Strike(moment, Fault.DEATH)
    if what == "fault":
        return Strike(moment, _pick([fault for fault in Fault if fault is not Fault.DEATH], number))
    if what == "twin":
        return Strike(moment, happens=lambda: _deliver_twin(world))
    if what == "deliver":
        return Strike(moment, happens=lambda: _deliver(world, Step("deliver", (number, number, number))))
    return Strike(moment, happens=lambda: _meanwhile(world, number))


def _meanwhile(world: World, number: int) -> None:
    """Somebody does something, mostly on the branch that the bot works on."""
    place = _place(world, world.delivered) if world.delivered and number % 4 else (number, number // 7)
    carry_out(Step(_pick(_MEANWHILE, number // 4), (*place, number // 49)), world)


def _place(world: World, message: Waiting) -> tuple[int, int]:
    """The first two numbers of a step about the message's branch."""
    for at, app in enumerate(world.apps()):
        for which, name in enumerate(app.branches):
            if f'"{app.app_id}"' in message.body and f'"{name}"' in message.body:
                return at, which
    return 0, 0


# --- the steps


def _build(world: World, step: Step) -> None:
    app, branch = _branch(world, step)
    control = world.control
    control.set_connection(app.app_id, "lost" if step.n[2] % 3 else "ok")
    if app.connection == "ok":
        control.script_builds(app.app_id, branch.name, _pick(_OUTCOMES, step.n[2] // 3))
    control.push(app.app_id, branch.name, f"{step.n[2]:040x}")


def _release(world: World, step: Step) -> None:
    app, branch = _branch(world, step)
    world.cloud.amplify.call("StartJob", body={"appId": app.app_id, "branchName": branch.name, "jobType": "RELEASE"})


def _reconnect(world: World, step: Step) -> None:
    world.control.set_connection(_pick(world.apps(), step.n[0]).app_id, "ok")


def _deliver(world: World, step: Step) -> None:
    waiting = world.cloud.queue.waiting
    if world.paused or not waiting:
        return
    visible = [message for message in waiting if message.visible_at <= world.now()]
    message = _pick(visible or waiting, step.n[0]) if step.n[1] % 8 else _pick(waiting, step.n[0])
    world.deliver(message, _strike(world, step))


def _deliver_twin(world: World) -> None:
    """SQS delivers the message that was received last once more, at the same time."""
    received = max(world.cloud.queue.waiting, key=lambda message: message.visible_at, default=None)
    if received is not None and not world.paused:
        world.deliver(_copy(world, received))


def _copy(world: World, original: Waiting) -> Waiting:
    copy = world.cloud.queue.send(original.body, original.sender)
    copy.sent_at = original.sent_at
    return copy


def _work(world: World, step: Step) -> None:  # noqa: ARG001
    world.drain()


def _duplicate(world: World, step: Step) -> None:
    if world.cloud.queue.waiting:
        _copy(world, _pick(world.cloud.queue.waiting, step.n[0]))


def _watch(world: World, step: Step) -> None:
    for app in world.apps():
        for branch in app.branches.values():
            if branch.active_job_id and step.n[0] % 4 == 0 and app.platform != "WEB":
                world.control.request(app.app_id, branch.name)
    world.watch(_strike(world, step))


def _wait(world: World, step: Step) -> None:
    world.advance(60.0 * _pick(_MINUTES, step.n[0]))


def _tag(world: World, step: Step) -> None:
    app, branch = _branch(world, step)
    tags = {name: value for name, value in branch.tags.items() if name != AUTO_FIX}
    mode = _pick(_MODES, step.n[2])
    if mode == "ignore":
        world.ignored.add((app.app_id, branch.name))
    branch.tags = tags if mode is None else {**tags, AUTO_FIX: mode}


def _tag_rebuild(world: World, step: Step) -> None:
    _, branch = _branch(world, step)
    branch.tags = {**branch.tags, "amplify-medic:rebuild": _pick(("auto", "yes", "no", "?"), step.n[2])}


def _tag_role(world: World, step: Step) -> None:
    app, branch = _branch(world, step)
    name = _pick(("paired-0", "paired-1", "unpaired", role_arn("unpaired"), "own"), step.n[2] // 5)
    if step.n[2] % 5 == 0:
        branch.tags = {key: value for key, value in branch.tags.items() if key != "amplify-medic:compute-role"}
    elif step.n[2] % 5 == 1:
        app.tags = {**app.tags, "amplify-medic:service-role": "good-service"}
    else:
        branch.tags = {**branch.tags, "amplify-medic:compute-role": name}


def _set_role(world: World, step: Step) -> None:
    _, branch = _branch(world, step)
    branch.settings = {name: value for name, value in branch.settings.items() if name != "computeRoleArn"}
    if step.n[2] % 3:
        branch.settings["computeRoleArn"] = role_arn(_pick(ROLES[:4], step.n[2]))
    branch.updated = world.now()


def _stage(world: World, step: Step) -> None:
    _, branch = _branch(world, step)
    branch.settings = {**branch.settings, **_pick(_STAGES, step.n[2])}


def _delete_role(world: World, step: Step) -> None:
    world.cloud.roles.roles.pop(_pick(ROLES, step.n[0]), None)


def _make_role(world: World, step: Step) -> None:
    trust = PLAIN_TRUST if step.n[1] % 3 else WRONG_TRUST
    age = timedelta(hours=1) if step.n[2] % 3 else timedelta()
    world.cloud.roles.make(_pick(("default-compute", *ROLES), step.n[0]), trust, age=age)


def _delete_branch(world: World, step: Step) -> None:
    app, branch = _branch(world, step)
    if len(app.branches) > 1:
        del app.branches[branch.name]


def _recreate_branch(world: World, step: Step) -> None:
    app = _pick(world.apps(), step.n[0])
    name = _pick(_BRANCHES, step.n[1])
    if step.n[2] % 2:
        app.branches.pop(name, None)
    _create_branch(world, app.app_id, name, {AUTO_FIX: "fix"})


def _relaunch(world: World, step: Step) -> None:
    """An owner makes all branches of an app anew, and the bot hears at once that the first build of each fails."""
    app = _pick(world.apps(), step.n[0])
    world.control.set_connection(app.app_id, "lost")
    for name in list(app.branches):
        del app.branches[name]
        _create_branch(world, app.app_id, name, {AUTO_FIX: "fix"})
        world.control.push(app.app_id, name, f"{step.n[2]:040x}")
    world.drain()


def _relapse(world: World, step: Step) -> None:
    """Somebody takes off a role that the bot has set lately, and asks for a fix once the next build fails."""
    places = [write.place for write in world.writes[-_LATELY:]]
    found = [(app, branch) for app, branch in world.branches() if (app.app_id, branch.name) in places]
    if found:
        app, branch = _pick(found, step.n[0])
        branch.settings = {name: value for name, value in branch.settings.items() if name != "computeRoleArn"}
        world.control.set_connection(app.app_id, "lost")
        world.control.push(app.app_id, branch.name, f"{step.n[2]:040x}")
        world.asks(RequestKind.FIX, app.app_id, branch.name)


def _ask(kind: RequestKind) -> Callable[[World, Step], None]:
    def ask(world: World, step: Step) -> None:
        app, branch = _branch(world, step)
        world.asks(kind, app.app_id, branch.name)

    return ask


def _approve(world: World, step: Step) -> None:
    waiting = [i for i in world.incidents() if i["plan_hash"] and i["state"] == "awaiting_approval"]
    waiting = waiting or [i for i in world.incidents() if i["plan_hash"]]
    if not waiting:
        return
    chosen = _pick(waiting, step.n[0])
    *_, app_id, branch = chosen["pk"].split("#", 5)
    world.asks(RequestKind.APPROVE, app_id, branch, incident_id=chosen["id"], plan_hash=chosen["plan_hash"])


def _mute(world: World, step: Step) -> None:
    app, branch = _branch(world, step)
    until = world.now() + timedelta(hours=1) if step.n[2] % 2 else None
    world.muted.add(app.app_id)
    world.asks(RequestKind.MUTE, app.app_id, branch.name if step.n[2] % 4 else "*", until=until)


def _pause(world: World, step: Step) -> None:
    world.paused = step.n[0] % 3 == 0


def _bus(world: World, step: Step) -> None:
    world.bus = _pick(("normal", "normal", "normal", "lost", "late", "twice"), step.n[0])


def _settings(world: World, step: Step) -> None:
    apps = list(world.cloud.amplify.state.apps)
    world.deploy({**_base(world), **_pick(SETTINGS, step.n[0])(apps)})
    _note_watched(world)


def _note_watched(world: World) -> None:
    world.always_watched &= set(world.settings.get("apps", world.always_watched))


def _upgrade(world: World, step: Step) -> None:
    """Another release leaves a record, or is deployed for a while."""
    app, branch = _branch(world, step)
    scope = Scope("aws", ACCOUNT, REGION, app.app_id, branch.name)
    what, key = step.n[2] % 8, branch_key(scope)
    items = {key: item for key, item in world.cloud.table.items.items() if key not in world.foreign.closed}
    written = [
        key for key, item in items.items() if key.startswith("branch#") and {"schema", "incidents"} <= item.keys()
    ]
    if what < 4:
        world.ignored.add((app.app_id, branch.name))
        leave_record(world, scope, key, step.n[2] // 8)
    elif what == 4:
        open_records(world)
    elif written:
        change = close_record if what == 5 else extend_record
        change(world, _pick(written, step.n[0]))


def _outage(world: World, step: Step) -> None:
    world.cloud.wire.down = frozenset() if step.n[0] % 4 else frozenset({_pick(_SERVICES, step.n[1])})


def _visit(world: World, step: Step) -> None:
    app, branch = _branch(world, step)
    if app.platform != "WEB" and branch.active_job_id:
        if step.n[2] % 3:
            world.control.request(app.app_id, branch.name)
        else:
            world.control.print_at_runtime(app.app_id, branch.name, _pick(_TEXTS, step.n[2] // 3))


def _build_time(world: World, step: Step) -> None:
    world.control.set_build_time(_pick(_BUILD_TIMES, step.n[0]))


def _stop(world: World, step: Step) -> None:
    app, branch = _branch(world, step)
    running = [job.job_id for job in branch.jobs.values() if job.running]
    if running:
        world.cloud.amplify.call("StopJob", body={"appId": app.app_id, "branchName": branch.name, "jobId": running[0]})


def _questions(world: World, step: Step) -> None:
    """What Amplify does not document changes, within what a bot can't tell."""
    lag = _pick(("no", "no", "yes"), step.n[0])
    body = _pick(("plain", "gzip"), step.n[1])
    world.control.set_questions(status_lags=lag, log_lags=_pick(("no", "yes"), step.n[2]), log_body=body)


_STEPS: dict[str, tuple[int, Callable[[World, Step], None]]] = {
    "build": (16, _build),
    "release": (5, _release),
    "reconnect": (3, _reconnect),
    "deliver": (24, _deliver),
    "work": (8, _work),
    "duplicate": (3, _duplicate),
    "watch": (12, _watch),
    "wait": (12, _wait),
    "tag": (4, _tag),
    "tag_rebuild": (1, _tag_rebuild),
    "tag_role": (2, _tag_role),
    "set_role": (4, _set_role),
    "stage": (1, _stage),
    "delete_role": (1, _delete_role),
    "make_role": (2, _make_role),
    "delete_branch": (1, _delete_branch),
    "recreate_branch": (1, _recreate_branch),
    "relaunch": (1, _relaunch),
    "relapse": (2, _relapse),
    "fix": (3, _ask(RequestKind.FIX)),
    "undo": (2, _ask(RequestKind.UNDO)),
    "approve": (4, _approve),
    "mute": (1, _mute),
    "pause": (1, _pause),
    "bus": (2, _bus),
    "settings": (2, _settings),
    "upgrade": (1, _upgrade),
    "outage": (1, _outage),
    "visit": (4, _visit),
    "build_time": (1, _build_time),
    "stop": (1, _stop),
    "questions": (1, _questions),
}
_NAMES = list(_STEPS)
_WEIGHTS = [weight for weight, _ in _STEPS.values()]
_STRUCK = ("deliver", "watch")
_ABOUT_A_BRANCH = ("build", "release", "reconnect", "tag", "tag_role", "set_role", "fix", "undo", "visit", "stop")
_MOMENTS = (
    "sts:AssumeRole",
    "sts:AssumeRole",
    "amplify:UpdateBranch",
    "amplify:StartJob",
    "dynamodb:TransactWriteItems",
    "sns:Publish",
)
"""Around them, what else happens matters most."""
_MEANWHILE = ("tag", "set_role", "stage", "build", "delete_branch", "delete_role", "reconnect", "tag_role")
_MEANWHILE_WEIGHTS = (5, 2, 3, 1, 1, 1, 1, 1)
