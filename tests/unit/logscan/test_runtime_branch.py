"""Whose line is it? By stream, by text, by exclusion, or nobody's."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from medic.evidence import Branch, RuntimeLine
from medic.labels import Label
from medic.logscan.runtime import RuntimeFailure, branch_of, runtime_failures
from tests.unit.diagnosis import diagnosing
from tests.unit.diagnosis.diagnosing import APP_ID, COMPUTE_SESSION, NO_CREDENTIALS, NOW, denial

if TYPE_CHECKING:
    from collections.abc import Collection

OPAQUE = "2026/11/22/d1a2b3c4d5e6f7abc"
DENIED = denial(COMPUTE_SESSION)


def branch(name: str, role: str | None = None) -> Branch:
    return diagnosing.branch(name=name, compute_role_arn=role)


def line(message: str = NO_CREDENTIALS, stream: str = OPAQUE, *, ago: float = 0.0) -> RuntimeLine:
    return RuntimeLine(f"{message}{stream}{ago}", NOW - timedelta(seconds=ago), stream, message)


def seen(
    *lines: RuntimeLine, branches: Collection[Branch], lacking: Collection[str] = ()
) -> dict[str | None, RuntimeFailure]:
    found = runtime_failures(lines, diagnosing.app(), tuple(branches), lambda each: each.name in lacking)
    assert len({(s.branch and s.branch.name, s.label) for s in found}) == len(found)
    return {sighting.branch.name if sighting.branch else None: sighting for sighting in found}


@pytest.mark.parametrize(
    ("stream", "named"),
    [
        ("main/2026/11/22/8f3a", "main"),
        ("feature/x/2026/11/22/8f3a", "feature/x"),
        ("feature/2026/11/22/8f3a", "feature"),
        ("feature/y/2026/11/22/8f3a", None),
        ("main/8f3a", "main"),
        ("feature/x/8f3a", "feature/x"),
        ("mainly/8f3a", None),
        ("fix- all -/2026/11/22/8f3a", "fix: all *"),
        (OPAQUE, None),
        ("2026/8f3a", None),
        ("", None),
    ],
)
def test_a_streams_name_may_begin_with_the_branch(stream: str, named: str | None) -> None:
    branches = [branch(name) for name in ("main", "feature", "feature/x", "fix: all *", "2026")]
    found = branch_of(line("x", stream), APP_ID, branches)

    assert (found.name if found else None) == named


@pytest.mark.parametrize(
    ("message", "named"),
    [
        (f"GET https://feature-x.{APP_ID}.amplifyapp.com/orders failed", "feature/x"),
        (f"arn:aws:amplify:eu-central-1:111122223333:apps/{APP_ID}/branches/main failed", "main"),
        ("https://main.d9other.amplifyapp.com", None),
        (f"https://main.{APP_ID}.amplifyapp.com and https://feature-x.{APP_ID}.amplifyapp.com", None),
        ("main feature/x", None),
    ],
)
def test_a_lines_text_may_hold_the_branchs_address(message: str, named: str | None) -> None:
    found = branch_of(line(message), APP_ID, [branch("main"), branch("feature/x")])

    assert (found.name if found else None) == named


def test_the_stream_outranks_the_text() -> None:
    told = line(f"https://dev.{APP_ID}.amplifyapp.com", "main/2026/11/22/8f3a")

    assert branch_of(told, APP_ID, [branch("main"), branch("dev")]) == branch("main")


def test_the_only_branch_is_the_one() -> None:
    assert list(seen(line(), branches=[branch("main")])) == ["main"]


def test_the_only_one_that_lacks_a_role_is_the_one() -> None:
    assert list(seen(line(), branches=[branch("main"), branch("dev")], lacking=["dev"])) == ["dev"]


def test_of_several_that_lack_one_each_is_named_with_the_others() -> None:
    found = seen(line(), branches=[branch("main"), branch("dev"), branch("old")], lacking=["main", "dev"])

    assert {name: sighting.among for name, sighting in found.items()} == dict.fromkeys(["main", "dev"], ("main", "dev"))


def test_where_none_lacks_one_it_is_nobodys() -> None:
    assert list(seen(line(), branches=[branch("main"), branch("dev")])) == [None]


def test_a_denied_role_is_worn_by_its_branch() -> None:
    worn = "arn:aws:iam::111122223333:role/app/compute"
    found = seen(line(DENIED), branches=[branch("main", worn), branch("dev")], lacking=["dev"])

    assert list(found) == ["main"]
    assert list(seen(line(DENIED), branches=[branch("main"), branch("dev")])) == [None]
    assert list(seen(line(DENIED), branches=[branch("main", worn), branch("dev", worn)])) == [None]


def test_each_label_is_a_sighting_of_its_own_and_the_latest_line_tells_when() -> None:
    lines = [line(ago=60), line(DENIED, ago=30), line(ago=5), line("GET / 200")]
    found = runtime_failures(lines, diagnosing.app(), (branch("main"),), lambda _: False)

    assert {each.label: each.seen_at for each in found} == {
        Label.CREDENTIALS_MISSING_RUNTIME: NOW - timedelta(seconds=5),
        Label.ACCESS_DENIED_IDENTITY: NOW - timedelta(seconds=30),
    }
    assert all(finding.label is each.label for each in found for finding in each.reading.findings)


def test_vague_words_count_only_where_nothing_clearer_is_said() -> None:
    vague = "AccessDenied: Access Denied\n    at Request.extractError (s3.js)"

    assert [s.label for s in seen(line(vague), branches=[branch("main")]).values()] == [Label.ACCESS_DENIED_OTHER]
    both = runtime_failures([line(vague), line()], diagnosing.app(), (branch("main"),), lambda _: True)
    assert [s.label for s in both] == [Label.CREDENTIALS_MISSING_RUNTIME]


def test_lines_that_name_their_branch_and_lines_that_do_not_are_one_sighting_of_it() -> None:
    lines = [line(stream="dev/2026/11/22/8f3a", ago=9), line(ago=3)]

    assert list(seen(*lines, branches=[branch("main"), branch("dev")], lacking=["dev"])) == ["dev"]


def test_without_findings_there_is_no_sighting() -> None:
    assert seen(line("GET / 200"), branches=[branch("main")]) == {}
    assert seen(branches=[branch("main")]) == {}
