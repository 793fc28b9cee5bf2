"""Where a daemon is, for its clients: the Unix socket of a folder, or a URL with its token."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from ledger_actors.daemon.address import DaemonPid, door_link, resolved
from ledger_actors.daemon.errors import BadRequest, LedgerUnavailable, TimedOut
from ledger_actors.daemon.program import program
from ledger_actors.daemon.protocol import PROTOCOL_HEADER, PROTOCOL_VERSION
from ledger_actors.daemon.unix_transport import UnixTransport

CONNECT_SECONDS = 5.0
KEEP_ALIVE_SECONDS = 2.0
"""Less than the door's own, so that it is never the door that closes a connection first."""

ANSWER_SECONDS = 60.0
"""Longer than any deadline of the other side, which answers with a sentence before it."""


class Target:
    """One daemon's door. Looked up at each connect, so that one which restarted is found."""

    def __init__(
        self,
        folder: Path | str,
        *,
        socket_path: str = "",
        url: str | None = None,
        token: str | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.link = door_link(folder, configured=socket_path)
        self.url = url
        self.token = token

    @classmethod
    def of(
        cls, folder: Path | str | None, *, url: str | None = None, token: str | None = None
    ) -> Target:
        """The target that arguments and settings name.

        Raises:
            BadRequest: the URL is none that a ledger can have.
            InvalidSettings: the settings cannot be used.
        """
        from ledger_actors.settings import load_settings

        if url is not None:
            check_url(url)
        settings = load_settings(data=folder)
        return cls(settings.data, socket_path=settings.endpoint.socket, url=url, token=token)

    def __str__(self) -> str:
        return self.url or str(self.folder)

    def headers(self) -> dict[str, str]:
        """What goes with every request."""
        told = {PROTOCOL_HEADER: str(PROTOCOL_VERSION)}
        if self.token:
            told["Authorization"] = f"Bearer {self.token}"
        return told

    def client(self) -> httpx.Client:
        """An httpx client of that door. LedgerUnavailable for a folder without one."""
        timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
        if self.url:
            limits = httpx.Limits(keepalive_expiry=KEEP_ALIVE_SECONDS)
            return httpx.Client(
                base_url=self.url, headers=self.headers(), timeout=timeout, limits=limits
            )
        transport = UnixTransport(self._socket_path(), keepalive_expiry=KEEP_ALIVE_SECONDS)
        return httpx.Client(
            base_url="http://ledger", transport=transport, headers=self.headers(), timeout=timeout
        )

    def connect(self) -> socket.socket:
        """A connected socket of its own, for the pipeline. LedgerUnavailable where none answers."""
        try:
            return self._tcp() if self.url else self._unix()
        except OSError as gone:
            raise self.gone() from gone

    def may_come_back(self) -> bool:
        """Whether the process that had the door still runs: then its door is only restarting."""
        return self.url is None and DaemonPid(self.folder).is_running()

    def gone(self) -> LedgerUnavailable:
        """The sentence for a daemon that is not there (any more): what to type."""
        if self.url is not None:
            return LedgerUnavailable(f"no ledger answers at {self.url}")
        return LedgerUnavailable(
            f"no ledger is running on {self.folder}: start one with `make run`, or with "
            f"`{program()} start --data {self.folder}`, in another terminal"
        )

    def late(self) -> TimedOut:
        """The sentence for a daemon that is there and does not answer."""
        return TimedOut(f"the ledger at {self} did not answer in time")

    def _socket_path(self) -> str:
        try:
            path = resolved(self.link)
        except FileNotFoundError as copied:
            raise self.gone() from copied
        if not path.exists():
            raise self.gone()
        return str(path)

    def _tcp(self) -> socket.socket:
        parts = urlsplit(self.url or "")
        address = (parts.hostname or "", parts.port or 80)
        return socket.create_connection(address, timeout=ANSWER_SECONDS)

    def _unix(self) -> socket.socket:
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connected.settimeout(ANSWER_SECONDS)
        try:
            connected.connect(self._socket_path())
        except OSError:
            connected.close()
            raise
        return connected


def check_url(url: str) -> None:
    """Refuse what is no address of a ledger's door on a network."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme == "http" and parts.hostname and (parts.port or 1) > 0
    except ValueError:  # a port that is no number
        fits = False
    if not fits:
        raise BadRequest(f"a ledger on the network is http://HOST:PORT, not {url!r}")
