"""The watcher: by the clock it wakes the remediator for what is due, and follows SSR logs. It can change nothing."""

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

EVERY = Duration.minutes(1)
"""How often it runs. An app's log is looked at every five minutes, and every minute for a while after a deployment."""


@dataclass(frozen=True, slots=True)
class WatcherFunctionProps:
    """What the watcher looks at, and whom it wakes."""

    settings: Settings
    raw_settings: object
    """The settings as the deployer gave them, handed on unchanged."""
    code: lambda_.Code
    table: dynamodb.ITable
    remediator: lambda_.IFunction


class WatcherFunction(Construct):
    """A scheduled function that reads, keeps its cursors, and sends wake-ups, which carry no authority."""

    def __init__(self, scope: Construct, construct_id: str, props: WatcherFunctionProps) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        self.failed_runs = dead_letter_queue(self, "FailedRuns")
        medic = MedicFunction(
            self,
            "Default",  # leaves no trace in logical ids
            MedicFunctionProps(
                name="watcher",
                description="Keeps time for Amplify Medic, follows SSR logs, and wakes the remediator where needed",
                rights="reads what is due and SSR logs, keeps its cursors, and wakes the remediator",
                code=props.code,
                environment=function_environment(
                    self, props.raw_settings, props.table, REMEDIATOR_FUNCTION=props.remediator.function_name
                ),
                failed_runs=self.failed_runs,
            ),
        )
        self.function = medic.function
        watches = props.settings.watch_runtime is not WatchRuntime.NONE
        medic.grant([*_keeping_time(props), *(_watching(stack, props) if watches else [])])
        self._run_by_the_clock()
        if watches:
            self._hear_of_deployments(props.settings.apps)

    def _run_by_the_clock(self) -> None:
        events.Rule(
            self,
            "Schedule",
            description="Wakes Amplify Medic's watcher",
            schedule=events.Schedule.rate(EVERY),
            # The next run does what a lost one would have done.
            targets=[targets.LambdaFunction(self.function, retry_attempts=0)],
        )

    def _hear_of_deployments(self, apps: tuple[str, ...]) -> None:
        """What a deployment lacks at runtime shows soon after it succeeded: its app is looked at more often then."""
        detail = {"jobStatus": [str(DeploymentStatus.SUCCEED)], **({"appId": list(apps)} if apps else {})}
        events.Rule(
            self,
            "Deployments",
            description="Amplify Hosting deployments that succeeded, for Amplify Medic's watcher",
            event_pattern=events.EventPattern(source=[SOURCE], detail_type=[DETAIL_TYPE], detail=detail),
            # One that gets lost costs some minutes.
            targets=[targets.LambdaFunction(self.function, retry_attempts=0)],
        )


def _keeping_time(props: WatcherFunctionProps) -> Iterator[Grant]:
    yield Grant(
        sid="FindWhatIsDue",
        why="The index of branches that expect something, by the time it is due.",
        actions=["dynamodb:Query"],
        resources=[f"{props.table.table_arn}/index/{DUE_INDEX}"],
    )
    yield Grant(
        sid="WakeTheRemediator",
        why="Tells the remediator on which branch or app to look at something; what to do it finds out itself.",
        actions=["lambda:InvokeFunction"],
        resources=[props.remediator.function_arn],
    )


def _watching(stack: Stack, props: WatcherFunctionProps) -> Iterator[Grant]:
    yield Grant(
        sid="FindApps",
        why="Which apps there are, and on which platform.",
        actions=["amplify:ListApps"],
        resources=["*"],
        wildcard="ListApps takes no resource",
    )
    yield from runtime_log_grants(stack, props.settings.apps)
    yield Grant(
        sid="HearWhoIsMuted",
        why="Which apps nobody wants to hear of for a while.",
        actions=["dynamodb:GetItem"],
        resources=[props.table.table_arn],
        conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": f"{REGION}#*"}},
    )
    yield Grant(
        sid="KeepCursors",
        why="How far each app's log was read. No other item of the table can be touched.",
        actions=["dynamodb:BatchGetItem", "dynamodb:UpdateItem"],
        resources=[props.table.table_arn],
        conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": f"{CURSOR}#*"}},
    )
