"""From a line in an SSR log to an alert, a role, and the quiet period that closes the incident."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from medic.aws.amplify import AmplifyReader
from medic.aws.errors import RetryableError
from medic.aws.logs import RuntimeLogs, log_group
from medic.aws.rate import RateLimiter
from medic.events import RequestKind, Scope, runtime_wake_up
from medic.evidence import Partial, Present, RuntimeLine, Unreadable
from medic.watch.cursor import REPORT_MISSING_AFTER, watched_apps
from medic.watch.cursor_store import Cursors
from medic.watch.look import RuntimeWatch
from tests.integration.conftest import PLAIN_TRUST
from tests.integration.test_requests import ask

if TYPE_CHECKING:
    from medic.evidence import TimeSpan
    from tests.integration.conftest import World

FIX = {"amplify-medic:auto-fix": "fix"}
NO_REBUILD = {**FIX, "amplify-medic:rebuild": "no"}
ORDERS = "arn:aws:dynamodb:eu-central-1:123456789012:table/orders"
MINUTE, HOUR, DAY = 60, 3600, 24 * 3600
ORDINARY_LINE = RuntimeLine("1", datetime(2026, 1, 1, tzinfo=UTC), "s", "GET / 200")


@dataclass
class Site:
    """An SSR app, its visitors, the watcher and the remediator."""

    world: World
    app: str
    wake_up_messages: list[dict[str, object]] = field(default_factory=list)

    def visit(self, branch: str = "main", wording: str = "plain") -> int:
        """Send a visitor's request. Returns its HTTP status."""
        return int(self.world.amplify.control.request(self.app, branch, wording)["status"])  # type: ignore[arg-type]

    def after(self, seconds: float) -> Site:
        self.world.amplify.control.advance(seconds)
        return self

    def look(self) -> int:
        """Run the watcher five minutes later and deliver its wake-ups to the remediator. Returns their number."""
        self.after(5 * MINUTE)
        services, client = self.world.services(), self.world.client("logs")
        apps = watched_apps(services.amplify.apps(), services.runtime.settings)
        wake_up_messages: list[dict[str, object]] = []

        def wake(app_id: str, span: TimeSpan) -> None:
            scope = Scope("aws", self.world.amplify.account_id, "eu-central-1", app_id, "*")
            wake_up_messages.append(runtime_wake_up(scope, span.start, span.end))

        RuntimeWatch(
            settings=services.runtime.settings,
            amplify=AmplifyReader(self.world.client("amplify")),
            logs=RuntimeLogs(lambda: client, RateLimiter(1000)),
            cursors=Cursors(
                self.world.client("dynamodb"),
                "incidents",
                ("aws", "123456789012", "eu-central-1"),
                services.telemetry.unreadable,
            ),
            wake=wake,
            muted=lambda _: False,
            telemetry=services.telemetry,
            clock=self.world.now,
        ).look(apps)
        self.wake_up_messages += wake_up_messages
        for wake_up_message in wake_up_messages:
            self.world.deliver(wake_up_message)
        return len(wake_up_messages)

    def rebuilt(self) -> None:
        """Deliver the rebuild's event."""
        self.world.deliver(dict(self.world.amplify.events[-1]))

    @property
    def incidents(self) -> list[dict[str, Any]]:
        items = self.world.client("dynamodb").scan(TableName="incidents")["Items"]
        found = [each for item in items if "incidents" in item for each in json.loads(item["incidents"]["S"])]
        return sorted(found, key=lambda incident: str(incident["opened_at"]))

    @property
    def states(self) -> list[str]:
        return [str(incident["state"]) for incident in self.incidents]

    @property
    def labels(self) -> list[str]:
        return [str(incident["label"]) for incident in self.incidents]

    @property
    def alerts(self) -> list[str]:
        return self.world.alerts()


