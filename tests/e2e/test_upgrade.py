"""Upgrades from older commits with incidents open, and the way back. Only `make proof` runs these tests."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO, StringIO
from typing import TYPE_CHECKING

import pytest

from demo.narrator import Narrator
from demo.stage import Stage, deploy, open_stage, text_of
from infra.bundle import DEPENDENCIES, LOCK
from medic.events import Scope, wake_up
from medic.incidents.table import IncidentsTable
from tests.docs.printed import DOCS, blocks
from tests.e2e.conftest import SHARED, use_cloud
from tests.e2e.queues import Queues
from tests.emulator.cloud import ACCOUNT_ID, REGION, REPOSITORY
from tests.unit.cli.support import medic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

pytestmark = [pytest.mark.proof, pytest.mark.timeout(3600)]

BEFORE_THE_QUEUE = "2046c85a726d6af773c01203b83e32974708ff69"
"""The last commit before failures went through a queue, and the last whose records this release can read."""
TAGS = {
    "first-edition": "f17e7257de14c0d17172c2e84b3161ba009e8685",
    "house-1": "d6cfbb940997ae3372c711c5fbfd87499db3e78f",
}
"""The earlier tags. This release skips their records, and they can't read those of this release."""
OLD_SETTINGS = {"limits": {"storm_incidents": 1000, "fixes_per_app_an_hour": 50, "fixes_per_account_an_hour": 100}}
"""As `SHARED`, for releases that counted incidents and not apps. While a slow machine deploys, hundreds open."""
ASK, FIX = {"amplify-medic:auto-fix": "ask"}, {"amplify-medic:auto-fix": "fix"}
NO_REBUILD = {"amplify-medic:rebuild": "no"}
PATIENCE = 300.0
"""Seconds to wait for anything. What fails while a stack deploys keeps a machine busy."""


def older(commit: str, folder: Path) -> Path:
    """The repository as of a commit, with the Python packages that it locks.

    It shares Node's packages and the Lambda's dependencies with this one. The test fails if this clone does not have
    the commit, or if the commit locks another version of such a dependency.
    """
    git = ["git", "-C", str(REPOSITORY)]
    found = subprocess.run([*git, "cat-file", "-e", f"{commit}^{{commit}}"], check=False, capture_output=True)  # noqa: S603 - fixed arguments
    if found.returncode:
        pytest.fail(f"this clone does not have the commit {commit}: fetch the whole history")
    archive = subprocess.run([*git, "archive", commit], check=True, capture_output=True).stdout  # noqa: S603
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    subprocess.run(["make", "--silent", "-C", str(folder), ".venv/ready"], check=True, capture_output=True)  # noqa: S603, S607
    (folder / "node_modules").symlink_to(REPOSITORY / "node_modules")
    lock = (folder / "requirements" / "lambda.txt").read_bytes()
    assert set(lock.splitlines()) <= set(LOCK.read_bytes().splitlines()), "it needs dependencies of its own"
    dependencies = folder / DEPENDENCIES.relative_to(REPOSITORY)
    shutil.copytree(DEPENDENCIES, dependencies)
    (dependencies / ".lock-sha256").write_text(hashlib.sha256(lock).hexdigest())
    return folder


@contextmanager
def older_stack(commit: str, folder: Path) -> Iterator[tuple[Stage, Path]]:
    """The stack of an older commit. `medic` uses it, too."""
    source = older(commit, folder / "older")
    (folder / "cloud").mkdir()
    with (
        open_stage(folder / "cloud", Narrator(StringIO()), settings=OLD_SETTINGS, source=source) as stage,
        pytest.MonkeyPatch.context() as patch,
    ):
        use_cloud(stage, patch)
        yield replace(stage, timeout=PATIENCE), source


def upgraded(stage: Stage) -> Stage:
    return replace(stage, outputs=deploy(stage.cloud, SHARED))


