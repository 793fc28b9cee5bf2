"""The endpoint: the actor that keeps the daemon's door open, on a Unix socket.

uvicorn serves on an event loop in a thread of its own, so that the actor stays free to hear that
it should stop, or that the server has failed (which is its crash, and a new door). However the
actor ends, killed included, the door closes: a monitor sees to it.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from ledger_actors.daemon.address import UnixDoor, bind_network
from ledger_actors.daemon.contract import Service
from ledger_actors.daemon.http_protocol import BoundedHttp
from ledger_actors.daemon.limits import Bounded, Limits
from ledger_actors.daemon.open_streams import OpenStreams
from ledger_actors.daemon.routes import build_app
from ledger_actors.daemon.token import RequireToken
from supervision import Actor, Future, blocking, monitor

GRACEFUL_SECONDS = 1
STARTUP_SECONDS = 30.0
CLOSE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class NetworkDoor:
    """A door on the network as well: only when configured, and only with a token."""

    host: str
    port: int
    token: str

    def __str__(self) -> str:
        return f"{self.host}:{self.port}, with a token"


@dataclass(frozen=True, slots=True)
class ServerFailed:
    """Told to the endpoint by its server's thread: it has ended, and should not have."""

    problem: BaseException | None


class DoorFailed(Exception):
    """The HTTP server ended by itself."""


class Endpoint(Actor):
    """Opens the door when it starts and closes it when it ends, in whatever way."""

    def __init__(
        self,
        service: Service,
        door: UnixDoor,
        network: NetworkDoor | None = None,
        *,
        limits: Limits | None = None,
    ) -> None:
        super().__init__()
        self._limits = limits or Limits()
        self._service = service
        self._door = door
        self._network = network
        self._server: DoorServer | None = None

    def on_start(self) -> None:
        """Bind, serve, and wait until requests are taken. Raises OSError where it cannot bind."""
        ref = self.actor_ref
        failed = lambda problem: ref.signal(ServerFailed(problem))  # noqa: E731 - it is no more
        server = DoorServer(self._service, failed, self._limits)
        monitor(ref, lambda _down: server.close())
        server.listen(self._door.open(), token=None)
        if self._network is not None:
            listening = bind_network(self._network.host, self._network.port)
            server.listen(listening, token=self._network.token)
        self._server = server
        server.start()
        network = {} if self._network is None else {"network": str(self._network)}
        self.log.info("endpoint.open", door=str(self._door.path), **network)

    def on_receive(self, message: object) -> None:
        """Crash when the server has failed; anything else is no message for an endpoint."""
        if isinstance(message, ServerFailed):
            raise DoorFailed(f"the HTTP server ended: {message.problem!r}") from message.problem
        self.log.warning("endpoint.ignored", message=repr(message)[:200])

    def on_stop(self) -> None:
        """Close the door: finish what is being answered, end what streams, take no more."""
        self._door.close()
        if self._server is not None:
            self._server.close()
            with blocking():
                self._server.join(CLOSE_SECONDS)


class DoorServer:
    """One event loop on a thread of its own, with a uvicorn server for each socket."""

    def __init__(
        self,
        service: Service,
        failed: Callable[[BaseException | None], None],
        limits: Limits,
    ) -> None:
        self._limits = limits
        self._lingering: set[BoundedHttp] = set()
        self._streams = OpenStreams()
        self._app = build_app(service, self._streams)
        self._failed = failed
        self._servers: list[tuple[_Server, socket.socket]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = threading.Event()
        self._started: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="door", daemon=True)

    def listen(self, listening: socket.socket, *, token: str | None) -> None:
        """Serve this socket too; with a token, only to those who show it."""
        app: ASGIApp = self._app if token is None else RequireToken(self._app, token)
        config = _config(Bounded(app, self._limits), self._limits, self._lingering)
        self._servers.append((_Server(config, self._server_started), listening))

    def start(self) -> None:
        """Start the thread and wait until every socket is served."""
        self._thread.start()
        self._started.get(timeout=STARTUP_SECONDS)

    def close(self) -> None:
        """Begin to close; from any thread, any number of times, also before the start."""
        self._closing.set()
        for _, listening in self._servers:
            if self._loop is None:
                listening.close()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._close_on_loop)

    def join(self, seconds: float) -> None:
        """Wait until the thread has ended, at most so long."""
        self._thread.join(seconds)

    def _run(self) -> None:
        problem: BaseException | None = None
        try:
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                runner.run(self._serve())
        except BaseException as failure:  # noqa: BLE001 - uvicorn exits by SystemExit; it is told
            problem = failure
        finally:
            self._started.try_set_exception(problem or DoorFailed("the server ended at its start"))
        if not self._closing.is_set():
            self._failed(problem)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        if self._closing.is_set():
            self._close_on_loop()
        try:
            await asyncio.gather(*(server.serve([sock]) for server, sock in self._servers))
        finally:
            self._streams.close_all()
            for refused in self._lingering:
                refused.transport.abort()
            await asyncio.sleep(0)  # in which they are closed

    def _server_started(self) -> None:
        if all(server.started for server, _ in self._servers):
            self._started.try_set(None)

    def _close_on_loop(self) -> None:
        self._streams.close_all()
        for server, _ in self._servers:
            server.stop_listening()
            server.should_exit = True


class _Server(uvicorn.Server):
    """uvicorn's, which also says that it has started and can stop listening at once."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets=sockets)
        self._on_started()

    def stop_listening(self) -> None:
        """Free the address before the answers that are under way have gone out."""
        for server in getattr(self, "servers", ()):
            server.close()


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop's; the standard library's, which does the same, where uvloop is not to be had."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _config(app: ASGIApp, limits: Limits, lingering: set[BoundedHttp]) -> uvicorn.Config:
    protocol: Any = partial(BoundedHttp, limits=limits, lingering=lingering)
    return uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )
