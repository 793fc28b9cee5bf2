"""What a projector's actor and the projection process say to each other: one JSON line each."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

__all__ = [
    "Answer",
    "Begin",
    "Failed",
    "Forget",
    "Project",
    "Projected",
    "Question",
    "Ready",
    "decode_answer",
    "decode_question",
    "encode",
]


class Begin(msgspec.Struct, frozen=True, tag=True):
    """The first line: which events it reads.

    `processors`: those it may run on; empty: as it is. `release`: of the program that asks, which
    one that is older than this field does not say.
    """

    store: str
    processors: tuple[int, ...] = ()
    release: str = ""


class Project(msgspec.Struct, frozen=True, tag=True):
    """Project what comes after event `after`, a batch at most, into the file at `path`.

    `projector` is the class, as "module:name", and `version` the one that it is to have. `stored`
    is the position that the file is to have. `opening` is the same as long as one actor has the
    file open: with another one, the file is opened anew. `is_worth_a_start`: where there is no
    process, it is worth its start.
    """

    projector: str
    version: int
    path: str
    opening: str
    after: int
    stored: int
    is_worth_a_start: bool = True


class Forget(msgspec.Struct, frozen=True, tag=True):
    """Close the file at `path`."""

    path: str


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The answer to `Begin`, and to `Forget`."""


class Projected(msgspec.Struct, frozen=True, tag=True):
    """It has taken in all up to and with event `up_to`; in the file is position `stored`."""

    up_to: int
    stored: int


class Failed(msgspec.Struct, frozen=True, tag=True):
    """It could not be done, and nothing of it was."""

    error: str


Question: TypeAlias = Begin | Project | Forget
Answer: TypeAlias = Ready | Projected | Failed

_encoder = msgspec.json.Encoder()
decode_question = msgspec.json.Decoder(Question).decode
decode_answer = msgspec.json.Decoder(Answer).decode


def encode(message: Question | Answer) -> bytes:
    """Return a message as a line."""
    return _encoder.encode(message) + b"\n"
