"""AWS Amplify Hosting without a network: an operation and its parameters go in, an answer or a typed error comes out.

An adapter serves it from an emulator's HTTP endpoint. `wire` translates between HTTP and this module.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.fakes.amplify import apps, jobs, tags
from tests.fakes.amplify.errors import AccessDeniedException, AmplifyError, NoAnswerError
from tests.fakes.amplify.faults import Faults, fail_after_effect, fail_before_effect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tests.fakes.amplify.state import Json, State

OPERATIONS: Mapping[str, Callable[[State, Json], Json]] = {
    "CreateApp": apps.create_app,
    "GetApp": apps.get_app,
    "ListApps": apps.list_apps,
    "UpdateApp": apps.update_app,
    "DeleteApp": apps.delete_app,
    "CreateBranch": apps.create_branch,
    "GetBranch": apps.get_branch,
    "ListBranches": apps.list_branches,
    "UpdateBranch": apps.update_branch,
    "DeleteBranch": apps.delete_branch,
    "ListJobs": jobs.list_jobs,
    "GetJob": jobs.get_job,
    "StartJob": jobs.start_job,
    "StopJob": jobs.stop_job,
    "TagResource": tags.tag_resource,
    "UntagResource": tags.untag_resource,
    "ListTagsForResource": tags.list_tags_for_resource,
}


@dataclass(frozen=True, slots=True)
class Call:
    """A received call.

    Attributes:
        operation: Its name in the service model.
        path: The decoded path parameters.
        query: The query parameters.
        body: The JSON body, exactly as sent.
        caller: The access key that signed it.
        at: When it was received.
        error: The code of the returned error; `NoAnswer` if there was no answer; None if the call succeeded.
    """

    operation: str
    path: Json
    query: Json
    body: Json
    caller: str
    at: datetime
    error: str | None = None


@dataclass(slots=True)
class FakeAmplify:
    """Amplify in one account and region.

    Attributes:
        state: The apps, and the settings that a test may change.
        faults: The planned faults.
        denied: Operations that IAM denies to every caller.
        calls: The received calls, in order.
    """

    state: State
    faults: Faults = field(default_factory=Faults)
    denied: set[str] = field(default_factory=set)
    calls: list[Call] = field(default_factory=list)

    def call(
        self,
        operation: str,
        *,
        path: Json | None = None,
        query: Json | None = None,
        body: Json | None = None,
        caller: str = "",
    ) -> Json:
        """Make one call.

        Args:
            operation: Its name in the service model.
            path: The parameters of the path.
            query: The parameters of the query string.
            body: The parameters of the body, as JSON.
            caller: The access key that signed it, for the record.

        Returns:
            The members of the answer. Timestamps are datetimes.

        Raises:
            AmplifyError: The service returns an error.
            NoAnswerError: The caller gets no answer, because a test planned this fault.
        """
        with self.state.lock:
            asked = Call(operation, path or {}, query or {}, body or {}, caller, self.state.ports.time.now())
            try:
                answer = self._answered(asked)
            except (AmplifyError, NoAnswerError) as error:
                self._record(asked, error.code if isinstance(error, AmplifyError) else "NoAnswer")
                raise
            self._record(asked, None)
            return answer

    def calls_of(self, operation: str) -> list[Call]:
        """The calls of one operation, in order."""
        return [call for call in self.calls if call.operation == operation]

    def _answered(self, asked: Call) -> Json:
        fault = self.faults.take(asked.operation, asked.path.get("appId", ""))
        fail_before_effect(fault, asked.operation)
        if asked.operation in self.denied:
            user = f"arn:{self.state.partition}:iam::{self.state.account_id}:root"
            action = f"amplify:{asked.operation}"
            msg = (
                f"User: {user} is not authorized to perform: {action} with an explicit deny in a service control policy"
            )
            raise AccessDeniedException(msg)
        answer = OPERATIONS[asked.operation](self.state, {**asked.body, **asked.query, **asked.path})
        fail_after_effect(fault, asked.operation)
        return answer

    def _record(self, asked: Call, error: str | None) -> None:
        """Record the call when it ends. Calls that ended earlier come before it."""
        self.calls.append(Call(asked.operation, asked.path, asked.query, asked.body, asked.caller, asked.at, error))
