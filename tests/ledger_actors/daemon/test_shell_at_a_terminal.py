"""Both shells as a person types into them: the banner, completion, help, sentences, Ctrl-C."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ledger_actors.demos.daemon_process import DaemonProcess
from tests.ledger_actors.daemon.terminals import CTRL_C, CTRL_U, TAB, Terminal, at_a_terminal

pytestmark = pytest.mark.external


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder with a daemon on it."""
    made = tmp_path_factory.mktemp("shell") / "data"
    with DaemonProcess(made, LEDGER_ENV="test"):
        yield made


@contextmanager
def shell(kind: str, folder: Path) -> Iterator[Terminal]:
    if kind == "IPython" and importlib.util.find_spec("IPython") is None:
        pytest.skip("IPython is not installed here")
    plain = ["--plain"] if kind == "standard" else []
    command = [sys.executable, "-m", "ledger_actors", "shell", "--data", str(folder), *plain]
    home = str(folder.parent)
    told = {"IPYTHONDIR": home, "HOME": home, "PAGER": "cat", "PROMPT_TOOLKIT_NO_CPR": "1"}
    with at_a_terminal(command, **told) as shown:
        yield shown


@pytest.mark.parametrize("kind", ["standard", "IPython"])
def test_a_shell_as_a_person_types_into_it(kind: str, folder: Path) -> None:
    """One story, since a shell takes its second to open."""
    with shell(kind, folder) as shown:
        shown.until("ledger is connected to")
        shown.until("help(ledger) tells more")
        sends_a_command(shown)
        completes_a_method(shown)
        tells_a_refusal_in_a_sentence(shown)
        shows_the_traceback_of_another_error(shown)
        helps(shown)
        goes_on_after_following(shown)
        shown.line("exit()")
        assert shown.end() == 0


def sends_a_command(shown: Terminal) -> None:
    shown.line('ledger.send("RegisterCompany", company_uuid=f"c-{id(ledger)}", name="Acme")')
    shown.until("CompanyRegistered")


def completes_a_method(shown: Terminal) -> None:
    shown.press(b"ledger.trial_b" + TAB)
    shown.until("ledger.trial_balance")
    shown.press(CTRL_U)


def tells_a_refusal_in_a_sentence(shown: Terminal) -> None:
    shown.line('ledger.state("account", "nobody")')
    shown.until("StreamMissing: there is no account 'nobody'")
    assert "Traceback" not in shown.text


def shows_the_traceback_of_another_error(shown: Terminal) -> None:
    shown.line("1 / 0")
    shown.until("Traceback")
    shown.until("division by zero")


def helps(shown: Terminal) -> None:
    shown.line("help(ledger.send)")
    shown.until("Send one command and return its events")


def goes_on_after_following(shown: Terminal) -> None:
    shown.line("for event in ledger.events(follow=True): print('seen', event.id)")
    shown.press(b"\r")
    shown.until("seen 1")
    shown.press(CTRL_C)
    shown.until("KeyboardInterrupt")
