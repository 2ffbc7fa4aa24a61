"""TFRecord framing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oversight.journal.framing import OVERHEAD_BYTES, BadFrame, find_frame, frame, frame_size, masked_crc, read_frame


def test_the_bytes_are_those_that_other_tools_write() -> None:
    """A journal must be readable without us."""
    # The first twelve bytes of every TensorBoard event file: its first record has 24 bytes.
    assert bytes.fromhex("1800000000000000a37f4b22") == frame(bytes(24))[:12]
    # RFC 3720's test pattern of 32 zeros has the CRC32C 0x8a9136aa.
    assert ((0x8A9136AA >> 15 | 0x8A9136AA << 17) + 0xA282EAD8) & 0xFFFFFFFF == masked_crc(bytes(32))


@given(before=st.binary(max_size=40), data=st.binary(min_size=1, max_size=200), after=st.binary(max_size=40))
def test_what_is_framed_is_read_back(before: bytes, data: bytes, after: bytes) -> None:
    """Whatever stands around it."""
    buffer = before + frame(data) + after

    assert data == read_frame(buffer, len(before))
    assert OVERHEAD_BYTES + len(data) == frame_size(buffer, len(before))


@given(data=st.binary(min_size=1, max_size=60), at=st.integers(min_value=0), bit=st.integers(0, 7))
def test_one_wrong_bit_is_noticed(data: bytes, at: int, bit: int) -> None:
    """A record that is not what was written must not pass for one."""
    damaged = bytearray(frame(data))
    damaged[at % len(damaged)] ^= 1 << bit

    assert BadFrame.TORN is read_frame(bytes(damaged), 0)


@pytest.mark.parametrize("kept", range(len(frame(b"record"))))
def test_a_frame_that_is_cut_off_anywhere_is_partial(kept: int) -> None:
    """A record being written is no damage."""
    assert BadFrame.PARTIAL is read_frame(frame(b"record")[:kept], 0)


def test_zeros_are_no_frames() -> None:
    """After a power loss a file may end in zeros."""
    assert BadFrame.TORN is read_frame(bytes(64), 0)


@given(
    garbage=st.binary(max_size=60) | st.integers(0, 60).map(bytes),
    data=st.binary(min_size=1, max_size=60),
    after=st.binary(max_size=20),
)
def test_the_next_whole_frame_is_found_behind_any_bytes(garbage: bytes, data: bytes, after: bytes) -> None:
    """What follows a damaged place was acknowledged too."""
    assert len(garbage) == find_frame(garbage + frame(data) + after, 0)


@given(garbage=st.binary(max_size=200))
def test_no_frame_is_found_where_there_is_none(garbage: bytes) -> None:
    """Chance must not make a record."""
    assert find_frame(garbage, 0) is None
