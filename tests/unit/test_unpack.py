"""A long text keeps both its ends, and what lies between them is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from medic.unpack import CutError, Gap, head_of, last_of

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNKS = (b"a\nb", b"c\nd", b"e\nf", b"g\nh")


def breaking_off(*chunks: bytes) -> Iterator[bytes]:
    yield from chunks
    raise CutError("it broke off")


def test_the_head_ends_with_the_chunk_that_reaches_its_size() -> None:
    chunks = iter(CHUNKS)
    assert list(head_of(chunks, 4)) == [b"a\nb", b"c\nd"]
    assert list(chunks) == [b"e\nf", b"g\nh"]


def test_an_empty_chunk_does_not_end_the_head() -> None:
    assert list(head_of(iter([b"", b"ab", b"", b"cd"]), 3)) == [b"", b"ab", b"", b"cd"]


def test_the_last_chunks_follow_a_gap_that_counts_what_is_left_out() -> None:
    assert list(last_of(CHUNKS, 4, "it is long")) == [Gap(6, 2, "it is long"), b"e\nf", b"g\nh"]


def test_a_short_text_has_no_gap() -> None:
    assert list(last_of(CHUNKS, 12, "it is long")) == list(CHUNKS)


def test_an_earlier_gap_becomes_part_of_the_one_before_the_last_chunks() -> None:
    chunks: list[bytes | Gap] = [b"a\nb", Gap(100, None, "once"), b"c\nd"]
    assert list(last_of(chunks, 1, "it is long")) == [Gap(103, None, "it is long"), b"c\nd"]


@pytest.mark.parametrize(("size", "expected"), [(4, []), (99, list(CHUNKS))])
def test_of_a_text_that_breaks_off_nothing_is_given_after_a_gap(size: int, expected: list[bytes]) -> None:
    given: list[bytes | Gap] = []
    with pytest.raises(CutError):
        given.extend(last_of(breaking_off(*CHUNKS), size, "it is long"))
    assert given == expected
