from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medic.knowledge import ENTRIES, FIXES, find_entry, title_of
from medic.knowledge.entry import PLACEHOLDERS, Dialect, Entry, EntryKind, Fix, filled
from medic.knowledge.fixes import GUARDED_TRUST, PLAIN_TRUST
from medic.knowledge.signatures import SIGNATURES
from medic.labels import Identity, Label, Phase, PolicyType
from medic.logscan.denial import FORMS_OF_DENIALS, find_denials
from medic.logscan.model import Denial
from medic.logscan.recognise import signature_of
from medic.trust import AssumeRoleRequest, Outcome, evaluate
from tests.tables import table
from tests.unit.diagnosis.support import reading_of, samples

SIGNATURE_ENTRIES = [entry for entry in ENTRIES if entry.kind is EntryKind.SIGNATURE]
SAMPLES = samples()
CAUSES = [
    "repository_connection_lost",
    "service_role_not_set",
    "service_role_missing",
    "service_role_trust_wrong",
    "service_role_source_condition",
    "iam_propagation",
    "service_role_other_account",
    "compute_role_not_set",
    "compute_role_missing",
    "compute_role_other_account",
    "compute_role_trust_wrong",
    "compute_role_conditions_contested",
    "permission_missing_identity",
    "permissions_on_logging_role",
    "denied_by_boundary",
    "denied_by_scp",
    "denied_by_session_policy",
    "denied_by_resource_policy",
    "denied_by_other_policy",
    "pass_role_missing",
    "explicit_credentials_in_code",
    "session_expired",
    "rcp_denies_assume_role",
    "app_created_outside_console",
    "account_limits_or_new_account",
    "wrong_region_principal_myth",
    "user_credentials_cognito",
    "credentials_local_machine",
    "codecommit_pull_denied",
    "role_assumes_itself",
    "service_role_for_logs",
    "service_role_not_for_backend",
    "studio_role_in_use",
    "layer_not_shared",
    "bedrock_access_not_enabled",
    "kms_key_refuses",
    "cognito_sms_role",
    "stale_keys",
]


def _ids(entry: Entry) -> str:
    return entry.id


def _positives(entry: Entry) -> list[str]:
    return SAMPLES[entry.id]["positives"] if entry.id in SAMPLES else []


def _signatures_fired(text: str, entry: Entry) -> set[str]:
    phases = entry.phases or tuple(Phase)
    return {finding.signature for phase in phases for finding in reading_of(text, phase).findings}


@table("entry", SIGNATURE_ENTRIES, ids=_ids)
def test_every_signature_fires_on_its_positives(entry: Entry) -> None:
    assert SAMPLES[entry.id]["positives"]
    for text in SAMPLES[entry.id]["positives"]:
        assert entry.id in _signatures_fired(text, entry), text


@table("entry", SIGNATURE_ENTRIES, ids=_ids)
def test_no_signature_fires_on_its_negatives(entry: Entry) -> None:
    assert SAMPLES[entry.id]["negatives"]
    for text in SAMPLES[entry.id]["negatives"]:
        assert entry.id not in _signatures_fired(text, entry), text


@table("entry", SIGNATURE_ENTRIES, ids=_ids)
def test_a_positive_gets_the_label_that_its_entry_explains(entry: Entry) -> None:
    phase = entry.phases[0] if entry.phases else Phase.BUILD

    for text in _positives(entry):
        found = next(each for each in reading_of(text, phase).findings if each.signature == entry.id)
        assert found.label is entry.usual_label
        assert entry.identity in {None, found.identity}


def test_every_signature_is_explained_and_every_explanation_has_its_signature() -> None:
    from_denials = {
        signature_of(denial)
        for entry in SIGNATURE_ENTRIES
        for text in _positives(entry)
        for denial, _, _ in find_denials(text)
    }

    assert set(SAMPLES) == {entry.id for entry in SIGNATURE_ENTRIES}
    assert {entry.id for entry in SIGNATURE_ENTRIES} == {each.id for each in SIGNATURES} | from_denials


@pytest.mark.parametrize("policy_type", [None, *PolicyType])
@pytest.mark.parametrize("identity", list(Identity))
def test_every_denial_leads_to_an_entry(policy_type: PolicyType | None, identity: Identity) -> None:
    denial = Denial(identity=identity, action="s3:Get", policy_type=policy_type)

    assert title_of(signature_of(denial))


@table("signature", SIGNATURES, ids=lambda signature: str(signature.id))
def test_every_pattern_needs_one_of_its_literals(signature: Any) -> None:
    pattern = re.compile(signature.pattern or "(?!)", re.IGNORECASE)
    positives = [text for entry in SIGNATURE_ENTRIES if entry.id == signature.id for text in _positives(entry)]

    for text in positives:
        flat = " ".join(text.split())
        assert any(word in flat for word in signature.words)
        if pattern.search(flat):
            assert any(literal in flat for literal in (*signature.literals, *signature.names)), text
        else:
            assert any(name in flat for name in signature.names), text


