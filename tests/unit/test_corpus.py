from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.corpus import CASES, RefusedError, cases_in, faults, main, taken_in, without_ids
from tests.tables import table

URL = "https://github.com/owner/name/issues/7"
DENIAL = (
    "User: arn:aws:sts::281736450192:assumed-role/site/BuildSession is not authorized to perform: s3:GetObject "
    "on resource: arn:aws:s3:::b/k"
)
GIVEN = ("--url", URL, "--label", "access_denied_identity", "--phase", "build")


def _add(tmp_path: Path, text: str, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    (tmp_path / "case.txt").write_text(text, "utf-8")
    file = tmp_path / "cases.jsonl"
    return main(["add", str(tmp_path / "case.txt"), *arguments], file=file), cases_in(file)


def test_a_public_case_is_taken_in_with_its_source_and_without_its_ids(tmp_path: Path) -> None:
    code, cases = _add(tmp_path, DENIAL + "\n", *GIVEN)

    assert code == 0
    assert cases == [
        {
            "id": cases[0]["id"],
            "source": "owner/name#7",
            "phase": "build",
            "label": "access_denied_identity",
            "log_excerpt": DENIAL.replace("281736450192", "111122223333"),
        }
    ]


def test_a_text_is_taken_in_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _add(tmp_path, DENIAL, *GIVEN)

    code, cases = _add(tmp_path, DENIAL.replace("281736450192", "905418273610"), *GIVEN)

    assert (code, len(cases)) == (1, 1)
    assert "has this text already" in capsys.readouterr().err


def test_a_case_without_its_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        _add(tmp_path, DENIAL, "--label", "not_iam", "--phase", "build")


@pytest.mark.parametrize("url", ["", "a colleague", "http://example.com/post", "https://localhost/x"])
def test_a_source_that_nobody_can_open_is_refused(url: str) -> None:
    with pytest.raises(RefusedError, match="Name the source"):
        taken_in(DENIAL, url, "not_iam", "build")


@pytest.mark.parametrize(("label", "phase"), [("denied", "build"), ("not_iam", "test")])
def test_a_case_of_another_shape_is_refused(label: str, phase: str) -> None:
    with pytest.raises(RefusedError, match="The label is one of"):
        taken_in(DENIAL, URL, label, phase)


@pytest.mark.parametrize("text", ["", " \n", "x" * 20_001, "a\0b"])
def test_what_is_no_excerpt_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="must hold text"):
        taken_in(text, URL, "not_iam", "build")


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("account 281736450192, then 905418273610, then 281736450192", "account {0}, then {1}, then {0}"),
        ("apps/d24rbpko4p4hk/branches/main", "apps/d1a2b3c4d5e6f1/branches/main"),
        ("us-east-2_iispTEBq7_Full-access", "us-east-2_EXAMPLE01_Full-access"),
        ("Request ID: 80b6fae9-990c-4886-bc37-aed2343a4ac2", "Request ID: aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa1"),
        ("user/jane.doe@corp.example.net", "user/user1@example.com"),
        ("cwd=/Users/jane/shop", "cwd=/Users/user1/shop"),
        ("Cloning git@github.com:corp/shop.git", "Cloning git@github.com:example/app1.git"),
        ("GET https://npm.corp-tools.io/left-pad", "GET https://registry1.example.com/left-pad"),
        ("IP address '18.205.93.0'", "IP address '192.0.2.1'"),
        ("aws::organizations:::policy/o-b2fpbzyd95/s_policy/p-v4qqk7we", None),
    ],
)
def test_ids_become_invented_ones_of_the_same_shape(given: str, taken: str | None) -> None:
    expected = (taken or "aws::organizations:::policy/o-exampleorg1/s_policy/p-example1").format(
        "111122223333", "222222223333"
    )

    assert without_ids(given) == expected
    assert without_ids(expected) == expected


@pytest.mark.parametrize(
    "left",
    [
        "account 2817-3645-0192",
        "AROATESTTESTTESTTEST:session",
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
    ],
)
def test_a_text_in_which_something_personal_is_left_is_refused(left: str) -> None:
    with pytest.raises(RefusedError, match="may still hold something personal"):
        taken_in(left, URL, "not_iam", "build")


@pytest.mark.parametrize(
    "left",
    [
        "arn:aws:iam::281736450192:role/site",
        "apps/d24rbpko4p4hk/branches/main",
        "jane@corp.example.net",
        "GET https://npm.corp-tools.io/left-pad",
    ],
)
def test_an_id_that_somebody_wrote_into_the_file_by_hand_is_found(left: str) -> None:
    case = taken_in(DENIAL, URL, "not_iam", "build") | {"log_excerpt": left}

    assert [fault for fault in faults(case) if "may still hold something personal" in fault]


@table("case", cases_in(CASES), ids=lambda case: str(case["id"]))
def test_every_collected_case_could_be_taken_in_again(case: dict[str, Any]) -> None:
    assert list(faults(case)) == []
    again = taken_in(case["log_excerpt"], URL, case["label"], case["phase"], ambiguous="ambiguous" in case)
    assert json.dumps(again | {"source": case["source"]}) == json.dumps(case)
