"""Links: actors that end together, unless they trap exits.

Source of the idea: `Erlang reference manual, Processes
<https://www.erlang.org/doc/system/ref_man_processes.html#links>`_. A link is between two actors and
has no direction. When one of them ends, the other gets an exit signal with the reason: one that
traps exits handles it as a message, another one ends with the same reason, unless that is `NORMAL`.

An exit signal takes effect before the actor's next message, whatever waits in its mailbox; a thread
cannot be interrupted safely in the middle of one. An actor that waits in `Actor.receive` is woken
by it. In the middle of a message that does not end, only `Ref.kill` helps.

One lock guards all links, for a few steps at a time and never while anybody is called: a link is
made, cut by `unlink`, or turned into a signal by an end, and only one of these. Who links marks
first and then looks whether the other has ended; the end is marked first and then takes the links.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

from supervision.execution import current_ref, shield
from supervision.messages import ATTEND, ExitSignal
from supervision.reasons import NO_PROCESS, ExitReason, Killed, Normal

if TYPE_CHECKING:
    from supervision.ref import Ref
    from supervision.registry import Name

__all__ = ["Links", "link", "unlink"]

_lock = Lock()


class Links:
    """What an actor has that is or was linked: its partners, and the signals not yet looked at."""

    __slots__ = ("partners", "signals")

    def __init__(self) -> None:
        self.partners: dict[Ref, None] = {}
        self.signals: deque[ExitSignal] = deque()


def link(ref: Ref | Name, other: Ref | Name) -> None:
    """Link two actors; from any thread. Linking twice, or one with itself, changes nothing.

    If one of them has ended, the other gets the exit signal `NO_PROCESS`.

    Raises:
        NoProcess: nobody has the name that was given.
    """
    first, second = resolve(ref), resolve(other)
    if first is second:
        return
    with shield():
        with _lock:
            _links(first).partners[second] = None
            _links(second).partners[first] = None
        for one in (first, second):
            if not one.is_alive():
                sever(one, NO_PROCESS)


def unlink(ref: Ref | Name, other: Ref | Name) -> None:
    """Cut the link between two actors, if there is one; from any thread.

    Once this returns neither hears of the other's end, also if that has happened already and the
    signal was on its way. One that the actor is handling now is not taken back.

    Raises:
        NoProcess: nobody has the name that was given.
    """
    first, second = resolve(ref), resolve(other)
    with shield(), _lock:
        _forget(first, second)
        _forget(second, first)


def resolve(address: Ref | Name) -> Ref:
    """Return the actor that is meant.

    Raises:
        NoProcess: nobody has the name.
    """
    from supervision.registry import Name  # names know refs, and refs know links

    return address.ref() if isinstance(address, Name) else address


def linked(ref: Ref) -> list[Ref]:
    """Return the actors that `ref` is linked with at the moment, first linked first."""
    with _lock:
        return [] if ref.links is None else list(ref.links.partners)


def sever(ref: Ref, reason: ExitReason) -> None:
    """Turn the links of an actor that has ended into exit signals; called by its end."""
    with _lock:
        links, ref.links = ref.links, None
        partners = [] if links is None else list(links.partners)
        for partner in partners:
            _links(partner).partners.pop(ref, None)
            _links(partner).signals.append(ExitSignal(ref, reason, linked=True))
            partner.attention = True
    for partner in partners:
        partner.signal(ATTEND)


def drop(ref: Ref) -> None:
    """Forget the links of an actor that has never run; nobody hears of it."""
    for partner in linked(ref):
        unlink(ref, partner)


def send_exit(target: Ref, reason: ExitReason) -> None:
    """Give `target` an exit signal from the actor on this thread; see `Ref.exit`."""
    if isinstance(reason, Killed):
        target.kill()
        return
    signal = ExitSignal(current_ref(), reason)
    with shield():
        with _lock:
            if not target.is_alive():
                return
            _links(target).signals.append(signal)
            target.attention = True
        if not target.is_alive():
            sever(target, NO_PROCESS)  # it has ended meanwhile, and may have seen nothing here
        target.signal(ATTEND)


def next_signal(ref: Ref) -> ExitSignal | None:
    """Take out and return the first signal of `ref`; in the actor's own thread."""
    with _lock:
        return ref.links.signals.popleft() if ref.links is not None and ref.links.signals else None


def take_signal(ref: Ref, wanted: Callable[[ExitSignal], bool]) -> ExitSignal | None:
    """Take out and return the first signal of `ref` that is wanted; in the actor's own thread.

    `wanted` is called without the lock: what it looks at may be taken back by an `unlink`
    meanwhile, and is then not returned.
    """
    with _lock:
        waiting = [] if ref.links is None else list(ref.links.signals)
    for signal in waiting:
        if wanted(signal) and _take(ref, signal):
            return signal
    return None


def ends(ref: Ref, signal: ExitSignal) -> bool:
    """Return whether `signal` ends `ref`, if it does not trap exits.

    `NORMAL` is ignored, but for one that an actor sends to itself.
    """
    return not isinstance(signal.reason, Normal) or (signal.ref is ref and not signal.linked)


def _links(ref: Ref) -> Links:
    if ref.links is None:
        ref.links = Links()
    return ref.links


def _take(ref: Ref, signal: ExitSignal) -> bool:
    with _lock:
        signals = () if ref.links is None else ref.links.signals
        for index, one in enumerate(signals):
            if one is signal:
                del ref.links.signals[index]  # type: ignore[union-attr] # it has some
                return True
    return False


def _forget(ref: Ref, other: Ref) -> None:
    links = ref.links
    if links is None:
        return
    links.partners.pop(other, None)
    kept = [one for one in links.signals if not (one.linked and one.ref is other)]
    if len(kept) != len(links.signals):
        links.signals = deque(kept)
