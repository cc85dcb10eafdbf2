"""The panel's web application: the page, what is asked for once, and the WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import mimetypes
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from sdcard_image.types import CardError
from sim.panel.client import SAYS, Client
from sim.panel.desk import Desk
from sim.panel.guard import Guard, same
from sim.panel.hub import MOST_CLIENTS, Hub
from sim.panel.limits import Allowance, QuietLog
from sim.panel.messages import MessageError
from sim.panel.port import RefusedError, Session

STATIC = Path(__file__).with_name("static")
for _ending, _kind in ((".js", "text/javascript"), (".css", "text/css"), (".svg", "image/svg+xml")):
    mimetypes.add_type(_kind, _ending)  # what a host says of them may be wrong, and then no browser runs them
_MOST_FORM = 4_096  # bytes of a posted password
_MOST_FIELDS = 5
_WRONG, _WRONG_S = 5, 60.0  # passwords
_REPORT_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
)
_TRY_AGAIN = 1013


class Application:
    """The routes of one panel. ``guard`` is set by `application`."""

    guard: Guard

    def __init__(self, session: Session, hub: Hub, desk: Desk, password: str | None) -> None:
        self._session, self._hub, self._desk, self._password = session, hub, desk, password
        self._wrong = Allowance(_WRONG, _WRONG_S, time.monotonic)

    def routes(self) -> list[Route | Mount | WebSocketRoute]:
        """What is served where."""
        return [
            Route("/", self._page),
            Route("/login", self._login_page),
            Route("/login", self._login, methods=["POST"]),
            Mount("/static", StaticFiles(directory=STATIC)),
            Route("/api/status", self._status),
            Route("/api/card", self._card),
            Route("/api/files", self._files),
            Route("/api/peaks", self._peaks),
            Route("/api/findings", self._findings),
            Route("/api/log", self._log),
            Route("/api/stress/{run:int}", self._report),
            Route("/api/stress/{run:int}.json", self._report_json),
            WebSocketRoute("/ws", self._socket),
        ]

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """The hub looks on while the server runs."""
        task = asyncio.create_task(self._hub.run())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _page(self, _: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    # the password

    async def _login_page(self, _: Request) -> Response:
        if self._password is None:
            return JSONResponse(
                {"error": "there is no password; open the address that benchpad printed"}, 404
            )
        return FileResponse(Path(__file__).with_name("login.html"))

    async def _login(self, request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > _MOST_FORM:
                return HTMLResponse("That is too long for a password.", 413)
        if self._password is None:
            return await self._login_page(request)
        if self._wrong.is_used_up():
            return HTMLResponse("Too many wrong passwords; wait a minute.", 429)
        try:
            given = parse_qs(body.decode("utf-8"), max_num_fields=_MOST_FIELDS).get("password", [""])[0]
        except ValueError:  # not UTF-8, or too many fields
            return HTMLResponse("That is not what the form sends.", 400)
        if not same(given, self._password):
            self._wrong.take()
            self._hub.log.warn(f"a wrong password came from {request.client.host if request.client else '?'}")
            return RedirectResponse("/login?wrong", 303)
        answer = RedirectResponse("/", 303)
        answer.headers["Set-Cookie"] = self.guard.cookie()
        return answer

    # what is asked for once

    async def _status(self, _: Request) -> Response:
        return JSONResponse(self._session.status())

    async def _log(self, _: Request) -> Response:
        lines = self._session.boot.log
        return JSONResponse({"lines": [{"ms": round(one.ms, 3), "text": one.text} for one in lines]})

    async def _card(self, _: Request) -> Response:
        return await self._aside(self._desk.browser.card)

    async def _files(self, request: Request) -> Response:
        asked = request.query_params
        try:
            offset, limit = _whole(asked, "offset", 0, 0, 1 << 30), _whole(asked, "limit", 100, 1, 500)
        except RefusedError as error:
            return JSONResponse({"error": str(error)}, 400)
        search = asked.get("search", "")[:100]
        return await self._aside(self._desk.browser.files, asked.get("folder", "/"), search, offset, limit)

    async def _peaks(self, request: Request) -> Response:
        try:
            points = _whole(request.query_params, "points", 200, 16, 1_000)
        except RefusedError as error:
            return JSONResponse({"error": str(error)}, 400)
        return await self._aside(self._desk.browser.peaks, request.query_params.get("path", ""), points)

    async def _findings(self, _: Request) -> Response:
        return await self._aside(self._desk.browser.findings)

    async def _aside(self, act: Any, *values: Any) -> Response:
        try:
            return JSONResponse(await self._desk.read(act, *values))
        except MessageError as error:
            return JSONResponse({"error": str(error)}, 400)
        except CardError as error:
            return JSONResponse({"error": str(error)}, 404)
        except SAYS as error:
            return JSONResponse({"error": str(error)}, 409)

    async def _report(self, request: Request) -> Response:
        page = self._desk.stress.page(request.path_params["run"])
        if page is None:
            return JSONResponse({"error": "there is no report of such a stress run"}, 404)
        return HTMLResponse(page, headers={"Content-Security-Policy": _REPORT_POLICY})

    async def _report_json(self, request: Request) -> Response:
        document = self._desk.stress.document(request.path_params["run"])
        if document is None:
            return JSONResponse({"error": "there is no report of such a stress run"}, 404)
        return Response(json.dumps(document), media_type="application/json")

    async def failed(self, _: Request, error: Exception) -> Response:
        """What nobody foresaw, said in one line; the guard logs it."""
        return JSONResponse({"error": f"the panel failed at this: {error}"}, 500)

    # the WebSocket

    async def _socket(self, socket: WebSocket) -> None:
        await socket.accept()
        if len(self._hub.clients) >= MOST_CLIENTS:
            self._hub.log.warn("a panel was turned away: too many are open")
            await socket.close(_TRY_AGAIN, f"{MOST_CLIENTS} panels are open; close one")
            return
        client = Client(socket, self._hub, self._desk)
        self._hub.add(client)
        client.wake()
        try:
            await client.run()
        finally:
            self._hub.remove(client)


def _whole(asked: Any, key: str, default: int, low: int, high: int) -> int:
    text = asked.get(key, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 12 and low <= int(text) <= high):
        raise RefusedError(f"{key} must be a whole number from {low} to {high}")
    return int(text)


def application(
    session: Session,
    hub: Hub,
    desk: Desk,
    *,
    token: str,
    bound: str,
    port: Any,
    password: str | None,
    log: QuietLog,
) -> tuple[Guard, Starlette]:
    """The guarded ASGI application, and what is behind the guard."""
    made = Application(session, hub, desk, password)
    app = Starlette(routes=made.routes(), lifespan=made.lifespan, exception_handlers={Exception: made.failed})
    made.guard = Guard(app, token=token, bound=bound, port=port, has_password=password is not None, log=log)
    return made.guard, app
