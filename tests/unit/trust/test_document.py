from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from medic.trust import MAX_CHARACTERS, Document, Malformed, Outcome, evaluate, parse
from tests.unit.trust.support import AMPLIFY, Json, document, request, statement

GOOD = document(statement())


@pytest.mark.parametrize(
    ("broken", "path"),
    [
        ("", ""),
        (" \n", ""),
        ("null", ""),
        ("[]", ""),
        ('"x"', ""),
        ("{}", "Statement"),
        ("{'Version': '2012-10-17'}", "line 1 column 2"),
        ('{"Version":"2012-10-17",}', "line 1 column 25"),
        ('// a comment\n{"Statement":[]}', "line 1 column 1"),
        (json.dumps(json.dumps(GOOD)), ""),
        (json.dumps({"Statement": []}) + "x", "line 1 column 18"),
        ("\ufeff" + json.dumps(GOOD), ""),
        ('{"Statement":[],"Statement":[]}', "Statement"),
        ('{"Statement":{"Effect":"Deny","Principal":{"AWS":"1","AWS":"2"}}}', "Statement[0].Principal.AWS"),
        ({**GOOD, "Version": "2012-10-18"}, "Version"),
        ({**GOOD, "Version": None}, "Version"),
        ({**GOOD, "Version": 2012}, "Version"),
        ({**GOOD, "version": "2012-10-17"}, "version"),
        ({**GOOD, "Id": 1}, "Id"),
        ({**GOOD, "Comment": "x"}, "Comment"),
        ({"Role": {"AssumeRolePolicyDocument": GOOD}}, ""),
        ({1: "Version"}, ""),
        ({"Statement": None}, "Statement"),
        ({"Statement": "x"}, "Statement"),
        ({"Statement": ["x"]}, "Statement[0]"),
        ({"Statement": [[]]}, "Statement[0]"),
        (document(statement(Sid=1)), "Statement[0].Sid"),
        (document(statement(Effect=None)), "Statement[0].Effect"),
        (document(statement(Effect="DENY")), "Statement[0].Effect"),
        (document(statement(Effect=["Allow"])), "Statement[0].Effect"),
        (document(statement(Principal=None)), "Statement[0].Principal"),
        (document(statement(Principal="amplify.amazonaws.com")), "Statement[0].Principal"),
        (document(statement(Principal=["*"])), "Statement[0].Principal"),
        (document(statement(Principal={"Service": 1})), "Statement[0].Principal.Service"),
        (document(statement(Principal={"Service": ["a", None]})), "Statement[0].Principal.Service[1]"),
        (document(statement(NotPrincipal="*")), "Statement[0]"),
        (document(statement(Action=None)), "Statement[0].Action"),
        (document(statement(Action=True)), "Statement[0].Action"),
        (document(statement(NotAction="x")), "Statement[0]"),
        (document(statement(Resource="*", NotResource="*")), "Statement[0]"),
        (document(statement(Actions="x")), "Statement[0].Actions"),
        (document(statement(Condition=[])), "Statement[0].Condition"),
        (document(statement(Condition={"StringEquals": "x"})), "Statement[0].Condition.StringEquals"),
        (document(statement(Condition={"StringEquals": {"a": None}})), "Statement[0].Condition.StringEquals.a"),
        (document(statement(Condition={"StringEquals": {"a": [{}]}})), "Statement[0].Condition.StringEquals.a[0]"),
        (document(statement(Condition={"StringMatches": {"a": "b"}})), "Statement[0].Condition.StringMatches"),
        (document(statement(Condition={"NullIfExists": {"a": "true"}})), "Statement[0].Condition.NullIfExists"),
    ],
)  # fmt: skip
def test_a_grammar_error_is_refused_with_its_path(broken: Any, path: str) -> None:
    parsed = parse(broken)

    assert isinstance(parsed, Malformed)
    assert parsed.path == path
    assert evaluate(broken, request()).outcome is Outcome.DENIED