def fail(stage: Stage, name: str, tags: Mapping[str, str]) -> str:
    """Let a build of a new app fail. Returns the app's id."""
    app_id = stage.make_app(name, tags)
    stage.cloud.control("set_connection", app_id, "lost")
    stage.build(app_id)
    return app_id


def open_incidents(stage: Stage, name: str) -> dict[str, str]:
    """Open an incident that is only reported, one that waits for an approval, and one whose change is made."""
    apps = {
        "open": fail(stage, f"{name}-reported", {}),
        "awaiting_approval": fail(stage, f"{name}-asked", ASK),
        "applied": fail(stage, f"{name}-fixed", {**FIX, **NO_REBUILD}),
    }
    for app_id in apps.values():
        wait_for_alerts(stage, app_id, 1)
    return apps


def wait_for_alerts(stage: Stage, app_id: str, many: int) -> None:
    stage.wait_for(f"{many} alerts on {app_id}", lambda: len(stage.alerts(app_id)) >= many or None)


def stored(stage: Stage) -> dict[str, tuple[str, str]]:
    """App → id and state of its latest incident, as this release reads the table."""

    def fail(key: str, why: str, **_: bool) -> None:
        raise AssertionError(f"{key} can't be read: {why}")

    table = IncidentsTable(
        stage.cloud.client("dynamodb"), stage.outputs["IncidentsTableName"], lambda: datetime.now(UTC), fail
    )
    return {
        record.scope.app_id: (record.incidents[-1].id, str(record.incidents[-1].state))
        for record in table.all()
        if record.incidents
    }


def succeed(stage: Stage, app_ids: Iterable[str]) -> None:
    """Let the next build of each app succeed, and wait for the news."""
    for app_id in app_ids:
        stage.cloud.control("set_connection", app_id, "ok")
        stage.build(app_id)
    for app_id in app_ids:
        stage.next_alert(app_id, containing="Recovered")


@contextmanager
def failing_meanwhile(stage: Stage, app_id: str) -> Iterator[list[str]]:
    """Meanwhile, let a build of one more branch fail every two seconds. Yields the branches."""
    branches: list[str] = []
    over = threading.Event()
    amplify = stage.cloud.client("amplify")

    def run() -> None:
        while not over.wait(2):
            branch = f"during-{len(branches):03}"
            amplify.create_branch(appId=app_id, branchName=branch, stage="PRODUCTION")
            amplify.start_job(appId=app_id, branchName=branch, jobType="RELEASE")
            branches.append(branch)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield branches
    finally:
        over.set()
        thread.join()


def told(stage: Stage, branches: Sequence[str]) -> Counter[str]:
    """How many alerts there were on each branch."""
    texts = [text_of(post.body) for post in stage.slack.posts]
    return Counter(branch for text in texts for branch in branches if branch in text)


def mentioned(stage: Stage, *words: str) -> list[str]:
    return [line for line in stage.own_log() if any(word in line for word in words)]


def test_open_incidents_outlive_an_upgrade_and_the_way_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start = time.monotonic()
    with older_stack(BEFORE_THE_QUEUE, tmp_path) as (old, source):
        apps = open_incidents(old, "first")
        during = old.make_app("during", {})
        old.cloud.control("set_connection", during, "lost")
        old.slack.fail(times=100)
        apps["unsent"] = fail(old, "unsent", {})
        old.log_line("AlertFailed", "slack")
        old.slack.recover()
        before = stored(old)
        assert {name: before[app_id][1] for name, app_id in apps.items()} == {
            **{name: name for name in apps},
            "unsent": "open",
        }

        with failing_meanwhile(old, during) as branches:
            new = upgraded(old)
        after = stored(new)
        assert {app_id: after[app_id] for app_id in before} == before
        until = time.monotonic() + 600
        while time.monotonic() < until and len(told(new, branches)) < len(branches):
            time.sleep(1)
        assert told(new, branches) == dict.fromkeys(branches, 1)
        medic("approve", before[apps["awaiting_approval"]][0], "--yes")
        new.next_alert(apps["awaiting_approval"], containing="(read back)")
        new.next_alert(apps["unsent"], containing=before[apps["unsent"]][0])
        succeed(new, apps.values())
        Queues(new).wait_until_empty()
        assert told(new, branches) == dict.fromkeys(branches, 1)
        assert {stored(new)[app_id][1] for app_id in apps.values()} == {"resolved"}
        assert Queues(new).dead_letters() == []
        assert mentioned(new, "MessageFault", "RecordUnreadable", "ERROR") == []

        later = open_incidents(new, "second")
        known = stored(new)
        for _ in range(2):
            Queues(new).wait_until_empty()
        back = replace(new, outputs=deploy(new.cloud, OLD_SETTINGS, source))
        assert {app_id: stored(back)[app_id] for app_id in known} == known
        told_after = fail(back, "third", {})
        wait_for_alerts(back, told_after, 1)
        succeed(back, later.values())
        assert len(back.alerts(told_after)) == 1
        with capsys.disabled():
            sys.stdout.write(f"\n{len(branches)} failures while it deployed, {time.monotonic() - start:.0f} s\n")


