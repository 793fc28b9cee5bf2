"""A process that answers lines: it is lost when it ends, and ends when its owner does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger_actors.runtime import line_process
from ledger_actors.runtime.line_process import KeptProcess, LineProcess, ProcessLost
from supervision.testing import HANG

ECHO = """
import sys
for line in sys.stdin:
    if line == "end\\n":
        break
    if line != "hush\\n":
        print(line, end="", flush=True)
"""


@pytest.fixture
def start(tmp_path: Path, monkeypatch: Any) -> Iterator[Callable[[], LineProcess]]:
    (tmp_path / "echoes.py").write_text(ECHO)
    monkeypatch.syspath_prepend(tmp_path)
    made: list[LineProcess] = []

    def make() -> LineProcess:
        made.append(LineProcess("echoes"))
        return made[-1]

    yield make
    for process in made:
        process.kill()


@pytest.fixture
def process(start: Callable[[], LineProcess]) -> LineProcess:
    return start()


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_line_is_answered_by_a_line(process: LineProcess) -> None:
    process.tell(b"one\ntwo\n")

    assert [process.answer(HANG), process.answer(HANG)] == [b"one", b"two"]


def test_without_an_answer_in_time_there_is_none(process: LineProcess) -> None:
    process.tell(b"hush\n")
    assert process.answer(0) is None
    process.tell(b"there\n")

    assert process.answer(HANG) == b"there"


def test_one_that_ends_is_lost_to_whoever_waits(process: LineProcess) -> None:
    process.tell(b"end\n")

    with pytest.raises(ProcessLost, match="it has ended"):
        process.answer(HANG)


def test_one_that_was_killed_is_lost_to_whoever_writes_to_it(process: LineProcess) -> None:
    process.tell(b"x\n")
    assert process.answer(HANG) == b"x"
    os.kill(process.pid, signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    with pytest.raises(ProcessLost, match="it has ended"):
        process.tell(b"x\n")


def test_one_that_was_closed_is_lost_to_whoever_still_has_it(process: LineProcess) -> None:
    """An actor that was given up may go on with it much later."""
    process.close()
    process.close()

    assert not is_there(process.pid)
    with pytest.raises(ProcessLost):
        process.tell(b"x\n")
    with pytest.raises(ProcessLost, match="it was closed"):
        process.answer(HANG)


def test_to_keep_another_one_ends_the_one_before(start: Callable[[], LineProcess]) -> None:
    kept, first, second = KeptProcess(), start(), start()
    kept.keep(first)
    kept.keep(second)
    assert (is_there(first.pid), is_there(second.pid)) == (False, True)
    kept.close()
    kept.close()

    assert not is_there(second.pid)


def test_where_python_does_not_know_its_own_program_there_is_none(monkeypatch: Any) -> None:
    """As inside another program."""
    monkeypatch.setattr(sys, "executable", "")

    with pytest.raises(OSError, match="does not know by which program"):
        LineProcess("echoes")


def test_it_ends_with_the_process_that_has_started_it_however_that_ends(tmp_path: Path) -> None:
    """Both have standard error: it is at its end when neither is there any more."""
    (tmp_path / "echoes.py").write_text(ECHO)
    starter = (
        "import os, signal\n"
        "from ledger_actors.runtime.line_process import LineProcess\n"
        "process = LineProcess('echoes')\n"
        "process.tell(b'x\\n')\n"
        "assert process.answer(60) == b'x'\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", starter],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
        timeout=HANG,
        check=False,
    )

    assert (done.returncode, done.stderr) == (-signal.SIGKILL, b"")


def test_for_one_that_does_not_end_nobody_waits_for_ever(
    process: LineProcess, monkeypatch: Any
) -> None:
    """As where it hangs in the kernel: it ends behind that."""
    monkeypatch.setattr(line_process, "_PATIENCE", 0.01)
    with monkeypatch.context() as kernel:
        kernel.setattr(process._process, "kill", lambda: None)
        process.kill()
        process.close()
        os.kill(process.pid, 0)  # it is there still

    process.kill()
    with pytest.raises(ProcessLost):
        process.answer(0)


def test_where_whoever_kills_it_is_killed_over_it_the_close_ends_it(
    process: LineProcess, monkeypatch: Any
) -> None:
    def killed(_patience: float) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken_off:
        broken_off.setattr(process._process, "kill", lambda: None)
        broken_off.setattr(process._process, "wait", killed)
        with pytest.raises(KeyboardInterrupt):
            process.kill()

    process.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
