"""The watcher: every few minutes it wakes the remediator for what is due. It can change nothing itself."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.grants import Grant
from infra.kept_queue import kept_queue
from infra.medic_function import MedicFunction, MedicFunctionProps
from medic.incidents.table import DUE_INDEX

EVERY = Duration.minutes(5)


@dataclass(frozen=True, slots=True)
class WatcherProps:
    """What the watcher looks at, and whom it wakes."""

    code: lambda_.Code
    table: dynamodb.ITable
    remediator: lambda_.IFunction


class Watcher(Construct):
    """A scheduled function that reads one index and sends wake-ups, which carry a branch's name and no authority."""

    def __init__(self, scope: Construct, construct_id: str, props: WatcherProps) -> None:
        super().__init__(scope, construct_id)
        self.failed_runs = kept_queue(self, "FailedRuns")
        medic = MedicFunction(
            self,
            "Default",  # leaves no trace in logical ids
            MedicFunctionProps(
                name="watcher",
                description="Keeps time for Amplify Medic: wakes the remediator for incidents that are overdue",
                rights="reads what is due, and wakes the remediator",
                code=props.code,
                environment={
                    "INCIDENTS_TABLE": props.table.table_name,
                    "REMEDIATOR_FUNCTION": props.remediator.function_name,
                },
                failed_runs=self.failed_runs,
            ),
        )
        self.function = medic.function
        medic.grant(
            [
                Grant(
                    sid="FindWhatIsDue",
                    why="The index of branches that expect something, by the time it is due.",
                    actions=["dynamodb:Query"],
                    resources=[f"{props.table.table_arn}/index/{DUE_INDEX}"],
                ),
                Grant(
                    sid="WakeTheRemediator",
                    why="Tells the remediator on which branch something is due; what to do it finds out itself.",
                    actions=["lambda:InvokeFunction"],
                    resources=[props.remediator.function_arn],
                ),
            ]
        )
        events.Rule(
            self,
            "Schedule",
            description="Wakes Amplify Medic's watcher",
            schedule=events.Schedule.rate(EVERY),
            # The next run does what a lost one would have done.
            targets=[targets.LambdaFunction(self.function, retry_attempts=0)],
        )
