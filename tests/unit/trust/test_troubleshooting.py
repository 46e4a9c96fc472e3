"""Every reason that "Troubleshoot IAM roles" names is found and explained.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_roles.html
"""

from __future__ import annotations

from typing import Any

import pytest

from medic.trust import FixForm, FixKind, Outcome, evaluate, explain, known_key, propose_fix
from tests.unit.trust.support import ACCOUNT, BRANCH_ARN, ROLE_ARN, Json, document, request, statement

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
USER = f"arn:aws:iam::{ACCOUNT}:user/dev/Ann"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ci/Deployer"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/Deployer/build-7"
STRANGER = "arn:aws:iam::999988887777:user/Bob"


def _trusts(*names: str, **elements: Any) -> Json:
    return document(statement(Principal={"AWS": list(names)}, **elements))


def _outcome(policy: Json, principal: str, **facts: Any) -> Outcome:
    return evaluate(policy, request(principal=principal, source_arn=None, **facts)).outcome


def _explained(policy: Json, principal: str, **facts: Any) -> str:
    return " ".join(explain(evaluate(policy, request(principal=principal, source_arn=None, **facts))))


@pytest.mark.parametrize(
    ("named", "caller", "outcome"),
    [
        (ACCOUNT, USER, "allowed"),
        (ROOT, USER, "allowed"),
        (ROOT, ROLE, "allowed"),
        (ROOT, SESSION, "allowed"),
        (ROOT, ACCOUNT, "allowed"),
        ("*", STRANGER, "allowed"),
        (ROOT, STRANGER, "denied"),
        (f"arn:aws-cn:iam::{ACCOUNT}:root", USER, "denied"),
        (USER, USER, "allowed"),
        (USER, f"arn:aws:iam::{ACCOUNT}:user/dev/ann", "denied"),
        (USER, ACCOUNT, "conditional"),
        (STRANGER, ACCOUNT, "denied"),
        (ROLE, ROLE, "allowed"),
        (ROLE, SESSION, "allowed"),
        (f"arn:aws:iam::{ACCOUNT}:role/deployer", SESSION, "denied"),
        (f"arn:aws:iam::{ACCOUNT}:role/ci/*", SESSION, "denied"),
        (SESSION, SESSION, "allowed"),
        (SESSION, ROLE, "conditional"),
        (f"{SESSION}0", SESSION, "denied"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/Other/s", ROLE, "denied"),
        ("AIDACKCEVSQ6C2EXAMPLE", USER, "denied"),
        (f"arn:aws:sts::{ACCOUNT}:federated-user/Ann", USER, "denied"),
        (ROOT, "amplify.amazonaws.com", "denied"),
    ],
)
def test_a_principal_matches_the_callers_that_it_names(named: str, caller: str, outcome: str) -> None:
    assert _outcome(_trusts(named), caller) == outcome


def test_an_identity_provider_matches_only_as_federated_and_for_its_own_actions() -> None:
    provider = "cognito-identity.amazonaws.com"
    action = "sts:AssumeRoleWithWebIdentity"
    policy = document(statement(Principal={"Federated": provider}, Action=action))

    assert _outcome(policy, provider, action=action) is Outcome.ALLOWED
    assert _outcome(policy, provider) is Outcome.DENIED
    assert (
        _outcome(document(statement(Principal={"Service": provider}, Action=action)), provider, action=action)
        is Outcome.DENIED
    )


def test_the_audience_of_an_identity_provider_is_not_known() -> None:
    policy = document(
        statement(
            Principal={"Federated": "accounts.google.com"},
            Action="sts:AssumeRoleWithWebIdentity",
            Condition={"StringEquals": {"accounts.google.com:aud": "app"}},
        )
    )

    assert _outcome(policy, "accounts.google.com", action="sts:AssumeRoleWithWebIdentity") is Outcome.CONDITIONAL


def test_a_canonical_user_is_compared_exactly() -> None:
    canonical = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"

    assert _outcome(document(statement(Principal={"CanonicalUser": canonical})), canonical) is Outcome.ALLOWED
    assert _outcome(document(statement(Principal={"CanonicalUser": canonical[::-1]})), canonical) is Outcome.DENIED


def test_a_user_in_not_principal_without_its_account_is_not_taken_as_exempt() -> None:
    allow = statement(Principal={"AWS": ROOT})
    alone = statement(Effect="Deny", Principal=None, NotPrincipal={"AWS": USER})
    both = statement(Effect="Deny", Principal=None, NotPrincipal={"AWS": [USER, ROOT]})

    assert _outcome(document(allow, alone), USER) is Outcome.CONDITIONAL
    assert _outcome(document(allow, both), USER) is Outcome.ALLOWED


def test_a_role_that_assumes_itself_must_be_named_in_its_own_trust() -> None:
    policy = document(statement())
    itself = f"arn:aws:sts::{ACCOUNT}:assumed-role/AmplifyComputeRole/s"

    assert "The role assumes itself" in _explained(policy, itself)
    assert "Lambda" in _explained(policy, itself)
    assert _outcome(_trusts(ROLE_ARN), itself) is Outcome.ALLOWED
    assert _outcome(_trusts(ROOT), itself) is Outcome.ALLOWED
    assert "assumes itself" not in _explained(policy, SESSION)


def test_a_role_name_in_another_case_is_pointed_out() -> None:
    wrong = f"arn:aws:iam::{ACCOUNT}:role/ci/deployer"

    assert "role names are case-sensitive" in _explained(_trusts(wrong), SESSION)
    assert "only in case or white space" in _explained(_trusts(wrong), ROLE)


def test_an_account_also_needs_its_own_identity_policy() -> None:
    needed = "own identity policy must allow sts:AssumeRole"

    assert needed in _explained(_trusts(ROOT), USER)
    assert needed in _explained(_trusts(STRANGER), STRANGER)
    assert needed not in _explained(_trusts(USER), USER)


def test_a_required_principal_tag_is_named() -> None:
    policy = _trusts(ROOT, Condition={"StringEquals": {"aws:PrincipalTag/Department": ["HR", "CS"]}})

    assert _outcome(policy, USER) is Outcome.CONDITIONAL
    assert _outcome(policy, USER, states={"aws:principaltag/department": known_key("CS")}) is Outcome.ALLOWED
    assert "must have the tag Department" in _explained(
        policy, USER, states={"aws:PrincipalTag/Department": known_key("IT")}
    )


@pytest.mark.parametrize(
    ("condition", "given", "explanation"),
    [
        ({"StringEquals": {"sts:ExternalId": "k"}}, ("sts:ExternalId", "x"), "must pass the external id"),
        (
            {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
            ("aws:SourceIp", "198.51.100.1"),
            "come from such an address",
        ),
        ({"StringLike": {"sts:SourceIdentity": "Ann*"}}, ("sts:SourceIdentity", "Bob"), "must set a source identity"),
        ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, ("aws:MultiFactorAuthPresent", "false"), "with MFA"),
        ({"StringEquals": {"aws:RequestTag/team": "a"}}, ("aws:RequestTag/team", "b"), "must assume the role anew"),
    ],
)
def test_what_the_caller_must_send_is_named(condition: Json, given: tuple[str, str], explanation: str) -> None:
    policy = _trusts(ROOT, Condition=condition)
    key, value = given

    assert _outcome(policy, USER) is Outcome.CONDITIONAL
    assert _outcome(policy, USER, states={key: known_key(value)}) is Outcome.DENIED
    assert explanation in _explained(policy, USER, states={key: known_key(value)})


def test_an_account_that_no_principal_names_is_pointed_out() -> None:
    assert "No Principal element names the caller's account 999988887777" in _explained(_trusts(ROOT), STRANGER)
    assert "No Principal element" not in _explained(_trusts(ROLE), USER)


def test_an_expired_date_window_is_pointed_out() -> None:
    window = {
        "DateGreaterThan": {"aws:CurrentTime": "2017-07-01T00:00:00Z"},
        "DateLessThan": {"aws:CurrentTime": "2017-12-31T23:59:59Z"},
    }
    explanation = _explained(_trusts(ROOT, Condition=window), USER)

    assert (
        'DateLessThan aws:CurrentTime wants "2017-12-31T23:59:59Z", and the call carries "2026-11-22T12:00:00Z"'
        in explanation
    )
    assert "limited in time" in explanation


def test_session_tags_and_source_identity_need_actions_of_their_own() -> None:
    tagged = {"states": {"aws:RequestTag/team": known_key("a")}}
    identified = {"states": {"sts:SourceIdentity": known_key("Ann")}}

    assert _outcome(_trusts(ROOT), principal=USER, **tagged) is Outcome.DENIED
    assert "passing session tags needs sts:TagSession, which is not allowed" in _explained(
        _trusts(ROOT), USER, **tagged
    )
    assert "sts:SetSourceIdentity" in _explained(_trusts(ROOT), USER, **identified)
    both = _trusts(ROOT, Action=["sts:AssumeRole", "sts:TagSession"])
    assert _outcome(both, principal=USER, **tagged) is Outcome.ALLOWED
    assert "also needs" not in _explained(both, USER, **tagged)


def test_session_tags_that_may_be_allowed_leave_the_answer_open() -> None:
    tagged = {"states": {"aws:RequestTag/team": known_key("a")}}
    from_anywhere = {"IpAddress": {"aws:SourceIp": "::/0"}}
    tagging = statement(Principal={"AWS": ROOT}, Action="sts:TagSession", Condition=from_anywhere)
    policy = document(statement(Principal={"AWS": ROOT}), tagging)

    assert _outcome(policy, principal=USER, **tagged) is Outcome.CONDITIONAL


def test_amplify_passes_no_session_tags_that_are_known_of() -> None:
    """So a tag that is given here tests a condition, and the outcome is about sts:AssumeRole alone."""
    assert (
        _outcome(document(statement()), "amplify.amazonaws.com", states={"aws:RequestTag/team": known_key("a")})
        is Outcome.ALLOWED
    )


def test_no_fix_is_proposed_for_a_service_linked_role() -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ops.apigateway.amazonaws.com/AWSServiceRoleForAPIGateway"
    decision = evaluate(
        document(statement(Principal={"Service": "ops.apigateway.amazonaws.com"})), request(role_arn=arn)
    )

    assert "service-linked" in " ".join(explain(decision))
    assert propose_fix(decision).kind is FixKind.REFUSE
    assert "service-linked" in propose_fix(decision).reason


@pytest.mark.parametrize(
    ("principal", "facts", "outcome", "explanation"),
    [
        (USER, {"duration": 3600}, "allowed", "3600 seconds is IAM's default"),
        (USER, {"duration": 3601}, "denied", "taken to be the default, 3600 seconds"),
        (USER, {"duration": 43200, "max_session": 21600}, "denied", "maximum session duration is 21600 seconds"),
        (USER, {"duration": 43200, "max_session": 43200}, "allowed", "allows it"),
        (USER, {"duration": 43201, "max_session": 43200}, "denied", "from 900 to 43200"),
        (USER, {"duration": 899}, "denied", "from 900 to 43200"),
        (USER, {"duration": 7200, "max_session": 43200, "chained": True}, "denied", "role chaining"),
        (SESSION, {"duration": 7200, "max_session": 43200}, "denied", "role chaining"),
        (SESSION, {"duration": 3600, "max_session": 43200}, "allowed", "one hour at most"),
    ],
)
def test_the_session_duration_is_checked(principal: str, facts: Json, outcome: str, explanation: str) -> None:
    policy = _trusts(ROOT)

    assert _outcome(policy, principal, **facts) == outcome
    assert explanation in _explained(policy, principal, **facts)


def test_no_trust_policy_fixes_a_session_that_is_too_long() -> None:
    decision = evaluate(_trusts(ROOT), request(principal=USER, duration=43200))

    assert propose_fix(decision).kind is FixKind.REFUSE


def test_the_explanation_replaces_the_account_with_the_service_principal() -> None:
    policy = _trusts(ROOT)
    decision = evaluate(policy, request())

    assert f'name "Principal": {{"Service": "amplify.amazonaws.com"}}, and remove {{"AWS": "{ROOT}"}}' in " ".join(
        explain(decision)
    )
    assert propose_fix(decision, FixForm.PLAIN).outcome_after is Outcome.ALLOWED


def _from_source(arn: str) -> Json:
    return {"Condition": {"ArnLike": {"aws:SourceArn": arn}}}


@pytest.mark.parametrize(
    ("written", "sent"), [("feature/x", "feature%2Fx"), ("feature%2Fx", "feature/x"), ("gr\u00fcn", "gr%C3%BCn")]
)
def test_a_branch_that_is_percent_encoded_on_one_side_only_is_pointed_out(written: str, sent: str) -> None:
    app = BRANCH_ARN.removesuffix("main")
    decision = evaluate(document(statement(**_from_source(app + written))), request(source_arn=app + sent))

    assert "one is percent-encoded" in " ".join(explain(decision))


def test_a_placeholder_is_not_looked_for_in_policy_variables() -> None:
    variable = {"Condition": {"StringEquals": {"aws:SourceArn": "${aws:PrincipalTag/arn, 'none'}"}}}
    assert "placeholder" not in " ".join(explain(evaluate(document(statement(**variable)), request())))


@pytest.mark.parametrize(
    ("elements", "explanation"),
    [
        ({"Principal": {"AWS": "amplify.amazonaws.com"}}, 'stands under another key than "Service"'),
        ({"Principal": {"service": "amplify.amazonaws.com"}}, 'stands under another key than "Service"'),
        ({"Principal": {"Service": "Amplify.amazonaws.com"}}, "only in case or white space"),
        ({"Principal": {"Service": "amplify.us-east-1.amazonaws.com"}}, "documents only the name without a region"),
        ({"Principal": {"AWS": "AROACKCEVSQ6C2EXAMPLE"}}, "id of a deleted user or role"),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}}, "account number of AWS's examples"),
        ({"Condition": {"StringEquals": {"aws:SourceArn": "arn:aws:amplify:*"}}}, "takes * as a plain character"),
        (
            {"Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:amplify:us-east-1:{ACCOUNT}:apps/d1a2b3c4d5e6f7"}}},
            "does not match the ARNs of its branches",
        ),
        ({"Condition": {"StringEquals": {"sts:ExternalId": "k"}}}, "A service principal never sends sts:ExternalId"),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": "${aws:username}"}}}, "${aws:username} has no value"),
        ({"Resource": "*", "Action": "sts:TagSession"}, "has no Resource element"),
        ({"Sid": "not allowed"}, "other characters than letters and digits"),
        ({"Principal": None, "NotPrincipal": {"AWS": ACCOUNT}}, "do not support NotPrincipal"),
        ({"Principal": "*"}, "names everybody (*)"),
        ({"Principal": {"AWS": "*"}}, "covers a service"),
        ({"Principal": {"Service": "*.amazonaws.com"}}, "has a wildcard, which IAM does not support under Service"),
        ({"Principal": {"AWS": "arn:aws:iam::<account>:root"}}, 'A placeholder was left unfilled: "<account>"'),
        ({"Condition": {"StringEquals": {"aws:SourceAccountId": ACCOUNT}}}, "aws:SourceAccount seems to be meant"),
        ({"Condition": {"StringEquals": {"aws:SourceAcount": ACCOUNT}}}, "aws:SourceAccount seems to be meant"),
        ({"Condition": {"StringEquals": {"SourceAccount": ACCOUNT}}}, "aws:SourceAccount seems to be meant"),
        ({"Condition": {"ArnLike": {"aws:SourceArn ": BRANCH_ARN}}}, "aws:SourceArn seems to be meant"),
        ({"Condition": {"StringEquals": {"sts:ExternalID": "x"}}}, "A service principal never sends sts:ExternalID"),
        (_from_source("arn:aws:amplify:REGION:ACCOUNT_ID:apps/*"), 'left unfilled: "REGION"'),
        (_from_source("arn:aws:amplify:us-east-1:${AWS::AccountId}:apps/*"), 'left unfilled: "${AWS::AccountId}"'),
        (_from_source("arn:aws:amplify:us-east-1:{account}:apps/*"), 'left unfilled: "{account}"'),
        (_from_source(f"arn:aws:amplify:us-east-1:{ACCOUNT}:apps/your-app-id/*"), 'left unfilled: "your-app"'),
        (_from_source(f"arn:aws:amplify:eu-west-1:{ACCOUNT}:apps/*"), "names region eu-west-1, and the call is for"),
        ({"Condition": {"NumericEquals": {"aws:SourceAccount": ACCOUNT}}}, "is of type String"),
        ({"Condition": {"StringEquals": {"aws:TagKeys": "a"}}}, "without ForAllValues: or ForAnyValue:"),
        (
            {"Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:amplify:us-east-1:{ACCOUNT}:apps/d1a2b3c4d5e6f7*"}}},
            "also matches other apps",
        ),
    ],
)
def test_a_common_mistake_is_pointed_out(elements: Json, explanation: str) -> None:
    assert explanation in " ".join(explain(evaluate(document(statement(**elements)), request())))


def test_a_misspelt_key_is_no_sign_that_services_are_not_meant() -> None:
    misspelt = statement(Condition={"StringEquals": {"aws:SourceAcount": ACCOUNT}})

    assert "never sends" not in " ".join(explain(evaluate(document(misspelt), request())))


def test_a_variable_without_its_version_is_pointed_out() -> None:
    conditioned = statement(Condition={"StringEquals": {"aws:SourceAccount": "${aws:ResourceAccount}"}})

    assert "is plain text, not a variable" in " ".join(
        explain(evaluate(document(conditioned, version=None), request()))
    )


def test_a_principal_with_a_letter_that_only_looks_right_is_spelt_out() -> None:
    policy = document(statement(Principal={"Service": "\u0430mplify.amazonaws.com"}))
    decision = evaluate(policy, request())

    assert "names Service \\u0430mplify.amazonaws.com, not amplify.amazonaws.com" in explain(decision)[0]
    assert 'The principal "\\u0430mplify.amazonaws.com" is no name of a service' in propose_fix(decision).reason
