"""Who is let in: Host, Origin, token, password; where nobody gets to; what a flood does."""

from __future__ import annotations

import json
import socket
import time
from urllib.parse import urlencode

import pytest
from fake_session import FakeSession, tone_folder
from panel_client import TOKEN, get, served, talk
from websockets.exceptions import ConnectionClosed, InvalidStatus

from sim.errors import InputError
from sim.panel.guard import is_loopback, same
from sim.panel.serve import serve


@pytest.fixture(scope="module")
def session(tmp_path_factory) -> FakeSession:
    folder = tmp_path_factory.mktemp("cards")
    (folder / "secret.txt").write_text("nobody may read this")
    return FakeSession(tone_folder(folder / "kit"))


@pytest.fixture(scope="module")
def panel(session):
    with served(session) as panel:
        yield panel


def refused(panel, **options) -> int:
    with pytest.raises(InvalidStatus) as error, talk(panel, **options):
        pass
    return error.value.response.status_code


# the token

PATHS = [
    "/",
    "/api/status",
    "/api/card",
    "/api/files",
    "/api/peaks?path=/A/01%20kick.wav",
    "/api/findings",
    "/api/log",
    "/api/stress/1",
    "/api/stress/1.json",
    "/nothing",
    "/ws",
]


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_told_without_the_token(panel, path) -> None:
    for token in (None, "wrong", TOKEN[:-1], TOKEN + "x", ""):
        answer = get(panel, path, token=token)
        assert answer.status == 403
        assert TOKEN not in answer.body.decode()
        assert "set-cookie" not in answer.headers


def test_no_websocket_opens_without_the_token(panel) -> None:
    assert refused(panel, token=None) == 403
    assert refused(panel, token="wrong") == 403


def test_the_address_lets_in_and_leaves_a_cookie(panel) -> None:
    answer = get(panel, f"/?token={TOKEN}", token=None)
    assert answer.status == 200
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    pair = cookie.partition(";")[0]
    assert get(panel, "/api/status", token=None, Cookie=pair).status == 200
    assert get(panel, "/", token=None, Cookie=pair).status == 200
    with talk(panel, token=None, additional_headers={"Cookie": pair}) as client:
        assert client.next()["t"] == "hello"
    other = pair.replace(str(panel.port), str(panel.port + 1))
    assert get(panel, "/api/status", token=None, Cookie=other).status == 403


def test_a_token_is_new_each_time_and_long(session) -> None:
    with served(session, token=None) as one, served(session, token=None) as two:
        assert one.token != two.token
        assert len(one.token) >= 43
        assert one.address == f"http://127.0.0.1:{one.port}/?token={one.token}"
        assert get(one, "/api/status", token=one.token).status == 200
        assert get(one, "/api/status", token=two.token).status == 403


def test_tokens_are_compared_whatever_they_hold() -> None:
    assert same(TOKEN, TOKEN)
    assert not same("", TOKEN)
    assert not same("ä\ud800" * 1_000, TOKEN)
    assert not same(TOKEN + "\0", TOKEN)


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer"},
        {"Authorization": "Basic " + TOKEN},
        {"Authorization": "\xff\xfe"},
        {"Cookie": "benchpad_={};" * 1_000},
        {"Cookie": 'a="\\777"; =;;=,'},
        {"Cookie": "benchpad_1=\x01"},
    ],
    ids=lambda one: str(one)[:40],
)
def test_broken_headers_are_refused_quietly(panel, headers) -> None:
    assert get(panel, "/api/status", token=None, **headers).status in (400, 403)


def test_a_query_of_many_tokens_is_refused(panel) -> None:
    assert get(panel, "/api/status?" + "token=x&" * 500 + f"token={TOKEN}", token=None).status in (
        400,
        403,
        414,
    )
    assert get(panel, "/api/status?token=%ff%00", token=None).status == 403


# where it comes from


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1",
        "127.0.0.1:1",
        "localhost.evil:{port}",
        "127.0.0.1.nip.io:{port}",
        "10.0.0.1:{port}",
        "[::1:{port}",
        "",
        ":{port}",
        "127.0.0.1:{port}:{port}",
    ],
)
def test_another_host_is_refused(panel, host) -> None:
    host = host.replace("{port}", str(panel.port))
    for path in ("/api/status", "/", "/static/index.html"):
        assert get(panel, path, Host=host).status in (400, 403)


@pytest.mark.parametrize("host", ["localhost", "LocalHost", "127.0.0.1", "[::1]"])
def test_own_names_are_taken(panel, host) -> None:
    assert get(panel, "/api/status", Host=f"{host}:{panel.port}").status == 200


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "https://127.0.0.1:{port}",
        "http://127.0.0.1",
        "http://localhost:{port}",
        "http://127.0.0.1:1",
        "file://",
        "http://127.0.0.1:{port}.evil.example",
    ],
)
def test_another_origin_is_refused(panel, origin) -> None:
    origin = origin.replace("{port}", str(panel.port))
    assert get(panel, "/api/status", Origin=origin).status == 403
    assert refused(panel, origin=origin) == 403