@pytest.mark.parametrize("tag", TAGS)
def test_a_release_before_0_2_0_is_upgraded_and_restored_as_the_page_says(
    tag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = time.monotonic()
    with older_stack(TAGS[tag], tmp_path) as (old, source):
        apps = open_incidents(old, "old")
        new = upgraded(old)
        lines = len(new.own_log())
        for app_id in apps.values():
            scope = Scope("aws", ACCOUNT_ID, REGION, app_id, "main")
            Queues(new).send(wake_up(scope))
            new.build(app_id)
            wait_for_alerts(new, app_id, 2)
        succeed(new, apps.values())
        Queues(new).wait_until_empty()
        new.run_watcher()
        log = new.own_log()[lines:]
        words = ("MessageFault", "MessageRetried", "RecordUnreadable", "ERROR")
        assert [line for line in log if any(word in line for word in words)] == []
        assert Queues(new).dead_letters() == []
        skipped = sum("RecordOutdated" in line and "_aws" not in line for line in log)
        assert skipped >= len(apps)

        later = open_incidents(new, "new").values()
        Queues(new).wait_until_empty()
        back = replace(new, outputs=deploy(new.cloud, OLD_SETTINGS, source))
        wait_for_alerts(back, fail(back, "fresh", {}), 1)
        before = {app_id: len(back.alerts(app_id)) for app_id in later}
        lines = len(back.own_log())
        for app_id in later:
            back.build(app_id)
        back.wait_for("the older release's errors", lambda: len(errors(back, lines)) >= len(later) or None)
        assert {app_id: len(back.alerts(app_id)) for app_id in later} == before, "it reads the records after all"

        paste_the_deletion(back)
        for app_id in later:
            back.build(app_id)
            wait_for_alerts(back, app_id, before[app_id] + 1)
        with capsys.disabled():
            sys.stdout.write(f"\n{tag}: {skipped} records skipped, {time.monotonic() - start:.0f} s\n")


def errors(stage: Stage, since: int) -> list[str]:
    """The lines of the remediator's own log in which a run broke off."""
    return [line for line in stage.own_log()[since:] if "Traceback" in line or '"ERROR"' in line]


def paste_the_deletion(stage: Stage) -> None:
    """Paste the command of docs/upgrade.md that deletes the records, after the definitions of the runbook."""
    definitions = next(block.text for block in blocks(DOCS / "runbook.md") if block.has_commands)
    deletion = next(block.text for block in blocks(DOCS / "upgrade.md") if "delete-item" in block.text)
    environment = {**stage.cloud.cli_environment, "PATH": f"{REPOSITORY}/.build/awscli/bin:/usr/bin:/bin"}
    script = f"{definitions}\n{deletion}\n"
    command = ["bash", "-eu", "-o", "pipefail", "-c", script]
    subprocess.run(command, env=environment, check=True)  # noqa: S603 - what the page prints
