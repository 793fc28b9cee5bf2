"""What would have been right, beside what was wrong: for a command whose fields do not fit.

msgspec's sentence says what was found and where; this adds what the field takes, or the name that
was meant. Pure text work, and only for commands that are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from ledger_actors.daemon.protocol import CommandField, CommandInfo

__all__ = ["with_hint"]

_UNKNOWN_FIELD = re.compile(r"unknown field `([^`]*)`")
_MISSING_FIELD = re.compile(r"missing required field `([^`]*)`")
_PLACE = re.compile(r"at `\$\.(\w+)")


def with_hint(sentence: str, commands: Iterable[CommandInfo]) -> str:
    """The sentence of a refused command, with what is right added where that can be told."""
    name, _, problem = sentence.partition(": ")
    info = next((one for one in commands if one.type == name), None)
    hint = "" if info is None else _hint(problem, info)
    return f"{sentence}; {hint}" if hint else sentence


def _hint(problem: str, info: CommandInfo) -> str:
    if ": expected " in problem:  # our own checks tell it already
        return ""
    fields = {field.name: field for field in info.fields}
    if place := _PLACE.search(problem):
        return _what_it_takes(fields.get(place[1]))
    if missing := _MISSING_FIELD.search(problem):
        return _what_it_takes(fields.get(missing[1]))
    if unknown := _UNKNOWN_FIELD.search(problem):
        return _what_there_is(unknown[1], list(fields))
    return ""


def _what_it_takes(field: CommandField | None) -> str:
    return "" if field is None else f"{field.name} is {field.type}"


def _what_there_is(unknown: str, known: list[str]) -> str:
    near = get_close_matches(unknown[:200], known, n=1)  # it may be a megabyte
    return f"did you mean `{near[0]}`?" if near else f"it has {', '.join(known)}"