def test_the_own_origin_is_taken(panel) -> None:
    with talk(panel, origin=f"http://127.0.0.1:{panel.port}") as client:
        assert client.next()["t"] == "hello"


# what every answer carries


@pytest.mark.parametrize(
    "path", [f"/?token={TOKEN}", "/api/status", "/api/nothing", "/static/nothing", "/static/index.html"]
)
def test_every_answer_is_sealed(panel, path) -> None:
    headers = get(panel, path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "server" not in headers
    assert ("no-store" in headers.get("cache-control", "")) != path.startswith("/static/")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_is_changed_by_a_request(panel, method) -> None:
    for path in ("/", "/api/status", "/api/card", "/static/index.html"):
        assert get(panel, path, method=method, body=b"{}").status == 405


# paths

OUTSIDE = [
    "/../secret.txt",
    "/A/../../secret.txt",
    "/%2e%2e/secret.txt",
    "/..%2fsecret.txt",
    "/..\\secret.txt",
    "//../secret.txt",
    "secret.txt",
    "../secret.txt",
    "/A/%00",
    "C:/secret.txt",
    "/A/..%2f..%2fsecret.txt",
    "file:///etc/passwd",
    "/etc/passwd",
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_path_leads_out_of_the_card(panel, session, path) -> None:
    for what in (f"/api/peaks?path={path}", f"/api/files?folder={path}"):
        answer = get(panel, what)
        assert answer.status in (400, 404, 409)
        assert b"nobody may read" not in answer.body
    with talk(panel) as client:
        for message in ({"t": "audition", "path": path}, {"t": "assign", "path": path, "bank": 0, "pad": 1}):
            assert client.ask(**message)["t"] == "error"
    assert not [one for one in session.calls if one[0] == "audition"]


def test_a_link_out_of_the_cards_folder_is_not_on_the_card(tmp_path) -> None:
    (tmp_path / "secret.wav").write_bytes((tone_folder(tmp_path / "kit") / "A" / "01 kick.wav").read_bytes())
    (tmp_path / "kit" / "A" / "out.wav").symlink_to(tmp_path / "secret.wav")
    (tmp_path / "kit" / "up").symlink_to(tmp_path)
    with served(FakeSession(tmp_path / "kit")) as panel:
        assert get(panel, "/api/peaks?path=/A/out.wav").status == 404
        assert get(panel, "/api/files?folder=/up").status == 404
        assert b"secret" not in get(panel, "/api/files?search=wav").body


@pytest.mark.parametrize(
    "path",
    [
        "/static/../serve.py",
        "/static/..%2fserve.py",
        "/static/%2e%2e/serve.py",
        "/static//etc/passwd",
        "/static/....//serve.py",
        "/static/..\\serve.py",
        "/static/%00",
        "/login/../api/status",
    ],
)
def test_the_pages_files_are_all_that_is_served(panel, path) -> None:
    answer = get(panel, path, token=None)
    assert answer.status in (400, 403, 404)
    assert b"import" not in answer.body


# hostile clients


def test_hostile_messages_are_answered_and_then_the_connection_is_closed(panel, caplog) -> None:
    with talk(panel) as client:
        client.kind("hello")
        for number in range(60):
            try:
                client.socket.send("{" * (number + 1))
            except ConnectionClosed:
                break
        assert client.closed() == 1008
    errors = [one for one in client.heard if one["t"] == "error"]
    assert 1 <= len(errors) <= 52
    assert len(caplog.records) < 40
    with talk(panel) as client:
        assert client.kind("hello")


def test_bytes_and_huge_messages_are_refused(panel) -> None:
    with talk(panel) as client:
        client.socket.send(b"\0" * 100)
        assert "text" in client.kind("error")["text"]
        client.socket.send("x" * 5_000)
        assert "4096" in client.kind("error")["text"]
    with talk(panel) as client:
        client.socket.send("x" * (1 << 20))
        assert client.closed() in (1009, 1006)


def test_a_flood_is_bounded_and_lets_go(panel, session) -> None:
    session.calls.clear()
    with talk(panel) as client:
        client.kind("hello")
        press = json.dumps({"t": "press", "bank": 0, "pad": 1})
        began = time.monotonic()
        try:
            for _ in range(20_000):
                client.socket.send(press)
        except ConnectionClosed:
            pass
        assert client.closed(20) == 1008
        assert time.monotonic() - began < 20
    until = time.monotonic() + 5
    while ("release", 0, 1) not in session.calls and time.monotonic() < until:
        time.sleep(0.01)
    assert session.calls.count(("release", 0, 1)) == 1  # what it held was let go, once
    assert session.calls.count(("press", 0, 1, 127)) < 20_000
    assert get(panel, "/api/status").status == 200


def test_many_clients_are_turned_away(panel) -> None:
    from contextlib import ExitStack  # noqa: PLC0415

    with ExitStack() as stack:
        for _ in range(16):
            stack.enter_context(talk(panel)).kind("hello")
        with talk(panel) as late:
            assert late.closed() == 1013
    with talk(panel) as client:
        assert client.kind("hello")


def test_half_a_request_does_not_stop_others(panel) -> None:
    with socket.create_connection(("127.0.0.1", panel.port)) as slow:
        slow.sendall(b"GET /api/status HTTP/1.1\r\nHost: ")
        assert get(panel, "/api/status").status == 200
    for rubbish in (b"\0" * 1_000, b"GET " + b"/" * 100_000, b"\x16\x03\x01", b"GET / HTTP/9.9\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", panel.port)) as one:
            try:
                one.sendall(rubbish)
            except OSError:
                continue
    assert get(panel, "/api/status").status == 200


# other addresses


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "somewhere.example"])
def test_another_bind_needs_a_password(session, host) -> None:
    with pytest.raises(InputError, match="--panel-password"):
        serve(session, host=host)
    with pytest.raises(InputError, match="too short"):
        serve(session, host=host, password="short")


