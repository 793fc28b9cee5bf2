"""Commands by their stable names."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar

import msgspec

from ledger_actors.json_decoders import convert, decoder_of
from ledger_actors.runtime.catalog import claim
from ledger_actors.runtime.errors import InvalidCommand, UnknownCommand

__all__ = ["COMMANDS", "Command", "CommandCatalog", "command", "command_name"]

C = TypeVar("C", bound="type[Command]")


LONGEST_NAME = 200
"""Characters of an unknown name that are looked at and told."""


class Command(
    msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, omit_defaults=True
):
    """Root of all commands: something that somebody wants done.

    What is left at its default is not written: a field with a default that a later release adds
    does not make another command of one that is repeated under its id.

    The garbage collector does not look at commands: what they hold must not hold them.
    """

    command_type: ClassVar[str] = ""


class CommandCatalog:
    """The commands that a program knows."""

    def __init__(self) -> None:
        self._types: dict[str, type[Command]] = {}

    def define(self, name: str) -> Callable[[C], C]:
        """Return a decorator that gives a `Command` class its stable name.

        Raises:
            DuplicateName: another class has the name.
        """

        def decorate(cls: C) -> C:
            claim("command", name, self._types.get(name), cls)
            cls.command_type = name
            self._types[name] = cls
            return cls

        return decorate

    def get(self, name: str) -> type[Command]:
        """Return the class of a command.

        Raises:
            UnknownCommand: there is none; the sentence names the nearest.
        """
        cls = self._types.get(name)
        if cls is None:
            short = name[:LONGEST_NAME]  # to compare a megabyte would take a while
            near = difflib.get_close_matches(short, self._types, n=1)
            raise UnknownCommand(short, near[0] if near else None)
        return cls

    def decode(self, name: str, data: Mapping[str, Any] | bytes | msgspec.Raw) -> Command:
        """Return a command from its name and its fields, as JSON text or as a dict; strictly.

        Raises:
            UnknownCommand: there is no such command.
            InvalidCommand: a field is missing, unknown or wrong; the sentence names it.
        """
        cls = self.get(name)
        try:
            if isinstance(data, bytes | msgspec.Raw):
                return decoder_of(cls)(data)
            return convert(dict(data), cls)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            msg = f"{name}: {error}"
            raise InvalidCommand(msg) from error
        except RecursionError as error:
            msg = f"{name}: it is nested too deeply"
            raise InvalidCommand(msg) from error

    def __iter__(self) -> Iterator[type[Command]]:
        """Iterate over the classes in order of name."""
        return iter(cls for _, cls in sorted(self._types.items()))


COMMANDS = CommandCatalog()
"""The catalog that `@command` fills."""


def command(name: str) -> Callable[[C], C]:
    """Give a `Command` class its stable name in the program's catalog."""
    return COMMANDS.define(name)


def command_name(cls: type[Command]) -> str:
    """Return the stable name of a command class.

    Raises:
        InvalidCommand: it has none.
    """
    if "command_type" not in cls.__dict__:  # an inherited name is another command's
        msg = f"{cls.__qualname__} has no stable name: decorate it with @command(NAME)"
        raise InvalidCommand(msg)
    return cls.command_type
