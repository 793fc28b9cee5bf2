"""The actors that most tests of this package are about: they do what they are told."""

from __future__ import annotations

from typing import Any

from supervision import Actor

__all__ = ["Echo", "Recorder"]


class Echo(Actor):
    """Answers with the message, or calls it with itself."""

    def on_receive(self, message: Any) -> Any:
        return message(self) if callable(message) else message


class Recorder(Echo):
    """Keeps what it is told, too, but for what it calls."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        if not callable(message):
            self.seen.append(message)
        return super().on_receive(message)
