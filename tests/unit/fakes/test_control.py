from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types_boto3_amplify import AmplifyClient

    from tests.fakes.amplify.moto_adapter import AmplifyOnMoto


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("set_connection", ["{app}", "broken"]),
        ("script_builds", ["{app}", "main", "npm failure"]),
        ("fail_call", ["GetApp", "explosion"]),
    ],
)
def test_a_misspelt_choice_is_refused(amplify: AmplifyOnMoto, app_id: str, method: str, arguments: list[str]) -> None:
    with pytest.raises(ValueError, match="is one of"):
        getattr(amplify.control, method)(*[argument.format(app=app_id) for argument in arguments])


def test_a_misspelt_answer_or_question_is_refused(amplify: AmplifyOnMoto) -> None:
    with pytest.raises(ValueError, match="empty_compute_role is one of detaches, refused, ignored"):
        amplify.control.set_questions(empty_compute_role="detach")
    with pytest.raises(TypeError):
        amplify.control.set_questions(empty_role="refused")


def test_a_branch_can_be_turned_into_a_preview(amplify: AmplifyOnMoto, client: AmplifyClient, app_id: str) -> None:
    client.create_branch(appId=app_id, branchName="pr-7")

    amplify.control.set_preview(app_id, "pr-7", source="feature/x", destination="main")

    branch = client.get_branch(appId=app_id, branchName="pr-7")["branch"]
    assert (branch["sourceBranch"], branch["destinationBranch"]) == ("feature/x", "main")
