"""Splitting and joining: nothing is lost, no limit is passed, no character is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasource_hyperv_kvp.errors import DocumentError
from datasource_hyperv_kvp.payload.chunks import VALUE_BYTES, VALUE_UNITS, join, split

#: Text that KVP can carry, rich in characters of every UTF-8 length, often longer than a chunk.
CARRIED = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
LONG = st.lists(
    st.tuples(st.sampled_from("aé€\U0001f600\n\r\ufffe"), st.integers(1, 700)), max_size=12
).map(lambda runs: "".join(character * count for character, count in runs))


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@given(st.one_of(CARRIED, LONG))
def test_what_is_split_and_joined_is_the_same(text: str) -> None:
    assert join(split(text)) == text


@given(LONG)
def test_every_chunk_fits_the_wire_and_the_guest(text: str) -> None:
    for chunk in split(text):
        assert units(chunk) <= VALUE_UNITS
        assert len(chunk.encode()) <= VALUE_BYTES


@given(LONG)
def test_no_chunk_could_have_taken_one_more_character(text: str) -> None:
    chunks = split(text)
    for chunk, following in zip(chunks, chunks[1:]):
        longer = chunk + following[0]
        assert units(longer) > VALUE_UNITS or len(longer.encode()) > VALUE_BYTES


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("", [0]),
        ("x" * 1023, [1023]),
        ("x" * 1024, [1023, 1]),
        ("é" * 1023, [1023]),  # 2,046 bytes
        ("€" * 683, [682, 1]),  # 682 * 3 = 2,046 bytes: the bytes are the limit
        ("\U0001f600" * 512, [511, 1]),  # 1,022 units: the pair does not fit the last one
        ("x" + "\U0001f600" * 511, [512]),  # 1,023 units, 2,045 bytes
        ("x" * 1022 + "\U0001f600", [1022, 1]),
        ("x" * 3 + "é" * 1022, [1023, 2]),
    ],
)
def test_cuts_are_where_the_limits_are(text: str, lengths: list[int]) -> None:
    assert [len(chunk) for chunk in split(text)] == lengths


def test_a_nul_is_refused_and_located() -> None:
    with pytest.raises(DocumentError, match="character 4 is NUL"):
        split("abc\0d")


@pytest.mark.parametrize(("text", "position"), [("\ud83d", 1), ("x" * 1500 + "\ude00é", 1501)])
def test_half_a_surrogate_pair_is_refused_and_located(text: str, position: int) -> None:
    with pytest.raises(DocumentError, match=f"character {position} is half"):
        split(text)


def test_a_character_whose_bytes_another_tool_cut_apart_is_whole_again() -> None:
    data = "abc€def".encode()
    halves = [data[:4], data[4:]]
    assert join(half.decode("utf-8", "surrogateescape") for half in halves) == "abc€def"
