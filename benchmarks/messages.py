"""Messages between actors: tell and ask, on a thread of its own and on the shared pool."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import targets
from benchmarks.measuring import Figure, Rates, interleaved
from benchmarks.peers import pykka_actors
from benchmarks.scale import Scale
from supervision import OWN_THREAD, POOLED, Actor, Dispatcher, spawn
from supervision.testing import wait_for_exit

PEER = "Pykka's ThreadingActor"


class Counter(Actor):
    def __init__(self) -> None:
        super().__init__()
        self.received = 0

    def on_receive(self, message: Any) -> int:
        self.received += 1
        return self.received


def figures(scale: Scale) -> Iterator[Figure]:
    """Yield how many messages a second one actor handles that another thread sends."""
    jobs = [
        partial(_pykka, scale),
        partial(_ours, "own thread", OWN_THREAD, scale),
        partial(_ours, "pooled", POOLED, scale),
    ]
    found = interleaved(scale.repeats, jobs)
    for kind, own, pooled in (
        ("tell", targets.TELL, targets.TELL_POOLED),
        ("ask", targets.ASK, targets.ASK_POOLED),
    ):
        for way, target in (("own thread", own), ("pooled", pooled)):
            ours, theirs = found[f"{kind}, {way}"], found[f"{kind}, Pykka"]
            yield Figure(f"{kind}, {way}", f"{kind}s a second", ours, PEER, theirs, target)


def _pykka(scale: Scale, _place: Path) -> Rates:
    tell, ask = pykka_actors.tell_and_ask(scale.messages, scale.messages // 10)
    return {"tell, Pykka": tell, "ask, Pykka": ask}


def _ours(way: str, dispatcher: Dispatcher, scale: Scale, _place: Path) -> Rates:
    ref = spawn(Counter, dispatcher=dispatcher)
    try:
        tell, ask = pykka_actors.measured(ref, scale.messages, scale.messages // 10)
    finally:
        ref.shutdown()
        wait_for_exit(ref)
    return {f"tell, {way}": tell, f"ask, {way}": ask}
