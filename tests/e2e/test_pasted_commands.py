"""Pastes every command of every alert into bash, with the real AWS CLI, on the local cloud. Only `make proof` runs it.

Each command has its stated effect and no other, and stops at the first call that fails.
"""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.terminal import in_a_terminal
from tests.emulator.cloud import ACCOUNT_ID, REPOSITORY, LocalCloud
from tests.unit.alerts.printed import OLD_ROLE, REPAIR_ROLE, Printed, commands
from tests.unit.diagnosis.diagnosing import ACCOUNT, APP_ID, COMPUTE_ROLE, SERVICE_ROLE, trust

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

pytestmark = [pytest.mark.proof, pytest.mark.timeout(900)]

AWS_CLI = REPOSITORY / ".build" / "awscli" / "bin" / "aws"
_AWS = """#!/bin/bash
number=$(($(ls calls | wc -l) + 1))
touch calls/$number
[ $number = "$FAILS" ] && exit 254
exec {aws} "$@"
"""
"""Counts the calls, and lets one of them fail."""
JOB_ID = "7"
TOKEN = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
TEXTS = tuple({each.text: each for each in commands()}.values())

Account = dict[str, Any]


@dataclass(frozen=True)
class Started:
    """A local cloud, and its clients."""

    cloud: LocalCloud
    amplify: Any
    iam: Any


@dataclass(frozen=True)
class World:
    """An account with one app, whose job 7 failed, and the roles that the sample alerts name."""

    started: Started
    app_id: str
    folder: Path

    @property
    def iam(self) -> Any:
        return self.started.iam

    def state(self) -> Account:
        """Everything that a command may change, by what it is about."""
        amplify, iam = self.started.amplify, self.started.iam
        found: Account = {"app": _stable(amplify.get_app(appId=self.app_id)["app"])}
        for branch in amplify.list_branches(appId=self.app_id)["branches"]:
            name = branch["branchName"]
            found[f"branch {name}"] = _stable(branch)
            for job in amplify.list_jobs(appId=self.app_id, branchName=name)["jobSummaries"]:
                found[f"job {job['jobId']}"] = job["jobType"]
        for kind in ("Role", "User"):
            lower = kind.lower()
            for each in getattr(iam, f"list_{lower}s")()[f"{kind}s"]:
                named = {f"{kind}Name": each[f"{kind}Name"]}
                found[f"{lower} {each[f'{kind}Name']}"] = [each["Arn"], each.get("AssumeRolePolicyDocument")]
                for policy in getattr(iam, f"list_{lower}_policies")(**named)["PolicyNames"]:
                    document = getattr(iam, f"get_{lower}_policy")(**named, PolicyName=policy)["PolicyDocument"]
                    found[f"policy of {each[f'{kind}Name']}"] = document
        return found

    def own(self, text: str) -> str:
        """The sample's text with this account and app."""
        return text.replace(APP_ID, self.app_id).replace(ACCOUNT, ACCOUNT_ID)

    def paste(self, text: str, *, fails: int = 0) -> tuple[int, int]:
        """Paste a text. Returns its exit status and how often it called AWS.

        Args:
            text: the text.
            fails: which call fails, counted from 1.
        """
        programs, calls = self.folder / "programs", self.folder / "calls"
        shutil.rmtree(calls, ignore_errors=True)
        for folder in (programs, calls):
            folder.mkdir(exist_ok=True)
        for name, script in (("aws", _AWS.format(aws=AWS_CLI)), ("sleep", "#!/bin/bash\n")):
            (programs / name).write_text(script)
            (programs / name).chmod(0o755)
        environment = {
            **{name: value for name, value in self.started.cloud.cli_environment.items() if name.startswith("AWS_")},
            "PATH": f"{programs}:/usr/bin:/bin",
            "HOME": str(self.folder),
            "AWS_PAGER": "",
            "FAILS": str(fails),
        }
        status = in_a_terminal(["bash", "-uc", text], self.folder, environment, typed=f"{TOKEN}\n")
        return status, len(list(calls.iterdir()))


def _stable(shown: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        name: value for name, value in shown.items() if name not in {"updateTime", "activeJobId", "totalNumberOfJobs"}
    }


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    with LocalCloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield Started(cloud, cloud.client("amplify"), cloud.client("iam"))


