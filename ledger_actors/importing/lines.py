"""A file as numbered lines of text, one at a time, however long the file or a line in it.

Lines are cut as bytes and decoded one by one, so that a line in another encoding is a problem of
that line alone. A line over the limit is passed over without ever being held in memory.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias

MAX_LINE_BYTES = 1024 * 1024
"""The largest command that the ledger takes; a longer line could not be sent anyway."""


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line without its line end. Numbers start at 1, as editors count."""

    number: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class UnreadableLine:
    """A line that is no text of the expected encoding, or too long to be one."""

    number: int
    end: int
    problem: str


Line: TypeAlias = TextLine | UnreadableLine


def read_lines(
    file: BinaryIO, encoding: str = "utf-8", *, first: int = 0, before: int = 0
) -> Iterator[Line]:
    """The file's lines in order, blank ones too; a byte order mark at the start is dropped.

    `encoding` must be one in which a line ends with the byte 0x0A (`ends_lines_with_newline`).
    Where somebody has read `first` lines, `before` bytes, already, the count goes on from there.
    """
    number, end = first, before
    while raw := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        end += len(raw)
        if len(raw) > MAX_LINE_BYTES and not raw.endswith(b"\n"):
            end += _skip_rest(file)
            yield UnreadableLine(number, end, f"longer than {MAX_LINE_BYTES:,} bytes")
            continue
        yield _decoded(raw, number, end, encoding)


def ends_lines_with_newline(encoding: str) -> bool:
    """Whether files of this encoding can be cut into lines before they are decoded.

    Raises LookupError for an encoding that Python does not know.
    """
    codec = codecs.lookup(encoding)
    try:
        return codec.encode("a\n")[0] in (b"a\n", codecs.BOM_UTF8 + b"a\n")
    except TypeError:  # rot13 and its like: from text to text, from bytes to bytes
        return False


def _decoded(raw: bytes, number: int, end: int, encoding: str) -> Line:
    if number == 1:
        raw = raw.removeprefix(codecs.BOM_UTF8)
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        at = error.start + 1
        return UnreadableLine(number, end, f"not {encoding}: byte {at} is 0x{raw[error.start]:02x}")
    return TextLine(number, end, text.removesuffix("\n").removesuffix("\r"))


def _skip_rest(file: BinaryIO) -> int:
    skipped = 0
    while raw := file.readline(MAX_LINE_BYTES):
        skipped += len(raw)
        if raw.endswith(b"\n"):
            break
    return skipped
