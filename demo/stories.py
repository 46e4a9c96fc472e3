"""The stories, each a claim the product stands on, played on the deployed stack and checked as it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from demo.stage import Stage

_HOUR = 3600


def lost_connection(stage: Stage) -> None:
    """(a) Not opted in; the trust is right; the repository connection is lost."""
    stage.narrator.chapter("(a) The message blames the role. The repository connection is lost.")
    app_id = stage.make_app("storefront", {}, iamServiceRoleArn=stage.make_role("storefront-service"))
    stage.cloud.control("set_connection", app_id, "lost")
    stage.narrator.branch("before", stage.branch(app_id))
    stage.narrator.say("  (Amplify's local clock is set ahead an hour for this build: the role is an old one.)")
    stage.cloud.control("advance", _HOUR)
    stage.build(app_id)
    stage.cloud.control("advance", -_HOUR)
    alert = stage.next_alert(app_id, containing="look at the repository connection first")
    stage.expect("the trust is said to be proven good", "The trust is proven good" in alert)
    stage.expect("an SNS subscriber got it too", bool(stage.email(app_id, containing="connection first")))
    stage.narrator.branch("after", stage.branch(app_id))
    stage.expect("nothing was changed: the branch is not opted in", stage.writes(app_id) == [])


def young_service_role(stage: Stage) -> None:
    """(b) Opted in; the service role was made seconds before the job."""
    stage.narrator.chapter("(b) An opted-in branch. The service role was made seconds ago.")
    stage.cloud.control("set_propagation", 30)
    tags = {"amplify-medic:auto-fix": "fix", "amplify-medic:rebuild": "yes"}
    app_id = stage.make_app("checkout", tags)
    stage.build(app_id)
    stage.expect(
        "its last build succeeded; a request to its SSR runtime finds no credentials", not _served(stage, app_id)
    )
    stage.narrator.branch("before", stage.branch(app_id))
    role = stage.make_role("checkout-service")
    stage.cloud.client("amplify").update_app(appId=app_id, iamServiceRoleArn=role)
    stage.build(app_id)
    stage.narrator.say("  (Then the clock is set ahead a minute: by now, IAM has told everybody about the role.)")
    stage.cloud.control("advance", 60)
    alert = stage.next_alert(app_id, containing="set, and read back")
    stage.expect(
        "the attach is said to serve the runtime and not to repair this build", "It never changes a build" in alert
    )
    causes = alert.partition("Causes, likeliest first")[2]
    propagation, connection = causes.index("moments before"), causes.index("connection to the repository")
    stage.expect("propagation ranks before a lost repository connection", propagation < connection)
    role = stage.outputs["DefaultComputeRoleArn"]
    stage.expect("GetBranch shows the paired role", stage.branch(app_id).get("computeRoleArn") == role)
    (write,) = stage.writes(app_id)
    stage.expect("one UpdateBranch was sent, with one field: computeRoleArn", list(write["body"]) == ["computeRoleArn"])
    recovered = stage.next_alert(app_id, containing="recovered")
    stage.expect("the recovery is not credited to the compute role", "not credited to the compute role" in recovered)
    stage.narrator.branch("after", stage.branch(app_id))
    stage.expect("a request to the SSR runtime now finds credentials", _served(stage, app_id))
    stage.expect("there were two alerts in all", len(stage.alerts(app_id)) == 2)  # noqa: PLR2004


def prerendering(stage: Stage) -> None:
    """(c) CredentialsProviderError while prerendering, in mode report."""
    stage.narrator.chapter("(c) CredentialsProviderError in a build: which of the two roles?")
    app_id = stage.make_app("catalogue", {"amplify-medic:auto-fix": "report"})
    stage.cloud.control("script_builds", app_id, "main", "prerender_credentials")
    stage.build(app_id)
    alert = stage.next_alert(app_id, containing="CredentialsProviderError")
    stage.expect("it concerns the service role, used while building", "service role (used while building)" in alert)
    stage.expect(
        "the compute role is ruled out for a build", "Ruled out" in alert and "never use the compute role" in alert
    )
    stage.expect("nothing was changed: the branch only reports", stage.writes(app_id) == [])


def npm_failure(stage: Stage) -> None:
    """(d) An ordinary failure."""
    stage.narrator.chapter("(d) npm fails. That is nobody's IAM.")
    app_id = stage.make_app("blog", {"amplify-medic:auto-fix": "fix"})
    stage.cloud.control("script_builds", app_id, "main", "npm_failure")
    stage.build(app_id)
    stage.log_line("NotIam", app_id)
    stage.expect("the bot read the log, and said nothing", stage.alerts(app_id) == [])
    stage.expect("and changed nothing", stage.writes(app_id) == [])


def runtime_credentials(stage: Stage) -> None:
    """(e) The deployment succeeded; at runtime, the code finds no credentials."""
    stage.narrator.chapter("(e) SUCCEED, and then every request fails. No build will ever tell.")
    stage.cloud.control("set_clock_right")
    stage.cloud.control("set_propagation", 0)
    app_id = stage.make_app("webshop", {"amplify-medic:auto-fix": "fix"})
    stage.build(app_id)
    stage.expect("the build succeeded, and a visitor's request fails", not _served(stage, app_id))
    stage.narrator.branch("before", stage.branch(app_id))
    stage.narrator.say("  (The watcher looks every minute after a deployment; here it is called by hand.)")
    stage.run_watcher()
    alert = stage.next_alert(app_id, containing="set, and read back")
    stage.expect("the line stands in the alert", "Could not load credentials from any providers" in alert)
    stage.expect("it concerns the compute role", "compute role (used by SSR code at runtime)" in alert)
    stage.expect("it says what comes next", "the next error will be AccessDenied until" in alert)
    role = stage.outputs["DefaultComputeRoleArn"]
    stage.narrator.branch("after", stage.branch(app_id))
    stage.expect("GetBranch shows the paired role", stage.branch(app_id).get("computeRoleArn") == role)
    stage.expect("a later request finds credentials", _served(stage, app_id))
    stage.run_watcher()
    stage.expect("one UpdateBranch and one alert in all", len(stage.writes(app_id)) == len(stage.alerts(app_id)) == 1)


def _served(stage: Stage, app_id: str) -> bool:
    """Whether the SSR runtime answered a visitor's request with credentials at hand."""
    answer = stage.cloud.control("request", app_id, "main")
    return bool(answer["status"] == 200)  # noqa: PLR2004 - HTTP OK


STORIES = (lost_connection, young_service_role, prerendering, npm_failure, runtime_credentials)