def test_addresses_that_are_not_here_are_refused(session) -> None:
    with pytest.raises(InputError, match=r"--panel|no address"):
        serve(session, host="192.0.2.1", password="long enough")
    with served(session) as panel, pytest.raises(InputError, match="choose another --panel"):
        serve(session, port=panel.port)


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.example", False),
        ("", False),
    ],
)
def test_what_is_loopback(host, here) -> None:
    assert is_loopback(host) is here


def test_the_password_lets_in_and_guessing_does_not(session) -> None:
    with served(session, host="0.0.0.0", password="correct horse") as panel:
        assert get(panel, "/", token=None).headers["location"] == "/login"
        assert get(panel, "/api/status", token=None).status == 403
        assert b'type="password"' in get(panel, "/login", token=None).body
        origin = {"Origin": f"http://127.0.0.1:{panel.port}"}
        right = get(panel, "/login", token=None, method="POST", body=b"password=correct+horse", **origin)
        assert right.status == 303
        pair = right.headers["set-cookie"].partition(";")[0]
        assert get(panel, "/api/status", token=None, Cookie=pair).status == 200
        foreign = {"Origin": "http://evil.example"}
        assert (
            get(panel, "/login", token=None, method="POST", body=b"password=correct+horse", **foreign).status
            == 403
        )
        for _ in range(5):
            wrong = get(panel, "/login", token=None, method="POST", body=b"password=wrong")
            assert "set-cookie" not in wrong.headers
        late = get(panel, "/login", token=None, method="POST", body=b"password=correct+horse")
        assert late.status == 429
        assert "set-cookie" not in late.headers
        huge = get(panel, "/login", token=None, method="POST", body=b"password=" + b"x" * 100_000)
        assert huge.status in (413, 429)


def test_a_long_password_lets_in_and_one_too_long_is_refused_at_once(session) -> None:
    long = "long " + "ä" * 160 + "end"
    with served(session, host="0.0.0.0", password=long) as panel:
        body = urlencode({"password": long}).encode()
        assert "set-cookie" in get(panel, "/login", token=None, method="POST", body=body).headers
        cut = urlencode({"password": long[:-1]}).encode()
        assert "set-cookie" not in get(panel, "/login", token=None, method="POST", body=cut).headers
    with pytest.raises(InputError, match="too long"):
        serve(session, host="0.0.0.0", password="x" * 1_001)


@pytest.mark.parametrize("body", [b"a=1&b=2&c=3&d=4&e=5&password=correct+horse", b"password=\xff"])
def test_a_form_of_another_shape_is_refused(session, body) -> None:
    with served(session, host="0.0.0.0", password="correct horse") as panel:
        assert get(panel, "/login", token=None, method="POST", body=body).status == 400


def test_an_open_panel_still_knows_its_names(session) -> None:
    with served(session, host="0.0.0.0", password="correct horse") as panel:
        for host in ("127.0.0.1", "10.1.2.3", "[fe80::1]", socket.gethostname()):
            assert get(panel, "/api/status", Host=f"{host}:{panel.port}").status == 200
        assert get(panel, "/api/status", Host=f"evil.example:{panel.port}").status == 403


def test_there_is_no_login_without_a_password(panel) -> None:
    assert get(panel, "/login", token=None).status == 404
    assert get(panel, "/login", token=None, method="POST", body=b"password=").status == 404


@pytest.mark.parametrize(
    ("name", "kind"),
    [("js/main.js", "text/javascript"), ("css/base.css", "text/css"), ("icon.svg", "image/svg+xml")],
)
def test_the_pages_files_are_what_browsers_take_them_for(panel, name, kind) -> None:
    answer = get(panel, f"/static/{name}", token=None)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith(kind)
    assert answer.headers["cache-control"] == "no-cache"
