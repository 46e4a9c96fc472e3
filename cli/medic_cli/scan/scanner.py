"""The scan itself: regions and apps at the same time, each within its rate, and each app let go of once it was judged.

What is kept are the findings, the gaps, every role once, and who uses it. None of that grows with healthy branches.
"""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Generic, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from medic.arns import RoleArn
from medic.aws.errors import AwsError, DeniedError
from medic.evidence import App, Branch, Item, Present, Role, RolePolicies, Unreadable
from medic_cli.aws import explained
from medic_cli.scan.aws import AT_ONCE, AwsTargets, WallTime
from medic_cli.scan.exposure import environment_findings, exposure_findings
from medic_cli.scan.facts import AppFacts
from medic_cli.scan.model import Gap, Gaps, RegionSeen, Scan, ScanFinding
from medic_cli.scan.opted_in import candidates, opt_in_findings, roles_to_weigh
from medic_cli.scan.output import counted
from medic_cli.scan.roles import RoleUsage, is_logging_role_arn, is_own, judged, role_arns, role_findings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

    from boto3.session import Session

    from medic.aws.iam import IamReader
    from medic_cli.scan.aws import RegionTarget
    from medic_cli.scan.opted_in import OptInTerms


@contextmanager
def progress_bar() -> Iterator[Callable[[Scanner], None]]:
    """Gives what the scanner is to tell whenever it got on; shows nothing where standard error is no terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("apps"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[said]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("scan", total=None, said="listing apps")

        def tell(scanner: Scanner) -> None:
            regions = scanner.seen.values()
            done, found = sum(seen.apps for seen in regions), sum(seen.apps_found for seen in regions)
            bar.update(task, completed=done, total=found or None, said=_said(scanner))

        yield tell


def _said(scanner: Scanner) -> str:
    calls = counted(sum(scanner.targets.calls.values()), "call")
    slowest = scanner.targets.slowest
    return f"{calls}, throttled to {slowest.now:.1f} a second" if slowest else calls


T = TypeVar("T")


class ThreadPool:
    """Threads: enough for a few calls at the same time to each place, so that no place waits for another."""

    def __init__(self, places: Iterable[str]) -> None:
        self._turns = {place: asyncio.Semaphore(AT_ONCE) for place in places}
        self._pool = ThreadPoolExecutor(max_workers=len(self._turns) * AT_ONCE, thread_name_prefix="medic-scan")

    async def call(self, place: str, job: Callable[[], T]) -> T:
        """Do a blocking job that calls one place."""
        async with self._turns[place]:
            return await asyncio.get_running_loop().run_in_executor(self._pool, job)

    def dismiss(self) -> None:
        """Take no more jobs; those under way end by themselves."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class AsyncCache(Generic[T]):
    """Asks for each thing once, however many want it at the same time or later."""

    def __init__(self, ask: Callable[[str], Awaitable[T]]) -> None:
        self._ask = ask
        self._answers: dict[str, asyncio.Future[T]] = {}

    async def get(self, key: str) -> T:
        """The answer for one key."""
        if key not in self._answers:
            self._answers[key] = asyncio.ensure_future(self._ask(key))
        return await self._answers[key]


_IAM = "iam"


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """What to look at, and by which terms to judge opted-in branches."""

    terms: Mapping[str, OptInTerms]
    """By region: one stack is deployed in each."""
    apps: tuple[str, ...] = ()
    """Ids; empty: every app."""
    settings_from: str | None = None
    """Where the terms were read: a file, or the deployed stack."""


@dataclass(slots=True)
class Seen:
    """How far one region is."""

    apps_found: int = 0
    apps: int = 0
    branches: int = 0
    listed: bool = False


@dataclass(frozen=True, slots=True)
class _Account:
    """Where the apps are. Their ARNs say it: nobody needs to be asked."""

    partition: str
    id: str
    iam: IamReader