def site(world: World, tags: dict[str, str] | None = None, **app: Any) -> Site:
    """An SSR app that was deployed without a compute role."""
    app_id = world.make_app(tags=tags, **app)
    world.build(app_id)
    return Site(world, app_id)


# --- detection and fix


def test_a_continuing_error_after_a_successful_deployment_is_reported_once(world: World) -> None:
    shop = site(world)
    for _ in range(4):
        assert shop.visit() == 500
        shop.look()

    (alert,) = shop.alerts
    assert "SSR code had no AWS credentials" in alert
    assert "the compute role (SSR runtime)" in alert
    assert "Likely cause: No compute role is set on branch or app" in alert
    assert "Could not load credentials" in alert
    assert world.calls("UpdateBranch") == []
    assert shop.incidents[0]["count"] == 4


@pytest.mark.parametrize("wording", ["nuxt", "sveltekit"])
def test_credential_errors_of_other_frameworks_are_recognised(world: World, wording: str) -> None:
    shop = site(world)
    shop.visit(wording=wording)
    shop.look()

    assert "SSR code had no AWS credentials" in shop.alerts[0]


def test_an_opted_in_branch_gets_the_role_and_a_rebuild_and_later_requests_find_credentials(world: World) -> None:
    world.amplify.control.set_questions(first_attach="needs_redeploy")
    shop = site(world, FIX)
    shop.visit()
    shop.look()
    assert shop.states == ["rebuilding"]
    shop.rebuilt()

    assert world.compute_role(shop.app) == world.default_role_arn
    (write,) = world.calls("UpdateBranch")
    assert write["body"] == {"computeRoleArn": world.default_role_arn}
    assert [call["body"]["jobType"] for call in world.calls("StartJob")] == ["RELEASE", "RETRY"]
    assert "This role gives SSR code credentials. The code gets AccessDenied until" in shop.alerts[0]
    assert shop.visit() == 200
    assert shop.states == ["applied"]
    for _ in range(12):
        shop.look()
        shop.visit()
    world.watch()

    assert shop.states == ["resolved"]
    assert len(shop.alerts) == 2
    assert "no such error for 60 min, with traffic" in shop.alerts[1]


def test_thousands_of_log_lines_cause_one_incident_one_alert_and_one_change(world: World) -> None:
    shop = site(world, FIX)
    logs = world.client("logs")
    shop.visit()
    stream = logs.describe_log_streams(logGroupName=log_group(shop.app))["logStreams"][0]["logStreamName"]
    now = int(world.now().timestamp() * 1000)
    error = "Error [CredentialsProviderError]: Could not load credentials from any providers"
    world.amplify.fake.state.ports.logs._logs.groups[log_group(shop.app)].put_log_events(  # type: ignore[attr-defined]
        stream, [{"timestamp": now - n, "message": f"request {n}: {error}"} for n in range(10_000)]
    )
    assert shop.look() == 1
    shop.rebuilt()
    shop.look()

    assert len(shop.incidents) == len(shop.alerts) == len(world.calls("UpdateBranch")) == 1


def test_in_ask_mode_the_role_is_attached_after_an_approval(world: World) -> None:
    shop = site(world, {"amplify-medic:auto-fix": "ask"})
    shop.visit()
    shop.look()
    assert shop.states == ["awaiting_approval"]
    incident = shop.incidents[0]
    ask(world, shop.app, RequestKind.APPROVE, incident_id=incident["id"], plan_hash=incident["plan_hash"])

    assert world.compute_role(shop.app) == world.default_role_arn
    assert shop.visit() == 200


def test_after_a_late_opt_in_the_next_log_line_causes_the_attach(world: World) -> None:
    shop = site(world)
    shop.visit()
    shop.look()
    arn = world.client("amplify").get_branch(appId=shop.app, branchName="main")["branch"]["branchArn"]
    world.client("amplify").tag_resource(resourceArn=arn, tags=FIX)
    shop.visit()
    shop.look()

    assert world.compute_role(shop.app) == world.default_role_arn
    assert len(shop.alerts) == 2


