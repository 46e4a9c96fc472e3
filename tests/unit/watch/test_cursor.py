"""The cursor misses no event, counts none twice, and remembers a limited number of event ids."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from medic.evidence import RuntimeLine, RuntimePage, TimeSpan
from medic.records import replace
from medic.watch import cursor as module
from medic.watch.cursor import (
    MAX_LOOKBACK,
    OVERLAP,
    REPORT_MISSING_AFTER,
    Cursor,
)
from medic.watch.rounds import LOG_MINUTES

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NEW = Cursor("d1abc")
POLL_INTERVAL = timedelta(minutes=LOG_MINUTES)


def line(name: str, *, ago: float = 1.0, now: datetime = NOW) -> RuntimeLine:
    return RuntimeLine(name, now - timedelta(seconds=ago), "s", "Denied")


def read(cursor: Cursor, *lines: RuntimeLine, now: datetime = NOW, token: str = "") -> tuple[Cursor, list[str]]:
    """The cursor after one page, and the ids of the new events on that page."""
    taken, fresh = cursor.after_page(RuntimePage(lines, token), cursor.next_reading(now))
    return taken, [each.event_id for each in fresh]


def test_the_first_reading_starts_one_overlap_before_now() -> None:
    assert NEW.next_reading(NOW) == TimeSpan(NOW - OVERLAP, NOW)


def test_the_next_reading_overlaps_the_last_and_skips_known_events() -> None:
    later = NOW + POLL_INTERVAL
    cursor, first = read(NEW, line("a"), line("b"))
    late = line("late", ago=120)
    cursor, second = read(cursor, late, line("a"), line("b"), line("c", now=later), now=later)

    assert cursor.next_reading(later).start == later - OVERLAP
    assert (first, second) == (["a", "b"], ["late", "c"])


def test_an_unfinished_span_is_continued_with_its_token_at_any_later_time() -> None:
    half, _ = read(NEW, line("a"), token="more")
    later = NOW + timedelta(minutes=7)

    assert half.next_reading(later) == replace(NEW.next_reading(NOW), token="more")
    done, fresh = read(half, line("b"), now=later)
    assert (done.unfinished, done.position, fresh) == (None, NOW, ["b"])


def test_a_span_without_its_token_is_read_again_from_the_last_event() -> None:
    half, _ = read(NEW, line("a", ago=500), line("b", ago=400), token="more")
    later = NOW + timedelta(minutes=1)
    over = half.without_token()
    done, fresh = read(over, line("b", ago=400), line("c", ago=300), now=later)

    assert over.next_reading(later).start <= line("b", ago=400).at
    assert (fresh, done.position) == (["c"], later)


def test_an_empty_page_moves_the_position_only_if_it_is_the_last() -> None:
    half, _ = read(NEW, token="more")
    assert half.position == NOW - OVERLAP
    done, _ = read(half)
    assert done.position == NOW


def test_only_event_ids_that_the_next_reading_needs_are_remembered() -> None:
    cursor, _ = read(NEW, *(line(str(n), ago=n) for n in range(0, 600, 10)))
    later = NOW + timedelta(minutes=9)
    cursor, _ = read(cursor, now=later)

    assert 0 < sum(map(len, cursor.remembered.values())) <= 12
    cursor, _ = read(cursor, now=NOW + timedelta(hours=1))
    assert not cursor.remembered


def test_a_flood_shrinks_the_overlap_and_nothing_is_counted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_REMEMBERED", 100)
    events = [line(str(n), ago=590 - n) for n in range(500)]
    cursor, fresh = read(NEW, *events)
    later = NOW + POLL_INTERVAL
    start = cursor.next_reading(later).start
    again = [event for event in events if event.at >= start]
    cursor, second = read(cursor, *again, now=later)

    assert (len(fresh), second) == (500, [])
    assert sum(map(len, cursor.remembered.values())) <= 100
    assert later - OVERLAP < start < NOW


def test_a_flood_within_a_minute_is_not_read_again_but_later_events_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_REMEMBERED", 100)
    now = NOW + timedelta(seconds=40)
    cursor, _ = read(NEW, *(line(str(n), ago=n / 10, now=now) for n in range(200)), now=now)
    start = cursor.next_reading(now + POLL_INTERVAL).start

    assert now < start <= now + timedelta(milliseconds=1)


def test_a_log_not_read_for_days_is_read_at_most_one_day_back() -> None:
    cursor, _ = read(NEW)
    later = NOW + timedelta(days=9)

    assert cursor.next_reading(later).start == later - MAX_LOOKBACK


@pytest.mark.parametrize(
    ("cursor", "minutes", "silent"),
    [(NEW, 0, False), (NEW.after_look(NOW), 1, False), (NEW.silenced(NOW), 10, True), (NEW.silenced(NOW), 15, False)],
    ids=["new", "just looked at", "silent", "silent long enough"],
)
def test_how_long_an_app_is_silent(cursor: Cursor, minutes: float, *, silent: bool) -> None:
    assert cursor.silent(NOW + timedelta(minutes=minutes)) is silent


def test_events_logged_while_an_app_was_silenced_are_skipped_later() -> None:
    cursor, _ = read(NEW, line("a"))
    silent = cursor.silenced(NOW + POLL_INTERVAL)

    assert silent.position == NOW + POLL_INTERVAL
    assert silent.unfinished is None


def test_a_missing_log_group_is_reported_once_after_a_day() -> None:
    missing = NEW.log_group_missing(NOW)
    again = missing.log_group_missing(NOW + REPORT_MISSING_AFTER)

    assert not missing.should_report_missing(NOW + timedelta(hours=23))
    assert again.should_report_missing(NOW + REPORT_MISSING_AFTER)
    assert not again.reported_missing().should_report_missing(NOW + 9 * REPORT_MISSING_AFTER)
    assert not again.restart_missing(NOW + REPORT_MISSING_AFTER).should_report_missing(
        NOW + REPORT_MISSING_AFTER + POLL_INTERVAL
    )


def test_a_log_group_that_exists_again_is_no_longer_missing() -> None:
    found, _ = read(NEW.log_group_missing(NOW).reported_missing())

    assert (found.missing_since, found.missing_reported) == (None, False)
