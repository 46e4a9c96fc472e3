"""Builds without credentials, and expired credentials."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from medic.alerts.fixes import fixes_for
from medic.diagnosis.model import CheckResult, Rank
from medic.evidence import Absent, EnvironmentVariable, Present, Unreadable
from medic.labels import Phase
from tests.unit.diagnosis.diagnosing import (
    ACCOUNT,
    BUILD_SESSION,
    NO_CREDENTIALS,
    OWN_ROLE,
    UNDEFINED_CREDENTIALS,
    app,
    branch,
    cause,
    check,
    check_ids,
    denial,
    diagnosed,
    evidence,
    job,
    ranks,
    role,
    top,
    trust,
)

NO_ROLE = {"app": Present(app(service_role_arn=None))}
EXPIRED = "ExpiredToken: The security token included in the request is expired"
INVALID = "UnrecognizedClientException: The security token included in the request is invalid."
BOOTSTRAP = "[BootstrapDetectionError] Unable to detect CDK bootstrap stack due to permission issues."
KEYS = (EnvironmentVariable("KEY", "access key id"),)


def test_amplifys_own_role_proves_that_no_service_role_is_set() -> None:
    diagnosis = diagnosed(OWN_ROLE, **NO_ROLE)

    assert top(diagnosis) == ("service_role_not_set", Rank.PROVEN)
    not_set = cause(diagnosis, "service_role_not_set")
    assert "not yours to edit" in not_set.reason
    assert set(not_set.supporting) == {"service_role_set", "caller"}
    assert not_set.proposal is None


def test_amplifys_own_role_with_a_service_role_set_now_means_it_was_set_later() -> None:
    diagnosis = diagnosed(OWN_ROLE)

    assert top(diagnosis) == ("service_role_set_since", Rank.LIKELY)
    assert cause(diagnosis, "service_role_set_since").reason.endswith("; service is set now")
    assert "service_role_not_set" not in ranks(diagnosis), "one is set"


def test_amplifys_own_role_with_an_unusable_service_role_names_that_role() -> None:
    assert top(diagnosed(OWN_ROLE, service=Absent("IAM has no such role")))[0] == "service_role_missing"


def test_amplifys_own_role_proves_nothing_if_the_app_was_not_read() -> None:
    assert top(diagnosed(OWN_ROLE, app=Unreadable("denied"))) == ("service_role_not_set", Rank.POSSIBLE)


def test_a_build_without_credentials_or_service_role_likely_lacks_the_role() -> None:
    assert top(diagnosed(NO_CREDENTIALS, **NO_ROLE)) == ("service_role_not_set", Rank.LIKELY)


@pytest.mark.parametrize("changes", [{}, NO_ROLE], ids=["with", "without"])
def test_a_compute_role_never_fixes_a_build(changes: dict[str, Any]) -> None:
    ruled_out = cause(diagnosed(NO_CREDENTIALS, **changes), "compute_role_not_set")

    assert ruled_out.rank is Rank.RULED_OUT
    assert "builds never use the compute role" in ruled_out.reason


def test_a_correct_service_role_leaves_the_code_as_the_cause() -> None:
    diagnosis = diagnosed(NO_CREDENTIALS)

    assert top(diagnosis) == ("explicit_credentials_in_code", Rank.POSSIBLE)
    assert ranks(diagnosis)["service_role_trust_wrong"] is Rank.RULED_OUT
    assert "wrong_region_principal_myth" not in ranks(diagnosis)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (Absent("IAM has no role service"), "service_role_missing"),
        (Present(role(trust_policy=trust("lambda.amazonaws.com"))), "service_role_trust_wrong"),
    ],
)
def test_a_broken_service_role_is_a_proven_cause(state: object, expected: str) -> None:
    assert top(diagnosed(NO_CREDENTIALS, service=state)) == (expected, Rank.PROVEN)


@pytest.mark.parametrize(
    ("service", "rank"), [("amplify.amazonaws.com", Rank.RULED_OUT), ("lambda.amazonaws.com", Rank.POSSIBLE)]
)
def test_a_line_that_shows_the_service_role_at_work_outweighs_no_trust_that_was_read(service: str, rank: Rank) -> None:
    text = f"{NO_CREDENTIALS}\n{denial(BUILD_SESSION)}\n"
    read = {"service": Present(role(trust_policy=trust(service)))}

    assert ranks(diagnosed(text, **read))["service_role_trust_wrong"] is rank


def test_undefined_credentials_in_a_build_are_blamed_on_the_code() -> None:
    assert top(diagnosed(UNDEFINED_CREDENTIALS)) == ("explicit_credentials_in_code", Rank.LIKELY)


def test_keys_in_the_branchs_environment_variables_count_too() -> None:
    diagnosis = diagnosed(NO_CREDENTIALS, branch=Present(branch(environment=KEYS)))

    assert top(diagnosis) == ("explicit_credentials_in_code", Rank.LIKELY)
    assert "KEY" in check(diagnosis, "static_keys").detail


def test_an_amplify_tool_denied_with_a_service_role_lacks_a_permission() -> None:
    diagnosis = diagnosed(BOOTSTRAP)

    assert top(diagnosis) == ("permission_missing_identity", Rank.LIKELY)
    assert top(diagnosed(BOOTSTRAP, **NO_ROLE)) == ("service_role_not_set", Rank.LIKELY)


def test_an_amplify_tool_denied_with_a_logging_role_has_the_wrong_role() -> None:
    logging = f"arn:aws:iam::{ACCOUNT}:role/AmplifySSRLoggingRole-1b2c"
    changes = {"app": Present(app(service_role_arn=logging)), "roles": {logging: Present(role(logging))}}

    assert top(diagnosed(BOOTSTRAP, **changes)) == ("service_role_for_logs", Rank.LIKELY)


def test_a_command_outside_amplify_uses_the_machines_credentials() -> None:
    diagnosis = diagnosed("[InvalidCredentialError] Failed to load default AWS credentials", Phase.API)

    assert top(diagnosis) == ("credentials_local_machine", Rank.LIKELY)
    in_build = diagnosed("The config profile (work) could not be found")
    assert ranks(in_build)["credentials_local_machine"] is Rank.POSSIBLE


# --- expired


def test_a_build_longer_than_an_hour_outlived_its_credentials() -> None:
    diagnosis = diagnosed(EXPIRED, job=Present(job(timedelta(minutes=74))))

    assert top(diagnosis) == ("session_expired", Rank.PROVEN)
    expired = cause(diagnosis, "session_expired")
    assert "one hour whatever the role allows" in expired.reason
    assert expired.supporting == ("build_duration",)
    assert "74 minutes" in check(diagnosis, "build_duration").detail


@pytest.mark.parametrize("text", [EXPIRED, INVALID])
def test_a_short_build_cannot_have_outlived_its_credentials_so_copied_ones_are_suspected(text: str) -> None:
    diagnosis = diagnosed(text, job=Present(job(timedelta(minutes=10))))

    assert top(diagnosis) == ("stale_keys", Rank.LIKELY)
    expired = cause(diagnosis, "session_expired")
    assert expired.rank is Rank.POSSIBLE
    assert "one hour" not in expired.reason
    assert expired.against == ("build_duration",)


def test_an_invalid_token_is_not_proven_to_have_expired_however_long_the_build_ran() -> None:
    assert top(diagnosed(INVALID, job=Present(job(timedelta(minutes=74))))) == ("session_expired", Rank.LIKELY)


def test_a_short_build_with_stale_keys_is_not_told_to_be_shorter_or_to_attach_a_compute_role() -> None:
    diagnosis = diagnosed(EXPIRED, app=Present(app(environment=KEYS)))
    fixes = [fix.heading for fix in fixes_for(evidence(), diagnosis)]

    assert "KEY hold access keys" in cause(diagnosis, "stale_keys").reason
    assert fixes == ["Let the SDK find the role: pass no credentials on Amplify"]


def test_the_build_duration_is_unknown_if_the_job_was_not_read() -> None:
    diagnosis = diagnosed(EXPIRED, job=Unreadable("denied"))

    assert check(diagnosis, "build_duration").result is CheckResult.UNKNOWN
    assert ranks(diagnosis) == {"session_expired": Rank.POSSIBLE, "stale_keys": Rank.POSSIBLE}


def test_checks_that_do_not_apply_to_a_label_are_left_out() -> None:
    assert check_ids(diagnosed(EXPIRED)) == {"build_duration"}
    assert check_ids(diagnosed(EXPIRED, Phase.RUNTIME)) == set()
    assert diagnosed("npm error code EUSAGE").checks == ()
    assert diagnosed("npm error code EUSAGE").causes == ()
