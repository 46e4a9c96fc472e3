"""Which apps the watcher reads, in which order, and which apps opted out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from medic.settings import Settings, WatchRuntime
from medic.watch.cursor import Cursor, in_order, should_watch, watched_apps
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
    assert [each.id for each in watched_apps(APPS, Settings.parse(settings))] == chosen


def test_a_new_app_is_read_first_and_then_the_app_read_longest_ago() -> None:
    apps = [app(id=name) for name in ("d1", "d2", "d3", "d4")]
    cursors = {name: Cursor(name).after_look(NOW - timedelta(minutes=ago)) for name, ago in (("d1", 6), ("d2", 9))}
    silent = {"d3": Cursor("d3").silenced(NOW - timedelta(minutes=1))}

    assert [cursor.app_id for cursor in in_order(apps, cursors | silent, NOW)] == ["d4", "d2", "d1"]


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

    assert should_watch(branches, WatchRuntime.ALL) is when_all
    assert should_watch(branches, WatchRuntime.TAGGED) is when_tagged
