"""Builders that the tests of the diagnosis share: a deployment without a fault. Tests change one fact at a time."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from medic.diagnosis.diagnose import diagnose
from medic.events import Scope
from medic.evidence import App, Branch, BuildLog, Evidence, Job, Present, Role, Step
from medic.labels import Phase
from medic.logscan.scan import scan
from medic.records import replace

if TYPE_CHECKING:
    from medic.diagnosis.model import Cause, Check, Diagnosis, Rank

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
STARTED = NOW - timedelta(minutes=2)
ACCOUNT = "111122223333"
APP_ID = "d1a2b3c4d5e6f7"
APP_ARN = f"arn:aws:amplify:eu-central-1:{ACCOUNT}:apps/{APP_ID}"
BRANCH_ARN = f"{APP_ARN}/branches/main"
SERVICE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/app/service"
COMPUTE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/app/compute"

UNASSUMABLE = (
    "2026-11-22T11:58:00.100Z [INFO]: # Build environment configured with Standard build compute type: 8GiB Memory\n"
    "2026-11-22T11:58:00.500Z [ERROR]: !!! Unable to assume specified IAM Role. Please ensure the selected IAM Role "
    "has sufficient permissions and the Trust Relationship is configured correctly.\n"
    "2026-11-22T11:58:00.600Z [INFO]: # Starting environment caching...\n"
)
REFUSED = "BadRequestException: The compute role provided cannot be assumed by Amplify."
NO_CREDENTIALS = "CredentialsProviderError: Could not load credentials from any providers"
UNDEFINED_CREDENTIALS = "Error: Resolved credential object is not valid"
OWN_ROLE = (
    "User: arn:aws:sts::555566667777:assumed-role/AemiliaControlPlaneLambda-CodeBuildRole-1PJH7JZRIQRPI/"
    "AWSCodeBuild-40920c3d is not authorized to perform: cloudformation:DescribeStacks on resource: * because no "
    "identity-based policy allows the cloudformation:DescribeStacks action"
)
CODECOMMIT_REFUSED = (
    "2026-11-22T11:58:01.000Z [INFO]: # Cloning repository: https://git-codecommit.eu-central-1.amazonaws.com/v1/repos/shop\n"
    "2026-11-22T11:58:02.000Z [ERROR]: fatal: unable to access "
    "'https://git-codecommit.eu-central-1.amazonaws.com/v1/repos/shop/': The requested URL returned error: 403\n"
)
_ACTION, _RESOURCE = "dynamodb:GetItem", f"arn:aws:dynamodb:eu-central-1:{ACCOUNT}:table/orders"
IDENTITY_REASON = f"because no identity-based policy allows the {_ACTION} action"


def session(role: str, name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:sts::{account}:assumed-role/{role}/{name}"


BUILD_SESSION = session("service", "BuildSession")
COMPUTE_SESSION = session("compute", f"AmplifyHostingCompute-app={APP_ID}")


def denial(
    principal: str, reason: str = IDENTITY_REASON, action: str = _ACTION, resource: str | None = _RESOURCE
) -> str:
    on = f" on resource: {resource}" if resource else ""
    return f"AccessDeniedException: User: {principal} is not authorized to perform: {action}{on} {reason}".strip()


def trust(service: str = "amplify.amazonaws.com", condition: dict[str, Any] | None = None, *deny: Any) -> str:
    allow: dict[str, Any] = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    statements = [allow | ({"Condition": condition} if condition else {}), *deny]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def role(arn: str = SERVICE_ROLE, **changes: Any) -> Role:
    base = Role(
        arn=arn,
        name=arn.rpartition("/")[2],
        path="/app/",
        created_at=NOW - timedelta(days=30),
        trust_policy=trust(),
        permissions_boundary=None,
        max_session_seconds=3600,
    )
    return replace(base, **changes)


def app(**changes: Any) -> App:
    base = App(
        id=APP_ID,
        arn=APP_ARN,
        name="shop",
        platform="WEB_COMPUTE",
        repository="https://github.com/acme/shop",
        service_role_arn=SERVICE_ROLE,
        compute_role_arn=None,
        tags={},
        environment=(),
        auto_branch_creation=False,
        auto_branch_patterns=(),
        clone_method="TOKEN",
    )
    return replace(base, **changes)


def branch(**changes: Any) -> Branch:
    base = Branch(
        name="main",
        arn=BRANCH_ARN,
        stage="PRODUCTION",
        framework="Next.js - SSR",
        compute_role_arn=COMPUTE_ROLE,
        tags={},
        environment=(),
        source_branch=None,
        destination_branch=None,
        active_job_id="6",
    )
    return replace(base, **changes)


def job(lasted: timedelta = timedelta(seconds=1), **changes: Any) -> Job:
    step = Step("BUILD", "FAILED", None, STARTED, STARTED + lasted, has_log=True)
    base = Job("7", "FAILED", "WEB_HOOK", "abc", "Add checkout", STARTED, NOW, (step,))
    return replace(base, **changes)


def evidence(**changes: Any) -> Evidence:
    """Evidence without a fault. Roles are given as `service` and `compute`, or by ARN in `roles`."""
    roles = {
        SERVICE_ROLE: changes.pop("service", Present(role())),
        COMPUTE_ROLE: changes.pop("compute", Present(role(COMPUTE_ROLE))),
    }
    base = Evidence(
        scope=Scope("aws", ACCOUNT, "eu-central-1", APP_ID, "main"),
        read_at=NOW,
        app=Present(app()),
        branch=Present(branch()),
        job=Present(job()),
        log=Present(BuildLog("BUILD", 1000)),
        roles=roles,
    )
    return replace(base, **changes)


def diagnosed(text: str, phase: Any = Phase.BUILD, **changes: Any) -> Diagnosis:
    """The diagnosis of a log with this text, from evidence with these changes."""
    return diagnose(evidence(**changes), scan([text.encode()], phase), phase)


def ranks(diagnosis: Diagnosis) -> dict[str, Rank]:
    """The rank of each cause, in the order of the causes."""
    return {cause.id: cause.rank for cause in diagnosis.causes}


def top(diagnosis: Diagnosis) -> tuple[str, Rank]:
    first = diagnosis.causes[0]
    return first.id, first.rank


def cause(diagnosis: Diagnosis, id_: str) -> Cause:
    return next(each for each in diagnosis.causes if each.id == id_)


def check(diagnosis: Diagnosis, id_: str) -> Check:
    return next(each for each in diagnosis.checks if each.id == id_)


def check_ids(diagnosis: Diagnosis) -> set[str]:
    return {each.id for each in diagnosis.checks}