@pytest.fixture
def world(started: Started, tmp_path: Path) -> World:
    return _made(started, tmp_path)


def _made(started: Started, folder: Path) -> World:
    cloud, amplify, iam = started.cloud, started.amplify, started.iam
    cloud.reset()
    cloud.control("set_propagation", 0)
    cloud.control("set_build_time", 0)
    for arn in (SERVICE_ROLE, COMPUTE_ROLE, REPAIR_ROLE, OLD_ROLE):
        path, _, name = arn.partition(":role")[2].rpartition("/")
        iam.create_role(RoleName=name, Path=f"{path}/", AssumeRolePolicyDocument=trust())
    iam.create_user(UserName="dev")
    service = SERVICE_ROLE.replace(ACCOUNT, ACCOUNT_ID)
    app_id = amplify.create_app(
        name="shop",
        platform="WEB_COMPUTE",
        repository="https://github.com/acme/old",
        accessToken=TOKEN,
        iamServiceRoleArn=service,
    )["app"]["appId"]
    amplify.create_branch(appId=app_id, branchName="main", framework="Next.js - SSR")
    cloud.control("script_builds", app_id, "main", "npm_failure")
    for _ in range(int(JOB_ID)):
        amplify.start_job(appId=app_id, branchName="main", jobType="RELEASE")
    return World(started, app_id, folder)


# --- what each command does


def _reads(world: World, text: str) -> Mapping[str, Any]:  # noqa: ARG001
    return {}


def _creates_role(world: World, text: str) -> Mapping[str, Any]:
    words = shlex.split(text)
    name, path = words[words.index("--role-name") + 1], words[words.index("--path") + 1]
    if f"role {name}" in world.state():
        world.iam.delete_role(RoleName=name)
    arn = f"arn:aws:iam::{ACCOUNT_ID}:role{path}{name}"
    document = json.loads(words[words.index("--assume-role-policy-document") + 1])
    return {f"role {name}": [arn, document], **_sets_role(world, text, arn)}


def _sets_role(world: World, text: str, arn: str | None = None) -> Mapping[str, Any]:
    words, state = shlex.split(text), world.state()
    service = "--iam-service-role-arn" in words
    about, member = ("app", "iamServiceRoleArn") if service else ("branch main", "computeRoleArn")
    given = words[words.index("--iam-service-role-arn" if service else "--compute-role-arn") + 1]
    assert arn in {None, given}
    if not given:  # the role is taken off
        role = COMPUTE_ROLE.replace(ACCOUNT, ACCOUNT_ID)
        world.started.amplify.update_branch(appId=world.app_id, branchName="main", computeRoleArn=role)
        return {about: {name: value for name, value in state[about].items() if name != member}}
    return {about: {**state[about], member: given}}


def _adds_to_trust(world: World, text: str) -> Mapping[str, Any]:
    words = shlex.split(text)
    name = words[words.index("--role-name") + 1]
    others = [json.loads(trust(service))["Statement"][0] for service in ("lambda.amazonaws.com", "ec2.amazonaws.com")]
    old = {"Version": "2012-10-17", "Statement": others}
    world.iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(old))
    new = json.loads(next(word for word in words if word.startswith('{"')))
    statements = [new, others[1]] if "[0] = new" in text else [*others, new]
    arn, _ = world.state()[f"role {name}"]
    return {f"role {name}": [arn, {**old, "Statement": statements}]}


def _puts_policy(world: World, text: str) -> Mapping[str, Any]:  # noqa: ARG001
    words = shlex.split(text)
    name = words[words.index("--role-name" if "--role-name" in words else "--user-name") + 1]
    return {f"policy of {name}": json.loads(words[words.index("--policy-document") + 1])}


def _retries(world: World, text: str) -> Mapping[str, Any]:
    assert f"--job-id {JOB_ID}" in text
    assert f"job {JOB_ID}" in world.state()
    return {"job 8": "RETRY"}


def _reconnects(world: World, text: str) -> Mapping[str, Any]:
    words = shlex.split(text)
    world.started.cloud.control("set_connection", world.app_id, "lost")
    app = world.state()["app"]
    given = json.loads(words[words.index("--cli-input-json") + 1])
    return {"app": {**app, "repository": given["repository"]}}


