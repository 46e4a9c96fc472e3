"""A scan makes as few calls as possible at the permitted rate, and keeps no data about healthy branches."""

from __future__ import annotations

import asyncio
import gc
import signal
import tracemalloc
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from medic.settings import Settings
from medic_cli.scan.aws import AwsTargets, WallTime
from medic_cli.scan.model import FindingKind, Scan
from medic_cli.scan.opted_in import OptInTerms
from medic_cli.scan.scanner import Scanner, ScanOptions
from tests.fakes.amplify.moto_adapter import AmplifyOnMoto, amplify_backends, amplify_on_moto
from tests.integration.account import ACCOUNT, add_app, add_branch, add_estate, calls_in, make_role, state_of
from tests.integration.scanning import REGIONS, observed, session

if TYPE_CHECKING:
    from collections.abc import Iterator

APPS, BRANCHES, RATE = 25, 50, 10


@pytest.fixture
def cloud() -> Iterator[AmplifyOnMoto]:
    with amplify_on_moto() as amplify:
        yield amplify


@pytest.mark.usefixtures("cloud")
@pytest.mark.parametrize("roles", [6, 2 * APPS * len(REGIONS)], ids=["shared roles", "two roles an app"])
def test_a_large_account_is_scanned_with_the_fewest_calls_at_the_permitted_rate(roles: int) -> None:
    arns = [make_role(f"role-{n}") for n in range(roles)]
    add_estate(REGIONS, apps=APPS, branches=BRANCHES, roles=lambda n: {
        "iamServiceRoleArn": arns[2 * n % roles], "computeRoleArn": arns[(2 * n + 1) % roles],
    })  # fmt: skip

    seen = observed(rate=RATE)

    assert seen.scan.calls == {
        "amplify:ListApps": len(REGIONS),
        "amplify:ListBranches": len(REGIONS) * APPS,
        "iam:GetRole": roles,
        "iam:ListRoles": 1,
    }
    for region in REGIONS:
        assert Counter(calls_in(region)) == {"ListApps": 1, "ListBranches": APPS}
    assert (seen.scan.apps, seen.scan.branches) == (len(REGIONS) * APPS, len(REGIONS) * APPS * BRANCHES)
    assert seen.scan.findings == ()
    assert not seen.scan.partial
    assert seen.scan.seconds <= 1.2 * seen.bound(RATE)
    for moments in seen.moments.values():
        apart = [later - earlier for earlier, later in zip(sorted(moments), sorted(moments)[1:], strict=False)]
        assert min(apart, default=1) >= 1 / RATE - 1e-9, "no two calls closer than the rate allows, not even at first"


@pytest.mark.usefixtures("cloud")
def test_every_page_of_a_list_is_read() -> None:
    add_estate(REGIONS[:1], apps=5, branches=7)
    state_of(REGIONS[0]).page_size = 2
    seen = observed(REGIONS[:1])
    assert seen.scan.calls["amplify:ListApps"] == 3
    assert seen.scan.calls["amplify:ListBranches"] == 5 * 4
    assert seen.scan.branches == 35


@pytest.mark.usefixtures("cloud")
def test_each_role_costs_one_getrole_however_many_apps_and_regions_use_it() -> None:
    shared = make_role("shared")
    add_estate(REGIONS, apps=4, branches=3, roles=lambda _: {"iamServiceRoleArn": shared, "computeRoleArn": shared})
    assert observed().scan.calls["iam:GetRole"] == 1


@pytest.mark.usefixtures("cloud")
def test_static_apps_cost_no_iam_call() -> None:
    add_estate(REGIONS[:1], apps=3, branches=1, roles=lambda _: {"platform": "WEB"})
    assert set(observed(REGIONS[:1]).scan.calls) == {"amplify:ListApps", "amplify:ListBranches"}


