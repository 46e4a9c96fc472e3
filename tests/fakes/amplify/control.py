"""What a test may do to the fake that no API offers. Arguments and answers are plain JSON values."""

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
    """The back door of one fake."""

    def __init__(self, fake: FakeAmplify) -> None:
        self.fake = fake
        self._state = fake.state

    def set_connection(self, app_id: str, connection: Connection) -> None:
        """Breaks or mends the app's connection to its repository. No API shows it."""
        check_choice("connection", connection, Connection)
        self._state.app(app_id).connection = connection

    def script_builds(self, app_id: str, branch: str, *scripts: BuildScript | str | Json) -> None:
        """Says what the next builds do, in order; the last one stays. A string is an outcome, a dict a whole script."""
        found = self._state.branch(app_id, branch)[1]
        found.scripts.clear()
        found.scripts.extend(_script(script) for script in scripts)

    def set_runtime_need(self, app_id: str, branch: str, action: str | None, resource: str = "*") -> None:
        """Says which call the SSR code makes for each request; None: one that needs credentials, but no permission."""
        need = None if action is None else RuntimeNeed(action, resource)
        self._state.branch(app_id, branch)[1].need = need

    def set_questions(self, **answers: str) -> None:
        """Answers open questions differently from now on."""
        self._state.questions = replace(self._state.questions, **answers)  # type: ignore[arg-type]

    def set_propagation(self, seconds: float) -> None:
        """How old a role must be to be assumed."""
        self._state.propagation = timedelta(seconds=seconds)

    def set_build_time(self, seconds: float) -> None:
        """How long builds take; 0: they are over before StartJob answers."""
        self._state.build_time = timedelta(seconds=seconds)

    def set_page_size(self, size: int) -> None:
        """The most that a page of a list holds."""
        self._state.page_size = size

    def set_preview(self, app_id: str, branch: str, source: str, destination: str) -> None:
        """Makes a branch the preview of a pull request; no API does."""
        found = self._state.branch(app_id, branch)[1]
        found.settings |= {"sourceBranch": source, "destinationBranch": destination}

    def advance(self, seconds: float) -> None:
        """Sets the fake's clock ahead."""
        self._state.ports.time.advance(timedelta(seconds=seconds))

    def set_clock_right(self) -> None:
        """Sets the fake's clock to the machine's."""
        time = self._state.ports.time
        time.advance(datetime.now(UTC) - time.now())

    def push(self, app_id: str, branch: str, commit: str, message: str = "Pushed") -> str:
        """A push to the repository: a new commit, and the job that a webhook starts for it. Gives the job's id."""
        with self._state.lock:
            app, found = self._state.branch(app_id, branch)
            found.head = {"commitId": commit, "commitMessage": message, "commitTime": self._state.ports.time.now()}
            return jobs.launch(self._state, app, found, job_type="WEB_HOOK", commit=found.head).job_id

    def deploy_manually(self, app_id: str, branch: str) -> str:
        """A manual deployment, which has no commit. Gives the job's id."""
        with self._state.lock:
            return jobs.launch(self._state, *self._state.branch(app_id, branch), job_type="MANUAL", commit={}).job_id

    def request(self, app_id: str, branch: str, wording: runtime.Wording = "plain") -> Json:
        """A visitor's request to the branch's SSR functions: status, message and the log stream it went to."""
        with self._state.lock:
            return asdict(runtime.serve(self._state, *self._state.branch(app_id, branch), wording))

    def print_at_runtime(self, app_id: str, branch: str, message: str) -> None:
        """Lets the branch's SSR code print something."""
        with self._state.lock:
            runtime.write_line(self._state, *self._state.branch(app_id, branch), message)

    def pass_undefined_credentials(self, app_id: str, branch: str) -> None:
        """From now on the SSR code passes credentials of its own, without values in them: no role helps."""
        self._state.branch(app_id, branch)[1].passes_undefined_credentials = True

    def fail_call(self, operation: str, fault: Fault, nth: int = 1) -> None:
        """Lets the nth call of an operation, counted from now, go wrong."""
        self.fake.faults.plan(operation, fault, nth=nth)

    def deny(self, operation: str, denied: bool = True) -> None:  # noqa: FBT001, FBT002 - comes from JSON
        """Lets IAM deny an operation to everybody, or no longer."""
        (self.fake.denied.add if denied else self.fake.denied.discard)(operation)

    def expire_logs(self) -> None:
        """Lets the log URLs given so far expire. GetJob gives fresh ones."""
        self._state.ports.log_store.expire_all()

    def recorded_calls(self, operation: str | None = None) -> list[Json]:
        """The calls received, in order."""
        calls = self.fake.calls if operation is None else self.fake.calls_of(operation)
        return [asdict(call) for call in calls]

    def forget_calls(self) -> None:
        """Starts the record anew."""
        self.fake.calls.clear()


def _script(script: BuildScript | str | Json) -> BuildScript:
    if isinstance(script, BuildScript):
        return script
    if isinstance(script, str):
        return BuildScript(script)  # type: ignore[arg-type]
    return BuildScript(**{**script, "lines": tuple(script.get("lines", ()))})
