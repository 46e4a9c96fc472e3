"""Which branch a runtime log line belongs to: found by stream, by exclusion, or not at all."""

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


def failures_by_branch(
    *lines: RuntimeLine, branches: Collection[Branch], lacking: Collection[str] = ()
) -> dict[str | None, RuntimeFailure]:
    found = runtime_failures(lines, tuple(branches), lambda each: each.name in lacking)
    assert len({(each.branch and each.branch.name, each.label) for each in found}) == len(found)
    return {failure.branch.name if failure.branch else None: failure for failure in found}


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
    found = branch_of(line("x", stream), branches)

    assert (found.name if found else None) == named


@pytest.mark.parametrize(
    "message",
    [
        f"GET https://feature-x.{APP_ID}.amplifyapp.com/orders failed",
        f"arn:aws:amplify:eu-central-1:111122223333:apps/{APP_ID}/branches/main failed",
        "main feature/x",
    ],
)
def test_a_lines_text_names_no_branch(message: str) -> None:
    assert branch_of(line(message), [branch("main"), branch("feature/x")]) is None


def test_the_only_branch_is_chosen() -> None:
    assert list(failures_by_branch(line(), branches=[branch("main")])) == ["main"]


def test_the_only_branch_without_a_role_is_chosen() -> None:
    assert list(failures_by_branch(line(), branches=[branch("main"), branch("dev")], lacking=["dev"])) == ["dev"]


def test_each_of_several_branches_without_a_role_is_named_with_the_others() -> None:
    found = failures_by_branch(line(), branches=[branch("main"), branch("dev"), branch("old")], lacking=["main", "dev"])

    assert {name: failure.among for name, failure in found.items()} == dict.fromkeys(["main", "dev"], ("main", "dev"))


def test_a_line_has_no_branch_if_no_branch_lacks_a_role() -> None:
    assert list(failures_by_branch(line(), branches=[branch("main"), branch("dev")])) == [None]


def test_a_denied_role_that_a_line_names_chooses_no_branch() -> None:
    role = "arn:aws:iam::111122223333:role/app/compute"

    assert list(failures_by_branch(line(DENIED), branches=[branch("main", role), branch("dev")])) == [None]


def test_each_label_is_a_failure_of_its_own_dated_by_its_latest_line() -> None:
    lines = [line(ago=60), line(DENIED, ago=30), line(ago=5), line("GET / 200")]
    found = runtime_failures(lines, (branch("main"),), lambda _: False)

    assert {each.label: each.seen_at for each in found} == {
        Label.CREDENTIALS_MISSING_RUNTIME: NOW - timedelta(seconds=5),
        Label.ACCESS_DENIED_IDENTITY: NOW - timedelta(seconds=30),
    }
    assert all(finding.label is each.label for each in found for finding in each.reading.findings)


def test_a_vague_message_is_not_hidden_by_a_clearer_one() -> None:
    vague = "AccessDenied: Access Denied\n    at Request.extractError (s3.js)"
    both = runtime_failures([line(vague), line()], (branch("main"),), lambda _: True)

    assert {each.label for each in both} == {Label.ACCESS_DENIED_OTHER, Label.CREDENTIALS_MISSING_RUNTIME}


def test_lines_with_and_without_a_branch_name_become_one_failure() -> None:
    lines = [line(stream="dev/2026/11/22/8f3a", ago=9), line(ago=3)]

    assert list(failures_by_branch(*lines, branches=[branch("main"), branch("dev")], lacking=["dev"])) == ["dev"]


def test_without_findings_there_is_no_failure() -> None:
    assert failures_by_branch(line("GET / 200"), branches=[branch("main")]) == {}
    assert failures_by_branch(branches=[branch("main")]) == {}