class Scanner:
    """One scan of an estate; made and run within an event loop.

    Args:
        estate: what may be asked.
        options: what to look at.
        clock: the time, UTC.
        tell: called whenever the scan got on.
    """

    def __init__(
        self,
        targets: AwsTargets,
        options: ScanOptions,
        clock: Callable[[], datetime],
        tell: Callable[[Scanner], None] = lambda _: None,
    ) -> None:
        self.targets = targets
        self.seen = {region.name: Seen() for region in targets.regions}
        self._options, self._clock, self._tell = options, clock, tell
        self._threads = ThreadPool([*self.seen, _IAM])
        self._roles: AsyncCache[Item[Role]] = AsyncCache(self._read_role)
        self._policies: AsyncCache[Item[RolePolicies]] = AsyncCache(self._read_policies)
        self._findings: list[ScanFinding] = []
        self._gaps = Gaps()
        self._role_usage = RoleUsage()
        self._missing = set(options.apps)
        self._account: _Account | None = None
        self._listing: asyncio.Task[tuple[str, ...]] | None = None
        self._logging_roles: dict[str, Item[RolePolicies]] = {}

    async def run(self) -> Scan:
        """Look at everything; when cancelled, answer with what is known so far.

        Raises:
            AwsError: nothing at all could be looked at.
        """
        started_at, began, interrupted = self._clock(), self.targets.time.now(), False
        try:
            async with asyncio.TaskGroup() as group:
                for region in self.targets.regions:
                    group.create_task(self._look_at_region(region))
            await self._look_at_logging_roles()
        except asyncio.CancelledError:
            interrupted = True
        finally:
            self.targets.time.stop()
            self._threads.dismiss()
        if self._gaps.first is not None and not any(seen.listed for seen in self.seen.values()):
            raise self._gaps.first
        if not interrupted:
            self._note_missing_apps()
        return self._answer(started_at, self.targets.time.now() - began, interrupted=interrupted)

    async def _look_at_region(self, region: RegionTarget) -> None:
        seen = self.seen[region.name]
        try:
            apps = await self._threads.call(region.name, lambda: self._apps(region))
        except AwsError as error:
            self._gaps.add(error, region=region.name)
            return
        seen.listed, seen.apps_found = True, len(apps)
        self._missing -= {app.id for app in apps}
        self._tell(self)
        at_once = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for app in apps:
                group.create_task(self._look_at_app(region, app, at_once))

    def _apps(self, region: RegionTarget) -> list[App]:
        """All apps by one list; or the few that were asked for, one by one, which takes no right to list."""
        if not self._options.apps:
            return list(region.amplify.apps())
        found = []
        for app_id in self._options.apps:
            match region.amplify.app(app_id):
                case Present(app):
                    found.append(app)
                case Unreadable(reason):
                    raise DeniedError("amplify:GetApp", "AccessDenied", reason)
        return found

    async def _look_at_app(self, region: RegionTarget, app: App, at_once: asyncio.Semaphore) -> None:
        async with at_once:
            account, terms = self._account_of(app), self._options.terms[region.name]
            branches = await self._branches(region, app)
            read_at = self._clock()
            facts = AppFacts(account.partition, account.id, region.name, read_at, app, branches or (), roles={})
            wanted = (arn for arn in candidates(facts, terms) if is_own(facts, arn))
            facts = replace(facts, roles=await self._look_up((*role_arns(facts), *wanted)))
            if facts.ssr:
                self._list_logging_roles()
            names = roles_to_weigh(facts, terms)
            policies = dict(zip(names, await asyncio.gather(*map(self._policies.get, names)), strict=True))
            self._judge(facts, terms, policies)
        if branches is not None:
            self.seen[region.name].apps += 1
            self.seen[region.name].branches += len(branches)
        self._tell(self)

    def _judge(self, facts: AppFacts, terms: OptInTerms, policies: dict[str, Item[RolePolicies]]) -> None:
        uses = judged(facts)
        self._role_usage.add(facts, uses)
        self._findings += role_findings(facts, uses)
        self._findings += environment_findings(facts)
        self._findings += exposure_findings(facts)
        self._findings += opt_in_findings(facts, terms, policies)

    def _account_of(self, app: App) -> _Account:
        if self._account is None:
            _, partition, _, _, account, _ = app.arn.split(":", 5)
            self._account = _Account(partition, account, self.targets.iam.reader(account))
        return self._account

    async def _branches(self, region: RegionTarget, app: App) -> tuple[Branch, ...] | None:
        """The app's branches; None, and a gap, if they could not be listed."""
        try:
            return await self._threads.call(region.name, lambda: tuple(region.amplify.branches(app.id)))
        except AwsError as error:
            self._gaps.add(error, region=region.name, app=app.id)
            return None

    async def _look_up(self, arns: Iterable[str]) -> dict[str, Item[Role]]:
        wanted = tuple(dict.fromkeys(arns))
        return dict(zip(wanted, await asyncio.gather(*map(self._roles.get, wanted)), strict=True))

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
            return Present(await self._threads.call(_IAM, lambda: iam.policies(role_name)))
        except AwsError as error:
            self._gaps.add(error, role=role_name)
            return Unreadable(str(error))

    @property
    def _iam(self) -> IamReader:
        if self._account is None:
            raise RuntimeError("IAM is asked about roles of apps: none was seen yet")
        return self._account.iam

    def _list_logging_roles(self) -> None:
        """Begin to list them, as soon as there is an app that may have one."""
        if self._listing is None:
            self._listing = asyncio.create_task(self._threads.call(_IAM, self.targets.iam.logging_roles))

    async def _look_at_logging_roles(self) -> None:
        """Amplify does not say which role writes an app's SSR logs: those of the right name are looked at."""
        if self._listing is None:
            return
        try:
            listed = await self._listing
        except AwsError as error:
            self._gaps.add(error)
            listed = ()
        arns = tuple(dict.fromkeys((*listed, *filter(is_logging_role_arn, self._role_usage.roles))))
        await asyncio.gather(*map(self._look_at_logging_role, arns))

    async def _look_at_logging_role(self, arn: str) -> None:
        role = RoleArn.parse(arn)
        if role is not None:
            self._logging_roles[arn] = await self._policies.get(role.name)

    def _note_missing_apps(self) -> None:
        if self._missing:
            regions = ", ".join(name for name, seen in self.seen.items() if seen.listed)
            apps = tuple(sorted(self._missing))
            reason = f"There is no such app in {regions}: look at the id, the --region and the --profile."
            self._gaps.note(Gap("amplify:GetApp", reason, app_ids=apps))

    def _answer(self, started_at: datetime, seconds: float, *, interrupted: bool) -> Scan:
        across = (
            *self._role_usage.shared_role_findings(),
            *self._role_usage.logging_role_findings(self._logging_roles),
        )
        return Scan(
            partition=self._account.partition if self._account else "aws",
            account=self._account.id if self._account else None,
            started_at=started_at,
            seconds=seconds,
            regions=tuple(
                RegionSeen(name, seen.apps_found, seen.apps, seen.branches, seen.listed)
                for name, seen in self.seen.items()
            ),
            findings=tuple(sorted((*self._findings, *across), key=lambda finding: finding.order)),
            gaps=self._gaps.all(),
            interrupted=interrupted,
            calls=self.targets.calls,
            throttles=self.targets.throttles,
            settings_from=self._options.settings_from,
        )


def run(session: Session, options: ScanOptions, *, rate: float, iam_rate: float) -> Scan:
    """Scan the regions that the wish has terms for; Ctrl-C ends it with what is known so far.

    Args:
        session: whose credentials to ask with.
        options: what to look at.
        rate: calls a second to Amplify, in each region.
        iam_rate: calls a second to IAM.

    Raises:
        CouldNotLookError: nothing at all could be looked at.
    """
    with explained(), progress_bar() as tell, asyncio.Runner() as runner:
        targets = AwsTargets.reached_by(session, tuple(options.terms), rate=rate, iam_rate=iam_rate, time=WallTime())

        async def scan() -> Scan:
            return await Scanner(targets, options, lambda: datetime.now(UTC), tell).run()

        return runner.run(scan())
