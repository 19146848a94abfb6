"""What strangers wrote, as others see it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import builders

from paretonas.api import Condition, plain, visible
from paretonas.api.untrusted_text import MAX_MESSAGE, brief, message

NASTY = st.text(
    st.sampled_from("a =\\\t\n\x00\x07\x1b\x7f\x85\x9b\x9d[]m0;\u061c\u200f\u202e\u2066\u2028\ud800é世")
    | st.characters(),
    max_size=40,
)
OBEYED = {*map(chr, range(32)), *map(chr, range(0x7F, 0xA0)), *"\u061c\u200e\u200f\u2028\u2029"}
OBEYED |= {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


@given(NASTY)
def test_nothing_that_a_terminal_obeys_is_in_a_cell_and_two_values_stay_two(text: str) -> None:
    shown = visible(text)
    assert not OBEYED & set(shown)
    shown.encode()  # a lone surrogate could not be printed
    assert visible(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("\x9b2Jgone", r"\x9b2Jgone"),
        ("txt.\u202eexe", r"txt.\u202eexe"),
        ("\u2067left\u2069", r"\u2067left\u2069"),
        ("one\ntwo\tthree\r", r"one\ntwo\tthree\r"),
        ("größer 世界 👩\u200d🔬", "größer 世界 👩\u200d🔬"),
    ],
)
def test_what_would_be_obeyed_is_shown_by_its_number(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(NASTY)
def test_a_plain_text_has_lines_and_tabs_and_nothing_else_that_is_obeyed(text: str) -> None:
    assert not (OBEYED - {"\n", "\t"}) & set(plain(text))
    assert plain(plain(text)) == plain(text)


@pytest.mark.parametrize("length", [0, 1, MAX_MESSAGE - 1, MAX_MESSAGE, MAX_MESSAGE + 1, 3 * MAX_MESSAGE])
def test_a_message_is_cut_to_what_the_api_server_takes(length: int) -> None:
    cut = message("é" * length)
    assert len(cut) == min(length, MAX_MESSAGE)
    assert cut.endswith("(cut)") == (length > MAX_MESSAGE)
    assert message(cut) == cut


def test_every_message_of_a_status_is_one_that_can_be_stored() -> None:
    long = "\x1b[31m" + "x" * 50_000
    condition = Condition(
        type="Valid",
        status="False",
        reason="Invalid",
        message=long,
        last_transition_time=datetime(2026, 1, 31, tzinfo=UTC),
    )
    for text in (condition.message, builders.trial().with_status(message=long).status.message):
        assert len(text) == MAX_MESSAGE
        assert "\x1b" not in text


@given(NASTY)
def test_a_brief_text_is_one_line_that_is_not_obeyed(text: str) -> None:
    assert not OBEYED & set(brief(text))
    assert brief(text) == brief(brief(text))


@pytest.mark.parametrize(("length", "end"), [(0, ""), (500, "x"), (501, " … (cut)"), (10_000, " … (cut)")])
def test_a_brief_text_has_at_most_500_characters_and_says_that_it_was_cut(length: int, end: str) -> None:
    text = brief("x" * length)
    assert len(text) == min(length, 500)
    assert text.endswith(end)
