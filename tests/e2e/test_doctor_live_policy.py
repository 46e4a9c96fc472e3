"""The policy that `medic doctor --live` prints reaches no other app, under enforced IAM.

That it is sufficient, test_doctor_live.py shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from medic.arns import arn_parts
from medic.gateways import utc_now
from medic_cli.doctor_live.app import ScratchApp
from medic_cli.doctor_live.journal import Journal
from medic_cli.doctor_live.names import APP_TAG, APP_TAG_VALUE, BRANCH_TAG, BRANCH_TAG_VALUE, BUILD, MEASURE, Scratch
from medic_cli.doctor_live.policy import policy_for
from tests.e2e.test_emulator_patches import make_compute_role, make_user
from tests.e2e.test_iam_enforced import denied
from tests.emulator.cloud import LocalCloud

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


pytestmark = pytest.mark.proof


class Session:
    """A session of a user of the local cloud."""

    def __init__(self, cloud: LocalCloud, user: Mapping[str, str]) -> None:
        self._cloud, self._user = cloud, user

    def client(self, service: str, **_: Any) -> Any:
        return self._cloud.client(service, dict(self._user))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A cloud that enforces IAM on every call. Nothing is deployed on it."""
    with LocalCloud(tmp_path_factory.mktemp("guarded"), auth=True) as running:
        yield running


@pytest.fixture
def app(guarded: LocalCloud, tmp_path: Path) -> ScratchApp:
    """A scratch app, in the hands of a user who has exactly the printed policy."""
    amplify = guarded.client("amplify")
    made = amplify.create_app(
        name="scratch", platform="WEB_COMPUTE", repository="https://example.com/r", tags={APP_TAG: APP_TAG_VALUE}
    )["app"]
    partition, _, region, account, _ = arn_parts(made["appArn"])
    scratch = Scratch(partition, account, region, made["appId"])
    statements: Any = policy_for(scratch)["Statement"]
    # The emulator checks EventBridge's calls against "*", whatever rule they name.
    rules = {"Action": "events:*", "Resource": "*"}
    user = make_user(guarded, f"doctor-{scratch.app_id}", *statements, rules)
    session: Any = Session(guarded, user)
    return ScratchApp(session, scratch, Journal(tmp_path / "journal", scratch), utc_now, lambda _: None)


def test_the_printed_policy_reaches_no_other_app(guarded: LocalCloud, app: ScratchApp) -> None:
    # The other app has the same tags and names, so that only the ARNs stand in the way.
    root, client, iam = guarded.client("amplify"), app._amplify, app._iam
    other = root.create_app(name="other", platform="WEB_COMPUTE", repository="https://example.com/r")["app"]
    root.tag_resource(resourceArn=other["appArn"], tags={APP_TAG: APP_TAG_VALUE})
    root.create_branch(appId=other["appId"], branchName=MEASURE, tags={BRANCH_TAG: BRANCH_TAG_VALUE})
    branch: dict[str, Any] = {"appId": other["appId"], "branchName": MEASURE}
    foreign = make_compute_role(guarded, "another-app")

    assert denied(client.get_app, appId=other["appId"])
    assert denied(client.list_branches, appId=other["appId"])
    assert denied(client.create_branch, **{**branch, "branchName": BUILD}, tags={BRANCH_TAG: BRANCH_TAG_VALUE})
    assert denied(client.update_branch, **branch, computeRoleArn="")
    assert denied(client.delete_branch, **branch)
    assert denied(client.list_jobs, **branch)
    assert denied(client.start_job, **branch, jobType="RELEASE")
    assert denied(client.get_job, **branch, jobId="1")
    assert denied(client.tag_resource, resourceArn=other["appArn"], tags={BRANCH_TAG: BRANCH_TAG_VALUE})
    assert denied(client.update_app, appId=app.scratch.app_id, platform="WEB")
    assert denied(iam.create_role, RoleName="amplify-medic-doctor-x", AssumeRolePolicyDocument="{}")
    assert denied(iam.delete_role, RoleName=foreign.rpartition("/")[2])
    assert denied(iam.put_role_policy, RoleName=app.scratch.role("plain"), PolicyName="p", PolicyDocument="{}")

    app.make_branch(MEASURE)
    assert denied(client.update_branch, appId=app.scratch.app_id, branchName=MEASURE, computeRoleArn=foreign)
    root.untag_resource(resourceArn=app.branch(MEASURE)["branchArn"], tagKeys=[BRANCH_TAG])
    assert denied(client.delete_branch, appId=app.scratch.app_id, branchName=MEASURE)
