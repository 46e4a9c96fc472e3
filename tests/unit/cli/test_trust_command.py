from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from medic_cli.commands.trust import command
from tests.unit.trust.support import ACCOUNT, BRANCH_ARN, DATA, ROLE_ARN, document, lines, statement

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "schemas" / "trust.schema.json").read_text(encoding="utf-8"))
GOOD = json.dumps(document(statement()))
BAD = json.dumps(document(statement(Principal={"Service": "ec2.amazonaws.com"})))


def _run(*arguments: str, given: str | bytes = GOOD) -> Result:
    return CliRunner().invoke(command, arguments, input=given)


def _answer(*arguments: str, given: str | bytes = GOOD) -> Any:
    answer = json.loads(_run("--json", *arguments, given=given).stdout)
    Draft202012Validator(SCHEMA).validate(answer)
    return answer


def _batch(*cases: Any) -> list[Any]:
    text = "".join((case if isinstance(case, str) else json.dumps(case)) + "\n" for case in cases)
    result = _run("--batch", "-", given=text)
    assert result.exit_code == 0
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_the_schema_is_valid() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    ("policy", "arguments", "code"),
    [
        (GOOD, [], 0),
        (BAD, [], 1),
        (json.dumps(document(statement(Condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}}))), [], 1),
        ("", [], 3),
        ("\0\1\2", [], 3),
        (GOOD, ["--no-such-option"], 2),
        (GOOD, ["/no/such/file"], 2),
        (GOOD, ["--branch-arn", "main"], 2),
        (GOOD, ["--branch-arn", BRANCH_ARN, "--source-arn", BRANCH_ARN], 2),
        (GOOD, ["--source-arn", "x"], 2),
        (GOOD, ["--role-arn", "x"], 2),
        (GOOD, ["--account", "1"], 2),
        (GOOD, ["--context", "novalue"], 2),
        (GOOD, ["--now", "tomorrow"], 2),
        (GOOD, ["--now", "0001-01-01T00:00:00+23:00"], 2),
        (GOOD, ["--role", "other"], 2),
    ],
)
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_the_exit_code_shows_the_outcome(policy: str, arguments: list[str], code: int, form: list[str]) -> None:
    assert _run(*arguments, *form, given=policy).exit_code == code


def test_a_file_is_read_like_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "trust.json"
    file.write_text(BAD, encoding="utf-8")

    assert _answer(str(file)) == _answer(given=BAD)