# --- after the change


def test_log_lines_from_before_the_change_took_effect_or_during_the_rebuild_are_ignored(world: World) -> None:
    world.amplify.control.set_questions(first_attach="needs_redeploy")
    shop = site(world, FIX)
    shop.visit()
    world.amplify.control.set_build_time(20 * MINUTE)
    shop.look()
    shop.visit()
    shop.look()
    assert shop.states == ["rebuilding"]
    shop.after(20 * MINUTE).rebuilt()
    shop.visit()
    shop.look()

    assert shop.states == ["applied"]
    assert len(shop.alerts) == 1


def test_without_traffic_the_alert_says_that_silence_proves_nothing(world: World) -> None:
    shop = site(world, NO_REBUILD)
    shop.visit()
    shop.look()
    for _ in range(3):
        shop.after(HOUR + MINUTE)
        world.watch()

    assert shop.states == ["applied"]
    assert len(shop.alerts) == 2
    assert "but no traffic either" in shop.alerts[1]
    shop.after(HOUR - MINUTE).visit()
    shop.after(2 * MINUTE)
    world.watch()
    assert shop.states == ["resolved"]
    shop.after(8 * DAY)
    assert world.watch() == 0


def test_an_incident_of_an_app_without_visitors_expires(world: World) -> None:
    shop = site(world)
    shop.visit()
    shop.look()
    shop.after(7 * DAY)
    world.watch()

    assert shop.states == ["expired"]
    assert len(shop.alerts) == 2


def test_a_rebuild_whose_event_was_lost_is_followed(world: World) -> None:
    shop = site(world, FIX)
    shop.visit()
    shop.look()
    shop.after(3 * HOUR + MINUTE)
    world.watch()

    assert shop.states == ["applied"]


def test_a_log_line_without_a_wake_up_is_found_before_the_incident_is_resolved(world: World) -> None:
    shop = site(world, NO_REBUILD)
    world.amplify.control.set_questions(first_attach="needs_redeploy")
    shop.visit()
    shop.look()
    shop.after(30 * MINUTE).visit()
    shop.after(31 * MINUTE)
    world.watch()

    assert shop.states == ["applied"]


def test_if_a_successful_job_cannot_be_retried_the_redeploy_is_left_to_people(world: World) -> None:
    world.amplify.control.set_questions(retry_of_succeeded="refused")
    shop = site(world, FIX)
    shop.visit()
    shop.look()

    assert "job 1 is retried next" in shop.alerts[0]
    assert "Redeploy to be sure" in shop.alerts[1]
    assert shop.states == ["applied"]


def test_a_role_that_is_too_new_for_amplify_is_attached_later(world: World) -> None:
    shop = site(world, NO_REBUILD)
    role = world.make_role("compute", age=0)
    world.settings["compute_roles"] = {role: [shop.app]}
    world.amplify.control.set_propagation(9 * MINUTE)
    shop.visit()
    shop.look()
    assert shop.states == ["applying"]
    shop.after(5 * MINUTE)
    assert world.watch() == 1

    assert world.compute_role(shop.app) == role
    assert shop.states == ["applied"]
    assert len(shop.alerts) == 2


# --- a line is a hint


def test_a_log_line_that_the_aws_state_contradicts_is_reported_as_unconfirmed_once_a_day(world: World) -> None:
    shop = site(world, FIX)
    role = world.make_role("compute")
    world.client("amplify").update_branch(appId=shop.app, branchName="main", computeRoleArn=role)
    world.amplify.control.forget_calls()
    forged = "visitor says: CredentialsProviderError: Could not load credentials from any providers"
    for _ in range(20):
        world.amplify.control.print_at_runtime(shop.app, "main", forged)
        shop.visit()
        shop.look()
        for _ in range(11):
            shop.after(5 * MINUTE).visit()
        shop.after(15 * MINUTE)
        world.watch()

    unconfirmed = [alert for alert in shop.alerts if "Not confirmed ·" in alert]
    assert 1 <= len(unconfirmed) <= 2
    assert world.compute_role(shop.app) == role
    assert world.calls("UpdateBranch") == []


