"""The watcher: a scheduled function that wakes the remediator for due work and reads SSR logs. It changes no role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.function import MedicFunction, MedicFunctionProps, dead_letter_queue, function_environment
from infra.iam import Grant, runtime_log_grants
from medic.events import DETAIL_TYPE, SOURCE, DeploymentStatus
from medic.incidents.table import DUE_INDEX, REGION
from medic.settings import Settings, WatchRuntime
from medic.watch.cursor_store import CURSOR

if TYPE_CHECKING:
    from collections.abc import Iterator

INTERVAL = Duration.minutes(1)
"""How often the watcher runs. It reads an app's log every five minutes, and every minute shortly after a deployment."""


@dataclass(frozen=True, slots=True)
class WatcherFunctionProps:
    settings: Settings
    raw_settings: object
    """The settings as the deployer wrote them, passed on unchanged."""
    code: lambda_.Code
    table: dynamodb.ITable
    remediator: lambda_.IFunction


class WatcherFunction(Construct):
    """Reads due branches and SSR logs, stores its log cursors, and sends wake-ups. A wake-up grants no permission."""

    def __init__(self, scope: Construct, construct_id: str, props: WatcherFunctionProps) -> None:
        super().__init__(scope, construct_id)
        self.failed_runs = dead_letter_queue(self, "FailedRuns")
        medic = MedicFunction(
            self,
            "Default",  # CDK leaves this id out of logical ids
            MedicFunctionProps(
                name="watcher",
                description="Checks Amplify Medic's deadlines, reads SSR logs, and wakes the remediator when needed",
                permissions="reads due branches and SSR logs, stores its log cursors, invokes the remediator",
                code=props.code,
                environment=function_environment(
                    self, props.raw_settings, props.table, REMEDIATOR_FUNCTION=props.remediator.function_name
                ),
                failed_runs=self.failed_runs,
            ),
        )
        self.function = medic.function
        reads_logs = props.settings.watch_runtime is not WatchRuntime.NONE
        medic.grant([*_deadline_grants(props), *(_log_grants(Stack.of(self), props) if reads_logs else [])])
        self._schedule()
        if reads_logs:
            self._receive_deployments(props.settings.apps)

    def _schedule(self) -> None:
        events.Rule(
            self,
            "Schedule",
            description="Runs Amplify Medic's watcher",
            schedule=events.Schedule.rate(INTERVAL),
            # No retries: the next run does the work of a lost one.
            targets=[targets.LambdaFunction(self.function, retry_attempts=0)],
        )

    def _receive_deployments(self, apps: tuple[str, ...]) -> None:
        """After a deployment, the watcher reads the app's log more often, because most runtime errors show up then."""
        detail = {"jobStatus": [str(DeploymentStatus.SUCCEED)], **({"appId": list(apps)} if apps else {})}
        events.Rule(
            self,
            "Deployments",
            description="Amplify Hosting deployments that succeeded, for Amplify Medic's watcher",
            event_pattern=events.EventPattern(source=[SOURCE], detail_type=[DETAIL_TYPE], detail=detail),
            # No retries: without the event, the error is found a few minutes later.
            targets=[targets.LambdaFunction(self.function, retry_attempts=0)],
        )


def _deadline_grants(props: WatcherFunctionProps) -> Iterator[Grant]:
    yield Grant(
        sid="FindWhatIsDue",
        why="Queries the index of branches with pending work, such as a deadline or an undelivered alert.",
        actions=["dynamodb:Query"],
        resources=[f"{props.table.table_arn}/index/{DUE_INDEX}"],
    )
    yield Grant(
        sid="WakeTheRemediator",
        why="Tells the remediator which branch or app to check. The remediator itself decides what to do.",
        actions=["lambda:InvokeFunction"],
        resources=[props.remediator.function_arn],
    )


def _log_grants(stack: Stack, props: WatcherFunctionProps) -> Iterator[Grant]:
    yield Grant(
        sid="FindApps",
        why="Lists the apps and their platforms.",
        actions=["amplify:ListApps"],
        resources=["*"],
        wildcard="ListApps does not support resource-level permissions",
    )
    yield from runtime_log_grants(stack, props.settings.apps)
    yield Grant(
        sid="HearWhoIsMuted",
        why="Reads which apps are muted.",
        actions=["dynamodb:GetItem"],
        resources=[props.table.table_arn],
        conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": f"{REGION}#*"}},
    )
    yield Grant(
        sid="KeepCursors",
        why="Stores how far each app's log was read. The condition excludes all other items of the table.",
        actions=["dynamodb:BatchGetItem", "dynamodb:UpdateItem"],
        resources=[props.table.table_arn],
        conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": f"{CURSOR}#*"}},
    )