def test_a_branch_arn_gives_account_region_and_app() -> None:
    condition = _answer("--branch-arn", BRANCH_ARN, given=BAD)["fix"]["statement"]["Condition"]

    app = BRANCH_ARN.partition("/branches")[0]
    assert condition == {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": [app, f"{app}/*"]},
    }


def test_role_compute_gets_the_plain_statement() -> None:
    answer = _answer("--role", "compute", "--branch-arn", BRANCH_ARN, given=BAD)

    assert "Condition" not in answer["fix"]["statement"]
    assert answer["fix"]["outcome_after"] == "allowed"


def test_the_role_arn_gives_the_account() -> None:
    fix = _answer("--role-arn", ROLE_ARN, given=BAD)["fix"]

    assert fix["statement"]["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}
    assert _answer("--role-arn", ROLE_ARN, "--account", "999988887777", given=BAD)["fix"]["statement"]["Condition"][
        "StringEquals"
    ] == {"aws:SourceAccount": "999988887777"}


def test_condition_keys_can_be_given_several_times_and_left_out() -> None:
    policy = json.dumps(document(statement(Condition={"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}})))

    assert _answer("--context", "aws:TagKeys=a", "--context", "AWS:tagkeys=b", given=policy)["outcome"] == "allowed"
    assert _answer("--context", "aws:TagKeys=a", "--context", "aws:TagKeys=c", given=policy)["outcome"] == "denied"
    assert _answer("--absent", "aws:TagKeys", given=policy)["outcome"] == "allowed"
    assert _answer(given=policy)["outcome"] == "conditional"


def test_every_statement_is_explained() -> None:
    policy = document(
        statement(Principal=None, NotPrincipal={}),
        statement(Action="s*:AssumeRole"),
        statement(Condition={"StringEqualsIfExists": {"aws:SourceAccount": []}}),
        statement(Condition={"StringEquals": {"aws:TagKeys": [str(number) for number in range(9)]}}),
        statement(Condition={"StringEquals": {"aws:SourceVpc": "v"}}),
    )
    keys = {"aws:TagKeys": [], "aws:SourceAccount": ACCOUNT}
    (answer,) = _batch({"trust_policy": policy, "context": {"keys": keys}})
    explained = [each["explanation"] for each in answer["statements"]]

    nothing, no_value = f'names no value, and the call carries "{ACCOUNT}"', "the call carries it without a value"
    five = 'wants "0", "1", "2", "3", "4" or 4 more'
    assert [sentence.partition("(Allow) ")[2] for sentence in explained] == [
        "may apply: whether it names the caller cannot be said.",
        "may apply: AWS does not document the effect of its action or resource.",
        f"does not apply: its condition StringEqualsIfExists aws:SourceAccount {nothing}.",
        f"does not apply: its condition StringEquals aws:TagKeys {five}, and {no_value}.",
        'does not apply: its condition StringEquals aws:SourceVpc wants "v", and the call does not carry that key.',
    ]


def test_the_session_duration_is_checked() -> None:
    policy = json.dumps(document(statement(Principal={"AWS": ACCOUNT})))
    caller = ("--principal", f"arn:aws:iam::{ACCOUNT}:user/Ann", "--duration", "7200")

    assert _answer(*caller, given=policy)["outcome"] == "denied"
    assert _answer(*caller, "--max-session", "7200", given=policy)["outcome"] == "allowed"
    assert _answer(*caller, "--max-session", "7200", "--chained", given=policy)["outcome"] == "denied"


def test_the_time_of_the_call_can_be_set() -> None:
    policy = json.dumps(document(statement(Condition={"DateLessThan": {"aws:CurrentTime": "2020-01-01"}})))

    assert _answer(given=policy)["outcome"] == "denied"
    assert _answer("--now", "2019-12-31T23:59:59Z", given=policy)["outcome"] == "allowed"


@pytest.mark.parametrize("given", [b"\xff\xfe", b"\xef\xbb\xbf" + GOOD.encode(), b"x" * 2_000_000, b"\xed\xa0\x80"])
def test_input_that_is_not_a_policy_is_denied_with_a_reason(given: bytes) -> None:
    answer = _answer(given=given)

    assert (answer["outcome"], answer["fix"]["kind"]) == ("denied", "refuse")
    assert "no trust policy" in answer["reason"]


def test_the_text_output_has_reason_notes_and_diff() -> None:
    text = _run("--branch-arn", BRANCH_ARN, given=BAD).stdout

    assert text.startswith("DENIED  amplify.amazonaws.com may not assume the role")
    assert "Fix: append" in text
    assert '+      "Sid": "AllowAmplifyHosting",' in text


def test_a_fix_that_is_refused_promises_nothing() -> None:
    conditioned = json.dumps(document(statement(Condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}})))
    text = _run(given=conditioned).stdout

    assert "Fix: refuse" in text
    assert "Give the branch's ARN (--branch-arn)" in " ".join(text.split())
    assert "After it" not in text


def test_no_markup_or_escape_of_a_document_reaches_the_terminal() -> None:
    text = _run(given=json.dumps(document(statement(Sid="\x1b[31m[bold]x[/bold]", Action="[red]\u202e\ud800")))).stdout

    assert "\x1b" not in text
    assert "[bold]x[/bold]" in text


def test_every_line_of_a_batch_is_answered_as_documented() -> None:
    cases = lines("cases.jsonl")
    result = _run("--batch", str(DATA / "cases.jsonl"))
    answers = [json.loads(line) for line in result.stdout.splitlines()]

    assert result.exit_code == 0
    assert [answer["id"] for answer in answers] == [case["id"] for case in cases]
    validator = Draft202012Validator(SCHEMA)
    for case, answer in zip(cases, answers, strict=True):
        validator.validate(answer)
        if case["normative"]:
            assert answer["outcome"] == case["expected"]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("{", "not JSON"),
        ("[]", "must be an object"),
        ('{"id": 1}', "must be an object with"),
        ('{"trust_policy": {}, "context": []}', "context must be an object"),
        ('{"trust_policy": {}, "context": {"now": "x"}}', "now must be"),
        ('{"trust_policy": {}, "context": {"principal": 1}}', "context.principal must be a string"),
        ('{"trust_policy": {}, "context": {"source_arn": "' + "x" * 3000 + '"}}', "context.source_arn must be"),
        ('{"trust_policy": {}, "context": {"keys": []}}', "context.keys must be an object"),
        ('{"trust_policy": {}, "context": {"keys": {"a": {}}}}', "must be a string, number or boolean"),
        ('{"trust_policy": {}, "context": {"absent": "a"}}', "context.absent must be a list"),
        ('{"trust_policy": {}, "context": {"unknown": [1]}}', "context.unknown must be a list"),
        ("[" * 100_000, "not JSON"),
        ("x" * 3_000_000, "longer than"),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_understood_is_answered_with_its_error(line: str, error: str) -> None:
    first, second = _batch(line, {"id": "next", "trust_policy": document(statement()), "context": {}})

    Draft202012Validator(SCHEMA).validate(first)
    assert first["line"] == 1
    assert error in first["error"]
    assert (second["id"], second["outcome"]) == ("next", "allowed")


@pytest.mark.parametrize(
    "policy",
    [None, 1, [], "", {}, '{"Statement":[{"Effect":"Deny","Effect":"Allow"}]}'],
)
def test_a_policy_of_the_wrong_type_is_denied_and_not_an_error(policy: Any) -> None:
    (answer,) = _batch({"id": "x", "trust_policy": policy, "context": {}})

    assert (answer["outcome"], answer["fix"]["kind"]) == ("denied", "refuse")


def test_a_duplicate_key_in_a_batch_line_is_detected() -> None:
    (answer,) = _batch(
        '{"id":"x","context":{},"trust_policy":{"Statement":[{"Effect":"Deny","Effect":"Allow","Principal":"*","Action":"*"}]}}'
    )

    assert answer["outcome"] == "denied"


def test_empty_lines_of_a_batch_are_skipped_and_null_means_unknown() -> None:
    facts = dict.fromkeys(
        ["principal", "action", "partition", "region", "account_id", "now", "keys", "absent", "unknown"]
    )

    assert [
        answer["outcome"] for answer in _batch("", {"trust_policy": document(statement()), "context": facts}, " ")
    ] == ["allowed"]
