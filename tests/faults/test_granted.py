"""The functions' permissions compared with their calls: each call has its permission, and each permission its call.

So removing any action makes a path fail, because IAM would refuse one of the path's calls.
"""

from __future__ import annotations

import pytest

from medic.gateways import Gateways
from medic.settings import Runtime, Settings
from medic.watch.watcher import Watcher
from tests.faults.builds import runtime_attach
from tests.faults.paths import PATHS, Path, recorded
from tests.faults.wire import LOG, SLACK
from tests.faults.world import SET_ROLE, START_JOB
from tests.infra.stacks import EVERYTHING, actor, allowed, reader, watcher
from tests.infra.test_granted_calls import AUTHORISED_AS, CALLED_BY_LAMBDA
from tests.integration.conftest import REGION, TABLE
from tests.integration.test_watcher import Queue

pytestmark = pytest.mark.timeout(400)  # the first of these tests records every path

ACTORS = {*SET_ROLE, START_JOB}


def exercised() -> set[str]:
    """Every action that the calls of the paths need."""
    made = frozenset().union(*(recorded(path).kinds for path in PATHS)) - {LOG, SLACK}
    return {AUTHORISED_AS.get(kind, kind) for kind in made}


def test_the_remediator_is_granted_exactly_what_its_paths_call() -> None:
    assert allowed(reader(**EVERYTHING)) - CALLED_BY_LAMBDA == exercised() - ACTORS


def test_the_actor_is_granted_exactly_what_its_paths_call() -> None:
    # UpdateBranch and UpdateApp require PassRole, which is not a call.
    assert allowed(actor(**EVERYTHING)) - {"iam:PassRole"} == exercised() & ACTORS == ACTORS


def test_the_watcher_is_granted_exactly_what_it_calls() -> None:
    with Path(runtime_attach).stage() as (world, _):
        queue = Queue()
        gateways = Gateways(world.wire.session, world.now, table_name=TABLE)
        gateways.clients.__dict__["sqs"] = queue
        runtime = Runtime(Settings(), world.amplify.account_id, REGION, "aws", TABLE, queue_url="queue")
        watching = Watcher(runtime, gateways, world.services().telemetry)
        watching.run(dict(world.amplify.events[-1]), 30)
        for _ in range(2):
            world.amplify.control.request(next(world.branches())[0], "main")
            world.amplify.control.advance(600)
            watching.run({}, 30)
        assert queue.messages
        called = {AUTHORISED_AS.get(call.kind, call.kind) for call in world.wire.seen}
    # ListJobs is called for an app only in its minute of the hour.
    assert called | {"sqs:SendMessage", "amplify:ListJobs"} == allowed(watcher(**EVERYTHING)) - CALLED_BY_LAMBDA
