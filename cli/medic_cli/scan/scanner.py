"""Runs a scan: regions and apps concurrently, each service within its request rate.

The scan keeps findings, gaps, each role once, and which apps use it. It drops an app's branches after checking them, so
memory does not grow with healthy branches.
"""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Generic, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from medic.arns import RoleArn, arn_parts
from medic.aws.errors import AwsError, DeniedError
from medic.evidence import Absent, App, Branch, Item, Present, Role, RolePolicies, Unreadable
from medic.gateways import utc_now
from medic_cli.aws import explained
from medic_cli.scan.aws import MAX_CONCURRENT_CALLS, AwsTargets, WallTime
from medic_cli.scan.exposure import environment_findings, exposure_findings
from medic_cli.scan.facts import AppFacts
from medic_cli.scan.model import Gap, Gaps, RegionSummary, Scan, ScanFinding
from medic_cli.scan.opted_in import candidate_roles, opt_in_findings, roles_needing_policies
from medic_cli.scan.output import counted
from medic_cli.scan.roles import RoleUsage, in_own_account, is_logging_role_arn, role_arns, role_findings, role_uses

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from boto3.session import Session

    from medic.aws.iam import IamReader
    from medic_cli.scan.opted_in import OptInTerms

T = TypeVar("T")

_IAM = "iam"


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """What to scan, and the settings for opted-in branches."""

    terms: Mapping[str, OptInTerms]
    """By region, because each region has its own stack."""
    apps: tuple[str, ...] = ()
    """App ids. Empty: every app."""
    settings_from: str | None = None
    """The settings file or the deployed stack. None: the default settings."""


