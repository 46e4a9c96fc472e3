from __future__ import annotations

import ast
from itertools import accumulate, count, islice
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import medic.redaction
from medic.redaction import engine, looks_like, redact, redact_stream
from tests.unit.redaction.corpus import leaks, ordinary_lines

LINES = [*(leak.text for leak in leaks(seed=4)), *ordinary_lines()]
SEPARATORS = ["\n", "\n\n", "\r\n", " ", ", ", "; ", "\t", " | "]
texts = st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from(SEPARATORS)), max_size=6).map(
    lambda parts: "".join(line + separator for line, separator in parts)
)
noise = st.text(alphabet=st.one_of(st.characters(), st.sampled_from("=:\"'\\ \n\r&;,@/-[]{}<>%")), max_size=200)
steady = settings(derandomize=True, max_examples=200, deadline=None)

HOSTILE = [
    *("a", "a ", "a=", "=", '"', "'", "\\", "-", "/", "é", "\x1b[0m", "%3D", "1", "A1b2", "aB", ";"),
    *("token=", "token=$(", "token='", 'token="<', "token=\\", "token=[", "token=['aaaaaa1',", "token=a,", "?token="),
    *("password:", "password ", "password=\r", "password is ", "--token ", "API key ", "name: DB_PASSWORD value: "),
    *("authorization:", "authorization: bearer ", "bearer ", "basic ", "cookie:", "cookie:a=", "cookie: a=b; "),
    *("a://", "a://b:", "x://u:p@", "/hooks/", "a@", "a@b.", "arn:aws:", "eyJ", "eyJa.", "ghp_", " glpat-", "SG."),
    *("AKIA", "FwoGZX", "-us", "curl -u a:", "mysql -p", "identified by '", "set password ", '"kty" "d":"'),
    *("-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\\nAAAAAAAAAAAAAAAAAAAA", "-----END PRIVATE KEY-----"),
    *(
        "[redacted: ",
        "[redacted: x]",
        "secret set A ",
        "config set a ",
        " -p ",
        "unseal ",
        "<<< ",
        "echo a | ",
        "AUTH ",
    ),
    *("kind: Secret", "random_password", 'result = "', "SecureString ", "login:", "one-time code ", "code 1", "FOO="),
    *("seed word ", "A1b2C3d4_", "api_key ", "eyJhbGciOiJ", "glpat-", "x.A1b2", "env set ", "пароль: "),
]


@given(texts)
@steady
def test_redaction_is_idempotent(text: str) -> None:
    redacted = redact(text, emails=True)
    assert redact(redacted, emails=True) == redacted


@given(st.one_of(noise, texts))
@steady
def test_nothing_raises_and_every_line_stays_a_line(text: str) -> None:
    redacted = redact(text, emails=True)
    assert redacted.count("\n") == text.count("\n")
    assert redacted.count("\r") == text.count("\r")
    looks_like(text, text[:20])


def _all_lines(text: str, **_: bool) -> dict[int, int]:
    """Where every line begins, so that all detectors examine all lines."""
    return dict.fromkeys(accumulate((len(line) + 1 for line in text.split("\n")[:-1]), initial=0), -1)


def test_no_line_that_the_first_search_skips_holds_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [line + "\n" * 40 for line in LINES]  # in a short text, no line is skipped
    by_search = [redact(text) for text in texts]
    monkeypatch.setattr(engine, "_suspects", _all_lines)
    assert by_search == [redact(text) for text in texts]


@given(
    st.lists(
        st.one_of(
            noise,
            st.sampled_from([*LINES, *HOSTILE]),
            st.binary(max_size=40).map(lambda raw: raw.decode("utf-8", "replace")),
        ),
        max_size=8,
    ).map("\n".join)
)
@steady
def test_a_long_text_is_redacted_like_its_lines_by_all_detectors(text: str) -> None:
    text += "\n" * 40
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_suspects", _all_lines)
        slowly = redact(text)
    assert redact(text) == slowly


def test_a_path_does_not_hide_a_key_after_it_from_the_first_search() -> None:
    key = "q7Zk2Vx9/Lm4Tn8Wc/Q3Yr6Us1/Po5Jd0Hf/Gb9X"
    line = f"/codebuild/output/source/web/modules/dist {key}"
    assert key not in redact(line + "\n" * 40)


def test_a_credential_in_a_url_is_found_in_a_long_text() -> None:
    code = "4f9aK2mQz81LxTqPw7"
    assert code not in redact(f"GET /callback?code={code} HTTP/1.1" + "\n" * 40)


def test_a_secret_is_found_again_in_later_lines_and_later_blocks_of_a_long_text() -> None:
    block = "DB_PASSWORD=Tr0ub4dor-x9\n" + "compiled\n" * 40 + "connected with Tr0ub4dor-x9, twice: Tr0ub4dor-x9\n"
    redacted = "".join(redact_stream([block, "compiled\n\nwith Tr0ub4dor-x9"]))
    assert redacted.count("[redacted: password]") == 4
    assert "Tr0ub4dor-x9" not in redacted
    assert redacted.count("\n") == block.count("\n") + 2


@pytest.mark.parametrize("line_end", ["", "\n"], ids=["bare lines", "lines with their ends"])
def test_a_stream_of_lines_is_redacted_like_the_whole_text(line_end: str) -> None:
    for text in LINES:
        stream = redact_stream(line + line_end for line in text.split("\n"))
        assert [line.removesuffix(line_end) for line in stream] == redact(text).split("\n")


def test_a_stream_is_read_lazily() -> None:
    endless = (f"DB_PASSWORD=hunter{number}\n" for number in count())
    assert list(islice(redact_stream(endless), 2)) == ["DB_PASSWORD=[redacted: password]\n"] * 2


@pytest.mark.parametrize("fragment", HOSTILE)
def test_the_time_to_redact_a_hostile_line_does_not_grow_quadratically(fragment: str) -> None:
    short, long = (fragment * (length // len(fragment)) for length in (5_000, 20_000))
    limit = 9 * min(_seconds_of_work(short) for _ in range(3)) + 0.05
    assert any(_seconds_of_work(long) < limit for _ in range(3)), "not even without other processes in the way"


def _seconds_of_work(line: str) -> float:
    start = process_time()
    redact(line, emails=True)
    return process_time() - start


def test_the_redaction_package_imports_only_the_standard_library_and_itself() -> None:
    allowed = {"__future__", "binascii", "collections.abc", "enum", "functools", "heapq", "re", "string"}
    allowed.add("typing")
    for module in Path(medic.redaction.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                name = node.module or ""
                assert name in allowed or name.split(".")[:2] == ["medic", "redaction"], (module.name, name)
            elif isinstance(node, ast.Import):
                assert {alias.name for alias in node.names} <= allowed, module.name
