from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from medic.logscan.prefilter import LONGEST_LITERAL, Prefilter
from medic.logscan.scan import LITERALS

PREFILTER = Prefilter(LITERALS)
_NOISE = st.binary(max_size=60) | st.sampled_from([literal.encode()[:-1] for literal in LITERALS])


def _naive(block: bytes) -> set[int]:
    return {at for literal in LITERALS for at in range(len(block)) if block.startswith(literal.encode(), at)}


@given(st.lists(_NOISE | st.sampled_from([literal.encode() for literal in LITERALS]), max_size=8).map(b"".join))
def test_every_literal_is_found_where_a_naive_search_finds_it(block: bytes) -> None:
    positions, _ = PREFILTER.look(block)

    missed = _naive(block) - set(positions)
    assert all(any(abs(at - found) < LONGEST_LITERAL for found in positions) for at in missed)


@given(st.sampled_from(LITERALS), st.binary(max_size=80), st.binary(max_size=80))
def test_a_literal_is_found_whatever_surrounds_it(literal: str, before: bytes, after: bytes) -> None:
    positions, _ = PREFILTER.look(before + literal.encode() + after)

    assert positions


@given(
    st.lists(st.text("SAPDflqx", min_size=2, max_size=5), min_size=1, max_size=8, unique=True),
    st.text("SAPDflqx ,\n", max_size=60),
)
@example(["SAP", "APq"], "SAPq")
def test_no_literal_hides_another_that_overlaps_it(words: list[str], text: str) -> None:
    positions, _ = Prefilter(words).look(text.encode())

    assert {text.find(word) for word in words if word in text} <= set(positions)


@given(st.binary(max_size=300))
def test_line_feeds_are_counted(block: bytes) -> None:
    assert PREFILTER.look(block)[1] == block.count(b"\n")


@given(st.integers(1, len("authorized to perform") - 1))
def test_a_phrase_wrapped_anywhere_is_found(cut: int) -> None:
    phrase = b"authorized to perform"
    wrapped = phrase[:cut] + b"\r\n" + b" " * 33 + phrase[cut:]

    assert [*PREFILTER.look(b"User: x is not " + wrapped)[0]] == [len(b"User: x is not ")]


@given(
    literal=st.sampled_from([literal.encode() for literal in LITERALS if " " in literal]),
    cuts=st.sets(st.integers(1, LONGEST_LITERAL), max_size=3),
    gap=st.sampled_from([b"\n", b"\r\n" + b" " * 33, b"\x1b[0m\n\x1b[31m", b"\x1b[1;31m"]),
    before=st.binary(max_size=80),
    after=st.binary(max_size=80),
)
def test_every_phrase_is_found_wherever_it_is_wrapped(
    literal: bytes, cuts: set[int], gap: bytes, before: bytes, after: bytes
) -> None:
    bounds = [0, *sorted(cut for cut in cuts if cut < len(literal)), len(literal)]
    wrapped = gap.join(literal[begin:end] for begin, end in pairwise(bounds))

    positions, _ = PREFILTER.look(before + wrapped + after)

    assert any(len(before) - LONGEST_LITERAL < at <= len(before) for at in positions)


@pytest.mark.parametrize("phrase", [literal for literal in LITERALS if " " in literal])
def test_a_wrapped_phrase_is_found_beside_one_that_is_not_wrapped(phrase: str) -> None:
    wrapped = f"{phrase[0]}\n{phrase[1:]}. "

    for other in (phrase, phrase.replace(" ", "")):
        positions, _ = PREFILTER.look(f"{wrapped}{other}.".encode())

        assert {0, len(wrapped)} <= set(positions)


def test_no_literal_is_longer_than_the_overlap_of_blocks() -> None:
    assert max(len(literal) for literal in LITERALS) <= LONGEST_LITERAL
