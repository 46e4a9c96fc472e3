"""The remediator's rights against what it was seen to do: no call is without its right, and no right without its call.

So taking away any one action makes a path fail: it is a path's own call that IAM would refuse.
"""

from __future__ import annotations

from tests.faults.paths import PATHS, recorded
from tests.faults.wire import LOG, SLACK
from tests.faults.world import SET_ROLE, START_JOB
from tests.infra.stacks import EVERYTHING, actor, allowed, reader
from tests.infra.test_granted_calls import AUTHORISED_AS, CALLED_BY_LAMBDA

ACTORS = {*SET_ROLE, START_JOB}


def exercised() -> set[str]:
    """Every action that some path's calls need."""
    made = frozenset().union(*(recorded(path).kinds for path in PATHS)) - {LOG, SLACK}
    return {AUTHORISED_AS.get(kind, kind) for kind in made}


def test_the_remediator_is_granted_what_its_paths_call_and_no_more() -> None:
    assert allowed(reader(**EVERYTHING)) - CALLED_BY_LAMBDA == exercised() - ACTORS


def test_the_actor_is_granted_what_its_paths_call_and_no_more() -> None:
    # UpdateBranch and UpdateApp ask for PassRole; nobody calls it.
    assert allowed(actor(**EVERYTHING)) - {"iam:PassRole"} == exercised() & ACTORS == ACTORS