def test_throttling_slows_the_scan_down_and_changes_nothing_else(cloud: AmplifyOnMoto) -> None:
    add_estate(REGIONS[:1], apps=12, branches=4, roles=lambda _: {"iamServiceRoleArn": "nobody"})
    calm = observed(REGIONS[:1])
    for nth in (1, 2, 3, 7, 8, 15):
        cloud.control.fail_call("ListBranches", "throttle", nth=nth)
    cloud.control.fail_call("ListApps", "throttle")
    slowed = observed(REGIONS[:1])

    assert slowed.scan.findings == calm.scan.findings
    assert len(slowed.scan.findings) == 24
    assert not slowed.scan.partial
    assert slowed.scan.throttles == 7
    assert slowed.scan.calls["amplify:ListBranches"] == calm.scan.calls["amplify:ListBranches"] + 6
    assert slowed.scan.seconds > 1.5 * calm.scan.seconds


def test_long_throttling_does_not_fail_the_scan(cloud: AmplifyOnMoto) -> None:
    add_estate(REGIONS[:1], apps=1, branches=1)
    for nth in range(1, 41):
        cloud.control.fail_call("ListApps", "throttle", nth=nth)
    seen = observed(REGIONS[:1])
    assert (seen.scan.apps, seen.scan.throttles, seen.scan.partial) == (1, 40, False)
    assert seen.scan.seconds > 120


@pytest.mark.parametrize("fault", ["server_error", "timeout_before_effect"])
def test_a_temporary_fault_is_retried_and_a_lasting_one_is_a_gap(cloud: AmplifyOnMoto, fault: str) -> None:
    add_estate(REGIONS[:1], apps=2, branches=1)
    cloud.control.fail_call("ListBranches", fault)  # type: ignore[arg-type]
    assert not observed(REGIONS[:1]).scan.partial
    for nth in range(1, 7):
        cloud.control.fail_call("ListBranches", fault, nth=nth)  # type: ignore[arg-type]
    scan = observed(REGIONS[:1]).scan
    assert (scan.partial, scan.apps) == (True, 0)
    assert [(gap.action, len(gap.app_ids)) for gap in scan.gaps] == [("amplify:ListBranches", 2)]


@pytest.mark.usefixtures("cloud")
def test_memory_does_not_grow_with_the_number_of_apps() -> None:
    """With four times the apps, the branch names alone would exceed the limit by half if the scan kept them."""
    _add_long_names(apps=10)
    observed(REGIONS[:1], latency=0)
    small = _peak()
    _add_long_names(apps=30)
    assert _peak() - small < 400 << 10


def _add_long_names(apps: int) -> None:
    role = make_role(f"role-{apps}")
    for n in range(apps):
        app_id = add_app(REGIONS[0], f"app-{n}", iamServiceRoleArn=role, computeRoleArn=role)
        for b in range(20):
            add_branch(app_id, f"feature/{b}-{'x' * 200}")


def _peak() -> int:
    """The peak memory of a scan in bytes, without the fake's record of calls.

    Garbage counts until it is collected. So it is collected as often as outside the tests.
    """
    amplify_backends[ACCOUNT][REGIONS[0]].fake.calls.clear()
    thresholds = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    tracemalloc.start()
    try:
        assert not observed(REGIONS[:1], latency=0).scan.partial
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        gc.set_threshold(*thresholds)


@pytest.mark.usefixtures("cloud", "sigint_raises")
def test_ctrl_c_ends_the_scan_with_the_results_so_far() -> None:
    for n in range(40):
        add_branch(add_app(REGIONS[0], f"app-{n}"))
    targets = AwsTargets(session(), REGIONS[:1], rate=200, iam_rate=200, time=WallTime())
    interrupts = 0

    def press(scanner: Scanner) -> None:
        nonlocal interrupts
        if not interrupts and scanner.progress[REGIONS[0]].apps >= 5:
            interrupts += 1
            signal.raise_signal(signal.SIGINT)

    async def run() -> Scan:
        return await Scanner(
            targets, ScanOptions({REGIONS[0]: OptInTerms(Settings(), None)}), lambda: datetime.now(UTC), press
        ).run()

    with asyncio.Runner() as runner:
        scan = runner.run(run())

    assert interrupts == 1
    assert scan.interrupted
    assert scan.partial
    assert 5 <= scan.apps < 40
    kinds = Counter(finding.kind for finding in scan.findings)
    assert kinds[FindingKind.COMPUTE_ROLE_NOT_SET] == scan.apps
