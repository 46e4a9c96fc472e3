"""The operations on tags. Here a missing resource raises ResourceNotFoundException, not NotFoundException."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.amplify.checks import check_tags
from tests.fakes.amplify.errors import ResourceNotFoundException

if TYPE_CHECKING:
    from tests.fakes.amplify.state import App, Branch, Json, State


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
    return dict(app.tags) if resource is app else state.tags_of_branch(app, app.branches[_branch_name(arn)])


def find(state: State, arn: str) -> tuple[App, App | Branch]:
    """The app, and the app or branch with this ARN. ARNs contain branch names unencoded, slashes included."""
    app_id = arn.partition(":apps/")[2].partition("/")[0]
    app = state.apps.get(app_id)
    if app is not None and arn == app.arn:
        return app, app
    if app is not None and (branch := app.branches.get(_branch_name(arn))) and arn == branch.arn:
        return app, branch
    msg = f"Resource {arn} not found"
    raise ResourceNotFoundException(msg)


def _branch_name(arn: str) -> str:
    return arn.partition("/branches/")[2]
