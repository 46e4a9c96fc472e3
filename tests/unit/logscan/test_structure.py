"""Structure outranks vocabulary: words around a reported error never make it disappear."""

from __future__ import annotations

from string import ascii_letters
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medic.labels import Label, Phase
from tests.unit.diagnosis.support import cases, reading_of

PRINCIPAL = "arn:aws:sts::111122223333:assumed-role/shop/AmplifyHostingCompute-app=d1a2b3c4d5e6f7"
CALL = f"User: {PRINCIPAL} is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k"

NAMED = {
    "CredentialsProviderError: Could not load credentials from any providers": Label.CREDENTIALS_MISSING_RUNTIME,
    "CredentialsError: Missing credentials in config": Label.CREDENTIALS_MISSING_RUNTIME,
    "ExpiredTokenException: The security token included in the request is expired": Label.EXPIRED_OR_INVALID_TOKEN,
    f"AccessDeniedException: {CALL}": Label.ACCESS_DENIED_IDENTITY,
    "AccessDenied: Access Denied": Label.ACCESS_DENIED_OTHER,
}
"""An error's name and its message."""
_PLAIN = ["Could not load credentials from any providers", "The security token included in the request is expired"]
_STACK = ["\n    at upload (/var/task/server.js:10:5)", "\n    at async file:///app/.next/server/app/page.js:1:2345"]

VOCABULARY = [
    *("document", "documents", "covers", "guide", "changelog", "explains", "means", "prevents", "avoid", "see the"),
    *("fix", "fixes", "fixed", "to fix", "handles", "add", "added", "test", "tests", "should retry", "should not fail"),
    *("throws", "rejects", "returns", "retries", "surfaces", "shows", "if you", "when the", "why it", "for example"),
    *("such as", "e.g.", "how to", "common errors", "troubleshooting", "read more", "import", "export", "from x"),
    *("return", "case", "expect", "describe", "assert", "console", "logger", "catch", "echo", "grep", "instanceof"),
    *("PASS", "FAIL", "/documents/12", "/app/fix/[id]", "src/guide/add.ts", "feat/fix-1", "order #12", "GET", "500"),
]
_WORD = st.sampled_from(VOCABULARY) | st.text(ascii_letters, min_size=1, max_size=12)
_WORDS = st.lists(_WORD, max_size=8).map(" ".join)
_AFTER = st.sampled_from(["", " (1234ms)", "\n", *_STACK])


@given(_WORDS, st.sampled_from(["", ": ", " - ", ": Error: ", ": [", " ⨯ "]), st.sampled_from([*NAMED]), _AFTER)
@settings(deadline=None, max_examples=400)
def test_words_before_a_named_error_never_hide_it(words: str, separator: str, error: str, after: str) -> None:
    begins = f"{words}{separator}" if separator else ""

    assert reading_of(begins + error + after, Phase.RUNTIME).label is NAMED[error]


@given(_WORDS, _AFTER)
@settings(deadline=None)
def test_words_before_a_message_that_names_its_caller_never_hide_it(words: str, after: str) -> None:
    assert reading_of(f"{words} {CALL}{after}", Phase.RUNTIME).label is Label.ACCESS_DENIED_IDENTITY


@given(_WORDS, st.sampled_from(_PLAIN), st.sampled_from(_STACK))
@settings(deadline=None)
def test_words_before_a_message_with_a_stack_under_it_never_hide_it(words: str, message: str, stack: str) -> None:
    assert reading_of(f"{words} {message}{stack}", Phase.RUNTIME).label is not Label.NOT_IAM


@given(st.sampled_from(VOCABULARY), st.sampled_from(_PLAIN))
@settings(deadline=None)
def test_a_quotation_mark_around_a_message_makes_it_prose(word: str, message: str) -> None:
    assert reading_of(f'{word} "{message}"', Phase.RUNTIME).label is Label.NOT_IAM


@pytest.mark.parametrize(
    "text",
    [
        "const retryable = ['AccessDenied', 'ExpiredTokenException', 'CredentialsProviderError'];",
        "  'ExpiredToken',\n  'AccessDeniedException',\n  'CredentialsProviderError',\n",
        "- `CredentialsProviderError: Could not load credentials from any providers`: attach a compute role",
        "| `AccessDeniedException` | User: x is not authorized to perform: s3:GetObject | grant it |",
        "## Could not load credentials from any providers\n\nIf you see this, attach a compute role.",
        "  it('should map CredentialsProviderError', () => {",
        "  throw new Error('AccessDenied: Access Denied');",
        "// CredentialsProviderError: Could not load credentials from any providers",
        "12 |   if (error.name === 'AccessDeniedException') {",
        "src/errors.ts:12: 'CredentialsProviderError: Could not load credentials from any providers'",
        "✓ retries on ExpiredTokenException: The security token included in the request is expired (12 ms)",
    ],
)
@pytest.mark.parametrize("phase", [Phase.BUILD, Phase.RUNTIME])
def test_source_code_and_documentation_are_no_finding(text: str, phase: Phase) -> None:
    assert reading_of(text, phase).findings == ()


@pytest.mark.parametrize("case", cases("probes.jsonl"), ids=lambda case: str(case["id"]))
def test_what_words_once_hid_is_found(case: dict[str, Any]) -> None:
    assert reading_of(case["log_excerpt"], Phase(case["phase"])).label == case["label"]
