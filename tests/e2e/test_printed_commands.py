"""Pastes every block of commands of README and docs into bash, as printed, on the local cloud.

The tools are those that a reader has: npx, the CDK CLI, the AWS CLI and `medic`. Only `make proof` runs it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from demo.stage import AMPLIFY_TRUST
from tests.docs.printed import DOCS, PAGES, ROOT, Block, blocks
from tests.e2e.terminal import in_a_terminal
from tests.emulator.cloud import ACCOUNT_ID, LocalCloud
from tests.fakes.slack import FakeSlack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.proof, pytest.mark.timeout(1800)]

README, RUNBOOK = ROOT / "README.md", DOCS / "runbook.md"
LOOKING = re.compile(r"\bmedic (doctor|scan)\b")
"""These may also end with 1 (something is wrong: nobody confirms the e-mail) or 3 (the emulator answers not all)."""
PROGRAMS = {
    "aws": f'exec {ROOT}/.build/awscli/bin/aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"',
    "cdk": 'exec node_modules/.bin/cdk "$@"',
    "medic": 'exec .venv/bin/medic "$@"',
    "terraform": "exec cat plan.json",
}


class Reader:
    """Somebody with a clone and an account, who reads page by page and pastes."""

    def __init__(self, cloud: LocalCloud, slack: FakeSlack, folder: Path) -> None:
        self.clone = folder / "clone"
        _clone(self.clone)
        self._cloud = cloud
        self._names = self._prepare(slack)
        programs = folder / "programs"
        programs.mkdir()
        for name, text in PROGRAMS.items():
            (programs / name).write_text(f"#!/bin/bash\n{text}\n")
            (programs / name).chmod(0o755)
        self._environment = {
            **{name: each for name, each in cloud.cli_environment.items() if name not in {"PATH", "PYTHONPATH"}},
            "PATH": os.pathsep.join([str(programs), os.environ["PATH"]]),
            "PYTHONPATH": f"{self.clone / 'lambdas'}:{self.clone / 'cli'}",
            "AWS_PAGER": "",
        }

    def _prepare(self, slack: FakeSlack) -> dict[str, str]:
        """Make what the pages assume. Returns what their invented names are called here."""
        files = {"webhook-url.txt": slack.webhook_url, "bot-token.txt": "xoxb-1-2-abc", "signing-secret.txt": "0" * 32}
        for name, text in files.items():
            (self.clone / name).write_text(text)
        for kind, name in ((".yaml", "template.yaml"), (".json", "plan.json")):
            shutil.copy(ROOT / f"tests/data/preflight/kinds/nothing-wrong{kind}", self.clone / name)
        amplify, iam = self._cloud.client("amplify"), self._cloud.client("iam")
        iam.create_role(RoleName="shop-ssr", AssumeRolePolicyDocument=AMPLIFY_TRUST)
        old = iam.create_role(RoleName="old", AssumeRolePolicyDocument=AMPLIFY_TRUST)["Role"]
        app = amplify.create_app(name="shop", platform="WEB_COMPUTE", repository="https://github.com/acme/shop")["app"]
        amplify.create_branch(appId=app["appId"], branchName="main", stage="PRODUCTION", framework="Next.js - SSR")
        return {
            "d1a2b3c4d5e6f7": app["appId"], "111122223333": ACCOUNT_ID, "APP_ID": app["appId"],
            "BRANCH": "main", "--role ARN": f"--role {old['Arn']}", "NAME": "old",
        }  # fmt: skip

    def own(self, text: str) -> str:
        for invented, name in self._names.items():
            text = text.replace(invented, name)
        return text

    def add(self, block: Block) -> None:
        """Add settings to the object `amplify-medic` in cdk.json."""
        given = json.loads("{" + self.own(block.text) + "}")
        path = self.clone / "cdk.json"
        cdk: dict[str, Any] = json.loads(path.read_text())
        cdk["context"]["amplify-medic"].update(given.get("amplify-medic", given))
        path.write_text(json.dumps(cdk))

    def paste(self, block: Block, definitions: str = "") -> tuple[int, str]:
        """Paste a block, and say yes to every question. Returns its exit status and what it printed."""
        script = f"{definitions}\n{self.own(block.text)}\n"
        command = ["bash", "-eu", "-o", "pipefail", "-c", script]
        status = in_a_terminal(command, self.clone, self._environment, typed="y\n" * 20)
        return status, (self.clone / "printed").read_text(errors="replace")


def _clone(folder: Path) -> None:
    """The files of this checkout as git lists them, with its installed tools."""
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], check=True, capture_output=True, text=True)  # noqa: S603, S607 - fixed arguments
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    for name in (".venv", ".build", "node_modules"):
        (folder / name).symlink_to(ROOT / name)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    (tmp_path / "cloud").mkdir()
    with FakeSlack() as slack, LocalCloud(tmp_path / "cloud") as cloud:
        yield Reader(cloud, slack, tmp_path)


def test_every_printed_command_runs_as_printed(reader: Reader) -> None:
    definitions = next(block.text for block in blocks(RUNBOOK) if block.has_commands)
    # README deploys the stack that the other pages are about; the end of the runbook removes it.
    pages = sorted(PAGES, key=lambda page: (page != README, page == RUNBOOK))
    wrong: list[str] = []
    for block in (block for page in pages for block in blocks(page)):
        if block.has_settings and block.page == README:
            reader.add(block)
        if not block.has_commands or block.reason_not_to_run:
            continue
        status, printed = reader.paste(block, definitions)
        if status not in ({0, 1, 3} if LOOKING.search(block.text) else {0}):
            wrong.append(f"{block.page.name}: exit code {status}\n{block.text}\n{printed[-1500:]}")
    assert wrong == []
