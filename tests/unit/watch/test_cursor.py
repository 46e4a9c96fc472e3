"""How far a log was read: nothing is missed, nothing counted twice, and what is remembered is bounded."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from medic.evidence import RuntimeLine, RuntimePage, TimeSpan
from medic.watch import cursor as module
from medic.watch.cursor import BOOST, EVERY, LONGEST_GAP, MISSING_FOR, OVERLAP, SILENCE, Cursor, Reading

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NEW = Cursor("d1abc")


def line(name: str, *, ago: float = 1.0, now: datetime = NOW) -> RuntimeLine:
    return RuntimeLine(name, now - timedelta(seconds=ago), "s", "Denied")


def read(cursor: Cursor, *lines: RuntimeLine, now: datetime = NOW, token: str = "") -> tuple[Cursor, list[str]]:
    """The cursor after one page, and the ids of what was fresh on it."""
    taken, fresh = cursor.taking(RuntimePage(lines, token), cursor.next_reading(now).span)
    return taken, [each.event_id for each in fresh]


def test_a_first_reading_begins_a_little_while_ago() -> None:
    assert NEW.next_reading(NOW) == Reading(TimeSpan(NOW - OVERLAP, NOW))


def test_the_next_reading_overlaps_the_last_and_leaves_out_what_it_knows() -> None:
    later = NOW + EVERY
    cursor, first = read(NEW, line("a"), line("b"))
    late = line("late", ago=120)
    cursor, second = read(cursor, late, line("a"), line("b"), line("c", now=later), now=later)

    assert cursor.next_reading(later).span.start == later - OVERLAP
    assert (first, second) == (["a", "b"], ["late", "c"])


def test_a_half_read_span_is_read_on_with_its_token_whatever_the_time() -> None:
    half, _ = read(NEW, line("a"), token="more")
    later = NOW + timedelta(minutes=7)

    assert half.next_reading(later) == Reading(NEW.next_reading(NOW).span, "more")
    done, fresh = read(half, line("b"), now=later)
    assert (done.half_read, done.position, fresh) == (None, NOW, ["b"])


def test_without_its_token_a_span_is_read_again_from_what_was_seen_last() -> None:
    half, _ = read(NEW, line("a", ago=500), line("b", ago=400), token="more")
    later = NOW + timedelta(minutes=1)
    over = half.started_over()
    done, fresh = read(over, line("b", ago=400), line("c", ago=300), now=later)

    assert over.next_reading(later).span.start <= line("b", ago=400).at
    assert (fresh, done.position) == (["c"], later)


def test_empty_pages_move_nothing_until_the_last() -> None:
    half, _ = read(NEW, token="more")
    assert half.position == NOW - OVERLAP
    done, _ = read(half)
    assert done.position == NOW


def test_what_is_remembered_is_no_older_than_the_next_reading_needs() -> None:
    cursor, _ = read(NEW, *(line(str(n), ago=n) for n in range(0, 600, 10)))
    later = NOW + timedelta(minutes=9)
    cursor, _ = read(cursor, now=later)

    assert 0 < sum(map(len, cursor.remembered.values())) <= 12
    cursor, _ = read(cursor, now=NOW + timedelta(hours=1))
    assert not cursor.remembered


def test_a_flood_shrinks_the_overlap_and_nothing_is_counted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_REMEMBERED", 100)
    events = [line(str(n), ago=590 - n) for n in range(500)]
    cursor, fresh = read(NEW, *events)
    later = NOW + EVERY
    start = cursor.next_reading(later).span.start
    again = [event for event in events if event.at >= start]
    cursor, second = read(cursor, *again, now=later)

    assert (len(fresh), second) == (500, [])
    assert sum(map(len, cursor.remembered.values())) <= 100
    assert later - OVERLAP < start < NOW


def test_a_flood_within_a_minute_is_not_read_again_and_what_follows_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_REMEMBERED", 100)
    now = NOW + timedelta(seconds=40)
    cursor, _ = read(NEW, *(line(str(n), ago=n / 10, now=now) for n in range(200)), now=now)
    start = cursor.next_reading(now + EVERY).span.start

    assert now < start <= now + timedelta(milliseconds=1)


def test_a_log_not_looked_at_for_long_is_read_a_day_back_at_most() -> None:
    cursor, _ = read(NEW)
    later = NOW + timedelta(days=9)

    assert cursor.next_reading(later).span.start == later - LONGEST_GAP


@pytest.mark.parametrize(
    ("cursor", "minutes", "due"),
    [
        (NEW, 0, True),
        (NEW.looked(NOW), 1, False),
        (NEW.looked(NOW), 5, True),
        (replace(NEW.looked(NOW), boosted_until=NOW + BOOST), 1, True),
        (replace(NEW.looked(NOW), boosted_until=NOW - BOOST), 1, False),
        (replace(NEW.looked(NOW), half_read=Reading(TimeSpan(NOW, NOW), "more")), 1, True),
        (NEW.silenced(NOW), 10, False),
        (NEW.silenced(NOW), SILENCE.seconds // 60, True),
        (replace(NEW.silenced(NOW), boosted_until=NOW + BOOST), 1, False),
    ],
    ids=[
        *("new", "just looked at", "after a while", "boosted", "boosted long ago", "half read"),
        *("silent", "silent long enough", "silent though boosted"),
    ],
)
def test_when_an_app_is_due(cursor: Cursor, minutes: float, *, due: bool) -> None:
    assert cursor.due(NOW + timedelta(minutes=minutes)) is due


def test_a_run_that_comes_a_little_early_counts_as_the_next() -> None:
    assert NEW.looked(NOW).due(NOW + EVERY - timedelta(seconds=10))


def test_what_was_logged_while_an_app_was_silent_is_nobodys_business_later() -> None:
    cursor, _ = read(NEW, line("a"))
    silent = cursor.silenced(NOW + EVERY)

    assert silent.position == NOW + EVERY
    assert silent.half_read is None


def test_a_missing_group_is_told_once_after_a_day() -> None:
    missing = NEW.missing(NOW)
    again = missing.missing(NOW + MISSING_FOR)

    assert not missing.missing_too_long(NOW + timedelta(hours=23))
    assert again.missing_too_long(NOW + MISSING_FOR)
    assert not again.reported_missing().missing_too_long(NOW + 9 * MISSING_FOR)
    assert not again.missing_again(NOW + MISSING_FOR).missing_too_long(NOW + MISSING_FOR + EVERY)


def test_a_group_that_is_there_again_is_not_missing() -> None:
    found, _ = read(NEW.missing(NOW).reported_missing())

    assert (found.missing_since, found.missing_reported) == (None, False)