class ThreadPool:
    """Runs blocking calls in threads. Each endpoint has its own slots, so a slow one does not delay the others."""

    def __init__(self, endpoints: Iterable[str]) -> None:
        self._slots = {endpoint: asyncio.Semaphore(MAX_CONCURRENT_CALLS) for endpoint in endpoints}
        max_workers = len(self._slots) * MAX_CONCURRENT_CALLS
        self._pool = ThreadPoolExecutor(max_workers=max_workers, thread_name_prefix="medic-scan")

    async def call(self, endpoint: str, job: Callable[[], T]) -> T:
        async with self._slots[endpoint]:
            return await asyncio.get_running_loop().run_in_executor(self._pool, job)

    def shutdown(self) -> None:
        """Drop the waiting jobs. Does not wait for running ones."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class AsyncCache(Generic[T]):
    """Loads each key once, also if several tasks ask for it at the same time."""

    def __init__(self, load: Callable[[str], Awaitable[T]]) -> None:
        self._load = load
        self._futures: dict[str, asyncio.Future[T]] = {}

    async def get(self, key: str) -> T:
        if key not in self._futures:
            self._futures[key] = asyncio.ensure_future(self._load(key))
        return await self._futures[key]


class Scanner:
    """One scan. Create and run it within an event loop.

    Args:
        targets: the AWS endpoints.
        options: what to scan.
        clock: gives now, UTC.
        on_progress: called after each app and each list of apps.
    """

    def __init__(
        self,
        targets: AwsTargets,
        options: ScanOptions,
        clock: Callable[[], datetime],
        on_progress: Callable[[Scanner], None] = lambda _: None,
    ) -> None:
        self.targets = targets
        self.progress = {region: RegionSummary(region) for region in targets.amplify}
        self._options, self._clock, self._on_progress = options, clock, on_progress
        self._threads = ThreadPool([*self.progress, _IAM])
        self._roles: AsyncCache[Item[Role]] = AsyncCache(self._read_role)
        self._policies: AsyncCache[Item[RolePolicies]] = AsyncCache(self._read_policies)
        self._findings: list[ScanFinding] = []
        self._gaps = Gaps()
        self._role_usage = RoleUsage()
        self._missing_apps = set(options.apps)
        self._partition, self._account = "aws", ""
        """From the ARN of the first app, so no call is needed; an empty account until then."""
        self._role_listing: asyncio.Task[tuple[str, ...]] | None = None
        self._logging_role_policies: dict[str, Item[RolePolicies]] = {}

    async def run(self) -> Scan:
        """Scan everything. If cancelled, return the results so far.

        Raises:
            AwsError: no region's apps could be listed.
        """
        started_at, began, interrupted = self._clock(), self.targets.time.now(), False
        try:
            async with asyncio.TaskGroup() as group:
                for region in self.targets.amplify:
                    group.create_task(self._scan_region(region))
            await self._read_logging_roles()
        except asyncio.CancelledError:
            interrupted = True
        finally:
            self.targets.time.stop()
            self._threads.shutdown()
        if self._gaps.first_error is not None and not any(region.listed for region in self.progress.values()):
            raise self._gaps.first_error
        if not interrupted:
            self._note_missing_apps()
        return self._result(started_at, self.targets.time.now() - began, interrupted=interrupted)

    async def _scan_region(self, region: str) -> None:
        progress = self.progress[region]
        try:
            apps = await self._threads.call(region, lambda: self._apps(region))
        except AwsError as error:
            self._gaps.add(error, region=region)
            return
        progress.listed, progress.apps_found = True, len(apps)
        self._missing_apps -= {app.id for app in apps}
        self._on_progress(self)
        limit = asyncio.Semaphore(MAX_CONCURRENT_CALLS)
        async with asyncio.TaskGroup() as group:
            for app in apps:
                group.create_task(self._scan_app(region, app, limit))

    def _apps(self, region: str) -> list[App]:
        """All apps with ListApps. Chosen apps with GetApp, so that no permission to list is needed."""
        amplify = self.targets.amplify[region]
        if not self._options.apps:
            return list(amplify.apps())
        found = []
        for app_id in self._options.apps:
            match amplify.app(app_id):
                case Present(app):
                    found.append(app)
                case Unreadable(reason):
                    raise DeniedError("amplify:GetApp", "AccessDenied", reason)
                case Absent():
                    pass  # it is in another region, or in none
        return found

    async def _scan_app(self, region: str, app: App, limit: asyncio.Semaphore) -> None:
        async with limit:
            (partition, account), terms = self._account_of(app), self._options.terms[region]
            branches = await self._branches(region, app)
            read_at = self._clock()
            facts = AppFacts(partition, account, region, read_at, app, branches or (), roles={})
            candidates = (arn for arn in candidate_roles(facts, terms) if in_own_account(facts, arn))
            facts = replace(facts, roles=await self._read_roles((*role_arns(facts), *candidates)))
            if facts.ssr:
                self._list_logging_roles()
            names = roles_needing_policies(facts, terms)
            policies = dict(zip(names, await asyncio.gather(*map(self._policies.get, names)), strict=True))
            self._add_findings(facts, terms, policies)
        if branches is not None:
            self.progress[region].apps += 1
            self.progress[region].branches += len(branches)
        self._on_progress(self)

    def _add_findings(self, facts: AppFacts, terms: OptInTerms, policies: dict[str, Item[RolePolicies]]) -> None:
        uses = role_uses(facts)
        self._role_usage.add(facts, uses)
        self._findings += role_findings(facts, uses)
        self._findings += environment_findings(facts)
        self._findings += exposure_findings(facts)
        self._findings += opt_in_findings(facts, terms, policies)

    def _account_of(self, app: App) -> tuple[str, str]:
        if not self._account:
            self._partition, _, _, self._account, _ = arn_parts(app.arn)
        return self._partition, self._account

    async def _branches(self, region: str, app: App) -> tuple[Branch, ...] | None:
        """None, with a gap, if the branches could not be listed."""
        try:
            return await self._threads.call(region, lambda: tuple(self.targets.amplify[region].branches(app.id)))
        except AwsError as error:
            self._gaps.add(error, region=region, app=app.id)
            return None

    async def _read_roles(self, arns: Iterable[str]) -> dict[str, Item[Role]]:
        unique = tuple(dict.fromkeys(arns))
        return dict(zip(unique, await asyncio.gather(*map(self._roles.get, unique)), strict=True))

    async def _read_role(self, arn: str) -> Item[Role]:
        iam = self._iam
        try:
            item = await self._threads.call(_IAM, lambda: iam.role(arn))
        except AwsError as error:
            self._gaps.add(error, role=arn)
            return Unreadable(str(error))
        if isinstance(item, Unreadable):
            self._gaps.add(DeniedError("iam:GetRole", "AccessDenied", item.reason), role=arn)
        return item

    async def _read_policies(self, role_name: str) -> Item[RolePolicies]:
        iam = self._iam
        try:
            return Present(await self._threads.call(_IAM, lambda: iam.read_policies(role_name)))
        except AwsError as error:
            self._gaps.add(error, role=role_name)
            return Unreadable(str(error))

    @cached_property
    def _iam(self) -> IamReader:
        return self.targets.iam_of(self._account)

    def _list_logging_roles(self) -> None:
        """Start to list them in the background, once, when the first app that may have one is found."""
        if self._role_listing is None:
            self._role_listing = asyncio.create_task(self._threads.call(_IAM, self.targets.logging_roles))

    async def _read_logging_roles(self) -> None:
        """Read the policies of all roles with a logging role's name. Amplify does not say which app uses which."""
        if self._role_listing is None:
            return
        try:
            listed = await self._role_listing
        except AwsError as error:
            self._gaps.add(error)
            listed = ()
        arns = tuple(dict.fromkeys((*listed, *filter(is_logging_role_arn, self._role_usage.roles))))
        await asyncio.gather(*map(self._read_logging_role, arns))

    async def _read_logging_role(self, arn: str) -> None:
        role = RoleArn.parse(arn)
        if role is not None:
            self._logging_role_policies[arn] = await self._policies.get(role.name)

    def _note_missing_apps(self) -> None:
        if self._missing_apps:
            regions = ", ".join(name for name, region in self.progress.items() if region.listed)
            apps = tuple(sorted(self._missing_apps))
            reason = f"There is no such app in {regions}. Check the app id, --region and --profile."
            self._gaps.note(Gap("amplify:GetApp", reason, app_ids=apps))

    def _result(self, started_at: datetime, seconds: float, *, interrupted: bool) -> Scan:
        account_findings = (
            *self._role_usage.shared_role_findings(),
            *self._role_usage.logging_role_findings(self._logging_role_policies),
        )
        return Scan(
            partition=self._partition,
            account=self._account or None,
            started_at=started_at,
            seconds=seconds,
            regions=tuple(self.progress.values()),
            findings=tuple(sorted((*self._findings, *account_findings), key=lambda finding: finding.sort_key)),
            gaps=self._gaps.all(),
            interrupted=interrupted,
            calls=self.targets.calls,
            throttles=self.targets.throttles,
            settings_from=self._options.settings_from,
        )


