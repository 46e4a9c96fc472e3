"""What someone who may write to the table, or ask the bot, can do to others: nothing. Everything stays bounded."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from medic.events import RequestKind
from medic.incidents.region import MAX_MUTES, MuteRefusedError
from medic.incidents.table import BRANCH, request_key
from tests.integration.conftest import REGION, TABLE
from tests.integration.test_requests import ask, failing, incident, scope
from tests.integration.test_runtime_findings import site
from tests.integration.test_watcher import Queue, watcher

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.integration.conftest import World

MAX_ITEM = 400 * 1024
"""DynamoDB's limit."""


def put(world: World, key: str, **attributes: Any) -> None:
    """Write an item that is due."""
    item = {"pk": {"S": key}, "due": {"S": "due"}, "due_at": {"N": "0"}, **attributes}
    world.client("dynamodb").put_item(TableName=TABLE, Item=item)


def size(item: dict[str, Any]) -> int:
    """The bytes of an item, as DynamoDB counts them."""
    return len(json.dumps(item, ensure_ascii=False).encode())


def region_item(world: World) -> dict[str, Any]:
    key = {"pk": {"S": f"region#aws#{world.amplify.account_id}#{REGION}"}}
    return dict(world.client("dynamodb").get_item(TableName=TABLE, Key=key).get("Item", {}))


def unreadable(messages: Iterable[str]) -> int:
    return list(messages).count("RecordUnreadable")


