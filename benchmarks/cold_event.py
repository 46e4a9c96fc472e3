"""From a cold event to its alert: real handlers, over TLS, with the processor share that their memory buys.

Time is the function's processor time, because a busy machine changes it least. What runs in the handler is divided by
the function's share of a processor. Lambda gives a whole processor to the init, and one to 1,769 MB:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.cold_start import ENVIRONMENT as YARDSTICK
from benchmarks.first_edition import MEMORY_MEBIBYTES as FIRST_MEMORY
from benchmarks.first_edition import NoFirstEditionError, first_edition
from benchmarks.lambda_environment import CERTIFICATES, PROBES, PYTHON, LambdaEnvironment
from benchmarks.measurement import Measured, milliseconds, ratio
from benchmarks.recorded import tapes
from benchmarks.replay_server import ReplayServer, Tape
from benchmarks.runs import Timed
from benchmarks.runtime_api import Function
from infra.bundle import ROOT
from infra.remediator import MEMORY_MEBIBYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

ROUNDS = 11
WARM_RUNS = 10
BUDGETS = {"not-iam": 0.5, "diagnosis": 0.55, "fix": 0.55}
"""Shares of the first edition's time."""
_WHOLE_PROCESSOR = 1769
"""MB."""


class ReplayError(Exception):
    """The bot took another path than the one that was recorded."""


@dataclass(frozen=True, slots=True)
class Edition:
    """A bundle that is measured."""

    name: str
    bundle: Path
    tapes: Mapping[str, Tape]
    memory: int
    """MB."""
    queued: bool
    """True if its events come through a queue."""
    variables: Mapping[str, str]

    def event(self, tape: Tape) -> object:
        if not self.queued:
            return tape.event
        attributes = {
            "SentTimestamp": str(int(time.time() * 1000)),
            "ApproximateReceiveCount": "1",
            "SenderId": "AIDAINVENTED",
        }
        message = {"messageId": "m", "receiptHandle": "r", "body": json.dumps(tape.event), "attributes": attributes}
        return {"Records": [message]}


@dataclass(frozen=True, slots=True)
class ColdRun:
    """One event in a fresh process, in processor seconds."""

    init: float
    handler: float
    told: Mapping[str, float]
    """Channel → the handler's time until that channel had the alert."""
    warm: tuple[float, ...]
    """The handler's time in later runs of the same process."""

    def until(self, channel: str, memory: int) -> float:
        """Seconds until a channel had the alert, or until the end if no channel got one."""
        return self.init + self.told.get(channel, self.handler) / min(1.0, memory / _WHOLE_PROCESSOR)


Runs = dict[str, dict[str, list[ColdRun]]]
"""Edition → kind → runs."""


def cold_event(environment: LambdaEnvironment, folder: Path) -> tuple[list[Measured], list[Timed]]:
    """The lines of the report, and the handler times of this edition."""
    with ReplayServer(folder) as server:
        editions = [_edition("now", ROOT, environment.bundle, folder, server, MEMORY_MEBIBYTES, queued=True)]
        missing = ""
        try:
            tree, bundle = first_edition()
            editions.append(_edition("first", tree, bundle, folder, server, FIRST_MEMORY, queued=False))
        except NoFirstEditionError as error:
            missing = f"the first edition was not measured: {error}"
        runs: Runs = {edition.name: {kind: [] for kind in BUDGETS} for edition in editions}
        boto3: list[float] = []
        for number in range(ROUNDS + 1):
            for kind in BUDGETS:
                for edition in editions:
                    run = _run(edition, edition.tapes[kind], server, WARM_RUNS if number == 1 else 0)
                    if number:  # the first round only warms the disk cache
                        runs[edition.name][kind].append(run)
            boto3.append(_yardstick(environment))
    lines = [_line(kind, runs, boto3[1:], missing) for kind in BUDGETS]
    return lines, [_timed(kind, runs["now"][kind]) for kind in BUDGETS]


def _edition(  # noqa: PLR0913, PLR0917
    name: str, tree: Path, bundle: Path, folder: Path, server: ReplayServer, memory: int, *, queued: bool
) -> Edition:
    """Record an edition's runs, and have its process trust the server beside the usual authorities."""
    (where := folder / f"tapes-{name}").mkdir()
    tapes(tree, where)
    variables = {"AWS_ENDPOINT_URL": server.origin}
    trusted = where / "authorities.pem"
    trusted.write_bytes(CERTIFICATES.read_bytes() + server.authority)
    variables |= {"AWS_CA_BUNDLE": str(trusted), "SSL_CERT_FILE": str(trusted)}
    read = {kind: Tape.read(where / f"{kind}.json", server.origin) for kind in BUDGETS}
    return Edition(name, bundle, read, memory, queued, variables)


def _run(edition: Edition, tape: Tape, server: ReplayServer, warm_runs: int) -> ColdRun:
    variables = {**tape.environment, **edition.variables, "PYTHONPATH": str(PROBES)}
    with Function(PYTHON, edition.bundle, "remediator_without_waits.handler", variables) as function:
        init = function.init()
        handler, told = _invoke(function, edition, tape, server)
        warm = tuple(_invoke(function, edition, tape, server)[0] for _ in range(warm_runs))
    return ColdRun(init, handler, told, warm)


def _invoke(function: Function, edition: Edition, tape: Tape, server: ReplayServer) -> tuple[float, dict[str, float]]:
    begun = function.processor_seconds()
    server.load(tape, function.processor_seconds)
    answer: Any = function.invoke(edition.event(tape))
    handler = function.processor_seconds() - begun
    if server.unknown or (answer or {}).get("batchItemFailures"):
        raise ReplayError(f"{edition.name}, {tape.name}: {answer}; not recorded: {server.unknown}; {function.output}")
    return handler, {channel: at - begun for channel, at in server.told}


def _yardstick(environment: LambdaEnvironment) -> float:
    with Function(PYTHON, environment.bundle, "cold_boto3.handler", YARDSTICK) as function:
        return function.init() + float(function.invoke({})["cpu"])


def _line(kind: str, runs: Runs, boto3: list[float], missing: str) -> Measured:
    channel = "" if kind == "not-iam" else "slack"
    end = "its end" if kind == "not-iam" else "Slack"
    seconds = [run.until(channel, MEMORY_MEBIBYTES) for run in runs["now"][kind]]
    what = f"Cold event to {end}, {kind}, over the first edition"
    budget = f"≤ {BUDGETS[kind]}"
    _, over_boto3 = ratio(seconds, boto3)
    note = f"{milliseconds(seconds)}; over boto3 and its clients {over_boto3}"
    if "first" not in runs:
        return Measured(what, "", milliseconds(seconds), None, f"{missing}; {note}")
    first = [run.until(channel, FIRST_MEMORY) for run in runs["first"][kind]]
    over, text = ratio(seconds, first)
    note = f"{milliseconds(seconds)} at {MEMORY_MEBIBYTES} MB against {milliseconds(first)} at {FIRST_MEMORY} MB"
    return Measured(what, budget, text, over <= BUDGETS[kind], f"{note}; over boto3 and its clients {over_boto3}")


def _timed(kind: str, runs: list[ColdRun]) -> Timed:
    return Timed(kind, tuple(run.handler for run in runs), tuple(seconds for run in runs for seconds in run.warm))
