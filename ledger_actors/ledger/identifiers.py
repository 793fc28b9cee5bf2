"""Identifiers and short texts: what may name a stream, and what may be written beside an amount."""

from __future__ import annotations

import re
from typing import Annotated, Final

from msgspec import Meta

__all__ = ["Identifier", "LineText", "Name"]

MAX_IDENTIFIER: Final = 64
MAX_NAME: Final = 200
MAX_TEXT: Final = 2_000

_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
_PLAIN_LINE: Final = re.compile(r"[ -~]{0,2000}", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SHOWN: Final = 40


def _check_string(name: str, value: object) -> str:
    if not isinstance(value, str):
        msg = f"{name}: expected a string; got the {type(value).__name__} {value!r:.60}"
        raise ValueError(msg)
    return value


def check_identifier(name: str, value: object) -> None:
    """Check an identifier: a UUID, or any other 1 to 64 letters, digits, `.`, `_`, `:` and `-`.

    Raises:
        ValueError: with a sentence that names the field and what was expected.
    """
    if _IDENTIFIER.fullmatch(_check_string(name, value)) is None:
        msg = (
            f"{name}: expected 1 to {MAX_IDENTIFIER} letters, digits or . _ : - "
            f"(a UUID, for example); got {str(value)[:_SHOWN]!r} of {len(str(value))} characters"
        )
        raise ValueError(msg)


def _check_text(name: str, value: object, *, least: int, most: int) -> None:
    text = _check_string(name, value)
    if not least <= len(text) <= most:
        msg = f"{name}: expected {least} to {most} characters; got {len(text)}"
        raise ValueError(msg)
    if text.isprintable():
        return
    if _CONTROL.search(text):
        msg = f"{name}: expected text without control characters; got {text[:_SHOWN]!r}"
        raise ValueError(msg)
    if any("\ud800" <= char <= "\udfff" for char in text):
        msg = f"{name}: expected text that can be written as UTF-8; it has half a character"
        raise ValueError(msg)


def check_name(name: str, value: object) -> None:
    """Check a name that people gave: 1 to 200 characters.

    Raises:
        ValueError: with a sentence that names the field and what was expected.
    """
    _check_text(name, value, least=1, most=MAX_NAME)


def check_line_text(name: str, value: object) -> None:
    """Check a free text beside an entry: up to 2,000 characters, possibly none.

    Raises:
        ValueError: with a sentence that names the field and what was expected.
    """
    _check_text(name, value, least=0, most=MAX_TEXT)


Identifier = Annotated[
    str,
    Meta(
        description="1 to 64 letters, digits or . _ : - (a UUID, for example)",
        extra={"check": check_identifier, "pattern": _IDENTIFIER},
    ),
]
Name = Annotated[
    str,
    Meta(description="a name of 1 to 200 characters", extra={"check": check_name}),
]
LineText = Annotated[
    str,
    Meta(
        description="a text of up to 2,000 characters",
        extra={"check": check_line_text, "pattern": _PLAIN_LINE},
    ),
]
