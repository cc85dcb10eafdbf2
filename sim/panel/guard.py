"""Who may come in: Host, Origin and token are looked at before anything else sees a request."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import socket
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sim.panel.limits import QuietLog

OPEN = ("/static/", "/login")  # what needs no token: the page's own files hold no secret
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
_POLICY = (
    "default-src 'self'; connect-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer a form's Origin would be null
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def new_token() -> str:
    """256 bits that nobody can guess, for an address."""
    return secrets.token_urlsafe(32)


def is_loopback(host: str) -> bool:
    """Whether a server bound to ``host`` can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def same(given: str, secret: str) -> bool:
    """Whether two texts are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(_digest(given), _digest(secret))


def _digest(text: str) -> bytes:
    """Of one length whatever the text's is."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


class Guard:
    """Lets requests through to ``app``. ``bound`` is the address that the server is bound to.

    ``port`` is asked when a request comes, as it is known only then. With ``has_password`` a browser that has
    no token is sent to the form at /login.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        token: str,
        bound: str,
        port: Callable[[], int],
        has_password: bool,
        log: QuietLog,
    ) -> None:
        self._app, self._token, self._bound, self._port = app, token, bound, port
        self._has_password, self._log = has_password, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, refuse or hand on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is None:
            try:
                await self._app(scope, receive, self._sealed(scope, send, headers))
            except Exception as error:  # what nobody foresaw; the panel goes on
                self._log.warn(f"{scope['path'][:80]} failed: {type(error).__name__}: {error}")
            return
        if scope["type"] == "websocket":
            await receive()
        await refusal(scope, receive, self._sealed(scope, send, headers))

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """What to answer instead; None where all is well."""
        host = headers.get("host", "")
        if not self._is_own(host) or len(headers.getlist("host")) != 1:
            return self._refuse(scope, "the Host is not this server's")
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{host}":
            return self._refuse(scope, "the Origin is not this server's page")
        path: str = scope["path"]
        if path.startswith(OPEN) or self._shows_token(scope, headers):
            return None
        if self._has_password and path == "/" and scope["type"] == "http":
            return RedirectResponse("/login", 303)
        return self._refuse(scope, "the token is wrong or missing: open the address that benchpad printed")

    def _refuse(self, scope: Scope, why: str) -> Response:
        self._log.warn(f"refused {scope['type']} {scope['path'][:80]} from {_peer(scope)}: {why}")
        if scope["path"].startswith("/api/"):
            return JSONResponse({"error": why}, 403)
        return PlainTextResponse(why + "\n", 403)

    def _is_own(self, host: str) -> bool:
        """Whether a Host header names this server: a name that another could point here is not enough."""
        name, colon, port = host.rpartition(":")
        if not colon or name.endswith(":") or "]" in port:
            name, port = host, "80"
        if port != str(self._port()):
            return False
        name = name.lower()
        if name in _LOOPBACK_NAMES:
            return True
        if is_loopback(self._bound):
            return False
        return _is_address(name) or name in (self._bound.lower(), *_own_names())

    def _shows_token(self, scope: Scope, headers: Headers) -> bool:
        return any(same(one, self._token) for one in self._tokens(scope, headers))

    def _tokens(self, scope: Scope, headers: Headers) -> list[str]:
        found = [value for key, value in _query(scope) if key == "token"]
        scheme, _, value = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            found.append(value.strip())
        return [*found[:4], *_cookie(headers, self.cookie_name)]

    @property
    def cookie_name(self) -> str:
        """Cookies do not tell ports apart, so the name does."""
        return f"benchpad_{self._port()}"

    def cookie(self) -> str:
        """The Set-Cookie header that lets a browser in."""
        return f"{self.cookie_name}={self._token}; HttpOnly; SameSite=Strict; Path=/"

    def _sealed(self, scope: Scope, send: Send, headers: Headers) -> Send:
        """``send`` with what every answer carries."""
        by_address = any(key == "token" for key, _ in _query(scope)) and scope["path"] == "/"

        async def sealed(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                answer = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    answer.setdefault(name, value)
                own_file = scope["path"].startswith("/static/")
                answer["Cache-Control"] = "no-cache" if own_file else "no-store"
                if by_address and message["status"] == 200:
                    answer.append("Set-Cookie", self.cookie())
            await send(message)

        return sealed


def _query(scope: Scope) -> list[tuple[str, str]]:
    try:
        return parse_qsl(scope.get("query_string", b"").decode("ascii"), max_num_fields=20)
    except ValueError:  # not ASCII, or too many fields
        return []


def _cookie(headers: Headers, name: str) -> list[str]:
    try:
        found = SimpleCookie(headers.get("cookie", "")[:8_192]).get(name)
    except CookieError:
        return []
    return [] if found is None else [found.value]


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _own_names() -> tuple[str, ...]:
    own = socket.gethostname().lower()
    return own, f"{own.partition('.')[0]}.local"
