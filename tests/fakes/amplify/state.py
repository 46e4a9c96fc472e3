"""What one account has of Amplify in one region, and how the API shows it."""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal

from tests.fakes.amplify.errors import LimitExceededException, NotFoundException
from tests.fakes.amplify.open_questions import OpenQuestions
from tests.fakes.amplify.trust import may_assume

if TYPE_CHECKING:
    from tests.fakes.amplify.ports import Events, Logs, LogStore, Role, Roles
    from tests.fakes.amplify.scripts import BuildScript, RuntimeNeed
    from tests.fakes.amplify.timing import Time

Json = dict[str, Any]
Connection = Literal["ok", "lost"]

CONCURRENT_JOBS = 5
RUNNING = ("PENDING", "RUNNING", "CANCELLING")


@dataclass(slots=True)
class Job:
    """A job of a branch; `script` is what its build does. Its id is zero-padded to ten digits in its ARN only."""

    job_id: str
    arn: str
    job_type: str
    commit: Json
    started: datetime
    script: BuildScript
    status: str = "PENDING"
    ended: datetime | None = None
    failure: str | None = None

    @property
    def running(self) -> bool:
        """Whether the job counts against the quota of running jobs."""
        return self.status in RUNNING


@dataclass(slots=True)
class Branch:
    """A branch; `settings` holds the members a caller sent, as sent."""

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
    """An app; `settings` holds the members a caller sent, as sent."""

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
        """The repository's URL; None for an app that is deployed by hand."""
        return self.settings.get("repository")

    @property
    def service_role(self) -> str | None:
        """ARN of the role its builds run as."""
        return self.settings.get("iamServiceRoleArn")


@dataclass(frozen=True, slots=True)
class Ports:
    """The cloud around Amplify."""

    time: Time
    roles: Roles
    events: Events
    logs: Logs
    log_store: LogStore


@dataclass(slots=True)
class State:
    """One account in one region, with the settings that a test may change while it runs.

    Attributes:
        propagation: How long after its making a role can't be assumed yet.
        build_time: How long a build takes; zero: it is over before StartJob answers.
        page_size: The most that one page holds, whatever the caller asks for.
    """

    account_id: str
    region: str
    ports: Ports
    questions: OpenQuestions = field(default_factory=OpenQuestions)
    propagation: timedelta = timedelta()
    build_time: timedelta = timedelta()
    page_size: int = 50
    apps: dict[str, App] = field(default_factory=dict)
    apps_made: int = 0
    lock: RLock = field(default_factory=RLock)

    @property
    def partition(self) -> str:
        """The partition of the region."""
        return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(self.region.rsplit("-", 2)[0], "aws")

    def new_app_id(self) -> str:
        """An app id of the real shape, the same in every run."""
        self.apps_made += 1
        seed = f"{self.account_id}/{self.region}/{self.apps_made}"
        return "d" + hashlib.sha256(seed.encode()).hexdigest()[:13]

    def app_arn(self, app_id: str) -> str:
        """The ARN of an app."""
        return f"arn:{self.partition}:amplify:{self.region}:{self.account_id}:apps/{app_id}"

    def app(self, app_id: str) -> App:
        """The app, or NotFoundException."""
        if app_id not in self.apps:
            msg = f"App {app_id} not found"
            raise NotFoundException(msg)
        return self.apps[app_id]

    def branch(self, app_id: str, name: str) -> tuple[App, Branch]:
        """The branch and its app, or NotFoundException."""
        app = self.app(app_id)
        if name not in app.branches:
            msg = f"Branch {name} not found for app {app_id}"
            raise NotFoundException(msg)
        return app, app.branches[name]

    def job(self, app_id: str, branch_name: str, job_id: str) -> tuple[App, Branch, Job]:
        """The job with its branch and app, or NotFoundException."""
        app, branch = self.branch(app_id, branch_name)
        if job_id not in branch.jobs:
            msg = f"Job {job_id} not found for branch {branch_name} of app {app_id}"
            raise NotFoundException(msg)
        return app, branch, branch.jobs[job_id]

    def check_job_quota(self, branch: Branch) -> None:
        """Raises LimitExceededException where the branch is building, or five jobs run in the account."""
        if any(job.running for job in branch.jobs.values()):
            msg = f"The branch {branch.name} already have pending or running jobs"
            raise LimitExceededException(msg)
        jobs = (job for app in self.apps.values() for other in app.branches.values() for job in other.jobs.values())
        if sum(job.running for job in jobs) >= CONCURRENT_JOBS:
            msg = f"Maximum number of concurrent jobs ({CONCURRENT_JOBS}) reached"
            raise LimitExceededException(msg)

    def tags_of_branch(self, app: App, branch: Branch) -> dict[str, str]:
        """The tags a branch shows."""
        inherited = app.tags if self.questions.app_tags_on_branches == "inherited" else {}
        return {**inherited, **branch.tags}

    def usable_role(self, arn: str, context: dict[str, str]) -> Role | None:
        """The role, if it exists, is old enough and lets Amplify assume it with these condition keys."""
        role = self.ports.roles.get(arn)
        if role is None or max(self.ports.time.now() - role.created, timedelta()) < self.propagation:
            return None
        return role if may_assume(role.trust, context) else None
