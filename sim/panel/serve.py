"""The panel's server: `serve` starts it in a thread of its own and says where it is."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
import time
from dataclasses import dataclass
from urllib.parse import quote

import uvicorn

from sim.errors import InputError
from sim.panel.app import application
from sim.panel.browser import Browser
from sim.panel.desk import Desk
from sim.panel.guard import is_loopback, new_token
from sim.panel.hub import Hub
from sim.panel.limits import QuietLog
from sim.panel.pads import PadWriter
from sim.panel.port import Session
from sim.panel.stressing import StressDesk

LOOPBACK = "127.0.0.1"
_START_S, _STOP_S = 10.0, 5.0
_LARGEST_FRAME = 64 << 10  # of what a client sends; the protocol's own limit is far below
_MOST_CONNECTIONS = 200
_SHORTEST_PASSWORD, _LONGEST_PASSWORD = 8, 1_000  # characters; the form takes a few thousand bytes


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel that is served. ``address`` has the token and is what the user opens."""

    address: str
    port: int
    token: str
    _server: _Server

    def close(self) -> None:
        """Say goodbye to clients and stop. May be called twice."""
        self._server.stop()


def serve(
    session: Session,
    *,
    host: str = LOOPBACK,
    port: int = 0,
    password: str | None = None,
    token: str | None = None,
) -> Panel:
    """Serve the panel of a session. ``port`` 0: one that is free. ``token`` is for tests: else it is new.

    InputError, in one sentence: another ``host`` than loopback without a ``password``, or no such address.
    """
    if not is_loopback(host) and not password:
        raise InputError(
            f"the panel would be open to others at {host}: give it a password with --panel-password, "
            "or leave --panel-host out"
        )
    if password is not None and len(password) < _SHORTEST_PASSWORD:
        raise InputError(f"the panel's password is too short; {_SHORTEST_PASSWORD} characters are the least")
    if password is not None and len(quote(password)) > _LONGEST_PASSWORD:
        raise InputError(
            f"the panel's password is too long; take one of {_LONGEST_PASSWORD // 3} characters or fewer"
        )
    listening = _listen(host, port)
    secret = token or new_token()
    server = _Server(session, listening, host, secret, password)
    try:
        server.start()
    except BaseException:
        listening.close()
        raise
    return Panel(f"http://{_shown(host)}:{server.port}/?token={quote(secret)}", server.port, secret, server)


def _listen(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        made = socket.socket(family, kind, protocol)
    except OSError as error:
        raise InputError(f"there is no address {host} on this machine: {error.strerror or error}") from None
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(64)
    except (OSError, OverflowError) as error:
        made.close()
        said = getattr(error, "strerror", None) or error
        raise InputError(
            f"the panel cannot be at {host}, port {port}: {said}; choose another --panel"
        ) from None
    return made


def _shown(host: str) -> str:
    """The host as it stands in an address; for all addresses, this machine's own name."""
    plain = host.strip("[]")
    if plain in ("0.0.0.0", "::"):  # noqa: S104  what it means, not a bind
        return socket.gethostname()
    return f"[{plain}]" if ":" in plain else plain


class _Server:
    """uvicorn in a thread, with everything that the panel needs."""

    def __init__(
        self, session: Session, listening: socket.socket, host: str, token: str, password: str | None
    ) -> None:
        self._listening = listening
        self.port = int(listening.getsockname()[1])
        log = QuietLog(time.monotonic)
        browser, writer, stress = Browser(session), PadWriter(session), StressDesk(session)
        self._hub = Hub(session, log)
        self._desk = Desk(self._hub, browser, writer, stress)
        self._hub.more = self._desk.state
        guarded, _ = application(
            session,
            self._hub,
            self._desk,
            token=token,
            bound=host,
            port=lambda: self.port,
            password=password,
            log=log,
        )
        logging.getLogger("uvicorn").setLevel(logging.CRITICAL)  # anybody could fill a log with it
        config = uvicorn.Config(
            guarded,
            http="h11",
            ws="websockets-sansio",
            ws_max_size=_LARGEST_FRAME,
            ws_per_message_deflate=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_keep_alive=10,
            timeout_graceful_shutdown=1,
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            lifespan="on",
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="benchpad panel", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped = False

    def start(self) -> None:
        """Returns when it takes connections."""
        self._thread.start()
        until = time.monotonic() + _START_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > until:
                raise InputError("the panel's server could not be started")
            time.sleep(0.005)

    def _run(self) -> None:
        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            await self._server.serve([self._listening])

        # uvicorn takes signals only in the main thread; this is none.
        asyncio.run(main())

    def stop(self) -> None:
        """Clients are told, then everything is let go of."""
        if self._stopped:
            return
        self._stopped = True
        if self._loop is not None and self._thread.is_alive():
            with contextlib.suppress(RuntimeError, TimeoutError):
                asyncio.run_coroutine_threadsafe(self._say_bye(), self._loop).result(2.0)
        self._server.should_exit = True
        self._thread.join(_STOP_S)
        self._hub.close()
        self._desk.close()
        self._listening.close()

    async def _say_bye(self) -> None:
        await asyncio.gather(*(client.bye("benchpad has ended") for client in list(self._hub.clients)))
