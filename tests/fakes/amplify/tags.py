"""The operations on tags. Here a missing resource raises ResourceNotFoundException, not NotFoundException."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.amplify.checks import check_tags
from tests.fakes.amplify.errors import ResourceNotFoundException
from tests.fakes.amplify.state import Branch

if TYPE_CHECKING:
    from tests.fakes.amplify.state import App, Json, State


def tag_resource(state: State, asked: Json) -> Json:
    """Adds tags and overwrites existing ones."""
    _, resource = find(state, asked["resourceArn"])
    tags = {**resource.tags, **asked["tags"]}
    check_tags(tags)
    resource.tags = tags
    return {}


def untag_resource(state: State, asked: Json) -> Json:
    """Removes tags and ignores missing keys."""
    _, resource = find(state, asked["resourceArn"])
    resource.tags = {key: value for key, value in resource.tags.items() if key not in asked["tagKeys"]}
    return {}


def list_tags_for_resource(state: State, asked: Json) -> Json:
    return {"tags": tags_of(state, asked["resourceArn"])}


def tags_of(state: State, arn: str) -> dict[str, str]:
    """The tags that the API returns for an app or a branch."""
    app, resource = find(state, arn)
    return state.tags_of_branch(app, resource) if isinstance(resource, Branch) else dict(app.tags)


def find(state: State, arn: str) -> tuple[App, App | Branch]:
    """The app, and the app or branch with this ARN."""
    app_id = arn.partition(":apps/")[2].partition("/")[0]
    app = state.apps.get(app_id)
    if app is not None and arn == app.arn:
        return app, app
    branch = next((each for each in app.branches.values() if each.arn == arn), None) if app is not None else None
    if app is not None and branch is not None:
        return app, branch
    msg = f"Resource {arn} not found"
    raise ResourceNotFoundException(msg)
