"""Cold start: importing the remediator and creating its first clients, compared with boto3 and the same clients."""

from __future__ import annotations

from typing import Any

from benchmarks.lambda_environment import PROBES, PYTHON, LambdaEnvironment
from benchmarks.measurement import Measured, milliseconds, ratio
from benchmarks.runtime_api import Function

ROUNDS = 15
BUDGET, GOAL = 1.25, 1.15
ENVIRONMENT = {
    "AMPLIFY_MEDIC_SETTINGS": "{}",
    "MEDIC_ACCOUNT": "111122223333",
    "MEDIC_PARTITION": "aws",
    "INCIDENTS_TABLE": "incidents",
    "QUEUE_URL": "queue",
    "OPERATOR_ROLE_ID": "AROA",
    "ALERT_TOPIC_ARN": "arn:aws:sns:eu-central-1:111122223333:alerts",
    "DEFAULT_COMPUTE_ROLE_ARN": "arn:aws:iam::111122223333:role/amplify-medic/default",
    "POWERTOOLS_SERVICE_NAME": "remediator",
    "POWERTOOLS_METRICS_NAMESPACE": "AmplifyMedic",
    "PYTHONPATH": str(PROBES),
}


def cold_start(environment: LambdaEnvironment) -> list[Measured]:
    """Start fresh processes alternately under Lambda's runtime client. Processor time varies less than wall time."""
    ours: list[dict[str, Any]] = []
    boto3: list[dict[str, Any]] = []
    for number in range(ROUNDS + 1):
        for probe, answers in (("cold_remediator", ours), ("cold_boto3", boto3)):
            with Function(PYTHON, environment.bundle, f"{probe}.handler", ENVIRONMENT) as function:
                answer = function.invoke({})
            if number:  # the first round only warms the disk cache
                answers.append(answer)
    over, text = ratio([one["cpu"] for one in ours], [one["cpu"] for one in boto3])
    _, wall_text = ratio([one["wall"] for one in ours], [one["wall"] for one in boto3])
    mine, theirs = (milliseconds([one["cpu"] for one in several]) for several in (ours, boto3))
    note = f"{mine} against {theirs}; by the clock {wall_text}"
    if not environment.compiled:
        note += "; no Python of Lambda's version was found, so the bundle contains no byte code"
    return [
        Measured(
            what="Cold start: import and first clients, over boto3 and the same clients",
            budget=f"≤ {BUDGET} (goal {GOAL})",
            seen=text,
            met=over <= BUDGET,
            note=note,
        )
    ]