def _reads_role(world: World, text: str) -> Mapping[str, Any]:
    """The log may name a role that is none of the app's."""
    words = shlex.split(text)
    name = words[words.index("--role-name") + 1]
    if f"role {name}" not in world.state():
        world.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust())
    return {}


EFFECTS: Mapping[str, Callable[[World, str], Mapping[str, Any]]] = {
    "create_service_role": _creates_role,
    "create_compute_role": _creates_role,
    "attach_service_role": _sets_role,
    "attach_compute_role": _sets_role,
    "Proposed change": _sets_role,
    "Undo by hand": _sets_role,
    "Read the role": _reads,
    "trust_service_role": _adds_to_trust,
    "trust_compute_role": _adds_to_trust,
    "grant_action": _puts_policy,
    "allow_codecommit_pull": _puts_policy,
    "change_boundary": _reads_role,
    "ask_organization": _reads,
    "ask_resource_owner": _reads_role,
    "ask_policy_owner": _reads,
    "drop_explicit_credentials": _reads,
    "shorten_build": _reads,
    "sign_user_in": _reads,
    "wait_and_retry": _retries,
    "reconnect_repository": _reconnects,
}
"""What each fix prepares, and what it changes."""


def _changed(before: Account, after: Account) -> Account:
    return {about: after.get(about) for about in {*before, *after} if before.get(about) != after.get(about)}


def test_the_number_of_commands(capsys: pytest.CaptureFixture[str]) -> None:
    pairs = {(each.fix, each.kind) for each in commands()}
    with capsys.disabled():
        sys.stdout.write(f"\n{len(TEXTS)} commands of {len(EFFECTS)} fixes in {len(pairs)} pairs of fix and state\n")
    assert {fix for fix, _ in pairs} == set(EFFECTS)
    assert {each.text for each in commands()} == {each.text for each in TEXTS}


@pytest.mark.parametrize("printed", TEXTS, ids=lambda printed: printed.fix)
def test_a_pasted_command_has_its_effect_and_no_other(printed: Printed, world: World) -> None:
    text = world.own(printed.text)
    expected = EFFECTS[printed.fix](world, text)
    before = world.state()
    status, calls = world.paste(text)
    assert (status, calls > 0) == (0, True), (world.folder / "printed").read_text()
    assert _changed(before, world.state()) == {what: new for what, new in expected.items() if before.get(what) != new}
    for failing in range(1, calls + 1):
        other = _made(world.started, world.folder)
        text = other.own(printed.text)
        expected = EFFECTS[printed.fix](other, text)
        before = other.state()
        status, made = other.paste(text, fails=failing)
        assert status != 0
        assert made == failing, "it went on after a failure"
        partly = _changed(before, other.state())
        assert partly.items() <= expected.items()
        assert failing > 1 or not partly


def test_a_role_that_is_there_is_not_attached_in_place_of_the_new_one(world: World) -> None:
    for printed in TEXTS:
        if "create-role" in printed.text:
            text = world.own(printed.text)
            EFFECTS[printed.fix](world, text)
            words = shlex.split(text)
            name = words[words.index("--role-name") + 1]
            world.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust("lambda.amazonaws.com"))
            before = world.state()
            status, calls = world.paste(text)
            assert (status != 0, calls) == (True, 1)
            assert world.state() == before


def test_a_new_connection_lets_the_next_build_clone_and_no_file_has_the_token(world: World) -> None:
    printed = next(each for each in TEXTS if each.fix == "reconnect_repository")
    text = world.own(printed.text)
    EFFECTS[printed.fix](world, text)
    world.started.cloud.control("script_builds", world.app_id, "main", "ok")
    assert world.paste(text)[0] == 0
    branch = {"appId": world.app_id, "branchName": "main"}
    job_id = world.started.amplify.start_job(**branch, jobType="RELEASE")["jobSummary"]["jobId"]
    assert world.started.amplify.get_job(**branch, jobId=job_id)["job"]["summary"]["status"] == "SUCCEED"
    # The terminal echoes what is typed before the command asks for it.
    files = (path for path in world.folder.rglob("*") if path.is_file() and path.name != "printed")
    assert not any(TOKEN.encode() in path.read_bytes() for path in files)
