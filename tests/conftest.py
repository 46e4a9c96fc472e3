"""Settings for every test: property tests are deterministic and have no deadline.

Tests that share a costly setup run in the same process.
"""

from __future__ import annotations

import gc
import os
import random
import re
from pathlib import Path

import pytest
from aws_lambda_powertools import Metrics
from hypothesis import HealthCheck, Phase, settings
from xdist.scheduler.loadscope import LoadScopeScheduling

from tests.fakes.amplify.open_questions import ANSWERS_VARIABLE, guesses

EVERY_FAULT = "--every-fault"
AMPLIFY_ANSWERS = "--amplify-answers"
_RANKS = {
    "tests/e2e/test_iam_enforced": 3,
    "tests/e2e/": 0,
    "tests/infra/": 1,
    "tests/faults/": 2,
    "tests/model/": 4,
    "tests/simulation/": 4,
    "tests/unit/": 5,
}
"""In which order tests start. Long setups come first, and only one of the two stacks is deployed at a time.

Short single tests come last, so that all processes end together.
"""
_ON_A_PATH = re.compile(r"tests/faults/test_(?:single_faults|paths)\.py::\w+\[(\w+)")
_ONLY_PROOFS = re.compile(r"^pytestmark = \[?pytest\.mark\.proof\b", re.MULTILINE)

settings.register_profile("suite", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
# For mutants: a failure is enough, and to look for the smallest one can take minutes.
settings.register_profile(
    "unshrunk", settings.get_profile("suite"), phases=[Phase.explicit, Phase.reuse, Phase.generate]
)
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def _no_metrics_of_other_tests() -> None:
    """Drop metrics that an earlier test left: Powertools keeps them for the whole process."""
    Metrics(namespace="test", service="test").clear_metrics()


class ByCost(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Distributes tests one by one, but keeps tests that share a setup in one process.

    xdist's own groups rename tests, which pytest 9 no longer allows.
    """

    def _split_scope(self, nodeid: str) -> str:
        """The shared setup: a deployed stack, the templates, a path of the fault tests, or a unit test's file."""
        file = nodeid.partition("::")[0]
        if file.startswith("tests/e2e/"):
            return "iam" if file.startswith("tests/e2e/test_iam_enforced") else "e2e"
        if file.startswith("tests/infra/") or file == "tests/faults/test_granted.py":
            return "infra"
        if path := _ON_A_PATH.match(nodeid):
            return path[1]
        return file if file.startswith("tests/unit/") else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByCost:
    """Use `ByCost`; see https://pytest-xdist.readthedocs.io/en/stable/how-it-works.html."""
    return ByCost(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options for `make faults` and `make proof`, which run more than `make test`."""
    parser.addoption(EVERY_FAULT, action="store_true", help="test every call with every fault and every aftermath")
    parser.addoption(AMPLIFY_ANSWERS, metavar="FILE", help="let the fake of Amplify answer as this file measured")
    parser.addoption("--shuffle", type=int, metavar="SEED", help="run the tests in a random order with this seed")


def pytest_configure(config: pytest.Config) -> None:
    """Keep the order of the tests. Pass the answers on to the fake, also to the one in the emulator's process.

    Until the tests run, nothing is garbage: collecting would only visit all modules and tests, again and again.
    """
    gc.disable()
    config.option.loadscopereorder = False
    if answers := config.getoption(AMPLIFY_ANSWERS):
        os.environ[ANSWERS_VARIABLE] = str(Path(answers).resolve())


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Without proofs, do not import the modules that hold nothing else. Some take seconds, in each process."""
    if config.getoption("markexpr") != "not proof" or collection_path.suffix != ".py":
        return None
    return True if _ONLY_PROOFS.search(collection_path.read_text(encoding="utf-8")) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Shuffle the tests, because no test may depend on another. Then start those first that take longest."""
    seed = config.getoption("--shuffle")
    if seed is not None:
        random.Random(seed).shuffle(items)  # noqa: S311 - an order, not a secret
    items.sort(key=lambda item: next((rank for begin, rank in _RANKS.items() if item.nodeid.startswith(begin)), 6))


def pytest_collection_finish() -> None:
    """Collect garbage in fewer, larger steps, and never visit the modules and tests, which stay until the end."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 10)
    gc.enable()


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Print the seed, so that a failing order can be repeated, and what the fake of Amplify does not know."""
    seed = config.getoption("--shuffle")
    answers = config.getoption(AMPLIFY_ANSWERS)
    shuffled = [] if seed is None else [f"--shuffle {seed}"]
    guessed = [f"{AMPLIFY_ANSWERS} {answers}, guessed: {', '.join(sorted(guesses()))}"] if answers else []
    return [*shuffled, *guessed]
