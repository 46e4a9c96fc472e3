"""What a command reads as text: gzip is unpacked, and what is no log is refused instead of found to show nothing."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from medic_cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

LINE = b"2026-03-04T10:11:12.345Z [INFO]: Compiled 12 pages\n"
DENIED = (
    b"2026-03-04T10:11:12.345Z [WARNING]: AccessDeniedException: User: arn:aws:iam::111122223333:user/x is not "
    b"authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k\n"
)
NOT_A_LOG = {
    "empty": (b"", "is empty"),
    "blank": (b"\n \r\n" * 100_000, "is empty"),
    "empty gzip": (gzip.compress(b""), "is empty"),
    "zip archive": (b"PK\x03\x04\x14\x00\x00\x00\x08\x00" + bytes(range(256)), "is binary data"),
    "gzipped binary": (gzip.compress(bytes(range(256)) * 10), "is binary data"),
    "not gzip": (b"\x1f\x8b" + b"nonsense" * 10, "begins like gzip data"),
    "expired URL": (
        b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>',
        "is an error answer (AccessDenied: Request has expired)",
    ),
    "error of another service": (
        b"\xef\xbb\xbf<ErrorResponse><Error><Code>ExpiredToken</Code><Message>The token has expired</Message></Error>",
        "is an error answer (ExpiredToken: The token has expired)",
    ),
    "web page": (b"\n<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>", "is a web page"),
}


def _run(*arguments: str, given: bytes) -> Result:
    return CliRunner().invoke(main, arguments, input=given)


@pytest.mark.parametrize("command", ["classify", "redact", "trust"])
@pytest.mark.parametrize(("given", "why"), NOT_A_LOG.values(), ids=NOT_A_LOG)
def test_what_is_no_log_could_not_be_looked_at(command: str, given: bytes, why: str) -> None:
    result = _run(command, given=given)

    assert result.exit_code == 3
    assert f"Standard input {why}" in result.output.replace("\n", " ")


@pytest.mark.parametrize("given", [b"", b"\n", b"PK\x03\x04\0\0"], ids=["empty", "blank", "binary"])
def test_an_empty_or_binary_trust_policy_could_not_be_looked_at(given: bytes) -> None:
    assert _run("trust", given=given).exit_code == 3


def test_an_error_page_in_the_middle_of_a_log_is_text() -> None:
    page = NOT_A_LOG["expired URL"][0]

    assert _run("classify", given=LINE + page + b"\n").exit_code == 0


def test_a_file_is_named_in_the_refusal(tmp_path: Path) -> None:
    (tmp_path / "build.log").write_bytes(b"")

    assert "build.log is empty" in _run("classify", str(tmp_path / "build.log"), given=b"").output.replace("\n", "")


def test_a_text_that_powershell_wrote_is_read(tmp_path: Path) -> None:
    log, trust = tmp_path / "build.log", tmp_path / "trust.json"
    log.write_text(f"Compiled 12 pages ✓\r\n{DENIED.decode()}\r\npassword=hunter2hunter2\r\n", encoding="utf-16")
    amplify = {"Effect": "Allow", "Principal": {"Service": "amplify.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust.write_text(json.dumps({"Version": "2012-10-17", "Statement": [amplify]}), encoding="utf-16")

    assert json.loads(_run("classify", "--json", str(log), given=b"").output)["label"] == "access_denied_identity"
    assert _run("trust", str(trust), given=b"").exit_code == 0
    redacted = _run("redact", str(log), given=b"").output
    assert ("✓" in redacted, "hunter2" in redacted) == (True, False)


def test_a_text_without_a_failure_leads_to_the_search() -> None:
    assert "`medic explain` and a line of it" in _run("classify", given=LINE).output


@pytest.mark.parametrize("members", [1, 2])
def test_a_gzip_log_is_read_to_its_end(members: int) -> None:
    compressed = gzip.compress(LINE * 10_000) * members + gzip.compress(DENIED)

    answer = json.loads(_run("classify", "--json", given=compressed).output)

    assert (answer["label"], answer["unread"]) == ("access_denied_identity", None)
    assert answer["findings"][0]["lines"] == [10_000 * members + 1] * 2


def test_a_gzip_log_is_redacted() -> None:
    assert _run("redact", given=gzip.compress(LINE + b"AKIAIOSFODNN7EXAMPLA\n")).output.startswith(LINE.decode())
    assert "AKIA" not in _run("redact", given=gzip.compress(b"AKIAIOSFODNN7EXAMPLA\n")).output


class TestBrokenOff:
    CUT = gzip.compress(LINE * 10_000)[:-20]

    def test_nothing_found_before_the_end_of_what_was_read_is_no_answer(self) -> None:
        as_json, as_text = _run("classify", "--json", given=self.CUT), _run("classify", given=self.CUT)

        assert as_json.exit_code == as_text.exit_code == 3
        answer = json.loads(as_json.output)
        assert (answer["label"], answer["findings"]) == (None, [])
        assert "breaks off" in answer["unread"]
        assert "Not read to the end: the gzip data breaks off" in as_text.output
        assert "No IAM failure" not in as_text.output

    def test_a_failure_that_was_found_before_is_shown_and_did_not_end_the_build_for_certain(self) -> None:
        result = _run("classify", "--json", given=gzip.compress(DENIED + LINE * 100_000)[:-20])

        assert result.exit_code == 3
        answer = json.loads(result.output)
        assert answer["label"] is None
        assert [each["label"] for each in answer["findings"]] == ["access_denied_identity"]

    def test_only_a_part_is_redacted_and_the_command_says_so(self) -> None:
        result = _run("redact", given=self.CUT)

        assert result.exit_code == 3
        assert "Only a part was redacted" in result.output


def test_a_failure_that_did_not_end_the_build_is_shown_as_also_seen() -> None:
    log = DENIED + b"2026-03-04T10:11:13.345Z [WARNING]: Error: connect ETIMEDOUT 10.0.3.17:5432\n"

    result = _run("classify", given=log)

    assert result.exit_code == 0
    assert "also seen: it did not end the build" in result.output.replace("\n", " ")
    assert "No IAM failure found" not in result.output
