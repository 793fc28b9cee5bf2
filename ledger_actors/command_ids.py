"""Ids for commands whose sender gives none: the runtime's, and a client's own."""

from __future__ import annotations

import os
import secrets
import time
from itertools import count

__all__ = ["new_command_id"]


class _Numbered:
    """Ids that nobody has used: a prefix of this process, and a number.

    They grow with time, so that the index of commands grows at its end only. A forked child has
    another prefix.
    """

    def __init__(self) -> None:
        self.begin()
        os.register_at_fork(after_in_child=self.begin)

    def begin(self) -> None:
        self._prefix = f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(5)}"
        self._numbers = count()

    def __call__(self) -> str:
        return f"{self._prefix}{next(self._numbers):010x}"


new_command_id = _Numbered()
"""Return an id that nobody has used: 32 hexadecimal digits; in any thread."""
