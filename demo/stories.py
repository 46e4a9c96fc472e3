"""The stories. Each plays one claim of the product on the deployed stack and checks every step."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from demo.stage import Stage

_HOUR = 3600


def lost_connection(stage: Stage) -> None:
    """Not opted in. The service role's trust policy is correct, but the repository connection is lost."""
    stage.narrator.chapter("(a) The error message blames the role, but the repository connection is lost")
    app_id = stage.make_app("storefront", {}, iamServiceRoleArn=stage.make_role("storefront-service"))
    stage.cloud.control("set_connection", app_id, "lost")
    stage.narrator.branch("before", stage.branch(app_id))
    stage.narrator.say("  (The fake Amplify's clock is one hour ahead during this build, so the role is not new.)")
    stage.cloud.control("advance", _HOUR)
    stage.build(app_id)
    stage.cloud.control("advance", -_HOUR)
    alert = stage.next_alert(app_id, containing="lost its connection to the repository")
    stage.expect("the alert says that the trust policy is right", "its trust was checked and is right" in alert)
    stage.expect(
        "an SNS subscriber received the alert too", bool(stage.email(app_id, containing="lost its connection"))
    )
    stage.narrator.branch("after", stage.branch(app_id))
    stage.expect("the bot changed nothing, because the branch is not opted in", stage.writes(app_id) == [])


def young_service_role(stage: Stage) -> None:
    """Opted in. The service role was created seconds before the job."""
    stage.narrator.chapter("(b) An opted-in branch, and a service role that was created seconds ago")
    stage.cloud.control("set_propagation", 30)
    tags = {"amplify-medic:auto-fix": "fix", "amplify-medic:rebuild": "yes"}
    app_id = stage.make_app("checkout", tags)
    stage.build(app_id)
    stage.expect(
        "the last build succeeded, but a request to the SSR runtime finds no credentials", not _served(stage, app_id)
    )
    stage.narrator.branch("before", stage.branch(app_id))
    role = stage.make_role("checkout-service")
    stage.cloud.client("amplify").update_app(appId=app_id, iamServiceRoleArn=role)
    stage.build(app_id)
    stage.narrator.say("  (The clock moves one minute ahead, so IAM has now propagated the role.)")
    stage.cloud.control("advance", 60)
    alert = stage.next_alert(app_id, containing="(read back)")
    stage.expect(
        "the alert says that the attached role serves the runtime and does not repair this build",
        "It never changes a build" in alert,
    )
    propagation, connection = alert.index("moments before"), alert.index("connection to the repository")
    stage.expect("the alert ranks propagation before a lost repository connection", propagation < connection)
    role = stage.outputs["DefaultComputeRoleArn"]
    stage.expect("GetBranch shows the paired role", stage.branch(app_id).get("computeRoleArn") == role)
    (write,) = stage.writes(app_id)
    stage.expect(
        "the bot sent one UpdateBranch with one field, computeRoleArn", list(write["body"]) == ["computeRoleArn"]
    )
    recovered = stage.next_alert(app_id, containing="Recovered")
    stage.expect(
        "the alert does not credit the recovery to the compute role",
        "Builds never use a compute role" in recovered,
    )
    stage.narrator.branch("after", stage.branch(app_id))
    stage.expect("a request to the SSR runtime now finds credentials", _served(stage, app_id))
    stage.expect("the bot sent two alerts in total", len(stage.alerts(app_id)) == 2)  # noqa: PLR2004


def prerendering(stage: Stage) -> None:
    """CredentialsProviderError while prerendering, on a branch tagged `report`."""
    stage.narrator.chapter("(c) CredentialsProviderError in a build: which of the two roles is the cause?")
    app_id = stage.make_app("catalogue", {"amplify-medic:auto-fix": "report"})
    stage.cloud.control("script_builds", app_id, "main", "prerender_credentials")
    stage.build(app_id)
    alert = stage.next_alert(app_id, containing="CredentialsProviderError")
    stage.expect("the alert names the service role, used while building", "service role (build time)" in alert)
    stage.expect(
        "the alert rules out the compute role for a build",
        "Ruled out: “No compute role is set on branch or app”" in alert,
    )
    stage.expect("the bot changed nothing, because the branch is tagged `report`", stage.writes(app_id) == [])


def npm_failure(stage: Stage) -> None:
    """A failure that has nothing to do with IAM."""
    stage.narrator.chapter("(d) npm fails, which is not an IAM failure")
    app_id = stage.make_app("blog", {"amplify-medic:auto-fix": "fix"})
    stage.cloud.control("script_builds", app_id, "main", "npm_failure")
    stage.build(app_id)
    stage.log_line("NotIam", app_id)
    stage.expect("the bot read the log and sent no alert", stage.alerts(app_id) == [])
    stage.expect("the bot changed nothing", stage.writes(app_id) == [])


def runtime_credentials(stage: Stage) -> None:
    """The deployment succeeded, but the code finds no credentials at runtime."""
    stage.narrator.chapter("(e) The deployment succeeds, but every request fails, which no build shows")
    stage.cloud.control("set_clock_right")
    stage.cloud.control("set_propagation", 0)
    app_id = stage.make_app("webshop", {"amplify-medic:auto-fix": "fix"})
    stage.build(app_id)
    stage.expect("the build succeeded, but a visitor's request fails", not _served(stage, app_id))
    stage.narrator.branch("before", stage.branch(app_id))
    stage.narrator.say("  (After a deployment, the watcher reads the SSR log every minute. The demo runs it by hand.)")
    stage.run_watcher()
    alert = stage.next_alert(app_id, containing="(read back)")
    stage.expect("the alert quotes the log line", "Could not load credentials from any providers" in alert)
    stage.expect("the alert names the compute role", "the compute role (SSR runtime)" in alert)
    stage.expect("the alert says which error comes next", "gets AccessDenied until" in alert)
    role = stage.outputs["DefaultComputeRoleArn"]
    stage.narrator.branch("after", stage.branch(app_id))
    stage.expect("GetBranch shows the paired role", stage.branch(app_id).get("computeRoleArn") == role)
    stage.expect("a later request finds credentials", _served(stage, app_id))
    stage.run_watcher()
    stage.expect(
        "the bot sent one UpdateBranch and one alert in total",
        len(stage.writes(app_id)) == len(stage.alerts(app_id)) == 1,
    )


def _served(stage: Stage, app_id: str) -> bool:
    """Whether the SSR runtime had credentials for a visitor's request."""
    answer = stage.cloud.control("request", app_id, "main")
    return bool(answer["status"] == 200)  # noqa: PLR2004 - HTTP OK


STORIES = (lost_connection, young_service_role, prerendering, npm_failure, runtime_credentials)
