"""The operations on apps and branches."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.fakes.amplify.checks import check_compute_role, check_environment, check_tags
from tests.fakes.amplify.errors import BadRequestException
from tests.fakes.amplify.paging import page
from tests.fakes.amplify.state import App, Branch

if TYPE_CHECKING:
    from tests.fakes.amplify.state import Json, State

# Callers send these members. Responses never contain them.
_SECRET = ("oauthToken", "accessToken")
# The service model requires these members, but real responses omit them until they are set.
APP_UNSET: Json = {"description": "", "repository": "", "environmentVariables": {}}
BRANCH_UNSET: Json = {
    "description": "",
    "environmentVariables": {},
    "customDomains": [],
    "framework": "",
    "activeJobId": "",
}


def create_app(state: State, asked: Json) -> Json:
    sent = dict(asked)
    tags = sent.pop("tags", {})
    check_environment(sent)
    check_tags(tags)
    app_id = state.new_app_id()
    arn = state.app_arn(app_id)
    sent = check_compute_role(state, sent, platform=sent.get("platform", "WEB"), source_arn=arn)
    now = state.ports.time.now()
    app = state.apps[app_id] = App(app_id, arn, now, _kept(sent), tags, now)
    return {"app": show_app(state, app)}


def get_app(state: State, asked: Json) -> Json:
    return {"app": show_app(state, state.app(asked["appId"]))}


def list_apps(state: State, asked: Json) -> Json:
    apps, more = page(list(state.apps.values()), asked, state.page_size)
    return {"apps": [show_app(state, app) for app in apps], **more}


def update_app(state: State, asked: Json) -> Json:
    """Keeps omitted members and replaces the sent ones, a map as a whole. A token reconnects the repository."""
    app = state.app(asked["appId"])
    sent = {name: value for name, value in asked.items() if name != "appId"}
    check_environment(sent)
    sent = check_compute_role(state, sent, platform=sent.get("platform", app.platform), source_arn=app.arn)
    has_token = any(sent.get(name) for name in _SECRET)
    if "repository" in sent and not has_token:
        raise BadRequestException("You should at least provide one valid token")
    if has_token:
        app.connection = "ok"
    app.settings = _kept({**app.settings, **sent})
    app.updated = state.ports.time.now()
    return {"app": show_app(state, app)}


def delete_app(state: State, asked: Json) -> Json:
    """Deletes the app with all its branches."""
    app = state.app(asked["appId"])
    del state.apps[app.app_id]
    return {"app": show_app(state, app)}


def create_branch(state: State, asked: Json) -> Json:
    app = state.app(asked["appId"])
    sent = {name: value for name, value in asked.items() if name not in ("appId", "branchName", "tags")}
    name, tags = asked["branchName"], asked.get("tags", {})
    if name in app.branches:
        msg = f"The branch {name} already exists"
        raise BadRequestException(msg)
    check_environment(sent)
    check_tags(tags)
    arn = f"{app.arn}/branches/{quote(name, safe='') if state.questions.branch_arn == 'encoded' else name}"
    sent = check_compute_role(state, sent, platform=app.platform, source_arn=arn)
    now = state.ports.time.now()
    branch = app.branches[name] = Branch(name, arn, now, _kept(sent), tags, now)
    return {"branch": show_branch(state, app, branch)}


def get_branch(state: State, asked: Json) -> Json:
    return {"branch": show_branch(state, *state.branch(asked["appId"], asked["branchName"]))}


def list_branches(state: State, asked: Json) -> Json:
    """The service model of ListBranches has no NotFoundException."""
    app = state.apps.get(asked["appId"])
    if app is None:
        msg = f"App {asked['appId']} not found"
        raise BadRequestException(msg)
    branches, more = page(list(app.branches.values()), asked, state.page_size)
    return {"branches": [show_branch(state, app, branch) for branch in branches], **more}


def update_branch(state: State, asked: Json) -> Json:
    """Keeps omitted members and replaces the sent ones, a map as a whole."""
    app, branch = state.branch(asked["appId"], asked["branchName"])
    sent = {name: value for name, value in asked.items() if name not in ("appId", "branchName")}
    check_environment(sent)
    sent = check_compute_role(state, sent, platform=app.platform, source_arn=branch.arn)
    branch.settings = _kept({**branch.settings, **sent})
    branch.updated = state.ports.time.now()
    return {"branch": show_branch(state, app, branch)}


def delete_branch(state: State, asked: Json) -> Json:
    """Deletes the branch with all its jobs."""
    app, branch = state.branch(asked["appId"], asked["branchName"])
    del app.branches[branch.name]
    return {"branch": show_branch(state, app, branch)}


def show_app(state: State, app: App) -> Json:
    """The app as the API returns it."""
    shown: Json = {
        "appId": app.app_id,
        "appArn": app.arn,
        "platform": "WEB",
        "createTime": app.created,
        "updateTime": app.updated,
        "defaultDomain": f"{app.app_id}.amplifyapp.com",
        "enableBranchAutoBuild": False,
        "enableBranchAutoDeletion": False,
        "enableBasicAuth": False,
        "customRules": [],
        "enableAutoBranchCreation": False,
    }
    if app.tags:
        shown["tags"] = app.tags
    return {**_unset(state, APP_UNSET), **shown, **app.settings, **_production(app)}


def show_branch(state: State, app: App, branch: Branch) -> Json:
    """The branch as the API returns it. A stage that was never set is NONE, which is not in the model's enumeration."""
    shown: Json = {
        "branchArn": branch.arn,
        "branchName": branch.name,
        "stage": "NONE",
        "displayName": branch.name.replace("/", "-"),
        "enableNotification": False,
        "createTime": branch.created,
        "updateTime": branch.updated,
        "enableAutoBuild": True,
        "totalNumberOfJobs": str(_jobs_counted(state, branch)),
        "enableBasicAuth": False,
        "ttl": "5",
        "enablePullRequestPreview": False,
    }
    if tags := state.tags_of_branch(app, branch):
        shown["tags"] = tags
    if branch.active_job_id:
        padded = state.questions.active_job_id == "padded"
        shown["activeJobId"] = branch.active_job_id.zfill(10) if padded else branch.active_job_id
    return {**_unset(state, BRANCH_UNSET), **shown, **branch.settings}


def _jobs_counted(state: State, branch: Branch) -> int:
    if state.questions.total_number_of_jobs == "all":
        return len(branch.jobs)
    return sum(job.running for job in branch.jobs.values())


def _kept(settings: Json) -> Json:
    """The settings to store: without secrets and cleared roles."""
    cleared = ("computeRoleArn", "iamServiceRoleArn")
    return {k: v for k, v in settings.items() if k not in _SECRET and not (k in cleared and not v)}


def _unset(state: State, members: Json) -> Json:
    return members if state.questions.unset_members == "present" else {}


def _production(app: App) -> Json:
    for branch in app.branches.values():
        if branch.settings.get("stage") == "PRODUCTION" and branch.active_job_id:
            job = branch.jobs[branch.active_job_id]
            shown = {"lastDeployTime": job.ended, "status": job.status, "branchName": branch.name}
            return {"productionBranch": shown}
    return {}