def test_an_intermittent_failure_is_reported_a_few_times_a_day(world: World) -> None:
    shop = site(world)
    for _ in range(8):
        shop.visit()
        shop.look()
        shop.after(HOUR)
        world.amplify.control.print_at_runtime(shop.app, "main", "GET / 200 in 41ms")
        shop.after(MINUTE)
        world.watch()

    assert len([alert for alert in shop.alerts if "had no AWS credentials" in alert]) == 3


def test_a_redelivered_wake_up_does_nothing_more(world: World) -> None:
    shop = site(world, FIX)
    shop.visit()
    shop.look()
    for _ in range(3):
        world.deliver(shop.wake_up_messages[0])

    assert len(shop.alerts) == len(world.calls("UpdateBranch")) == 1
    assert shop.incidents[0]["count"] == 1


def test_a_forged_wake_up_finds_nothing_and_does_nothing(world: World) -> None:
    shop = site(world, FIX)
    scope = Scope("aws", world.amplify.account_id, "eu-central-1", shop.app, "*")
    shop.visit()
    shop.after(DAY)
    world.amplify.control.print_at_runtime(shop.app, "main", "GET / 200 in 41ms")
    world.deliver(runtime_wake_up(scope, world.now() - timedelta(hours=1), world.now()), age=HOUR)

    assert (shop.alerts, shop.incidents) == ([], [])


def test_an_outdated_log_line_changes_nothing(world: World) -> None:
    shop = site(world, FIX)
    shop.visit()
    at = world.now()
    shop.after(2 * HOUR)
    world.deliver(runtime_wake_up(Scope("aws", world.amplify.account_id, "eu-central-1", shop.app, "*"), at, at))

    assert "fresh" in shop.alerts[0]
    assert world.calls("UpdateBranch") == []


# --- which branch a line belongs to


def two_branches(world: World, tags: dict[str, str], names: str = "opaque", **app: Any) -> Site:
    world.amplify.control.set_questions(log_stream_names=names)
    shop = site(world, tags, **app)
    world.client("amplify").create_branch(appId=shop.app, branchName="dev", stage="DEVELOPMENT", tags=tags)
    world.build(shop.app, "dev")
    return shop


@pytest.mark.parametrize("branch", ["main", "dev"])
def test_the_log_stream_identifies_the_branch(world: World, branch: str) -> None:
    shop = two_branches(world, FIX, names="branch")
    shop.visit(branch)
    shop.look()
    other = {"main": "dev", "dev": "main"}[branch]

    assert world.compute_role(shop.app, branch) == world.default_role_arn
    assert world.compute_role(shop.app, other) is None


def test_the_only_branch_without_a_role_is_chosen(world: World) -> None:
    shop = two_branches(world, FIX)
    world.client("amplify").update_branch(appId=shop.app, branchName="main", computeRoleArn=world.make_role("compute"))
    shop.visit("dev")
    shop.look()

    assert world.compute_role(shop.app, "dev") == world.default_role_arn


def test_if_several_branches_lack_a_role_each_opted_in_one_is_asked_and_none_is_changed(world: World) -> None:
    shop = two_branches(world, FIX)
    shop.visit("dev")
    shop.look()

    assert sorted(shop.states) == ["awaiting_approval", "awaiting_approval"]
    assert world.calls("UpdateBranch") == []
    assert all("you are asked" in alert for alert in shop.alerts)


