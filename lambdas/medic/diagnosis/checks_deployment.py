"""Checks of everything but the roles: repository, platform, caller, keys in variables, duration, organization."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from medic.diagnosis.facts import in_words
from medic.diagnosis.model import Assumable, Check, CheckResult, Identity, Label, Phase
from medic.evidence.model import Present

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medic.diagnosis.facts import Facts

SESSION_OF_A_BUILD = timedelta(hours=1)
"""A build's credentials end after this, whatever the role's MaxSessionDuration.
https://github.com/aws-amplify/amplify-hosting/issues/2751"""

LINE_CONFIRMED = "line_confirmed"
"""The id of the check that fails where AWS's state speaks against a line of the SSR log."""

_CALLERS = {
    Identity.SERVICE_ROLE: (
        CheckResult.PASS,
        "it is the service role at work in a build (BuildSession), so Amplify could assume it",
    ),
    Identity.COMPUTE_ROLE: (
        CheckResult.PASS,
        "it is the compute role at work in SSR code (AmplifyHostingCompute), so Amplify could assume it",
    ),
    Identity.AMPLIFY_OWN: (
        CheckResult.FAIL,
        "it is Amplify's own build role, in an account of AWS and not yours to edit: the build had no service role",
    ),
    Identity.STUDIO: (CheckResult.PASS, "it is Amplify Studio's role, neither the service nor the compute role"),
    Identity.COGNITO_USER: (CheckResult.PASS, "it is a user of the app (Cognito), neither of Amplify's two roles"),
    Identity.USER: (CheckResult.PASS, "it is neither of Amplify's two roles"),
}


def repository_cloned(facts: Facts) -> Iterator[Check]:
    """Did this build get as far as cloning the repository?"""
    if facts.deployed_by_hand:
        said = "no repository had a part in it: this was deployed by hand"
        yield Check("repository_cloned", CheckResult.UNKNOWN, said)
    elif not isinstance(facts.evidence.log, Present):
        yield Check("repository_cloned", CheckResult.UNKNOWN, "the build's log could not be read")
    elif facts.reading.cloned:
        yield Check("repository_cloned", CheckResult.PASS, "the build got to the repository before it failed")
    else:
        said = f"the build died before it cloned the repository{_lived(facts)}"
        yield Check("repository_cloned", CheckResult.FAIL, said)


def repository_connection(facts: Facts) -> Iterator[Check]:
    """What no API answers; with the one thing to compare."""
    if facts.deployed_by_hand:
        return
    said = "no AWS API shows whether Amplify can still reach the repository: look in the Amplify console"
    if facts.app is not None and facts.app.repository is not None:
        said += f", and compare {facts.app.repository} with the repository's present name"
    yield Check("repository_connection", CheckResult.UNKNOWN, said)


def resource_control_policies(facts: Facts) -> Iterator[Check]:
    """They alone, of an organization's policies, could keep a service from assuming a role."""
    if (facts.compute if facts.label is Label.COMPUTE_ROLE_UNASSUMABLE else facts.service) is not None:
        yield Check(
            "resource_control_policies",
            CheckResult.UNKNOWN,
            "an organization's resource control policies can't be read from here; service control policies do not bind "
            "a service principal",
        )


def platform(facts: Facts) -> Iterator[Check]:
    """SSR or static? A static site has no server code, so no use for a compute role."""
    if facts.app is None:
        return
    is_runtime = facts.label in {Label.CREDENTIALS_MISSING_RUNTIME, Label.COMPUTE_ROLE_UNASSUMABLE}
    framework = (facts.branch.framework if facts.branch else None) or ""
    match facts.app.platform:
        case "WEB" if is_runtime or "SSR" in framework:
            said = f"the platform is WEB (static){_of(framework)}: it runs no server code and has no use for a compute "
            yield Check("platform", CheckResult.FAIL, f"{said}role")
        case "WEB":
            yield Check("platform", CheckResult.PASS, "the platform is WEB (static)")
        case "WEB_COMPUTE":
            yield Check("platform", CheckResult.PASS, f"the platform is WEB_COMPUTE (SSR){_of(framework)}")
        case other:
            said = f"the platform is {other}: AWS documents compute roles for WEB_COMPUTE only"
            yield Check("platform", CheckResult.UNKNOWN, said)


def line_confirmed(facts: Facts) -> Iterator[Check]:
    """Does AWS's state bear out what a line of the SSR log says? Visitors can make the site print lines.

    A role inherited from the app was once reported not to reach the runtime, and source conditions are contested: such
    a role speaks for nothing.
    """
    on_the_branch = facts.branch is not None and facts.branch.compute_role_arn is not None
    if on_the_branch and facts.compute is not None and facts.compute.assumable is Assumable.ALLOWED:
        said = (
            "the branch has a compute role that Amplify may assume, so AWS's state does not bear the line out: the "
            "code may pass credentials of its own, or a visitor made the site print the line"
        )
        yield Check(LINE_CONFIRMED, CheckResult.FAIL, said)


def caller(facts: Facts) -> Iterator[Check]:
    """Who called: the principal in the message outranks the words around it."""
    denial = facts.denial
    if denial is None:
        return
    if denial.principal is None:
        yield Check("caller", CheckResult.UNKNOWN, "the message does not name who called")
        return
    result, said = _CALLERS.get(facts.identity, (CheckResult.UNKNOWN, "whose it is can't be told from its name"))
    elsewhere = denial.account not in {None, facts.evidence.account} and facts.identity is not Identity.AMPLIFY_OWN
    aside = f", of account {denial.account} and not of the app's" if elsewhere else ""
    yield Check("caller", result, f"the caller is {denial.principal}{aside}: {said}")


def static_keys(facts: Facts) -> Iterator[Check]:
    """Long-lived keys in environment variables: seen by the shape of their values, whatever their names."""
    names = facts.static_keys
    if names:
        said = (
            f"AWS access keys stand in the environment variables {', '.join(names)}: they reach the build, and SSR "
            "code only if written to .env.production; where the SDK uses them, they override the role. The way out: a "
            "compute role that may do what the code does, no credentials in the code, and the keys deleted"
        )
        yield Check("static_keys", CheckResult.FAIL, said)


def build_duration(facts: Facts) -> Iterator[Check]:
    """Had the build outlived its credentials?"""
    if facts.phase in {Phase.RUNTIME, Phase.API}:
        return
    lasted = facts.failed_step_lasted
    if lasted is None:
        yield Check("build_duration", CheckResult.UNKNOWN, "how long the failed step ran is not known")
    elif lasted >= SESSION_OF_A_BUILD:
        said = f"the step ran {in_words(lasted)}: a build's credentials end after one hour, whatever the role allows"
        yield Check("build_duration", CheckResult.FAIL, said)
    else:
        said = f"the step ran {in_words(lasted)}, less than the hour that a build's own credentials last"
        yield Check("build_duration", CheckResult.PASS, said)


def _lived(facts: Facts) -> str:
    lasted, step = facts.failed_step_lasted, facts.job.failed_step if facts.job else None
    return f", {int(lasted.total_seconds())} s into {step.name}" if lasted is not None and step is not None else ""


def _of(framework: str) -> str:
    return f", the framework {framework}" if framework else ""