@pytest.mark.parametrize(
    ("pattern", "needs"),
    [*((each.pattern, each.needs) for each in SIGNATURES if each.needs), *FORMS_OF_DENIALS.items()],
)
def test_every_text_that_a_pattern_matches_has_one_of_its_needs(pattern: str, needs: tuple[str, ...]) -> None:
    @given(st.from_regex(re.compile(pattern, re.IGNORECASE | re.ASCII)))
    @settings(deadline=None, max_examples=200)
    def check(text: str) -> None:
        assert any(need in text.lower() for need in needs)

    check()


@table("id_", CAUSES)
def test_every_cause_that_diagnoses_name_is_explained(id_: str) -> None:
    entry = find_entry(id_)

    assert entry is not None
    assert entry.kind is EntryKind.CAUSE


def test_ids_are_unique() -> None:
    ids = [entry.id for entry in ENTRIES]

    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z][a-z0-9_]+", id_) for id_ in ids)


@table("entry", ENTRIES, ids=_ids)
def test_every_entry_names_its_sources_and_refers_only_to_what_exists(entry: Entry) -> None:
    known = {each.id for each in ENTRIES}

    assert entry.sources
    for source in entry.sources:
        assert re.fullmatch(r"https://\S+|[\w.-]+/[\w.-]+#\d+", source), source
    assert set(entry.related) <= known - {entry.id}
    assert set(entry.fixes) <= set(FIXES)


@table("entry", [entry for entry in ENTRIES if entry.kind is EntryKind.CAUSE], ids=_ids)
def test_every_cause_says_what_to_do_or_where_to_look(entry: Entry) -> None:
    assert entry.fixes or entry.steps or entry.looks


def test_every_fix_is_used() -> None:
    assert {id_ for entry in ENTRIES for id_ in entry.fixes} == set(FIXES)


@table("fix", FIXES.values(), ids=lambda fix: str(fix.id))
@pytest.mark.parametrize("dialect", list(Dialect))
def test_every_fix_is_written_in_every_dialect_with_known_placeholders_only(fix: Fix, dialect: Dialect) -> None:
    text = fix.written_in(dialect)

    assert len(text) > 20
    assert set(re.findall(r"\{([a-z]+_?[a-z]*)\}", text)) <= set(PLACEHOLDERS)
    assert not re.search(r"\{\{[a-z]", text)


@table("fix", FIXES.values(), ids=lambda fix: str(fix.id))
def test_no_fix_grants_administrator_rights(fix: Fix) -> None:
    for dialect in Dialect:
        text = fix.written_in(dialect)
        assert "AdministratorAccess" not in text
        assert not re.search(r"""["'][*]:[*]["']|"Action":\s*"[*]"|iam:[*]""", text)


def test_the_boundary_scp_and_session_entries_never_advise_adding_a_permission() -> None:
    for id_ in ("denied_boundary", "denied_scp", "denied_session_policy", "denied_rcp", "denied_vpc_endpoint"):
        entry = find_entry(id_)
        assert entry is not None
        assert "grant_action" not in entry.fixes


def _trust(document: str, app: str = "d1a2b3c4d5e6f7") -> Outcome:
    values = {"account": "111122223333", "region": "eu-west-1", "app_id": "d1a2b3c4d5e6f7", "partition": "aws"}
    request = AssumeRoleRequest(
        now=datetime(2026, 1, 1, tzinfo=UTC),
        account_id="111122223333",
        region="eu-west-1",
        app_id=app,
        source_arn=f"arn:aws:amplify:eu-west-1:111122223333:apps/{app}/branches/main",
    )
    return evaluate(filled(document, values), request).outcome


def test_the_fixes_trust_policies_allow_amplify_and_the_guarded_one_no_other_app() -> None:
    assert _trust(PLAIN_TRUST) is Outcome.ALLOWED
    assert _trust(GUARDED_TRUST) is Outcome.ALLOWED
    assert _trust(GUARDED_TRUST, app="d9z9z9z9z9z9z9") is Outcome.DENIED


def test_placeholders_are_filled_and_other_braces_stay() -> None:
    text = '{"Resource": "{role_arn}"} in {region}, {unknown}'

    assert filled(text, {"role_arn": "arn:x"}) == '{"Resource": "arn:x"} in {region}, {unknown}'


def test_an_unknown_id_has_no_entry() -> None:
    assert find_entry("nonsense") is None
    with pytest.raises(KeyError):
        title_of("nonsense")


def test_the_json_in_fixes_is_valid() -> None:
    assert json.loads(PLAIN_TRUST)["Statement"]
    assert json.loads(GUARDED_TRUST)["Statement"]


def test_every_label_is_explained() -> None:
    assert {entry.usual_label for entry in SIGNATURE_ENTRIES} == set(Label) - {Label.NOT_IAM}