def test_if_several_branches_lack_a_role_and_none_is_opted_in_the_app_is_reported(world: World) -> None:
    shop = two_branches(world, {})
    shop.visit("dev")
    shop.look()
    assert [alert.count("SSR code had no AWS credentials") > 0 for alert in shop.alerts] == [True]
    arn = world.client("amplify").get_branch(appId=shop.app, branchName="dev")["branch"]["branchArn"]
    world.client("amplify").tag_resource(resourceArn=arn, tags=FIX)
    shop.visit("dev")
    shop.look()

    assert shop.states == ["open", "awaiting_approval"]
    assert len(shop.alerts) == 2


def test_a_failure_that_fits_more_than_one_branch_is_reported_for_the_app(world: World) -> None:
    shop = two_branches(world, FIX)
    for branch in ("main", "dev"):
        role = world.make_role(f"compute-{branch}")
        world.client("amplify").update_branch(appId=shop.app, branchName=branch, computeRoleArn=role)
    world.amplify.control.forget_calls()
    world.amplify.control.pass_undefined_credentials(shop.app, "dev")
    shop.visit("dev")
    shop.look()

    (alert,) = shop.alerts
    assert "neither the log stream nor the line tells which branch it is" in alert
    assert world.calls("UpdateBranch") == []


def test_a_branch_tagged_ignore_is_ignored(world: World) -> None:
    shop = two_branches(world, FIX, names="branch")
    arn = world.client("amplify").get_branch(appId=shop.app, branchName="dev")["branch"]["branchArn"]
    world.client("amplify").tag_resource(resourceArn=arn, tags={"amplify-medic:auto-fix": "ignore"})
    shop.visit("dev")

    assert shop.look() == 1
    assert shop.alerts == []


# --- different causes


def test_no_role_fixes_undefined_credentials_in_the_code(world: World) -> None:
    shop = site(world, FIX)
    world.amplify.control.pass_undefined_credentials(shop.app, "main")
    shop.visit()
    shop.look()

    assert "overrides any role" in shop.alerts[0]
    assert world.calls("UpdateBranch") == []


def test_a_denial_of_the_compute_role_proves_credentials_and_names_the_permission(world: World) -> None:
    shop = site(world, FIX)
    role = world.make_role("compute")
    world.client("amplify").update_branch(appId=shop.app, branchName="main", computeRoleArn=role)
    world.amplify.control.set_runtime_need(shop.app, "main", "dynamodb:GetItem", ORDERS)
    shop.visit()
    shop.look()

    (alert,) = shop.alerts
    assert "access denied, a permission is missing" in alert
    assert ORDERS in alert
    assert "✗ Check failed: no policy of compute allows dynamodb:GetItem now (iam:ListRolePolicies" in alert
    assert world.compute_role(shop.app) == role


def test_after_the_attach_the_missing_permission_is_reported_next(world: World) -> None:
    shop = site(world, NO_REBUILD)
    world.amplify.control.set_runtime_need(shop.app, "main", "dynamodb:GetItem", ORDERS)
    shop.visit()
    shop.look()
    shop.visit()
    shop.look()

    assert [incident["label"] for incident in shop.incidents] == [
        "credentials_missing_runtime",
        "access_denied_identity",
    ]
    assert "dynamodb:GetItem" in shop.alerts[1]


def test_the_attach_alert_names_permissions_that_the_log_already_shows_as_missing(world: World) -> None:
    shop = site(world, NO_REBUILD)
    principal = f"arn:aws:sts::123456789012:assumed-role/old/AmplifyHostingCompute-app={shop.app}"
    denied = f"User: {principal} is not authorized to perform: dynamodb:GetItem on resource: {ORDERS}"
    world.amplify.control.print_at_runtime(shop.app, "main", denied)
    shop.visit()
    shop.look()

    assert any("The log already names dynamodb:GetItem." in alert for alert in shop.alerts)


