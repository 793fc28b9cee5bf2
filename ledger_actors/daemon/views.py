"""What `Ledger` hands to a person at a shell: plain Python values with a repr worth reading."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ledger_actors.daemon.protocol import CommandField, CommandInfo, EventRecord


class Record(dict[str, Any]):
    """A row or a state: a dict whose keys are attributes too, so that tab completion finds them."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            known = ", ".join(self) or "nothing"
            raise AttributeError(f"no {name!r} here; there is {known}") from None

    def __dir__(self) -> Iterable[str]:
        return [*super().__dir__(), *self]

    def __repr__(self) -> str:
        if not self:
            return "Record()"
        width = max(len(key) for key in self)
        return "\n".join(f"{key:<{width}}  {cell(value)}" for key, value in self.items())


class Records(list[Record]):
    """Rows of a read model, shown as a table."""

    shown = 40

    def __repr__(self) -> str:
        if not self:
            return "(no rows)"
        lines = table(self[: self.shown])
        if len(self) > self.shown:
            lines.append(f"… and {len(self) - self.shown:,} more")
        return "\n".join(lines)


class Events(tuple[EventRecord, ...]):
    """The events of one command, in order. `duplicate`: the command had been sent before."""

    duplicate: bool

    def __new__(cls, events: Iterable[EventRecord], *, duplicate: bool = False) -> Events:
        """Keep the events of one answer."""
        made = super().__new__(cls, events)
        made.duplicate = duplicate
        return made

    def __repr__(self) -> str:
        lines = [repr(event) for event in self] or ["(no events)"]
        if self.duplicate:
            lines.append("(a command with this id was sent before: this is its first answer)")
        return "\n".join(lines)


class Commands(tuple[CommandInfo, ...]):
    """The commands there are."""

    def __repr__(self) -> str:
        width = max((len(info.type) for info in self), default=0)
        lines = [f"{info.type:<{width}}  {info.summary}" for info in self]
        return "\n".join([*lines, "", 'ledger.help("NAME") tells the fields of one.'])


class CommandHelp:
    """One command with its fields and an example of sending it."""

    def __init__(self, info: CommandInfo) -> None:
        self.info = info

    def __repr__(self) -> str:
        info = self.info
        width = max((len(field.name) for field in info.fields), default=0)
        fields = [
            f"    {field.name:<{width}}  {field.type}{_unless_given(field)}"
            for field in info.fields
        ]
        top = [info.type, f"    {info.summary}", ""]
        return "\n".join([*top, *fields, "", f"    {self.example()}"])

    def example(self) -> str:
        """A line to type, with the required fields to be filled in."""
        told = "".join(f", {field.name}=..." for field in self.info.fields if field.required)
        return f'ledger.send("{self.info.type}"{told})'


def record(value: Any) -> Any:
    """The same JSON value with `Record` for each object and `Records` for a list of objects."""
    if isinstance(value, Mapping):
        return Record({str(key): record(inner) for key, inner in value.items()})
    if isinstance(value, list | tuple):
        inner = [record(item) for item in value]
        return Records(inner) if inner and all(isinstance(i, Record) for i in inner) else inner
    return value


def cell(value: Any) -> str:
    """One value on one line."""
    if isinstance(value, str):
        return value
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return msgspec.json.encode(value).decode()


def table(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Rows as aligned lines under a heading."""
    listed = list(rows)
    columns = list(dict.fromkeys(key for row in listed for key in row))
    cells = [columns, *([cell(row.get(column)) for column in columns] for row in listed)]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    return [
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]


def _unless_given(field: CommandField) -> str:
    if field.required:
        return ""
    default = cell(field.default)
    return f" (optional, else {default})" if default else " (optional)"
