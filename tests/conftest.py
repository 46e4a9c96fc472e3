"""What holds for every test: property tests are deterministic, and never judged by this machine's speed.

Each deployed stack has one process.
"""

from __future__ import annotations

import pytest
from aws_lambda_powertools import Metrics
from hypothesis import HealthCheck, settings
from xdist.scheduler.loadscope import LoadScopeScheduling

EVERY_FAULT = "--every-fault"

settings.register_profile("suite", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def _no_metrics_of_other_tests() -> None:
    """Powertools keeps metrics for the whole process: other tests may not have written theirs out."""
    Metrics(namespace="test", service="test").clear_metrics()


class ByStack(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Hands tests to processes one by one, but those of one deployed stack together.

    xdist's own groups rename tests, which pytest 9 does not let it do any more.
    """

    def _split_scope(self, nodeid: str) -> str:
        """What is kept together: the tests of the stack under enforced IAM, and all others end to end."""
        if not nodeid.startswith("tests/e2e/"):
            return nodeid
        return "iam" if nodeid.startswith("tests/e2e/test_iam_enforced") else "e2e"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByStack:
    """How tests are handed to processes; https://pytest-xdist.readthedocs.io/en/stable/how-it-works.html has more."""
    return ByStack(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make faults` asks for more than fits into `make test`."""
    parser.addoption(EVERY_FAULT, action="store_true", help="let every call go wrong in every way, whatever follows")
