"""Pykka's own ThreadingActor."""

from __future__ import annotations

import gc
from typing import Any

import pykka

from benchmarks.measuring import Rates, ensure, rate, resident_bytes

NAME = "Pykka"


class Counter(pykka.ThreadingActor):
    def __init__(self) -> None:
        super().__init__()
        self.received = 0

    def on_receive(self, message: Any) -> int:
        self.received += 1
        return self.received


def tell_and_ask(messages: int, asks: int) -> tuple[float, float]:
    """Return how many tells, all of them handled, and how many asks a second."""
    ref = Counter.start()
    try:
        return measured(ref, messages, asks)
    finally:
        ref.stop()


def measured(ref: Any, messages: int, asks: int) -> tuple[float, float]:
    """The same for any actor that answers how many messages it has had."""

    def tell() -> None:
        for _ in range(messages):
            ref.tell("one")
        ensure(ref.ask("last") == messages + 1, "a message that was told was not handled")

    def ask() -> None:
        for _ in range(asks):
            ref.ask("one")

    return rate(messages, tell), rate(asks, ask)


def live(count: int) -> Rates:
    """Start actors and ask each once; return how many a second, and the bytes of each."""
    gc.collect()
    before = resident_bytes()
    refs: list[Any] = []

    def start() -> None:
        for _ in range(count):
            refs.append(Counter.start())
            refs[-1].ask("one")

    found = {"Pykka starts": rate(count, start)}
    gc.collect()
    found["Pykka bytes"] = (resident_bytes() - before) / count
    for ref in refs:
        ref.stop(block=False)
    return found
