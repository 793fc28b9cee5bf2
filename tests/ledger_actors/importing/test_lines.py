from __future__ import annotations

import io

import pytest

from ledger_actors.importing.lines import (
    MAX_LINE_BYTES,
    TextLine,
    UnreadableLine,
    ends_lines_with_newline,
    read_lines,
)


def test_lines_are_numbered_as_editors_do_and_know_how_far_they_reach() -> None:
    lines = list(read_lines(io.BytesIO(b"one\r\n\nthree")))

    assert lines == [TextLine(1, 5, "one"), TextLine(2, 6, ""), TextLine(3, 11, "three")]


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert list(read_lines(io.BytesIO(b"\xef\xbb\xbfid\n"))) == [TextLine(1, 6, "id")]


def test_a_line_in_another_encoding_does_not_stop_the_rest() -> None:
    good, bad, after = read_lines(io.BytesIO(b"a\n" + "kč\n".encode("cp1250") + b"c\n"))

    assert (good.number, after) == (1, TextLine(3, 7, "c"))
    assert bad == UnreadableLine(2, 5, "not utf-8: byte 2 is 0xe8")


def test_a_line_is_decoded_as_the_mapping_says() -> None:
    file = io.BytesIO("Kč;1\n".encode("cp1250"))

    assert [line.text for line in read_lines(file, "cp1250") if isinstance(line, TextLine)] == [
        "Kč;1"
    ]


def test_an_endless_line_is_passed_over_in_pieces() -> None:
    """The reader never asks for more than a command's size, and the next line is found."""
    file = _Counting(b"x" * (3 * MAX_LINE_BYTES) + b"\nnext\n")

    long, after = read_lines(file)

    assert long == UnreadableLine(
        1, 3 * MAX_LINE_BYTES + 1, f"longer than {MAX_LINE_BYTES:,} bytes"
    )
    assert after == TextLine(2, 3 * MAX_LINE_BYTES + 6, "next")
    assert file.largest <= MAX_LINE_BYTES + 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1250", "shift_jis"])
def test_encodings_that_can_be_cut_at_newlines(encoding: str) -> None:
    assert ends_lines_with_newline(encoding)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "rot13", "cp037"])
def test_encodings_that_cannot(encoding: str) -> None:
    assert not ends_lines_with_newline(encoding)


class _Counting(io.BytesIO):
    largest = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        self.largest = max(self.largest, len(line))
        return line
