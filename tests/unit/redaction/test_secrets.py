from __future__ import annotations

import random
import re
import string
from itertools import groupby
from pathlib import Path

import pytest

from medic.redaction import redact, tokens
from medic.redaction.names import SECRET_KEY_PREFIXES, STRONG_COMPOUNDS, STRONG_WORDS, WEAK_LAST_WORDS
from medic.redaction.tokens import FORMATS
from tests.tables import table
from tests.unit.redaction.corpus import leaks, misses

SEEDS = range(3)
ALL_LEAKS = sorted((leak for seed in SEEDS for leak in leaks(seed)), key=lambda leak: leak.kind)
BY_KIND = {kind: list(group) for kind, group in groupby(ALL_LEAKS, key=lambda leak: leak.kind)}


def test_the_corpus_is_broad() -> None:
    assert len(leaks(seed=0)) >= 150
    assert len(BY_KIND) >= 25


@table("kind", BY_KIND)
def test_no_secret_of_the_corpus_survives(kind: str) -> None:
    survivors = [leak.text for leak in BY_KIND[kind] if leak.secret in redact(leak.text)]
    assert survivors == []
    in_a_long_log = [leak.text for leak in BY_KIND[kind] if leak.secret in redact("Done\n" * 40 + leak.text)]
    assert in_a_long_log == []


def test_what_is_listed_as_missed_is_still_missed() -> None:
    assert [miss.text for miss in misses(seed=0) if miss.secret not in redact(miss.text)] == []


def test_text_around_a_secret_does_not_hide_it_and_is_kept() -> None:
    before, after = "# Executing command: npm run build\n", "\n[ERROR]: !!! Build failed"
    for leak in leaks(seed=3):
        redacted = redact(before + leak.text + after)
        assert leak.secret not in redacted
        assert redacted.startswith(before)
        assert redacted.endswith(after)


@table("name", [*STRONG_WORDS, *STRONG_COMPOUNDS, *WEAK_LAST_WORDS, *(f"{word}_key" for word in SECRET_KEY_PREFIXES)])
def test_every_name_of_the_vocabulary_is_recognised_in_a_line(name: str) -> None:
    assert "q7Zk2Vx9Lm4Tn8Wc" not in redact(f"my_{name.upper()}=q7Zk2Vx9Lm4Tn8Wc")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("key AKIAIOSFODNN7EXAMPLE used", "key [redacted: access key id] used"),
        ("DB_PASSWORD=hunter2 npm run build", "DB_PASSWORD=[redacted: password] npm run build"),
        (
            "DATABASE_URL=postgres://app:hunter2@db.example.com:5432/app?sslmode=require",
            "DATABASE_URL=postgres://app:[redacted: password]@db.example.com:5432/app?sslmode=require",
        ),
        ("Set-Cookie: sid=q7Zk2Vx9; Path=/; HttpOnly", "Set-Cookie: sid=[redacted: cookie]; Path=/; HttpOnly"),
        ("Authorization: Bearer q7Zk2Vx9Lm4T", "Authorization: Bearer [redacted: authorization]"),
        ('{"user":"app","password":"hunter2","n":1}', '{"user":"app","password":"[redacted: password]","n":1}'),
        ("GITHUB_TOKEN=" + "ghp_" + "a1B2" * 9, "GITHUB_TOKEN=[redacted: GitHub token]"),
    ],
)
def test_only_the_secret_is_replaced_and_its_kind_is_named(line: str, expected: str) -> None:
    assert redact(line) == expected


def test_a_presigned_url_keeps_its_host_path_and_harmless_parameters() -> None:
    url = (
        "https://bucket.s3.us-east-1.amazonaws.com/d1a2b3c4d5e6f7/main/0000000004/BUILD/log.txt?X-Amz-Expires=3600"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261122%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Signature=" + "0a" * 32
    )
    redacted = redact(url)
    assert redacted.startswith(url.partition("&")[0])
    assert "AKIA" not in redacted
    assert "0a0a" not in redacted


def test_a_private_key_is_redacted_line_by_line_between_its_markers() -> None:
    body = "MIIEpAIBAAKCAQEA7Zk2Vx9Lm4Tn8WcQq3Yr6Us1Po5Jd0Hf+Gb/XaKe9Zi7Ru2T"
    key = f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n{body}\nQq3Yr6U=\n-----END RSA PRIVATE KEY-----\nDone"
    assert redact(key).split("\n") == [
        "-----BEGIN RSA PRIVATE KEY-----",
        *["[redacted: private key]"] * 3,
        "-----END RSA PRIVATE KEY-----",
        "Done",
    ]


def test_an_unterminated_private_key_does_not_redact_the_log() -> None:
    log = ["-----BEGIN RSA PRIVATE KEY-----", "[ERROR]: !!! Build failed", "# Starting environment caching...", "Done"]
    assert redact("\n".join(log)) == "\n".join(log)


def test_every_prefix_of_the_table_marks_a_token_anywhere_in_a_line() -> None:
    chance = random.Random(5)  # noqa: S311 - invented tokens must be the same in every run
    for _, alphabet, min_length, prefixes in FORMATS:
        characters = [each for each in string.printable if each.isalnum() and re.fullmatch(alphabet, each)]
        for prefix in prefixes.split():
            looks_random = "Q7zk9Xb2" if alphabet == tokens.RANDOM else ""
            token = f"{prefix}{looks_random}{''.join(chance.choices(characters, k=min_length))}"
            for line in (f"got {token}", f"X%3D{token}%26", f"\x1b[32m{token}\x1b[0m", f"\\n{token}\\n"):
                assert token not in redact(line), line


def test_every_row_of_the_table_names_the_page_that_documents_it() -> None:
    source = Path(tokens.__file__).read_text(encoding="utf-8")
    table = source[source.index("FORMATS") :]
    assert table.splitlines()[1].startswith("    # https://")
    assert len(re.findall(r"^    # https://\S+$", table, re.MULTILINE)) == table.count("    # ")


def test_e_mail_addresses_are_redacted_only_on_request() -> None:
    line = "Author: Mary Major <mary.major@example.com>, git@github.com:example/app.git, next@14.2.3"
    assert redact(line) == line
    assert redact(line, emails=True) == line.replace("mary.major@example.com", "[redacted: e-mail address]")


def test_a_secret_is_recognised_where_it_is_printed_again() -> None:
    text = "DB_PASSWORD=q7Zk2Vx9Lm4T\nlogging in as app\nconnect failed: app q7Zk2Vx9Lm4T db.example.com"
    assert "q7Zk2Vx9Lm4T" not in redact(text)
    assert redact(text).splitlines()[2] == "connect failed: app [redacted: password] db.example.com"


def test_a_password_that_is_a_common_word_is_redacted_only_as_a_password() -> None:
    assert redact("password=production\nDeploying to production").endswith("Deploying to production")
