"""Requests to the SSR functions of a branch. Only they use the compute role.

Source: https://docs.aws.amazon.com/amplify/latest/userguide/amplify-SSR-compute-role.html
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tests.fakes.amplify.errors import BadRequestException
from tests.fakes.amplify.trust import permits

if TYPE_CHECKING:
    from tests.fakes.amplify.ports import Role
    from tests.fakes.amplify.state import App, Branch, State

Wording = Literal["plain", "node_error", "minified", "nuxt", "astro", "sveltekit", "remix"]

# One error as Node prints it when thrown, logged or minified, and as frameworks print it.
_NO_CREDENTIALS: dict[Wording, str] = {
    "plain": "CredentialsProviderError: Could not load credentials from any providers",
    "node_error": "Error [CredentialsProviderError]: Could not load credentials from any providers",
    "minified": "⨯ i [CredentialsProviderError]: Could not load credentials from any providers",
    "nuxt": "[nuxt] [request error] [unhandled] [500] Could not load credentials from any providers",
    "astro": "11:04:09 [ERROR] CredentialsProviderError: Could not load credentials from any providers",
    "sveltekit": "[500] GET /orders\nCredentialsProviderError: Could not load credentials from any providers",
    "remix": "Error [CredentialsProviderError]: Could not load credentials from any providers",
}
_UNDEFINED_CREDENTIALS = "Error: Resolved credential object is not valid"
_STACK = "\n    at async /var/task/node_modules/@aws-sdk/credential-provider-node/dist-cjs/index.js:125:13"


@dataclass(frozen=True, slots=True)
class SsrAnswer:
    """The response to a visitor. The log group `/aws/amplify/<appId>` contains the message in `stream`."""

    status: int
    message: str
    stream: str


def serve(state: State, app: App, branch: Branch, wording: Wording = "plain") -> SsrAnswer:
    """Serve one request and log it.

    Raises:
        BadRequestException: The branch has no SSR functions: its platform is WEB, or it was never deployed.
    """
    if app.platform == "WEB" or branch.active_job_id is None:
        msg = f"Branch {branch.name} of app {app.app_id} runs no SSR functions: deploy it on an SSR platform first"
        raise BadRequestException(msg)
    status, message = _served(state, app, branch, wording)
    answer = SsrAnswer(status, message, _stream(state, app, branch))
    if _logged(state, app, branch):
        state.ports.logs.put(f"/aws/amplify/{app.app_id}", answer.stream, state.ports.time.now(), message)
    return answer


def write_line(state: State, app: App, branch: Branch, message: str) -> None:
    """Log a message of the SSR code, which may also be text that a visitor sent."""
    stream = _stream(state, app, branch)
    state.ports.logs.put(f"/aws/amplify/{app.app_id}", stream, state.ports.time.now(), message)


def effective_role(state: State, app: App, branch: Branch) -> str | None:
    """ARN of the compute role that the branch's functions use: the branch's role, or else the app's."""
    if own := branch.settings.get("computeRoleArn"):
        return str(own)
    inherited = app.settings.get("computeRoleArn")
    return str(inherited) if inherited and state.questions.app_role_at_runtime == "effective" else None


def compute_context(state: State, source_arn: str) -> dict[str, str]:
    """The condition keys that Amplify sends when it assumes a compute role."""
    sent = state.questions.compute_source_conditions
    account = {} if sent == "refused" else {"aws:SourceAccount": state.account_id}
    return {**account, "aws:SourceArn": source_arn} if sent == "accepted" else account


def _served(state: State, app: App, branch: Branch, wording: Wording) -> tuple[int, str]:
    if branch.passes_undefined_credentials:
        return 500, _UNDEFINED_CREDENTIALS + _STACK
    role = _running_role(state, app, branch)
    if role is None:
        return 500, _NO_CREDENTIALS[wording] + _STACK
    need = branch.need
    if need is None or permits(role.policies, need.action, need.resource):
        return 200, "GET / 200 in 41ms"
    name = role.arn.rsplit("/", 1)[-1]
    principal = (
        f"arn:{state.partition}:sts::{state.account_id}:assumed-role/{name}/AmplifyHostingCompute-app={app.app_id}"
    )
    return 500, (
        f"AccessDeniedException: User: {principal} is not authorized to perform: {need.action} on resource: "
        f"{need.resource} because no identity-based policy allows the {need.action} action"
    )


def _logged(state: State, app: App, branch: Branch) -> bool:
    role = _running_role(state, app, branch)
    if role is None or state.questions.ssr_logs_without_permission == "written":
        return True
    return permits(role.policies, "logs:PutLogEvents", f"arn:aws:logs:*:*:log-group:/aws/amplify/{app.app_id}")


def _running_role(state: State, app: App, branch: Branch) -> Role | None:
    arn = effective_role(state, app, branch)
    waits = state.questions.first_attach == "needs_redeploy" and not branch.deployed_with_role
    if arn is None or waits:
        return None
    return state.usable_role(arn, compute_context(state, branch.arn))


def _stream(state: State, app: App, branch: Branch) -> str:
    day = f"{state.ports.time.now():%Y/%m/%d}"
    instance = hashlib.sha256(branch.arn.encode()).hexdigest()[:32]
    if state.questions.log_stream_names == "opaque":
        return f"{day}/{app.app_id}{instance}"
    # A stream name must not hold ':' or '*'.
    return f"{re.sub('[:*]', '-', branch.name)}/{day}/{instance}"
