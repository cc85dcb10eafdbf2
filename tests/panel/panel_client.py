"""What the panel's tests share: a served panel, a WebSocket that waits for what it wants, raw HTTP."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from sim.panel.serve import Panel, serve

TOKEN = "a-token-that-tests-know"


@contextmanager
def served(session: Any, **options: Any):
    options.setdefault("token", TOKEN)
    panel = serve(session, **options)
    try:
        yield panel
    finally:
        panel.close()


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def get(
    panel: Panel, path: str, *, token: str | None = TOKEN, method: str = "GET", body: bytes = b"", **headers
):
    """A request whose path and headers are sent as they are."""
    connection = http.client.HTTPConnection("127.0.0.1", panel.port, timeout=10)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        wanted = {"Host": f"127.0.0.1:{panel.port}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        if token is not None:
            wanted["Authorization"] = f"Bearer {token}"
        if body:
            wanted["Content-Length"] = str(len(body))
        for name, value in wanted.items():
            connection.putheader(name, value)
        connection.endheaders(body or None)
        answer = connection.getresponse()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()


@dataclass
class Talk:
    """A WebSocket; ``state`` is what all states so far make, ``heard`` every message."""

    socket: ClientConnection
    heard: list[Any] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=dict)

    def send(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def next(self, timeout: float = 5.0) -> Any:
        data = self.socket.recv(timeout)
        message = data if isinstance(data, bytes) else json.loads(data)
        self.heard.append(message)
        if isinstance(message, dict) and message["t"] == "state":
            self._merge(message)
        return message

    def _merge(self, message: dict[str, Any]) -> None:
        for key, value in message.items():
            if isinstance(value, dict) and isinstance(self.state.get(key), dict) and key != "alert":
                merged = {**self.state[key], **value}
                self.state[key] = {k: v for k, v in merged.items() if v is not None or key != "pads"}
            else:
                self.state[key] = value

    def until(self, wanted: Callable[[Any], bool], timeout: float = 5.0) -> Any:
        end = time.monotonic() + timeout
        while True:
            message = self.next(max(0.01, end - time.monotonic()))
            if wanted(message):
                return message

    def kind(self, kind: str, timeout: float = 5.0) -> Any:
        return self.until(lambda one: isinstance(one, dict) and one["t"] == kind, timeout)

    def ask(self, timeout: float = 10.0, **message: Any) -> Any:
        """Send with an id and return the answer to it."""
        number = len(self.heard) + 1_000
        self.send(**message, id=number)
        return self.until(lambda one: isinstance(one, dict) and one.get("id") == number, timeout)

    def until_state(self, wanted: Callable[[dict[str, Any]], bool], timeout: float = 5.0) -> dict[str, Any]:
        end = time.monotonic() + timeout
        while not wanted(self.state):
            self.next(max(0.01, end - time.monotonic()))
        return self.state

    def closed(self, timeout: float = 5.0) -> int:
        """Reads on until the server has closed; the code."""
        try:
            self.until(lambda _: False, timeout)
        except ConnectionClosed as error:
            return error.rcvd.code if error.rcvd else 1006
        raise AssertionError


@contextmanager
def talk(panel: Panel, *, token: str | None = TOKEN, host: str | None = None, **options: Any):
    query = "" if token is None else f"?token={token}"
    address = f"ws://127.0.0.1:{panel.port}/ws{query}"
    headers = options.pop("additional_headers", {})
    with connect(
        address, additional_headers=headers, open_timeout=5, close_timeout=0.2, compression=None, **options
    ) as socket:
        yield Talk(socket)
