"""The Amplify resources of one account and region."""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal

from tests.fakes.amplify.errors import LimitExceededException, NotFoundException
from tests.fakes.amplify.open_questions import OpenQuestions, as_measured
from tests.fakes.amplify.trust import may_assume

if TYPE_CHECKING:
    from tests.fakes.amplify.ports import Events, Logs, LogStore, Role, Roles
    from tests.fakes.amplify.scripts import BuildScript, RuntimeNeed
    from tests.fakes.amplify.timing import Time

Json = dict[str, Any]
Connection = Literal["ok", "lost"]

CONCURRENT_JOBS = 5
LAG = timedelta(minutes=2)
RUNNING = ("PENDING", "RUNNING", "CANCELLING")


@dataclass(slots=True)
class Job:
    """A job of a branch. `script` decides what its build does. Only the ARN zero-pads the job id, to ten digits."""

    job_id: str
    arn: str
    job_type: str
    commit: Json
    started: datetime
    script: BuildScript
    status: str = "PENDING"
    ended: datetime | None = None
    failure: str | None = None
    shown_from: datetime | None = None
    """When answers first show that the job has ended. None if they never lag."""

    @property
    def running(self) -> bool:
        """Whether the job counts against the quota of running jobs."""
        return self.status in RUNNING


@dataclass(slots=True)
class Branch:
    """A branch. `settings` contains the members that callers sent."""

    name: str
    arn: str
    created: datetime
    settings: Json
    tags: dict[str, str]
    updated: datetime
    jobs: dict[str, Job] = field(default_factory=dict)
    active_job_id: str | None = None
    deployed_with_role: bool = False
    scripts: deque[BuildScript] = field(default_factory=deque)
    head: Json | None = None
    need: RuntimeNeed | None = None
    passes_undefined_credentials: bool = False


@dataclass(slots=True)
class App:
    """An app. `settings` contains the members that callers sent."""

    app_id: str
    arn: str
    created: datetime
    settings: Json
    tags: dict[str, str]
    updated: datetime
    connection: Connection = "ok"
    branches: dict[str, Branch] = field(default_factory=dict)

    @property
    def platform(self) -> str:
        """WEB, WEB_COMPUTE or WEB_DYNAMIC."""
        return str(self.settings.get("platform", "WEB"))

    @property
    def repository(self) -> str | None:
        """The repository's URL. None for an app with manual deployments."""
        return self.settings.get("repository")

    @property
    def service_role(self) -> str | None:
        """ARN of the role that its builds run as."""
        return self.settings.get("iamServiceRoleArn")


@dataclass(frozen=True, slots=True)
class Ports:
    """The services that the fake uses."""

    time: Time
    roles: Roles
    events: Events
    logs: Logs
    log_store: LogStore


@dataclass(slots=True)
class State:
    """One account in one region, with the settings that a test may change while it runs.

    Attributes:
        propagation: How old a role must be before it can be assumed.
        build_time: How long a build takes. With zero it ends before StartJob returns.
        page_size: The maximum number of items on a page, whatever the caller requests.
    """

    account_id: str
    region: str
    ports: Ports
    questions: OpenQuestions = field(default_factory=as_measured)
    propagation: timedelta = timedelta()
    build_time: timedelta = timedelta()
    page_size: int = 50
    apps: dict[str, App] = field(default_factory=dict)
    apps_made: int = 0
    lock: RLock = field(default_factory=RLock)

    @property
    def partition(self) -> str:
        return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(self.region.rsplit("-", 2)[0], "aws")

    def new_app_id(self) -> str:
        """A new app id in the real format. The ids are the same in every run."""
        self.apps_made += 1
        seed = f"{self.account_id}/{self.region}/{self.apps_made}"
        return "d" + hashlib.sha256(seed.encode()).hexdigest()[:13]

    def app_arn(self, app_id: str) -> str:
        return f"arn:{self.partition}:amplify:{self.region}:{self.account_id}:apps/{app_id}"

    def app(self, app_id: str) -> App:
        """The app. Raises NotFoundException if it does not exist."""
        if app_id not in self.apps:
            msg = f"App {app_id} not found"
            raise NotFoundException(msg)
        return self.apps[app_id]

    def branch(self, app_id: str, name: str) -> tuple[App, Branch]:
        """The branch and its app. Raises NotFoundException if one does not exist."""
        app = self.app(app_id)
        if name not in app.branches:
            msg = f"Branch {name} not found for app {app_id}"
            raise NotFoundException(msg)
        return app, app.branches[name]

    def job(self, app_id: str, branch_name: str, job_id: str) -> tuple[App, Branch, Job]:
        """The job with its branch and app. Raises NotFoundException if one does not exist."""
        app, branch = self.branch(app_id, branch_name)
        if job_id not in branch.jobs:
            msg = f"Job {job_id} not found for branch {branch_name} of app {app_id}"
            raise NotFoundException(msg)
        return app, branch, branch.jobs[job_id]

    def check_job_quota(self, branch: Branch) -> None:
        """Raise LimitExceededException if the branch is building, or if five jobs run in the account."""
        if any(job.running for job in branch.jobs.values()):
            msg = f"The branch {branch.name} already have pending or running jobs"
            raise LimitExceededException(msg)
        jobs = (job for app in self.apps.values() for other in app.branches.values() for job in other.jobs.values())
        if sum(job.running for job in jobs) >= CONCURRENT_JOBS:
            msg = f"Maximum number of concurrent jobs ({CONCURRENT_JOBS}) reached"
            raise LimitExceededException(msg)

    def tags_of_branch(self, app: App, branch: Branch) -> dict[str, str]:
        """The tags that the API returns for the branch."""
        inherited = app.tags if self.questions.app_tags_on_branches == "inherited" else {}
        return {**inherited, **branch.tags}

    def usable_role(self, arn: str, context: dict[str, str]) -> Role | None:
        """The role, or None if it is missing, too new, or its trust policy denies these condition keys."""
        role = self.ports.roles.get(arn)
        if role is None or max(self.ports.time.now() - role.created, timedelta()) < self.propagation:
            return None
        return role if may_assume(role.trust, context) else None
