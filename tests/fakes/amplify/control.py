"""Controls of the fake that no AWS API offers. Arguments and return values are plain JSON values."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.fakes.amplify import jobs, runtime
from tests.fakes.amplify.choices import check_choice
from tests.fakes.amplify.scripts import BuildScript, RuntimeNeed
from tests.fakes.amplify.state import Connection

if TYPE_CHECKING:
    from tests.fakes.amplify.core import FakeAmplify
    from tests.fakes.amplify.faults import Fault
    from tests.fakes.amplify.state import Json


class Control:
    """The controls of one fake."""

    def __init__(self, fake: FakeAmplify) -> None:
        self.fake = fake
        self._state = fake.state

    def set_connection(self, app_id: str, connection: Connection) -> None:
        """Break or restore the app's connection to its repository. No API shows the connection."""
        check_choice("connection", connection, Connection)
        self._state.app(app_id).connection = connection

    def script_builds(self, app_id: str, branch: str, *scripts: BuildScript | str | Json) -> None:
        """Script the next builds, in order; the last one repeats. A string is an outcome, a dict a whole script."""
        found = self._state.branch(app_id, branch)[1]
        found.scripts.clear()
        found.scripts.extend(_script(script) for script in scripts)

    def set_runtime_need(self, app_id: str, branch: str, action: str | None, resource: str = "*") -> None:
        """Set the AWS call of the SSR code for each request. None: a call that needs credentials but no permission."""
        need = None if action is None else RuntimeNeed(action, resource)
        self._state.branch(app_id, branch)[1].need = need

    def set_questions(self, **answers: str) -> None:
        """Change the answers to open questions."""
        self._state.questions = replace(self._state.questions, **answers)  # type: ignore[arg-type]

    def set_propagation(self, seconds: float) -> None:
        """Set how old a role must be before it can be assumed."""
        self._state.propagation = timedelta(seconds=seconds)

    def set_build_time(self, seconds: float) -> None:
        """Set how long builds take. With 0 they end before StartJob returns."""
        self._state.build_time = timedelta(seconds=seconds)

    def set_page_size(self, size: int) -> None:
        """Set the maximum number of items on one page of a list."""
        self._state.page_size = size

    def set_preview(self, app_id: str, branch: str, source: str, destination: str) -> None:
        """Turn a branch into the preview of a pull request. No API does this."""
        found = self._state.branch(app_id, branch)[1]
        found.settings |= {"sourceBranch": source, "destinationBranch": destination}

    def advance(self, seconds: float) -> None:
        """Advance the fake's clock."""
        self._state.ports.time.advance(timedelta(seconds=seconds))

    def set_clock_right(self) -> None:
        """Set the fake's clock to the machine's time."""
        time = self._state.ports.time
        time.advance(datetime.now(UTC) - time.now())

    def push(self, app_id: str, branch: str, commit: str, message: str = "Pushed") -> str:
        """Push a commit to the repository, which starts a job through a webhook. Returns the job's id."""
        with self._state.lock:
            app, found = self._state.branch(app_id, branch)
            found.head = {"commitId": commit, "commitMessage": message, "commitTime": self._state.ports.time.now()}
            return jobs.launch(self._state, app, found, job_type="WEB_HOOK", commit=found.head).job_id

    def deploy_manually(self, app_id: str, branch: str) -> str:
        """Start a manual deployment, which has no commit. Returns the job's id."""
        with self._state.lock:
            return jobs.launch(self._state, *self._state.branch(app_id, branch), job_type="MANUAL", commit={}).job_id

    def request(self, app_id: str, branch: str, wording: runtime.Wording = "plain") -> Json:
        """Send a visitor's request to the branch's SSR functions. Returns status, message and log stream."""
        with self._state.lock:
            return asdict(runtime.serve(self._state, *self._state.branch(app_id, branch), wording))

    def print_at_runtime(self, app_id: str, branch: str, message: str) -> None:
        """Write a message to the log as the branch's SSR code."""
        with self._state.lock:
            runtime.write_line(self._state, *self._state.branch(app_id, branch), message)

    def pass_undefined_credentials(self, app_id: str, branch: str) -> None:
        """Let the SSR code pass its own credentials, which are undefined. Then no role helps."""
        self._state.branch(app_id, branch)[1].passes_undefined_credentials = True

    def fail_call(self, operation: str, fault: Fault, nth: int = 1, app_id: str = "") -> None:
        """Make the nth call of an operation fail, counted from now; only calls about `app_id` count if it is given."""
        self.fake.faults.plan(operation, fault, nth=nth, app_id=app_id)

    def deny(self, operation: str, denied: bool = True) -> None:  # noqa: FBT001, FBT002 - comes from JSON
        """Let IAM deny an operation to every caller, or stop denying it."""
        (self.fake.denied.add if denied else self.fake.denied.discard)(operation)

    def expire_logs(self) -> None:
        """Expire the log URLs returned so far. GetJob returns new ones."""
        self._state.ports.log_store.expire_all()

    def recorded_calls(self, operation: str | None = None) -> list[Json]:
        """The received calls, in order."""
        calls = self.fake.calls if operation is None else self.fake.calls_of(operation)
        return [asdict(call) for call in calls]

    def forget_calls(self) -> None:
        """Clear the record of calls."""
        self.fake.calls.clear()


def _script(script: BuildScript | str | Json) -> BuildScript:
    if isinstance(script, BuildScript):
        return script
    if isinstance(script, str):
        return BuildScript(script)  # type: ignore[arg-type]
    return BuildScript(**{**script, "lines": tuple(script.get("lines", ()))})
