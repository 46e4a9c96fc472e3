"""The scratch app of `medic doctor --live`: its build, its page and its README do what the doctor expects."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
import yaml  # type: ignore[import-untyped]

from medic_cli.doctor.command import command as doctor
from medic_cli.doctor_live.measure import QUESTIONS
from medic_cli.doctor_live.names import APP_TAG, APP_TAG_VALUE, BRANCHES, BUILD, MEASURE, PAGE
from medic_cli.doctor_live.web import PageAnswer, answer_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
APP = ROOT / "docs" / "doctor-app"
README = (APP / "README.md").read_text(encoding="utf-8")
PROGRAMS = {"aws": 'echo "$@" >aws.txt; exit 254', "npm": "mkdir node_modules"}
"""What stands for the build image's programs. AWS denies what the service role lacks."""
STS = """
exports.GetCallerIdentityCommand = class {};
exports.STSClient = class {
  async send(command) {
    if (!(command instanceof exports.GetCallerIdentityCommand)) throw new Error("another call");
    if (process.env.ROLE) return {};
    const error = new Error("Could not load credentials from any providers");
    error.name = "CredentialsProviderError";
    throw error;
  }
};
"""
LISTEN = """
const { Server } = require("node:net");
const { listen } = Server.prototype;
Server.prototype.listen = function (port) {
  this.once("listening", () => console.log(`${port} ${this.address().port}`));
  return listen.call(this, 0, "127.0.0.1");
};
"""
"""Lets the page listen on a free port, and prints the port that it wanted, which Amplify prescribes."""


def build(folder: Path, branch: str) -> int:
    """Run the commands of amplify.yml, as Amplify does: each in turn, until one fails. Returns its exit code."""
    shutil.copytree(APP, folder, dirs_exist_ok=True)
    programs = folder / "programs"
    programs.mkdir()
    for name, script in PROGRAMS.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    phases = yaml.safe_load((APP / "amplify.yml").read_text(encoding="utf-8"))["frontend"]["phases"]
    environment = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "AWS_BRANCH": branch}
    for command in (each for phase in ("preBuild", "build") for each in phases[phase]["commands"]):
        done = subprocess.run(["/bin/bash", "-c", command], cwd=folder, env=environment, check=False)  # noqa: S603
        if done.returncode:
            return done.returncode
    return 0


def test_only_the_branch_of_the_failing_build_calls_what_its_role_lacks(tmp_path: Path) -> None:
    outcomes = {}
    for branch in ("main", *BRANCHES):
        folder = tmp_path / branch.replace("/", "-")
        outcomes[branch] = build(folder, branch), (folder / "aws.txt").exists()

    assert outcomes == {"main": (0, False), BUILD: (254, True), PAGE: (0, False), MEASURE: (0, False)}


def test_the_build_makes_what_amplify_deploys(tmp_path: Path) -> None:
    assert build(tmp_path, PAGE) == 0

    artifacts = yaml.safe_load((APP / "amplify.yml").read_text(encoding="utf-8"))["frontend"]["artifacts"]
    made = tmp_path / artifacts["baseDirectory"]
    manifest = json.loads((made / "deploy-manifest.json").read_text(encoding="utf-8"))
    (compute,) = manifest["computeResources"]
    assert [route["target"] for route in manifest["routes"]] == [{"kind": "Compute", "src": compute["name"]}]
    assert (made / "compute" / compute["name"] / compute["entrypoint"]).is_file()
    assert (made / "compute" / compute["name"] / "node_modules").is_dir()


@pytest.fixture(params=["", "yes"], ids=["no role", "a role"])
def page(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The page's address, and whether it runs with a role. Its SDK answers as AWS's does."""
    package = json.loads((APP / "package.json").read_text(encoding="utf-8"))
    (dependency,) = package["dependencies"]
    module = tmp_path / "node_modules" / dependency
    module.mkdir(parents=True)
    (module / "index.js").write_text(STS)
    (tmp_path / "listen.js").write_text(LISTEN)
    shutil.copy(APP / "server.js", tmp_path)
    node: Any = subprocess.Popen(
        ["node", "--require", "./listen.js", "server.js"],  # noqa: S607 - the CDK needs it too
        cwd=tmp_path, env={"PATH": os.environ["PATH"], "ROLE": request.param}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with node:
        wanted, port = node.stdout.readline().split()
        assert wanted == "3000"
        yield f"http://127.0.0.1:{port}/", request.param
        node.kill()


def test_the_page_asks_sts_who_it_is_and_the_doctor_understands_its_answer(page: tuple[str, str]) -> None:
    address, role = page
    try:
        with urlopen(address) as answer:  # noqa: S310 - our own page
            status, body = answer.status, answer.read()
    except HTTPError as error:
        with error:
            status, body = error.code, error.read()

    assert answer_of(status, body) is (PageAnswer.ROLE if role else PageAnswer.NO_ROLE)


def test_the_readme_names_the_field_of_each_question() -> None:
    rows = re.findall(r"^\| .+ \| `(\w+)` \|$", README, re.MULTILINE)

    assert tuple(rows) == QUESTIONS


def test_the_readme_says_how_to_push_connect_tag_run_and_send() -> None:
    (push,) = re.findall(r"git push origin (.+)", README)
    assert {each.removeprefix("HEAD:") for each in push.split()} == {"main", *BRANCHES}
    assert f"--tags {APP_TAG}={APP_TAG_VALUE}" in README
    options = {option for parameter in doctor.params for option in parameter.opts}
    assert set(re.findall(r"--\w+", "".join(re.findall(r"^    medic .+", README, re.MULTILINE)))) <= options
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (APP / target).exists()