@pytest.mark.parametrize(
    ("template", "path"),
    [
        (document(statement(Principal={"Service": {"Fn::Sub": "amplify.${AWS::URLSuffix}"}})),
         "Statement[0].Principal.Service"),
        (document(statement(Principal={"AWS": ["1", {"Ref": "Account"}]})), "Statement[0].Principal.AWS[1]"),
        (document(statement(Condition={"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}})),
         "Statement[0].Condition.StringEquals.aws:SourceAccount"),
        (document({"Fn::If": ["Condition", {}, {}]}), "Statement[0]"),
    ],
)  # fmt: skip
def test_a_cloudformation_function_is_named_as_such(template: Json, path: str) -> None:
    parsed = parse(template)

    assert isinstance(parsed, Malformed)
    assert parsed.path == path
    assert "holds the CloudFormation function" in parsed.problem


@pytest.mark.parametrize(
    "accepted",
    [
        json.dumps(GOOD),
        json.dumps(GOOD, indent="\t"),
        f"\r\n {json.dumps(GOOD)} \n",
        quote(json.dumps(GOOD)),
        quote(json.dumps(GOOD), safe="{}:,"),
        quote(json.dumps(document(statement(Sid="A+B")))),
        {**GOOD, "Id": "anything"},
        {**GOOD, "Version": "2008-10-17"},
        document(statement(), version=None),
        {"Statement": statement()},
        document(statement(Sid="")),
        document(statement(Sid="A"), statement(Sid="A")),
        document(statement(Resource="*")),
        document(statement(Principal=AMPLIFY | {"AWS": []})),
    ],
)
def test_every_form_that_iam_accepts_is_parsed(accepted: Any) -> None:
    assert isinstance(parse(accepted), Document)
    assert evaluate(accepted, request()).outcome is Outcome.ALLOWED


def test_a_plus_sign_is_no_space_in_percent_encoded_text() -> None:
    assert isinstance(parse(quote_plus(json.dumps(GOOD, indent=1))), Malformed)


def test_a_document_longer_than_iam_accepts_is_refused() -> None:
    text = json.dumps(GOOD)

    assert isinstance(parse(text + " " * (MAX_CHARACTERS - len(text))), Document)
    assert isinstance(parse(text + " " * (MAX_CHARACTERS - len(text) + 1)), Malformed)


@pytest.mark.parametrize(
    ("odd", "outcome"),
    [
        (document(), Outcome.DENIED),
        (document(statement(Principal={})), Outcome.DENIED),
        (document(statement(Principal={"Service": []})), Outcome.DENIED),
        (document(statement(Action=[])), Outcome.DENIED),
        (document(statement(Action=None, NotAction=[])), Outcome.DENIED),
        (document(statement(Principal=None, NotPrincipal={})), Outcome.CONDITIONAL),
        (document(statement(Principal=None, NotPrincipal="*")), Outcome.DENIED),
        (document(statement(Principal=None, NotPrincipal={"Service": "ec2.amazonaws.com"})), Outcome.ALLOWED),
        (document(statement(Principal=None, NotPrincipal=AMPLIFY)), Outcome.DENIED),
        (document(statement(), statement(Effect="Deny", Principal=None, NotPrincipal=AMPLIFY)), Outcome.ALLOWED),
        (document(statement(Resource=[])), Outcome.DENIED),
        (document(statement(Resource="arn:aws:iam::111122223333:role/other")), Outcome.CONDITIONAL),
        (document(statement(Action="sts:assumerole")), Outcome.ALLOWED),
        (document(statement(Action="*:*")), Outcome.ALLOWED),
        (document(statement(Action="AssumeRole")), Outcome.DENIED),
        (document(statement(Action="sts:AssumeRol?")), Outcome.ALLOWED),
        (document(statement(Action="sts:AssumeRole?")), Outcome.DENIED),
        (document(statement(Action="s*:AssumeRole")), Outcome.CONDITIONAL),
        (document(statement(Action="s*:TagSession")), Outcome.DENIED),
        (document(statement(Principal="*")), Outcome.ALLOWED),
        (document(statement(Principal={"AWS": "*"})), Outcome.CONDITIONAL),
        (document(statement(Principal={"Federated": "*"})), Outcome.DENIED),
        (document(statement(Principal={"AWS": "amplify.amazonaws.com"})), Outcome.DENIED),
        (document(statement(Principal={"Service": "Amplify.amazonaws.com"})), Outcome.DENIED),
        (document(statement(Principal={"Service": "amplify.amazonaws.com.cn"})), Outcome.DENIED),
        (document(statement(Principal={"Service": "amplify.us-east-1.amazonaws.com"})), Outcome.DENIED),
        (document(statement(), statement(Effect="Deny", Principal={"AWS": "*"})), Outcome.DENIED),
        (document(statement(), statement(Effect="Deny", Principal={"service": "x"})), Outcome.CONDITIONAL),
        (document(statement(), statement(Effect="Deny", Action=None, NotAction="sts:AssumeRole")), Outcome.ALLOWED),
        (document(statement(), statement(Effect="Deny", Action=None, NotAction="sts:TagSession")), Outcome.DENIED),
        (document(statement(), statement(Effect="Deny", Action=[])), Outcome.ALLOWED),
    ],
)  # fmt: skip
def test_odd_but_well_formed_statements_are_evaluated(odd: Json, outcome: Outcome) -> None:
    assert evaluate(odd, request()).outcome is outcome
