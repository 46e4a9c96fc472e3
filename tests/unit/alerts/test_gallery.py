"""Every kind of alert matches its golden file. `python -m tests.gallery --golden` rewrites the files."""

from __future__ import annotations

import json

import pytest

from medic.alerts.model import Alert, AlertKind, redacted
from medic.alerts.slack import render_brief, render_detail
from medic.codec import from_text, to_text
from tests.gallery.__main__ import PICTURES
from tests.gallery.golden import GOLDEN, golden_path, rendered
from tests.gallery.page import slack_page
from tests.gallery.samples import by_name, every_kind
from tests.unit.alerts.test_slack import shown_text

EVERY, IDS = tuple(by_name().values()), list(by_name())


def test_there_is_a_sample_of_every_kind() -> None:
    assert sorted(alert.kind for alert in every_kind()) == sorted(AlertKind)
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(IDS)


@pytest.mark.parametrize(("name", "alert"), by_name().items(), ids=IDS)
def test_an_alert_matches_its_golden_file(name: str, alert: Alert) -> None:
    assert json.loads(rendered(alert)) == json.loads(golden_path(name).read_text())


def test_the_gallery_has_a_phone_and_a_desktop_picture_of_every_golden_file() -> None:
    pictures = {path.stem for path in PICTURES.glob("*.png")}
    assert pictures == {f"{name}{width}" for name in (*IDS, "email") for width in ("", "-desktop")}


@pytest.mark.parametrize("alert", EVERY, ids=IDS)
def test_the_gallery_draws_every_alert_as_text(alert: Alert) -> None:
    messages = [render_brief(alert, buttons=True), *([render_detail(alert)] if alert.has_detail else [])]
    assert slack_page(messages).count("<script") == 0


@pytest.mark.parametrize("name", IDS)
def test_every_golden_message_fits_one_phone_screen(name: str) -> None:
    message = json.loads(golden_path(name).read_text())["slack"]
    shown = shown_text(message).strip()
    assert len(message["blocks"]) <= 6
    assert len(shown.splitlines()) + (message["blocks"][-1]["type"] == "actions") <= 10
    assert len(shown) <= 900


@pytest.mark.parametrize("alert", EVERY, ids=IDS)
def test_an_alert_survives_storage_as_json(alert: Alert) -> None:
    assert from_text(Alert, to_text(alert)) == alert


@pytest.mark.parametrize("alert", EVERY, ids=IDS)
def test_redacting_an_alert_again_changes_nothing(alert: Alert) -> None:
    assert redacted(alert) == alert


def test_the_alert_on_another_failure_has_five_lines_and_no_actions() -> None:
    alert = next(each for each in every_kind() if each.kind is AlertKind.BUILD_FAILED)
    message = render_brief(alert, buttons=True)
    assert len(message["text"].splitlines()) + bool(alert.links) <= 5
    assert "actions" not in [block["type"] for block in message["blocks"]]
    assert not alert.has_detail
