"""Every story of `make demo` passes, and the demo fails if a story does not happen."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, NoReturn

import pytest

import demo.__main__
from demo.playground import exports
from demo.stage import DemoError, Stage
from demo.stories import STORIES, lost_connection, young_service_role

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SHORT = 12.0


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_every_story_of_the_demo_passes(stage: Stage, story: Callable[[Stage], None]) -> None:
    story(stage)


def test_the_demo_fails_when_the_rule_is_disabled(stage: Stage) -> None:
    events = stage.cloud.client("events")
    (rule,) = [rule["Name"] for rule in events.list_rules()["Rules"] if "DeploymentEvents" in rule["Name"]]
    events.disable_rule(Name=rule)
    stage.timeout = SHORT / 3
    try:
        with pytest.raises(DemoError, match="a Slack alert"):
            lost_connection(stage)
    finally:
        events.enable_rule(Name=rule)


def test_the_demo_fails_when_update_branch_is_denied(stage: Stage) -> None:
    stage.cloud.control("deny", "UpdateBranch")
    stage.timeout = SHORT
    with pytest.raises(DemoError, match="read back"):
        young_service_role(stage)


def test_a_failing_story_ends_the_demo_with_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(_: object) -> NoReturn:
        raise DemoError("the sky is green")

    monkeypatch.setattr(demo.__main__, "open_stage", lambda *_: nullcontext())
    monkeypatch.setattr(demo.__main__, "STORIES", (failing,))
    assert demo.__main__.main() == 1
    assert "THE DEMO FAILED: the sky is green" in capsys.readouterr().out


def test_the_demo_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(demo.__main__, "open_stage", lambda workdir, _: nullcontext(workdir))
    monkeypatch.setattr(demo.__main__, "STORIES", (lambda workdir: (workdir / "left").write_text("x"),))
    assert demo.__main__.main() == 0
    assert list(tmp_path.iterdir()) == []


def test_medic_works_with_the_environment_that_the_playground_prints(stage: Stage, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    environment.write_text(exports(stage))
    command = f"source {environment}; {sys.executable} -c 'from medic_cli.main import main; main()' history --json"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=True)  # noqa: S603, S607
    assert "incidents" in json.loads(done.stdout)
