"""What a record would say of the commands that nobody outside has sent."""

from __future__ import annotations

from collections.abc import Sequence

from tests.torture.evidence import Ack, Event, Intent

__all__ = ["of_the_cycler"]


def of_the_cycler(events: Sequence[Event]) -> list[Intent | Ack]:
    """What the record would say of the cycler's commands, had it kept one."""
    lines: list[Intent | Ack] = []
    for event in events:
        if event.type == "SystemCycled" and event.command_id is not None:
            lines.append(Intent(event.command_id, "CycleSystem", event.data))
            lines.append(Ack(event.command_id, False, (event,)))
    return lines
