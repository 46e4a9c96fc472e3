"""Runs a job: decides how its build ends, writes its log and sends an event.

A build runs as the app's service role, or as one of Amplify's own roles if the app has none. Builds never use the
compute role: https://docs.aws.amazon.com/amplify/latest/userguide/amplify-SSR-compute-role.html
"""

from __future__ import annotations

import gzip
import uuid
from functools import partial
from typing import TYPE_CHECKING

from tests.fakes.amplify import build_log
from tests.fakes.amplify.build_log import FOREIGN_ACCOUNT, FOREIGN_PRINCIPAL, UNASSUMABLE, BuildLog
from tests.fakes.amplify.runtime import effective_role
from tests.fakes.amplify.state import LAG

if TYPE_CHECKING:
    from tests.fakes.amplify.scripts import BuildScript
    from tests.fakes.amplify.state import App, Branch, Job, State


def run(state: State, app: App, branch: Branch, job: Job) -> None:
    """Start the job. It ends immediately, or after the build time."""
    job.status = "RUNNING"
    send_event(state, app, branch, job, "STARTED")

    def finish() -> None:
        with state.lock:
            if job.status == "RUNNING":
                _finish(state, app, branch, job)

    if state.build_time:
        state.ports.time.call_later(state.build_time, finish)
    else:
        finish()


def cancel(state: State, app: App, branch: Branch, job: Job) -> None:
    job.status, job.ended = "CANCELLED", state.ports.time.now()
    send_event(state, app, branch, job, "CANCELLED")


def send_event(state: State, app: App, branch: Branch, job: Job, status: str) -> None:
    """Send the event of a status change, unless EventBridge loses it.

    `detail` has exactly four fields. The job id is zero-padded only in the ARN. The API has no status STARTED.
    https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-amplify.html
    """
    if state.questions.event_lost == "yes":
        return
    state.ports.events.put(
        {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Amplify Deployment Status Change",
            "source": "aws.amplify",
            "account": state.account_id,
            "time": f"{state.ports.time.now():%Y-%m-%dT%H:%M:%SZ}",
            "region": state.region,
            "resources": [job.arn],
            "detail": {"appId": app.app_id, "branchName": branch.name, "jobId": job.job_id, "jobStatus": status},
        }
    )


def log_key(job: Job) -> str:
    """The key of the job's build log in the log store."""
    started = f"{job.started:%Y%m%dT%H%M%S.%f}"
    return f"{job.arn.partition(':apps/')[2]}/{started}/BUILD/log.txt"


def _finish(state: State, app: App, branch: Branch, job: Job) -> None:
    log = BuildLog(job.started)
    job.failure = _build(state, app, branch, job, log)
    job.status = "FAILED" if job.failure else "SUCCEED"
    job.ended = state.ports.time.now()
    if state.questions.status_lags == "yes":
        job.shown_from = job.ended + LAG
    body, encoding = _encoded(log.text(), state.questions.log_body)
    store = partial(state.ports.log_store.put, log_key(job), body, encoding)
    if state.questions.log_lags == "yes":
        state.ports.time.call_later(LAG, store)
    else:
        store()
    if job.status == "SUCCEED":
        branch.active_job_id = job.job_id
        branch.deployed_with_role = effective_role(state, app, branch) is not None
    send_event(state, app, branch, job, job.status)


def _encoded(text: str, form: str) -> tuple[bytes, str | None]:
    body = text.encode()
    if form == "plain":
        return body, None
    return gzip.compress(body, mtime=0), "gzip" if form == "gzip_encoded" else None


def _build(state: State, app: App, branch: Branch, job: Job, log: BuildLog) -> str | None:
    """Write the log. Returns the reason if the build failed, otherwise None."""
    build_log.configured(log)
    if app.connection == "lost" or not _service_role_assumable(state, app, branch):
        build_log.unassumable(log)
        return UNASSUMABLE
    build_log.cloned(log, app.app_id, branch.name, app.repository or "", str(job.commit.get("commitId", "")))
    failure = _scripted(state, app, branch, job.script, log)
    if failure is None:
        build_log.succeeded(log)
    return failure


def _service_role_assumable(state: State, app: App, branch: Branch) -> bool:
    if not app.service_role:
        return True
    sent = {"aws:SourceAccount": state.account_id, "aws:SourceArn": branch.arn}
    return state.usable_role(app.service_role, sent) is not None


def _scripted(state: State, app: App, branch: Branch, script: BuildScript, log: BuildLog) -> str | None:
    """Run the phases after the clone. Returns the reason if they failed, otherwise None."""
    denied = _denied_call(state, app, branch, script)
    if denied or script.outcome == "backend_deploy":
        build_log.backend_starts(log, app.app_id, branch.name)
    if denied:
        build_log.denied_backend(log, *denied)
        exit_code = 1
    else:
        build_log.frontend_starts(log)
        exit_code = _frontend(script, log)
    if exit_code:
        build_log.failed(log, exit_code)
    return "Build failed" if exit_code else None


def _frontend(script: BuildScript, log: BuildLog) -> int:
    """Write the output of the build command. Returns its exit code."""
    match script.outcome:
        case "npm_failure":
            build_log.npm_error(log)
        case "prerender_credentials":
            build_log.prerender_error(log)
        case "echoed_phrase":
            log.add("INFO", UNASSUMABLE)
            log.add("WARNING", "src/help.tsx(4,7): error TS2322: Type 'string' is not assignable to type 'number'.")
        case "lines":
            build_log.printed(log, script.lines)
        case _:
            return 0
    return script.exit_code


def _denied_call(state: State, app: App, branch: Branch, script: BuildScript) -> tuple[str, str] | None:
    """The denial message of the backend build and the denied action, or None."""
    if script.outcome == "access_denied":
        return _denial(_principal(state, app), script.action, script.resource, script.reason), script.action
    if script.outcome == "backend_deploy" and not app.service_role:
        action = "cloudformation:GetTemplateSummary"
        stack = f"amplify-{app.app_id}-{branch.name}-branch-fa1c4cb7b8"
        resource = f"arn:aws:cloudformation:{state.region}:{FOREIGN_ACCOUNT}:stack/{stack}/*"
        return _denial(FOREIGN_PRINCIPAL, action, resource, script.reason), action
    return None


def _principal(state: State, app: App) -> str:
    """The principal of the build. Its session name distinguishes a service role from Amplify's own roles."""
    if not app.service_role:
        return FOREIGN_PRINCIPAL
    name = app.service_role.rsplit("/", 1)[-1]
    return f"arn:{state.partition}:sts::{state.account_id}:assumed-role/{name}/BuildSession"


def _denial(principal: str, action: str, resource: str, reason: str) -> str:
    text = f"User: {principal} is not authorized to perform: {action} on resource: {resource}"
    return f"{text} {reason.format(action=action)}".rstrip()
