"""Records runs of the bot in the integration tests' fake world: its AWS calls, and the answers for a replay."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import parse_qs

import boto3

from benchmarks.lambda_environment import PROBES
from tests.fakes.slack import FakeSlack
from tests.integration.conftest import ENVIRONMENT, REGION, SECRET, World, open_world

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from medic.settings import Runtime

FIX = {"amplify-medic:auto-fix": "fix", "amplify-medic:rebuild": "yes"}


@dataclass(frozen=True, slots=True)
class Recording:
    """One event, and every answer from AWS while the bot handled it."""

    name: str
    event: Mapping[str, Any]
    now: datetime
    calls: tuple[str, ...]
    """`service.Operation`, in order."""
    answers: tuple[Mapping[str, Any], ...]
    posts: int
    """The number of messages that Slack received."""

    def of(self, *services: str) -> list[str]:
        """The calls of these services."""
        return [call for call in self.calls if call.partition(".")[0] in services]


@dataclass(frozen=True, slots=True)
class Recordings:
    """The three kinds of run, and the environment of a function that replays them."""

    kinds: tuple[Recording, ...]
    environment: Mapping[str, str]


def tapes(tree: Path, folder: Path) -> None:
    """Record the runs of the checkout in `tree` as files in a folder. benchmarks/replay_server.py reads them."""
    command = [sys.executable, "-P", str(PROBES / "tape.py"), str(folder)]
    subprocess.run(command, cwd=tree, env=tree_environment(tree), check=True, stdout=subprocess.DEVNULL)  # noqa: S603


def tree_environment(tree: Path) -> dict[str, str]:
    """The environment in which Python imports the modules of this checkout."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(str(tree / part) for part in (".", "lambdas", "cli"))}


@contextmanager
def recordings() -> Iterator[Recordings]:
    """Record an ordinary failure, a diagnosis and a fix.

    The log server and Slack run until the context exits.
    """
    with patch.dict(os.environ, ENVIRONMENT), FakeSlack() as slack, open_world(slack) as world:
        ordinary = world.build(world.make_app(), outcome="npm_failure")
        kinds = (
            _record("not-iam", ordinary, world),
            _record("diagnosis", _lost(world, {}, "diagnosis-only"), world),
            _record("fix", _lost(world, FIX, "fixed"), world),
        )
        yield Recordings(kinds, _environment(world, world.services().runtime))


def _lost(world: World, tags: dict[str, str], name: str) -> dict[str, Any]:
    """A build of an app whose repository connection is lost, the most common IAM failure."""
    app_id = world.make_app(tags=tags, iamServiceRoleArn=world.make_role(f"service-of-{name}"))
    world.amplify.control.set_connection(app_id, "lost")
    return world.build(app_id)


def _record(name: str, event: dict[str, Any], world: World) -> Recording:
    calls: list[str] = []
    answers: list[dict[str, Any]] = []
    keys: list[str] = []
    session = boto3.Session(region_name=REGION)

    def called(model: Any, **_: object) -> None:  # noqa: ANN401 - botocore's
        calls.append(f"{model.service_model.service_name}.{model.name}")

    def sent(request: Any, event_name: str, **_: object) -> None:  # noqa: ANN401 - botocore's
        keys.append(_key(event_name, request.body))

    def received(response_dict: Mapping[str, Any], event_name: str, **_: object) -> None:
        operation = ".".join(event_name.split(".")[1:])
        # Several calls may be in flight. Calls of one operation are assumed to be answered in the order they were sent.
        key = next(key for key in keys if key.startswith(f"{operation}:"))
        keys.remove(key)
        headers = {str(field): str(value) for field, value in response_dict["headers"].items()}
        body = response_dict["body"]
        text = body.decode() if isinstance(body, bytes) else str(body)
        answers.append({"key": key, "status": response_dict["status_code"], "headers": headers, "body": text})

    session.events.register("before-call", called)
    session.events.register_first("before-send", sent)
    session.events.register("response-received", received)
    posts, now = len(world.slack.posts), world.now()
    world.deliver(event, world.services(session=session))
    return Recording(name, event, now, tuple(calls), tuple(answers), len(world.slack.posts) - posts)


def _key(event_name: str, body: object) -> str:
    """The operation and, for IAM, the role's name: these distinguish calls that a run makes concurrently."""
    operation = ".".join(event_name.split(".")[1:])
    text = body.decode() if isinstance(body, bytes) else body if isinstance(body, str) else ""
    role = parse_qs(text).get("RoleName", [""])[0] if operation.startswith("iam.") else ""
    return f"{operation}:{role}"


def _environment(world: World, runtime: Runtime) -> dict[str, str]:
    settings = {"log_url_origins": [world.amplify.log_origin], "slack": {"webhook_secret": SECRET}, **world.settings}
    return {
        "AMPLIFY_MEDIC_SETTINGS": json.dumps(settings),
        "MEDIC_ACCOUNT": runtime.account,
        "MEDIC_PARTITION": runtime.partition,
        "INCIDENTS_TABLE": runtime.table,
        "QUEUE_URL": "queue",
        "OPERATOR_ROLE_ID": "AROA",
        "ALERT_TOPIC_ARN": runtime.topic_arn,
        "DEFAULT_COMPUTE_ROLE_ARN": runtime.default_role_arn,
        "ACTOR_ROLE_ARN": runtime.actor_role_arn or "",
        "POWERTOOLS_SERVICE_NAME": "remediator",
        "POWERTOOLS_METRICS_NAMESPACE": "AmplifyMedic",
    }