@pytest.mark.parametrize(
    "key",
    [
        "request#x",
        "request#x#aws#1",
        f"request#{'0' * 32}#aws#123456789012#eu-central-1#NOTANAPP#main",
        "branch#",
        "branch#aws#123456789012#eu-central-1#d1abc",
        f"branch#aws#123456789012#eu-central-1#d1abc#{'b' * 300}",
        "letter#abc#report:7",
    ],
)
def test_a_due_item_with_a_malformed_key_is_skipped_and_counted(
    world: World, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = failing(world, None)
    world.amplify.control.advance(8 * 24 * 3600)
    put(world, key)
    queue = Queue()
    for run in (1, 2):
        watcher(world, queue).run({}, 30)
        assert [message["detail"]["appId"] for message in queue.messages] == [app] * run
        assert unreadable(caplog.messages) == run


@pytest.mark.parametrize("number", ["1e30", "-1e20", "99999999999999999999", "1E+125", "-1E-130"])
@pytest.mark.parametrize("name", ["holds_until", "asked_at", "muted_until", "used_at"])
def test_a_request_with_a_nonsense_time_is_answered_as_invalid(world: World, name: str, number: str) -> None:
    app = failing(world, "ask")
    request_id, now = "a" * 32, int(world.now().timestamp())
    times = {"asked_at": {"N": str(now)}, "holds_until": {"N": str(now + 60)}, name: {"N": number}}
    put(world, request_key(scope(world, app), request_id), kind={"S": "mute"}, who={"S": "x"}, **times)
    assert world.watch() == 1
    assert world.watch() == 0
    assert region_item(world).get("mutes") is None


def test_a_mute_of_what_does_not_exist_is_refused(world: World) -> None:
    app, until = failing(world, None), world.now() + timedelta(days=1)
    assert "refused: there is no such app" in ask(world, "dnosuchapp", RequestKind.MUTE, branch="*", until=until)
    assert "refused: there is no such branch" in ask(world, app, RequestKind.MUTE, branch="gone", until=until)
    assert region_item(world).get("mutes") is None
    assert "is not muted now" in ask(world, app, RequestKind.MUTE, branch="gone", until=None)


def test_a_mute_lasts_at_most_30_days(world: World) -> None:
    app = failing(world, None)
    for days, answer in ((3650, "lasts at most 30 days"), (31, "refused"), (30, "is muted until")):
        until = world.now() + timedelta(days=days)
        assert answer in ask(world, app, RequestKind.MUTE, branch="*", until=until)


def test_a_stored_mute_of_ten_years_mutes_nothing(world: World) -> None:
    app = world.make_app()
    ten_years = int((world.now() + timedelta(days=3650)).timestamp())
    mutes = {"M": {f"{app}/*": {"N": str(ten_years)}, f"{app}/main": {"N": "1E+30"}, "x": {"S": "y"}}}
    put(world, f"region#aws#{world.amplify.account_id}#{REGION}", mutes=mutes)
    world.amplify.control.set_connection(app, "lost")
    world.deliver(world.build(app))
    assert len(world.alerts()) == 1


def test_a_region_takes_200_mutes_and_drops_those_that_ended(world: World) -> None:
    region, end = world.services().region, world.now() + timedelta(hours=1)
    muted = {f"d1/branch-{number}": {"N": str(int(end.timestamp()))} for number in range(MAX_MUTES - 1)}
    put(world, f"region#aws#{world.amplify.account_id}#{REGION}", mutes={"M": muted})
    region.mute(scope(world, "d1", f"branch-{MAX_MUTES - 1}"), end)
    with pytest.raises(MuteRefusedError, match=r"200 apps and branches are muted .* wait until"):
        region.mute(scope(world, "d2"), end)
    with pytest.raises(MuteRefusedError, match="in the future"):
        region.mute(scope(world, "d2"), world.now() - timedelta(days=1))
    region.mute(scope(world, "d1", "branch-7"), end + timedelta(minutes=1))
    region.mute(scope(world, "d1", "branch-7"), None)
    region.mute(scope(world, "d2"), end)
    app = failing(world, None)
    assert len(world.alerts()) == 1
    world.amplify.control.advance(2 * 3600)
    assert "is muted until" in ask(world, app, RequestKind.MUTE, until=world.now() + timedelta(hours=1))
    assert list(region_item(world)["mutes"]["M"]) == [f"{app}/main"]


def full_region(now: int, letter: str) -> dict[str, Any]:
    """A region's item in which every minute is full, and every mute has the longest name that Amplify allows."""
    app_id = "d123456789012345{:04d}"
    apps = {"SS": [app_id.format(number) for number in range(101)]}
    minutes = {f"minute_{minute}": apps for minute in range(now // 60 - 70, now // 60)}
    names = (f"{app_id.format(number)}/{letter * 255}" for number in range(MAX_MUTES - 1))
    return {"mutes": {"M": {name: {"N": str(now + 3600)} for name in names}}, **minutes}


def test_the_fullest_region_item_fits_into_the_table(world: World) -> None:
    now = int(world.now().timestamp())
    assert size(full_region(now, chr(0x1F6A2))) < MAX_ITEM
    put(world, f"region#aws#{world.amplify.account_id}#{REGION}", **full_region(now, "b"))
    region = world.services().region
    region.mute(scope(world, "d1", "b" * 255), world.now() + timedelta(hours=1))
    assert region.count(scope(world, "d1")).apps_within(10, world.now()) == 102
    assert len([name for name in region_item(world) if name.startswith("minute_")]) == 60


def test_two_mutes_at_the_same_time_are_both_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    region, end = world.services().region, world.now() + timedelta(hours=1)
    other, read = world.services().region, type(region)._get
    late = [scope(world, "d2")]

    def get(self: Any, key: str) -> Any:
        item = read(self, key)
        if self is region and late:
            other.mute(late.pop(), end)
        return item

    monkeypatch.setattr(type(region), "_get", get)
    region.mute(scope(world, "d1"), end)
    assert sorted(region.read(scope(world, "d1")).mutes) == ["d1/main", "d2/main"]


def test_visitors_of_one_site_make_no_storm(world: World) -> None:
    """Their lines open many incidents, but in one app."""
    shop = site(world, {})
    role = world.make_role("compute")
    world.client("amplify").update_branch(appId=shop.app, branchName="main", computeRoleArn=role)
    who = "User: arn:aws:sts::123456789012:assumed-role/compute/x is not authorized to perform: s3:GetObject"
    on = "on resource: arn:aws:s3:::b/k"
    for line in (
        "Error [CredentialsProviderError]: Could not load credentials from any providers",
        f"AccessDenied: {who} {on} because no identity-based policy allows the s3:GetObject action",
        f"AccessDenied: {who} {on} with an explicit deny in a service control policy",
        f"AccessDenied: {who} {on} with an explicit deny in a permissions boundary",
        f"AccessDenied: {who} {on} with an explicit deny in a resource-based policy",
        "ExpiredTokenException: The security token included in the request is expired",
        "Error: Unable to assume specified compute role arn:aws:iam::123456789012:role/x",
    ):
        world.amplify.control.print_at_runtime(shop.app, "main", line)
    shop.look()
    other = world.make_app(tags={"amplify-medic:auto-fix": "fix"}, name="victim")
    world.amplify.control.set_connection(other, "lost")
    world.deliver(world.build(other))
    assert world.compute_role(other) == world.default_role_arn
    assert "Storm" not in world.alerts()[-1]
    assert incident(world, other).changes != ()


def test_a_damaged_region_item_is_bounded(world: World) -> None:
    now = int(world.now().timestamp()) // 60
    minutes = {f"minute_{minute}": {"SS": ["d1", "d2", "d3", "d4", "d5", "d6"]} for minute in (now + 99, 10**15, 0)}
    odd = {f"minute_{now}": {"S": "d1"}, "minute_x": {"SS": ["d1"]}, "mutes": {"S": "all"}}
    put(world, f"region#aws#{world.amplify.account_id}#{REGION}", **minutes, **odd)
    region = world.services().region
    assert region.read(scope(world, "d1")).apps_within(10, world.now()) == 0
    region.mute(scope(world, "d1"), world.now() + timedelta(hours=1))
    assert list(region_item(world)["mutes"]["M"]) == ["d1/main"]


def test_a_minute_names_a_bounded_number_of_apps(world: World) -> None:
    region = world.services().region
    seen = [region.count(scope(world, f"d{number}")).apps_within(1, world.now()) for number in range(150)]
    assert seen == [*range(1, 102), *[101] * 49]


def test_a_damaged_lease_is_taken(world: World) -> None:
    app = world.make_app()
    world.amplify.control.set_connection(app, "lost")
    key = f"{BRANCH}#aws#{world.amplify.account_id}#{REGION}#{app}#main"
    for lease_until in ({"N": "1E+30"}, {"S": "tomorrow"}, {"NULL": True}):
        put(world, key, lease_until=lease_until, lease_token={"S": "x"})
        with world.services().table.hold(scope(world, app)) as lease:
            lease.save(lease.record)
