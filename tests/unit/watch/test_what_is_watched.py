"""Which apps are looked at, in which order, and which want no looks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from medic.settings import Settings, WatchRuntime
from medic.watch.cursor import Cursor, due, wants_looks, watched
from tests.unit.diagnosis.diagnosing import NOW, app, branch

APPS = [app(id="d1ssr"), app(id="d2static", platform="WEB"), app(id="d3old", platform="WEB_DYNAMIC"), app(id="d4ssr")]


@pytest.mark.parametrize(
    ("settings", "chosen"),
    [
        ({}, ["d1ssr", "d4ssr"]),
        ({"watch_runtime": "tagged"}, ["d1ssr", "d4ssr"]),
        ({"watch_runtime": "none"}, []),
        ({"apps": ["d4ssr", "d2static"]}, ["d4ssr"]),
    ],
)
def test_ssr_apps_that_the_settings_name_are_watched(settings: dict[str, Any], chosen: list[str]) -> None:
    assert [each.id for each in watched(APPS, Settings.parse(settings))] == chosen


def test_the_longest_unlooked_at_comes_first_and_a_new_one_before_all() -> None:
    apps = [app(id=name) for name in ("d1", "d2", "d3", "d4")]
    cursors = {
        name: Cursor(name).looked(NOW - timedelta(minutes=ago)) for name, ago in (("d1", 6), ("d2", 9), ("d3", 1))
    }

    assert [cursor.app_id for cursor in due(apps, cursors, NOW)] == ["d4", "d2", "d1"]


@pytest.mark.parametrize(
    ("tags", "when_all", "when_tagged"),
    [
        ([None], True, False),
        (["ignore"], False, False),
        (["ignore", None], True, False),
        (["ignore", "report"], True, True),
        (["fix", None], True, True),
        (["Fix"], True, False),
        ([], True, False),
    ],
)
def test_ignore_on_every_branch_silences_an_app(tags: list[str | None], *, when_all: bool, when_tagged: bool) -> None:
    branches = [branch(tags={"amplify-medic:auto-fix": tag} if tag else {}) for tag in tags]

    assert wants_looks(branches, WatchRuntime.ALL) is when_all
    assert wants_looks(branches, WatchRuntime.TAGGED) is when_tagged
