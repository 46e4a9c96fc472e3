"""The bot's own stack passes the bot's own check, with and without an app that uses the role that it creates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.infra.stacks import EVERYTHING, of_type, template
from tests.unit.cli.preflight.support import app, arn, branch, check_file, lines, unknowns


def written(document: Any, folder: Path) -> Path:
    path = folder / "stack.json"
    path.write_text(json.dumps(document))
    return path


def test_the_stack_itself_has_no_finding(tmp_path: Path) -> None:
    result = check_file(written(template(**EVERYTHING), tmp_path))
    assert (lines(result), unknowns(result)) == ([], [])


def test_an_app_may_use_the_compute_role_of_the_stack(tmp_path: Path) -> None:
    stack = template(**EVERYTHING)
    [role] = [
        name
        for name, each in of_type(stack, "AWS::IAM::Role").items()
        if "amplify.amazonaws" in json.dumps(each["Properties"]["AssumeRolePolicyDocument"])
    ]
    own = {"App": app(Platform="WEB_COMPUTE", IAMServiceRole=arn(role)), "Main": branch(ComputeRoleArn=arn(role))}
    result = check_file(written({**stack, "Resources": {**stack["Resources"], **own}}, tmp_path))
    assert (lines(result), unknowns(result)) == ([], [])