@contextmanager
def progress_bar() -> Iterator[Callable[[Scanner], None]]:
    """Gives a progress callback. Shows nothing if standard error is not a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("apps"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[status]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("scan", total=None, status="listing apps")

        def update(scanner: Scanner) -> None:
            regions = scanner.progress.values()
            done, found = sum(region.apps for region in regions), sum(region.apps_found for region in regions)
            bar.update(task, completed=done, total=found or None, status=_call_status(scanner))

        yield update


def _call_status(scanner: Scanner) -> str:
    calls = counted(sum(scanner.targets.calls.values()), "call")
    slowest = scanner.targets.slowest
    return f"{calls}, throttled to {slowest.rate:.1f} a second" if slowest else calls


def run(session: Session, options: ScanOptions, *, rate: float, iam_rate: float) -> Scan:
    """Scan every region in `options.terms`. Ctrl-C ends the scan with the results so far.

    Args:
        session: gives the credentials.
        options: what to scan.
        rate: calls a second to Amplify, in each region.
        iam_rate: calls a second to IAM.

    Raises:
        CouldNotLookError: no region's apps could be listed.
    """
    # The runner turns Ctrl-C into a cancellation, which `Scanner.run` handles.
    with explained(), progress_bar() as on_progress, asyncio.Runner() as runner:
        targets = AwsTargets(session, tuple(options.terms), rate=rate, iam_rate=iam_rate, time=WallTime())

        async def scan() -> Scan:
            return await Scanner(targets, options, utc_now, on_progress).run()

        return runner.run(scan())
