"""How much a run does: tiny for the tests, quick (under two minutes), or in full."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Scale:
    """The sizes of one run; `--set NAME=NUMBER` changes one of them."""

    repeats: int = 5
    accounts: int = 1_000
    """Aggregates that commands go to."""
    commands: int = 50_000
    """Commands in the widest window; narrower ones get fewer."""
    peer_commands: int = 5_000
    rows: int = 200_000
    """Rows that SQLite itself writes."""
    grants: int = 10_000
    requests: int = 20_000
    """Single requests while an import runs."""
    live: int = 1_000_000
    """Aggregates that are live at once."""
    crashes: int = 200
    messages: int = 300_000
    hydrated: int = 10_000
    """Events of the one aggregate that is hydrated."""
    projected: int = 1_000_000
    """Events that projectors catch up with."""
    snapshotted: int = 1_000_000
    """Events of the one aggregate that has a snapshot."""
    small: int = 100_000
    large: int = 10_000_000
    """Events in the two stores that are compared."""
    lookups: int = 1_000
    load_seconds: int = 3_600


FULL = Scale()
QUICK = Scale(
    repeats=3,
    commands=4_000,
    peer_commands=400,
    rows=20_000,
    grants=300,
    requests=2_000,
    live=10_000,
    crashes=20,
    messages=60_000,
    projected=20_000,
    snapshotted=50_000,
    small=20_000,
    large=100_000,
    lookups=150,
    load_seconds=10,
)
TINY = Scale(
    repeats=1,
    accounts=10,
    commands=40,
    peer_commands=20,
    rows=100,
    grants=6,
    requests=10,
    live=20,
    crashes=2,
    messages=100,
    hydrated=100,
    projected=100,
    snapshotted=200,
    small=200,
    large=400,
    lookups=5,
    load_seconds=1,
)


def changed(scale: Scale, settings: list[str]) -> Scale:
    """Return the scale with some sizes changed, each as "NAME=NUMBER".

    Raises:
        ValueError: there is no such size, or it is no number of one or more.
    """
    known = {field.name for field in fields(Scale)}
    sizes = {}
    for setting in settings:
        name, _, number = setting.partition("=")
        if name not in known or not number.isdecimal() or int(number) < 1:
            msg = f"--set takes NAME=NUMBER, NAME one of {', '.join(sorted(known))}; not {setting}"
            raise ValueError(msg)
        sizes[name] = int(number)
    return replace(scale, **sizes)