def test_a_permission_that_was_granted_to_the_service_role_instead_is_found(world: World) -> None:
    service, role = world.make_role("AmplifySSRLoggingRole-1b2c"), world.make_role("compute")
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "dynamodb:Get*", "Resource": "*"}]}
    world.client("iam").put_role_policy(
        RoleName="AmplifySSRLoggingRole-1b2c", PolicyName="data", PolicyDocument=json.dumps(allow)
    )
    shop = site(world, iamServiceRoleArn=service)
    world.client("amplify").update_branch(appId=shop.app, branchName="main", computeRoleArn=role)
    world.amplify.control.set_runtime_need(shop.app, "main", "dynamodb:GetItem", ORDERS)
    shop.visit()
    shop.look()

    (alert,) = shop.alerts
    assert "AmplifySSRLoggingRole-1b2c is allowed dynamodb:GetItem, but SSR code does not run as this role" in alert


def test_a_role_that_lost_its_trust_in_amplify_is_replaced_only_by_a_paired_role(world: World) -> None:
    shop = site(world, FIX)
    lost = world.make_role("compute")
    world.client("amplify").update_branch(appId=shop.app, branchName="main", computeRoleArn=lost)
    trust = json.dumps(PLAIN_TRUST).replace("amplify.amazonaws.com", "lambda.amazonaws.com")
    world.client("iam").update_assume_role_policy(RoleName="compute", PolicyDocument=trust)
    shop.visit()
    shop.look()

    assert world.compute_role(shop.app) == world.default_role_arn
    assert "does not let Amplify" in shop.alerts[0]


@pytest.mark.parametrize("named", [False, True])
def test_a_role_inherited_from_the_app_is_set_on_the_branch_only_if_the_tag_names_it(
    world: World, *, named: bool
) -> None:
    world.amplify.control.set_questions(app_role_at_runtime="ignored")
    role = world.make_role("compute")
    tags = {**FIX, "amplify-medic:compute-role": "compute"} if named else FIX
    shop = site(world, tags, computeRoleArn=role)
    world.settings["compute_roles"] = {role: [shop.app]}
    shop.visit()
    shop.look()

    assert world.compute_role(shop.app) == (role if named else None)
    said = (
        "(from the app) → " if named else " on the branch itself, because an inherited role may not reach the runtime"
    )
    assert said in shop.alerts[0]


def test_missing_credentials_of_cognito_users_are_not_an_iam_failure(world: World) -> None:
    shop = site(world, FIX)
    world.amplify.control.print_at_runtime(
        shop.app, "main", "Error: No credentials\n    at GraphQLAPIClass.eval (x.js)"
    )

    assert shop.look() == 0
    assert shop.alerts == []


