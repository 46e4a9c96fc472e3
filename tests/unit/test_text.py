"""Untrusted text: what is shown of it, and what could disguise it."""

from __future__ import annotations

from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medic.text import spelt, visible

ORDINARY = ["søk #1", "Nguyễn Tiếng Việt", "แก้ไข", "שָׁלוֹם", "日本語 / 한국어", "👍🏽 ⚪", "a\tb\nc", "`*_~<&>'\"$(x)"]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_writing_is_shown_unchanged(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\", "]8;;https://evil.example\\click]8;;\\"),
        ("\x9d8;;https://evil.example\x9cclick", "8;;https://evil.exampleclick"),
        ("main\r\u2028\u2029\x85\x0b\x0cBot: fixed", "mainBot: fixed"),
        ("\u202egpj.exe\u2066x\u2069", "gpj.exex"),
        ("ma\u200bi\u2060n\ufeff\U000e0041", "main"),
        ("\u3164\u2800\u115f\u1160\uffa0\u034f", ""),
        ("a" + "\u0301" * 300 + "b", "a" + "\u0301" * 4 + "b"),
    ],
    ids=["hyperlink", "C1 hyperlink", "line breaks", "direction", "zero width", "blank letters", "stacked accents"],
)
def test_what_could_disguise_a_text_is_left_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_what_is_shown_has_no_control_and_is_shown_again_as_it_is(text: str) -> None:
    shown = visible(text)

    assert not [character for character in shown if category(character)[0] == "C" and character not in "\n\t"]
    assert visible(shown) == shown


def test_a_letter_that_looks_like_another_is_spelt_out() -> None:
    assert spelt("\u0430mplify.amazonaws.com") == "\\u0430mplify.amazonaws.com"
    assert spelt("amplify.amazonaws.com") == "amplify.amazonaws.com"
