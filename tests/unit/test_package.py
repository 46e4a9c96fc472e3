"""What the wheel and the sdist hold. `make package` also installs them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
ONLY_IN_LAMBDA = re.compile(r"medic/((flows|slack_actions|watch)/|(pipeline|queue|services|telemetry)\.py)")


def held(builder: Any) -> set[str]:
    return {each.distribution_path for each in builder.recurse_included_files()}


def test_the_wheel_holds_the_command_line_with_its_data_and_no_test() -> None:
    sources = {
        path.relative_to(folder).as_posix()
        for folder, package in ((ROOT / "lambdas", "medic"), (ROOT / "cli", "medic_cli"))
        for path in (folder / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    wheel = held(WheelBuilder(str(ROOT)))

    assert wheel == {path for path in sources if not ONLY_IN_LAMBDA.match(path)}
    assert {"medic/py.typed", "medic_cli/py.typed", "medic_cli/scan/page/report.html"} <= wheel


def test_the_sdist_holds_what_the_wheel_is_built_from_and_no_test() -> None:
    tops = {path.partition("/")[0] for path in held(SdistBuilder(str(ROOT)))}

    assert tops == {"lambdas", "cli", "CHANGELOG.md", "LICENSE", "README.md"}


def test_the_ranges_of_the_dependencies_hold_the_locked_versions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locked = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / "requirements" / "dev.txt").read_text(), re.MULTILINE))
    ranges = [Requirement(each) for each in project["dependencies"]]

    assert {each.name for each in ranges} == {"boto3", "click", "msgspec", "pyyaml", "rich"}
    assert all(each.specifier.contains(locked[each.name]) for each in ranges)
    # A range without an upper bound would take a major version that no test has seen.
    assert all({part.operator for part in each.specifier} == {">=", "<"} for each in ranges)