def test_the_alert_warns_about_keys_in_environment_variables_and_names_the_alternatives(world: World) -> None:
    keys = {"MY_KEY": "AKIAIOSFODNN7EXAMPLE", "MY_SECRET": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
    shop = site(world, environmentVariables=keys)
    shop.visit()
    shop.look()

    (alert,) = shop.alerts
    assert "MY_KEY" in alert
    assert ".env.production" in alert
    assert "compute role" in alert.partition(".env.production")[2]
    assert "AKIA" not in alert


# --- the log itself


def test_a_missing_log_is_reported_once(world: World) -> None:
    shop = site(world)
    shop.look()
    for _ in range(3):
        shop.after(REPORT_MISSING_AFTER.total_seconds())
        shop.look()
        world.watch()

    (alert,) = shop.alerts
    assert "there is no SSR log to read" in alert
    assert f"/aws/amplify/{shop.app}" in alert


def test_a_log_deleted_after_the_wake_up_causes_no_alert(world: World) -> None:
    shop = site(world, FIX)
    shop.visit()
    at = world.now()
    world.client("logs").delete_log_group(logGroupName=log_group(shop.app))
    scope = Scope("aws", world.amplify.account_id, "eu-central-1", shop.app, "*")
    world.deliver(runtime_wake_up(scope, at - timedelta(minutes=5), at))

    assert shop.alerts == []


def test_a_static_site_is_never_watched_and_a_wake_up_for_it_does_nothing(world: World) -> None:
    app = world.make_app(platform="WEB")
    world.build(app)
    shop = Site(world, app)
    assert shop.look() == 0
    scope = Scope("aws", world.amplify.account_id, "eu-central-1", app, "*")
    world.deliver(runtime_wake_up(scope, world.now(), world.now()))

    assert shop.alerts == []


def test_a_muted_app_gets_no_alert_and_no_change(world: World) -> None:
    shop = site(world, FIX)
    ask(world, shop.app, RequestKind.MUTE, branch="*", until=world.now() + timedelta(days=1))
    shop.visit()
    shop.look()

    assert shop.alerts == []
    assert world.calls("UpdateBranch") == []


# --- not looked is not quiet


@pytest.mark.parametrize(
    "answer",
    [
        Partial((), "the time was up"),
        Partial((ORDINARY_LINE,), "it has more pages"),
        Unreadable("logs:FilterLogEvents denied"),
    ],
    ids=["part, empty", "part, without a failure", "denied"],
)
def test_a_log_that_is_read_in_part_or_not_at_all_is_read_again(
    world: World, monkeypatch: pytest.MonkeyPatch, answer: object
) -> None:
    shop = site(world, FIX)
    shop.visit()
    with monkeypatch.context() as patch:
        patch.setattr(RuntimeLogs, "lines", lambda *_, **__: answer)
        with pytest.raises(RetryableError):
            shop.look()
    assert shop.alerts == []

    world.deliver(shop.wake_up_messages[0])
    assert shop.states == ["rebuilding"]


@pytest.mark.parametrize("answer", [Partial((), "the time was up"), Unreadable("logs:FilterLogEvents denied")])
def test_a_log_that_stays_unread_is_reported_once(
    world: World, monkeypatch: pytest.MonkeyPatch, answer: Partial[tuple[RuntimeLine, ...]] | Unreadable
) -> None:
    shop = site(world, FIX)
    shop.visit()
    with monkeypatch.context() as patch:
        patch.setattr(RuntimeLogs, "lines", lambda *_, **__: answer)
        with pytest.raises(RetryableError):
            shop.look()
        for _ in range(2):
            world.deliver(shop.wake_up_messages[0], age=31 * MINUTE)
    for _ in range(13):  # traffic says nothing about an error that nobody has seen
        shop.after(2 * HOUR).visit()
        world.watch()

    (alert,) = shop.alerts
    assert shop.states == ["expired"]
    assert "the SSR log reports an error, the bot could not find out why" in alert
    assert answer.reason in alert
    assert [each["label"] for each in shop.incidents] == ["undiagnosed"]


def test_an_ignored_app_waits_for_no_log(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = site(world, {"amplify-medic:auto-fix": "ignore"})
    monkeypatch.setattr(RuntimeLogs, "lines", lambda *_, **__: Unreadable("denied"))
    scope = Scope("aws", world.amplify.account_id, "eu-central-1", shop.app, "*")
    world.deliver(runtime_wake_up(scope, world.now(), world.now()), age=31 * MINUTE)

    assert shop.alerts == []


def test_what_was_not_read_beside_a_failure_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, read = site(world), RuntimeLogs.lines

    def in_part(*args: Any, **kwargs: Any) -> Any:
        found = read(*args, **kwargs)
        return Partial(found.value, "it has more pages") if isinstance(found, Present) else found

    monkeypatch.setattr(RuntimeLogs, "lines", in_part)
    shop.visit()
    shop.look()

    (alert,) = shop.alerts
    assert "read in part, so more may have failed: it has more pages" in alert


def test_a_wake_up_waits_while_the_app_may_not_be_read(world: World) -> None:
    shop = site(world)
    shop.visit()
    world.amplify.control.deny("GetApp")
    with pytest.raises(RetryableError, match="GetApp"):
        shop.look()

    world.amplify.control.deny("GetApp", denied=False)
    world.deliver(shop.wake_up_messages[0])
    assert len(shop.alerts) == 1
