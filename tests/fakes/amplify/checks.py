"""Checks that Amplify makes before it changes anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.amplify.errors import BadRequestException
from tests.fakes.amplify.runtime import compute_context

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fakes.amplify.state import Json, State

UNASSUMABLE_COMPUTE_ROLE = "The compute role provided cannot be assumed by Amplify."
RESERVED_PREFIX = 'Environment variables cannot start with the reserved prefix "AWS".'
MAX_TAGS = 50


def check_environment(sent: Json) -> None:
    """Refuse variables whose names AWS reserves."""
    if any(name.startswith("AWS") for name in sent.get("environmentVariables", {})):
        raise BadRequestException(RESERVED_PREFIX)


def check_tags(tags: Mapping[str, str]) -> None:
    """Refuse more tags than a resource may have, and the prefix that AWS reserves."""
    if len(tags) > MAX_TAGS:
        msg = f"A resource can have at most {MAX_TAGS} tags"
        raise BadRequestException(msg)
    if any(key.startswith("aws:") for key in tags):
        raise BadRequestException("Tag keys cannot start with aws:")


def check_compute_role(state: State, sent: Json, *, platform: str, source_arn: str) -> Json:
    """Check a request that may set a compute role.

    Amplify tries to assume the role. One message covers a missing role, a wrong trust policy and a role created seconds
    ago.

    Returns:
        The settings to store: `sent`, with an empty `computeRoleArn` handled as the open question says.

    Raises:
        BadRequestException: Amplify refuses the role.
    """
    if "computeRoleArn" not in sent:
        return sent
    if not sent["computeRoleArn"]:
        return _handle_empty_role(state, sent)
    if platform == "WEB" and state.questions.compute_role_on_web == "refused":
        raise BadRequestException("A compute role can only be set on an app with an SSR platform")
    if state.usable_role(sent["computeRoleArn"], compute_context(state, source_arn)) is None:
        raise BadRequestException(UNASSUMABLE_COMPUTE_ROLE)
    return sent


def _handle_empty_role(state: State, sent: Json) -> Json:
    match state.questions.empty_compute_role:
        case "refused":
            raise BadRequestException(UNASSUMABLE_COMPUTE_ROLE)
        case "ignored":
            return {name: value for name, value in sent.items() if name != "computeRoleArn"}
        case "detaches":
            return {**sent, "computeRoleArn": None}
