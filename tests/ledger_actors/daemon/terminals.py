"""A program at a terminal of its own: what it prints there is read, and keys are pressed."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

HANG = 40.0
CTRL_C = b"\x03"
CTRL_U = b"\x15"  # forgets the line
CTRL_Z = b"\x1a"
TAB = b"\t"

_AS_TERMINAL = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
for key in signal.SIGINT, signal.SIGHUP:
    signal.signal(key, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])
"""
"""Makes standard input the terminal of the session, hears its signals, becomes the program."""

_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07]*\x07|[@-Z\\-_=>])")


class Terminal:
    """A pseudo-terminal whose session leader is the program."""

    def __init__(
        self, command: Sequence[str], *, cwd: Path | None = None, **environment: str
    ) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _AS_TERMINAL, *command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            cwd=cwd,
            env=_environment(environment),
        )
        os.close(theirs)
        self._seen = b""
        self._at = 0

    @property
    def text(self) -> str:
        """All that was shown, without colours and the movements of the cursor."""
        return _ESCAPES.sub("", self._seen.decode(errors="replace")).replace("\r", "")

    def press(self, keys: bytes) -> None:
        """Type."""
        os.write(self._ours, keys)

    def line(self, text: str) -> None:
        """Type a line and Enter."""
        self.press(text.encode() + b"\r")

    def until(self, words: str) -> str:
        """Read on until these words are shown, after those that were waited for before."""
        while (at := self.text.find(words, self._at)) < 0:
            if not self._read():
                raise AssertionError(f"{words!r} was not shown; this was:\n{self.text[-4000:]}")
        self._at = at + len(words)
        return self.text

    def end(self) -> int:
        """The exit status, once all was read and the program has ended."""
        while self._read():
            pass
        return self.process.wait(HANG)

    def hang_up(self) -> None:
        """Close the terminal."""
        if self._ours >= 0:
            os.close(self._ours)
            self._ours = -1

    def _read(self) -> bool:
        """Read what comes next; False at the end."""
        ready, _, _ = select.select([self._ours], [], [], HANG)
        if not ready:
            raise AssertionError(f"nothing more came; this was shown:\n{self.text[-4000:]}")
        try:
            chunk = os.read(self._ours, 65536)
        except OSError:  # Linux says so when the last process has closed it
            return False
        self._seen += chunk
        return bool(chunk)


@contextmanager
def at_a_terminal(
    command: Sequence[str], *, cwd: Path | None = None, **environment: str
) -> Iterator[Terminal]:
    """Run it, and leave nothing of its session behind."""
    terminal = Terminal(command, cwd=cwd, **environment)
    try:
        yield terminal
    finally:
        if terminal.process.poll() is None:
            os.killpg(terminal.process.pid, signal.SIGKILL)
            terminal.process.wait(HANG)
        terminal.hang_up()


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return {**kept, "TERM": "xterm", "COLUMNS": "120", "LINES": "40", **more}
