"""The ranking as a whole: each cause played in turn, beside what people wrongly suspect in its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from statistics import mean
from typing import TYPE_CHECKING, Any

from medic.diagnosis.model import Rank
from medic.evidence import Absent, EnvironmentVariable, Present, RolePolicies
from medic.knowledge.causes import CAUSES
from medic.labels import Phase
from tests.unit.diagnosis.diagnosing import (
    ACCOUNT,
    APP_ARN,
    BUILD_SESSION,
    CODECOMMIT_REFUSED,
    COMPUTE_ROLE,
    COMPUTE_SESSION,
    NO_CREDENTIALS,
    OWN_ROLE,
    REFUSED,
    SERVICE_ROLE,
    STARTED,
    UNASSUMABLE,
    UNDEFINED_CREDENTIALS,
    app,
    branch,
    denial,
    diagnosed,
    job,
    role,
    session,
    trust,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGGING = f"arn:aws:iam::{ACCOUNT}:role/AmplifySSRLoggingRole-1b2c"
FOREIGN = "arn:aws:iam::999988887777:role/app/service"
OTHER_APP = {"ArnLike": {"aws:SourceArn": f"arn:aws:amplify:eu-central-1:{ACCOUNT}:apps/d9other/*"}}
CONSOLES = {
    "StringEquals": {"aws:SourceAccount": ACCOUNT},
    "ArnLike": {"aws:SourceArn": f"arn:aws:amplify:eu-central-1:{ACCOUNT}:apps/*"},
}
"""The conditions that the console writes for a role that it makes."""
BOUNDED = role(permissions_boundary=f"arn:aws:iam::{ACCOUNT}:policy/limits")
GONE = Absent("IAM has no such role")
RIGHT, RIGHT_COMPUTE, JOB = Present(role()), Present(role(COMPUTE_ROLE)), Present(job())
AMPX_FAILED = "[InvalidCredentialError] Failed to load default AWS credentials"
LEAST = 0.9
KEYS = (EnvironmentVariable("KEY", "secret access key"),)


@dataclass(frozen=True)
class Situation:
    """A failure whose cause is known."""

    cause: str
    text: str
    phase: Phase = Phase.BUILD
    app: dict[str, Any] = field(default_factory=dict)
    branch: dict[str, Any] = field(default_factory=dict)
    service: Any = RIGHT
    compute: Any = RIGHT_COMPUTE
    job: Any = JOB
    others: dict[str, Any] = field(default_factory=dict)
    """Roles besides the two, by ARN."""
    policies: dict[str, Any] = field(default_factory=dict)

    def ranking(self, neighbour: dict[str, Any]) -> list[str]:
        """The causes that the diagnosis does not rule out, in order."""
        near = {"service": self.service, "compute": self.compute, **neighbour}
        made = diagnosed(
            self.text,
            self.phase,
            app=Present(app(**near.pop("app", {}) | self.app)),
            branch=Present(branch(**near.pop("branch", {}) | self.branch)),
            job=self.job,
            policies=self.policies,
            roles={SERVICE_ROLE: near["service"], COMPUTE_ROLE: near["compute"], **self.others},
        )
        return [cause.id for cause in made.causes if cause.rank is not Rank.RULED_OUT]


def trusts(policy: str, arn: str = SERVICE_ROLE) -> Any:
    return Present(role(arn, trust_policy=policy))


def made_at(seconds: float, arn: str = SERVICE_ROLE) -> Any:
    return Present(role(arn, created_at=STARTED - timedelta(seconds=seconds)))


def denied_by(what: str) -> str:
    return denial(BUILD_SESSION, f"with an explicit deny in a {what}")


RUN = Phase.RUNTIME
_LOGGING_SESSION = session("AmplifySSRLoggingRole-1b2c", "BuildSession")
_STUDIO_SESSION = session("us-east-1_Ab12Cd34E_Full-access", "amplifyadmin")
SITUATIONS = [
    Situation("repository_connection_lost", UNASSUMABLE),
    Situation("repository_connection_lost", UNASSUMABLE, app={"service_role_arn": None}),
    Situation("repository_connection_lost", UNASSUMABLE, service=trusts(trust(condition=CONSOLES))),
    Situation("repository_connection_lost", UNASSUMABLE, service=Present(BOUNDED)),
    Situation("service_role_missing", UNASSUMABLE, service=GONE),
    Situation("service_role_other_account", UNASSUMABLE, app={"service_role_arn": FOREIGN}, others={FOREIGN: GONE}),
    Situation("service_role_trust_wrong", UNASSUMABLE, service=trusts(trust("lambda.amazonaws.com"))),
    Situation("service_role_trust_wrong", UNASSUMABLE, service=trusts(trust("amplify.eu-central-1.amazonaws.com"))),
    Situation("service_role_source_condition", UNASSUMABLE, service=trusts(trust(condition=OTHER_APP))),
    Situation(
        "service_role_source_condition",
        UNASSUMABLE,
        service=trusts(trust(condition={"ArnLike": {"aws:SourceArn": APP_ARN}})),
    ),
    Situation("iam_propagation", UNASSUMABLE, service=made_at(2)),
    Situation("iam_propagation", UNASSUMABLE, service=made_at(-30)),
    Situation("service_role_not_set", OWN_ROLE, app={"service_role_arn": None}),
    Situation("service_role_not_set", NO_CREDENTIALS, app={"service_role_arn": None}),
    Situation("service_role_set_since", OWN_ROLE),
    Situation("service_role_not_set", CODECOMMIT_REFUSED, app={"service_role_arn": None}),
    Situation("codecommit_pull_denied", CODECOMMIT_REFUSED),
    Situation("explicit_credentials_in_code", NO_CREDENTIALS),
    Situation(
        "credentials_local_machine", "[InvalidCredentialError] Failed to load default AWS credentials", Phase.API
    ),
    Situation("permission_missing_identity", denial(BUILD_SESSION)),
    Situation("service_role_for_logs", denial(_LOGGING_SESSION), app={"service_role_arn": LOGGING}),
    Situation(
        "service_role_not_for_backend",
        denial(BUILD_SESSION, "", "ssm:GetParameter", f"arn:aws:ssm:x:{ACCOUNT}:parameter/cdk-bootstrap/q/version"),
        policies={SERVICE_ROLE: Present(RolePolicies((), ()))},
    ),
    Situation("studio_role_in_use", denial(_STUDIO_SESSION)),
    Situation("pass_role_missing", denial(BUILD_SESSION, "", "iam:PassRole", SERVICE_ROLE)),
    Situation("role_assumes_itself", denial(BUILD_SESSION, "", "sts:AssumeRole", SERVICE_ROLE)),
    Situation("denied_by_boundary", denied_by("permissions boundary")),
    Situation("denied_by_scp", denied_by("service control policy")),
    Situation("denied_by_session_policy", denied_by("session policy")),
    Situation("denied_by_resource_policy", denied_by("resource-based policy")),
    Situation("denied_by_other_policy", denied_by("resource control policy")),
    Situation("denied_by_other_policy", denied_by("identity-based policy")),
    Situation("kms_key_refuses", denial(BUILD_SESSION, "", "kms:Decrypt", f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1")),
    Situation("layer_not_shared", denial(BUILD_SESSION, "", "lambda:GetLayerVersion", "arn:aws:lambda:x:1:layer:a:1")),
    Situation("bedrock_access_not_enabled", "You don't have access to the model with the specified model ID.", RUN),
    Situation("cognito_sms_role", "Role does not have permission to publish with SNS"),
    Situation(
        "session_expired",
        "ExpiredTokenException: The security token included in the request is expired",
        job=Present(job(timedelta(seconds=4000))),
    ),
    Situation("stale_keys", "UnrecognizedClientException: The security token included in the request is invalid.", RUN),
    Situation("compute_role_missing", REFUSED, Phase.DEPLOY, compute=GONE),
    Situation(
        "compute_role_trust_wrong", REFUSED, Phase.DEPLOY, compute=trusts(trust("lambda.amazonaws.com"), COMPUTE_ROLE)
    ),
    Situation(
        "compute_role_conditions_contested",
        REFUSED,
        Phase.DEPLOY,
        compute=trusts(trust(condition={"ArnLike": {"aws:SourceArn": f"{APP_ARN}/*"}}), COMPUTE_ROLE),
    ),
    Situation("iam_propagation", REFUSED, Phase.DEPLOY, compute=made_at(2, COMPUTE_ROLE)),
    Situation("compute_role_not_set", NO_CREDENTIALS, RUN, branch={"compute_role_arn": None}),
    Situation("platform_without_compute_role", NO_CREDENTIALS, RUN, app={"platform": "WEB"}),
    Situation("platform_without_compute_role", NO_CREDENTIALS, RUN, app={"platform": "WEB_DYNAMIC"}),
    Situation("compute_role_set_since", NO_CREDENTIALS, RUN, compute=made_at(-30, COMPUTE_ROLE)),
    Situation("compute_role_missing", NO_CREDENTIALS, RUN, compute=GONE),
    Situation(
        "compute_role_other_account", NO_CREDENTIALS, RUN, branch={"compute_role_arn": FOREIGN}, others={FOREIGN: GONE}
    ),
    Situation(
        "compute_role_trust_wrong", NO_CREDENTIALS, RUN, compute=trusts(trust("lambda.amazonaws.com"), COMPUTE_ROLE)
    ),
    Situation("explicit_credentials_in_code", NO_CREDENTIALS, RUN),
    Situation("explicit_credentials_in_code", UNDEFINED_CREDENTIALS, RUN),
    Situation("explicit_credentials_in_code", UNDEFINED_CREDENTIALS, RUN, branch={"compute_role_arn": None}),
    Situation("permission_missing_identity", denial(COMPUTE_SESSION), RUN),
    Situation("user_credentials_cognito", denial(session("shop-auth", "CognitoIdentityCredentials")), RUN),
]
UNSEEN = {
    *("app_created_outside_console", "account_limits_or_new_account", "rcp_denies_assume_role"),
    "wrong_region_principal_myth",
    "permissions_on_logging_role",
}
"""Causes that no fact tells from their neighbours: unproven reports, what can't be seen, a myth, a role's history."""
NEIGHBOURS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "a build without a compute role": {"branch": {"compute_role_arn": None}},
    "a build with a broken compute role": {"compute": trusts(trust("lambda.amazonaws.com"), COMPUTE_ROLE)},
    "a site without a service role": {"app": {"service_role_arn": None}},
    "a site with a deleted service role": {"service": GONE},
    "a static site": {"app": {"platform": "WEB"}},
    "another repository": {"app": {"repository": "https://gitlab.com/acme/shop"}},
    "access keys in the environment": {"app": {"environment": KEYS}},
}


def near(situation: Situation) -> Iterator[dict[str, Any]]:
    """The neighbours that leave the situation's cause as it is: what concerns the other role, and what is no fault."""
    of_service = situation.phase is not Phase.RUNTIME and situation.text != REFUSED
    for name, neighbour in NEIGHBOURS.items():
        fits = not name.startswith("a site" if of_service else "a build")
        if fits and (of_service or name != "a static site"):
            yield neighbour


def average_precision(ranking: list[str], cause: str) -> float:
    """Of one relevant cause: the precision where it is found. Zero if it is not in the ranking: recall counts."""
    return 1 / (ranking.index(cause) + 1) if cause in ranking else 0.0


def test_every_cause_that_facts_can_tell_is_played() -> None:
    assert {each.cause for each in SITUATIONS} == {cause.id for cause in CAUSES} - UNSEEN


def test_each_cause_is_ranked_before_its_neighbours() -> None:
    found: dict[str, list[float]] = {}
    for each in SITUATIONS:
        precisions = (average_precision(each.ranking(neighbour), each.cause) for neighbour in near(each))
        found.setdefault(each.cause, []).extend(precisions)
    of_causes = {cause: mean(precisions) for cause, precisions in found.items()}

    print(f"mean average precision over {len(of_causes)} causes: {mean(of_causes.values()):.3f}")  # noqa: T201
    assert {cause: score for cause, score in of_causes.items() if score < LEAST} == {}
