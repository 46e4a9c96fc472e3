"""The watcher: a scheduled function that wakes the remediator for due work and reads SSR logs. It changes no role."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.function import MedicFunction, function_environment
from infra.iam import Grant, job_grant, runtime_log_grant, send_grant
from medic.events import DETAIL_TYPE, SOURCE, DeploymentStatus
from medic.incidents.table import BRANCH, DUE_INDEX, REGION
from medic.settings import Settings, WatchRuntime
from medic.watch.cursor_store import CURSOR

if TYPE_CHECKING:
    from collections.abc import Iterator

INTERVAL = Duration.minutes(1)
"""How often the watcher runs. It reads an app's log every five minutes, and every minute shortly after a deployment."""


class WatcherFunction(Construct):
    """Reads due branches and SSR logs, stores its log cursors, and sends wake-ups. A wake-up grants no permission.

    It gets `raw_settings`, the settings as the deployer wrote them, unchanged.
    """

    def __init__(  # noqa: PLR0913
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        raw_settings: object,
        code: lambda_.Code,
        table: dynamodb.ITable,
        queue: sqs.IQueue,
    ) -> None:
        super().__init__(scope, construct_id)
        medic = MedicFunction(
            self,
            "Default",  # CDK leaves this id out of logical ids
            name="watcher",
            description="Checks Amplify Medic's deadlines, reads SSR logs, and wakes the remediator when needed",
            permissions="reads due branches and SSR logs, stores its log cursors, sends wake-ups",
            code=code,
            environment=function_environment(self, raw_settings, table, QUEUE_URL=queue.queue_url),
            kms_key=settings.kms_key,
        )
        self.function, self.role = medic.function, medic.role
        # No retries by Lambda, and no backlog: the next run does the work of a lost one.
        medic.function.configure_async_invoke(retry_attempts=0, max_event_age=INTERVAL)
        reads_logs = settings.watch_runtime is not WatchRuntime.NONE
        stack = Stack.of(self)
        log_grants = _log_grants(stack, settings.apps, table) if reads_logs else ()
        medic.grant([*_deadline_grants(table, queue), *_job_grants(stack, settings.apps, table), *log_grants])
        self._schedule()
        if reads_logs:
            self._receive_deployments(settings.apps)

    def _schedule(self) -> None:
        events.Rule(
            self,
            "Schedule",
            description="Runs Amplify Medic's watcher",
            schedule=events.Schedule.rate(INTERVAL),
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


def _deadline_grants(table: dynamodb.ITable, queue: sqs.IQueue) -> Iterator[Grant]:
    yield Grant(
        sid="FindWhatIsDue",
        why="Queries the index of branches with pending work.",
        actions=["dynamodb:Query"],
        resources=[f"{table.table_arn}/index/{DUE_INDEX}"],
    )
    yield send_grant(
        queue.queue_arn, "Tells the remediator which branch or app to check. The remediator itself decides what to do."
    )


def _job_grants(stack: Stack, apps: tuple[str, ...], table: dynamodb.ITable) -> Iterator[Grant]:
    yield Grant(
        sid="FindApps",
        why="Lists the apps and their platforms.",
        actions=["amplify:ListApps"],
        resources=["*"],
        wildcard="ListApps does not support resource-level permissions",
    )
    yield job_grant(stack, apps)
    yield Grant(
        sid="KeepCursors",
        why="Stores how far each app's log and jobs were read, and nothing else in the table.",
        actions=["dynamodb:BatchGetItem", "dynamodb:UpdateItem"],
        resources=[table.table_arn],
        conditions={
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": f"{CURSOR}#*"},
            "Null": {"dynamodb:LeadingKeys": "false"},
        },
    )

    yield Grant(
        sid="HearWhatIsHandled",
        why="Reads which failed jobs of a branch were handled, so that they are not sent once more.",
        actions=["dynamodb:GetItem"],
        resources=[table.table_arn],
        conditions={
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": f"{BRANCH}#*"},
            "Null": {"dynamodb:LeadingKeys": "false"},
        },
    )


def _log_grants(stack: Stack, apps: tuple[str, ...], table: dynamodb.ITable) -> Iterator[Grant]:
    yield runtime_log_grant(stack, apps)
    yield Grant(
        sid="HearWhoIsMuted",
        why="Reads which apps are muted.",
        actions=["dynamodb:GetItem"],
        resources=[table.table_arn],
        conditions={
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": f"{REGION}#*"},
            "Null": {"dynamodb:LeadingKeys": "false"},
        },
    )
