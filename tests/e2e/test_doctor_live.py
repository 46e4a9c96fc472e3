"""`medic doctor --live` as a user types it, on a cloud that enforces IAM, with exactly the rights that it prints.

Each test has a region of its own, so that its fake has its own switches and its own clock.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from medic_cli.doctor_live.names import APP_TAG, APP_TAG_VALUE
from tests.e2e.doctor_program import KILL, REAL_TIME
from tests.e2e.test_emulator_patches import make_user
from tests.emulator.cloud import ACCOUNT_ID, REGION, REPOSITORY, LocalCloud
from tests.integration.doctor_live.combinations import COMBINATIONS, answers_of
from tests.unit.cli.support import valid

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from demo.stage import Stage

pytestmark = [pytest.mark.proof, pytest.mark.timeout(1800)]

REGIONS = dict(
    zip(
        COMBINATIONS,
        ("eu-central-1", "eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1",
         "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "ap-south-2"),
        strict=True,
    )
)  # fmt: skip
KILLED_IN = ("ap-south-1", "ap-northeast-1", "ap-southeast-1")
REFUSED_IN = "sa-east-1"


class Clinic:
    """A scratch app in a region, and a user who has exactly the rights that the doctor prints.

    Attributes:
        journal: The journal's file.
        answers: The file for the answers.
    """

    def __init__(self, cloud: LocalCloud, region: str, folder: Path, **switches: str) -> None:
        self._cloud, self._region, self._folder = cloud, region, folder
        self.app_id = self._make_app("scratch", {APP_TAG: APP_TAG_VALUE})
        self.other = self._make_app("payments", {})
        self.journal, self.answers = (
            folder / f"medic-doctor-{self.app_id}.json",
            folder / f"amplify-answers-{region}.json",
        )
        self.control("set_questions", **switches)
        self.control("set_build_time", 10)
        printed = json.loads(self.medic("--policy", root=True).stdout)
        rules = {"Action": "events:*", "Resource": "*"}  # The emulator checks their calls against "*".
        self._user = make_user(cloud, f"doctor-{self.app_id}", *printed["Statement"], rules)
        self.control("forget_calls")

    def _make_app(self, name: str, tags: dict[str, str]) -> str:
        client = self.client("amplify")
        repository = f"https://github.com/acme/{name}"
        made = client.create_app(name=name, platform="WEB_COMPUTE", repository=repository, tags=tags)["app"]
        client.create_branch(appId=made["appId"], branchName="main")
        return str(made["appId"])

    def client(self, service: str) -> Any:
        """A client of the account's root."""
        return self._cloud.client(service, region=self._region)

    def control(self, method: str, *args: object, **kwargs: object) -> Any:
        return self._cloud.control(method, *args, region=self._region, **kwargs)

    def medic(
        self, *arguments: str, typed: str = "", kill: str = "", root: bool = False, real_time: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run `medic doctor --live APP` in the region, as the user or the account's root."""
        keys = {"AWS_ACCESS_KEY_ID": "AccessKeyId", "AWS_SECRET_ACCESS_KEY": "SecretAccessKey"}
        environment = {
            **self._cloud.cli_environment,
            **({name: self._user[key] for name, key in keys.items()} if not root else {}),
            "AWS_REGION": self._region,
            **({"SSL_CERT_FILE": str(self._cloud.ca_bundle)} if self._cloud.ca_bundle else {}),
            "PYTHONPATH": os.pathsep.join(str(REPOSITORY / part) for part in ("lambdas", "cli", ".")),
            KILL: kill,
            **({REAL_TIME: "yes"} if real_time else {}),
        }
        command = [sys.executable, "-m", "tests.e2e.doctor_program", "doctor", "--live", self.app_id, *arguments]
        return subprocess.run(  # noqa: S603 - our own program
            command, cwd=self._folder, env=environment, input=typed, capture_output=True, text=True, check=False
        )

    def left(self) -> list[str]:
        """What the doctor left, in the cloud and on the disk."""
        branches = self.client("amplify").list_branches(appId=self.app_id)["branches"]
        roles = self.client("iam").list_roles()["Roles"]
        return [
            *(branch["branchName"] for branch in branches if branch["branchName"] != "main"),
            *(role["RoleName"] for role in roles if self.app_id in role["RoleName"]),
            *(rule["Name"] for rule in self.client("events").list_rules(NamePrefix="amplify-medic-doctor")["Rules"]),
            *self.client("sqs").list_queues(QueueNamePrefix="amplify-medic-doctor").get("QueueUrls", []),
            *(path.name for path in self._folder.glob("medic-doctor-*")),
        ]

    def others(self) -> list[Any]:
        """The calls that named another app."""
        return [call for call in self.control("recorded_calls") if self.other in json.dumps(call)]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A cloud that enforces IAM on every call. Nothing is deployed on it."""
    with LocalCloud(tmp_path_factory.mktemp("guarded"), auth=True) as running:
        yield running


@pytest.mark.parametrize("name", COMBINATIONS)
def test_every_answer_is_right_and_everything_is_undone(name: str, guarded: LocalCloud, tmp_path: Path) -> None:
    switches, unseen = COMBINATIONS[name]
    clinic = Clinic(guarded, REGIONS[name], tmp_path, **switches)

    done = clinic.medic(typed="y\n")

    assert (done.returncode, clinic.left()) == (0, []), done.stderr
    file = valid("amplify-answers", clinic.answers.read_text())
    assert file["answers"] == answers_of(switches, unseen), file["unanswered"]
    assert file["region"] == REGIONS[name]
    assert not {clinic.app_id, ACCOUNT_ID} & set(clinic.answers.read_text().split('"'))
    assert f"In the app {clinic.app_id}, and then deleted again" in done.stdout
    assert "Play these failures in the scratch app?" in done.stdout + done.stderr
    assert f"The answers are in {clinic.answers.name}" in done.stdout
    assert clinic.others() == []


def test_nothing_is_done_without_a_yes(guarded: LocalCloud, tmp_path: Path) -> None:
    clinic = Clinic(guarded, REFUSED_IN, tmp_path)

    done = clinic.medic(typed="n\n")

    assert (done.returncode, "Nothing was done" in done.stderr) == (1, True), done.stderr
    assert {call["operation"] for call in clinic.control("recorded_calls")} == {"GetApp", "ListBranches"}
    assert clinic.left() == []


def test_an_app_without_the_tag_is_refused_by_iam_and_by_the_doctor(guarded: LocalCloud, tmp_path: Path) -> None:
    clinic = Clinic(guarded, REFUSED_IN, tmp_path)
    app_arn = f"arn:aws:amplify:{REFUSED_IN}:{ACCOUNT_ID}:apps/{clinic.app_id}"
    clinic.client("amplify").tag_resource(resourceArn=app_arn, tags={APP_TAG: "no"})
    clinic.control("forget_calls")

    by_iam, by_the_doctor = clinic.medic("--yes"), clinic.medic("--yes", root=True)

    assert (by_iam.returncode, "not authorized" in by_iam.stderr) == (3, True), by_iam.stderr
    assert (by_the_doctor.returncode, "is not a scratch app" in by_the_doctor.stderr) == (1, True)
    assert {call["operation"] for call in clinic.control("recorded_calls")} == {"GetApp"}
    assert clinic.left() == []


def test_the_deployed_bot_keeps_its_promises(stage: Stage, tmp_path: Path) -> None:
    """In the time that it takes: the bot has the machine's clock."""
    clinic = Clinic(stage.cloud, REGION, tmp_path)

    done = clinic.medic("--json", "--yes", root=True, real_time=True)

    promises = valid("doctor-live", done.stdout)["promises"]
    assert {each["promise"]: each["outcome"] for each in promises} == {
        **dict.fromkeys(("build: event seen", "build: log read", "build: alert sent"), "pass"),
        **dict.fromkeys(("page: log read", "page: alert sent", "page: role attached"), "pass"),
        **dict.fromkeys(("page: role read back", "page: rebuilt", "page: undone"), "pass"),
    }, promises
    assert (done.returncode, clinic.left()) == (0, []), done.stderr


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_second_run_cleans_up_after_a_sigkill_at_every_write(when: str, guarded: LocalCloud, tmp_path: Path) -> None:
    def killed(part: int) -> int:
        """Kill every third write, the writes counted from `part`. Returns how many writes ended the process."""
        folder = tmp_path / KILLED_IN[part]
        folder.mkdir()
        switches = {"empty_compute_role": "ignored", "first_attach": "needs_redeploy"}
        clinic = Clinic(guarded, KILLED_IN[part], folder, **switches)
        for done, number in enumerate(count(part + 1, len(KILLED_IN))):
            clinic.control("set_clock_right")
            first = clinic.medic(typed="y\n", kill=f"{when} {number}")
            if first.returncode != -signal.SIGKILL:
                assert (first.returncode, clinic.left()) == (0, []), first.stderr
                return done
            assert clinic.journal.exists()
            second = clinic.medic(typed="y\nn\n")
            assert "An earlier run left: " in second.stderr
            assert clinic.left() == [], f"killed {when} write {number}: {second.stderr}"
        raise AssertionError

    with ThreadPoolExecutor(len(KILLED_IN)) as pool:
        kills = sum(pool.map(killed, range(len(KILLED_IN))))
    assert kills >= 25
