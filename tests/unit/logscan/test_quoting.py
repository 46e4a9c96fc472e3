from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medic.logscan.quoting import is_from_a_test, is_quoted, is_source_code, only_displays
from tests.unit.diagnosis.support import reading_of

PHRASE = "AccessDenied: Access Denied"


@pytest.mark.parametrize(
    "before",
    [
        "// ",
        "# ",
        " * "[1:],
        "> 12 | throw new Error('",
        'throw new CredentialsProviderError("',
        "expect(() => run()).toThrow('",
        "console.error('",
        'notice := "',
        "  if (error.name === '"[2:],
        "✓ maps ",
        "| cause | ",
        "- **",
        "See `",
        "docs/errors.md:12:",
        "docs/errors.md:",
        "src/errors.ts: // ",
        "--role <arn> ",
        "#[allow] ",
        "+ echo ",
        "HEAD is now at 1a2b3c4 ",
        "This page covers ",
        'Covers "',
        "Fixes ",
        "If you see ",
        'Expected: "',
        'Received string: "',
        "E botocore.exceptions.ClientError: ",
        "FAILED tests/test_upload.py::test_denied - ClientError: ",
        "14:22 error Strings must use singlequote: ",
        "errors.expired: '",
        '"documentation":"<p>',
        'const message: string = "',
        '<p class="error">',
        "<Trans>",
        "<!-- ",
        "> note ",
        "#3 ",
    ],
)
def test_code_comments_titles_and_prose_are_quotes(before: str) -> None:
    assert is_quoted(before + PHRASE, len(before))


@pytest.mark.parametrize(
    "before",
    [
        "",
        "Error: ",
        "⨯ ",
        "✖ ",
        "🛑 ",
        "(node:1247) UnhandledPromiseRejectionWarning: ",
        'Resource handler returned message: "',
        '{"level":"error","message":"',
        'request failed with "',
        "∟ Caused by: [",
        "- ",
        "169 | ",
        "✕  ",
        "× ",
        "##[error]",
        "seed.ts: Error: ",
        "deploy.py: error: ",
        "#<Aws::S3::Errors::AccessDenied: ",
        "fatal error: An error occurred (",
        'error.message: "',
        'botocore.exceptions.ClientError: "',
        "12:30:41 error ",
        '<Resource handler returned message: "',
        "#3 ERROR: ",
        "#3 [internal] load metadata for ",
        "> [internal] load metadata for ",
        "| LambdaExecutionRole| Resource handler returned message: ",
    ],
)
def test_messages_of_tools_are_not_quotes(before: str) -> None:
    assert not is_quoted(before + PHRASE, len(before))


@pytest.mark.parametrize(
    ("line", "quoted"),
    [
        ("errorRegex: /Unable to resolve AWS account to use/,", True),
        ("expectedTopLevelErrorMessage: 'Unable to resolve AWS account to use',", True),
        ("'Could not look further (Error: Unable to resolve AWS account to use). ' +", True),
        # an object as Node prints it
        ("'Unable to resolve AWS account to use\\n' +", False),
        ("message: 'Unable to resolve AWS account to use',", False),
    ],
)
def test_lines_of_source_code_are_quotes_and_the_object_of_an_error_is_not(line: str, *, quoted: bool) -> None:
    assert is_quoted(line, line.index("Unable")) == quoted


@pytest.mark.parametrize(
    "line", ["  ✕ should reject AccessDenied (12 ms)", "● S3 › throws AccessDenied", "test_s3.py::test_x AccessDenied"]
)
def test_test_titles_are_quotes(line: str) -> None:
    assert is_quoted(line.strip(), line.strip().index("AccessDenied"))


@pytest.mark.parametrize(
    ("command", "displays"),
    [
        ("cat README.md", True),
        ("cat a | grep b | head -5", True),
        ("/bin/echo hello", True),
        ("git log -5", True),
        ("git clone https://example.com/x", False),
        ("echo $(aws sts get-caller-identity)", False),
        ("cat x && npm ci", False),
        ("sed -i s/a/b/ x", False),
        ("npm run build", False),
        ("", False),
    ],
)
def test_commands_that_can_only_print_are_recognised(command: str, *, displays: bool) -> None:
    assert only_displays(command) is displays


@pytest.mark.parametrize(
    ("frame", "from_a_test"),
    [
        ("at src/lib/errors.test.ts:12:3", True),
        ("at __tests__/upload.js:1:1", True),
        ('File "tests/test_upload.py", line 3', True),
        ("at /var/task/.next/server/chunks/1.js:1:1", False),
        ("at latest.js:1:1", False),
        ("at Context.<anonymous> (test/upload.js:10:10)", True),
        ("at x (/codebuild/output/src1/src/test/node_modules/a.js:1:1)", False),
    ],
)
def test_a_stack_trace_through_a_test_file_comes_from_a_test(frame: str, *, from_a_test: bool) -> None:
    assert is_from_a_test(f"Error: AccessDenied {frame}") is from_a_test


@given(st.text(max_size=600), st.integers(0, 600))
def test_any_line_gets_an_answer(line: str, column: int) -> None:
    assert is_quoted(line, column) in {True, False}
    assert only_displays(line) in {True, False}


_SOURCE = [
    "import { S3Client } from '@aws-sdk/client-s3';",
    "const messages = {",
    "  denied: 'AccessDenied: Access Denied',",
    "};",
    "export const retry = () => {",
]


def test_a_source_file_that_a_command_prints_is_no_report() -> None:
    assert is_source_code(_SOURCE)


def test_an_error_that_shows_the_line_that_threw_it_is_a_report() -> None:
    assert not is_source_code([_SOURCE[0], "        throw new Error(message);", "AccessDenied: Access Denied"])
    assert not is_source_code([*_SOURCE, "    at upload (/var/task/server.js:10:5)"])


def test_an_error_that_python_prints_by_its_class_is_a_report_and_the_text_of_a_call_is_not() -> None:
    assert not is_quoted(f"ClientError('{PHRASE}')", len("ClientError('"))
    assert is_quoted(f"integTest('{PHRASE}', async () => {{", len("integTest('"))


@pytest.mark.parametrize(("introduction", "reported"), [("2 error(s) occurred:", True), ("Notes:", False)])
def test_a_star_begins_an_error_only_in_a_list_of_errors(introduction: str, *, reported: bool) -> None:
    text = f"{introduction}\n\n* InvalidClientTokenId: The security token included in the request is invalid."

    assert bool(reading_of(text).findings) is reported


def test_the_diff_of_a_test_is_a_quote() -> None:
    assert is_from_a_test("- Expected + Received - AccessDenied: Access Denied + Error: x")
    assert not is_from_a_test("Expected a bucket, got AccessDenied: Access Denied")
